import { useQuery } from "@tanstack/react-query";
import { memo, useMemo, useState } from "react";
import type { Fields, Row } from "@/api/rows";
import { listFields } from "@/api/search";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { formatFullTime, type Zone } from "@/lib/clock";
import { readJson, type JsonNode } from "@/lib/jsonTree";
import { DETAIL_LINE_CHARS_MAX, FIELDS_SHOWN_MAX, PRETTY_JSON_CHARS_MAX, ROW_LINE_CHARS_MAX } from "@/limits";
import { isFieldName } from "@/logql/edit";
import { strings } from "@/strings";
import { FieldValues } from "@/features/fields/FieldValues";
import { JsonTree } from "./JsonTree";
import { Line } from "./Line";
import { parserFor } from "./parser";
import { RowContext } from "./RowContext";

export type Origin = "stream" | "metadata" | "parsed" | "merged";
export interface FieldFilter {
  name: string;
  value: string;
  op: "=" | "!=";
  origin: Origin;
}

/* What can be done with a row and its fields. */
export interface RowActions {
  onFilter: (filter: FieldFilter) => void;
  /* Adds a parser stage to the query. */
  onParse: (stage: string) => void;
  onColumn: (name: string) => void;
  /* The rest is for rows that have an id: those of a search. */
  linkTo?: (row: Row) => string;
  /* What the fields are counted over. */
  scope?: Scope;
}

export interface Scope {
  query: string;
  start: string;
  end: string;
}

interface Props {
  row: Row;
  zone: Zone;
  needles: readonly RegExp[];
  columns: readonly string[];
  actions: RowActions;
}

const text = strings.detail;
const byName = new Intl.Collator("en", { numeric: true });
const NO_NEEDLES: readonly RegExp[] = [];

export const RowDetail = memo(function RowDetail({ row, zone, needles, columns, actions }: Props) {
  const [context, setContext] = useState(false);
  const json = useMemo(() => (row.line.length <= PRETTY_JSON_CHARS_MAX ? readJson(row.line) : undefined), [row.line]);
  /* Matches are searched for in no more text than a row shows. */
  const marks = row.line.length <= ROW_LINE_CHARS_MAX ? needles : NO_NEEDLES;
  const parser = Object.keys(row.parsed).length > 0 || row.merged ? undefined : parserFor(row.line);
  const link = actions.linkTo?.(row);
  const group = (title: string, origin: Origin, fields: Fields) => (
    <FieldGroup title={title} origin={origin} fields={fields} columns={columns} actions={actions} />
  );
  return (
    <div className="row-detail">
      <div className="detail-head">
        <time className="mono">{formatFullTime(row.time, zone)}</time>
        <CopyButton text={row.time} title={text.copy(text.time)} />
        <span className="spacer" />
        {parser && (
          <Button kind="quiet" icon="plus" onClick={() => actions.onParse(parser)}>
            {text.parse(parser)}
          </Button>
        )}
        {actions.scope && (
          <Button kind="quiet" icon="context" pressed={context} onClick={() => setContext(!context)}>
            {text.context}
          </Button>
        )}
        {link !== undefined && (
          <CopyButton icon="link" text={link} title={text.copyLink}>
            {text.copyLink}
          </CopyButton>
        )}
        <CopyButton text={row.line} title={text.copyLine}>
          {text.copyLine}
        </CopyButton>
        <CopyButton text={rowJson(row)} title={text.copyJson}>
          {text.copyJson}
        </CopyButton>
      </div>
      {context ? <RowContext row={row} zone={zone} /> : <LineView line={row.line} json={json} needles={marks} />}
      <div className="fields">
        {group(row.merged ? text.merged : text.stream, row.merged ? "merged" : "stream", row.labels)}
        {group(text.metadata, "metadata", row.metadata)}
        {group(text.parsed, "parsed", row.parsed)}
      </div>
    </div>
  );
});

function rowJson(row: Row): string {
  const { time, line, labels, metadata, parsed } = row;
  return JSON.stringify({ time, line, labels, ...(row.merged ? {} : { metadata, parsed }) }, null, 2);
}

/* The whole line, when there is more to see than in the row: JSON unfolded, long or multi-line text, escape codes. */
function LineView({ line, json, needles }: { line: string; json: JsonNode | undefined; needles: readonly RegExp[] }) {
  const [raw, setRaw] = useState(false);
  const hasCodes = line.includes("\x1b");
  const toggle = json ? text.raw : hasCodes ? text.showCodes : undefined;
  return (
    <LineBox {...(toggle !== undefined && { label: toggle, pressed: raw, onToggle: setRaw })}>
      {json && !raw ? (
        <JsonTree node={json} />
      ) : (
        <pre className="mono" tabIndex={0}>
          <Line line={line} needles={needles} charsMax={DETAIL_LINE_CHARS_MAX} codes={!json && raw} />
        </pre>
      )}
    </LineBox>
  );
}

function LineBox({
  label,
  pressed,
  onToggle,
  children,
}: {
  label?: string;
  pressed?: boolean;
  onToggle?: (raw: boolean) => void;
  children: React.ReactNode;
}) {
  return (
    <div className="line-box">
      {children}
      {onToggle && (
        <Button className="line-box-toggle" kind="quiet" pressed={pressed === true} onClick={() => onToggle(!pressed)}>
          {label}
        </Button>
      )}
    </div>
  );
}

function FieldGroup({
  title,
  origin,
  fields,
  columns,
  actions,
}: {
  title: string;
  origin: Origin;
  fields: Fields;
  columns: readonly string[];
  actions: RowActions;
}) {
  const [all, setAll] = useState(false);
  const names = Object.keys(fields).sort(byName.compare);
  if (names.length === 0) return null;
  const shown = all ? names : names.slice(0, FIELDS_SHOWN_MAX);
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <dl className="field-list">
        {shown.map((name) => (
          <FieldRow
            key={name}
            name={name}
            value={fields[name] ?? ""}
            origin={origin}
            isColumn={columns.includes(name)}
            actions={actions}
          />
        ))}
      </dl>
      {shown.length < names.length && (
        <Button kind="quiet" onClick={() => setAll(true)}>
          {text.moreFields(names.length - shown.length)}
        </Button>
      )}
    </section>
  );
}

interface FieldRowProps {
  name: string;
  value: string;
  origin: Origin;
  isColumn: boolean;
  actions: RowActions;
}

function FieldRow({ name, value, origin, isColumn, actions }: FieldRowProps) {
  const [stats, setStats] = useState(false);
  const usable = isFieldName(name);
  const filter = (op: "=" | "!=", other = value) => actions.onFilter({ name, value: other, op, origin });
  return (
    <div className="field" data-field={name}>
      <dt>
        <span className="field-actions">
          <Button
            kind="quiet"
            icon="plus"
            disabled={!usable}
            title={usable ? text.filterFor(name) : text.notFilterable}
            onClick={() => filter("=")}
          />
          <Button
            kind="quiet"
            icon="minus"
            disabled={!usable}
            title={usable ? text.filterOut(name) : text.notFilterable}
            onClick={() => filter("!=")}
          />
          <CopyButton text={value} title={text.copy(name)} />
          <Button
            kind="quiet"
            icon="column"
            pressed={isColumn}
            title={text.column(name)}
            onClick={() => actions.onColumn(name)}
          />
          {actions.scope && (
            <Button
              kind="quiet"
              icon="stats"
              pressed={stats}
              title={text.stats(name)}
              onClick={() => setStats(!stats)}
            />
          )}
        </span>
        <span className="field-name mono" title={name}>
          {name}
        </span>
      </dt>
      <dd className="mono">
        <Line line={value} needles={NO_NEEDLES} charsMax={ROW_LINE_CHARS_MAX} />
        {stats && actions.scope && (
          <FieldStats name={name} scope={actions.scope} onFilter={usable ? filter : undefined} />
        )}
      </dd>
    </div>
  );
}

function FieldStats({
  name,
  scope,
  onFilter,
}: {
  name: string;
  scope: Scope;
  onFilter: ((op: "=" | "!=", value: string) => void) | undefined;
}) {
  const answer = useQuery({
    queryKey: ["field", scope, name],
    queryFn: ({ signal }) => listFields({ ...scope, field: name }, signal),
  });
  const field = answer.data?.fields.find((one) => one.name === name);
  if (answer.isPending) return <p className="hint">{strings.labels.loading}</p>;
  if (!field) return <p className="hint problem">{answer.error?.message ?? strings.labels.noValues}</p>;
  return <FieldValues field={field} onFilter={onFilter} />;
}
