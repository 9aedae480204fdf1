/* SeveralChoice.tsx - some values of a variable, or all of them. */
import { useState } from "react";
import { Icon } from "@/components/Icon";
import { Popover } from "@/components/Popover";
import { later } from "@/stringsLater";
import { ALL } from "./variables";

const text = later.boards;
const FILTER_FROM = 8;

interface Props {
  name: string;
  chosen: readonly string[];
  choices: readonly string[];
  onChange: (chosen: readonly string[]) => void;
}

const shownAs = (value: string) => (value === ALL ? text.all : value);

export function SeveralChoice({ name, chosen, choices, onChange }: Props) {
  const [filter, setFilter] = useState("");
  /* What an address chose stays in the list, whatever there is now. */
  const all = [...choices, ...chosen.filter((one) => !choices.includes(one))];
  const wanted = all.filter((one) => shownAs(one).toLowerCase().includes(filter.toLowerCase()));
  const toggle = (value: string) => {
    if (value === ALL) onChange([ALL]);
    else if (chosen.includes(value)) onChange(chosen.filter((one) => one !== value));
    else onChange([...chosen.filter((one) => one !== ALL), value]);
  };
  const said = chosen.length === 1 ? shownAs(chosen[0] ?? "") : text.values(chosen.length);
  return (
    <Popover
      text={
        <>
          <span>{said}</span>
          <Icon name="chevronDown" size={12} />
        </>
      }
      title={chosen.map(shownAs).join(", ")} label={`${text.value(name)}: ${said}`}
      className="several"
    >
      {() => (
        <>
          {all.length > FILTER_FROM && (
            <input
              type="search"
              aria-label={text.filterValues}
              placeholder={text.filterValues}
              value={filter}
              autoFocus
              onChange={(event) => setFilter(event.target.value)}
            />
          )}
          <div className="several-list" role="group" aria-label={text.value(name)}>
            {wanted.map((one) => (
              <label key={one} className="check">
                <input type="checkbox" checked={chosen.includes(one)} onChange={() => toggle(one)} />
                <span>{shownAs(one)}</span>
              </label>
            ))}
          </div>
        </>
      )}
    </Popover>
  );
}
