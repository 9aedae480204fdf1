"""What a user does first: push, query, read back byte for byte."""

import gzip
import json
import time
import zlib

import pytest

import bole

NOW = time.time_ns()


def test_json_lines_come_back_byte_for_byte(server):
    lines = ["plain", "", "ünï €", "tab\tand \"quotes\" and \\", "NUL \u0000 inside", "<b>&amp;</b>", "\u001b[31mred\u001b[0m", "x" * 200000]
    assert server.push([({"job": "a"}, [(NOW + i, line) for i, line in enumerate(lines)])]).status == 204
    assert server.lines('{job="a"}') == [(NOW + i, line) for i, line in enumerate(lines)]


def test_protobuf_carries_every_byte(server):
    lines = [b"\x00\x01\x02", b"\xff\xfe bad utf-8 \xc3", b"ok"]
    body = bole.push_proto([('{job="p"}', [(NOW + i, line, {"trace": str(i)}) for i, line in enumerate(lines)])])
    assert server.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/x-protobuf"}).status == 204
    assert [line for _, line in server.lines('{job="p"}')] == [line.decode(errors="replace") for line in lines]


@pytest.mark.parametrize("encoding,pack", [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_compressed_bodies(server, encoding, pack):
    body = json.dumps({"streams": [{"stream": {"job": "z"}, "values": [[str(NOW), "packed"]]}]}).encode()
    answer = server.request("POST", "/loki/api/v1/push", pack(body), {"Content-Type": "application/json", "Content-Encoding": encoding})
    assert answer.status == 204
    assert server.lines('{job="z"}') == [(NOW, "packed")]


def test_json_lines_door(server):
    rows = [{"_time": "2026-11-21T10:00:00.5Z", "_msg": "hello", "service": "api", "user": {"id": 7}}, {"_time": "2026-11-21T10:00:01Z", "_msg": "again", "service": "api"}]
    body = "\n".join(json.dumps(row) for row in rows) + "\nnot json\n"
    answer = server.request("POST", "/insert/jsonline?_stream_fields=service&_time_field=_time&_msg_field=_msg", body)
    assert answer.status in (200, 204), answer.text
    found = server.lines('{service="api"}', end=1795255300000000000)
    assert found == [(1795255200500000000, "hello"), (1795255201000000000, "again")]


def test_what_was_stored_survives_a_restart_before_and_after_a_cut(server):
    server.push([({"job": "a"}, [(NOW, "one")])])
    assert server.request("POST", "/flush").status // 100 == 2
    server.push([({"job": "a"}, [(NOW + 1, "two")])])
    assert server.stop() == 0
    server.start()
    assert server.lines('{job="a"}') == [(NOW, "one"), (NOW + 1, "two")]


def test_old_future_and_unordered_times_are_stored(server):
    times = [NOW, 1, NOW - 10**18, NOW + 10**17, NOW - 5]
    assert server.push([({"job": "t"}, [(t, str(t)) for t in times])]).status == 204
    server.request("POST", "/flush")
    assert [t for t, _ in server.lines('{job="t"}', start=0, end=NOW + 10**18)] == sorted(times)


def test_tenants_do_not_see_each_other(server):
    server.push([({"job": "a"}, [(NOW, "red")])], {"X-Scope-OrgID": "red"})
    server.push([({"job": "a"}, [(NOW, "blue")])], {"X-Scope-OrgID": "blue"})
    assert server.lines('{job="a"}', headers={"X-Scope-OrgID": "red"}) == [(NOW, "red")]
    assert server.lines('{job="a"}') == []


def test_metrics_over_ranges(server):
    base = NOW // (60 * 10**9) * 60 * 10**9
    server.push([({"app": app}, [(base - i * 10**9, f"level={'error' if i % 5 == 0 else 'info'} n={i}") for i in range(60)]) for app in ("a", "b")])
    for _ in range(2):
        data = server.query_range('sum by (app) (count_over_time({app=~".+"} |= "error" [1m]))', start=base, end=base, step="60")
        assert data["resultType"] == "matrix"
        assert [(s["metric"], [v[1] for v in s["values"]]) for s in data["result"]] == [({"app": "a"}, ["12"]), ({"app": "b"}, ["12"])]
        data = server.query_range('sum(rate({app=~".+"} | logfmt | n < 30 [1m]))', start=base, end=base, step="60")
        assert data["result"][0]["values"][0][1] == "1"
        server.request("POST", "/flush")  # and the same from segments


def test_labels_and_series(server):
    server.push([({"job": "a", "host": "x"}, [(NOW, "l")]), ({"job": "b"}, [(NOW, "l")])])
    assert set(server.get("/loki/api/v1/labels").json()["data"]) >= {"job", "host"}
    assert server.get("/loki/api/v1/label/job/values").json()["data"] == ["a", "b"]
    series = server.get("/loki/api/v1/series", {"match[]": '{job="a"}'}).json()["data"]
    assert len(series) == 1 and series[0]["host"] == "x"


def test_categorised_labels_as_grafana_asks_for_them(server):
    server.push([({"job": "c"}, [(NOW, 'a=1 level=warn', {"trace": "t1"})])])
    data = server.query_range('{job="c"} | logfmt', headers={"X-Loki-Response-Encoding-Flags": "categorize-labels"})
    assert data["encodingFlags"] == ["categorize-labels"]
    (stream,) = data["result"]
    assert "trace" not in stream["stream"] and stream["stream"]["job"] == "c"
    ns, line, categories = stream["values"][0]
    assert (int(ns), line) == (NOW, "a=1 level=warn")
    assert categories["structuredMetadata"]["trace"] == "t1"
    assert categories["parsed"]["a"] == "1"


BAD_REQUESTS = [
    ("/loki/api/v1/push", "application/json", b"{", 400),
    ("/loki/api/v1/push", "application/json", b'{"streams":[{"stream":{},"values":[["1","x"]]}]}', 400),
    ("/loki/api/v1/push", "application/json", b'{"streams":[]}', 422),
    ("/loki/api/v1/push", "application/json", b'{"streams":[{"stream":{"a":"b"},"values":[["x","y"]]}]}', 400),
    ("/loki/api/v1/push", "application/x-protobuf", b"\xff\xff\xff", 400),
    ("/insert/jsonline", "application/json", b"not json\n", 400),
]


@pytest.mark.parametrize("path,content_type,body,status", BAD_REQUESTS)
def test_malformed_bodies_are_named_and_change_nothing(server, path, content_type, body, status):
    answer = server.request("POST", path, body, {"Content-Type": content_type})
    assert answer.status == status, answer.text
    assert answer.body
    assert server.get("/loki/api/v1/labels").json().get("data", []) == []


def test_a_query_error_points_at_its_column(server):
    answer = server.get("/loki/api/v1/query_range", {"query": '{job="x"'})
    assert answer.status == 400
    assert answer.text.startswith("parse error at line 1, col 9: syntax error: unexpected $end")


def test_foreign_hosts_and_origins_are_refused(server):
    assert server.request("GET", "/ready", headers={"Host": "evil.example"}).status in (403, 421)
    body = json.dumps({"streams": [{"stream": {"job": "o"}, "values": [[str(NOW), "x"]]}]})
    headers = {"Content-Type": "application/json", "Origin": "http://evil.example"}
    assert server.request("POST", "/loki/api/v1/push", body, headers).status == 403
    headers["Origin"] = server.url
    assert server.request("POST", "/loki/api/v1/push", body, headers).status == 204


@pytest.mark.parametrize("name", ["limit", "field_limit"])
def test_detected_fields_and_values_have_a_limit(server, name):
    line = json.dumps({f"field{i:04}": i for i in range(1200)})
    server.push([({"job": "d"}, [(NOW, line)] + [(NOW + i, json.dumps({"number": f"v{i}"})) for i in range(1, 21)])])
    window = {"query": '{job="d"}', "start": NOW - 10**9, "end": NOW + 10**9}
    fields = server.get("/loki/api/v1/detected_fields", window).json()
    assert (len(fields["fields"]), fields["limit"]) == (1000, 1000)
    fields = server.get("/loki/api/v1/detected_fields", {**window, name: 7}).json()
    assert (len(fields["fields"]), fields["limit"]) == (7, 7)
    values = server.get("/loki/api/v1/detected_field/number/values", {**window, name: 5}).json()
    assert (len(values["values"]), values["limit"]) == (5, 5)
    assert len(server.get("/loki/api/v1/detected_field/number/values", window).json()["values"]) == 20


def test_long_values_of_rare_keys_are_found_in_segments(server):
    """A key of three rows has no column of its own; its value is a word of any length."""
    values = {f"rare{length}": "x1" * (length // 2) for length in range(40, 130, 2)}
    lines = [(10**18 + i, f"row {i}", {key: value}) for i, (key, value) in enumerate(values.items())]
    for part in range(2):
        assert server.push([({"app": "rare"}, lines[part::2])]).status == 204
        assert server.request("POST", "/flush").status == 204
    for _ in ("cut", "merged"):
        for i, (key, value) in enumerate(values.items()):
            assert [line for _, line in server.lines(f'{{app="rare"}} | {key}="{value}"')] == [f"row {i}"], key
        assert server.request("POST", "/api/v1/merge?force=true").status == 200
