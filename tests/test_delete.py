"""Records that somebody asked to delete are out of sight at once, and out of the files when that is said to be done."""

import json
import time

import pytest

import bole
from test_cli import run

BASE = (time.time_ns() // 10**9 - 3600) * 10**9


@pytest.fixture(name="prompt")
def prompt_server():
    with bole.Server(args=["--delete-delay", "0"]) as server:
        yield server


def push(server, app, texts, headers=None, first=0):
    values = [(BASE + (first + i) * 10**9, text) for i, text in enumerate(texts)]
    assert server.push([({"app": app}, values)], headers).status == 204


def delete(server, query, headers=None, **params):
    path = "/loki/api/v1/delete?" + bole.urllib.parse.urlencode({"query": query, "start": "0000000001", **params})
    return server.request("POST", path, headers=headers)


def requests(server, headers=None):
    return server.get("/loki/api/v1/delete", headers=headers).json()


def all_requests(server):
    return server.get("/api/v1/delete").json()


def texts(server, query, headers=None):
    return [line for _, line in server.lines(query, headers=headers)]


def settle(server):
    assert server.request("POST", "/flush").status == 204
    assert server.request("POST", "/api/v1/merge").status == 200


def check(server):
    server.stop()
    done = run("check", server.data, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout.decode()


def test_deleted_lines_are_gone_from_every_answer_and_from_the_files(prompt):
    push(prompt, "web", ["user=4711 logs in", "user=4712 logs in"])
    push(prompt, "web", ["user=4711 of acme"], {"X-Scope-OrgID": "acme"})
    assert prompt.request("POST", "/flush").status == 204
    push(prompt, "web", ["user=4711 pays", "user=4712 pays"], first=10)
    assert delete(prompt, '{app="web"} |= "user=4711"').status == 204
    for _ in range(2):
        assert texts(prompt, '{app="web"}') == ["user=4712 logs in", "user=4712 pays"]
        assert texts(prompt, '{app="web"} |= "4711"') == []
        counted = prompt.get("/loki/api/v1/query", {"query": 'sum(count_over_time({app="web"}[2h]))'}).json()["data"]["result"]
        assert counted[0]["value"][1] == "2"
        assert texts(prompt, '{app="web"}', {"X-Scope-OrgID": "acme"}) == ["user=4711 of acme"]
        settle(prompt)
    (request,) = requests(prompt)
    assert request["status"] == "processed" and request["rows"] == 2 and request["query"] == '{app="web"} |= "user=4711"'
    assert requests(prompt, {"X-Scope-OrgID": "acme"}) == []
    assert sum(step["rows"] for step in request["steps"]) == 2
    for step in request["steps"]:
        numbers = {name: int(step["digest_" + name], 16) for name in ("before", "removed", "removed_by_others", "after")}
        assert numbers["before"] == (numbers["removed"] + numbers["removed_by_others"] + numbers["after"]) % 2**128
        for name in step["segments_before"]:
            assert not (prompt.data / "segments" / f"{name}.seg").exists()
    assert "deletes: 1 done, 2 rows removed" in check(prompt)


def test_what_is_sent_after_the_request_stays(prompt):
    push(prompt, "web", ["old"])
    assert delete(prompt, '{app="web"}').status == 204
    push(prompt, "web", ["new"])
    settle(prompt)
    assert texts(prompt, '{app="web"}') == ["new"]
    labels = prompt.get("/loki/api/v1/label/app/values", {"start": "0"}).json()["data"]
    assert labels == ["web"]


def test_a_crash_does_not_bring_them_back(prompt):
    push(prompt, "web", ["one", "two"])
    assert delete(prompt, '{app="web"} |~ "t.o$"').status == 204
    for _ in range(2):
        prompt.kill()
        prompt.start()
        assert texts(prompt, '{app="web"}') == ["one"]
        settle(prompt)
    assert requests(prompt)[0]["status"] == "processed"
    check(prompt)


def test_a_request_can_be_taken_back(server):
    push(server, "web", ["one"])
    request_id = run("delete", '{app="web"}', server=server).stdout.decode().strip()
    settle(server)
    assert texts(server, '{app="web"}') == []
    (request,) = json.loads(run("delete", "--list", server=server).stdout)
    assert request["request_id"] == request_id and request["status"] == "received"
    run("delete", "--cancel", request_id, server=server)
    assert texts(server, '{app="web"}') == ["one"]
    assert requests(server) == [] and all_requests(server)[0]["status"] == "cancelled"
    done = run("delete", "--cancel", request_id, server=server, check=False)
    assert done.returncode == 1 and b"already processed is not allowed" in done.stderr
    assert server.request("DELETE", "/loki/api/v1/delete?request_id=77").status == 404


SOME = "1700000000"


@pytest.mark.parametrize("params, expected", [
    ({"start": SOME}, "query not set"),
    ({"query": '{app="a"}'}, "start time not set"),
    ({"query": '{app="a"}', "start": "soon"}, "invalid start time: require unix seconds or RFC3339 format"),
    ({"query": '{app="a"}', "start": "0"}, "invalid start time"),
    ({"query": '{app="a"}', "start": SOME + "000"}, "invalid start time"),
    ({"query": '{app="a"}', "start": SOME, "end": "1700000000.5"}, "invalid end time"),
    ({"query": '{app="a"}', "start": SOME, "end": str(int(time.time()) + 10**6)}, "deletes in the future are not allowed"),
    ({"query": '{app="a"}', "start": SOME, "end": SOME}, "start time can't be greater than or equal to end time"),
    ({"query": '{app="a"', "start": SOME}, "invalid query expression"),
    ({"query": '{app="a"} | json', "start": SOME}, "a delete takes a selector and line filters"),
    ({"query": '{app="a"} |= "x" or "y"', "start": SOME}, "a delete takes a selector and line filters"),
    ({"query": 'rate({app="a"}[1m])', "start": SOME}, "invalid query expression"),
])
def test_a_request_that_is_wrong_is_told(server, params, expected):
    answer = server.request("POST", "/loki/api/v1/delete?" + bole.urllib.parse.urlencode(params))
    assert answer.status == 400 and expected in answer.text
    assert requests(server) == []


def test_bole_own_door_says_where_the_query_is_wrong(server):
    answer = server.request("POST", "/api/v1/delete?" + bole.urllib.parse.urlencode({"query": '{app="a"', "start": "0"}))
    assert answer.status == 400 and "parse error at line 1, col 9" in answer.text


QUESTIONS = [
    '{app=~".+"}', '{app="web"} |= "user=3"', '{app="web"} |~ "use[r]=[12]" != "pay"', '{app=~".+"} | json | status >= 400',
    '{app="api"} | json | line_format "{{.path}}"', '{app=~".+"} |~ "(?i)USER"',
]
COUNTS = [
    'sum(count_over_time({app=~".+"}[3h]))', 'sum by (app) (count_over_time({app=~".+"}[3h]))', 'sum by (app) (rate({app=~".+"}[3h]))',
    'sum by (status) (count_over_time({app="api"} | json [3h]))', 'topk(3, sum by (path) (count_over_time({app="api"} | json [3h])))',
    'sum by (app) (bytes_over_time({app=~".+"}[3h]))', 'sum(count_over_time({app="web"} |= "pay" [3h]))',
    'sum(count_over_time({app="web"} |~ "user=1.*pay" [3h]))', 'avg by (app) (avg_over_time({app="api"} | json | unwrap status [3h]))',
    'count(count_over_time({app=~".+"}[3h]))', 'sum(count_over_time({app=~".+"}[1h] offset 1h))',
]


def answers(server):
    lines = [sorted(server.lines(q)) for q in QUESTIONS]
    counts = [sorted((sorted(r["metric"].items()), r["value"][1])
                     for r in server.get("/loki/api/v1/query", {"query": q}).json()["data"]["result"]) for q in COUNTS]
    params = {"start": str(BASE - 10**12), "end": str(time.time_ns() + 10**9), "match[]": '{app=~".+"}'}
    series = sorted(s["app"] for s in server.get("/loki/api/v1/series", params).json()["data"])
    return lines, counts, series


def everything():
    for i in range(3000):
        user = i % 37
        yield "web", f"user={user} {'pays' if i % 3 else 'looks'} n={i}"
        yield "api", json.dumps({"user": user, "path": f"/p{i % 5}", "status": 200 + i % 4 * 100, "n": i})
        if i % 100 == 0:
            yield "gone", f"user={user} only here n={i}"


def push_all(server, kept):
    by_app = {}
    for number, (app, line) in enumerate(everything()):
        if kept(app, line):
            by_app.setdefault(app, []).append((BASE + number * 10**5, line))
    for part in range(2):  # half of it in a segment, half in memory
        streams = [({"app": app}, values[part::2]) for app, values in sorted(by_app.items())]
        assert server.push(streams).status == 204
        if part == 0:
            assert server.request("POST", "/flush").status == 204


def test_every_answer_is_that_of_a_server_that_never_had_them(prompt):
    def kept(app, line):
        return app != "gone" and not (app == "web" and "user=7 " in line) and not (app == "api" and '"user": 1' in line)
    push_all(prompt, lambda app, line: True)
    for query in ('{app="gone"}', '{app="web"} |= "user=7 "', '{app="api"} |~ "\\"user\\": 1"'):
        assert delete(prompt, query).status == 204
    with bole.Server() as other:
        push_all(other, kept)
        expected = answers(other)
        assert len(expected[0][0]) > 5000 and expected[2] == ["api", "web"]
        for look in range(3):
            for mine, theirs, question in zip(answers(prompt)[1], expected[1], COUNTS):
                assert mine == theirs, (look, question)
            assert answers(prompt) == expected
            settle(prompt)
    assert {request["status"] for request in requests(prompt)} == {"processed"}
    assert "deletes: 3 done" in check(prompt)
