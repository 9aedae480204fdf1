import { useEffect, useState } from "react";
import { useLabelValues } from "@/features/labels/useLabels";
import type { TimeRange } from "@/lib/timeRange";
import { LABEL_VALUES_SHOWN_MAX } from "@/limits";
import { later } from "@/stringsLater";
import type { Variable } from "./model";
import { ALL, customValues, type Values } from "./variables";

const text = later.boards;

interface Props {
  variables: readonly Variable[];
  values: Values;
  range: TimeRange;
  onChange: (name: string, value: string) => void;
}

export function VariableBar({ variables, values, range, onChange }: Props) {
  return (
    <div className="variable-bar">
      {variables.map((one) => {
        const shared = { variable: one, value: values[one.name] ?? "", onChange: (value: string) => onChange(one.name, value) };
        return (
          <label key={one.name}>
            <span>{one.name}</span>
            {one.kind === "label" && <LabelChoice {...shared} range={range} />}
            {one.kind === "custom" && <Choice {...shared} choices={customValues(one.source)} />}
            {one.kind === "text" && <TextValue {...shared} />}
          </label>
        );
      })}
    </div>
  );
}

interface OneProps {
  variable: Variable;
  value: string;
  onChange: (value: string) => void;
}

function LabelChoice({ range, ...props }: OneProps & { range: TimeRange }) {
  const values = useLabelValues(range, props.variable.source);
  return <Choice {...props} choices={[ALL, ...(values.data ?? []).slice(0, LABEL_VALUES_SHOWN_MAX)]} />;
}

/* What an address chose stays in the list, whatever there is now. */
function Choice({ variable, value, choices, onChange }: OneProps & { choices: readonly string[] }) {
  return (
    <select aria-label={text.value(variable.name)} value={value} onChange={(event) => onChange(event.target.value)}>
      {[...choices, ...(choices.includes(value) ? [] : [value])].map((one) => (
        <option key={one} value={one}>
          {one === ALL ? text.all : one}
        </option>
      ))}
    </select>
  );
}

function TextValue({ variable, value, onChange }: OneProps) {
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const done = () => {
    if (draft !== value) onChange(draft);
  };
  return (
    <input
      type="search"
      aria-label={text.value(variable.name)}
      value={draft}
      onChange={(event) => setDraft(event.target.value)}
      onBlur={done}
      onKeyDown={(event) => {
        if (event.key === "Enter") done();
      }}
    />
  );
}
