"""Bole's own query API: typed streams, cursors, histograms; several tenants at once."""

import json
import random
import socket
import time

import pytest

import bole

NOW = time.time_ns() // (60 * 10**9) * 60 * 10**9
SECOND = 10**9
LEVELS = ["error", "info", "warn"]


def ask(server, path="/api/v1/query", status=200, headers=None, **params):
    answer = server.get(path, params, headers)
    assert answer.status == status, answer.text
    return [json.loads(line) for line in answer.text.splitlines()] if status == 200 else answer.text


def of(events, kind):
    return [e for e in events if e["type"] == kind]


@pytest.fixture
def filled(server):
    """600 lines, one a second and host, three levels by turns; half of them cut into a segment."""
    for host in "ab":
        rows = [(NOW - i * SECOND, f"level={LEVELS[i % 3]} n={i}", {"trace": f"t{i}"}) for i in range(300)]
        server.push([({"app": "web", "host": host}, rows)])
        if host == "a":
            assert server.request("POST", "/flush").status == 204
    return server


RANGE = {"query": '{app="web"}', "start": str(NOW - 600 * SECOND), "end": str(NOW + SECOND)}


def test_every_event_says_its_type_and_nothing_comes_unasked(filled):
    events = ask(filled, **RANGE, events="rows, stats", limit="7")
    assert [e["type"] for e in events] == ["row"] * 7 + ["stats"]
    assert set(events[0]) == {"type", "id", "time", "labels", "line", "fields"}
    (row,) = ask(filled, **RANGE | {"query": '{app="web"} | logfmt'}, events="rows", limit="1")
    assert row["parsed"] == ["level", "n"] and set(row["fields"]) == {"detected_level", "level", "n", "trace"}
    assert {e["type"] for e in ask(filled, **RANGE, events="all", limit="1")} == {"row", "histogram", "progress", "stats", "cursor"}
    assert "type" not in ask(filled, **RANGE, limit="1")[0]


@pytest.mark.parametrize("direction", ["backward", "forward"])
def test_the_histogram_fills_from_the_asked_end_and_counts_every_row_once(filled, direction):
    events = ask(filled, **RANGE, events="histogram,progress", direction=direction, step="30s")
    parts, counts = of(events, "histogram"), {}
    for part in parts:
        assert part["step_ms"] == 30000
        for bucket in part["buckets"]:
            assert part["from"] <= bucket["time"] < part["to"]
            for level, n in bucket["counts"].items():
                counts[bucket["time"], level] = counts.get((bucket["time"], level), 0) + n
    wanted = {}
    for i in range(300):
        at = (NOW - i * SECOND) // (30 * SECOND) * 30
        key = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), LEVELS[i % 3]
        wanted[key] = wanted.get(key, 0) + 2
    assert counts == wanted
    assert len(parts) > 3
    edges = [p["to" if direction == "forward" else "from"] for p in parts]
    assert edges == sorted(edges, reverse=direction == "backward")
    done = [p["done"] for p in of(events, "progress")]
    assert done == sorted(done) and done[-1] == 1


@pytest.mark.parametrize("query,rows", [
    ('{app="web"}', 600), ('{app="web", host="a"}', 300), ('{app="web"} |= "level=error"', 200), ('{app="web"} | logfmt | n < 10', 20),
    ('{app="web"} | json', 600), ('{app="web"} | trace="t5"', 2), ('{app="none"}', 0)])
def test_stats_say_how_many_rows_match_whatever_the_limit(filled, query, rows):
    events = ask(filled, **{**RANGE, "query": query}, events="rows,histogram,stats", limit="3")
    stats, = of(events, "stats")
    assert stats["rows_matched"] == rows
    assert stats["rows_returned"] == len(of(events, "row")) == min(rows, 3)


@pytest.mark.parametrize("direction", ["backward", "forward"])
def test_a_result_is_fetched_in_pieces_that_fit(filled, direction):
    whole = [r["id"] for r in ask(filled, **RANGE, direction=direction)]
    assert len(whole) == len(set(whole)) == 600
    found, cursor, sizes = [], None, random.Random(5)
    while True:
        more = {"cursor": cursor} if cursor else {}
        events = ask(filled, **RANGE, direction=direction, events="rows,cursor", limit=str(sizes.randint(1, 90)), **more)
        found += [e["id"] for e in of(events, "row")]
        last, = of(events, "cursor")
        cursor = last["cursor"]
        if not last["more"]:
            break
    assert found == whole
    # And back again from the middle, the other way.
    middle = whole[300]
    back = ask(filled, **RANGE, direction="forward" if direction == "backward" else "backward", cursor=middle)
    assert [r["id"] for r in back] == whole[299::-1]


def test_ids_stay_through_a_cut_and_a_restart(filled):
    before = [(r["id"], r["line"]) for r in ask(filled, **RANGE)]
    filled.request("POST", "/flush")
    assert [(r["id"], r["line"]) for r in ask(filled, **RANGE)] == before
    filled.stop()
    filled.start()
    assert [(r["id"], r["line"]) for r in ask(filled, **RANGE)] == before


@pytest.mark.parametrize("bad", [
    {"events": "rows,nonsense"}, {"events": ","}, {"cursor": "12"}, {"cursor": "1-000000000000000g"}, {"cursor": "x" * 500},
    {"cursor": "99999999999999999999-0000000000000000"}, {"events": "histogram", "step": "0"}, {"events": "histogram", "step": "1ms"},
    {"events": "histogram", "start": "-9223372036854775808"}, {"events": "histogram", "step": "-5"}, {"limit": "0"}, {"limit": "x"},
    {"direction": "up"}, {"query": "{"}, {"query": 'rate({app="web"}[1m])'}, {"end": "1"}])
def test_hostile_parameters_are_refused_with_a_reason(filled, bad):
    assert len(ask(filled, **{**RANGE, **bad}, status=400)) > 10


def test_the_form_is_read_too(filled):
    answer = filled.request("POST", "/api/v1/query", "query=%7Bapp%3D%22web%22%7D&limit=2&events=rows,cursor",
                            {"Content-Type": "application/x-www-form-urlencoded"})
    assert [json.loads(line)["type"] for line in answer.text.splitlines()] == ["row", "row", "cursor"]


def test_closing_the_connection_ends_the_query(server):
    for part in range(20):
        server.push([({"app": "web"}, [(NOW - i * 1000, "x" * 200 + str(i)) for i in range(5000)])])
    connection = socket.create_connection(("127.0.0.1", server.port))
    connection.sendall(b"GET /api/v1/query?query=%7Bapp%3D%22web%22%7D&events=rows HTTP/1.1\r\nHost: localhost\r\n\r\n")
    connection.recv(1000)
    connection.close()
    deadline = time.monotonic() + 10
    while server.get("/api/v1/query", {"query": '{app="web"}', "limit": "6000"}).status == 429: # an export holds the only place
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ---- several tenants ----

@pytest.fixture
def tenants(server):
    for tenant in ("red", "blue", "green"):
        server.push([({"job": "a", "of": tenant}, [(NOW - SECOND, f"hello {tenant}")])], {"X-Scope-OrgID": tenant})
    return server


BOTH = {"X-Scope-OrgID": "red|blue|red"}


def test_rows_of_several_tenants_say_whose_they_are(tenants):
    found = tenants.query_range('{job="a"}', headers=BOTH)["result"]
    assert [(s["stream"]["__tenant_id__"], s["values"][0][1]) for s in found] == [("blue", "hello blue"), ("red", "hello red")]
    assert "__tenant_id__" not in tenants.query_range('{job="a"}', headers={"X-Scope-OrgID": "red"})["result"][0]["stream"]
    one = tenants.query_range('{job="a", __tenant_id__="red"}', headers=BOTH)["result"]
    assert [s["stream"]["of"] for s in one] == ["red"]
    assert tenants.query_range('{job="a"} | __tenant_id__="blue"', headers=BOTH)["result"][0]["stream"]["of"] == "blue"
    assert {r["labels"]["__tenant_id__"] for r in ask(tenants, headers=BOTH, query='{job="a"}')} == {"red", "blue"}


def test_metrics_over_several_tenants(tenants):
    sums = lambda query: sorted((s["metric"].get("__tenant_id__"), s["values"][0][1]) for s in tenants.query_range(
        query, start=NOW, end=NOW, headers=BOTH)["result"])
    assert sums('count_over_time({job="a"}[1h])') == [("blue", "1"), ("red", "1")]
    assert sums('sum(count_over_time({job="a"}[1h]))') == [(None, "2")]
    assert sums('sum by (__tenant_id__) (count_over_time({job="a"}[1h]))') == [("blue", "1"), ("red", "1")]
    assert sums('sum(count_over_time({job="a", __tenant_id__!="red"}[1h]))') == [(None, "1")]


def test_labels_and_series_of_several_tenants(tenants):
    data = lambda path, **params: tenants.get(path, params, BOTH).json().get("data")
    assert data("/loki/api/v1/labels") == ["__tenant_id__", "job", "of", "service_name"]
    assert data("/loki/api/v1/label/of/values") == ["blue", "red"]
    assert data("/loki/api/v1/label/__tenant_id__/values") == ["blue", "red"]
    by_tenant = lambda series: sorted(series, key=lambda s: s["__tenant_id__"])
    assert by_tenant(data("/loki/api/v1/series")) == [{"__tenant_id__": t, "job": "a", "of": t, "service_name": "a"} for t in ("blue", "red")]
    assert data("/loki/api/v1/series", **{"match[]": '{__tenant_id__="red"}'}) == [
        {"__tenant_id__": "red", "job": "a", "of": "red", "service_name": "a"}]
    assert tenants.get("/loki/api/v1/index/stats", {"query": '{job="a"}'}, BOTH).json()["entries"] == 2
    volume = tenants.get("/loki/api/v1/index/volume", {"query": '{job="a"}'}, BOTH).json()["data"]["result"]
    assert [v["value"][1] for v in volume] == [str(len("hello red") + len("hello blue"))]


@pytest.mark.parametrize("header", ["red|", "|", "red||blue", "red|..", "red|bad/name", "|" * 5000])
def test_a_bad_tenant_among_others_is_refused(tenants, header):
    assert tenants.get("/loki/api/v1/labels", headers={"X-Scope-OrgID": header}).status == 400


def test_nobody_writes_or_tails_for_several_tenants(tenants):
    assert tenants.push([({"job": "a"}, [(NOW, "x")])], BOTH).status == 400
    assert tenants.get("/loki/api/v1/tail", {"query": '{job="a"}'}, BOTH).status == 400


# ---- context ----

def context(server, status=200, **params):
    answer = server.get("/api/v1/context", params)
    assert answer.status == status, answer.text
    return answer.json()["data"] if status == 200 else answer.text


def test_context_is_what_stands_around_a_row_in_its_own_stream(filled):
    rows = ask(filled, **{**RANGE, "query": '{app="web", host="a"}'}, direction="forward")
    filled.push([({"app": "web", "host": "a", "more": "labels"}, [(NOW - 50 * SECOND + 1, "of another stream")])])
    for at in (0, 1, 150, 298, 299):
        found = context(filled, id=rows[at]["id"], before="3", after="2")
        assert found == {"row": rows[at], "before": rows[max(0, at - 3):at], "after": rows[at + 1:at + 3]}
    assert len(context(filled, id=rows[150]["id"])["before"]) == 10
    alone = context(filled, id=rows[150]["id"], before="0", after="0")
    assert alone == {"row": rows[150], "before": [], "after": []}


def test_context_of_a_query(filled):
    rows = ask(filled, **RANGE, direction="forward")
    found = context(filled, id=rows[100]["id"], before="4", after="4", query='{app="web"}')
    assert found["before"] + [found["row"]] + found["after"] == rows[96:105]
    errors = context(filled, id=rows[100]["id"], before="2", after="0", query='{app="web"} |= "level=error"')["before"]
    assert errors == [r for r in rows[:100] if "level=error" in r["line"]][-2:]


def test_context_of_rows_of_one_moment(server):
    server.push([({"app": "same"}, [(NOW, f"line {i}") for i in range(50)])])
    rows = ask(server, query='{app="same"}', start=str(NOW), end=str(NOW + 1), direction="forward")
    found = context(server, id=rows[20]["id"], before="30", after="30")
    assert found["before"] + [found["row"]] + found["after"] == rows


def test_context_refuses_what_is_no_row(filled):
    row, = ask(filled, **RANGE, limit="1")
    context(filled, status=400)
    context(filled, status=400, id="nonsense")
    context(filled, status=400, id=row["id"], before="5001")
    context(filled, status=400, id=row["id"], after="-1")
    context(filled, status=400, id=row["id"], query="{")
    context(filled, status=400, id=row["id"], query='rate({app="web"}[1m])')
    context(filled, status=404, id=row["id"][:-1] + ("0" if row["id"][-1] != "0" else "1"))
    context(filled, status=404, id="9223372036854775807-0000000000000000")
    context(filled, status=404, id="-9223372036854775808-0000000000000000")
    assert filled.get("/api/v1/context", {"id": row["id"]}, {"X-Scope-OrgID": "other"}).status == 404
    assert filled.get("/api/v1/context", {"id": row["id"]}, {"X-Scope-OrgID": "other|default"}).status == 200


# ---- how much one query may look at ----

@pytest.mark.parametrize("path,params", [
    ("/api/v1/query", {"events": "rows,histogram", "limit": "5"}), ("/api/v1/query", {}), ("/api/v1/fields", {}), ("/loki/api/v1/patterns", {})])
def test_the_limit_of_bytes_holds_for_everything_that_reads_lines(path, params):
    with bole.Server(args=["--max-query-bytes", "200000"]) as server:
        for part in range(10):
            server.push([({"app": "web"}, [(NOW - (part * 100 + i) * SECOND, f"{i} " + "some words " * 100) for i in range(100)])])
        ask_all = lambda seconds: server.get(path, {"query": '{app="web"} |= "words"' if path == "/api/v1/query" else '{app="web"}',
                                                    "start": str(NOW - seconds * SECOND), "end": str(NOW + SECOND), **params})
        assert ask_all(20).status == 200
        answer = ask_all(3000)
        assert "--max-query-bytes" in answer.text and (answer.status == 400 or '"error"' in answer.text.splitlines()[-1])
