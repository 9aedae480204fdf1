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
import { SCREENS, useView, type Screen } from "./view";

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
  sources: lazy(() => import("@/features/sources/Sources").then(({ Sources }) => ({ default: Sources }))),
  dead: lazy(() => import("@/features/dead/DeadLetters").then(({ DeadLetters }) => ({ default: DeadLetters }))),
  status: lazy(() => import("@/features/status/Status").then(({ Status }) => ({ default: Status }))),
  dashboards: lazy(() => import("@/features/dashboards/Dashboards").then(({ Dashboards }) => ({ default: Dashboards }))),
};

const Palette = lazy(() => import("@/features/palette/Palette").then(({ Palette }) => ({ default: Palette })));
const Settings = lazy(() => import("@/features/settings/Settings").then(({ Settings }) => ({ default: Settings })));
type Window = "shortcuts" | "settings" | "palette";

export function App() {
  const [view, onChange] = useView();
  const [window, setWindow] = useState<Window>();
  const close = () => setWindow(undefined);
  const [panel, setPanel] = useState(storedPanel);
  const theme = useTheme();
  const onPanel = (next: Panel | undefined) => {
    setPanel(next);
    writeStored(PANEL_KEY, next ?? "");
  };
  const toggle = (wanted: Panel) => onPanel(panel === wanted ? undefined : wanted);
  const go = (screen: Screen) => onChange({ screen, board: undefined, variables: {} });

  useShortcuts({
    "/": () => document.querySelector<HTMLElement>(".editor .cm-content, .editor-plain")?.focus(),
    "?": () => setWindow("shortcuts"),
    ",": () => setWindow("settings"),
    ...Object.fromEntries(SCREENS.map((screen, i) => [String(i + 1), () => go(screen)])),
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

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || event.altKey || event.shiftKey || event.ctrlKey === event.metaKey) return;
      event.preventDefault();
      if (!document.querySelector("dialog[open]")) setWindow("palette");
    };
    /* Before the editor has it. */
    document.addEventListener("keydown", press, { capture: true });
    return () => document.removeEventListener("keydown", press, { capture: true });
  }, []);

  const Shown = SCREEN_OF[view.screen];
  return (
    <div className="app">
      <Rail view={view} theme={theme} onShortcuts={() => setWindow("shortcuts")} onSettings={() => setWindow("settings")} onPalette={() => setWindow("palette")} />
      <Crash key={view.screen}>
        <Suspense fallback={<main className="screen" />}>
          <Shown view={view} onChange={onChange} panel={panel} onPanel={onPanel} />
        </Suspense>
      </Crash>
      {window === "shortcuts" && <ShortcutsDialog onClose={close} />}
      <Suspense>
        {window === "settings" && <Settings view={view} onChange={onChange} theme={theme} onClose={close} />}
        {window === "palette" && (
          <Palette
            view={view}
            onChange={onChange}
            theme={theme}
            onPanel={toggle}
            onShortcuts={() => setWindow("shortcuts")}
            onSettings={() => setWindow("settings")}
            onClose={close}
          />
        )}
      </Suspense>
    </div>
  );
}
