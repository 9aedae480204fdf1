import { describe, expect, test } from "vitest";
import { formatAxisTime, formatFullTime, formatRowTime, parseClock } from "./clock";
import { addNs, compareNs, msOfNs, nsFromMs } from "./ns";
import {
  describeRange,
  formatDuration,
  niceStep,
  parseDuration,
  readSide,
  resolveRange,
  shift,
  zoomOut,
} from "./timeRange";

const NOW = Date.UTC(2026, 10, 21, 5, 30);

describe("nanoseconds", () => {
  test("keep every digit", () => {
    expect(addNs("1795240452780001234", -1n)).toBe("1795240452780001233");
    expect(nsFromMs(NOW)).toBe("1795239000000000000");
    expect(msOfNs("1795239000123999999")).toBe(NOW + 123);
  });
  test("are ordered by value, not by spelling", () => {
    expect(["10", "9", "-5", "1795239000000000001", "1795239000000000000"].sort(compareNs)).toEqual([
      "-5",
      "9",
      "10",
      "1795239000000000000",
      "1795239000000000001",
    ]);
  });
});

describe("durations", () => {
  test.each([
    ["90m", 5_400_000],
    ["1h30m", 5_400_000],
    ["250ms", 250],
    ["2d", 172_800_000],
  ])("%s", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });
  test.each(["", "5", "h", "5x", "-5m", "1.5h"])("refuses %j", (text) => expect(parseDuration(text)).toBeUndefined());
  test("are written in the largest whole unit", () => {
    expect([5_400_000, 7_200_000, 604_800_000, 1_500].map(formatDuration)).toEqual(["90m", "2h", "1w", "1500ms"]);
  });
});

describe("what a person types", () => {
  test.each([
    ["now", "now"],
    ["now-90m", "now-90m"],
    ["3h", "now-3h"],
    ["2026-11-21 05:30", "2026-11-21T05:30:00.000Z"],
    ["2026-11-21T05:30:01.25Z", "2026-11-21T05:30:01.250Z"],
    ["2026-11-21 05:30:00+02:00", "2026-11-21T03:30:00.000Z"],
    ["2026-11-21", "2026-11-21T00:00:00.000Z"],
    ["1795239000", "2026-11-21T05:30:00.000Z"],
    ["1795239000000", "2026-11-21T05:30:00.000Z"],
    ["1795239000000000000", "2026-11-21T05:30:00.000Z"],
  ])("%s", (typed, side) => expect(readSide(typed, "utc")).toBe(side));
  test.each(["", "yesterday", "2026-02-30", "2026-11-21 25:00", "now+1h", "12"])("refuses %j", (typed) => {
    expect(readSide(typed, "utc")).toBeUndefined();
  });
});

describe("ranges", () => {
  test("resolve against now", () => {
    expect(resolveRange({ from: "now-1h", to: "now" }, NOW)).toMatchObject({
      start: "1795235400000000000",
      end: "1795239000000000000",
    });
  });
  test("never are empty or turned around", () => {
    const { startMs, endMs } = resolveRange({ from: "now", to: "now-1h" }, NOW);
    expect(startMs).toBeLessThan(endMs);
  });
  test("zoom out: relative ones stay relative, absolute ones grow on both sides", () => {
    expect(zoomOut({ from: "now-1h", to: "now" }, NOW)).toEqual({ from: "now-2h", to: "now" });
    expect(zoomOut({ from: "2026-11-20T10:00:00.000Z", to: "2026-11-20T11:00:00.000Z" }, NOW)).toEqual({
      from: "2026-11-20T09:30:00.000Z",
      to: "2026-11-20T11:30:00.000Z",
    });
  });
  test("shift by half a width, not past now", () => {
    expect(shift({ from: "now-1h", to: "now" }, -1, NOW)).toEqual({
      from: "2026-11-21T04:00:00.000Z",
      to: "2026-11-21T05:00:00.000Z",
    });
    expect(shift({ from: "now-1h", to: "now" }, 1, NOW)).toEqual({
      from: "2026-11-21T04:30:00.000Z",
      to: "2026-11-21T05:30:00.000Z",
    });
  });
  test("have names", () => {
    expect(describeRange({ from: "now-15m", to: "now" }, "utc")).toBe("Last 15 minutes");
    expect(describeRange({ from: "now-1h", to: "now" }, "utc")).toBe("Last hour");
    expect(describeRange({ from: "2026-11-20T10:00:00.000Z", to: "2026-11-20T11:00:00.000Z" }, "utc")).toBe(
      "2026-11-20 10:00:00 → 11:00:00",
    );
  });
  test("steps are round", () => {
    expect(niceStep(3_600_000, 125)).toBe(30_000);
    expect(niceStep(30 * 86_400_000, 125)).toBe(21_600_000);
    expect(niceStep(5_000, 125)).toBe(50);
  });
});

test("times are written with all their digits", () => {
  expect(formatFullTime("1795239000000000007", "utc")).toBe("2026-11-21 05:30:00.000000007 UTC");
  expect(formatRowTime("1795239000123999999", "utc")).toBe("Nov 21 05:30:00.123");
  expect(formatAxisTime(NOW, 300_000, "utc")).toBe("05:30");
  expect(parseClock("2026-11-21 05:30:00.123456789", "utc")).toBe(NOW + 123);
});
