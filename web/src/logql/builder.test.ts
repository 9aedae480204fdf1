import { expect, test } from "vitest";
import { readBuilt, writeBuilt } from "./builder";

test.each([
  '{app="a"}',
  '{app="a", env!="dev", host=~"web.+"}',
  '{app="a"} |= "time\\"out" != "retry" | json | user="ann" | status >= 500 | took > 1.5s',
  '{app="a"} |~ "a|b" !~ "c" | logfmt | level=~"warn|error"',
  '{app="a"} | json x="a.b" | line_format `{{.x}}` | sort by x desc',
  '{app="a"} | a="b" or c="d"',
])("%s is read and written as it is", (query) => expect(writeBuilt(readBuilt(query)!)).toBe(query));

test("parts have words where the form has them; others stay as they are", () =>
  expect(readBuilt('{a="b"} |= "x" | json | n > 5 | drop y')).toEqual({
    matchers: [{ name: "a", op: "=", value: "b" }],
    parts: [
      { kind: "line", op: "|=", value: "x" },
      { kind: "parser", parser: "json" },
      { kind: "filter", name: "n", op: ">", value: "5" },
      { kind: "other", text: "| drop y" },
    ],
  }));

test.each(['rate({a="b"}[1m])', "payment refused", '{a="b"', '{a="b"} # why', '({a="b"})', '{a="b"} |= "x', '{a="b" c}'])(
  "%s is left to the editor",
  (query) => expect(readBuilt(query)).toBeUndefined(),
);

test("what is not filled in yet is left out", () =>
  expect(
    writeBuilt({
      matchers: [
        { name: "", op: "=", value: "" },
        { name: "a", op: "=", value: "b" },
      ],
      parts: [
        { kind: "line", op: "|=", value: "" },
        { kind: "filter", name: "", op: "=", value: "x" },
        { kind: "filter", name: "took", op: ">", value: "1 | x" },
      ],
    }),
  ).toBe('{a="b"}'));
