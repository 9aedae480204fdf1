"""What Grafana's Loki data source, Explore, Logs Drilldown and logcli send, word for word in path, parameters and headers, and
whether the answer is one that they can read. Recorded from grafana-loki-datasource, logs-drilldown and logcli 3.7."""

import base64
import gzip
import json
import os
import re
import socket
import struct
import time

import pytest

import bole

NOW = time.time_ns() // 10**9 * 10**9
HOUR = 3600 * 10**9
START, END = NOW - HOUR, NOW + 10**9
ISO = lambda ns: time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + f".{ns // 10**6 % 1000:03}Z"
SELECTOR = '{service_name="shop"}'

CATEGORIZE = {"X-Loki-Response-Encoding-Flags": "categorize-labels"}
BACKEND = {**CATEGORIZE, "User-Agent": "Grafana/12.3.0", "Accept-Encoding": "gzip"}
RANGE = {"direction": "backward", "start": str(START), "end": str(END), "step": "15000ms"}


@pytest.fixture(scope="module")
def grafana():
    """A server with three kinds of lines, as Grafana's tests would have it."""
    with bole.Server() as server:
        rows = []
        for i in range(300):
            ns = NOW - i * 10 * 10**9
            line = [f'level=error msg="order {i} failed" took={i}ms', json.dumps({"level": "info", "user": {"id": i}, "status": 200}),
                    f"GET /cart/{i} 200"][i % 3]
            rows.append((ns, line, {"trace_id": f"{i:032x}", "traceID": "x"}))
        server.push([({"app": "shop", "cluster": "c1", "namespace": "n1", "pod": "shop-0"}, rows)])
        server.push([({"app": "db", "cluster": "c1", "env": "prod"}, [(NOW - i * 10**9, f"query {i}") for i in range(100)])])
        server.request("POST", "/flush")
        server.push([({"app": "shop", "cluster": "c1", "namespace": "n1", "pod": "shop-1"}, [(NOW, "the newest")])])
        yield server


def read_result(answer):
    """As Grafana's backend reads it: (resultType, [(labels, [(ns, value, categories)])], flags). Fails where that would."""
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"].startswith("application/json")
    packed = answer.headers.get("Content-Encoding") == "gzip"
    root = json.loads(gzip.decompress(answer.body) if packed else answer.body)
    assert root.get("status") == "success" and set(root.keys()) <= {"status", "data", "warnings"}
    data = root.get("data")
    assert set(data.keys()) <= {"resultType", "encodingFlags", "result", "stats"}
    kind, result, flags = data.get("resultType"), data.get("result"), data.get("encodingFlags", [])
    order = list(data) # Grafana's parser reads once, from the front
    assert order.index("resultType") < order.index("result")
    if flags:
        assert order.index("encodingFlags") < order.index("result")
    check_stats(data.get("stats"))
    if kind == "scalar":
        return kind, [({}, [result])], flags
    series = []
    for entry in result:
        labels = entry.get("stream") if kind == "streams" else entry.get("metric")
        assert isinstance(labels, dict) and all(isinstance(v, str) for v in labels.values())
        values = [entry.get("value")] if kind == "vector" else entry.get("values")
        for value in values:
            if kind == "streams":
                assert re.fullmatch(r"-?\d+", value[0]) and isinstance(value[1], str)
                assert len(value) == (3 if flags else 2)
                if flags:
                    assert set(value[2].keys()) <= {"structuredMetadata", "parsed"}
            else:
                assert isinstance(value[0], (int, float)) and isinstance(value[1], str)
        series.append((dict(labels), values))
    return kind, series, flags


def check_stats(stats):
    """Explore shows the summary; Grafana turns every number of the rest into a field."""
    summary = dict(stats.get("summary"))
    for name in ("bytesProcessedPerSecond", "linesProcessedPerSecond", "totalBytesProcessed", "totalLinesProcessed", "execTime",
                 "queueTime", "totalEntriesReturned"):
        assert isinstance(summary[name], (int, float)), name
    assert {"querier", "ingester", "cache", "index"} <= set(stats.keys())


def get(server, path, params, headers=None):
    return server.get("/loki/api/v1/" + path, params, headers)


# ---- the data source's backend: queries ----

@pytest.mark.parametrize("tags", [None, "logvolhist", "logsample", "datasample", "infinitescroll", "grafana-lokiexplore-app"])
def test_log_query(grafana, tags):
    headers = {**BACKEND, **({"X-Query-Tags": f"Source={tags}"} if tags else {})}
    kind, streams, flags = read_result(get(grafana, "query_range", {**RANGE, "query": SELECTOR, "limit": "1000"}, headers))
    assert (kind, flags) == ("streams", ["categorize-labels"])
    assert sum(len(values) for _, values in streams) == 301
    assert all("trace_id" not in labels for labels, _ in streams)
    assert dict(streams[0][1][0][2].get("structuredMetadata"))["detected_level"]


def test_log_query_with_a_parser_and_the_limits_header(grafana):
    headers = {**BACKEND, "X-Loki-Query-Limits-Context": json.dumps({"expr": SELECTOR, "from": START // 10**6, "to": END // 10**6})}
    query = SELECTOR + " | json | logfmt | drop __error__, __error_details__"
    _, streams, _ = read_result(get(grafana, "query_range", {**RANGE, "query": query, "limit": "50"}, headers))
    found = [dict(v[2].get("parsed", {})) for _, values in streams for v in values]
    assert any("user_id" in p for p in found) and any("took" in p for p in found)


@pytest.mark.parametrize("query,kind", [
    (f'sum by (level, detected_level) (count_over_time({SELECTOR} | drop __error__[15s]))', "matrix"),
    (f'sum(count_over_time({SELECTOR} | json | logfmt | drop __error__, __error_details__ [15s])) by (detected_level)', "matrix"),
    (f'avg_over_time({SELECTOR} | logfmt | unwrap duration(took) | __error__="" [1m]) by ()', "matrix"),
    ('{app="nothing here"}', "streams"), ('sum(rate({app="nothing here"}[1m]))', "matrix")])
def test_range_queries(grafana, query, kind):
    # MaxLines is 0 for metric queries: then no limit is sent.
    found, _, _ = read_result(get(grafana, "query_range", {**RANGE, "query": query}, BACKEND))
    assert found == kind


def test_the_log_volume_adds_up(grafana):
    query = f'sum by (level, detected_level) (count_over_time({SELECTOR} [1h]))'
    _, series, _ = read_result(get(grafana, "query_range", {**RANGE, "query": query, "start": str(NOW), "end": str(NOW), "step": "3600000ms"}, BACKEND))
    assert sum(float(v[1]) for _, values in series for v in values) == 301
    assert {labels.get("detected_level") for labels, _ in series} >= {"error", "info"}


def test_instant_queries(grafana):
    instant = lambda query: read_result(get(grafana, "query", {"query": query, "direction": "backward", "time": str(END)}, BACKEND))
    kind, series, _ = instant(f'topk(2, sum by (pod) (count_over_time({{app="shop"}}[1h])))')
    assert kind == "vector" and len(series) == 2
    assert instant('sum(count_over_time({app="none"}[1h]))')[1] == []


def test_health_check(grafana):
    """The instant query with which `Save & test` is decided: one frame of two fields with the value 2."""
    kind, series, _ = read_result(get(grafana, "query", {"query": "vector(1)+vector(1)", "direction": "backward", "time": "4000000000"}, BACKEND))
    assert kind == "vector" and series == [({}, [[4000000000, "2"]])]


def test_refusals_are_words_for_people(grafana):
    answer = get(grafana, "query_range", {**RANGE, "query": '{app="shop"'}, BACKEND)
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.startswith("parse error at line 1, col 12: syntax error") and not answer.text.endswith("\n")


# ---- the data source's frontend: resources, with times as JavaScript prints them ----

RESOURCE = {"start": str(START), "end": str(END)}


def test_labels_and_values(grafana):
    assert get(grafana, "labels", RESOURCE).json() == {
        "status": "success", "data": ["app", "cluster", "env", "namespace", "pod", "service_name"]}
    assert get(grafana, "labels", {**RESOURCE, "query": '{app="db"}'}).json()["data"] == ["app", "cluster", "env", "service_name"]
    assert get(grafana, "label/app/values", RESOURCE).json()["data"] == ["db", "shop"]
    assert get(grafana, "label/pod/values", {**RESOURCE, "query": SELECTOR}).json()["data"] == ["shop-0", "shop-1"]
    assert get(grafana, "label/service%5Fname/values", RESOURCE).json()["data"] == ["db", "shop"]
    assert get(grafana, "label/no%2Fsuch/values", RESOURCE).json() == {"status": "success"}


def test_series(grafana):
    data = get(grafana, "series", {**RESOURCE, "match[]": SELECTOR}).json()
    assert data["status"] == "success" and {s["pod"] for s in data["data"]} == {"shop-0", "shop-1"}
    assert len(get(grafana, "series", {**RESOURCE, "match[]": ["{app=\"db\"}", SELECTOR]}).json()["data"]) == 3


def test_index_stats(grafana):
    stats = get(grafana, "index/stats", {**RESOURCE, "query": SELECTOR}).json()
    assert stats["entries"] == 301 and stats["streams"] == 2 and set(stats) == {"streams", "chunks", "bytes", "entries"}


def test_format_query(grafana):
    assert get(grafana, "format_query", {"query": '{app="shop"}|json|x>5'}).json() == {"status": "success", "data": '{app="shop"} | json | x>5'}
    answer = get(grafana, "format_query", {"query": "{"})
    assert answer.status == 400 and answer.json()["status"] == "invalid-query"


def test_detected_fields_of_the_editor(grafana):
    answer = get(grafana, "detected_fields", {**RESOURCE, "query": SELECTOR, "limit": "1000"}).json()
    fields = {f["label"]: f for f in answer["fields"]}
    assert fields["user_id"]["parsers"] == ["json"] and fields["user_id"]["jsonPath"] == ["user", "id"]
    assert fields["trace_id"]["parsers"] is None and fields["took"]["type"] == "duration"
    values = get(grafana, "detected_field/level/values", {**RESOURCE, "query": SELECTOR, "limit": "1000"}).json()
    assert sorted(values["values"]) == ["error", "info"]


def test_context_of_a_line(grafana):
    """LogContextProvider: forward from the line's own stamp, backward to just behind it, for two hours."""
    ns = NOW - 100 * 10 * 10**9
    selector = '{app="shop",cluster="c1",namespace="n1",pod="shop-0"}'
    after = {"query": selector, "direction": "forward", "start": str(ns), "end": str(ns + 2 * HOUR), "limit": "50", "step": "1000ms"}
    before = {**after, "direction": "backward", "start": str(ns - 2 * HOUR), "end": str(ns + 10**6)}
    times = lambda params: [int(v[0]) for _, values in read_result(get(grafana, "query_range", params, BACKEND))[1] for v in values]
    assert times(after)[0] == ns and times(after) == sorted(times(after))
    assert times(before)[0] == ns and times(before) == sorted(times(before), reverse=True)


def test_infinite_scroll(grafana):
    """The next page ends at the oldest line that is shown, and no line between the pages is lost."""
    seen, end = set(), END
    while True:
        _, streams, _ = read_result(get(grafana, "query_range", {**RANGE, "query": SELECTOR, "limit": "40", "end": str(end)}, BACKEND))
        page = {(v[0], v[1]) for _, values in streams for v in values}
        if page <= seen:
            break
        seen |= page
        end = min(int(ns) for ns, _ in page) + 10**6
    assert len(seen) == 301


# ---- Logs Drilldown, with times in ISO ----

DRILLDOWN = {"X-Query-Tags": "Source=grafana-lokiexplore-app"}
ISO_RANGE = {"start": ISO(START), "end": ISO(END)}


def test_drilldown_limits(grafana):
    config = get(grafana, "drilldown-limits", {}, DRILLDOWN).json()
    assert config["limits"]["volume_enabled"] is True and config["pattern_ingester_enabled"] is True and config["version"]
    assert isinstance(config["limits"]["discover_service_name"], list) and config["limits"]["max_entries_limit_per_query"] > 0


def test_drilldown_services(grafana):
    answer = get(grafana, "index/volume", {**ISO_RANGE, "limit": "5000", "query": '{service_name=~".+"}'}, DRILLDOWN).json()
    assert answer["data"]["resultType"] == "vector"
    volumes = {v["metric"]["service_name"]: int(v["value"][1]) for v in answer["data"]["result"]}
    assert set(volumes) == {"shop", "db"} and volumes["shop"] > volumes["db"]
    over_time = get(grafana, "index/volume_range", {**ISO_RANGE, "query": '{service_name=~".+"}', "step": "60", "targetLabels": "service_name"}).json()
    assert over_time["data"]["resultType"] == "matrix" and len(over_time["data"]["result"]) == 2
    by_label = get(grafana, "index/volume", {**ISO_RANGE, "query": '{service_name=~".+"}', "aggregateBy": "labels"}).json()
    assert {"service_name": ""} in [v["metric"] for v in by_label["data"]["result"]]


def test_drilldown_labels(grafana):
    answer = get(grafana, "detected_labels", {**ISO_RANGE, "query": SELECTOR}, DRILLDOWN).json()
    assert {d["label"]: d["cardinality"] for d in answer["detectedLabels"]} == {"app": 1, "cluster": 1, "namespace": 1, "pod": 2, "service_name": 1}
    assert get(grafana, "detected_labels", {**ISO_RANGE, "query": ""}, DRILLDOWN).json()["detectedLabels"]


def test_drilldown_fields(grafana):
    answer = get(grafana, "detected_fields", {**ISO_RANGE, "query": SELECTOR}, DRILLDOWN).json()
    for field in answer["fields"]:
        assert field["type"] in ("string", "int", "float", "boolean", "duration", "bytes") and field["cardinality"] > 0
        assert field["parsers"] is None or set(field["parsers"]) <= {"json", "logfmt"}


def test_drilldown_patterns(grafana):
    answer = get(grafana, "patterns", {**ISO_RANGE, "query": SELECTOR, "step": "30s"}, DRILLDOWN).json()
    assert answer["status"] == "success"
    sums = {p["pattern"]: sum(n for _, n in p["samples"]) for p in answer["data"]}
    assert sums['level=error msg="order <_> failed" took=<_>'] == 100 and sums["GET <_> 200"] == 100
    assert list(sums.values()) == sorted(sums.values(), reverse=True)


@pytest.mark.parametrize("expression", [
    SELECTOR + ' | json | logfmt | drop __error__, __error_details__ | user_id!="" [30s]',
    SELECTOR + ' | detected_level="error" | trace_id=~".+" [30s]',
    SELECTOR + ' |~ `(?i)order` | json | drop __error__, __error_details__ [30s]',
    SELECTOR + ' |> `level=error msg="order <_> failed" took=<_>` [30s]'])
def test_drilldown_panels(grafana, expression):
    query = f"sum by (detected_level) (count_over_time({expression}))"
    kind, series, _ = read_result(get(grafana, "query_range", {**RANGE, "query": query}, {**BACKEND, **DRILLDOWN}))
    assert kind == "matrix" and series


# ---- live tail in the browser, through Grafana's proxy ----

def frames(server, path, headers=""):
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        key = base64.b64encode(os.urandom(16)).decode()
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{headers}\r\n".encode())
        stream = s.makefile("rb")
        assert b"101" in stream.readline()
        while stream.readline() != b"\r\n":
            pass
        while True:
            head = stream.read(2)
            length = head[1] & 127
            if length >= 126:
                length = struct.unpack(">H" if length == 126 else ">Q", stream.read(2 if length == 126 else 8))[0]
            yield json.loads(stream.read(length))


@pytest.mark.parametrize("flags", ["", "X-Loki-Response-Encoding-Flags: categorize-labels\r\n"])
def test_live_tail(grafana, flags):
    path = "/loki/api/v1/tail?query=%7Bapp%3D%22shop%22%7D"
    frame = next(frames(grafana, path, flags))
    assert set(frame) <= {"streams", "dropped_entries", "encodingFlags"}
    for stream in frame["streams"]:
        assert all(isinstance(v, str) for v in stream["stream"].values())
        assert all(len(v) == (3 if flags else 2) for v in stream["values"])


# ---- logcli, and the forms that old clients send ----

def test_logcli_parameters(grafana):
    params = {"query": SELECTOR, "limit": "30", "start": str(START), "end": str(END), "direction": "BACKWARD"}
    assert read_result(get(grafana, "query_range", params, {"User-Agent": "loki-logcli/3.7"}))[0] == "streams"
    assert read_result(get(grafana, "query_range", {**params, "step": "60.5", "interval": "30"}))[0] == "streams"
    assert read_result(get(grafana, "query", {"query": f"count_over_time({SELECTOR}[1h])", "limit": "30", "time": str(END),
                                              "direction": "FORWARD"}))[0] == "vector"
    assert get(grafana, "series", {**RESOURCE, "match": [SELECTOR, '{app="db"}']}).json()["status"] == "success"
    assert get(grafana, "index/volume_range", {**RESOURCE, "query": SELECTOR, "limit": "30", "step": "3600"}).status == 200


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("path", [
    "/loki/api/v1/query_range", "/loki/api/v1/query", "/loki/api/v1/labels", "/loki/api/v1/label", "/loki/api/v1/label/app/values",
    "/loki/api/v1/series", "/loki/api/v1/index/stats", "/loki/api/v1/index/volume", "/loki/api/v1/index/volume_range",
    "/loki/api/v1/patterns", "/loki/api/v1/detected_fields", "/loki/api/v1/detected_field/level/values", "/loki/api/v1/detected_labels",
    "/loki/api/v1/format_query", "/api/prom/query", "/api/prom/label", "/api/prom/label/app/values", "/api/prom/series"])
def test_every_query_endpoint_reads_a_form(grafana, path):
    query = f"count_over_time({SELECTOR}[1m])" if path.endswith("v1/query") else SELECTOR
    body = bole.urllib.parse.urlencode({"query": query, "start": str(START), "end": str(END), "time": str(END)})
    posted = grafana.request("POST", path, body, FORM)
    assert posted.status == 200, posted.text
    plain = lambda text: re.sub(r'"(stats|summary)":.*', "", text)
    assert plain(posted.text) == plain(grafana.request("GET", path + "?" + body).text)


def test_legacy_paths(grafana):
    entries = grafana.get("/api/prom/query", {"query": SELECTOR, "start": str(START), "end": str(END), "limit": "5"}).json()["streams"]
    assert sum(len(s["entries"]) for s in entries) == 5
    assert re.fullmatch(r'\{app="shop", .*\}', entries[0]["labels"]) and set(entries[0]["entries"][0]) == {"ts", "line"}
    assert grafana.get("/api/prom/label").json()["values"] == ["app", "cluster", "env", "namespace", "pod", "service_name"]
    assert "streams" in next(frames(grafana, "/api/prom/tail?query=%7Bapp%3D%22shop%22%7D"))


def test_operators_paths(grafana):
    assert grafana.get("/ready").status == 200 and grafana.get("/services").status == 200 and grafana.get("/config").status == 200
    assert "level" in grafana.get("/log_level").json()["message"]
    assert set(get(grafana, "status/buildinfo", {}).json()) == {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"}


def test_a_path_that_nobody_has(grafana):
    """Loki 3.7 answers text here, and JSON is not what its clients look for."""
    answer = get(grafana, "nothing/here", {})
    assert (answer.status, answer.text) == (404, "404 page not found\n")
