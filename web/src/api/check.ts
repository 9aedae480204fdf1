/* check.ts - small checks of what the server sent. A wrong answer is an error here, not a crash in a component. */
export class ShapeError extends Error {}

export function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new ShapeError(what);
  return value as Record<string, unknown>;
}

export function asArray(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new ShapeError(what);
  return value;
}

export function asString(value: unknown, what: string): string {
  if (typeof value !== "string") throw new ShapeError(what);
  return value;
}

export function asNumber(value: unknown, what: string): number {
  if (typeof value !== "number") throw new ShapeError(what);
  return value;
}

/* A missing object is an empty one. */
export function asStringMap(value: unknown, what: string): Record<string, string> {
  if (value === undefined || value === null) return {};
  const map = asObject(value, what);
  for (const key in map) asString(map[key], what);
  return map as Record<string, string>;
}

export function asStrings(value: unknown, what: string): string[] {
  return asArray(value, what).map((item) => asString(item, what));
}
