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
    path = "/loki/api/v1/delete?" + bole.urllib.parse.urlencode({"query": query, "start": "0", **params})
    return server.request("POST", path, headers=headers)


def requests(server, headers=None):
    return server.get("/loki/api/v1/delete", headers=headers).json()


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
    assert requests(server)[0]["status"] == "cancelled"
    done = run("delete", "--cancel", request_id, server=server, check=False)
    assert done.returncode == 1 and b"already processed is not allowed" in done.stderr
    assert server.request("DELETE", "/loki/api/v1/delete?request_id=77").status == 404


@pytest.mark.parametrize("params, expected", [
    ({"start": "0"}, "query not set"),
    ({"query": '{app="a"}'}, "start time not set"),
    ({"query": '{app="a"}', "start": "soon"}, "invalid start time"),
    ({"query": '{app="a"}', "start": "0", "end": str(int(time.time()) + 10**6)}, "deletes in the future are not allowed"),
    ({"query": '{app="a"}', "start": "20", "end": "10"}, "start time can't be greater than end time"),
    ({"query": '{app="a"', "start": "0"}, "parse error"),
    ({"query": '{app="a"} | json', "start": "0"}, "a delete takes a selector and line filters"),
    ({"query": '{app="a"} |= "x" or "y"', "start": "0"}, "a delete takes a selector and line filters"),
    ({"query": 'rate({app="a"}[1m])', "start": "0"}, "a delete takes a selector and line filters"),
])
def test_a_request_that_is_wrong_is_told(server, params, expected):
    answer = server.request("POST", "/loki/api/v1/delete?" + bole.urllib.parse.urlencode(params))
    assert answer.status == 400 and expected in answer.text
    assert requests(server) == []
