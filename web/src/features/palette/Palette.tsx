/* Palette.tsx - everything that can be done or opened, by its name. */
import { useMemo, useState, useRef, useEffect, type KeyboardEvent } from "react";
import { getSaved, type Saved } from "@/api/saved";
import type { useTheme } from "@/app/theme";
import { SCREENS, type ChangeView, type View } from "@/app/view";
import { copyText } from "@/components/CopyButton";
import { Dialog } from "@/components/Dialog";
import { Icon, type IconName } from "@/components/Icon";
import { SHIPPED } from "@/features/dashboards/shipped";
import { readHistory } from "@/features/query/history";
import type { Panel } from "@/features/query/SidePanel";
import { openSaved } from "@/features/saved/openSaved";
import { useSavedLists } from "@/features/saved/useSaved";
import { describeRange, QUICK_RANGES } from "@/lib/timeRange";
import { strings } from "@/strings";
import { later } from "@/stringsLater";
import "@/styles/operate.css";
import { bestMatches } from "./match";

const text = later.palette;
const SHOWN_MAX = 60;
const HISTORY_SHOWN = 20;

/* What has to be asked for first says what to do when it is there. */
interface Command {
  text: string;
  icon: IconName;
  run?: () => void;
  load?: (signal: AbortSignal | undefined) => Promise<() => void>;
}

interface Props {
  view: View;
  onChange: ChangeView;
  theme: ReturnType<typeof useTheme>;
  onPanel: (panel: Panel) => void;
  onShortcuts: () => void;
  onSettings: () => void;
  onClose: () => void;
}

export function Palette(props: Props) {
  const { onClose } = props;
  const [input, setInput] = useState("");
  const [at, setAt] = useState(0);
  const [problem, setProblem] = useState<string>();
  const closed = useRef<AbortController>(undefined);
  const { commands, error } = useCommands(props);
  const shown = bestMatches(commands, input, SHOWN_MAX);
  const active = Math.min(at, shown.length - 1);
  useEffect(() => {
    const controller = new AbortController();
    closed.current = controller;
    return () => controller.abort();
  }, []);
  useEffect(() => {
    document.getElementById(`command-${active}`)?.scrollIntoView({ block: "nearest" });
  }, [active]);
  const run = async (command: Command | undefined) => {
    if (!command) return;
    let act = command.run;
    try {
      if (command.load) act = await command.load(closed.current?.signal);
    } catch (why) {
      setProblem(why instanceof Error ? why.message : String(why));
      return;
    }
    onClose();
    act?.();
  };
  const press = (event: KeyboardEvent) => {
    const last = shown.length - 1;
    if (event.key === "ArrowDown") setAt(active >= last ? 0 : active + 1);
    else if (event.key === "ArrowUp") setAt(active <= 0 ? last : active - 1);
    else if (event.key === "Enter") void run(shown[active]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={text.title} className="palette" onClose={onClose}>
      <input
        role="combobox"
        aria-expanded="true"
        aria-controls="commands"
        aria-activedescendant={shown.length > 0 ? `command-${active}` : undefined}
        aria-label={text.title}
        placeholder={text.placeholder}
        value={input}
        autoFocus
        spellCheck={false}
        onChange={(event) => {
          setInput(event.target.value);
          setAt(0);
        }}
        onKeyDown={press}
      />
      <ul id="commands" role="listbox" aria-label={text.title}>
        {shown.map((command, i) => (
          <li
            key={`${i} ${command.text}`}
            id={`command-${i}`}
            role="option"
            aria-selected={i === active}
            onPointerMove={() => setAt(i)}
            onClick={() => void run(command)}
          >
            <Icon name={command.icon} size={14} />
            <span>{command.text}</span>
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p className="hint page-hint">{text.none}</p>}
      {(problem ?? error) && (
        <p className="hint page-hint problem" role="alert">
          {problem ?? strings.saved.failed + error?.message}
        </p>
      )}
    </Dialog>
  );
}

function useCommands({ view, onChange, theme, onPanel, onShortcuts, onSettings }: Props) {
  const { all, error } = useSavedLists(["query", "view", "dashboard"]);
  const commands = useMemo(() => {
    const history = readHistory().slice(0, HISTORY_SHOWN);
    const toQuery = view.screen === "tail" || view.screen === "patterns" ? {} : { screen: "explore" as const };
    const open = (one: Saved): Pick<Command, "run" | "load"> =>
      one.kind === "dashboard"
        ? { run: () => onChange({ screen: "dashboards", board: one.id, variables: {} }) }
        : {
            load: async (signal) => {
              const document = await getSaved(one.kind, one.id, signal);
              return () => openSaved(document, (change) => onChange({ ...toQuery, ...change }));
            },
          };
    const options: Command[] = [
      { text: text.fields, icon: "fields", run: () => onPanel("fields") },
      { text: text.labels, icon: "tag", run: () => onPanel("labels") },
      { text: view.wrap ? text.cut : text.wrap, icon: "wrap", run: () => onChange({ wrap: !view.wrap }, "replace") },
      {
        text: view.direction === "backward" ? text.oldest : text.newest,
        icon: view.direction === "backward" ? "oldest" : "newest",
        run: () => onChange({ direction: view.direction === "backward" ? "forward" : "backward" }, "replace"),
      },
      { text: text.theme, icon: "moon", run: theme[1] },
      { text: text.copyLink, icon: "link", run: () => void copyText(window.location.href) },
      { text: text.settings, icon: "gear", run: onSettings },
      { text: strings.nav.shortcuts, icon: "keyboard", run: onShortcuts },
    ];
    return [
      ...SCREENS.map<Command>((screen) => ({
        text: strings.nav[screen],
        icon: screen,
        run: () => onChange({ screen, board: undefined, variables: {} }),
      })),
      ...all.map<Command>((one) => ({ text: text.saved(one.kind, one.name), icon: "bookmark", ...open(one) })),
      ...SHIPPED.map<Command>(({ id, board }) => ({
        text: text.saved("dashboard", board.title),
        icon: "dashboards",
        run: () => onChange({ screen: "dashboards", board: id, variables: {} }),
      })),
      ...options,
      ...QUICK_RANGES.map<Command>((back) => {
        const range = { from: `now-${back}`, to: "now" };
        return { text: text.range(describeRange(range, "utc")), icon: "clock", run: () => onChange({ range }) };
      }),
      ...history.map<Command>((query) => ({
        text: text.recent(query),
        icon: "history",
        run: () => onChange({ ...toQuery, query }),
      })),
    ];
  }, [all, view, onChange, theme, onPanel, onShortcuts, onSettings]);
  return { commands, error };
}
