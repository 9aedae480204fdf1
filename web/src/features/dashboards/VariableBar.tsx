import { useEffect, useState } from "react";
import { useLabelValues } from "@/features/labels/useLabels";
import type { TimeRange } from "@/lib/timeRange";
import { LABEL_VALUES_SHOWN_MAX } from "@/limits";
import { later } from "@/stringsLater";
import type { Variable } from "./model";
import { SeveralChoice } from "./SeveralChoice";
import { ALL, customValues, type Values } from "./variables";

const text = later.boards;

interface Props {
  variables: readonly Variable[];
  values: Values;
  range: TimeRange;
  onChange: (name: string, chosen: readonly string[]) => void;
}

export function VariableBar({ variables, values, range, onChange }: Props) {
  return (
    <div className="variable-bar">
      {variables.map((variable) => {
        const chosen = values[variable.name] ?? [];
        const shared = { variable, chosen, onChange: (next: readonly string[]) => onChange(variable.name, next) };
        return (
          <div key={variable.name}>
            <span>{variable.name}</span>
            {variable.kind === "label" && <LabelChoice {...shared} range={range} />}
            {variable.kind === "custom" && <Choice {...shared} choices={customValues(variable.source)} />}
            {variable.kind === "text" && <TextValue {...shared} />}
          </div>
        );
      })}
    </div>
  );
}

interface OneProps {
  variable: Variable;
  chosen: readonly string[];
  onChange: (chosen: readonly string[]) => void;
}

function LabelChoice({ range, ...props }: OneProps & { range: TimeRange }) {
  const values = useLabelValues(range, props.variable.source);
  return <Choice {...props} choices={[ALL, ...(values.data ?? []).slice(0, LABEL_VALUES_SHOWN_MAX)]} />;
}

function Choice({ variable, chosen, choices, onChange }: OneProps & { choices: readonly string[] }) {
  if (variable.several) return <SeveralChoice name={variable.name} chosen={chosen} choices={choices} onChange={onChange} />;
  const value = chosen[0] ?? "";
  /* What an address chose stays in the list, whatever there is now. */
  return (
    <select aria-label={text.value(variable.name)} value={value} onChange={(event) => onChange([event.target.value])}>
      {[...choices, ...(choices.includes(value) ? [] : [value])].map((one) => (
        <option key={one} value={one}>
          {one === ALL ? text.all : one}
        </option>
      ))}
    </select>
  );
}

function TextValue({ variable, chosen, onChange }: OneProps) {
  const value = chosen[0] ?? "";
  const [draft, setDraft] = useState(value);
  useEffect(() => setDraft(value), [value]);
  const done = () => {
    if (draft !== value) onChange([draft]);
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
