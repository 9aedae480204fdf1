import { expect, test } from "vitest";
import type { Pattern } from "@/api/patterns";
import { compare, piecesOf } from "./compare";

const pattern = (text: string, count: number): Pattern => ({ text, level: "info", count, samples: [] });

test("without a baseline nothing is said about changes", () =>
  expect(compare([pattern("a", 1)], undefined)).toMatchObject([{ count: 1, change: undefined }]));

test("new, gone, more and less; small numbers are no change", () => {
  const now = [pattern("new", 1), pattern("more", 30), pattern("few", 9), pattern("less", 10), pattern("same", 100)];
  const before = [pattern("more", 10), pattern("few", 1), pattern("less", 30), pattern("same", 60), pattern("gone", 5)];
  expect(compare(now, before).map((one) => [one.text, one.count, one.before, one.change])).toEqual([
    ["new", 1, 0, "new"],
    ["more", 30, 10, "more"],
    ["few", 9, 1, "same"],
    ["less", 10, 30, "less"],
    ["same", 100, 60, "same"],
    ["gone", 0, 5, "gone"],
  ]);
});

test("levels of one text are different patterns", () =>
  expect(compare([pattern("a", 1)], [{ ...pattern("a", 1), level: "error" }]).map((one) => one.change)).toEqual([
    "new",
    "gone",
  ]));

test("the places that differ", () =>
  expect(piecesOf("a <_><_>=b")).toEqual([
    { text: "a ", varies: false },
    { text: "<_>", varies: true },
    { text: "<_>", varies: true },
    { text: "=b", varies: false },
  ]));
