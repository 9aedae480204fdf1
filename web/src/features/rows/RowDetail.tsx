import { memo, useMemo, useState } from "react";
import type { Fields, Row } from "@/api/rows";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { formatFullTime, type Zone } from "@/lib/clock";
import { layOutJson, type JsonToken } from "@/lib/jsonText";
import { DETAIL_LINE_CHARS_MAX, FIELDS_SHOWN_MAX, PRETTY_JSON_CHARS_MAX, ROW_LINE_CHARS_MAX } from "@/limits";
import { isFieldName } from "@/logql/edit";
import { strings } from "@/strings";
import { Line } from "./Line";

export type Origin = "stream" | "metadata" | "parsed" | "merged";
export interface FieldFilter {
  name: string;
  value: string;
  op: "=" | "!=";
  origin: Origin;
}

interface Props {
  row: Row;
  zone: Zone;
  needles: readonly RegExp[];
  onFilter: (filter: FieldFilter) => void;
  /* Adds a parser stage to the query. */
  onParse: (stage: string) => void;
}

const text = strings.detail;
const byName = new Intl.Collator("en", { numeric: true });
const NO_NEEDLES: readonly RegExp[] = [];

export const RowDetail = memo(function RowDetail({ row, zone, needles, onFilter, onParse }: Props) {
  const json = useMemo(() => (row.line.length <= PRETTY_JSON_CHARS_MAX ? layOutJson(row.line) : undefined), [row.line]);
  /* Matches are searched for in no more text than a row shows. */
  const marks = row.line.length <= ROW_LINE_CHARS_MAX ? needles : NO_NEEDLES;
  const parser =
    Object.keys(row.parsed).length > 0 || row.merged
      ? undefined
      : json
        ? "| json"
        : looksLikeLogfmt(row.line)
          ? "| logfmt"
          : undefined;
  return (
    <div className="row-detail">
      <div className="detail-head">
        <time className="mono">{formatFullTime(row.time, zone)}</time>
        <CopyButton text={row.time} title={text.copy(text.time)} />
        <span className="spacer" />
        {parser && (
          <Button kind="quiet" icon="plus" onClick={() => onParse(parser)}>
            {text.parse(parser)}
          </Button>
        )}
        <CopyButton text={row.line} title={text.copyLine}>
          {text.copyLine}
        </CopyButton>
        <CopyButton text={rowJson(row)} title={text.copyJson}>
          {text.copyJson}
        </CopyButton>
      </div>
      <LineView line={row.line} json={json} needles={marks} />
      <div className="fields">
        <FieldGroup
          title={row.merged ? text.merged : text.stream}
          origin={row.merged ? "merged" : "stream"}
          fields={row.labels}
          onFilter={onFilter}
        />
        <FieldGroup title={text.metadata} origin="metadata" fields={row.metadata} onFilter={onFilter} />
        <FieldGroup title={text.parsed} origin="parsed" fields={row.parsed} onFilter={onFilter} />
      </div>
    </div>
  );
});

/* At least two pairs, so that a sentence with one `=` is not taken for logfmt. */
function looksLikeLogfmt(line: string): boolean {
  return (line.slice(0, ROW_LINE_CHARS_MAX).match(/(?:^|\s)[A-Za-z_][\w.]*=(?:"|\S)/g)?.length ?? 0) >= 2;
}

function rowJson(row: Row): string {
  const { time, line, labels, metadata, parsed } = row;
  return JSON.stringify({ time, line, labels, ...(row.merged ? {} : { metadata, parsed }) }, null, 2);
}

/* The whole line, when there is more to see than in the row: JSON laid out, long or multi-line text, escape codes. */
function LineView({
  line,
  json,
  needles,
}: {
  line: string;
  json: JsonToken[] | undefined;
  needles: readonly RegExp[];
}) {
  const [raw, setRaw] = useState(false);
  if (json && !raw) {
    return (
      <LineBox label={text.raw} pressed={raw} onToggle={setRaw}>
        {json.map((token, i) => (
          <span key={i} className={`json-${token.kind}`}>
            {token.text}
          </span>
        ))}
      </LineBox>
    );
  }
  if (json)
    return (
      <LineBox label={text.raw} pressed={raw} onToggle={setRaw}>
        <Line line={line} needles={needles} charsMax={DETAIL_LINE_CHARS_MAX} />
      </LineBox>
    );
  if (line.includes("\x1b")) {
    return (
      <LineBox label={text.showCodes} pressed={raw} onToggle={setRaw}>
        <Line line={line} needles={needles} charsMax={DETAIL_LINE_CHARS_MAX} codes={raw} />
      </LineBox>
    );
  }
  return (
    <LineBox>
      <Line line={line} needles={needles} charsMax={DETAIL_LINE_CHARS_MAX} />
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
      <pre className="mono" tabIndex={0}>
        {children}
      </pre>
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
  onFilter,
}: {
  title: string;
  origin: Origin;
  fields: Fields;
  onFilter: (filter: FieldFilter) => void;
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
          <FieldRow key={name} name={name} value={fields[name] ?? ""} origin={origin} onFilter={onFilter} />
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

function FieldRow({
  name,
  value,
  origin,
  onFilter,
}: {
  name: string;
  value: string;
  origin: Origin;
  onFilter: (filter: FieldFilter) => void;
}) {
  const usable = isFieldName(name);
  const filter = (op: "=" | "!=") => onFilter({ name, value, op, origin });
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
        </span>
        <span className="field-name mono" title={name}>
          {name}
        </span>
      </dt>
      <dd className="mono">
        <Line line={value} needles={NO_NEEDLES} charsMax={ROW_LINE_CHARS_MAX} />
      </dd>
    </div>
  );
}
