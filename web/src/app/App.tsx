import { lazy, Suspense, useEffect, useState } from "react";
import { Explore } from "@/features/explore/Explore";
import { PANELS, type Panel } from "@/features/query/SidePanel";
import { strings } from "@/strings";
import { Crash } from "./Crash";
import { Rail } from "./Rail";
import { useShortcuts } from "./shortcuts";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { readStored, writeStored } from "./stored";
import { useTheme } from "./theme";
import { useView, type Screen } from "./view";

const TITLE_CHARS_MAX = 80;
const PANEL_KEY = "bole.panel";

function storedPanel(): Panel | undefined {
  const stored = readStored<string>(PANEL_KEY, "");
  return PANELS.find((panel) => panel === stored);
}

/* The first screen is there at once; the others come when they are wanted. */
const SCREEN_OF = {
  explore: Explore,
  tail: lazy(() => import("@/features/tail/Tail").then(({ Tail }) => ({ default: Tail }))),
  patterns: lazy(() => import("@/features/patterns/Patterns").then(({ Patterns }) => ({ default: Patterns }))),
  dashboards: lazy(() => import("@/features/dashboards/Dashboards").then(({ Dashboards }) => ({ default: Dashboards }))),
};

export function App() {
  const [view, onChange] = useView();
  const [help, setHelp] = useState(false);
  const [panel, setPanel] = useState(storedPanel);
  const theme = useTheme();
  const onPanel = (next: Panel | undefined) => {
    setPanel(next);
    writeStored(PANEL_KEY, next ?? "");
  };
  const toggle = (wanted: Panel) => onPanel(panel === wanted ? undefined : wanted);
  const go = (screen: Screen) => onChange({ screen });

  useShortcuts({
    "/": () => document.querySelector<HTMLElement>(".editor .cm-content, .editor-plain")?.focus(),
    "?": () => setHelp(true),
    e: () => go("explore"),
    t: () => go("tail"),
    a: () => go("patterns"),
    b: () => go("dashboards"),
    l: () => toggle("labels"),
    s: () => toggle("fields"),
    d: theme[1],
  });

  useEffect(() => {
    const asks = view.screen === "explore" || view.screen === "tail" || view.screen === "patterns";
    document.title = `${asks ? view.query.slice(0, TITLE_CHARS_MAX) : strings.nav[view.screen]} · ${strings.product}`;
  }, [view.query, view.screen]);

  const Shown = SCREEN_OF[view.screen];
  return (
    <div className="app">
      <Rail view={view} theme={theme} onShortcuts={() => setHelp(true)} />
      <Crash key={view.screen}>
        <Suspense fallback={<main className="screen" />}>
          <Shown view={view} onChange={onChange} panel={panel} onPanel={onPanel} />
        </Suspense>
      </Crash>
      {help && <ShortcutsDialog onClose={() => setHelp(false)} />}
    </div>
  );
}
