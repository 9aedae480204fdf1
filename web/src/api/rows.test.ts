import { expect, test } from "vitest";
import { decodeStreams, sortRows } from "./rows";

const entry = (time: string, line: string, categories: unknown = {}) => [time, line, categories];
const stream = (labels: Record<string, string>, ...values: unknown[]) => ({ stream: labels, values });

test("fields are kept apart by origin, times to the last digit", () => {
  const [row] = decodeStreams([
    stream(
      { app: "a" },
      entry("1795239000000000007", "<b>\0", { structuredMetadata: { detected_level: "error" }, parsed: { x: "1" } }),
    ),
  ]);
  expect(row).toMatchObject({
    time: "1795239000000000007",
    line: "<b>\0",
    labels: { app: "a" },
    metadata: { detected_level: "error" },
    parsed: { x: "1" },
    level: "error",
    merged: false,
  });
});

test("without categories the origin is unknown", () => {
  expect(decodeStreams([stream({ app: "a", level: "warn" }, ["5", "x"])])[0]).toMatchObject({
    merged: true,
    level: "warn",
  });
});

test("equal content has equal ids, every difference another", () => {
  const ids = (...values: unknown[]) => decodeStreams([stream({ app: "a" }, ...values)]).map((row) => row.id);
  expect(ids(entry("5", "x"))).toEqual(ids(entry("5", "x")));
  const all = [
    ...ids(
      entry("5", "x"),
      entry("6", "x"),
      entry("5", "y"),
      entry("5", "x", { structuredMetadata: { a: "b" } }),
      entry("5", "x"),
    ),
  ];
  expect(new Set(all).size).toBe(5);
});

test("streams are merged in the asked order; equal times keep theirs", () => {
  const rows = decodeStreams([
    stream({ a: "1" }, entry("9", "c"), entry("7", "a")),
    stream({ a: "2" }, entry("8", "b"), entry("7", "z")),
  ]);
  expect(sortRows([...rows], "backward").map((row) => row.line)).toEqual(["c", "b", "a", "z"]);
  expect(sortRows([...rows], "forward").map((row) => row.line)).toEqual(["a", "z", "b", "c"]);
});

test.each([
  [{}],
  [[{ stream: {}, values: [["x", "y"]] }]],
  [[{ stream: { a: 1 }, values: [] }]],
  [[{ stream: {}, values: [["5"]] }]],
  [[{ stream: {}, values: [["5", "x", "meta"]] }]],
])("an answer of another shape is refused: %j", (answer) => expect(() => decodeStreams(answer)).toThrow());
