import { expect, test } from "vitest";
import { readJson, type JsonNode } from "./jsonTree";

/* The tree as text again. */
function write(node: JsonNode): string {
  if (!("items" in node)) return node.text;
  const items = node.items.map(({ key, value }) => (key === undefined ? write(value) : `${key}:${write(value)}`));
  return node.kind === "object" ? `{${items.join(",")}}` : `[${items.join(",")}]`;
}

test.each([
  '{"a":1,"b":[true,null,{"c":"d"}],"e":{}}',
  '{"n":12345678901234567890,"x":1.50e+10,"n":2}',
  '{"a\\"b":"}{,:[","":[]}',
  "[[],[[]],{}]",
])("%s keeps its numbers, keys and order", (text) => expect(write(readJson(text)!)).toBe(text));

test("white space around and inside is no part of it", () =>
  expect(write(readJson(' { "a" : [ 1 ,\n2 ] } ')!)).toBe('{"a":[1,2]}'));

test.each(["", "x", "1", '"s"', '{"a":}', '{"a":1} x', "{a:1}", "[1,]", "[".repeat(300) + "]".repeat(300)])(
  "%.20s is not taken apart",
  (text) => expect(readJson(text)).toBeUndefined(),
);
