import { expect, test } from "vitest";
import { barsFor, brushedRange, readVolume, stack, volumeQuery, volumeRequest } from "./histogramData";

const MINUTE = 60_000;
const bars = { startMs: 10 * MINUTE, stepMs: MINUTE, count: 4 };

test("bars begin at multiples of their step and cover the range", () => {
  const found = barsFor(3_600_001, 7_200_001);
  expect(found.startMs % found.stepMs).toBe(0);
  expect(found.startMs).toBeLessThanOrEqual(3_600_001);
  expect(found.startMs + found.count * found.stepMs).toBeGreaterThanOrEqual(7_200_001);
});

test("the request counts [start, end) of each bar", () => {
  const request = volumeRequest('{a="b"}', bars);
  expect(request).toEqual({
    query: 'sum by (detected_level) (count_over_time({a="b"} [60s]))',
    stepMs: MINUTE,
    start: "659999999999",
    end: "839999999999",
  });
});

test("errors of parsers do not spoil the count; parentheses are taken off", () => {
  expect(volumeQuery('({a="b"} | json)', 500)).toBe(
    'sum by (detected_level) (count_over_time({a="b"} | json | drop __error__, __error_details__ [500ms]))',
  );
});

test("answers fall into their bars, by level, in order of severity", () => {
  const volume = readVolume(
    {
      stats: { bytes: 0, lines: 0, elapsedMs: 0 },
      series: [
        {
          labels: { detected_level: "info" },
          points: [
            [659.999, 2],
            [839.999, 1],
          ],
        },
        { labels: {}, points: [[720, 5]] },
        {
          labels: { detected_level: "ERROR" },
          points: [
            [719.999, 7],
            [99_999, 1],
          ],
        },
      ],
    },
    bars,
  );
  expect(volume.levels).toEqual([
    { level: "error", counts: [0, 7, 0, 0], total: 7 },
    { level: "info", counts: [2, 0, 0, 1], total: 3 },
    { level: "unknown", counts: [0, 5, 0, 0], total: 5 },
  ]);
  expect(volume.total).toBe(15);
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
