/* history.ts - the queries that were run, newest first, in this browser. */
import { readStored, writeStored } from "@/app/stored";
import { HISTORY_MAX } from "@/limits";

const KEY = "bole.history";

export function readHistory(): string[] {
  const stored = readStored<unknown>(KEY, []);
  return Array.isArray(stored) ? stored.filter((item): item is string => typeof item === "string") : [];
}

export function remember(query: string): void {
  if (query.trim() === "") return;
  writeStored(KEY, [query, ...readHistory().filter((item) => item !== query)].slice(0, HISTORY_MAX));
}

export function clearHistory(): void {
  writeStored(KEY, []);
}

/* The entry `steps` older (or newer, if negative) than the one shown; undefined at the ends. */
export function neighbour(history: readonly string[], shown: string, steps: number): string | undefined {
  const at = history.indexOf(shown);
  return history[at + steps];
}
