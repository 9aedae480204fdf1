import { useState } from "react";
import { Icon } from "@/components/Icon";
import type { JsonItem, JsonNode } from "@/lib/jsonTree";
import { DETAIL_LINE_CHARS_MAX } from "@/limits";
import { strings } from "@/strings";
import { Line } from "./Line";

const OPEN_DEPTH = 3;
/* Of one object or array. */
const ITEMS_SHOWN = 200;
const NO_NEEDLES: readonly RegExp[] = [];

/* JSON laid out, objects and arrays to be folded. It reads, and is copied, as JSON. */
export function JsonTree({ node }: { node: JsonNode }) {
  return (
    <div className="json-tree mono" tabIndex={0} role="group" aria-label="JSON">
      <Node item={{ value: node }} depth={0} last />
    </div>
  );
}

function Node({ item: { key, value }, depth, last }: { item: JsonItem; depth: number; last: boolean }) {
  const [open, setOpen] = useState(depth < OPEN_DEPTH);
  const [shown, setShown] = useState(ITEMS_SHOWN);
  const name = key !== undefined && (
    <>
      <span className="json-key">
        <Line line={key} needles={NO_NEEDLES} charsMax={DETAIL_LINE_CHARS_MAX} />
      </span>
      <span className="json-punctuation">: </span>
    </>
  );
  const comma = !last && <span className="json-punctuation">,</span>;
  if (!("items" in value))
    return (
      <div className="json-line">
        {name}
        <span className={`json-${value.kind}`}>
          <Line line={value.text} needles={NO_NEEDLES} charsMax={DETAIL_LINE_CHARS_MAX} />
        </span>
        {comma}
      </div>
    );
  const [begin, end] = value.kind === "object" ? "{}" : "[]";
  if (value.items.length === 0)
    return (
      <div className="json-line">
        {name}
        <span className="json-punctuation">
          {begin}
          {end}
        </span>
        {comma}
      </div>
    );
  return (
    <>
      <div className="json-line">
        <button
          type="button"
          className="json-fold"
          aria-expanded={open}
          aria-label={strings.detail.fold(key ?? begin ?? "")}
          onClick={() => setOpen(!open)}
        >
          <Icon name={open ? "chevronDown" : "chevronRight"} size={10} />
        </button>
        {name}
        <span className="json-punctuation">{begin}</span>
        {!open && (
          <>
            <span className="dim"> {strings.detail.items(value.items.length)} </span>
            <span className="json-punctuation">{end}</span>
            {comma}
          </>
        )}
      </div>
      {open && (
        <>
          <div className="json-items">
            {value.items.slice(0, shown).map((one, i) => (
              <Node key={i} item={one} depth={depth + 1} last={i === value.items.length - 1} />
            ))}
            {shown < value.items.length && (
              <button type="button" className="json-more" onClick={() => setShown(shown * 4)}>
                {strings.detail.moreFields(value.items.length - shown)}
              </button>
            )}
          </div>
          <div className="json-line">
            <span className="json-punctuation">{end}</span>
            {comma}
          </div>
        </>
      )}
    </>
  );
}
