/*
 * RowList.tsx - log lines, any number of them.
 *
 * Only the rows in the window exist in the document. The list is one stop of the Tab key; inside, the arrow keys
 * (or j and k) move, which is what `aria-activedescendant` tells a screen reader.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import {
  memo,
  useCallback,
  useEffect,
  useImperativeHandle,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
} from "react";
import type { Row } from "@/api/rows";
import { copyText } from "@/components/CopyButton";
import { Icon } from "@/components/Icon";
import { formatFullTime, formatRowTime, type Zone } from "@/lib/clock";
import { ROW_LINE_CHARS_MAX } from "@/limits";
import { strings } from "@/strings";
import { Line } from "./Line";
import { RowDetail, type FieldFilter } from "./RowDetail";

const ROW_HEIGHT_PX = 21;
const OVERSCAN_ROWS = 12;
const SOURCE_LABEL = "service_name";
/* Closer than this to the end, the next page is asked for. */
const NEAR_END_ROWS = 60;
const AT_BOTTOM_PX = 30;

export interface RowListHandle {
  focus(): void;
  atTop(): boolean;
  scrollToBottom(): void;
}

interface Props {
  rows: readonly Row[];
  zone: Zone;
  wrap: boolean;
  needles: readonly RegExp[];
  onFilter: (filter: FieldFilter) => void;
  onParse: (stage: string) => void;
  onNearEnd?: () => void;
  /* The user moved away from the end; following it moves downwards only. */
  onScrolledUp?: () => void;
  footer?: ReactNode;
  handle?: Ref<RowListHandle>;
}

export function RowList({
  rows,
  zone,
  wrap,
  needles,
  onFilter,
  onParse,
  onNearEnd,
  onScrolledUp,
  footer,
  handle,
}: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const grid = useRef<HTMLDivElement>(null);
  const lastTop = useRef(0);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [activeId, setActiveId] = useState<string>();
  const showSource = useMemo(
    () => new Set(rows.slice(0, 2_000).map((row) => row.labels[SOURCE_LABEL])).size > 1,
    [rows],
  );

  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT_PX,
    getItemKey: useCallback((index: number) => rows[index]?.id ?? index, [rows]),
    overscan: OVERSCAN_ROWS,
  });
  const items = virtual.getVirtualItems();
  const lastShown = items.at(-1)?.index ?? 0;

  useEffect(() => {
    if (rows.length > 0 && lastShown >= rows.length - NEAR_END_ROWS) onNearEnd?.();
  }, [lastShown, rows.length, onNearEnd]);

  /* Heights that were measured belong to the other way of drawing. */
  useEffect(() => {
    virtual.measure();
  }, [wrap, virtual]);

  useImperativeHandle(
    handle,
    () => ({
      focus: () => grid.current?.focus({ preventScroll: true }),
      atTop: () => (scroller.current?.scrollTop ?? 0) < ROW_HEIGHT_PX,
      scrollToBottom: () => {
        if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
      },
    }),
    [],
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
      const next = Math.min(Math.max(moves[event.key] ?? 0, 0), rows.length - 1);
      setActiveId(rows[next]?.id);
      virtual.scrollToIndex(next, { align: "auto" });
    } else if ((event.key === "Enter" || event.key === " ") && row) toggle(row.id);
    else if (event.key === "c" && row) void copyText(row.line);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const scrolled = () => {
    const box = scroller.current;
    if (!box) return;
    const up = box.scrollTop < lastTop.current && box.scrollHeight - box.scrollTop - box.clientHeight > AT_BOTTOM_PX;
    lastTop.current = box.scrollTop;
    if (up) onScrolledUp?.();
  };

  return (
    <div className={`row-list${wrap ? " row-list-wrap" : ""}`} ref={scroller} onScroll={scrolled}>
      <div
        className="row-space"
        ref={grid}
        role="treegrid"
        aria-label={strings.rows.label}
        aria-rowcount={rows.length}
        tabIndex={0}
        aria-activedescendant={activeId && `row-${activeId}`}
        onKeyDown={press}
        style={{ height: virtual.getTotalSize() }}
      >
        {items.map((item) => {
          const row = rows[item.index];
          return (
            row && (
              <div
                key={row.id}
                className="row-slot"
                role="presentation"
                data-index={item.index}
                ref={virtual.measureElement}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <RowView
                  row={row}
                  index={item.index}
                  zone={zone}
                  needles={needles}
                  open={open.has(row.id)}
                  active={row.id === activeId}
                  showSource={showSource}
                  onToggle={toggle}
                  onFilter={onFilter}
                  onParse={onParse}
                />
              </div>
            )
          );
        })}
      </div>
      {footer}
    </div>
  );
}

interface RowProps {
  row: Row;
  index: number;
  zone: Zone;
  needles: readonly RegExp[];
  open: boolean;
  active: boolean;
  showSource: boolean;
  onToggle: (id: string) => void;
  onFilter: (filter: FieldFilter) => void;
  onParse: (stage: string) => void;
}

const RowView = memo(function RowView({
  row,
  index,
  zone,
  needles,
  open,
  active,
  showSource,
  onToggle,
  onFilter,
  onParse,
}: RowProps) {
  /* A click that ends a selection of text is no click on the row. */
  const click = () => {
    if (window.getSelection()?.isCollapsed !== false) onToggle(row.id);
  };
  return (
    <>
      <div
        className={`row level-${row.level}${active ? " row-active" : ""}${open ? " row-open" : ""}`}
        id={`row-${row.id}`}
        role="row"
        aria-rowindex={index + 1}
        aria-expanded={open}
        onClick={click}
      >
        <span className="row-chevron">
          <Icon name={open ? "chevronDown" : "chevronRight"} size={12} />
        </span>
        <span className="row-time" role="gridcell" title={formatFullTime(row.time, zone)}>
          {formatRowTime(row.time, zone)}
        </span>
        <span className="row-level" role="gridcell">
          {row.level === "unknown" ? "–" : row.level}
        </span>
        {showSource && (
          <span className="row-source" role="gridcell" title={row.labels[SOURCE_LABEL]}>
            {row.labels[SOURCE_LABEL]}
          </span>
        )}
        <span className="row-line" role="gridcell">
          <Line line={row.line} needles={needles} charsMax={ROW_LINE_CHARS_MAX} />
        </span>
      </div>
      {open && (
        <div role="row" className={`level-${row.level}`}>
          <div role="gridcell">
            <RowDetail row={row} zone={zone} needles={needles} onFilter={onFilter} onParse={onParse} />
          </div>
        </div>
      )}
    </>
  );
});
