import type { ReactNode } from "react";
import { Button, Segments } from "@/components/Button";
import { strings } from "@/strings";

export const PANELS = ["fields", "labels"] as const;
export type Panel = (typeof PANELS)[number];

interface Props {
  panel: Panel;
  /* Only one, where the other has nothing to show. */
  panels: readonly Panel[];
  onPanel: (panel: Panel | undefined) => void;
  children: ReactNode;
}

/* Left of the answer: what there is to search for. */
export function SidePanel({ panel, panels, onPanel, children }: Props) {
  return (
    <aside className="side-panel" aria-label={strings.panels[panel]}>
      <header>
        {panels.length > 1 ? (
          <Segments
            label={strings.panels.label}
            value={panel}
            onChange={onPanel}
            choices={panels.map((value) => ({ value, text: strings.panels[value] }))}
          />
        ) : (
          <h2>{strings.panels[panel]}</h2>
        )}
        <span className="spacer" />
        <Button kind="quiet" icon="close" title={strings.panels.close} onClick={() => onPanel(undefined)} />
      </header>
      {children}
    </aside>
  );
}
