/*
 * RowList.tsx - log lines, any number of them.
 *
 * Only the rows in the window exist in the document, one below the other in a box that stands where the first belongs.
 * Where all of them make place for others, their elements are used again: to fill them anew is cheaper than to build them.
 * The list is one stop of the Tab key; inside, the arrow keys (or j and k) move, which is what `aria-activedescendant`
 * tells a screen reader. Rows may be added and taken away at both ends: the row at the top of the window stays where it is.
 */
import { measureElement, useVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import {
  useCallback,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
} from "react";
import type { Row } from "@/api/rows";
import { copyText } from "@/components/CopyButton";
import type { Zone } from "@/lib/clock";
import { strings } from "@/strings";
import type { RowActions } from "./RowDetail";
import { RowView, SOURCE_LABEL, type RowStyle } from "./RowView";

const ROW_HEIGHT_PX = 21;
const OVERSCAN_ROWS = 5;
/* Closer than this to an end, the next page is asked for. */
const NEAR_END_ROWS = 60;
const AT_BOTTOM_PX = 30;
const NO_COUNTS: ReadonlyMap<Row, number> = new Map();

/* A height that is not known yet is guessed: reading it here would lay the page out for each row, and the observer of
 * sizes tells it before anything is drawn. */
const heightOf: typeof measureElement = (element, entry, list) =>
  entry
    ? measureElement(element, entry, list)
    : (list.itemSizeCache.get(list.options.getItemKey(list.indexFromElement(element))) ?? ROW_HEIGHT_PX);

type List = Virtualizer<HTMLDivElement, Element>;

/* The keys of the rows' elements. A row keeps its own, since keys that change their order move elements about; when none
 * stays, the keys go to the rows that come, but not those of open rows, whose details have a state. */
function useElementKeys(ids: readonly string[], open: ReadonlySet<string>): readonly number[] {
  const held = useRef<ReadonlyMap<string, number>>(new Map());
  const next = useRef(0);
  const before = held.current;
  const free = ids.some((id) => before.has(id)) ? [] : [...before].filter(([id]) => !open.has(id)).map(([, key]) => key);
  const keys = ids.map((id, i) => before.get(id) ?? free[i] ?? next.current++);
  held.current = new Map(ids.map((id, i) => [id, keys[i] ?? 0]));
  return keys;
}

/* An element that is used again is measured again. */
function Slot({ id, index, list, children }: { id: string; index: number; list: List; children: ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    list.measureElement(box.current);
    return () => void list.elementsCache.delete(id);
  }, [list, id]);
  return (
    <div role="presentation" data-index={index} ref={box}>
      {children}
    </div>
  );
}

export interface RowListHandle {
  focus(): void;
  atTop(): boolean;
  scrollToBottom(): void;
  /* Makes it the active row, in the middle of the window. */
  reveal(id: string): void;
}

interface Props {
  rows: readonly Row[];
  /* How many lines a row stands for, where it is more than one. */
  counts?: ReadonlyMap<Row, number>;
  zone: Zone;
  wrap: boolean;
  needles: readonly RegExp[];
  columns: readonly string[];
  isTable?: boolean;
  /* The row that a permalink points at. */
  pointed?: string | undefined;
  /* The row to be seen after a jump. */
  target?: Row | undefined;
  actions: RowActions;
  onNearStart?: () => void;
  onNearEnd?: () => void;
  /* The first or the last row of everything is wanted, which may not be held. True: it will come. */
  onHome?: () => boolean;
  onEnd?: () => boolean;
  /* The user moved away from the end; following it moves downwards only. */
  onScrolledUp?: () => void;
  head?: ReactNode;
  footer?: ReactNode;
  handle?: Ref<RowListHandle>;
}

export function RowList({ rows, counts = NO_COUNTS, zone, wrap, needles, columns, isTable = false, ...props }: Props) {
  const { pointed, target, actions, onNearStart, onNearEnd, onHome, onEnd, onScrolledUp, head, footer, handle } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [activeId, setActiveId] = useState<string>();
  const showSource = useMemo(
    () => !isTable && new Set(rows.slice(0, 2_000).map((row) => row.labels[SOURCE_LABEL])).size > 1,
    [rows, isTable],
  );
  const style = useMemo<RowStyle>(
    () => ({ zone, needles, columns, showSource, isTable, wrap, actions }),
    [zone, needles, columns, showSource, isTable, wrap, actions],
  );

  const virtual: List = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT_PX,
    getItemKey: useCallback((index: number) => rows[index]?.id ?? index, [rows]),
    overscan: OVERSCAN_ROWS,
    measureElement: heightOf,
  });
  /* The row at the top of the window. Where rows came or went above it, what is drawn is what stands there then: not first
   * the rows of the old place, to be thrown away when the window has followed. */
  const anchor = useRef<{ id: string; index: number; offset: number }>(undefined);
  const height = virtual.getTotalSize();
  const held = anchor.current;
  const top =
    held && rows[held.index]?.id !== held.id
      ? virtual.measurementsCache[rows.findIndex((row) => row.id === held.id)]?.start
      : undefined;
  const movedTo = held && top !== undefined ? top + held.offset : undefined;
  if (movedTo !== undefined) virtual.scrollOffset = movedTo;
  const items = virtual.getVirtualItems();
  const shown = items.flatMap(({ index }) => {
    const row = rows[index];
    return row ? [{ row, index }] : [];
  });
  const keys = useElementKeys(
    shown.map(({ row }) => row.id),
    open,
  );
  const firstShown = items[0]?.index ?? 0;
  const lastShown = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length - NEAR_END_ROWS) onNearEnd?.();
  }, [lastShown, rows.length, onNearEnd]);
  useEffect(() => {
    if (rows.length > 0 && firstShown < NEAR_END_ROWS) onNearStart?.();
  }, [firstShown, rows.length, onNearStart]);

  /* The place is handed in where reading it would lay the page out. */
  const anchorAt = useCallback(
    (top: number) => {
      const item = virtual.getVirtualItemForOffset(top);
      const row = item && rows[item.index];
      anchor.current = row && { id: row.id, index: item.index, offset: top - item.start };
    },
    [virtual, rows],
  );
  useLayoutEffect(() => {
    if (scroller.current && movedTo !== undefined) lastTop.current = scroller.current.scrollTop = movedTo;
    anchorAt(lastTop.current);
  }, [movedTo, anchorAt]);

  /* Heights that were measured belong to the other way of drawing. */
  useEffect(() => {
    virtual.measure();
  }, [wrap, virtual]);

  const reveal = useCallback(
    (id: string, align: "center" | "auto" = "center") => {
      const item = virtual.measurementsCache[rows.findIndex((row) => row.id === id)];
      const box = scroller.current;
      if (!item || !box) return;
      setActiveId(id);
      /* Once and by hand: the virtualizer's own way keeps after its aim while the rows and the reader move. */
      const above = item.start - box.scrollTop;
      const below = item.end - box.scrollTop - box.clientHeight;
      if (align === "center") box.scrollTop = item.start - (box.clientHeight - item.size) / 2;
      else if (above < 0) box.scrollTop += above;
      else if (below > 0) box.scrollTop += below;
    },
    [rows, virtual],
  );
  /* Each is gone to once; afterwards the reader is free. */
  const goneTo = useRef<Row>(undefined);
  const wanted = target ?? (pointed === undefined ? undefined : rows.find((row) => row.id === pointed));
  useEffect(() => {
    if (wanted === undefined || goneTo.current === wanted) return;
    goneTo.current = wanted;
    reveal(pointed !== undefined && rows.some((row) => row.id === pointed) ? pointed : wanted.id);
  }, [wanted, pointed, rows, reveal]);

  useImperativeHandle(
    handle,
    () => ({
      focus: () => grid.current?.focus({ preventScroll: true }),
      atTop: () => (scroller.current?.scrollTop ?? 0) < ROW_HEIGHT_PX,
      scrollToBottom: () => {
        if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
      },
      reveal,
    }),
    [reveal],
  );

  const toggle = useCallback((id: string) => {
    setActiveId(id);
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  }, []);

  const press = (event: KeyboardEvent) => {
    if (event.target !== grid.current || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = rows.findIndex((row) => row.id === activeId);
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT_PX) - 2);
    const moves: Record<string, number> = {
      ArrowDown: at + 1,
      j: at + 1,
      ArrowUp: at - 1,
      k: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: rows.length - 1,
    };
    const row = rows[at];
    if (Object.hasOwn(moves, event.key)) {
      const next = rows[Math.min(Math.max(moves[event.key] ?? 0, 0), rows.length - 1)];
      const comes = (event.key === "Home" && onHome?.()) || (event.key === "End" && onEnd?.());
      if (next && !comes) reveal(next.id, "auto");
    } else if ((event.key === "Enter" || event.key === " ") && row) toggle(row.id);
    else if (event.key === "c" && row) void copyText(row.line);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const scrolled = () => {
    const box = scroller.current;
    if (!box) return;
    anchorAt(box.scrollTop);
    const up = box.scrollTop < lastTop.current && box.scrollHeight - box.scrollTop - box.clientHeight > AT_BOTTOM_PX;
    lastTop.current = box.scrollTop;
    if (up) onScrolledUp?.();
  };

  return (
    <div className={`row-list${wrap ? " row-list-wrap" : ""}`} ref={scroller} onScroll={scrolled}>
      {head}
      <div
        className="row-space"
        ref={grid}
        role="treegrid"
        aria-label={strings.rows.label}
        aria-rowcount={rows.length}
        tabIndex={0}
        aria-activedescendant={activeId && `row-${activeId}`}
        onKeyDown={press}
        style={{ height }}
      >
        <div className="row-window" role="presentation" style={{ transform: `translateY(${items[0]?.start ?? 0}px)` }}>
          {shown.map(({ row, index }, i) => (
            <Slot key={keys[i]} id={row.id} index={index} list={virtual}>
              <RowView
                row={row}
                index={index}
                count={counts.get(row)}
                open={open.has(row.id)}
                active={row.id === activeId}
                pointed={row.id === pointed}
                style={style}
                onToggle={toggle}
              />
            </Slot>
          ))}
        </div>
      </div>
      {footer}
    </div>
  );
}
