"""/loki/api/v1/patterns, as Explore and Logs Drilldown ask it."""

import json
import random
import time

import pytest

import bole

STEP = 60
NOW = time.time_ns() // (STEP * 10**9) * STEP * 10**9


def patterns(server, query='{app="web"}', status=200, headers=None, **params):
    params = {"query": query, "start": str(NOW - 600 * 10**9), "end": str(NOW + 10**9), "step": f"{STEP}s", **params}
    answer = server.get("/loki/api/v1/patterns", params, headers)
    assert answer.status == status, answer.text
    return answer.json() if status == 200 else answer.text


@pytest.fixture
def filled(server):
    lines = []
    for i in range(120):
        lines.append((NOW - i * 10**9, f"GET /api/users/{i} HTTP/1.1 200 {i * 31}"))
        if i % 3 == 0:
            lines.append((NOW - i * 10**9, f"level=error msg=\"connection to db{i} lost\" attempt={i}"))
    server.push([({"app": "web"}, lines), ({"app": "other"}, [(NOW, "something else")])])
    return server


@pytest.mark.parametrize("cut", [False, True])
def test_patterns_are_ordered_by_count_and_stand_at_multiples_of_the_step(filled, cut):
    if cut:
        filled.request("POST", "/flush")
    data = patterns(filled)["data"]
    assert [(p["pattern"], p["level"]) for p in data] == [
        ("GET <_> HTTP/1.1 200 <_>", "unknown"), ('level=error msg="connection to <_> lost" attempt=<_>', "error")]
    assert [sum(n for _, n in p["samples"]) for p in data] == [120, 40]
    assert data[0]["samples"] == [[NOW // 10**9 - 120, 59], [NOW // 10**9 - 60, 60], [NOW // 10**9, 1]]
    assert all(isinstance(v, int) for p in data for sample in p["samples"] for v in sample)


def test_a_pattern_finds_its_lines(filled):
    """Drilldown puts the pattern behind `|>`."""
    for pattern in patterns(filled)["data"]:
        query = '{app="web"} |> ' + json.dumps(pattern["pattern"])
        assert len(filled.lines(query)) == sum(n for _, n in pattern["samples"]), pattern


def some_lines(seed):
    d = random.Random(seed)
    stamp = lambda i: time.strftime("%b %e %H:%M:%S", time.gmtime(NOW // 10**9 - 86400 + i * 131))
    makers = [
        lambda i: f"{stamp(i)} host{i % 3} sshd[{d.randrange(9999)}]: Failed password for {d.choice(['root', 'ann', 'bob'])} from 10.0.{i % 7}.{i % 200}",
        lambda i: f"level={d.choice(['info', 'warn', 'error'])} msg=\"{d.choice(['disk full', 'all well', 'a, (b) = c: d'])}\" took={i * 7}ms id={d.getrandbits(64):016x}",
        lambda i: json.dumps({"ts": NOW + i, "user": f"u{d.randrange(50)}", "path": "/" + "/".join(d.choice(["a", "b c", "d=1"]) for _ in range(i % 4)), "e": ""}),
        lambda i: "".join(d.choice(["x", " ", "7", ":", "\"", "=", "\0", "ü", "["]) for _ in range(d.randrange(40)))]
    return [d.choice(makers)(i) for i in range(1500)]


@pytest.mark.parametrize("query", ["", ' |= "a"', ' |~ "[a-f]="'])
def test_patterns_of_segments_count_every_line_and_find_it(server, query):
    """In segments lines lie as templates and values: see mined_lines.h."""
    lines = some_lines(7)
    server.push([({"app": "web"}, [(NOW - i * 10**7, line) for i, line in enumerate(lines)])])
    server.request("POST", "/flush")
    found = lambda query: [line for _, line in server.lines('{app="web"}' + query, limit=5000)]
    stored = found(query)
    table = [s["stream"] for s in server.get("/loki/api/v1/query_range", {
        "query": '{app="web"}' + query + " | patterns", "start": str(NOW - 10**12), "end": str(NOW + 1), "limit": "5000"}).json()["data"]["result"]]
    assert sum(int(row["count"]) for row in table) == len(stored)
    for row in table:
        assert row["example"] in stored
        if "\0" not in row["pattern"] and row["pattern"].strip("<_> "):
            its = found(query + " |> " + json.dumps(row["pattern"], ensure_ascii=False))
            assert len(its) >= int(row["count"]) and row["example"] in its, row
    if not query:
        assert sum(n for p in patterns(server)["data"] for _, n in p["samples"]) == len(stored)


def test_nothing_found_is_an_empty_list(filled):
    assert patterns(filled, '{app="none"}') == {"status": "success", "data": []}


@pytest.mark.parametrize("query,params", [
    ('{app="web"} |= "x"', {}), ('{app="web"', {}), ("", {}), ('rate({app="web"}[1m])', {}), ('{app="web"}', {"step": "0"}),
    ('{app="web"}', {"step": "1ms"}), ('{app="web"}', {"start": "x"}), ('{app="web"}', {"start": str(NOW), "end": "1"})])
def test_what_loki_refuses_is_refused(filled, query, params):
    assert patterns(filled, query, 400, **params)


@pytest.mark.parametrize("start", ["-9223372036854775808", "0", "9223372036854775806"])
def test_ranges_at_the_ends_of_time(filled, start):
    answer = filled.get("/loki/api/v1/patterns", {"query": '{app="web"}', "start": start, "end": "9223372036854775807"})
    assert answer.status in (200, 400)
    assert filled.get("/ready").status == 200


def test_tenants_and_forms(filled):
    filled.push([({"app": "web"}, [(NOW, "GET /x1 HTTP/1.1 200 5")])], {"X-Scope-OrgID": "red"})
    data = patterns(filled, headers={"X-Scope-OrgID": "red|default"})["data"]
    assert sum(n for _, n in data[0]["samples"]) == 121
    answer = filled.request("POST", "/loki/api/v1/patterns", "query=%7Bapp%3D%22web%22%7D", {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200 and answer.json()["status"] == "success"


def test_drilldown_shows_its_tab(server):
    assert server.get("/loki/api/v1/drilldown-limits").json()["pattern_ingester_enabled"] is True


# ---- what else Drilldown and Explore read ----

def test_detected_fields_say_where_in_the_json_a_field_is(server):
    line = json.dumps({"a": {"b": {"c": 1}}, "x-y": {"z": "5s"}, "9k": True, "list": [1], "none": None, "app": "taken"})
    server.push([({"app": "js"}, [(NOW, line)])])
    answer = server.get("/loki/api/v1/detected_fields", {"query": '{app="js"}', "start": str(NOW - 1), "end": str(NOW + 1)}).json()
    assert {f["label"]: (f["type"], f.get("jsonPath")) for f in answer["fields"]} == {
        "a_b_c": ("int", ["a", "b", "c"]), "x_y_z": ("duration", ["x-y", "z"]), "_9k": ("boolean", ["9k"]),
        "app_extracted": ("string", ["app"]), "detected_level": ("string", None)}


def test_detected_fields_of_deep_and_torn_json(server):
    lines = ['{"a":' * 60 + "1" + "}" * 60, '{"ok":1,"torn":{"x":', '{"' + "k" * 300 + '":{"":1," ":2}}', "{", '{"a"', "[]"]
    server.push([({"app": "js"}, [(NOW + i, line) for i, line in enumerate(lines)])])
    answer = server.get("/loki/api/v1/detected_fields", {"query": '{app="js"}', "start": str(NOW - 1), "end": str(NOW + 100)})
    assert answer.status == 200 and answer.json()["fields"]


@pytest.mark.parametrize("path,query,status", [
    ("index/stats", "", 400), ("index/stats", "{}", 400), ("index/stats", '{a!="x"}', 400), ("index/stats", '{app="web"}', 200),
    ("index/volume", "", 400), ("index/volume", "{}", 200), ("index/volume", '{a!="x"}', 400),
    ("index/volume_range", "", 400), ("index/volume_range", "{}", 200),
    ("labels", "", 200), ("labels", "{}", 400), ("labels", '{a!="x"}', 400), ("label/app/values", "{}", 400),
    ("detected_labels", "", 200), ("detected_labels", "{}", 400), ("patterns", "{}", 400), ("query", "", 400)])
def test_selectors_that_loki_takes_and_refuses(filled, path, query, status):
    answer = filled.get(f"/loki/api/v1/{path}", {"query": query, "start": str(NOW - 10**9), "end": str(NOW + 10**9)})
    assert answer.status == status, answer.text
    if status == 400:
        assert answer.text == "parse error : syntax error: unexpected $end" if not query else answer.text.startswith(
            "parse error : queries require at least one regexp or equality matcher")


def test_series_takes_braces_but_nothing_that_is_empty_compatible(filled):
    series = lambda selector: filled.get("/loki/api/v1/series", {"match[]": selector, "start": str(NOW - 10**9), "end": str(NOW + 10**9)})
    assert len(series("{}").json()["data"]) == 2
    assert series('{a!="x"}').status == 400


def test_volume_over_time_stands_at_the_ends_of_aligned_steps(server):
    base = NOW // 10**9 // 100 * 100
    server.push([({"app": "v"}, [((base + s) * 10**9, "x" * 10) for s in (10, 99, 100, 199, 250)])])
    for _ in range(2):
        answer = server.get("/loki/api/v1/index/volume_range", {"query": '{app="v"}', "start": str(base + 5), "end": str(base + 260), "step": "100"})
        data = answer.json()["data"]
        assert data["resultType"] == "matrix"
        assert data["result"] == [{"metric": {"app": "v"}, "values": [
            [base + 99.999, "20"], [base + 199.999, "20"], [base + 260, "10"]]}]
        server.request("POST", "/flush")


# ---- refusals, word for word as a Loki 3.7.8 gave them ----

@pytest.mark.parametrize("method,path,params,status,text", [
    ("GET", "tail", {"query": '{app="web"}', "start": "x"}, 400, "could not parse 'start' parameter: strconv.ParseInt: parsing \"x\": invalid syntax"),
    ("GET", "tail", {"query": '{app="web"}', "delay_for": "9"}, 400, "delay_for can't be greater than 5"),
    ("GET", "tail", {"query": '{app="web"}'}, 400, "Bad Request\n"),
    ("POST", "delete", {}, 400, "query not set\n"), ("POST", "delete", {"query": '{app="x"}'}, 400, "start time not set\n"),
    ("POST", "delete", {"query": '{app="x"}', "start": "x"}, 400, "invalid start time: require unix seconds or RFC3339 format\n"),
    ("DELETE", "delete", {}, 404, "could not find delete request with given id\n"),
    ("DELETE", "delete", {"request_id": "nope"}, 404, "could not find delete request with given id\n"),
    ("GET", "patterns", {"query": '{app="web"}', "step": "1ms"}, 400,
     "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"),
    ("GET", "query_range", {"query": 'rate({app="web"}[1m])', "step": "0"}, 400,
     "zero or negative query resolution step widths are not accepted. Try a positive integer"),
    ("GET", "query_range", {"query": '{app="web"}', "direction": "up"}, 400, "invalid direction 'up'"),
    ("GET", "query_range", {"query": '{app="web"}', "limit": "0"}, 400, "limit must be a positive value"),
    ("GET", "series", {"match[]": '{a="b"} |= "x"'}, 400, "only label matchers are supported")])
def test_refusals(server, method, path, params, status, text):
    answer = server.request(method, f"/loki/api/v1/{path}?" + bole.urllib.parse.urlencode(params))
    assert (answer.status, answer.text) == (status, text)
