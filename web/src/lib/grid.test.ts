import { expect, test } from "vitest";
import { bottom, moveTo, nudge, resize, settle, type Placed } from "./grid";

const panel = (id: string, x: number, y: number, w: number, h: number): Placed => ({ id, at: { x, y, w, h } });
const places = (items: readonly Placed[]) => Object.fromEntries(items.map(({ id, at }) => [id, [at.x, at.y, at.w, at.h]]));
const meet = (a: Placed, b: Placed) =>
  a.at.x < b.at.x + b.at.w && b.at.x < a.at.x + a.at.w && a.at.y < b.at.y + b.at.h && b.at.y < a.at.y + a.at.h;

test("what hangs in the air falls, what lies on another is pushed below it, what is too wide is cut", () => {
  expect(places(settle([panel("a", 0, 5, 6, 2), panel("b", 0, 5, 20, 2), panel("c", -3, 0, 2, 99)]))).toEqual({
    a: [0, 24, 6, 2],
    b: [0, 26, 12, 2],
    c: [0, 0, 2, 24],
  });
});

test("a panel that is put on another takes its place", () => {
  const items = [panel("a", 0, 0, 12, 3), panel("b", 0, 3, 12, 2)];
  expect(places(moveTo(items, "b", { x: 0, y: 0, w: 12, h: 2 }))).toEqual({ a: [0, 2, 12, 3], b: [0, 0, 12, 2] });
});

test("a key moves until something changes, both ways and back", () => {
  const items = [panel("a", 0, 0, 12, 3), panel("b", 0, 3, 12, 2)];
  const down = nudge(items, "a", 0, 1);
  expect(places(down)).toEqual({ a: [0, 2, 12, 3], b: [0, 0, 12, 2] });
  expect(places(nudge(down, "a", 0, -1))).toEqual(places(items));
  expect(places(nudge(items, "a", 1, 0))).toEqual(places(items));
  const beside = [panel("a", 0, 0, 4, 2), panel("b", 4, 0, 4, 2)];
  expect(places(nudge(beside, "b", 1, 0))).toEqual({ a: [0, 0, 4, 2], b: [5, 0, 4, 2] });
});

test("a size stays inside of the grid; neighbours make room", () => {
  const items = [panel("a", 0, 0, 6, 2), panel("b", 6, 0, 6, 2)];
  expect(places(resize(items, "a", 1, 0))).toEqual({ a: [0, 0, 7, 2], b: [6, 2, 6, 2] });
  expect(places(resize(items, "b", 3, 1))).toEqual({ a: [0, 0, 6, 2], b: [6, 0, 6, 3] });
  expect(places(resize(items, "a", -9, -9))["a"]).toEqual([0, 0, 1, 1]);
  expect(bottom(items)).toBe(2);
});

test("whatever is done, no two panels meet and none is lost", () => {
  let seed = 7;
  const random = (n: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
  let items = Array.from({ length: 9 }, (_, i) => panel(String(i), random(12), random(9), 1 + random(8), 1 + random(4)));
  items = settle(items);
  for (let step = 0; step < 200; step++) {
    const id = String(random(9));
    items = [
      () => moveTo(items, id, { x: random(14) - 1, y: random(12), w: 1 + random(12), h: 1 + random(5) }),
      () => nudge(items, id, random(3) - 1, random(3) - 1),
      () => resize(items, id, random(5) - 2, random(5) - 2),
    ][random(3)]!();
    expect(items.map((item) => item.id).sort()).toEqual(["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    const outside = items.filter(({ at }) => at.x < 0 || at.y < 0 || at.x + at.w > 12);
    expect([...outside, ...items.filter((a) => items.some((b) => a.id < b.id && meet(a, b)))]).toEqual([]);
  }
});
