import { expect, test } from "vitest";
import { bestMatches } from "./match";

const items = ["Explore", "Range: Last hour", "Dashboard: Overview", "Last day", "Live tail"].map((text) => ({ text }));
const found = (input: string, max = 9) => bestMatches(items, input, max).map(({ text }) => text);

test("all words are wanted, in any order and case; what begins with the first comes first", () => {
  expect(found("")).toHaveLength(5);
  expect(found("last")).toEqual(["Last day", "Range: Last hour"]);
  expect(found("HOUR last")).toEqual(["Range: Last hour"]);
  expect(found("nothing")).toEqual([]);
  expect(found("a", 1)).toHaveLength(1);
});
