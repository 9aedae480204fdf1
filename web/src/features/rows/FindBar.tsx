import { useDeferredValue, useEffect, useMemo, useRef, useState, type KeyboardEvent } from "react";
import type { Row } from "@/api/rows";
import { Button } from "@/components/Button";
import { formatCount } from "@/lib/format";
import { literalNeedle } from "@/logql/needles";
import { strings } from "@/strings";

const text = strings.find;

export interface Find {
  open: boolean;
  show: () => void;
  close: () => void;
  typed: string;
  setTyped: (typed: string) => void;
  needle: RegExp | undefined;
  found: readonly number[];
}

/* Searches the lines that are held: a document with a window of rows in it cannot be searched by the browser. */
export function useFind(rows: readonly Row[]): Find {
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState("");
  const wanted = useDeferredValue(open ? typed : "");
  const needle = useMemo(() => literalNeedle(wanted), [wanted]);
  const found = useMemo(() => {
    if (!needle) return [];
    const once = new RegExp(needle.source, "i");
    return rows.flatMap((row, i) => (once.test(row.line) ? [i] : []));
  }, [rows, needle]);
  return { open, show: () => setOpen(true), close: () => setOpen(false), typed, setTyped, needle, found };
}

/* `onReveal`: the row of this index is to be seen. */
export function FindBar({ find, onReveal }: { find: Find; onReveal: (index: number) => void }) {
  const [at, setAt] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const { found, needle, typed } = find;
  const reveal = useRef(onReveal);
  useEffect(() => {
    reveal.current = onReveal;
  });
  useEffect(() => input.current?.focus(), []);
  const first = found[0];
  useEffect(() => {
    setAt(0);
    if (needle && first !== undefined) reveal.current(first);
    // eslint-disable-next-line react-hooks/exhaustive-deps -- rows that are added do not move the reader
  }, [needle]);
  const go = (step: number) => {
    if (found.length === 0) return;
    const next = (at + step + found.length) % found.length;
    setAt(next);
    reveal.current(found[next] ?? 0);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") find.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <search className="find-bar" onKeyDown={press}>
      <input
        ref={input}
        type="search"
        value={typed}
        placeholder={text.placeholder}
        aria-label={text.placeholder}
        onChange={(event) => find.setTyped(event.target.value)}
      />
      <span className="dim" role="status">
        {needle && (found.length === 0 ? text.none : text.of(formatCount(at + 1), formatCount(found.length)))}
      </span>
      <Button kind="quiet" icon="up" title={text.previous} onClick={() => go(-1)} />
      <Button kind="quiet" icon="down" title={text.next} onClick={() => go(1)} />
      <Button kind="quiet" icon="close" title={text.close} onClick={find.close} />
    </search>
  );
}
