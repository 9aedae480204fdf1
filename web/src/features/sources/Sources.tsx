/* Sources.tsx - the fleet: who sends, how much, how late, and who has fallen silent. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listSources, type Source } from "@/api/operate";
import { useShortcuts } from "@/app/shortcuts";
import { Button, Segments } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Failed } from "@/components/Failed";
import { Banner, Notice } from "@/components/Notice";
import { formatBytes, formatCompact, formatCount, formatValue } from "@/lib/format";
import { isSilent } from "@/lib/silence";
import { formatAgo } from "@/lib/ago";
import { later } from "@/stringsLater";
import "@/styles/pages.css";
import "@/styles/operate.css";

const text = later.sources;
const EVERY_MS = 5_000;
const SHOWN_MAX = 500;
const LATE_SECONDS = 60;
const AHEAD_SECONDS = -5;
const SHOWN = ["all", "silent", "errors"] as const;
type Shown = (typeof SHOWN)[number];
type State = "sending" | "quiet" | "silent";

const COLUMNS = ["state", "client", "agent", "door", "perSecond", "lagSeconds", "lastMs", "records", "bytes", "errors"] as const;
type Column = (typeof COLUMNS)[number];
const NUMBERS: readonly Column[] = ["perSecond", "lagSeconds", "lastMs", "records", "bytes", "errors"];

interface Known extends Source {
  state: State;
}

const stateOf = (source: Source, now: number): State =>
  isSilent(source, now) ? "silent" : source.perSecond > 0 ? "sending" : "quiet";
const RANK: Record<State, number> = { silent: 0, quiet: 1, sending: 2 };

export function Sources() {
  const answer = useQuery({
    queryKey: ["sources"],
    queryFn: ({ signal }) => listSources(signal),
    refetchInterval: EVERY_MS,
    staleTime: 0,
  });
  const [shown, setShown] = useState<Shown>("all");
  const [filter, setFilter] = useState("");
  const [order, setOrder] = useState<{ by: Column; down: boolean }>({ by: "lastMs", down: true });
  useShortcuts({ r: () => void answer.refetch() });
  const now = Date.now();
  const all: Known[] = (answer.data ?? []).map((one) => ({ ...one, state: stateOf(one, now) }));
  const silent = all.filter((one) => one.state === "silent");
  const wanted = all
    .filter((one) => shown === "all" || (shown === "silent" ? one.state === "silent" : one.errors > 0))
    .filter((one) => `${one.client} ${one.agent} ${one.door}`.toLowerCase().includes(filter.toLowerCase()))
    .sort((a, b) => compare(a, b, order.by) * (order.down ? -1 : 1));
  return (
    <main className="screen page">
      <div className="page-head">
        <h1>{text.title}</h1>
        {answer.data && <span className="dim">{text.count(all.length)}</span>}
        <span className="spacer" />
        <Segments label={text.show} value={shown} onChange={setShown} choices={SHOWN.map((value) => ({ value, text: text.shown[value] }))} />
        <input type="search" aria-label={text.filter} placeholder={text.filter} value={filter} onChange={(event) => setFilter(event.target.value)} />
      </div>
      {silent.length > 0 && (
        <Banner icon="warning">
          {text.silent(silent.length)} {shown !== "silent" && <Button kind="quiet" onClick={() => setShown("silent")}>{text.showSilent}</Button>}
        </Banner>
      )}
      {answer.error && answer.data && <Banner icon="offline">{answer.error.message}</Banner>}
      {answer.error && !answer.data ? (
        <Failed error={answer.error} onAgain={() => void answer.refetch()} />
      ) : all.length === 0 ? (
        <Notice icon="sources" title={answer.isPending ? text.loading : text.none}>
          {!answer.isPending && <p>{text.noneHelp}</p>}
        </Notice>
      ) : (
        <div className="page-table sources" tabIndex={0} role="group" aria-label={text.title}>
          <table>
            <thead>
              <tr>
                {COLUMNS.map((by) => (
                  <th
                    key={by}
                    scope="col"
                    className={NUMBERS.includes(by) ? "number" : undefined}
                    aria-sort={order.by === by ? (order.down ? "descending" : "ascending") : undefined}
                  >
                    <button type="button" onClick={() => setOrder({ by, down: order.by === by ? !order.down : NUMBERS.includes(by) })}>
                      {text.columns[by]}
                      {order.by === by && <Icon name={order.down ? "down" : "up"} size={11} />}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {wanted.slice(0, SHOWN_MAX).map((one) => (
                <SourceRow key={`${one.client} ${one.agent} ${one.door}`} one={one} now={now} />
              ))}
            </tbody>
          </table>
          {wanted.length === 0 && <p className="hint page-hint">{text.noneOfThese}</p>}
          {wanted.length > SHOWN_MAX && <p className="hint page-hint">{text.cut(SHOWN_MAX)}</p>}
        </div>
      )}
    </main>
  );
}

function compare(a: Known, b: Known, by: Column): number {
  if (by === "state") return RANK[a.state] - RANK[b.state];
  const [x, y] = [a[by], b[by]];
  return typeof x === "string" ? x.localeCompare(String(y)) : Number(x) - Number(y);
}

function SourceRow({ one, now }: { one: Known; now: number }) {
  const ahead = one.lagSeconds < AHEAD_SECONDS;
  const late = one.lagSeconds > LATE_SECONDS;
  return (
    <tr>
      <td>
        <span className={`state state-${one.state}`}>{text.states[one.state]}</span>
      </td>
      <td className="mono">{one.client}</td>
      <td>{one.agent || <span className="dim">–</span>}</td>
      <td>{one.door}</td>
      <td className="number" data-name={text.columns.perSecond}>{formatValue(Number(one.perSecond.toPrecision(3)))}</td>
      <td className={`number${late || ahead ? " doubtful" : ""}`} data-name={text.columns.lagSeconds} title={ahead ? text.ahead : late ? text.late : undefined}>
        {formatAgo(Math.abs(one.lagSeconds) * 1_000)}
        {ahead && ` ${text.aheadShort}`}
      </td>
      <td className="number" data-name={text.columns.lastMs} title={new Date(one.lastMs).toLocaleString()}>
        {text.ago(formatAgo(now - one.lastMs))}
      </td>
      <td className="number" data-name={text.columns.records} title={formatCount(one.records)}>
        {formatCompact(one.records)}
      </td>
      <td className="number" data-name={text.columns.bytes}>{formatBytes(one.bytes)}</td>
      <td className={`number${one.errors > 0 ? " problem" : ""}`} data-name={text.columns.errors}>{formatCount(one.errors)}</td>
    </tr>
  );
}
