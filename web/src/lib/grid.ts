/*
 * grid.ts - panels on a grid of columns: what is moved or resized stays where it was put, the others make room, and
 * everything falls upwards until it lies on something.
 */
export const GRID_COLUMNS = 12;
export const GRID_HEIGHT_MAX = 24;

export interface Place {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Placed {
  id: string;
  at: Place;
}

const meet = (a: Place, b: Place) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
const between = (n: number, low: number, high: number) => Math.min(high, Math.max(low, Math.round(n)));

export function clampPlace({ x, y, w, h }: Place): Place {
  const width = between(w, 1, GRID_COLUMNS);
  return { x: between(x, 0, GRID_COLUMNS - width), y: Math.max(0, Math.round(y)), w: width, h: between(h, 1, GRID_HEIGHT_MAX) };
}

/* Lets everything fall, in reading order; at equal height `first` goes first. */
function fall<T extends Placed>(items: readonly T[], first?: string): T[] {
  const order = [...items].sort(
    (a, b) => a.at.y - b.at.y || Number(b.id === first) - Number(a.id === first) || a.at.x - b.at.x,
  );
  const done: T[] = [];
  for (const item of order) {
    let at = item.at;
    const free = (y: number) => done.every((other) => !meet(other.at, { ...at, y }));
    let y = at.y;
    while (!free(y)) y++;
    while (y > 0 && free(y - 1)) y--;
    at = { ...at, y };
    done.push({ ...item, at });
  }
  return items.map((item) => done.find((one) => one.id === item.id) ?? item);
}

export function settle<T extends Placed>(items: readonly T[]): T[] {
  return fall(items.map((item) => ({ ...item, at: clampPlace(item.at) })));
}

/* Puts one somewhere; what it lies on goes below it. */
export function moveTo<T extends Placed>(items: readonly T[], id: string, to: Place): T[] {
  const place = clampPlace(to);
  const pushed = items.map((item) => {
    if (item.id === id) return { ...item, at: place };
    return meet(item.at, place) ? { ...item, at: { ...item.at, y: place.y + place.h } } : item;
  });
  return fall(pushed, id);
}

const NUDGES_MAX = 60;

/* One step of the keyboard: as far in that direction as it takes until something changes. */
export function nudge<T extends Placed>(items: readonly T[], id: string, dx: number, dy: number): T[] {
  const at = items.find((item) => item.id === id)?.at;
  if (!at) return [...items];
  for (let n = 1; n <= NUDGES_MAX; n++) {
    const moved = moveTo(items, id, { ...at, x: at.x + dx * n, y: at.y + dy * n });
    if (moved.some((item, i) => item.at.x !== items[i]?.at.x || item.at.y !== items[i]?.at.y)) return moved;
  }
  return [...items];
}

export function resize<T extends Placed>(items: readonly T[], id: string, dw: number, dh: number): T[] {
  const at = items.find((item) => item.id === id)?.at;
  if (!at) return [...items];
  return moveTo(items, id, { ...at, w: between(at.w + dw, 1, GRID_COLUMNS - at.x), h: at.h + dh });
}

/* Below everything. */
export function bottom(items: readonly Placed[]): number {
  return items.reduce((low, { at }) => Math.max(low, at.y + at.h), 0);
}
