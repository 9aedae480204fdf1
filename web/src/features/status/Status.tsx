/* Status.tsx - the server: whether it is well, and every figure of it. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { buildInfo } from "@/api/loki";
import { Failed } from "@/components/Failed";
import { Banner, Notice } from "@/components/Notice";
import { useStatus } from "@/features/dashboards/useStatus";
import { formatAgo } from "@/lib/ago";
import { formatBytes, formatCount, formatPercent } from "@/lib/format";
import { later } from "@/stringsLater";
import "@/styles/pages.css";
import "@/styles/operate.css";

const text = later.status;

/* Figures that should be zero; what a number above it means is said. */
const TROUBLES = ["store.bad_chunks_total", "queue.corrupt_frames", "ingest.no_room", "store.merge_failures_total", "dead_letters.lost_total"] as const;

function formatFigure(name: string, value: number): string {
  if (name.endsWith("start_time_seconds")) return new Date(value * 1_000).toLocaleString();
  return name.includes("bytes") ? formatBytes(value) : formatCount(value);
}

export function Status() {
  const status = useStatus();
  const info = useQuery({ queryKey: ["build-info"], queryFn: ({ signal }) => buildInfo(signal) });
  const [filter, setFilter] = useState("");
  const figures = status.data?.figures ?? {};
  const of = (name: string) => figures[name] ?? 0;
  const troubles = TROUBLES.filter((name) => of(name) > 0);
  const names = Object.keys(figures);
  const groups = [...new Set(names.map((name) => name.split(".")[0] ?? ""))];
  const limit = of("memory.budget_limit_bytes");
  const cards: [string, string][] = [
    [text.version, `${status.data?.version ?? ""} ${info.data?.revision ?? ""}`.trim()],
    [text.uptime, formatAgo(Date.now() - of("process.start_time_seconds") * 1_000)],
    [text.memory, `${formatBytes(of("process.resident_memory_bytes"))}${limit > 0 ? ` · ${formatPercent(of("memory.budget_used_bytes") / limit)} ${text.ofLimit}` : ""}`],
    [text.stored, `${formatBytes(of("store.segment_bytes"))} · ${formatCount(of("store.segments"))} ${text.segments}`],
  ];
  return (
    <main className="screen page">
      <div className="page-head">
        <h1>{text.title}</h1>
        {status.data && !status.error && (
          <span className={`state ${troubles.length > 0 ? "state-silent" : "state-sending"}`}>{troubles.length > 0 ? text.trouble : text.well}</span>
        )}
        <span className="spacer" />
        <input type="search" aria-label={text.filter} placeholder={text.filter} value={filter} onChange={(event) => setFilter(event.target.value)} />
      </div>
      {status.error && status.data && <Banner icon="offline">{status.error.message}</Banner>}
      {troubles.map((name) => (
        <Banner key={name} icon="warning">
          {text.troubles[name]} ({formatCount(of(name))})
        </Banner>
      ))}
      {status.error && !status.data ? (
        <Failed error={status.error} onAgain={() => void status.refetch()} />
      ) : !status.data ? (
        <Notice icon="status" title={text.loading} />
      ) : (
        <div className="page-body" tabIndex={0} role="group" aria-label={text.title}>
          <dl className="cards">
            {cards.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <div className="figure-groups">
            {groups.map((group) => {
              const shown = names.filter((name) => name.startsWith(`${group}.`) && name.includes(filter.toLowerCase()));
              return (
                shown.length > 0 && (
                  <section key={group} aria-label={group}>
                    <h2>{group}</h2>
                    <dl>
                      {shown.map((name) => (
                        <div key={name}>
                          <dt className="mono">{name.slice(group.length + 1)}</dt>
                          <dd title={String(of(name))}>{formatFigure(name, of(name))}</dd>
                        </div>
                      ))}
                    </dl>
                  </section>
                )
              );
            })}
          </div>
        </div>
      )}
    </main>
  );
}
