import { expect, test } from "vitest";
import { decodeRow, type Row } from "@/api/rows";
import { ROWS_HELD_MAX } from "@/limits";
import { addAbove, addBelow, EMPTY_WINDOW, isRowId, placeAt, placeBefore } from "./rowWindow";

const row = (n: number): Row =>
  decodeRow({ id: `${n}-0000000000000001`, labels: {}, line: String(n), fields: {} });
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(from + i));
const ends = (window: { rows: readonly Row[] }) => [window.rows[0]?.line, window.rows.at(-1)?.line];

test("pages are added at both ends, in the order of the list", () => {
  const middle = addBelow(EMPTY_WINDOW, rows(10, 13), true);
  const all = addAbove(middle, [row(9), row(8)], false);
  expect(all.rows.map((one) => one.line)).toEqual(["8", "9", "10", "11", "12"]);
  expect([all.above, all.below]).toEqual([false, true]);
});

test("what is too much is let go at the other end, and can be fetched again", () => {
  const full = addBelow(EMPTY_WINDOW, rows(0, ROWS_HELD_MAX), true);
  expect(full.above).toBe(false);
  const further = addBelow(full, rows(ROWS_HELD_MAX, ROWS_HELD_MAX + 10), false);
  expect([...ends(further), further.rows.length]).toEqual(["10", String(ROWS_HELD_MAX + 9), ROWS_HELD_MAX]);
  expect([further.above, further.below]).toEqual([true, false]);
  const back = addAbove(further, rows(0, 10).reverse(), false);
  expect(ends(back)).toEqual(["0", String(ROWS_HELD_MAX - 1)]);
  expect([back.above, back.below]).toEqual([false, true]);
});

test.each([
  ["5-0000000000000001", "5-0000000000000000"],
  ["5-0000000000300000", "5-00000000002fffff"],
  ["5-0000000000000000", "4-ffffffffffffffff"],
  ["0-0000000000000000", "-1-ffffffffffffffff"],
  ["-7-0000000000000002", "-7-0000000000000001"],
])("the place before %s is %s", (id, before) => {
  expect(placeBefore(id)).toBe(before);
  expect(isRowId(before)).toBe(true);
});

test("a place in an address may be nonsense", () => {
  expect(isRowId(placeAt("1795239000000000000"))).toBe(true);
  expect(["", "1-1", "x-0000000000000001", "1-000000000000000G"].some(isRowId)).toBe(false);
});
