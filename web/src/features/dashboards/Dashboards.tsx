import type { ChangeView, View } from "@/app/view";
import "@/styles/pages.css";
import "@/styles/dashboards.css";
import { Board } from "./Board";
import { BoardList } from "./BoardList";

interface Props {
  view: View;
  onChange: ChangeView;
}

export function Dashboards({ view, onChange }: Props) {
  if (view.board === undefined) return <BoardList view={view} onChange={onChange} />;
  return <Board key={view.board} id={view.board} view={view} onChange={onChange} />;
}
