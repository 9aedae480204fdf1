import { expect, test } from "vitest";
import { parserFor, withParser } from "./parser";

test.each([
  ['{"a":1}', "| json"],
  ['  { "a": 1', "| json"],
  ["{x} a sentence", undefined],
  ["level=info user=ann", "| logfmt"],
  ["a sentence with x=1", undefined],
  ["", undefined],
])("%s needs %s", (line, parser) => expect(parserFor(line)).toBe(parser));

test("a query gets the parser that most lines need, once", () => {
  const lines = ["plain", '{"a":1}', '{"b":1}', "a=1 b=2"].map((line) => ({ line }));
  expect(withParser('{a="b"} |= "x"', lines)).toBe('{a="b"} |= "x" | json');
  expect(withParser('{a="b"} | logfmt', lines)).toBe('{a="b"} | logfmt');
  expect(withParser('{a="b"}', [{ line: "plain" }])).toBe('{a="b"}');
});
