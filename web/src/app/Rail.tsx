import { useQuery } from "@tanstack/react-query";
import { buildInfo } from "@/api/loki";
import { Icon, type IconName } from "@/components/Icon";
import { strings } from "@/strings";
import { useTheme } from "./theme";
import { formatView, type Screen, type View } from "./view";

/* Questions, overviews (alerts will be here), the running of the server (audit, users and tokens will be here). */
const GROUPS: readonly (readonly Screen[])[] = [
  ["explore", "tail", "patterns"],
  ["dashboards"],
  ["sources", "dead", "status"],
];

const THEME_ICONS = { system: "system", light: "sun", dark: "moon" } as const;

interface Props {
  view: View;
  theme: ReturnType<typeof useTheme>;
  onShortcuts: () => void;
  onSettings: () => void;
  onPalette: () => void;
}

export function Rail({ view, theme: [theme, nextTheme], onShortcuts, onSettings, onPalette }: Props) {
  const info = useQuery({ queryKey: ["build-info"], queryFn: ({ signal }) => buildInfo(signal), staleTime: Infinity });
  return (
    <nav className="rail" aria-label={strings.nav.label}>
      <span className="rail-mark" title={`${strings.product} ${info.data?.version ?? ""}`.trim()}>
        <Mark />
      </span>
      {GROUPS.map((group) => (
        <span key={group[0]} className="rail-group">
          {group.map((screen) => (
            <a
              key={screen}
              href={formatView({ ...view, screen, board: undefined, variables: {} })}
              aria-current={view.screen === screen ? "page" : undefined}
              title={strings.nav[screen]}
              aria-label={strings.nav[screen]}
            >
              <Icon name={screen} size={18} />
            </a>
          ))}
        </span>
      ))}
      <span className="spacer" />
      <RailButton icon="palette" text={strings.nav.palette} onClick={onPalette} />
      <RailButton icon={THEME_ICONS[theme]} text={strings.theme[theme]} onClick={nextTheme} large />
      <RailButton icon="keyboard" text={strings.nav.shortcuts} onClick={onShortcuts} large />
      <RailButton icon="gear" text={strings.nav.settings} onClick={onSettings} />
    </nav>
  );
}

/* `large`: left out on a phone, where the settings and the commands have it. */
function RailButton({ icon, text, onClick, large = false }: { icon: IconName; text: string; onClick: () => void; large?: boolean }) {
  return (
    <button type="button" className={large ? "rail-large" : undefined} title={text} aria-label={text} onClick={onClick}>
      <Icon name={icon} size={18} />
    </button>
  );
}

function Mark() {
  return (
    <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true" fill="none" strokeLinecap="round">
      <path d="M16 27V6" stroke="currentColor" strokeWidth="3" />
      <path d="M16 12h7M16 18h9M16 18H9M16 24H7" stroke="var(--accent)" strokeWidth="2.4" />
    </svg>
  );
}
