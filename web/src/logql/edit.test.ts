import { describe, expect, test } from "vitest";
import { addFilter, addMatcher, appendStage, countBy, sortOf, splitLevels, withLevels, withSort } from "./edit";
import { lex, quote, unquote } from "./lex";
import { findNeedles } from "./needles";
import { readQueryError } from "./queryError";
import { findStages, isMetricQuery, isPlainWords, isSetQuery } from "./shape";

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

describe("order", () => {
  test("is set, turned and taken away at the end of the query", () => {
    const down = withSort('{a="b"} | json', "took", "desc");
    expect(down).toBe('{a="b"} | json | sort by took desc');
    expect(sortOf(down)).toEqual({ name: "took", order: "desc" });
    expect(withSort(down, "took", "asc")).toBe('{a="b"} | json | sort by took');
    expect(withSort(down, "other", "desc")).toBe('{a="b"} | json | sort by other desc');
    expect(withSort(down, "took", undefined)).toBe('{a="b"} | json');
  });

  test("of several names is the user's own", () => {
    expect(sortOf('{a="b"} | sort by x, y desc')).toBeUndefined();
    expect(sortOf('{a="b"} | sort="by"')).toBeUndefined();
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

  test("plain words are no metric, and take filters and stages behind them", () => {
    for (const query of ["payment", 'payment -timeout user:ann', '"two words" | json', "disk full |= `x`"])
      expect([query, isMetricQuery(query), isPlainWords(query)]).toEqual([query, false, true]);
    expect([isPlainWords('{a="b"}'), isPlainWords('rate({a="b"}[1m])'), isPlainWords("500"), isPlainWords("")]).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(addMatcher("payment", "app", "=", "x")).toBe('payment | app="x"');
    expect(addFilter("payment | json", "f", "!=", "v")).toBe('payment | json | f!="v"');
    expect(withLevels("payment", ["error"])).toBe('payment | detected_level="error"');
    expect(splitLevels('payment | detected_level="error"')).toEqual({ base: "payment", levels: ["error"] });
  });

  test("stages that look at many rows are known, and labels of their names are not taken for them", () => {
    for (const query of ['{a="b"} | sort by x', '{a="b"} | json | stats count()', "words | top 5 a"])
      expect(isSetQuery(query)).toBe(true);
    for (const query of ['{a="b"} | top > 5', '{a="b"} | sort="x"', '{a="b"} |= "sort by x"'])
      expect(isSetQuery(query)).toBe(false);
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

test("lines are counted by a field, whatever stands at the query's end", () => {
  expect(countBy(' {a="b"} | json ', "user", "1m")).toBe('topk(10, sum by (user) (count_over_time({a="b"} | json [1m])))');
  expect(countBy('{a="b"} # why', "user", "1m")).toBe('topk(10, sum by (user) (count_over_time({a="b"} # why\n[1m])))');
});
