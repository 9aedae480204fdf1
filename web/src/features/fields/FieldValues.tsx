import type { FieldSummary } from "@/api/search";
import { Button } from "@/components/Button";
import { formatCount, formatPercent, formatValue } from "@/lib/format";
import { strings } from "@/strings";

const text = strings.fields;
const QUANTILES = ["min", "p25", "p50", "p75", "p90", "p99", "max"] as const;

interface Props {
  field: FieldSummary;
  /* Undefined: LogQL cannot spell the name. */
  onFilter: ((op: "=" | "!=", value: string) => void) | undefined;
}

/* What a field's values are: how many, which ones most, and where the numbers lie. */
export function FieldValues({ field, onFilter }: Props) {
  return (
    <div className="field-values">
      <p className="dim">
        {text.in(field.rows)}
        {" · "}
        {text.distinct(field.distinct, field.distinctExact)}
      </p>
      <ul>
        {field.values.map(({ value, rows }) => (
          <li key={value}>
            <i className="value-bar" style={{ width: `${(100 * rows) / field.rows}%` }} aria-hidden="true" />
            <button
              type="button"
              className="value-name mono"
              title={onFilter ? text.only(value) : value}
              disabled={!onFilter}
              onClick={() => onFilter?.("=", value)}
            >
              {value === "" ? text.empty : value}
            </button>
            <span className="value-count" title={formatPercent(rows / field.rows)}>
              {formatCount(rows)}
            </span>
            {onFilter && (
              <Button kind="quiet" icon="minus" title={text.without(value)} onClick={() => onFilter("!=", value)} />
            )}
          </li>
        ))}
      </ul>
      {field.valuesError > 0 && <p className="dim">{text.inexact(field.valuesError)}</p>}
      {field.numbers && <Numbers numbers={field.numbers} />}
    </div>
  );
}

/* A box from the lower to the upper quartile, the median in it, whiskers to the ends. */
function Numbers({ numbers }: { numbers: NonNullable<FieldSummary["numbers"]> }) {
  const span = numbers.max - numbers.min;
  const at = (value: number) => (span > 0 && Number.isFinite(span) ? (100 * (value - numbers.min)) / span : 0);
  return (
    <div className="numbers">
      {span > 0 && (
        <div className="box-plot" role="img" aria-label={text.distribution}>
          <i className="box-line" />
          <i className="box-box" style={{ left: `${at(numbers.p25)}%`, right: `${100 - at(numbers.p75)}%` }} />
          <i className="box-tail" style={{ left: `${at(numbers.p75)}%`, right: `${100 - at(numbers.p99)}%` }} />
          <i className="box-mark" style={{ left: `${at(numbers.p50)}%` }} />
        </div>
      )}
      <dl>
        {[...QUANTILES, "avg" as const].map((name) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd className="mono">{formatValue(numbers[name])}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
