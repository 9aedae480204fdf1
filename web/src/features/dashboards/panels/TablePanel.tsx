import type { Series } from "@/api/loki";
import { fieldOf, type Row } from "@/api/rows";
import { Line } from "@/features/rows/Line";
import { formatRowTime, type Zone } from "@/lib/clock";
import { formatValue } from "@/lib/format";
import { later } from "@/stringsLater";
import type { Unit } from "../model";
import { formatUnit } from "../names";

const ROWS_MAX = 500;
const CELL_CHARS_MAX = 500;
const NO_NEEDLES: readonly RegExp[] = [];

interface Table {
  columns: string[];
  rows: { text: string; number: boolean }[][];
}

const isNumber = (text: string) => text !== "" && Number.isFinite(Number(text));

/* The rows of a query that gives a table, in its own order. */
export function tableOfRows(columns: readonly string[], rows: readonly Row[]): Table {
  const cell = (row: Row, name: string) => {
    const text = fieldOf(row, name) ?? "";
    return isNumber(text) ? { text: formatValue(Number(text)), number: true } : { text, number: false };
  };
  return { columns: [...columns], rows: rows.map((row) => columns.map((name) => cell(row, name))) };
}

/* Series as rows, the largest value first. */
export function tableOfSeries(series: readonly Series[], unit: Unit): Table {
  const names = [...new Set(series.flatMap((one) => Object.keys(one.labels)))];
  const value = (one: Series) => one.points.at(-1)?.[1] ?? NaN;
  const sorted = [...series].sort((a, b) => value(b) - value(a));
  return {
    columns: [...names, later.panel.value],
    rows: sorted.map((one) => [
      ...names.map((name) => ({ text: one.labels[name] ?? "", number: false })),
      { text: formatUnit(value(one), unit), number: true },
    ]),
  };
}

export function TablePanel({ title, table }: { title: string; table: Table }) {
  return (
    <div className="panel-scroll" tabIndex={0} role="group" aria-label={title}>
      <table className="panel-table">
        <thead>
          <tr>
            {table.columns.map((name, i) => (
              <th key={name} scope="col" className={table.rows[0]?.[i]?.number ? "number" : undefined}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.slice(0, ROWS_MAX).map((row, i) => (
            <tr key={i}>
              {row.map(({ text, number }, column) => (
                <td key={column} className={number ? "number" : undefined}>
                  <Line line={text} needles={NO_NEEDLES} charsMax={CELL_CHARS_MAX} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function LogsPanel({ title, rows, zone }: { title: string; rows: readonly Row[]; zone: Zone }) {
  return (
    <ol className="panel-logs panel-scroll mono" tabIndex={0} aria-label={title}>
      {rows.map((row) => (
        <li key={row.id} className={`level-${row.level}`}>
          <span className="dim">{formatRowTime(row.time, zone)}</span>
          <span>
            <Line line={row.line} needles={NO_NEEDLES} charsMax={CELL_CHARS_MAX} />
          </span>
        </li>
      ))}
    </ol>
  );
}
