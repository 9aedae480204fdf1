import { expect, test } from "vitest";
import { dedupe, type Dedupe } from "./dedupe";

const rows = ["a 1", "a 1", "a 22", "b 0x1f", "b 0xABC", "c: d", "e: f", "c: d"].map((line) => ({ line }));
const told = (how: Dedupe) => {
  const found = dedupe(rows, how);
  return found.rows.map((row) => `${row.line} x${found.counts.get(row) ?? 1}`);
};

test("lines that follow each other are told once, with how many they are", () => {
  expect(told("none")).toHaveLength(rows.length);
  expect(told("exact")).toEqual(["a 1 x2", "a 22 x1", "b 0x1f x1", "b 0xABC x1", "c: d x1", "e: f x1", "c: d x1"]);
  expect(told("numbers")).toEqual(["a 1 x3", "b 0x1f x2", "c: d x1", "e: f x1", "c: d x1"]);
  expect(told("signature")).toEqual(["a 1 x5", "c: d x3"]);
});
