"""What people keep: queries, views and dashboards in the catalogue."""

import concurrent.futures
import json
import urllib.parse

import pytest

import bole

ROOT = "/api/v1/saved"


def put(server, kind, name_id, body, name="a name", tenant="default", **params):
    query = urllib.parse.urlencode({"name": name, **params})
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return server.request("PUT", f"{ROOT}/{kind}/{name_id}?{query}", text, {"X-Scope-OrgID": tenant})


def names(server, kind, tenant="default"):
    objects = server.get(f"{ROOT}/{kind}", headers={"X-Scope-OrgID": tenant}).json()["objects"]
    return {one["id"]: (one["name"], one["version"]) for one in objects}


def test_what_is_saved_is_there_again_after_a_crash(tmp_path):
    server = bole.Server(data=tmp_path / "data")
    try:
        body = {"query": '{app="a"} |= "\u00e9\U0001f680"', "n": 12345678901234567890, "deep": [[{"a": None}]]}
        text = json.dumps(body, ensure_ascii=False)
        made = put(server, "query", "one", text.encode(), name="Ünïcode \"quoted\" <b>").json()
        assert (made["id"], made["version"]) == ("one", 1)
        assert put(server, "query", "one", text.encode(), name="renamed", version=1).json()["version"] == 2
        assert put(server, "dashboard", "one", {"panels": []}).status == 200
        assert put(server, "query", "theirs", {}, tenant="other").status == 200
        server.kill()
        server.start()
        assert names(server, "query") == {"one": ("renamed", 2)}
        assert names(server, "dashboard") == {"one": ("a name", 1)}
        assert names(server, "view") == {}
        assert names(server, "query", "other") == {"theirs": ("a name", 1)}
        shown = server.get(f"{ROOT}/query/one")
        assert shown.json()["body"] == body
        assert text in shown.text, "as it was sent, numbers too"
    finally:
        server.kill()


def test_nobody_overwrites_what_he_has_not_seen(server):
    assert put(server, "view", "v", {"a": 1}).status == 200
    refused = put(server, "view", "v", {"a": 2})
    assert refused.status == 409 and "its version is 1" in refused.text
    assert put(server, "view", "v", {"a": 2}, version=2).status == 409
    gone = put(server, "view", "nothing", {}, version=3)
    assert gone.status == 409 and "deleted" in gone.text
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: put(server, "view", "v", {"writer": n}, version=1).status, range(8)))
    assert sorted(answers) == [200] + [409] * 7, "one of them wins"
    assert server.get(f"{ROOT}/view/v").json()["version"] == 2
    assert server.request("DELETE", f"{ROOT}/view/v?version=1").status == 409
    assert server.request("DELETE", f"{ROOT}/view/v?version=2").status == 204
    assert server.get(f"{ROOT}/view/v").status == 404
    assert server.request("DELETE", f"{ROOT}/view/v").status == 404


@pytest.mark.parametrize("body", ["", "null", "[1]", "{", '{"a":1}}', '{"a":01}', '{"a":"\\x"}', '{"a":tru}', "{} {}", b'{"a":"\xff"}',
                                  "[" * 5000 + "]" * 5000, '{"a":' + "[" * 5000 + "]" * 5000 + "}", b"\xef\xbb\xbf{}"])
def test_a_document_is_one_whole_json_object(server, body):
    assert put(server, "query", "bad", body).status == 400
    assert names(server, "query") == {}


def test_names_and_ids_and_kinds_are_checked(server):
    for name_id in ("a" * 65, "a.b", "a%2Fb", "%00", "%C3%A9", "..%2Fx"):
        assert put(server, "query", name_id, {}).status in (400, 404), name_id
    for name in ("", "x" * 201, "a\nb", "\x7f"):
        assert put(server, "query", "a", {}, name=name).status == 400, name
    assert server.request("PUT", f"{ROOT}/query/a?name=%FF", "{}").status == 400
    assert put(server, "query", "a", {}, version="x").status == 400
    assert put(server, "secret", "a", {}).status == 400
    assert server.get(f"{ROOT}/secret").status == 400
    assert put(server, "query", "a", {}, tenant="a/b").status == 400
    assert names(server, "query") == {}
    assert put(server, "query", "a" * 64, {}, name="x" * 200).status == 200


def test_pages_of_others_cannot_write(server):
    for method in ("PUT", "DELETE"):
        answer = server.request(method, f"{ROOT}/query/a?name=a", "{}", {"Origin": "http://evil.example"})
        assert answer.status == 403


def test_what_is_kept_has_bounds(server):
    large = {"text": "x" * (250 * 1024)}
    assert put(server, "query", "huge", {"text": "x" * (257 * 1024)}).status == 413
    count = 0
    while put(server, "query", f"q{count}", large).status == 200:
        count += 1
        assert count < 80
    assert 60 <= count <= 70
    refused = put(server, "query", "more", large)
    assert refused.status == 400 and "too much is saved" in refused.text
    assert put(server, "query", "q0", {}, version=1).status == 200, "what is there can be made smaller"
    assert put(server, "query", "more", large).status == 200
