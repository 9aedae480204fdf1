import { useRef, useState } from "react";
import { ApiError } from "@/api/http";
import { newId, putSaved } from "@/api/saved";
import { ShapeError } from "@/api/check";
import { formatView, type ChangeView, type View } from "@/app/view";
import { Button } from "@/components/Button";
import { Icon } from "@/components/Icon";
import { Banner } from "@/components/Notice";
import { useSavedLists } from "@/features/saved/useSaved";
import { later } from "@/stringsLater";
import { readDashboard, writeDashboard } from "./model";
import { SHIPPED } from "./shipped";
import { NEW } from "./useBoard";

const text = later.boards;
const FILE_BYTES_MAX = 1 << 20;

export function BoardList({ view, onChange }: { view: View; onChange: ChangeView }) {
  const { all, pending, error } = useSavedLists(["dashboard"]);
  const [problem, setProblem] = useState<string>();
  const file = useRef<HTMLInputElement>(null);
  const open = (board: string) => onChange({ board, variables: {} });

  const take = async (chosen: File) => {
    try {
      if (chosen.size > FILE_BYTES_MAX) throw new ShapeError("size");
      const board = readDashboard(JSON.parse(await chosen.text()));
      const saved = await putSaved({ kind: "dashboard", id: newId(), name: board.title || text.untitled, version: 0 }, writeDashboard(board));
      open(saved.id);
    } catch (why) {
      const reason = why instanceof Error ? why.message : String(why);
      setProblem(why instanceof ApiError ? reason : text.importFailed(reason));
    }
  };

  const entry = (id: string, title: string, about: string) => (
    <li key={id}>
      <a href={formatView({ ...view, board: id, variables: {} })}>
        <Icon name="dashboards" size={18} />
        <span>
          <b>{title}</b>
          <small>{about}</small>
        </span>
      </a>
    </li>
  );
  return (
    <main className="screen page">
      <div className="page-head">
        <h1>{text.title}</h1>
        <span className="spacer" />
        <input
          ref={file}
          type="file"
          accept="application/json,.json"
          className="unseen"
          tabIndex={-1}
          aria-label={text.import}
          onChange={(event) => {
            const chosen = event.target.files?.[0];
            if (chosen) void take(chosen);
            event.target.value = "";
          }}
        />
        <Button icon="upload" title={text.importTitle} onClick={() => file.current?.click()}>
          {text.import}
        </Button>
        <Button icon="plus" kind="primary" onClick={() => open(NEW)}>
          {text.create}
        </Button>
      </div>
      <div className="page-body">
        {(problem ?? error) && <Banner icon="warning">{problem ?? error?.message}</Banner>}
        <section aria-labelledby="boards-own">
          <h2 id="boards-own">{text.own}</h2>
          {pending && !error ? (
            <p className="hint">{text.loading}</p>
          ) : all.length === 0 ? (
            !error && <p className="hint">{text.none}</p>
          ) : (
            <ul className="board-list">
              {all.map(({ id, name, updatedMs }) => entry(id, name, new Date(updatedMs).toLocaleString()))}
            </ul>
          )}
        </section>
        <section aria-labelledby="boards-shipped">
          <h2 id="boards-shipped">{text.shipped}</h2>
          <ul className="board-list">{SHIPPED.map(({ id, board }) => entry(id, board.title, board.description))}</ul>
        </section>
      </div>
    </main>
  );
}
