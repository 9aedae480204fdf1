import { expect, test } from "vitest";
import { addCounts, barsFor, brushedRange, stack, volumeOf } from "./histogramData";

const MINUTE = 60_000;
const bars = { startMs: 10 * MINUTE, stepMs: MINUTE, count: 4 };

test("bars begin at multiples of their step and cover the range", () => {
  const found = barsFor(3_600_001, 7_200_001);
  expect(found.startMs % found.stepMs).toBe(0);
  expect(found.startMs).toBeLessThanOrEqual(3_600_001);
  expect(found.startMs + found.count * found.stepMs).toBeGreaterThanOrEqual(7_200_001);
});

test("parts add up, by level, in order of severity; what lies outside is left out", () => {
  const part = (index: number, counts: Record<string, number>) => ({
    buckets: [{ startMs: bars.startMs + index * MINUTE, counts }],
  });
  let counts = addCounts(new Map(), part(3, { info: 1, error: 7 }), bars);
  const before = counts;
  counts = addCounts(counts, part(3, { ERROR: 2, nonsense: 1 }), bars);
  counts = addCounts(counts, part(0, { info: 2 }), bars);
  counts = addCounts(counts, part(99, { info: 5 }), bars);
  expect(volumeOf(counts, bars)).toEqual({
    bars,
    levels: [
      { level: "error", counts: [0, 0, 0, 9], total: 9 },
      { level: "info", counts: [2, 0, 0, 1], total: 3 },
      { level: "unknown", counts: [0, 0, 0, 1], total: 1 },
    ],
    total: 13,
  });
  expect(volumeOf(before, bars).total).toBe(8);
});

test("stacks are running sums", () =>
  expect(
    stack([
      [1, 2],
      [3, 4],
      [0, 1],
    ]),
  ).toEqual([
    [1, 2],
    [4, 6],
    [4, 7],
  ]));

test("a brush takes whole bars and leaves out barely touched ones", () => {
  expect(brushedRange(bars, 11.2 * MINUTE, 12.1 * MINUTE)).toEqual({ startMs: 11 * MINUTE, endMs: 12 * MINUTE });
  expect(brushedRange(bars, 11.9 * MINUTE, 12.9 * MINUTE)).toEqual({ startMs: 12 * MINUTE, endMs: 13 * MINUTE });
  expect(brushedRange(bars, 0, 999 * MINUTE)).toEqual({ startMs: 10 * MINUTE, endMs: 14 * MINUTE });
});
