/* DeadLetters.tsx - records that could not be processed: looked at, sent again, thrown away. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { listDeadLetters, purgeDeadLetters, redrive, showDeadLetter, type DeadLetter } from "@/api/operate";
import { apiUrl } from "@/api/http";
import type { View } from "@/app/view";
import { useShortcuts } from "@/app/shortcuts";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Icon } from "@/components/Icon";
import { Failed } from "@/components/Failed";
import { Banner, Notice } from "@/components/Notice";
import { Line } from "@/features/rows/Line";
import { formatInputTime } from "@/lib/clock";
import { formatBytes } from "@/lib/format";
import { later } from "@/stringsLater";
import "@/styles/pages.css";
import "@/styles/operate.css";

const text = later.dead;
const NO_NEEDLES: readonly RegExp[] = [];
const TEXT_CHARS = 300;
const DETAIL_CHARS = 20_000;

export function DeadLetters({ view }: { view: View }) {
  const client = useQueryClient();
  const answer = useInfiniteQuery({
    queryKey: ["dead"],
    queryFn: ({ pageParam, signal }) => listDeadLetters(pageParam, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next,
    staleTime: 0,
  });
  const [openId, setOpenId] = useState<string>();
  const [asking, setAsking] = useState(false);
  const [said, setSaid] = useState<string>();
  const fresh = () => void client.invalidateQueries({ queryKey: ["dead"] });
  const failed = (why: Error) => setSaid(why.message);
  const sendAgain = useMutation({
    mutationFn: redrive,
    onSuccess: ({ redriven, refused, errors }) => setSaid(text.redriven(redriven, refused, errors[0])),
    onError: failed,
    onSettled: fresh,
  });
  const purge = useMutation({
    mutationFn: purgeDeadLetters,
    onSuccess: (_, id) => setSaid(id === undefined ? text.purged : undefined),
    onError: failed,
    onSettled: fresh,
  });
  useShortcuts({ r: fresh });
  const letters = answer.data?.pages.flatMap((page) => page.letters) ?? [];
  const busy = sendAgain.isPending || purge.isPending;
  return (
    <main className="screen page">
      <div className="page-head">
        <h1>{text.title}</h1>
        <span className="spacer" />
        {letters.length > 0 &&
          (asking ? (
            <>
              <Button
                className="problem"
                autoFocus
                onClick={() => {
                  setAsking(false);
                  purge.mutate(undefined);
                }}
              >
                {text.reallyPurge}
              </Button>
              <Button onClick={() => setAsking(false)}>{text.keep}</Button>
            </>
          ) : (
            <>
              <Button icon="trash" disabled={busy} onClick={() => setAsking(true)}>
                {text.purgeAll}
              </Button>
              <Button icon="refresh" kind="primary" disabled={busy} onClick={() => sendAgain.mutate(undefined)}>
                {text.redriveAll}
              </Button>
            </>
          ))}
      </div>
      {said && <Banner icon="warning">{said}</Banner>}
      {answer.error && answer.data && <Banner icon="offline">{answer.error.message}</Banner>}
      {answer.error && !answer.data ? (
        <Failed error={answer.error} onAgain={() => void answer.refetch()} />
      ) : letters.length === 0 ? (
        <Notice icon={answer.isPending ? "dead" : "check"} title={answer.isPending ? text.loading : text.none}>
          {!answer.isPending && <p>{text.noneHelp}</p>}
        </Notice>
      ) : (
        <div className="page-table" tabIndex={0} role="group" aria-label={text.list}>
          <ul className="letters" aria-label={text.title}>
            {letters.map((one) => (
              <Letter
                key={one.id}
                one={one}
                zone={view.zone}
                open={one.id === openId}
                busy={busy}
                onOpen={() => setOpenId(one.id === openId ? undefined : one.id)}
                onRedrive={() => sendAgain.mutate(one.id)}
                onPurge={() => purge.mutate(one.id)}
              />
            ))}
          </ul>
          {answer.hasNextPage && (
            <p className="page-hint">
              <Button onClick={() => void answer.fetchNextPage()} disabled={answer.isFetching}>
                {text.more}
              </Button>
            </p>
          )}
        </div>
      )}
    </main>
  );
}

interface LetterProps {
  one: DeadLetter;
  zone: string;
  open: boolean;
  busy: boolean;
  onOpen: () => void;
  onRedrive: () => void;
  onPurge: () => void;
}

function Letter({ one, zone, open, busy, onOpen, onRedrive, onPurge }: LetterProps) {
  return (
    <li className={open ? "letter-open" : undefined}>
      <button type="button" className="letter" aria-expanded={open} onClick={onOpen}>
        <Icon name={open ? "chevronDown" : "chevronRight"} size={12} />
        <span className="mono dim">{formatInputTime(one.timeMs, zone)}</span>
        <b>{one.reason}</b>
        <span className="dim">{one.door}</span>
        <code>
          <Line line={one.text} needles={NO_NEEDLES} charsMax={TEXT_CHARS} />
        </code>
        <span className="dim">{formatBytes(one.size)}</span>
      </button>
      {open && (
        <div className="letter-detail">
          <p>{one.why}</p>
          <Whole id={one.id} />
          <p className="letter-actions">
            <Button icon="refresh" disabled={busy || one.cut} title={one.cut ? text.cut : text.redriveTitle} onClick={onRedrive}>
              {text.redrive}
            </Button>
            <a className="button" href={apiUrl(`api/v1/dlq/${one.id}`, { raw: "true" }).href} download={`dead-letter-${one.id}`}>
              <Icon name="download" /> {text.raw}
            </a>
            <CopyButton text={one.id} title={text.copyId}>
              {text.copyId}
            </CopyButton>
            <Button icon="trash" disabled={busy} onClick={onPurge}>
              {text.purge}
            </Button>
          </p>
        </div>
      )}
    </li>
  );
}

function Whole({ id }: { id: string }) {
  const answer = useQuery({ queryKey: ["letter", id], queryFn: ({ signal }) => showDeadLetter(id, signal) });
  if (!answer.data) return <p className="hint">{answer.error?.message ?? text.loading}</p>;
  const { text: all, record } = answer.data;
  return (
    <>
      <pre className="mono" tabIndex={0}>
        <Line line={all} needles={NO_NEEDLES} charsMax={DETAIL_CHARS} codes />
      </pre>
      {record !== undefined && <pre className="mono" tabIndex={0}>{JSON.stringify(record, null, 2).slice(0, DETAIL_CHARS)}</pre>}
    </>
  );
}
