"""Data that nobody has seen before, and the words to ask about it: all from a seed.

Lines are JSON, logfmt, text and packed JSON made by dice, torn now and then, and lines of real logs where BOLE_LOKI_LINES names
files of them (separated by colons)."""

import json
import os
import re

import generate
from data import BASE
from generate import quoted

LABELS = ["app", "env", "level", "host", "_x", "A", "a_b", "n0", "status", "by", "bool", "json", "rate", "le", "offset", "unwrap", "duration",
          "ip", "pod_1", "__meta__", "on", "trace_id", "user", "size"]
KEYS = ["level", "status", "user", "app", "dur", "size", "msg", "a", "b", "a_b", "a.b", "a-b", "k v", "9x", "ünï", "_entry", "n", "v", "x", "id",
        "ip", "trace_id", "nested", "obj", "list", "日本", "A", "f", "t", "path", "code", "time", "le", "by", "__line__", "@t", "k😀", "level_extracted"]
META = ["trace_id", "user", "pod_1", "level", "a.b", "n", "a b", "ünï", "span", "status", "app", "detected_level", "size"]
TEXTS = ["info", "error", "warn", "", "a", "ann", "bob", "ünï", "日本語", "x y", 'q"q', "b\\s", "tab\tx", "nl\nx", "200", "500", "-1", "1e5", "0.1", "12ms",
         "1h2m", "1.5s", "10KB", "1MiB", "2,048", "10.0.0.1", "10.1.2.3", "::1", "2001:db8::5", "true", "null", "<b>&", "a=b", "{}", "[1]", "😀", "é", "e\u0301",
         "NaN", "Inf", "0x1F", "1_000", "ERROR", "Warn", " lead", "trail ", "a/b?c=d&e=%20", "{{.x}}", "$1", "\u2028", "\x7f", "\x1b[31mr\x1b[0m"]
NUMBERS = ["0", "1", "-1", "42", "200", "404", "500", "1.5", "-0", "-0.0", "1e5", "1E+5", "1e-7", "2.50", "0.1", "1e400", "123456789012345678901", "9007199254740993",
           "1e21", "123456789.125", "3.0", "100", "7", "1000000", "0.30000000000000004"]
WORDS = ["GET", "POST", "/index.html", "/api/v1/x?id=7", "failed", "Error:", "error", "timeout", "after", "user", "from", "10.0.0.1", "10.0.1.77", "192.168.1.5:8080",
         "2001:db8::1", "12ms", "1.5s", "200", "500", "[main]", "(x)", "a=1", "b=\"two words\"", "-", "--", "ünï", "日本語", "😀", "<tag>", "&", "100%", "x.y.z", "C:\\dir\\f",
         "\"quoted\"", "'single'", "null", "{", "}", "1e5", "0x1f", "id=abc-123", "INFO", "WARN", "DEBUG", "end."]


def value(d, depth):
    kind = d.randrange(20)
    if kind < 8:
        return json.dumps(d.choice(TEXTS), ensure_ascii=d.chance(30))
    if kind < 14:
        return d.choice(NUMBERS)
    if kind < 16 or depth > 3:
        return d.choice(["true", "false", "null", '""', "{}", "[]"])
    if kind < 18:
        return obj(d, depth + 1)
    return "[" + ",".join(value(d, depth + 1) for _ in range(d.randrange(4))) + "]"


def obj(d, depth=0):
    blank = d.choice(["", "", "", " "])
    pairs = [f"{json.dumps(d.choice(KEYS), ensure_ascii=d.chance(20))}{blank}:{blank}{value(d, depth)}" for _ in range(d.randrange(1, 7 if not depth else 4))]
    return "{" + f",{blank}".join(pairs) + "}"


def pair(d):
    key = d.choice(KEYS)
    kind = d.randrange(12)
    if kind == 0:
        return key
    if kind == 1:
        return key + "="
    if kind < 6:
        text = d.choice(TEXTS)
        return f"{key}={json.dumps(text, ensure_ascii=d.chance(30))}" if d.chance(80) else f"{key}={text}"
    return f"{key}={d.choice(NUMBERS if kind < 10 else ['12ms', '1.5s', '10KB', '2MiB', '10.0.0.1', 'info', 'error', 'ann', '-3', '1h'])}"


def logfmt(d):
    return d.choice([" ", " ", " ", "  ", "\t"]).join(pair(d) for _ in range(d.randrange(1, 8)))


def text(d):
    return d.choice([" ", " ", "  ", ", "]).join(d.choice(WORDS) for _ in range(d.randrange(1, 9)))


def packed(d):
    entry = d.choice([obj, logfmt, text])(d)
    rest = "".join(f",{json.dumps(d.choice(KEYS))}:{json.dumps(d.choice(TEXTS))}" for _ in range(d.randrange(3)))
    return '{"_entry":' + json.dumps(entry, ensure_ascii=d.chance(50)) + rest + "}"


def real_lines():
    out = []
    for name in filter(None, os.environ.get("BOLE_LOKI_LINES", "").split(":")):
        with open(name, "rb") as file:
            out.append([line.rstrip(b"\n")[:3000] for line, _ in zip(file, range(20000))])
    return out


def torn(d, line):
    at = d.randrange(len(line) + 1)
    return line[:at] + d.choice([b"", b"", b"\xff", b'"', b"}", b" ", b"\\", b"=", b"\0", "ü".encode()]) + line[at + d.randrange(3):]


class World:
    """streams_of: of each of two tenants, as in data.py; some are the same. The rest are words of queries: see generate.Known."""

    def __init__(self, seed, tenants):
        self.d = d = generate.Dice(seed, None)
        real = real_lines()
        names = d.sample(LABELS, 8)
        values = {n: d.sample(TEXTS, 3) for n in names}
        makers = [obj, obj, logfmt, logfmt, text, packed] + [lambda d, lines=lines: d.choice(lines) for lines in real]
        streams, self.lines, seen = [], [], set()
        for i in range(12 + 2 * len(real)):
            labels = {"stream": str(i % 9), "kind": f"k{i % len(makers)}"}
            for name in d.sample(names, d.randrange(4)):
                labels[name] = d.choice([v for v in values[name] if v] or ["x"])
            if tuple(sorted(labels.items())) in seen:
                labels["again"] = str(i)
            seen.add(tuple(sorted(labels.items())))
            maker, entries = makers[i % len(makers)], []
            for _ in range(d.randrange(5, 60)):
                line = maker(d)
                line = line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line
                line = torn(d, line) if d.chance(4) else line
                metadata = {d.choice(META): d.choice(TEXTS) for _ in range(d.randrange(1, 4))} if d.chance(25) else {}
                entries.append((BASE + d.randrange(600_000) * 10**6 + d.randrange(1000), line, metadata))
            streams.append((labels, entries))
            self.lines += [line for _, line, _ in entries]
        self.labels, self.kinds = values, len(makers)
        third, (first, second) = len(streams) // 3, tenants
        self.streams_of = {first: streams[third:], second: streams[:2 * third]}
        self.tenants = [first] * 4 + [second] * 2 + [f"{first}|{second}"]
        self.words()

    def words(self):
        """What queries are made of, taken from the data."""
        d = self.d
        clean = lambda key: re.sub("[^a-zA-Z0-9_]", "_", key)
        keys = [clean(k) for k in KEYS]
        self.names = list(self.labels) + ["stream", "kind"] + d.sample([("_" + k if k[0].isdigit() else k) for k in keys if k], 18) + \
            ["a_b_extracted", "level_extracted", "app_extracted", "nested_a", "obj_x", "missing", "detected_level", "service_name", "__error__", "__error_details__",
             "trace_id", "user", "status", "n", "x", "v"]
        lines = [line.decode(errors="ignore") for line in self.lines]
        cut = lambda: (lambda s, at: s[at:at + d.randrange(1, 9)])(d.choice(lines), d.randrange(40))
        self.needles = [cut() for _ in range(30)] + ["", "error", "é", "Ü", "ERROR"]
        loose = lambda s: "".join(d.choice(["." if c != " " else "\\s", re.escape(c), re.escape(c), re.escape(c), "[^%s]?" % ("x" if c in "\\]^-" else c)]) for c in s)
        self.regexes = [re.escape(cut()) for _ in range(8)] + [loose(cut()) for _ in range(8)] + \
            ["(?i)" + re.escape(cut()) for _ in range(3)] + ["^" + re.escape(d.choice(lines)[:4]), re.escape(d.choice(lines)[-4:]) + "$", cut().replace("\\", "") + ".*",
             "a|b|ü", "\\d+", "[0-9a-f]{4,}", ".*", ".+", "", "^$", "(?s).", "\\pL+", "x*", "(error|warn).*[0-9]", "[^ -~]", "\\bann\\b", "(", "a{2000}", "\\Qa.b\\E"]
        hole = lambda s: re.sub(r"\S+", lambda m: "<_>" if d.chance(40) else m.group(), s)
        self.shapes = [p for p in (re.sub("(<_>)+", "<_>", hole(d.choice(lines))[:80]) for _ in range(12)) if p] + ["<_>error<_>", "<_>=<_>", "a", "<_>", "<a>", ""]
        caught = lambda s: re.sub(r"\S+", lambda m: d.choice(["<_>", "<a>", "<b>", "<c>", "<level>", "<status>"]) if d.chance(40) else m.group(), s)[:80]
        json_path = lambda: d.choice(["{k}", "{k}.{l}", '["{k}"]', "{k}[0]", "{k}[1].{l}", '{k}["{l}"]', "{k}[0][1]", "{k}.{l}.{k}"]).format(k=d.choice(KEYS), l=d.choice(KEYS))
        self.parsers = ["json"] * 6 + ["logfmt"] * 6 + ["logfmt --strict", "logfmt --keep-empty", "logfmt --strict --keep-empty", "unpack", "unpack", "decolorize"] + \
            [f"json {d.choice(self.names)}={quoted(json_path())}" for _ in range(6)] + \
            [f"json x={quoted(json_path())}, {d.choice(self.names)}={quoted(json_path())}" for _ in range(3)] + \
            [f"json {d.choice(self.names)}, {d.choice(self.names)}", f"logfmt {d.choice(self.names)}, y={quoted(d.choice(KEYS))}", f"logfmt y={quoted(d.choice(KEYS))}",
             f"logfmt --strict {d.choice(self.names)}"] + \
            ["pattern " + quoted(caught(d.choice(lines))) for _ in range(5)] + \
            ["regexp " + quoted(r) for r in ("(?P<status>\\d+)", "(?P<a>\\w+)=(?P<b>[^ ]*)", "^(?P<level>\\S+) (?P<rest>.*)$", '"(?P<k>[^"]+)":(?P<v>[^,}]+)', "(?P<x>ü+)?", "(a)(?P<x>.)",
                                             "(?P<x>a)(?P<x>b)", "abc", "(?P<9x>a)", "(?i)(?P<err>ERROR|warn)")]
        self.selectors = [f"{{kind={quoted(k)}}}" for k in [f"k{i}" for i in range(self.kinds)]] * 2 + \
            [f"{{stream={quoted(str(i))}}}" for i in range(9)] + ['{stream=~".+"}', '{stream=~"[1-5]"}', '{kind=~"k[0135]"}', '{kind!="", stream!~"1|3"}'] + \
            [f"{{stream=~\".+\", {n}{d.choice(['=', '!=', '=~', '!~'])}{quoted(d.choice(v))}}}" for n, v in self.labels.items()] + \
            [f"{{{n}={quoted(v)}}}" for n, vs in self.labels.items() for v in vs if v and d.chance(30)]
        self.texts = d.sample(TEXTS, 20) + ["", "info"]
        self.likely = {**{n: v for n, v in self.labels.items()}, "level": ["info", "error", ""], "user": ["ann", "bob", "ünï"], "__error__": ["", "JSONParserErr", "LogfmtParserErr"],
                       "stream": ["1", "2"], "a_b": d.sample(TEXTS, 3), "msg": d.sample(TEXTS, 3)}
        self.numeric = ["status", "n", "v", "x", "dur", "size", "a", "b", "code", "id", "f", "t"] + d.sample(self.names, 4)
        self.numbers = d.sample(NUMBERS, 10) + ["0", "1.5", "1e3", ".5", "1.", "0x1F"]
        self.templates = templates(d, self.names)
        self.unwraps = [d.choice(["{}", "{}", "{}", "duration({})", "duration_seconds({})", "bytes({})"]).format(d.choice(self.numeric)) for _ in range(20)]
        self.sources = [f"{d.choice(self.selectors)} | {d.choice(['json', 'logfmt'])} | unwrap {u}" for u in self.unwraps]

    def parser_of(self, d, selector):
        return d.choice(["json", "logfmt", "json", "logfmt", "unpack"])


def templates(d, names):
    calls = ["ToUpper .{n}", "ToLower .{n}", ".{n} | trunc 3", "trunc -2 .{n}", "substr 1 3 .{n}", 'Replace .{n} "a" "b" -1', '.{n} | replace "1" "x"', "len .{n}", 'default "d" .{n}',
             "alignLeft 5 .{n}", "alignRight 4 .{n}", ".{n} | b64enc", ".{n} | urlencode", "title .{n}", "trim .{n}", "count \"a\" .{n}", "regexReplaceAll \"[0-9]+\" .{n} \"<$0>\"",
             "add 1 (int .{n})", "mulf .{n} 2.5", "round .{n} 1", "floor .{n}", "bytes .{n}", "duration .{n}", "div 10 (int .{n})", "printf \"%q\" .{n}", "printf \"%5s|%-5s\" .{n} .{m}",
             "printf \"%d\" (int .{n})", "__timestamp__ | date \"2006-01-02T15:04:05.000Z07:00\"", "__line__ | trunc 10", "unixEpoch __timestamp__", "hasPrefix \"a\" .{n}",
             "contains \"1\" .{n}", "eq .{n} .{m}", "fromJson __line__", "float64 .{n}", "max .{n} 3", "index . \"{n}\"", "repeat 2 .{n}", "indent 2 .{n}", "lower .{n} | upper",
             "nosuch .{n}", "trunc", ".{n} | toDate \"2006\" | unixEpoch", "unixToTime .{n}", "html .{n}", "js .{n}", "urlquery .{n}", "b64dec .{n}"]
    shapes = ["{{{{{c}}}}}", "{{{{{c}}}}}", "a {{{{{c}}}}} b", "{{{{.{n}}}}}-{{{{.{m}}}}}", "{{{{if .{n}}}}}{{{{.{n}}}}}{{{{else}}}}none{{{{end}}}}", "{{{{ if eq .{n} \"info\" }}}}I{{{{ end }}}}",
              "{{{{range $k, $v := .}}}}{{{{$k}}}}={{{{$v}}}};{{{{end}}}}", "{{{{with .{n}}}}}<{{{{.}}}}>{{{{end}}}}", "{{{{- .{n} -}}}} x", "{{{{.{n}", "{{{{__line__}}}}", "const", ""]
    out = []
    for _ in range(24):
        n, m = d.choice(names), d.choice(names)
        out.append(d.choice(shapes).format(c=d.choice(calls).format(n=n, m=m), n=n, m=m))
    return out
