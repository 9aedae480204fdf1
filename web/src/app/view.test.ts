import { expect, test } from "vitest";
import { DEFAULT_QUERY, formatView, parseView } from "./view";

test("an empty address is the default", () => {
  expect(parseView("", {})).toMatchObject({
    screen: "explore",
    query: DEFAULT_QUERY,
    range: { from: "now-1h", to: "now" },
    direction: "backward",
    zone: "local",
    wrap: false,
  });
});

test("everything that is looked at survives the address", () => {
  const view = parseView("", {});
  const changed = {
    ...view,
    screen: "tail" as const,
    query: '{a="b"} |= "x&y=#?%20 日本"',
    range: { from: "2026-11-20T10:00:00.000Z", to: "now" },
    direction: "forward" as const,
    zone: "utc" as const,
    wrap: true,
    refreshSeconds: 10,
    instant: true,
    row: "1795239000000000007-0000000000300001",
    columns: ["a,b", "user"],
    dedupe: "numbers" as const,
    baseline: "day" as const,
  };
  expect(parseView(formatView(changed), {})).toEqual(changed);
  const board = { ...changed, screen: "dashboards" as const, board: "overview", variables: { service: ["a&b=c", "d"], "": ["x"] } };
  expect(parseView(formatView(board), {})).toEqual(board);
});

test("remembered options hold where the address says nothing", () => {
  expect(parseView("#/explore?q=x", { tz: "utc", wrap: "1", order: "oldest" })).toMatchObject({
    query: "x",
    zone: "utc",
    wrap: true,
    direction: "forward",
  });
  expect(parseView("#/explore?tz=local", { tz: "utc" }).zone).toBe("local");
  expect(parseView("#/explore?tz=Asia/Kolkata", { tz: "utc" }).zone).toBe("Asia/Kolkata");
  expect(parseView("#/explore?tz=Nowhere/Town", { tz: "utc" }).zone).toBe("utc");
});

test("nonsense falls back", () => {
  expect(parseView("#/nowhere?from=x&to=y&refresh=7&order=up", {})).toMatchObject({
    screen: "explore",
    range: { from: "now-1h", to: "now" },
    refreshSeconds: 0,
    direction: "backward",
  });
});
