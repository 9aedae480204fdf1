/*
 * model.ts - what a dashboard is, as it is saved, exported and imported.
 *
 * What comes from a file or from the server is checked and cut to its bounds here, and then trusted.
 */
import { asArray, asNumber, asObject, asString, ShapeError } from "@/api/check";
import { clampPlace, settle, type Place } from "@/lib/grid";

export const PANEL_KINDS = ["series", "bars", "stat", "table", "heat", "logs", "live", "alerts"] as const;
export type PanelKind = (typeof PANEL_KINDS)[number];
export const UNITS = ["number", "bytes", "percent", "seconds"] as const;
export type Unit = (typeof UNITS)[number];

export interface Panel {
  id: string;
  title: string;
  kind: PanelKind;
  /* LogQL with variables; of a live panel the name of one of the server's figures. */
  query: string;
  unit: Unit;
  /* Time series: bars on top of each other instead of lines. */
  stacked: boolean;
  at: Place;
}

export const VARIABLE_KINDS = ["label", "custom", "text"] as const;
export type VariableKind = (typeof VARIABLE_KINDS)[number];

export interface Variable {
  name: string;
  kind: VariableKind;
  /* Of a label variable: the label; of a custom one: the values, with commas; of a text: what it is at first. */
  source: string;
  /* Several values may be chosen; never of a text. */
  several: boolean;
}

export interface Dashboard {
  title: string;
  description: string;
  variables: Variable[];
  panels: Panel[];
}

export const PANELS_MAX = 60;
const VARIABLES_MAX = 12;
const TEXT_CHARS_MAX = 10_000;
const FORMAT = "bole dashboard 1";

const short = (value: unknown, what: string) => {
  const text = asString(value, what);
  if (text.length > TEXT_CHARS_MAX) throw new ShapeError(what);
  return text;
};

function oneOf<T extends string>(choices: readonly T[], value: unknown, what: string): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new ShapeError(what);
  return found;
}

function readPanel(value: unknown, index: number): Panel {
  const what = `panel ${index + 1}`;
  const one = asObject(value, what);
  const at = asObject(one["at"], `${what}: at`);
  const number = (name: string) => asNumber(at[name], `${what}: at.${name}`);
  return {
    id: String(index),
    title: short(one["title"], `${what}: title`),
    kind: oneOf(PANEL_KINDS, one["kind"], `${what}: kind`),
    query: short(one["query"] ?? "", `${what}: query`),
    unit: oneOf(UNITS, one["unit"] ?? "number", `${what}: unit`),
    stacked: one["stacked"] === true,
    at: clampPlace({ x: number("x"), y: number("y"), w: number("w"), h: number("h") }),
  };
}

function readVariable(value: unknown, index: number): Variable {
  const what = `variable ${index + 1}`;
  const one = asObject(value, what);
  const name = short(one["name"], `${what}: name`);
  if (!isVariableName(name)) throw new ShapeError(`${what}: name`);
  const kind = oneOf(VARIABLE_KINDS, one["kind"], `${what}: kind`);
  return { name, kind, source: short(one["source"] ?? "", `${what}: source`), several: kind !== "text" && one["several"] === true };
}

export const isVariableName = (name: string) => /^[A-Za-z]\w{0,30}$/.test(name);

/* Throws a ShapeError that says what is wrong. */
export function readDashboard(value: unknown): Dashboard {
  const body = asObject(value, "dashboard");
  if (body["format"] !== FORMAT) throw new ShapeError("format");
  const panels = asArray(body["panels"], "panels");
  const variables = asArray(body["variables"] ?? [], "variables");
  if (panels.length > PANELS_MAX) throw new ShapeError(`panels: more than ${PANELS_MAX}`);
  if (variables.length > VARIABLES_MAX) throw new ShapeError(`variables: more than ${VARIABLES_MAX}`);
  return {
    title: short(body["title"], "title"),
    description: short(body["description"] ?? "", "description"),
    variables: variables.map(readVariable),
    panels: settle(panels.map(readPanel)),
  };
}

/* What is saved and exported: readDashboard reads it. */
export function writeDashboard({ title, description, variables, panels }: Dashboard): Record<string, unknown> {
  const places = panels.map(({ title, kind, query, unit, stacked, at }) => ({ title, kind, query, unit, stacked, at }));
  return { format: FORMAT, title, description, variables, panels: places };
}

/* An id that no panel has. */
export function freshId(panels: readonly Panel[]): string {
  return String(panels.reduce((most, { id }) => Math.max(most, Number(id)), -1) + 1);
}
