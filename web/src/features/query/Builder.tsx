import { useEffect, useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { Button } from "@/components/Button";
import { useLabelNames, useLabelValues } from "@/features/labels/useLabels";
import type { TimeRange } from "@/lib/timeRange";
import { BUILDER_SUGGESTIONS_MAX } from "@/limits";
import {
  FILTER_OPS,
  LINE_OPS,
  MATCH_OPS,
  PARSERS,
  readBuilt,
  writeBuilt,
  type Built,
  type Parser,
  type Part,
} from "@/logql/builder";
import type { Matcher } from "@/logql/shape";
import { strings } from "@/strings";

const text = strings.builder;

interface Props {
  query: string;
  range: TimeRange;
  onChange: (query: string) => void;
  onRun: () => void;
}

/*
 * The query as a form, in step with the editor: each shows at once what was done in the other. Parts that are not filled
 * in live here only.
 */
export function Builder({ query, range, onChange, onRun }: Props) {
  const [built, setBuilt] = useState(() => readBuilt(query));
  const written = useRef(query);
  useEffect(() => {
    if (query === written.current) return;
    written.current = query;
    setBuilt(readBuilt(query));
  }, [query]);
  if (!built) return <p className="builder hint">{text.unfit}</p>;

  const change = (next: Built) => {
    setBuilt(next);
    written.current = writeBuilt(next);
    onChange(written.current);
  };
  const setMatcher = (at: number, matcher: Matcher | undefined) =>
    change({ ...built, matchers: replaced(built.matchers, at, matcher) });
  const setPart = (at: number, part: Part | undefined) => change({ ...built, parts: replaced(built.parts, at, part) });
  const addPart = (part: Part) => change({ ...built, parts: [...built.parts, part] });
  const press = (event: KeyboardEvent) => {
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) onRun();
  };
  return (
    <div className="builder" role="group" aria-label={text.label} onKeyDown={press}>
      {built.matchers.map((matcher, i) => (
        <MatcherPart key={i} matcher={matcher} range={range} onChange={(next) => setMatcher(i, next)} />
      ))}
      {built.parts.map((part, i) => (
        <PartView key={i} part={part} onChange={(next) => setPart(i, next)} />
      ))}
      <span className="builder-add">
        <Add onClick={() => setMatcher(built.matchers.length, { name: "", op: "=", value: "" })}>{text.addLabel}</Add>
        <Add onClick={() => addPart({ kind: "line", op: "|=", value: "" })}>{text.addText}</Add>
        <Add onClick={() => addPart({ kind: "parser", parser: "json" })}>{text.addParser}</Add>
        <Add onClick={() => addPart({ kind: "filter", name: "", op: "=", value: "" })}>{text.addFilter}</Add>
      </span>
    </div>
  );
}

function Add({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <Button kind="quiet" icon="plus" onClick={onClick}>
      {children}
    </Button>
  );
}

/* Without `item` the place is taken away; behind the end it is added. */
function replaced<T>(items: readonly T[], at: number, item: T | undefined): T[] {
  return [...items.slice(0, at), ...(item === undefined ? [] : [item]), ...items.slice(at + 1)];
}

function Frame({ onRemove, children }: { onRemove: () => void; children: ReactNode }) {
  return (
    <span className="builder-part">
      {children}
      <Button kind="quiet" icon="close" title={text.remove} onClick={onRemove} />
    </span>
  );
}

function Choice<T extends string>({
  label,
  value,
  choices,
  names,
  onChange,
}: {
  label: string;
  value: T;
  choices: readonly T[];
  names: Record<T, string>;
  onChange: (value: T) => void;
}) {
  return (
    <select aria-label={label} value={value} onChange={(event) => onChange(event.target.value as T)}>
      {choices.map((choice) => (
        <option key={choice} value={choice}>
          {names[choice]}
        </option>
      ))}
    </select>
  );
}

/* An input that is as wide as what stands in it. */
function Text({
  label,
  value,
  suggestions = [],
  onChange,
}: {
  label: string;
  value: string;
  suggestions?: readonly string[];
  onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <>
      <input
        className="mono"
        aria-label={label}
        placeholder={label}
        value={value}
        size={Math.min(40, Math.max(label.length, value.length + 1))}
        spellCheck={false}
        autoFocus={value === ""}
        list={suggestions.length > 0 ? id : undefined}
        onChange={(event) => onChange(event.target.value)}
      />
      {suggestions.length > 0 && (
        <datalist id={id}>
          {suggestions.slice(0, BUILDER_SUGGESTIONS_MAX).map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </>
  );
}

function MatcherPart({
  matcher,
  range,
  onChange,
}: {
  matcher: Matcher;
  range: TimeRange;
  onChange: (matcher: Matcher | undefined) => void;
}) {
  const names = useLabelNames(range);
  const known = names.data?.includes(matcher.name) === true;
  const values = useLabelValues(range, matcher.name, known);
  return (
    <Frame onRemove={() => onChange(undefined)}>
      <Text
        label={text.name}
        value={matcher.name}
        suggestions={names.data ?? []}
        onChange={(name) => onChange({ ...matcher, name: name.replace(/\W/g, "") })}
      />
      <Choice
        label={text.operator}
        value={matcher.op}
        choices={MATCH_OPS}
        names={text.matchOps}
        onChange={(op) => onChange({ ...matcher, op })}
      />
      <Text
        label={text.value}
        value={matcher.value}
        suggestions={values.data ?? []}
        onChange={(value) => onChange({ ...matcher, value })}
      />
    </Frame>
  );
}

const PARSER_NAMES: Record<Parser, string> = { json: "JSON", logfmt: "logfmt" };

function PartView({ part, onChange }: { part: Part; onChange: (part: Part | undefined) => void }) {
  return (
    <Frame onRemove={() => onChange(undefined)}>
      {part.kind === "other" && <code title={text.other}>{part.text}</code>}
      {part.kind === "parser" && (
        <>
          {text.parse}
          <Choice
            label={text.parse}
            value={part.parser}
            choices={PARSERS}
            names={PARSER_NAMES}
            onChange={(parser) => onChange({ ...part, parser })}
          />
        </>
      )}
      {part.kind === "line" && (
        <>
          <Choice
            label={text.operator}
            value={part.op}
            choices={LINE_OPS}
            names={text.lineOps}
            onChange={(op) => onChange({ ...part, op })}
          />
          <Text label={text.text} value={part.value} onChange={(value) => onChange({ ...part, value })} />
        </>
      )}
      {part.kind === "filter" && (
        <>
          <Text
            label={text.field}
            value={part.name}
            onChange={(name) => onChange({ ...part, name: name.replace(/\W/g, "") })}
          />
          <Choice
            label={text.operator}
            value={part.op}
            choices={FILTER_OPS}
            names={text.filterOps}
            onChange={(op) => onChange({ ...part, op })}
          />
          <Text label={text.value} value={part.value} onChange={(value) => onChange({ ...part, value })} />
        </>
      )}
    </Frame>
  );
}
