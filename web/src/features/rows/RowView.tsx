import { memo } from "react";
import { fieldOf, type Row } from "@/api/rows";
import { formatFullTime, formatRowTime, type Zone } from "@/lib/clock";
import { formatCount } from "@/lib/format";
import { ROW_LINE_CHARS_MAX, ROW_UNWRAPPED_CHARS_MAX } from "@/limits";
import { strings } from "@/strings";
import { Line } from "./Line";
import { RowDetail, type RowActions } from "./RowDetail";

export const SOURCE_LABEL = "service_name";
const NO_NEEDLES: readonly RegExp[] = [];

/* How every row of a list is drawn. */
export interface RowStyle {
  zone: Zone;
  needles: readonly RegExp[];
  columns: readonly string[];
  showSource: boolean;
  /* The rows of a table are their columns: they have no time and no line. */
  isTable: boolean;
  wrap: boolean;
  actions: RowActions;
}

interface Props {
  row: Row;
  index: number;
  count: number | undefined;
  open: boolean;
  active: boolean;
  pointed: boolean;
  style: RowStyle;
  onToggle: (id: string) => void;
}

export const RowView = memo(function RowView({ row, index, count, open, active, pointed, style, onToggle }: Props) {
  const { zone, needles, columns, showSource, isTable, wrap } = style;
  /* A click that ends a selection of text is no click on the row. */
  const click = () => {
    if (window.getSelection()?.isCollapsed !== false) onToggle(row.id);
  };
  const state = `${active ? " row-active" : ""}${open ? " row-open" : ""}${pointed ? " row-pointed" : ""}`;
  return (
    <>
      <div
        className={`row level-${row.level}${state}`}
        id={`row-${row.id}`}
        role="row"
        aria-rowindex={index + 1}
        aria-expanded={open}
        onClick={click}
      >
        {!isTable && (
          <>
            <span className="row-time" role="gridcell" title={formatFullTime(row.time, zone)}>
              {formatRowTime(row.time, zone)}
            </span>
            <span className="row-level" role="gridcell">
              {row.level === "unknown" ? "–" : row.level}
            </span>
          </>
        )}
        {showSource && (
          <span className="row-source" role="gridcell" title={row.labels[SOURCE_LABEL]}>
            {row.labels[SOURCE_LABEL]}
          </span>
        )}
        {columns.map((name) => (
          <span key={name} className="row-column" role="gridcell" title={fieldOf(row, name)}>
            <Line line={fieldOf(row, name) ?? ""} needles={NO_NEEDLES} charsMax={200} />
          </span>
        ))}
        {!isTable && (
          <span className="row-line" role="gridcell">
            {count !== undefined && (
              <b className="row-count" title={strings.dedupe.count(count)}>
                ×{formatCount(count)}
              </b>
            )}
            <Line line={row.line} needles={needles} charsMax={wrap ? ROW_LINE_CHARS_MAX : ROW_UNWRAPPED_CHARS_MAX} />
          </span>
        )}
      </div>
      {open && (
        <div role="row" className={`level-${row.level}`}>
          <div role="gridcell">
            <RowDetail row={row} zone={zone} needles={needles} columns={columns} actions={style.actions} />
          </div>
        </div>
      )}
    </>
  );
});
