"""Random queries over the data of data.py: the grammar walked with dice. The same seed gives the same queries."""

import random

import ask

SELECTORS = ['{app="json"}', '{app="logfmt"}', '{app="meta"}', '{app="dense"}', '{app="edge"}', '{app="labels"}', '{app="values"}',
             '{app="access"}', '{app="packed"}', '{app="plain"}', '{app="sparse"}', '{app="dup"}', '{app="counter"}', '{env="prod"}',
             '{app=~"json|logfmt|meta"}', '{app=~".+", env="dev"}', '{app=~"d.*"}', '{host="a"}', '{app=~".+", host!~"a|b"}']
NEEDLES = ["info", "error", "level", "status", "10.0.0.", "e", "e", "a", "=", "=", "1", "2", "n=1", "v=", "GET", "ü", "", "\t", "\\", "20", "zzz"]
PATTERNS = ["in.o", ".+", "[a-z]+.*", "^level", "(?i)ERROR", "[0-9]{3}", "a|b|c", "\\d+ms", ".*", ".+x", "status.*20", "^$", "x$", "\\bann\\b", "(?s).", "[^a-z]"]
PARSERS = ["json", "json", "json", "json level, status", 'json l="level", s="status"', 'json d="nested.in.deep"', "logfmt", "logfmt", "logfmt",
           "logfmt --strict", "logfmt --keep-empty", "logfmt level, status", 'logfmt s="status"', r"regexp `(?P<status>\d+)`",
           r"regexp `(?P<key>\w+)=(?P<val>\S+)`", "pattern `<ip> - <user> <_>`", "pattern `<_>=<val> <rest>`", "unpack", "decolorize"]
NAMES = ["level", "status", "user", "app", "env", "host", "trace_id", "n", "v", "num", "missing", "app_extracted", "status_extracted",
         "user_extracted", "detected_level", "service_name", "__error__", "dur", "size", "ip", "s", "l", "val", "key", "code"]
TEXTS = ["info", "error", "200", "", "ann", "prod", "a", "t1", "x", "clash", "warn", "JSONParserErr"]
NUMBERS = ["0", "1", "-1", "5", "42", "200", "200.5", "302", "1e3", "500"]
DURATIONS = ["1s", "12ms", "250us", "1h", "1m30s", "3s"]
SIZES = ["1KB", "1KiB", "5KB", "12B", "2.5MB", "3KiB"]
TEMPLATES = ["{{.level}}", "{{.app}}-{{.status}}", "{{.missing}}", "const", "{{ToUpper .level}}", "{{__line__}}", "{{.user}} {{.n}}",
             "level={{.level}} status={{.status}}", "{{ if .level }}{{.level}}{{ else }}none{{ end }}"]
UNWRAPS = ["status", "n", "v", "num", "code", "duration(dur)", "bytes(size)", "duration_seconds(d)", "f", "neg", "total", "s", "w", "status_extracted"]
RANGES = ["10s", "1m", "1m", "5m", "5m", "10m", "10m", "90s", "7s", "1m30s", "500ms", "1h", "45s"]
COUNTS = ["count_over_time", "count_over_time", "rate", "bytes_over_time", "bytes_rate"]
OVER_VALUES = ["sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time", "rate", "rate_counter",
               "stddev_over_time", "stdvar_over_time", "quantile_over_time"]
GROUPABLE = {"avg_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time", "stddev_over_time", "stdvar_over_time",
             "quantile_over_time"}
AGGREGATIONS = ["sum", "sum", "sum", "avg", "min", "max", "count", "stddev", "stdvar"]


SOURCES = ['{app="dense"} | logfmt | unwrap v', '{app="dense"} | logfmt | unwrap duration(d)', '{app="dense"} | logfmt v, code | unwrap v',
           '{app="edge"} | logfmt | unwrap n', '{app="counter"} | logfmt | unwrap total', '{app="meta"} | json | unwrap status',
           '{app="json"} | json | status != "" | unwrap status', '{app="logfmt"} | logfmt | unwrap bytes(size)', '{app="values"} | logfmt | unwrap v',
           '{app="labels"} | unwrap num', '{app="access"} | pattern `<ip> <_>" <status> <bytes> <_>` | unwrap bytes']


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t") + '"'


class Dice(random.Random):
    def chance(self, percent):
        return self.randrange(100) < percent

    def names(self, most=3):
        return ", ".join(self.sample(NAMES, self.randint(1, most)))


def line_filter(d):
    op = d.choice(["|=", "|=", "|=", "!=", "|~", "!~", "|>", "!>"])
    if op[1] == ">":
        return f"{op} " + quoted(d.choice(["<_>=<_>", "level=<_>", "<_>info<_>", "n=<_>", "<_> - <_>", "{<_>}"]))
    needles = PATTERNS if op[1] == "~" else NEEDLES
    out = f"{op} {quoted(d.choice(needles))}"
    while d.chance(12):
        out += f" or {quoted(d.choice(needles))}"
    return out


# What a name may be compared with and now and then find something.
LIKELY = {"level": ["info", "error", "warn", ""], "status": ["200", "500", "404", "4"], "user": ["ann", "bob", ""], "env": ["prod", "dev"],
          "host": ["a", "b"], "trace_id": ["t1", "t2", "mine"], "detected_level": ["info", "unknown", "error"], "__error__": ["", "JSONParserErr"]}
NUMERIC = ["status", "status", "n", "v", "num", "code", "dur", "size", "s"]


def label_test(d, depth=0):
    if depth < 2 and d.chance(20):
        a, b = label_test(d, depth + 1), label_test(d, depth + 1)
        joined = a + d.choice([" and ", " or ", " or ", ", ", " "]) + b
        return f"({joined})" if d.chance(40) or depth else joined
    name, kind = d.choice(NAMES), d.randrange(10)
    if kind < 5:
        op = d.choice(["=", "=", "!=", "=~", "!~"])
        if d.chance(60):
            name = d.choice(list(LIKELY))
            return f"{name}{op}{quoted(d.choice(LIKELY[name]))}"
        return f"{name}{op}{quoted(d.choice(PATTERNS[:13] if op[-1] == '~' else TEXTS))}"
    compare = d.choice(["=", "==", "!=", ">", ">=", ">=", "<", "<="])
    name = d.choice(NUMERIC) if d.chance(75) else name
    if kind < 8:
        return f"{name} {compare} {d.choice(NUMBERS)}"
    return f"{name} {compare} {d.choice(DURATIONS if kind == 8 else SIZES)}"


def stage(d):
    kind = d.randrange(20)
    if kind < 5:
        return line_filter(d)
    if kind < 10:
        return "| " + d.choice(PARSERS)
    if kind < 15:
        return "| " + label_test(d)
    if kind == 15:
        return f"| line_format {quoted(d.choice(TEMPLATES))}"
    if kind == 16:
        value = d.choice(NAMES[:20]) if d.chance(50) else quoted(d.choice(TEMPLATES))
        return f"| label_format {d.choice(['new', 'level', 'app', 'status', 'user', 'trace_id'])}={value}"
    if kind == 17:
        return f"| drop {d.names()}"
    if kind == 18:
        return f"| keep {d.names()}"
    return f"| {d.choice(['drop', 'keep'])} {d.choice(NAMES)}{d.choice(['=', '!=', '=~'])}{quoted(d.choice(TEXTS))}"


def pipeline(d, most=3):
    selector = d.choice(SELECTORS)
    out = selector
    if d.chance(55):
        out += " | " + ("logfmt" if any(w in selector for w in ("logfmt", "dense", "edge", "sparse", "counter", "values", "host")) else "json")
    for _ in range(d.choice([0, 1, 1, 1, 2, 2, 3][:most * 2 + 1])):
        out += " " + stage(d)
    return out


def grouping(d):
    return f"{d.choice(['by', 'by', 'by', 'without'])} ({d.names() if d.chance(95) else ''})"


def range_function(d):
    offset = f" offset {d.choice(['1m', '30s', '7s', '-1m'])}" if d.chance(12) else ""
    safe = ' | __error__=""' if d.chance(70) else ""
    window = f"[{d.choice(RANGES)}]{offset}"
    if d.chance(60):
        function = d.choice(COUNTS) if d.chance(95) else "absent_over_time"
        return f"{function}({pipeline(d, 3)}{safe} {window})"
    function = d.choice(OVER_VALUES)
    parameter = f"{d.choice(['0.5', '0.9', '0', '1', '0.33'])}, " if function == "quantile_over_time" else ""
    source = d.choice(SOURCES) if d.chance(60) else f"{pipeline(d, 2)} | unwrap {d.choice(UNWRAPS)}"
    out = f"{function}({parameter}{source}{safe or (' | ' + label_test(d) if d.chance(20) else '')} {window})"
    return out + (" " + grouping(d) if function in GROUPABLE and d.chance(40) else "")


def vector(d, depth=0):
    kind = d.randrange(20)
    if kind < 6 or depth > 2:
        return range_function(d)
    if kind < 13:
        return f"{d.choice(AGGREGATIONS)} {grouping(d) if d.chance(75) else ''}({vector(d, depth + 1)})"
    if kind == 13:
        return f"{d.choice(['topk', 'bottomk'])}({d.randint(1, 3)}, {vector(d, depth + 1)})"
    if kind == 14:
        return f"{d.choice(['sort', 'sort_desc'])}({vector(d, depth + 1)})"
    if kind == 15:
        return f"label_replace({vector(d, depth + 1)}, \"new\", \"x$1\", {quoted(d.choice(NAMES[:8]))}, \"(.).*\")"
    if kind == 16:
        op = d.choice(["+", "-", "*", "/", "%", "^", ">", "<", "==", "!=", ">= bool", "< bool"])
        sides = [vector(d, depth + 1), d.choice(["0", "1", "2", "0.5", "100", "-3"])]
        d.shuffle(sides)
        return f"({sides[0]} {op} {sides[1]})"
    if kind == 17:
        return f"({vector(d, depth + 1)} {d.choice(['and', 'or', 'unless'])} {vector(d, depth + 1)})"
    by = f"by ({d.names(2)})"
    matching = d.choice(["", "", "on () group_left ", f"on ({d.choice(NAMES)}) ", f"ignoring ({d.choice(NAMES)}) "])
    return f"(sum {by} ({range_function(d)}) {d.choice('+-*/')} {matching}sum {by if 'group' not in matching else ''} ({range_function(d)}))"


def cases(seed, count):
    d = Dice(seed)
    for _ in range(count):
        kind = d.choice(["log", "log", "range", "instant", "instant"])
        if kind == "log":
            start, length = d.choice([0, 0, 10, 33.5]), d.choice([600, 300, 60, 17])
            given = [("start", str(start)), ("end", str(start + length)), ("direction", d.choice(["forward", "backward"]))]
            query = pipeline(d)
        elif kind == "range":
            start, length = d.choice([0, 0, 7, 3.25]), d.choice([600, 300, 120])
            given = [("start", str(start)), ("end", str(start + length)), ("step", d.choice(["60", "30", "17", "7.5"]))]
            query = vector(d)
        else:
            given, query = [("time", str(d.choice([600, 150, 150, 125.5, 59.999])))], vector(d)
        if kind == "log" and d.chance(30):
            given.append(("categorize", "1"))
        if d.chance(25):
            given.append(("tenant", "bare"))
        yield ask.make("random", kind, [(n, v, False) for n, v in given], query)
