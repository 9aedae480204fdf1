import { useEffect, useState } from "react";
import { Explore } from "@/features/explore/Explore";
import { Tail } from "@/features/tail/Tail";
import { strings } from "@/strings";
import { Crash } from "./Crash";
import { Rail } from "./Rail";
import { useShortcuts } from "./shortcuts";
import { ShortcutsDialog } from "./ShortcutsDialog";
import { readStored, writeStored } from "./stored";
import { useTheme } from "./theme";
import { useView, type Screen } from "./view";

const TITLE_CHARS_MAX = 80;
const LABELS_KEY = "bole.labels";
const SCREEN_OF = { explore: Explore, tail: Tail };

export function App() {
  const [view, onChange] = useView();
  const [help, setHelp] = useState(false);
  const [labelsOpen, setLabelsOpen] = useState(() => readStored(LABELS_KEY, false));
  const theme = useTheme();
  const onLabels = (open: boolean) => {
    setLabelsOpen(open);
    writeStored(LABELS_KEY, open);
  };
  const go = (screen: Screen) => onChange({ screen });

  useShortcuts({
    "/": () => document.querySelector<HTMLElement>(".editor .cm-content, .editor-plain")?.focus(),
    "?": () => setHelp(true),
    e: () => go("explore"),
    t: () => go("tail"),
    l: () => onLabels(!labelsOpen),
    d: theme[1],
  });

  useEffect(() => {
    document.title = `${view.query.slice(0, TITLE_CHARS_MAX)} · ${strings.product}`;
  }, [view.query]);

  const Shown = SCREEN_OF[view.screen];
  return (
    <div className="app">
      <Rail view={view} theme={theme} onShortcuts={() => setHelp(true)} />
      <Crash key={view.screen}>
        <Shown view={view} onChange={onChange} labelsOpen={labelsOpen} onLabels={onLabels} />
      </Crash>
      {help && <ShortcutsDialog onClose={() => setHelp(false)} />}
    </div>
  );
}
