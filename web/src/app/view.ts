/*
 * view.ts - what is looked at, kept in the URL.
 *
 * The URL's fragment is used (`#/explore?q=...`): it needs no rewriting rules on the server, cannot meet an API
 * path, and a query never reaches an access log as part of a page's address. Options that a person prefers
 * (zone, order, wrap) are remembered too, and hold where a link does not say otherwise.
 */
import { useCallback, useSyncExternalStore } from "react";
import type { Direction } from "@/api/rows";
import { isZone, type Zone } from "@/lib/clock";
import { DEFAULT_RANGE, isRange, type TimeRange } from "@/lib/timeRange";
import { DEDUPES, type Dedupe } from "@/lib/dedupe";
import { readStored, writeStored } from "./stored";

export const SCREENS = ["explore", "tail", "patterns", "dashboards", "sources", "dead", "status"] as const;
export type Screen = (typeof SCREENS)[number];

export const REFRESH_CHOICES = [0, 5, 10, 30] as const;

export const BASELINES = ["none", "period", "day", "week"] as const;
export type Baseline = (typeof BASELINES)[number];

export interface View {
  screen: Screen;
  query: string;
  range: TimeRange;
  direction: Direction;
  zone: Zone;
  wrap: boolean;
  refreshSeconds: number;
  /* Metric queries: one value per series at the end of the range. */
  instant: boolean;
  /* A permalink: the id of the row that is pointed at. */
  row: string | undefined;
  /* Fields that have a column of their own. */
  columns: readonly string[];
  dedupe: Dedupe;
  /* What patterns are compared with. */
  baseline: Baseline;
  /* The dashboard that is open, and what was chosen for its variables. */
  board: string | undefined;
  variables: Readonly<Record<string, readonly string[]>>;
}

export const DEFAULT_QUERY = '{service_name=~".+"}';
const OPTIONS_KEY = "bole.options";

type Options = Record<string, string>;

export function parseView(hash: string, options: Options): View {
  const [path = "", search = ""] = splitOnce(hash.replace(/^#?\/?/, ""), "?");
  const params = new URLSearchParams(search);
  const option = (name: string) => params.get(name) ?? options[name];
  const range = { from: params.get("from") ?? DEFAULT_RANGE.from, to: params.get("to") ?? DEFAULT_RANGE.to };
  const refresh = Number(params.get("refresh") ?? 0);
  return {
    screen: SCREENS.find((screen) => screen === path) ?? "explore",
    query: params.get("q") ?? DEFAULT_QUERY,
    range: isRange(range) ? range : DEFAULT_RANGE,
    direction: option("order") === "oldest" ? "forward" : "backward",
    zone: [params.get("tz"), options["tz"]].find((zone) => typeof zone === "string" && isZone(zone)) ?? "local",
    wrap: option("wrap") === "1",
    refreshSeconds: REFRESH_CHOICES.find((choice) => choice === refresh) ?? 0,
    instant: params.get("at") === "end",
    row: params.get("row") ?? undefined,
    columns: params.getAll("col"),
    dedupe: DEDUPES.find((dedupe) => dedupe === params.get("dedupe")) ?? "none",
    baseline: BASELINES.find((baseline) => baseline === params.get("baseline")) ?? "none",
    board: params.get("board") ?? undefined,
    variables: Object.fromEntries(
      [...params.keys()].flatMap((name) => (name.startsWith("var.") ? [[name.slice("var.".length), params.getAll(name)]] : [])),
    ),
  };
}

function optionsOf(view: View): Options {
  return { order: view.direction === "forward" ? "oldest" : "newest", tz: view.zone, wrap: view.wrap ? "1" : "0" };
}

export function formatView(view: View): string {
  const params = new URLSearchParams({ q: view.query, from: view.range.from, to: view.range.to, ...optionsOf(view) });
  if (view.refreshSeconds > 0) params.set("refresh", String(view.refreshSeconds));
  if (view.instant) params.set("at", "end");
  if (view.row !== undefined) params.set("row", view.row);
  for (const name of view.columns) params.append("col", name);
  if (view.dedupe !== "none") params.set("dedupe", view.dedupe);
  if (view.baseline !== "none") params.set("baseline", view.baseline);
  if (view.screen !== "dashboards") return `#/${view.screen}?${params}`;
  if (view.board !== undefined) params.set("board", view.board);
  for (const [name, values] of Object.entries(view.variables)) for (const value of values) params.append(`var.${name}`, value);
  return `#/${view.screen}?${params}`;
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  window.addEventListener("hashchange", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
    window.removeEventListener("hashchange", listener);
  };
}

let cached: { hash: string; view: View } | undefined;

/* The same object as long as the URL is the same: hooks compare it. */
function currentView(): View {
  const hash = window.location.hash;
  if (cached?.hash !== hash) cached = { hash, view: parseView(hash, readStored<Options>(OPTIONS_KEY, {})) };
  return cached.view;
}

/* `replace` for what is no step of its own in the history, such as wrapping lines. */
export type Step = "push" | "replace";
export type ChangeView = (change: Partial<View>, step?: Step) => void;

function changeView(change: Partial<View>, step: Step = "push"): void {
  /* A permalink points into one answer. */
  const asksAnew = "query" in change || "range" in change;
  const view = { ...currentView(), ...(asksAnew && { row: undefined }), ...change };
  const hash = formatView(view);
  if (hash === window.location.hash) return;
  writeStored(OPTIONS_KEY, optionsOf(view));
  if (step === "push") window.history.pushState(null, "", hash);
  else window.history.replaceState(null, "", hash);
  listeners.forEach((listener) => listener());
}

export function useView(): [View, ChangeView] {
  const view = useSyncExternalStore(subscribe, currentView);
  return [view, useCallback(changeView, [])];
}
