/* SavedMenu.tsx - queries and views that are kept on the server, and links to what is shown. */
import { useState, type FormEvent } from "react";
import { getSaved, isConflict, newId, type Saved } from "@/api/saved";
import { formatView, type ChangeView, type View } from "@/app/view";
import { Button } from "@/components/Button";
import { CopyButton } from "@/components/CopyButton";
import { Icon } from "@/components/Icon";
import { absoluteRange, resolveRange } from "@/lib/timeRange";
import { AddToBoard } from "@/features/dashboards/AddToBoard";
import { strings } from "@/strings";
import "@/styles/saved.css";
import { openSaved } from "./openSaved";
import { useSavedChanges, useSavedLists } from "./useSaved";

const text = strings.saved;
const FILTER_FROM = 8;
const NAME_CHARS_MAX = 100;

interface Props {
  view: View;
  onChange: ChangeView;
  onClose: () => void;
}

export function SavedMenu({ view, onChange, onClose }: Props) {
  const { all, pending, error } = useSavedLists(["query", "view"]);
  const changes = useSavedChanges();
  const [filter, setFilter] = useState("");
  const [said, setSaid] = useState<{ text: string; bad: boolean }>();
  const failed = (why: Error) => setSaid({ text: isConflict(why) ? text.changed : why.message, bad: true });
  const shown = all.filter((one) => one.name.toLowerCase().includes(filter.toLowerCase()));
  const open = (one: Saved) => {
    getSaved(one.kind, one.id).then((document) => {
      openSaved(document, onChange);
      onClose();
    }, failed);
  };
  return (
    <div className="saved-menu">
      <SaveForm
        view={view}
        all={all}
        onSave={(one, body) =>
          changes.put.mutate(
            { one, body },
            { onSuccess: ({ name }) => setSaid({ text: text.saved(name), bad: false }), onError: failed },
          )
        }
      />
      {(said || error) && (
        <p className={`hint${said?.bad || error ? " problem" : ""}`} role={said?.bad || error ? "alert" : "status"}>
          {said?.text ?? `${text.failed}${error?.message}`}
        </p>
      )}
      {all.length >= FILTER_FROM && (
        <input
          type="search"
          aria-label={text.filter}
          placeholder={text.filter}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
      )}
      {pending ? (
        <p className="hint">{text.loading}</p>
      ) : (
        <ul aria-label={text.list}>
          {shown.map((one) => (
            <SavedItem
              key={`${one.kind} ${one.id}`}
              one={one}
              onOpen={() => open(one)}
              onRename={(name) => changes.rename.mutate({ one, name }, { onError: failed })}
              onRemove={() => changes.remove.mutate(one, { onError: failed })}
            />
          ))}
        </ul>
      )}
      {!pending && !error && all.length === 0 && <p className="hint">{text.none}</p>}
      <AddToBoard view={view} onChange={onChange} onDone={onClose} />
      <Links view={view} />
    </div>
  );
}

interface SaveFormProps {
  view: View;
  all: readonly Saved[];
  onSave: (
    one: { kind: "query" | "view"; id: string; name: string; version: number },
    body: Record<string, unknown>,
  ) => void;
}

function SaveForm({ view, all, onSave }: SaveFormProps) {
  const [name, setName] = useState("");
  const [whole, setWhole] = useState(false);
  const kind = whole ? ("view" as const) : ("query" as const);
  const there = all.find((one) => one.kind === kind && one.name === name.trim());
  const save = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    const { id, version } = there ?? { id: newId(), version: 0 };
    onSave({ kind, id, name: name.trim(), version }, whole ? { address: formatView(view) } : { query: view.query });
    setName("");
  };
  return (
    <form onSubmit={save}>
      <span className="saved-name">
        <input
          aria-label={text.name}
          placeholder={text.name}
          value={name}
          maxLength={NAME_CHARS_MAX}
          autoFocus
          onChange={(event) => setName(event.target.value)}
        />
        <Button kind="primary" type="submit" disabled={name.trim() === "" || view.query.trim() === ""}>
          {there ? text.replace : text.save}
        </Button>
      </span>
      <label className="check">
        <input type="checkbox" checked={whole} onChange={(event) => setWhole(event.target.checked)} />
        {text.whole}
      </label>
    </form>
  );
}

interface ItemProps {
  one: Saved;
  onOpen: () => void;
  onRename: (name: string) => void;
  onRemove: () => void;
}

function SavedItem({ one, onOpen, onRename, onRemove }: ItemProps) {
  const [doing, setDoing] = useState<"rename" | "remove">();
  const [name, setName] = useState(one.name);
  if (doing === "rename")
    return (
      <li>
        <form
          className="saved-name"
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== "" && name.trim() !== one.name) onRename(name.trim());
            setDoing(undefined);
          }}
        >
          <input
            aria-label={text.rename(one.name)}
            value={name}
            maxLength={NAME_CHARS_MAX}
            autoFocus
            onChange={(event) => setName(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== "Escape") return;
              event.stopPropagation();
              setDoing(undefined);
            }}
          />
          <Button type="submit" icon="check" title={text.save} />
        </form>
      </li>
    );
  return (
    <li>
      <button type="button" className="saved-open" title={text.open(one.name)} onClick={onOpen}>
        <Icon name={one.kind === "view" ? "bookmark" : "search"} size={13} />
        <span>{one.name}</span>
        <small>{text.kinds[one.kind === "view" ? "view" : "query"]}</small>
      </button>
      {doing === "remove" ? (
        <>
          <Button kind="quiet" className="problem" autoFocus onClick={onRemove}>
            {text.reallyRemove}
          </Button>
          <Button kind="quiet" onClick={() => setDoing(undefined)}>
            {text.keep}
          </Button>
        </>
      ) : (
        <>
          <Button kind="quiet" icon="pencil" title={text.rename(one.name)} onClick={() => setDoing("rename")} />
          <Button kind="quiet" icon="trash" title={text.remove(one.name)} onClick={() => setDoing("remove")} />
        </>
      )}
    </li>
  );
}

function Links({ view }: { view: View }) {
  const linkTo = (hash: string) => {
    const url = new URL(window.location.href);
    url.hash = hash;
    return url.href;
  };
  const { startMs, endMs } = resolveRange(view.range, Date.now());
  const fixed = { ...view, range: absoluteRange(startMs, endMs), refreshSeconds: 0 };
  return (
    <section className="saved-links" aria-label={text.share}>
      <CopyButton icon="link" text={linkTo(formatView(view))} title={text.shareMovingTitle}>
        {text.shareMoving}
      </CopyButton>
      <CopyButton icon="clock" text={linkTo(formatView(fixed))} title={text.shareFixedTitle}>
        {text.shareFixed}
      </CopyButton>
    </section>
  );
}
