import { useState } from "react";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import type { TimeRange } from "@/lib/timeRange";
import { LABEL_VALUES_SHOWN_MAX } from "@/limits";
import { findSelector } from "@/logql/shape";
import { strings } from "@/strings";
import { useLabelNames, useLabelValues } from "./useLabels";

const FILTER_FROM_VALUES = 12;
const text = strings.labels;

interface Props {
  range: TimeRange;
  query: string;
  onMatch: (name: string, op: "=" | "!=", value: string) => void;
}

/* Stream labels of the range, their values below; a click builds the selector. */
export function LabelBrowser({ range, query, onMatch }: Props) {
  const [filter, setFilter] = useState("");
  const [openName, setOpenName] = useState<string>();
  const names = useLabelNames(range);
  const matchers = findSelector(query)?.matchers ?? [];
  const shown = (names.data ?? []).filter((name) => name.toLowerCase().includes(filter.toLowerCase()));

  return (
    <>
      <input
        type="search"
        placeholder={text.filter}
        aria-label={text.filter}
        value={filter}
        onChange={(event) => setFilter(event.target.value)}
      />
      {names.isPending && <p className="hint">{text.loading}</p>}
      {names.isError && (
        <p className="hint problem">
          {text.failed}
          {names.error.message}{" "}
          <Button kind="quiet" onClick={() => void names.refetch()}>
            {text.retry}
          </Button>
        </p>
      )}
      {names.isSuccess && shown.length === 0 && <p className="hint">{text.empty}</p>}
      <ul>
        {shown.map((name) => (
          <li key={name}>
            <button
              type="button"
              className="label-name mono"
              aria-expanded={name === openName}
              onClick={() => setOpenName(name === openName ? undefined : name)}
            >
              <Icon name={name === openName ? "chevronDown" : "chevronRight"} size={12} />
              <span>{name}</span>
              {matchers.some((matcher) => matcher.name === name) && <span className="dot" aria-hidden="true" />}
            </button>
            {name === openName && (
              <LabelValues
                name={name}
                range={range}
                chosen={matchers
                  .filter((matcher) => matcher.name === name && matcher.op === "=")
                  .map((matcher) => matcher.value)}
                onMatch={onMatch}
              />
            )}
          </li>
        ))}
      </ul>
    </>
  );
}

function LabelValues({
  name,
  range,
  chosen,
  onMatch,
}: {
  name: string;
  range: TimeRange;
  chosen: string[];
  onMatch: Props["onMatch"];
}) {
  const [filter, setFilter] = useState("");
  const values = useLabelValues(range, name);
  if (values.isPending) return <p className="hint">{text.loading}</p>;
  if (values.isError)
    return (
      <p className="hint problem">
        {text.failed}
        {values.error.message}
      </p>
    );
  if (values.data.length === 0) return <p className="hint">{text.noValues}</p>;
  const matching = values.data.filter((value) => value.toLowerCase().includes(filter.toLowerCase()));
  const shown = matching.slice(0, LABEL_VALUES_SHOWN_MAX);
  return (
    <div className="label-values">
      {values.data.length > FILTER_FROM_VALUES && (
        <input
          type="search"
          placeholder={text.filterValues}
          aria-label={text.filterValues}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
      )}
      <ul>
        {shown.map((value) => (
          <li key={value} className={chosen.includes(value) ? "chosen" : undefined}>
            <button
              type="button"
              className="mono"
              title={text.include(value)}
              aria-pressed={chosen.includes(value)}
              onClick={() => onMatch(name, "=", value)}
            >
              {value}
            </button>
            <Button kind="quiet" icon="minus" title={text.exclude(value)} onClick={() => onMatch(name, "!=", value)} />
          </li>
        ))}
      </ul>
      {shown.length < matching.length && <p className="hint">{text.more(matching.length - shown.length)}</p>}
    </div>
  );
}
