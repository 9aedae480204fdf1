"""Bole's additions to LogQL over the whole program: rows half in segments, half in the head, answers against Python's."""

import calendar
import itertools
import json
import random
import time

import pytest

import bole
from test_cli import run

S = 10**9
BEGIN = (time.time_ns() // S - 1800) * S
USERS = ["ann", "bob", "cid", "dan", "eve"]


def make_rows():
    r = random.Random(4)
    rows = []
    for i in range(6000):
        user, took = r.choice(USERS), r.choice(["12ms", "1.5s", "40ms", "2s", "900us"])
        app = r.choice(["web", "api"])
        line = f"user={user} took={took} n={r.randrange(300)}" if r.random() < .6 else f"user={user} waits"
        rows.append((BEGIN + r.randrange(1000) * S, app, line))
    return list(dict.fromkeys(rows))  # Loki's door takes no row twice


@pytest.fixture(scope="module")
def filled():
    rows = make_rows()
    with bole.Server() as server:
        for part in (rows[:3000], rows[3000:5000]):
            push(server, part)
            assert server.request("POST", "/flush").status == 204
        push(server, rows[5000:])
        yield server, [{"time": t, "app": app, "line": line, "place": i, **dict(p.split("=") for p in line.split() if "=" in p)}
                       for i, (t, app, line) in enumerate(rows)]


def push(server, rows):
    server.push([({"app": app}, [(t, line) for t, a, line in rows if a == app]) for app in ("web", "api")])


def ask(server, query, **params):
    answer = server.get("/api/v1/query", {"query": query, "start": BEGIN - S, "end": BEGIN + 2000 * S, **params})
    assert answer.status == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def table(server, query, **params):
    return [row["fields"] for row in ask(server, query, **params) if "fields" in row]


def nanoseconds(text):
    """Of a time that is a whole second."""
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) * S


def seconds(took):
    for unit, factor in (("ms", 1e-3), ("us", 1e-6), ("s", 1)):
        if took.endswith(unit):
            return float(took[:-len(unit)]) * factor


def test_stats_agree_with_python(filled):
    server, rows = filled
    got = table(server, '{app=~".+"} | logfmt | stats count(), sum(n), max(took), count_distinct(n) by (app, user)')
    wanted = {}
    for row in rows:
        wanted.setdefault((row["app"], row["user"]), []).append(row)
    assert [(g["app"], g["user"]) for g in got] == sorted(wanted)
    for g in got:
        group = wanted[g["app"], g["user"]]
        assert int(g["count"]) == len(group)
        assert int(g["sum_n"]) == sum(int(r["n"]) for r in group if "n" in r)
        assert g["max_took"] == max((r["took"] for r in group if "took" in r), key=seconds)
        assert int(g["count_distinct_n"]) == len({r["n"] for r in group if "n" in r})


def test_top_agrees_with_python(filled):
    server, rows = filled
    counts = {}
    for row in rows:
        if "n" in row:
            counts[row["n"]] = counts.get(row["n"], 0) + 1
    wanted = sorted(counts.items(), key=lambda kv: (-kv[1], int(kv[0])))[:20]
    assert [(g["n"], int(g["count"])) for g in table(server, '{app=~".+"} | logfmt | top 20 n')] == wanted


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_distinct_gives_the_first_of_each(filled, direction):
    server, rows = filled
    first = (min if direction == "forward" else max)
    times = {}
    for row in rows:
        if "n" in row:
            times[row["n"]] = first(times.get(row["n"], row["time"]), row["time"])
    wanted = sorted(times.values(), reverse=direction == "backward")[:50]
    got = ask(server, '{app=~".+"} |= "n=" | logfmt | distinct n', direction=direction, limit=50)
    assert len({row["fields"]["n"] for row in got}) == 50
    assert [nanoseconds(row["time"]) for row in got] == wanted


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_dedup_folds_what_the_plain_answer_repeats(filled, direction):
    server, _ = filled
    plain = ask(server, '{app=~".+"} | logfmt | line_format "{{.user}}{{.app}}"', direction=direction)
    runs = [(line, str(len(list(group)))) for line, group in itertools.groupby(plain, lambda row: row["line"])]
    folded = ask(server, '{app=~".+"} | logfmt | line_format "{{.user}}{{.app}}" | dedup', direction=direction)
    assert [(row["line"], row["fields"]["dedup_count"]) for row in folded] == runs
    some = ask(server, '{app=~".+"} | logfmt | line_format "{{.user}}{{.app}}" | dedup', direction=direction, limit=7)
    assert [(row["line"], row["fields"]["dedup_count"]) for row in some] == runs[:7]


def test_sort_puts_the_lines_in_order(filled):
    server, rows = filled
    got = ask(server, '{app="web"} | logfmt | sort by took desc, n', limit=400)
    mine = sorted((r for r in rows if r["app"] == "web" and "took" in r), key=lambda r: (-seconds(r["took"]), int(r["n"])))
    assert [(g["fields"]["took"], g["fields"]["n"]) for g in got] == [(r["took"], r["n"]) for r in mine[:400]]
    assert [g["line"] for g in ask(server, '{app="web"} | logfmt | top 5 by n', limit=400)] == \
        [g["line"] for g in ask(server, '{app="web"} | logfmt | sort by n desc', limit=5)]


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_context_is_what_stands_around_a_line_in_its_stream(filled, direction):
    server, rows = filled
    plain = {app: ask(server, f'{{app="{app}"}}', direction="forward") for app in ("web", "api")}
    shown = set()
    for lines in plain.values():
        for i, row in enumerate(lines):
            if "n=77" in row["line"]:
                shown |= {near["id"] for near in lines[max(0, i - 2):i + 4]}
    wanted = [row["id"] for row in ask(server, '{app=~".+"}', direction=direction) if row["id"] in shown]
    got = ask(server, '{app=~".+"} |= "n=77" | context before=2 after=3', direction=direction)
    assert [row["id"] for row in got] == wanted
    assert {row["fields"]["context"] for row in got if "n=77" in row["line"]} == {"match"}
    assert [row["id"] for row in ask(server, '{app=~".+"} |= "n=77" | context before=2 after=3', direction=direction, limit=5)] == wanted[:5]


def test_join_brings_the_labels_of_another_query(filled):
    server, rows = filled
    query = '{app="web"} | logfmt | stats count() as lines by (user) | join ({app="api"} | logfmt | stats max(n) by (user)) on (user)'
    for got in table(server, query):
        assert int(got["lines"]) == sum(r["app"] == "web" and r["user"] == got["user"] for r in rows)
        assert int(got["max_n"]) == max(int(r["n"]) for r in rows if r["app"] == "api" and r["user"] == got["user"] and "n" in r)


def test_patterns_are_those_of_the_lines(filled):
    server, rows = filled
    got = table(server, '{app="web"} | patterns')
    assert sum(int(g["count"]) for g in got) == sum(r["app"] == "web" for r in rows)
    top = next(g for g in got if "took" in g["pattern"])
    assert top["pattern"] == "user=<_> took=<_> n=<_>" and top["example"].startswith("user=")
    assert int(top["count"]) == sum(r["app"] == "web" and "took" in r for r in rows)
    again = table(server, '{app="web"} |> "' + top["pattern"] + '" | stats count()')
    assert again[0]["count"] == top["count"]


def test_clients_of_loki_get_streams(filled):
    server, _ = filled
    query = '{app=~".+"} | logfmt | top 3 user'
    data = server.get("/loki/api/v1/query_range", {"query": query, "start": BEGIN, "end": BEGIN + 2000 * S}).json()["data"]
    assert data["resultType"] == "streams"
    values = [value for stream in data["result"] for value in stream["values"]]
    assert len({time for time, _ in values}) == 1
    assert [line for _, line in values] == [row["line"] for row in ask(server, query) if "line" in row]
    refused = server.get("/loki/api/v1/query_range", {"query": f"count_over_time({query}[5m])"})
    assert refused.status == 400 and "parse error" in refused.text


def test_the_command_line_aligns_tables(filled):
    server, rows = filled
    query = '{app=~".+"} | logfmt | stats count(), max(took) by (user)'
    lines = run("query", query, "--from", "2h", server=server).stdout.decode().splitlines()
    assert lines[0].split() == ["user", "count", "max_took"]
    assert len(lines) == 1 + len(USERS) and len({line.index("2s") for line in lines[1:]}) == 1
    csv = run("query", query, "--from", "2h", "-o", "csv", server=server).stdout.decode().splitlines()
    assert csv[0] == '"user","count","max_took"' and csv[1].startswith('"ann","')
    many = run("query", '{app=~".+"} | logfmt | stats count() by (__timestamp__, user)', "--from", "2h", "-n", "0", server=server)
    assert len(many.stdout.decode().splitlines()) == 1 + len({(r["time"], r["user"]) for r in rows})


def test_words_are_a_query_but_not_for_clients_of_loki(filled):
    server, rows = filled
    got = ask(server, "WAITS -bob app:web -user:ann | logfmt", direction="forward")
    assert sorted(g["line"] for g in got) == sorted(r["line"] for r in rows if r["app"] == "web" and "waits" in r["line"]
                                                    and r["user"] not in ("ann", "bob"))
    assert server.get("/loki/api/v1/query_range", {"query": "waits"}).text == \
        "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"
    assert len(run("query", "waits -ann", "--from", "2h", "-n", "7", "-o", "raw", server=server).stdout.decode().splitlines()) == 7


def explain(server, query, **params):
    answer = server.get("/api/v1/query", {"query": query, "start": BEGIN - S, "end": BEGIN + 2000 * S, "explain": 1, **params})
    assert answer.status == 200, answer.text
    return answer.json()["explain"]


def test_explain_tells_what_was_done(filled):
    server, rows = filled
    query = '{app="web"} |= "waits" | logfmt | user="ann" | stats count() by (user) | count > 0'
    x = explain(server, query)
    scan, = x["scans"]
    assert scan["filters"] == [{"filter": '|= "waits"', "store": "wholly"}]
    assert scan["segments"] == 2 and scan["rows_scanned"] == len(rows)
    assert scan["rows_selected"] == sum(r["app"] == "web" and "waits" in r["line"] for r in rows)
    assert [(s["stage"], s["where"]) for s in scan["stages"]][:2] == [('|= "waits"', "store"), ("| logfmt", "columns")]
    assert [s["stage"] for s in x["stages"]] == ["| stats count() by (user)", "| count>0"]
    ann = sum(r["app"] == "web" and "waits" in r["line"] and r["user"] == "ann" for r in rows)
    assert x["stages"][0]["rows_in"] == ann and x["stages"][0]["rows_out"] == x["rows"] == 1
    assert sum(stage["ms"] for stage in x["stages"]) <= x["ms"]

    none = explain(server, '{app="web"} |= "nosuchword"')["scans"][0]
    assert none["parts_out"] == none["parts_out_by_tokens"] + none["parts_out_by_rows"] >= 2 and none["rows_selected"] == 0
    assert explain(server, '{app="nosuch"}')["scans"][0]["rows_selected"] == 0
    early = explain(server, '{app="web"}', start=0, end=BEGIN - S)["scans"][0]
    assert early["segments_out_by_time"] == 2 and early["rows_scanned"] == 0
    counted = explain(server, 'sum(count_over_time({app="web"}[5m]))', step="5m")
    assert counted["scans"][0]["how"].startswith("counts") and counted["rows"] == 1
    joined = explain(server, '{app="web"} | logfmt | join ({app="api"} | logfmt) on (n)')
    assert joined["scan_count"] == 2
    assert server.get("/api/v1/query", {"query": "{", "explain": 1}).status == 400
    text = run("query", query, "--from", "2h", "--explain", server=server).stdout.decode()
    assert "decided wholly" in text and "columns" in text and "| stats count() by (user)" in text


def test_a_query_may_look_at_so_many_bytes():
    with bole.Server(args=["--max-query-bytes", "20000"]) as server:
        server.push([({"app": "web"}, [(BEGIN + i * S, f"line {i} " + "x" * 100) for i in range(1000)])])
        for _ in range(2):
            refused = server.get("/loki/api/v1/query_range", {"query": '{app="web"} |= "x"', "limit": 5000, "start": BEGIN})
            assert refused.status == 400 and "its limit of 0.02 MB of lines" in refused.text and "--max-query-bytes" in refused.text
            assert server.get("/loki/api/v1/query_range", {"query": '{app="web"} |~ "no.such"', "start": BEGIN}).status == 400
            assert server.request("POST", "/flush").status == 204
        assert "max_query_bytes: 20000" in server.get("/config").text


def test_several_tenants_and_what_takes_no_additions(filled):
    server, _ = filled
    for tenant in ("one", "two"):
        server.push([({"app": "x"}, [(BEGIN + i * S, f"{tenant} {i}") for i in range(9)])], {"X-Scope-OrgID": tenant})
    params = {"query": '{app="x"} |= "4" | context 1', "start": BEGIN - S, "end": BEGIN + 99 * S, "direction": "forward"}
    rows = [json.loads(line) for line in server.get("/api/v1/query", params, {"X-Scope-OrgID": "one|two"}).text.splitlines()]
    assert sorted(row["line"] for row in rows) == ["one 3", "one 4", "one 5", "two 3", "two 4", "two 5"]
    assert {row["labels"]["__tenant_id__"] for row in rows} == {"one", "two"}
    counts = server.get("/api/v1/query", {**params, "query": '{app="x"} | stats count() by (__tenant_id__)'}, {"X-Scope-OrgID": "one|two"})
    assert [json.loads(line)["line"] for line in counts.text.splitlines()[1:]] == ["__tenant_id__=one count=9", "__tenant_id__=two count=9"]
    assert server.get("/api/v1/context", {"id": rows[0]["id"], "query": '{app="x"} | distinct'}, {"X-Scope-OrgID": "one"}).status == 400
    assert run("tail", '{app="x"} | stats count()', server=server, check=False).returncode != 0


def test_counts_from_columns_are_those_of_the_rows(server):
    """A filter that every line passes makes rows be looked at. Some streams have no `host`; `app` and `user` are fields and labels."""
    now = time.time_ns() // S * S
    streams = [({"app": "a", "host": "1"}, [(now - i * S, f"l{i}", {"user": f"u{i % 3}", "status": str(i % 2)}) for i in range(90)]),
               ({"app": "b"}, [(now - i * S, f"l{i}", {"app": "own", "user": "u1"} if i % 4 else {}) for i in range(70)]),
               ({"app": "c", "user": "label"}, [(now - i * S, f"l{i}", {"user": "field"}) for i in range(50)])]
    server.push(streams[:2])
    server.request("POST", "/flush")
    server.push(streams[2:])
    ask = lambda query: server.get("/loki/api/v1/query_range", {
        "query": query, "start": str(now - 60 * S), "end": str(now - 5 * S), "step": "20", "limit": "100"}).json()["data"]["result"]
    for by in ("", "(app)", "(app, host)", "(user)", "(app, user)", "(user, app, host)", "(user, status)", "(none, app)", "(app_extracted)", "(__error__, app)"):
        by = by and f" by {by}"
        counted = ask('{app=~".+"} | stats count() as n' + by)
        assert counted == ask('{app=~".+"} |~ "^l" | stats count() as n' + by), by
        assert sum(int(row["stream"]["n"]) for row in counted) == 154
        metric = lambda stages: ask(f'sum{by} (count_over_time({{app=~".+"}}{stages}[20s]))')
        assert metric("") == metric(' |~ "^l"'), by


def test_what_keys_decide_is_what_all_labels_decide(server):
    """Whoever asks for all rows gets them with all labels."""
    now, r = time.time_ns() // S * S, random.Random(5)
    server.push([({"app": "keys"}, [(now - i * S, json.dumps({n: f"{r.randrange(99):02} {n}={r.randrange(99)}" for n in r.sample("kbcd", 3)}))
                                    for i in range(60)])])
    rows = lambda query, limit: ask(server, '{app="keys"} | ' + query, start=now - 1000 * S, end=now + 1, limit=limit)[:3]
    stages = ["json | line_format `{{.b}}`", "json | label_format k=`{{.k}}{{.b}}`", "json | label_format k=b",
              "json | label_format k=`{{range $n, $v := .}}{{$v}}{{end}}`", "json | line_format `k={{.b}}` | logfmt", "logfmt | json",
              "json | label_format k=c | logfmt | json", 'json | line_format `{{template "t" .}}{{define "t"}}{{.k}}{{end}}`',
              "logfmt | label_format c=k, k=`{{$}}`", "line_format `{{__line__}}` | json | b != `3`", 'json c="k", k="b" | line_format `{{.c}}`']
    for first, last in itertools.product(stages, ["sort by k desc", "sort by b", "distinct k", "distinct c, k"]):
        assert rows(f"{first} | {last}", 3) == rows(f"{first} | {last}", 100), (first, last)
