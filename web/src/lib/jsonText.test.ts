import { expect, test } from "vitest";
import { layOutJson } from "./jsonText";

const laidOut = (text: string) =>
  layOutJson(text)
    ?.map((token) => token.text)
    .join("");

test("numbers, key order and duplicate keys are kept as written", () => {
  expect(laidOut('{"b":12345678901234567890,"a":1.50,"a":[]}')).toBe(
    '{\n  "b": 12345678901234567890,\n  "a": 1.50,\n  "a": []\n}',
  );
});

test("brackets and commas inside strings are no structure", () => {
  expect(laidOut('["a,{\\"b\\":[", true, null]')).toBe('[\n  "a,{\\"b\\":[",\n  true,\n  null\n]');
});

test.each(["plain", '"text"', "12", '{"a":', "{'a':1}", '{"a":1} trailing', ""])("%j is no JSON object", (text) => {
  expect(layOutJson(text)).toBeUndefined();
});

test("keys and strings are told apart", () => {
  expect(layOutJson('{"k":"v"}')?.filter((token) => token.kind === "key" || token.kind === "string")).toEqual([
    { kind: "key", text: '"k"' },
    { kind: "string", text: '"v"' },
  ]);
});
