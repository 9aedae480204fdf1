import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { listFields, type FieldOrigin, type FieldSummary } from "@/api/search";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { formatCompact, formatCount, formatPercent } from "@/lib/format";
import { FIELDS_SHOWN_MAX } from "@/limits";
import { isFieldName } from "@/logql/edit";
import { strings } from "@/strings";
import { FieldValues } from "./FieldValues";

const text = strings.fields;
/* Fields of fewer lines are often none: text that looks like one. */
const RARE_SHARE = 0.01;
const ORIGINS: readonly FieldOrigin[] = ["label", "metadata", "parsed"];

export interface FieldsProps {
  /* What is counted: all rows of it, not a sample. */
  scope: { query: string; start: string; end: string };
  columns: readonly string[];
  onFilter: (field: FieldSummary, op: "=" | "!=", value: string) => void;
  onColumn: (field: FieldSummary) => void;
  /* Its values over time; undefined where the query cannot be counted so. */
  onOverTime: ((field: FieldSummary) => void) | undefined;
}

/* Which fields the rows have: in how many of them, how many values, which ones most. */
export function FieldsPanel({ scope, columns, onFilter, onColumn, onOverTime }: FieldsProps) {
  const [filter, setFilter] = useState("");
  const [rare, setRare] = useState(false);
  const [openName, setOpenName] = useState<string>();
  const answer = useQuery({
    queryKey: ["fields", scope],
    queryFn: ({ signal }) => listFields(scope, signal),
    placeholderData: keepPreviousData,
  });
  const fields = answer.data?.fields.filter((one) => one.name.toLowerCase().includes(filter.toLowerCase())) ?? [];
  const all = answer.data?.rows ?? 0;
  const isShown = (field: FieldSummary) => rare || filter !== "" || field.rows >= all * RARE_SHARE;
  return (
    <>
      <input
        type="search"
        placeholder={text.filter}
        aria-label={text.filter}
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
      />
      {answer.isPending && <p className="hint">{text.loading}</p>}
      {answer.isError && (
        <p className="hint problem">
          {text.failed}
          {answer.error.message}
        </p>
      )}
      {answer.isSuccess && fields.length === 0 && <p className="hint">{text.none}</p>}
      <div className={answer.isPlaceholderData ? "stale" : undefined} aria-busy={answer.isFetching}>
        {ORIGINS.map((origin) => {
          const group = fields.filter((one) => one.origin === origin);
          return (
            group.length > 0 && (
              <section key={origin} className="field-group" aria-label={text.origins[origin]}>
                <h2>{text.origins[origin]}</h2>
                <ul>
                  {group.slice(0, FIELDS_SHOWN_MAX).filter(isShown).map((field) => (
                    <Field
                      key={field.name}
                      field={field}
                      all={all}
                      open={openName === `${origin} ${field.name}`}
                      isColumn={columns.includes(field.name)}
                      onOpen={(open) => setOpenName(open ? `${origin} ${field.name}` : undefined)}
                      onFilter={onFilter}
                      onColumn={onColumn}
                      onOverTime={onOverTime}
                    />
                  ))}
                </ul>
                {!group.every(isShown) && (
                  <Button kind="quiet" onClick={() => setRare(true)}>
                    {text.rare(group.filter((field) => !isShown(field)).length)}
                  </Button>
                )}
              </section>
            )
          );
        })}
      </div>
      {answer.data?.complete === false && <p className="hint">{text.incomplete}</p>}
    </>
  );
}

interface FieldProps {
  field: FieldSummary;
  /* Rows of the whole answer. */
  all: number;
  open: boolean;
  isColumn: boolean;
  onOpen: (open: boolean) => void;
  onFilter: FieldsProps["onFilter"];
  onColumn: FieldsProps["onColumn"];
  onOverTime: FieldsProps["onOverTime"];
}

function Field({ field, all, open, isColumn, onOpen, onFilter, onColumn, onOverTime }: FieldProps) {
  const usable = isFieldName(field.name);
  const share = all > 0 ? field.rows / all : 0;
  return (
    <li>
      <div className="field-head">
        <button type="button" className="label-name mono" aria-expanded={open} onClick={() => onOpen(!open)}>
          <Icon name={open ? "chevronDown" : "chevronRight"} size={12} />
          <span>{field.name}</span>
          <small title={text.distinct(field.distinct, field.distinctExact)}>
            {field.distinctExact ? formatCount(field.distinct) : `~${formatCompact(field.distinct)}`}
          </small>
          <i className="field-share" title={text.share(formatPercent(share))}>
            <i style={{ width: `${100 * share}%` }} />
          </i>
        </button>
        {onOverTime && usable && (
          <Button kind="quiet" icon="stats" title={text.overTime(field.name)} onClick={() => onOverTime(field)} />
        )}
        <Button
          kind="quiet"
          icon="column"
          pressed={isColumn}
          title={text.column(field.name)}
          onClick={() => onColumn(field)}
        />
      </div>
      {open && (
        <FieldValues field={field} onFilter={usable ? (op, value) => onFilter(field, op, value) : undefined} />
      )}
    </li>
  );
}
