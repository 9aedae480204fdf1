/* level.ts - severities: their order, their aliases, and which one a row has. */
export const LEVELS = ["critical", "error", "warn", "info", "debug", "trace", "unknown"] as const;
export type Level = (typeof LEVELS)[number];

/* The names under which the server stores a level that is shown as one. */
export function storedNames(level: string): string[] {
  return level === "critical" ? ["critical", "fatal"] : [level];
}

export const LEVEL_FIELD = "detected_level";

/* Asked in this order when the server did not detect a level. */
const LEVEL_FIELDS = [LEVEL_FIELD, "level", "severity", "severity_text", "lvl"];

const ALIASES = new Map<string, Level>(
  Object.entries({
    critical: "critical",
    crit: "critical",
    fatal: "critical",
    emerg: "critical",
    emergency: "critical",
    alert: "critical",
    panic: "critical",
    dpanic: "critical",
    error: "error",
    err: "error",
    eror: "error",
    severe: "error",
    warn: "warn",
    warning: "warn",
    info: "info",
    information: "info",
    informational: "info",
    notice: "info",
    debug: "debug",
    dbug: "debug",
    fine: "debug",
    trace: "trace",
    verbose: "trace",
    finest: "trace",
  }),
);

export function levelOf(text: string | undefined): Level {
  return text === undefined ? "unknown" : (ALIASES.get(text.toLowerCase()) ?? "unknown");
}

export function findLevel(...fields: Record<string, string>[]): Level {
  for (const name of LEVEL_FIELDS) {
    for (const group of fields) {
      const value = Object.hasOwn(group, name) ? group[name] : undefined;
      if (value !== undefined) return levelOf(value);
    }
  }
  return "unknown";
}
