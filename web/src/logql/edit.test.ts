import { describe, expect, test } from "vitest";
import { addFilter, addMatcher, appendStage, splitLevels, withLevels } from "./edit";
import { lex, quote, unquote } from "./lex";
import { findNeedles } from "./needles";
import { readQueryError } from "./queryError";
import { findStages, isMetricQuery } from "./shape";

describe("strings", () => {
  test.each(["plain", 'with "quotes"', "back\\slash", "line\nfeed", "nul \0", "日本 👩‍💻", "`tick`", "\u2028"])(
    "%j survives quoting",
    (value) => {
      const quoted = quote(value);
      expect(lex(quoted).map((token) => token.kind)).toEqual(["string"]);
      expect(unquote(quoted)).toBe(value);
    },
  );
  test("Go's escapes and raw strings are read", () => {
    expect(unquote('"\\x41\\u00e9\\101\\t"')).toBe("AéA\t");
    expect(unquote('`a\\n"b`')).toBe('a\\n"b');
  });
});

describe("selector", () => {
  test.each([
    ["", '{app="x"}'],
    ["{}", '{app="x"}'],
    ['{job="a"}', '{job="a", app="x"}'],
    ['{job="a"} |= "}" # app', '{job="a", app="x"} |= "}" # app'],
    ['{app=~".+"}', '{app="x"}'],
    ['{app="y", job="a"}', '{app="x", job="a"}'],
    ['{job="a", app!="x"}', '{job="a", app="x"}'],
    ['{app="x"}', '{app="x"}'],
    ['sum(rate({job="a"}[5m]))', 'sum(rate({job="a", app="x"}[5m]))'],
    ['{job="a}b"}', '{job="a}b", app="x"}'],
  ])("%s with app=x", (before, after) => expect(addMatcher(before, "app", "=", "x")).toBe(after));

  test("leaving out keeps one matcher that selects", () => {
    expect(addMatcher('{job="a"}', "job", "!=", "a")).toBe('{job=~".+", job!="a"}');
    expect(addMatcher('{job="a", app="x"}', "app", "!=", "x")).toBe('{job="a", app!="x"}');
    expect(addMatcher('{service_name=~".+"}', "service_name", "!=", "x")).toBe(
      '{service_name=~".+", service_name!="x"}',
    );
  });
  test("values are quoted", () => {
    expect(addMatcher("{}", "path", "=", 'C:\\"x"')).toBe('{path="C:\\\\\\"x\\""}');
  });
  test("a query that is not understood is left alone", () => {
    expect(addMatcher("{job=", "app", "=", "x")).toBe("{job=");
  });
});

describe("filters", () => {
  test.each([
    ['{a="b"}', '{a="b"} | f="v"'],
    ['{a="b"} | json', '{a="b"} | json | f="v"'],
    ['({a="b"} |= "x")', '({a="b"} |= "x" | f="v")'],
    ['{a="b"} | json | f!="v"', '{a="b"} | json | f="v"'],
    ['{a="b"} | f="v" | json', '{a="b"} | f="v" | json'],
    ['{a="b"} |= "x" # why', '{a="b"} |= "x" # why\n| f="v"'],
    ['{a="b"}\n  # first\n  |= "x"', '{a="b"}\n  # first\n  |= "x" | f="v"'],
  ])("%s with f=v", (before, after) => expect(addFilter(before, "f", "=", "v")).toBe(after));
  test("leaving out takes the opposite away", () => {
    expect(addFilter('{a="b"} | f="v" |= "x"', "f", "!=", "v")).toBe('{a="b"} |= "x" | f!="v"');
  });
  test("a stage is appended once", () => {
    expect(appendStage('{a="b"}', "| json")).toBe('{a="b"} | json');
    expect(appendStage('{a="b"} | json', "| json")).toBe('{a="b"} | json');
  });
});

describe("levels", () => {
  test("are set, changed and taken away without touching the rest", () => {
    const query = '{a="b"} |= "x"';
    const one = withLevels(query, ["error"]);
    expect(one).toBe('{a="b"} |= "x" | detected_level="error"');
    const two = withLevels(one, ["error", "warn"]);
    expect(two).toBe('{a="b"} |= "x" | detected_level=~"error|warn"');
    expect(splitLevels(two)).toEqual({ base: query, levels: ["error", "warn"] });
    expect(withLevels(two, [])).toBe(query);
  });
  test("critical stands for fatal too", () => {
    expect(withLevels('{a="b"}', ["critical"])).toBe('{a="b"} | detected_level=~"critical|fatal"');
    expect(splitLevels('{a="b"} | detected_level=~"critical|fatal|error"').levels).toEqual(["critical", "error"]);
  });
  test("a filter that the legend did not make is not taken for one", () => {
    const query = '{a="b"} | detected_level=~"e.*"';
    expect(splitLevels(query)).toEqual({ base: query, levels: [] });
  });
});

describe("shape", () => {
  test("log and metric queries are told apart", () => {
    expect(['{a="b"}', ' ({a="b"})', "# note\n{}"].map(isMetricQuery)).toEqual([false, false, false]);
    expect(['rate({a="b"}[1m])', "(1+1)", "vector(1)"].map(isMetricQuery)).toEqual([true, true, true]);
    expect(isMetricQuery("")).toBe(false);
  });
  test("stages", () => {
    const query =
      '{a="b"} |= "x" or "y" != "z" | json code="a.b" | status != 200 and x !~ "q" !~ "w" | line_format `{{.a}} | {{.b}}`';
    expect(findStages(query).map((stage) => query.slice(stage.from, stage.to))).toEqual([
      '|= "x" or "y"',
      '!= "z"',
      '| json code="a.b"',
      '| status != 200 and x !~ "q"',
      '!~ "w"',
      "| line_format `{{.a}} | {{.b}}`",
    ]);
  });
});

describe("needles", () => {
  test("are the texts of positive line filters", () => {
    expect(findNeedles('{a="b"} |= "a.b" or "c" != "d" |~ `(?i)err\\d+`')).toEqual([/a\.b/g, /c/g, /err\d+/gi]);
  });
  test.each(["(a+)+$", "(a|aa)*b", "a.*b.*c.*d", "x{2,}y+z*"])(
    "that could take for ever are left out: %s",
    (expression) => {
      expect(findNeedles(`{a="b"} |~ "${expression}"`)).toEqual([]);
    },
  );
  test("that JavaScript cannot read are left out", () => {
    expect(findNeedles('{a="b"} |~ "(?P<x>a)" |~ "\\\\pN(" |= ip("1.2.3.4") |= ""')).toEqual([/(?<x>a)/g]);
  });
});

describe("errors", () => {
  test("point into the query", () => {
    const message = "parse error at line 2, col 3: syntax error: unexpected $end";
    expect(readQueryError(message, '{a="b"}\n| ').at).toBe(10);
    expect(readQueryError("parse error at line 9, col 99: x", "{a}").at).toBe(3);
    expect(readQueryError("parse error : invalid aggregation", "{a}").at).toBeUndefined();
  });
});
