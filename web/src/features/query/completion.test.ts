import { expect, test } from "vitest";
import { placeAt } from "./completion";

test.each([
  ["{", "name"],
  ["{ser", "name"],
  ['{a="b", ', "name"],
  ['{a="b", se', "name"],
  ["{app=", "value"],
  ['{app="', "value"],
  ['{app=~"x', "value"],
  ["{app=`", "value"],
  ['{a="b"} | ', "stage"],
  ['{a="b"} | js', "stage"],
  ["su", "function"],
  ["sum(ra", "function"],
  ["", "function"],
  ['{a="b"} |= "x', undefined],
  ['{a="b"', undefined],
  ["{a", "name"],
  ["# note", undefined],
  ['{a="b"} | x="', undefined],
])("at the end of %j: %s", (before, kind) => expect(placeAt(before)?.kind).toBe(kind));

test("values belong to the label before them and replace what was typed", () => {
  expect(placeAt('{a="b", host="we')).toEqual({ kind: "value", name: "host", from: 13 });
});
