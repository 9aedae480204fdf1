import { expect, test } from "vitest";
import { formatFullTime, formatRowTime, isZone, parseClock, zoneName } from "./clock";
import { nsFromMs } from "./ns";

const at = Date.UTC(2026, 10, 21, 23, 30, 5, 120);

test.each([
  ["utc", "Nov 21 23:30:05.120", "UTC"],
  ["Asia/Kolkata", "Nov 22 05:00:05.120", "UTC+05:30"],
  ["America/St_Johns", "Nov 21 20:00:05.120", "UTC-03:30"],
  ["Asia/Kathmandu", "Nov 22 05:15:05.120", "UTC+05:45"],
])("in %s it is %s", (zone, row, name) => {
  expect(formatRowTime(nsFromMs(at), zone)).toBe(row);
  expect(zoneName(at, zone)).toBe(name);
  expect(formatFullTime(nsFromMs(at), zone)).toContain(`.120000000 ${name}`);
});

test("summer and winter of a zone are told apart, to the second", () => {
  const change = Date.UTC(2026, 9, 25, 1);
  expect([zoneName(change - 1_000, "Europe/Berlin"), zoneName(change, "Europe/Berlin")]).toEqual([
    "UTC+02:00",
    "UTC+01:00",
  ]);
  expect(formatRowTime(nsFromMs(change - 1_000), "Europe/Berlin")).toContain("02:59:59");
  expect(formatRowTime(nsFromMs(change), "Europe/Berlin")).toContain("02:00:00");
});

test("what is typed is read in the zone that is shown", () => {
  expect(parseClock("2026-11-22 05:00:05.120", "Asia/Kolkata")).toBe(at);
  expect(parseClock("2026-07-01 12:00", "Europe/Berlin")).toBe(Date.UTC(2026, 6, 1, 10));
  expect(parseClock("2026-12-01 12:00", "Europe/Berlin")).toBe(Date.UTC(2026, 11, 1, 11));
  expect(parseClock("2026-12-01 12:00Z", "Europe/Berlin")).toBe(Date.UTC(2026, 11, 1, 12));
});

test("a zone that the browser does not know is none", () =>
  expect(["local", "utc", "Europe/Berlin", "Nowhere/Town", ""].map(isZone)).toEqual([true, true, true, false, false]));
