import { expect, test } from "vitest";
import { freshId, readDashboard, writeDashboard } from "./model";
import { SHIPPED } from "./shipped";
import { ALL, customValues, substitute, valuesOf } from "./variables";

test("what is written is read again", () => {
  for (const { board } of SHIPPED) expect(readDashboard(JSON.parse(JSON.stringify(writeDashboard(board))))).toEqual(board);
});

const good = { format: "bole dashboard 1", title: "t", panels: [{ title: "p", kind: "stat", at: { x: 0, y: 0, w: 3, h: 2 } }] };

test("what is left out has its default; places are brought into the grid", () => {
  const board = readDashboard({ ...good, panels: [{ ...good.panels[0], at: { x: 99, y: 7, w: 1e9, h: -4 } }] });
  expect(board.variables).toEqual([]);
  expect(board.panels).toEqual([
    { id: "0", title: "p", kind: "stat", query: "", unit: "number", stacked: false, at: { x: 0, y: 0, w: 12, h: 1 } },
  ]);
  expect(freshId(board.panels)).toBe("1");
});

test.each([
  [null, "dashboard"],
  [{ ...good, format: "grafana" }, "format"],
  [{ ...good, panels: {} }, "panels"],
  [{ ...good, panels: Array(61).fill(good.panels[0]) }, "panels: more than 60"],
  [{ ...good, panels: [{ ...good.panels[0], kind: "pie" }] }, "panel 1: kind"],
  [{ ...good, panels: [{ ...good.panels[0], at: { x: "0" } }] }, "panel 1: at.x"],
  [{ ...good, panels: [{ ...good.panels[0], query: "x".repeat(10_001) }] }, "panel 1: query"],
  [{ ...good, variables: [{ name: "a b", kind: "text" }] }, "variable 1: name"],
])("a wrong one is refused with its place: %#", (value, what) => {
  expect(() => readDashboard(value)).toThrow(what);
});

test.each([
  ['{a=~"$v"}', "x.y", '{a=~"x\\\\.y"}'],
  ['{a="$v"}', "x.y", '{a="x.y"}'],
  ['{a="$v"}', 'say "hi"\\', '{a="say \\"hi\\"\\\\"}'],
  ['{a=~"$v"} |~ `${v}s`', "a|b", '{a=~"a\\\\|b"} |~ `a\\|bs`'],
  ['{a=~"$v"}', ALL, '{a=~".+"}'],
  ["topk($v, rate({a=`b`}[$__range]))", "5", "topk(5, rate({a=`b`}[3600s]))"],
  ['{a="$unknown"} # $v', "x", '{a="$unknown"} '],
  ['{a="$v2"}', "x", '{a="$v2"}'],
])("%s with %s", (query, value, wanted) => {
  expect(substitute(query, { v: [value], __range: ["3600s"] })).toBe(wanted);
});

test.each([
  ['{a="$v", b="c"}', [ALL], '{a=~".+", b="c"}'],
  ['{a = /* no comment in LogQL */ "$v"}', ["x"], '{a = /* no comment in LogQL */ "x"}'],
  ['{a != `$v`}', ["x.y", "z"], '{a !~ "x\\\\.y|z"}'],
  ['{a="svc.$v-1"}', ["x", "y"], '{a=~"svc\\\\.(?:x|y)-1"}'],
  ['{a=~"svc.$v"}', ["x", "y"], '{a=~"svc.(?:x|y)"}'],
  ['{a=~"$v"} |= "$v" != "q"', ["x", "y"], '{a=~"x|y"} |~ "x|y" != "q"'],
  ['{a=~"b"} | level="$v" # "$v"', [ALL], '{a=~"b"} | level=~".+" '],
  ["sum by ($v) (rate({a=`b`}[1m]))", ["x", "y"], "sum by (x, y) (rate({a=`b`}[1m]))"],
])("all or several values: %s with %s", (query, values, wanted) => {
  expect(substitute(query, { v: values })).toBe(wanted);
});

test.each([
  ['{a=~"b"} | line_format "$v"', ["x", "y"]],
  ['{a=~"b"} |= "x" or "$v"', [ALL]],
  ["topk($v, rate({a=`b`}[1m]))", [ALL]],
])("where one value is needed, several are refused: %s with %s", (query, values) => {
  expect(() => substitute(query, { v: values })).toThrow("$v has several values");
});

test("variables have their first value until one is chosen", () => {
  const variables = [
    { name: "service", kind: "label" as const, source: "service_name", several: true },
    { name: "n", kind: "custom" as const, source: "5, 10 ,,20", several: false },
    { name: "text", kind: "text" as const, source: "error", several: false },
  ];
  expect(customValues("5, 10 ,,20")).toEqual(["5", "10", "20"]);
  expect(valuesOf(variables, {})).toEqual({ service: [ALL], n: ["5"], text: ["error"] });
  expect(valuesOf(variables, { service: ["api", "db"], n: ["10", "20"], text: [""] })).toEqual({ service: ["api", "db"], n: ["10"], text: [""] });
  expect(valuesOf(variables, { service: ["api", ALL], n: [] })).toEqual({ service: [ALL], n: ["5"], text: ["error"] });
});
