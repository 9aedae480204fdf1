import { useQuery } from "@tanstack/react-query";
import { buildInfo } from "@/api/loki";
import { Icon, type IconName } from "@/components/Icon";
import { strings } from "@/strings";
import { useTheme } from "./theme";
import { formatView, type Screen, type View } from "./view";

/* One entry per screen; dashboards, alerts, sources and audit get theirs here as they come to exist. */
const ENTRIES: { screen: Screen; icon: IconName; text: string }[] = [
  { screen: "explore", icon: "explore", text: strings.nav.explore },
  { screen: "tail", icon: "tail", text: strings.nav.tail },
  { screen: "patterns", icon: "patterns", text: strings.nav.patterns },
  { screen: "dashboards", icon: "dashboards", text: strings.nav.dashboards },
];

const THEME_ICONS = { system: "system", light: "sun", dark: "moon" } as const;

interface Props {
  view: View;
  theme: ReturnType<typeof useTheme>;
  onShortcuts: () => void;
}

export function Rail({ view, theme: [theme, nextTheme], onShortcuts }: Props) {
  const info = useQuery({ queryKey: ["build-info"], queryFn: ({ signal }) => buildInfo(signal), staleTime: Infinity });
  return (
    <nav className="rail" aria-label={strings.nav.label}>
      <span className="rail-mark" title={`${strings.product} ${info.data?.version ?? ""}`.trim()}>
        <Mark />
      </span>
      {ENTRIES.map(({ screen, icon, text }) => (
        <a
          key={screen}
          href={formatView({ ...view, screen })}
          aria-current={view.screen === screen ? "page" : undefined}
          title={text}
          aria-label={text}
        >
          <Icon name={icon} size={18} />
          <span>{text}</span>
        </a>
      ))}
      <span className="spacer" />
      <button type="button" title={strings.theme[theme]} aria-label={strings.theme[theme]} onClick={nextTheme}>
        <Icon name={THEME_ICONS[theme]} size={18} />
      </button>
      <button type="button" title={strings.nav.shortcuts} aria-label={strings.nav.shortcuts} onClick={onShortcuts}>
        <Icon name="keyboard" size={18} />
      </button>
    </nav>
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
