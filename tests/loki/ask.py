"""Reads the tables in cases/, asks a server their questions and brings an answer into a form that can be compared.

A table is text. A line that begins with `>> ` says how what follows is asked:

    >> log limit=10 direction=forward        /query_range with a log query; 0 s to 600 s unless said otherwise
    >> range start=0 end=600 step=60         /query_range with a metric query
    >> instant time=600                      /query
    >> /loki/api/v1/labels start=0           any path

Every other line is a query; blank lines and those that begin with `# ` are passed over. Times are seconds since data.BASE, a
parameter written `name:=value` goes out as it stands, and may come again, `tenant=` and `categorize=1` become headers, ⏎ is a newline.
`post=1` sends all as a form, `as=name` names the parameter that the query is sent as.
"""

import http.client
import json
import pathlib
import time
import urllib.parse
from dataclasses import dataclass, field

import data

CASES = pathlib.Path(__file__).with_name("cases")
KINDS = {
    "log": ("/loki/api/v1/query_range", {"start": "0", "end": "600", "limit": "1000"}),
    "range": ("/loki/api/v1/query_range", {"start": "0", "end": "600", "step": "60"}),
    "instant": ("/loki/api/v1/query", {"time": "600", "limit": "1000"}),
}
TIMES = ("start", "end", "time")
HEADERS = {"tenant": "X-Scope-OrgID", "categorize": "X-Loki-Response-Encoding-Flags"}


@dataclass(frozen=True)
class Case:
    table: str
    path: str
    query: str | None
    params: tuple = ()  # (name, value) as they go out
    tenant: str = "full"
    categorize: bool = False
    post: bool = False
    name: str = "query"  # of the parameter that holds the query

    @property
    def key(self):
        """What a recorded answer is found by."""
        more = [self.post, self.name] if self.post or self.name != "query" else []
        return json.dumps([self.path, self.query, self.params, self.tenant, self.categorize, *more], ensure_ascii=False)

    def __str__(self):
        more = " ".join(f"{k}={v}" for k, v in self.params)
        return f"[{self.table}] {self.path.rsplit('/', 1)[1]} {more}{' categorize' if self.categorize else ''}{' post' if self.post else ''} {self.tenant}: {self.query}"


def instant_ns(seconds):
    return str(data.at(float(seconds)))


def make(table, kind, given, query):
    """given: [(name, value, is_raw)]"""
    path, params = KINDS.get(kind, (kind, {}))
    params, more = {k: (v, False) for k, v in params.items()}, []
    for name, value, raw in given:
        if raw and params.get(name, (0, False))[1]:
            more.append((name, value))
        else:
            params[name] = (value, raw)
    special = {n: params.pop(n, (otherwise, True))[0] for n, otherwise in (("tenant", "full"), ("categorize", ""), ("post", ""), ("as", "query"))}
    out = tuple((k, instant_ns(v) if k in TIMES and not raw else v) for k, (v, raw) in params.items() if v != "-" or raw)
    return Case(table, path, query.replace("⏎", "\n") if query else query, out + tuple(more), special["tenant"], bool(special["categorize"]),
                bool(special["post"]), special["as"])


def read_table(path):
    kind, given, out = "log", [], []
    for line in path.read_text().splitlines():
        if line.startswith(">> "):
            kind, *words = line[3:].split()
            given = []
            for w in words:
                name, value = w.split("=", 1)
                given.append((name.rstrip(":"), value, name.endswith(":")))
        elif line.strip() and not line.startswith("# "):
            out.append(make(path.stem, kind, given, None if line == "-" else line))
    return out


def tables():
    return [c for path in sorted(CASES.glob("*.txt")) for c in read_table(path)]


class Connection:
    """One kept-alive connection to one server."""

    def __init__(self, url, timeout=8):
        self.url, self.timeout = urllib.parse.urlsplit(url), timeout
        self.http = None

    def send(self, method, path, body=None, headers=None):
        for attempt in (0, 1):
            try:
                if not self.http:
                    self.http = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=self.timeout)
                self.http.request(method, path, body, headers or {})
                answer = self.http.getresponse()
                return answer.status, answer.read()
            except TimeoutError:
                self.http.close()
                self.http = None
                return 0, b"no answer in time"
            except (OSError, http.client.HTTPException):
                self.http.close()
                self.http = None
                if attempt:
                    raise

    def ask(self, case):
        params = list(case.params) + ([(case.name, case.query)] if case.query is not None else [])
        headers = {HEADERS["tenant"]: case.tenant}
        if case.categorize:
            headers[HEADERS["categorize"]] = "categorize-labels"
        text = urllib.parse.urlencode(params)
        if case.post:
            status, body = self.send("POST", case.path, text, {**headers, "Content-Type": "application/x-www-form-urlencoded"})
        else:
            status, body = self.send("GET", case.path + "?" + text, headers=headers)
        return normal(status, body)

    def push_all(self, tenant, proto, streams):
        for labels, entries in streams:
            text = "{" + ", ".join(f"{k}={json.dumps(v, ensure_ascii=False)}" for k, v in sorted(labels.items())) + "}"
            for i in range(0, len(entries), 100):
                status, body = self.send("POST", "/loki/api/v1/push", proto([(text, entries[i:i + 100])]),
                                         {"Content-Type": "application/x-protobuf", HEADERS["tenant"]: tenant})
                assert status == 204, body
        status, body = self.send("POST", "/loki/api/v1/push", data.push_json(),
                                 {"Content-Type": "application/json", HEADERS["tenant"]: tenant})
        assert status == 204, body

    def wait_for(self, tenant):
        """Until what was pushed last is there."""
        end = time.monotonic() + 30
        case = make("", "instant", [("tenant", tenant, True)], 'sum(count_over_time({app="pushed"}[1h]))')
        while '"3"' not in json.dumps(self.ask(case)):
            assert time.monotonic() < end, "what was pushed does not show"
            time.sleep(0.2)


def normal(status, body):
    """[status, answer]: numbers as they are written, no statistics; an error as its text."""
    text = body.decode(errors="replace")
    try:
        answer = json.loads(text, parse_int=str, parse_float=str)
    except ValueError:
        return [status, text]
    if isinstance(answer, dict) and isinstance(answer.get("data"), dict):
        answer["data"].pop("stats", None)
    if isinstance(answer, dict):
        answer.pop("stats", None)
        in_order(answer)
    return [status, answer]


def in_order(answer):
    """Lists that come in any order."""
    if isinstance(answer.get("data"), list) and answer["data"] and isinstance(answer["data"][0], dict):
        answer["data"] = sorted((dict(sorted(x.items())) for x in answer["data"]), key=json.dumps)
    for name in ("fields", "values", "detectedLabels"):
        if isinstance(answer.get(name), list):
            answer[name] = sorted(answer.pop(name), key=json.dumps)
    for field in answer.get("fields", []):
        field["parsers"] = sorted(field["parsers"] or [])
    if "limit" in answer:
        answer["limit"] = answer.pop("limit")


def first_difference(loki, bole, before=120, after=240):
    """Two lines that begin shortly before the first character that differs."""
    a, b = json.dumps(loki, ensure_ascii=False), json.dumps(bole, ensure_ascii=False)
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    cut = max(0, at - before)
    return f"  Loki: {'…' if cut else ''}{a[cut:at + after]}\n  Bole: {'…' if cut else ''}{b[cut:at + after]}"
