"""Random queries: the grammar walked with dice. The same seed gives the same queries. What they are made of are the words of data.py's
data, or those of a fresh.World."""

import random
import re

import ask


class Known:
    """Words that find something in data.py."""
    selectors = ['{app="json"}', '{app="logfmt"}', '{app="meta"}', '{app="dense"}', '{app="edge"}', '{app="labels"}', '{app="values"}',
                 '{app="access"}', '{app="packed"}', '{app="plain"}', '{app="sparse"}', '{app="dup"}', '{app="counter"}', '{env="prod"}',
                 '{app=~"json|logfmt|meta"}', '{app=~".+", env="dev"}', '{app=~"d.*"}', '{host="a"}', '{app=~".+", host!~"a|b"}']
    needles = ["info", "error", "level", "status", "10.0.0.", "e", "e", "a", "=", "=", "1", "2", "n=1", "v=", "GET", "ü", "", "\t", "\\", "20", "zzz"]
    regexes = ["in.o", ".+", "[a-z]+.*", "^level", "(?i)ERROR", "[0-9]{3}", "a|b|c", "\\d+ms", ".*", ".+x", "status.*20", "^$", "x$", "\\bann\\b", "(?s).", "[^a-z]"]
    shapes = ["<_>=<_>", "level=<_>", "<_>info<_>", "n=<_>", "<_> - <_>", "{<_>}"]
    parsers = ["json", "json", "json", "json level, status", 'json l="level", s="status"', 'json d="nested.in.deep"', "logfmt", "logfmt", "logfmt",
               "logfmt --strict", "logfmt --keep-empty", "logfmt level, status", 'logfmt s="status"', r"regexp `(?P<status>\d+)`",
               r"regexp `(?P<key>\w+)=(?P<val>\S+)`", "pattern `<ip> - <user> <_>`", "pattern `<_>=<val> <rest>`", "unpack", "decolorize"]
    names = ["level", "status", "user", "app", "env", "host", "trace_id", "n", "v", "num", "missing", "app_extracted", "status_extracted",
             "user_extracted", "detected_level", "service_name", "__error__", "dur", "size", "ip", "s", "l", "val", "key", "code"]
    texts = ["info", "error", "200", "", "ann", "prod", "a", "t1", "x", "clash", "warn", "JSONParserErr"]
    # What a name may be compared with and now and then find something.
    likely = {"level": ["info", "error", "warn", ""], "status": ["200", "500", "404", "4"], "user": ["ann", "bob", ""], "env": ["prod", "dev"],
              "host": ["a", "b"], "trace_id": ["t1", "t2", "mine"], "detected_level": ["info", "unknown", "error"], "__error__": ["", "JSONParserErr"]}
    numeric = ["status", "status", "n", "v", "num", "code", "dur", "size", "s"]
    numbers = ["0", "1", "-1", "5", "42", "200", "200.5", "302", "1e3", "500"]
    templates = ["{{.level}}", "{{.app}}-{{.status}}", "{{.missing}}", "const", "{{ToUpper .level}}", "{{__line__}}", "{{.user}} {{.n}}",
                 "level={{.level}} status={{.status}}", "{{ if .level }}{{.level}}{{ else }}none{{ end }}"]
    unwraps = ["status", "n", "v", "num", "code", "duration(dur)", "bytes(size)", "duration_seconds(d)", "f", "neg", "total", "s", "w", "status_extracted"]
    sources = ['{app="dense"} | logfmt | unwrap v', '{app="dense"} | logfmt | unwrap duration(d)', '{app="dense"} | logfmt v, code | unwrap v',
               '{app="edge"} | logfmt | unwrap n', '{app="counter"} | logfmt | unwrap total', '{app="meta"} | json | unwrap status',
               '{app="json"} | json | status != "" | unwrap status', '{app="logfmt"} | logfmt | unwrap bytes(size)', '{app="values"} | logfmt | unwrap v',
               '{app="labels"} | unwrap num', '{app="access"} | pattern `<ip> <_>" <status> <bytes> <_>` | unwrap bytes']
    tenants = ["full", "full", "full", "bare"]

    @staticmethod
    def parser_of(d, selector):
        return "logfmt" if any(w in selector for w in ("logfmt", "dense", "edge", "sparse", "counter", "values", "host")) else "json"


ADDRESSES = ["10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.1.200", "192.168.0.0/16", "2001:db8::/32", "::1", "0.0.0.0/0", "10.0.0", "x", "10.0.0.9-10.0.0.1"]
DURATIONS = ["1s", "12ms", "250us", "1h", "1m30s", "3s", "-5s", "1.5s", "1d", "0s", "90m", "1h2m3s4ms"]
SIZES = ["1KB", "1KiB", "5KB", "12B", "2.5MB", "3KiB", "1kb", "0B", "1.5GiB"]
RANGES = ["10s", "1m", "1m", "5m", "5m", "10m", "10m", "90s", "7s", "1m30s", "500ms", "1h", "45s", "1d"]
COUNTS = ["count_over_time", "count_over_time", "rate", "bytes_over_time", "bytes_rate"]
OVER_VALUES = ["sum_over_time", "avg_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time", "rate", "rate_counter",
               "stddev_over_time", "stdvar_over_time", "quantile_over_time"]
GROUPABLE = {"avg_over_time", "min_over_time", "max_over_time", "first_over_time", "last_over_time", "stddev_over_time", "stdvar_over_time",
             "quantile_over_time"}
AGGREGATIONS = ["sum", "sum", "sum", "avg", "min", "max", "count", "stddev", "stdvar"]


def quoted(text):
    """A literal, in either kind of quotes."""
    if "`" not in text and "\r" not in text and len(text) % 3 == 0:
        return f"`{text}`"
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


class Dice(random.Random):
    def __init__(self, seed, of):
        super().__init__(seed)
        self.of = of  # the words

    def chance(self, percent):
        return self.randrange(100) < percent

    def names(self, most=3):
        return ", ".join(self.sample(self.of.names, self.randint(1, most)))


def line_filter(d):
    op = d.choice(["|=", "|=", "|=", "!=", "|~", "!~", "|>", "!>"])
    of = {">": d.of.shapes, "~": d.of.regexes, "=": d.of.needles}[op[1]]
    term = lambda: f"ip({quoted(d.choice(ADDRESSES))})" if op[1] == "=" and d.chance(7) else quoted(d.choice(of))
    out = f"{op} {term()}"
    while d.chance(12):
        out += f" or {term()}"
    return out


def label_test(d, depth=0):
    if depth < 2 and d.chance(20):
        a, b = label_test(d, depth + 1), label_test(d, depth + 1)
        joined = a + d.choice([" and ", " or ", " or ", ", ", " "]) + b
        return f"({joined})" if d.chance(40) or depth else joined
    name, kind = d.choice(d.of.names), d.randrange(20)
    if kind < 10:
        op = d.choice(["=", "=", "!=", "=~", "!~"])
        if d.chance(60):
            name = d.choice(list(d.of.likely))
            return f"{name}{op}{quoted(d.choice(d.of.likely[name]))}"
        return f"{name}{op}{quoted(d.choice(d.of.regexes[:13] if op[-1] == '~' else d.of.texts))}"
    if kind == 10:
        return f"{name} {d.choice(['=', '!='])} ip({quoted(d.choice(ADDRESSES))})"
    compare = d.choice(["=", "==", "!=", ">", ">=", ">=", "<", "<="])
    name = d.choice(d.of.numeric) if d.chance(75) else name
    if kind < 16:
        return f"{name} {compare} {d.choice(d.of.numbers)}"
    return f"{name} {compare} {d.choice(DURATIONS if kind < 18 else SIZES)}"


def assignment(d):
    value = d.choice(d.of.names[:20]) if d.chance(50) else quoted(d.choice(d.of.templates))
    return f"{d.choice(['new', 'level', 'app', 'status', 'user', 'trace_id', d.choice(d.of.names)])}={value}"


def stage(d):
    kind = d.randrange(20)
    if kind < 5:
        return line_filter(d)
    if kind < 10:
        return "| " + d.choice(d.of.parsers)
    if kind < 15:
        return "| " + label_test(d)
    if kind == 15:
        return f"| line_format {quoted(d.choice(d.of.templates))}"
    if kind == 16:
        return f"| label_format {', '.join(assignment(d) for _ in range(d.choice([1, 1, 1, 2])))}"
    if kind == 17:
        return f"| drop {d.names()}"
    if kind == 18:
        return f"| keep {d.names()}"
    return f"| {d.choice(['drop', 'keep'])} {d.choice(d.of.names)}{d.choice(['=', '!=', '=~', '!~'])}{quoted(d.choice(d.of.texts))}"


def pipeline(d, most=3):
    selector = d.choice(d.of.selectors)
    out = selector
    if d.chance(55):
        out += " | " + d.of.parser_of(d, selector)
    for _ in range(d.choice([0, 1, 1, 1, 2, 2, 3, 4][:most * 2 + 2])):
        out += " " + stage(d)
    return out


def grouping(d):
    return f"{d.choice(['by', 'by', 'by', 'without'])} ({d.names() if d.chance(95) else ''})"


def range_function(d):
    offset = f" offset {d.choice(['1m', '30s', '7s', '-1m', '1m30s', '0s'])}" if d.chance(12) else ""
    safe = ' | __error__=""' if d.chance(70) else ""
    window = f"[{d.choice(RANGES)}]{offset}"
    if d.chance(60):
        function = d.choice(COUNTS) if d.chance(95) else "absent_over_time"
        return f"{function}({pipeline(d, 3)}{safe} {window})"
    function = d.choice(OVER_VALUES)
    parameter = f"{d.choice(['0.5', '0.9', '0', '1', '0.33', '1.5'])}, " if function == "quantile_over_time" else ""
    source = d.choice(d.of.sources) if d.chance(60) else f"{pipeline(d, 2)} | unwrap {d.choice(d.of.unwraps)}"
    out = f"{function}({parameter}{source}{safe or (' | ' + label_test(d) if d.chance(20) else '')} {window})"
    return out + (" " + grouping(d) if function in GROUPABLE and d.chance(40) else "")


def vector(d, depth=0):
    kind = d.randrange(20)
    if kind < 6 or depth > 2:
        return range_function(d)
    if kind < 13:
        group, inner = grouping(d) if d.chance(75) else "", f"({vector(d, depth + 1)})"
        return d.choice(AGGREGATIONS) + (f" {group} {inner}" if d.chance(70) else f"{inner} {group}")
    if kind == 13:
        return f"{d.choice(['topk', 'bottomk'])}{' ' + grouping(d) if d.chance(30) else ''}({d.randint(1, 3)}, {vector(d, depth + 1)})"
    if kind == 14:
        return f"{d.choice(['sort', 'sort_desc'])}({vector(d, depth + 1)})"
    if kind == 15:
        name, regex = d.choice(d.of.names[:8]), d.choice(["(.).*", "(.*)", "(?P<a>\\\\w+)-?.*", "", "x", "(a|b)"])
        return f"label_replace({vector(d, depth + 1)}, \"{d.choice(['new', name, 'app'])}\", \"{d.choice(['x$1', '$1$1', '', '$0', '${a}y', '$2', 'c'])}\", {quoted(name)}, \"{regex}\")"
    if kind == 16:
        op = d.choice(["+", "-", "*", "/", "%", "^", ">", "<", "==", "!=", ">= bool", "< bool"])
        sides = [vector(d, depth + 1), d.choice(["0", "1", "2", "0.5", "100", "-3", "1e3", "vector(2)"])]
        d.shuffle(sides)
        return f"({sides[0]} {op} {sides[1]})"
    if kind == 17:
        matching = d.choice(["", "", f"on ({d.names(2)}) ", f"ignoring ({d.choice(d.of.names)}) "])
        return f"({vector(d, depth + 1)} {d.choice(['and', 'or', 'unless'])} {matching}{vector(d, depth + 1)})"
    by = f"by ({d.names(2)})"
    op = d.choice(["+", "-", "*", "/", ">", "== bool", "<="])
    name = d.choice(d.of.names)
    if d.chance(25):  # many to one
        side, include = d.choice(["left", "right"]), d.choice(["", f" ({d.choice(d.of.names)})", " ()"])
        sides = [f"sum by ({name}, {d.choice(d.of.names)}) ({range_function(d)})", f"sum by ({name}) ({range_function(d)})"]
        return f"({sides[side == 'right']} {op} on ({name}) group_{side}{include} {sides[side == 'left']})"
    matching = d.choice(["", "", "on () group_left ", f"on ({name}) ", f"ignoring ({name}) "])
    return f"(sum {by} ({range_function(d)}) {op} {matching}sum {by if 'group' not in matching else ''} ({range_function(d)}))"


TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`|[\w.]+|[|!=<>~]+|\S|\s+')
STRAY = ["|", "=", "!=", "|=", "|~", "(", ")", "{", "}", "[", "]", ",", '"', "`", "by", "without", "on", "json", "logfmt", "unwrap", "rate", "sum", "5m", "[5m]", "1", "-", "bool", "or",
         "and", "x", '"x"', "offset", "ip", "ip(\"x\")", "#", "\\", "@", "1.5", ".", "%", "é", "\"\\x\"", "drop", "keep", "vector(1)", "count_over_time", "group_left", "0x1", "1KB", "--strict", "__error__", "!", "''"]


def broken(d, query):
    """The query with a word too many, too few or at another place: mostly for the texts of errors."""
    words = TOKENS.findall(query)
    for _ in range(d.choice([1, 1, 1, 2])):
        at = d.randrange(len(words)) if words else 0
        kind = d.randrange(6)
        if kind == 0:
            words[at:at + 1] = []
        elif kind == 1:
            words[at:at] = [" ", d.choice(STRAY), " "]
        elif kind == 2:
            words[at:at + 1] = [d.choice(STRAY)]
        elif kind == 3:
            words = words[:at]
        elif kind == 4:
            other = d.randrange(len(words)) if words else 0
            if words:
                words[at], words[other] = words[other], words[at]
        else:
            text = "".join(words)
            at = d.randrange(len(text) + 1)
            words = TOKENS.findall(text[:at] + text[at + 1:])
    return "".join(words)


def times(d):
    """Parameters of a log or range query in the forms that they come in, wrong ones among them; raw values. Not milliseconds, which are
    nanoseconds of 1970: Loki has no schema for them."""
    base = ask.data.BASE_S
    at = lambda s: d.choice([f"{base + s}", f"{base + s}000000000", f"{base + s}.5", f"{base + s}.123456789", iso(base + s), iso(base + s)[:-1] + ".25Z",
                             iso(base + s)[:-1] + "+00:00"])
    out = []
    if d.chance(85):
        out.append(("start", at(d.choice([0, 0, 30, 100, 599, 600, 601]))))
    out.append(("end", at(d.choice([600, 600, 300, 100, 60, 0]))))
    if d.chance(15):
        out.append(("since", d.choice(["5m", "1h", "90s", "1d", "1w", "x", "", "-5m", "1.5h", "0"])))
    if d.chance(50):
        out.append(("step", d.choice(["60", "15", "7.5", "30s", "1m", "15000ms", "1m30s", "0", "-5", "x", "", "2.5s", "0.001", "1e1", "1d", "0.05", "1y", "60.0000001"])))
    if d.chance(60):
        out.append(("limit", d.choice(["1", "2", "5", "10", "100", "0", "-1", "x", "", "1000000", "1000001", "1.5", "1e3", "+5", "007"])))
    if d.chance(50):
        out.append(("direction", d.choice(["forward", "backward", "FORWARD", "Backward", "x", "", "forwards"])))
    if d.chance(20):
        out.append(("interval", d.choice(["5s", "30", "1m", "0", "0.5", "x", "-1", "", "1.5s", "1m30s"])))
    return out


def iso(seconds):
    import datetime
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_times(d, kind):
    if kind == "log":
        start, length = d.choice([0, 0, 10, 33.5]), d.choice([600, 300, 60, 17])
        return [("start", str(start)), ("end", str(start + length)), ("direction", d.choice(["forward", "backward"]))]
    if kind == "range":
        start, length = d.choice([0, 0, 7, 3.25]), d.choice([600, 300, 120])
        return [("start", str(start)), ("end", str(start + length)), ("step", d.choice(["60", "30", "17", "7.5"]))]
    return [("time", str(d.choice([600, 150, 150, 125.5, 59.999])))]


def cases(seed, count, of=Known):
    d = Dice(seed, of)
    for _ in range(count):
        kind = d.choice(["log", "log", "range", "instant", "instant"])
        query = pipeline(d) if kind == "log" else vector(d)
        given = [(n, v, False) for n, v in plain_times(d, kind)]
        if d.chance(8):
            query = broken(d, query)
        elif d.chance(8) and kind != "instant":
            given = [(n, v, True) for n, v in times(d)]
        if kind == "log" and d.chance(30):
            given.append(("categorize", "1", True))
        given.append(("tenant", d.choice(of.tenants), True))
        yield ask.make("random", kind, given, query)
