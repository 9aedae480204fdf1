import { useState } from "react";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { later } from "@/stringsLater";
import { isVariableName, VARIABLE_KINDS, type Dashboard, type Variable } from "./model";

const text = later.boardEditor;
const TITLE_CHARS_MAX = 100;

interface Props {
  board: Dashboard;
  onChange: (board: Dashboard) => void;
  onClose: () => void;
}

export function BoardSettings({ board, onChange, onClose }: Props) {
  const [draft, setDraft] = useState(board);
  const { variables } = draft;
  const change = (part: Partial<Dashboard>) => setDraft((before) => ({ ...before, ...part }));
  const setVariable = (at: number, part: Partial<Variable>) =>
    change({ variables: variables.map((one, i) => (i === at ? { ...one, ...part } : one)) });
  const bad = variables.some(({ name }) => !isVariableName(name));
  return (
    <Dialog title={text.title} close={later.panelEditor.close} className="editor-dialog" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (bad) return;
          onChange({ ...draft, title: draft.title.trim() || board.title });
          onClose();
        }}
      >
        <label>
          <span>{text.name}</span>
          <input value={draft.title} maxLength={TITLE_CHARS_MAX} autoFocus onChange={(event) => change({ title: event.target.value })} />
        </label>
        <label>
          <span>{text.description}</span>
          <input value={draft.description} onChange={(event) => change({ description: event.target.value })} />
        </label>
        <fieldset>
          <legend>{text.variables}</legend>
          {variables.map((one, i) => (
            <div key={i} className="variable-row">
              <input
                className="mono"
                aria-label={text.variable}
                placeholder={text.variable}
                value={one.name}
                onChange={(event) => setVariable(i, { name: event.target.value })}
              />
              <select aria-label={text.kind} value={one.kind} onChange={(event) => setVariable(i, { kind: event.target.value as Variable["kind"] })}>
                {VARIABLE_KINDS.map((kind) => (
                  <option key={kind} value={kind}>
                    {text.kinds[kind]}
                  </option>
                ))}
              </select>
              <input
                className="mono"
                aria-label={text.sources[one.kind]}
                placeholder={text.sources[one.kind]}
                value={one.source}
                onChange={(event) => setVariable(i, { source: event.target.value })}
              />
              {one.kind !== "text" && (
                <label className="check">
                  <input type="checkbox" checked={one.several} onChange={(event) => setVariable(i, { several: event.target.checked })} />
                  {text.several}
                </label>
              )}
              <Button
                kind="quiet"
                icon="trash"
                title={text.remove(one.name)}
                onClick={() => change({ variables: variables.filter((_, at) => at !== i) })}
              />
            </div>
          ))}
          {bad && (
            <p className="hint problem" role="alert">
              {text.badName}
            </p>
          )}
          <Button
            icon="plus"
            disabled={variables.length >= 12}
            onClick={() => change({ variables: [...variables, { name: `v${variables.length + 1}`, kind: "label", source: "service_name", several: true }] })}
          >
            {text.add}
          </Button>
        </fieldset>
        <footer>
          <Button kind="primary" type="submit" disabled={bad}>
            {text.done}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
