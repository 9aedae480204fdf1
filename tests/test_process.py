"""Rules that records pass before they are stored: what they take out reaches no disk, and they can be changed in service."""

import json
import pathlib
import re
import signal
import socket
import subprocess
import time

import bole
import pytest

CARD, MAIL, PASSWORD = "4111111111111111", "joe.secret@example.org", "hunter2-XyZZy"
SECRETS = f"paid with {CARD} by {MAIL}, password={PASSWORD}"
REDACT = "rules:\n- {name: secrets, redact: {detect: [card, email, secret]}}\n"


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.yml"

    def write(text):
        path.write_text(text)
        return str(path)
    return write


def found_in(folder, text):
    return [p.name for p in pathlib.Path(folder).rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while not what() and time.monotonic() < end:
        time.sleep(0.02)
    assert what()


def push(server, line, labels=None, fields=None, **more):
    value = (time.time_ns(), line, fields) if fields else (time.time_ns(), line)
    return server.push([(labels or {"app": "shop"}, [value])], **more)


def test_what_is_redacted_reaches_no_disk_through_any_door(rules, tmp_path):
    followed = tmp_path / "followed.log"
    followed.write_text(SECRETS + "\n")
    args = ["--listen-syslog", "127.0.0.1:0", "--tail", str(followed)]
    with bole.Server(args=[*args, "--process", rules(REDACT)]) as server:
        assert push(server, SECRETS, {"app": MAIL}, {"note": CARD, "db_password": PASSWORD}).status == 204
        assert server.request("POST", "/insert/jsonline", json.dumps({"_msg": SECRETS, "app": "json", "who": MAIL})).status < 300
        with socket.create_connection(("127.0.0.1", server.door("syslog"))) as s:
            s.sendall(f"<14>1 2026-11-21T10:00:00Z h a - - - {SECRETS}\n".encode())
        wait_for(lambda: len(server.lines('{service_name=~".+"}')) == 4)
        for _, line in server.lines('{service_name=~".+"}'):
            assert line == "paid with [card] by [email], password=[password]"
        assert server.request("POST", "/flush").status < 300
        server.stop()
        for secret in (CARD, MAIL, PASSWORD):
            assert not found_in(server.data, secret)


def test_without_rules_the_same_search_finds_the_secret():
    with bole.Server() as server:
        assert push(server, SECRETS).status == 204
        assert found_in(server.data, PASSWORD)


def test_refused_records_are_told_and_their_neighbours_stored(rules):
    file = rules("rules:\n- match: '{app=\"orders\"}'\n  name: who\n  require: [user]\n")
    with bole.Server(args=["--process", file]) as server:
        now = time.time_ns()
        answer = server.push([({"app": "orders"}, [(now, "without"), (now + 1, "with", {"user": "a"})]), ({"app": "other"}, [(now, "free")])])
        assert answer.status == 400
        assert 'rule 1 "who" (require), line 2: field "user" is missing' in answer.text
        assert sorted(line for _, line in server.lines('{app=~".+"}')) == ["free", "with"]
        metrics = server.get("/metrics").text
        assert 'bole_receive_rejected_total{reason="schema"} 1' in metrics
        assert 'bole_process_records_total{rule="1",name="who",step="require",outcome="refused_schema"} 1' in metrics


def test_dropped_records_are_taken_and_routed_ones_found_elsewhere(rules):
    file = rules("rules:\n- {match: {line: noise}, drop: true}\n- {match: '{app=\"a\"}', route: {tenant: acme, labels: {team: shop}}}\n")
    with bole.Server(args=["--process", file]) as server:
        assert push(server, "noise").status == 204
        assert push(server, "moved", {"app": "a"}).status == 204
        assert push(server, "stays", {"app": "b"}).status == 204
        assert [line for _, line in server.lines('{app=~".+"}')] == ["stays"]
        moved = server.query_range('{team="shop", app="a"}', headers={"X-Scope-OrgID": "acme"})["result"]
        assert [v[1] for s in moved for v in s["values"]] == ["moved"]


def test_rules_are_exchanged_in_service_and_wrong_ones_are_not(rules):
    with bole.Server(args=["--process", rules("rules:\n- {set: {v: one}}\n")]) as server:
        version = server.get("/config").text.split("# version ")[1]
        rules("rules:\n- {ste: {v: two}}\n")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: any('rules.yml:2:4: unknown key' in line for line in server.log))
        push(server, "x")
        assert server.get("/config").text.split("# version ")[1] == version
        rules("rules:\n- {set: {v: three}}\n")
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: server.get("/config").text.split("# version ")[1] != version)
        push(server, "y")
        assert [line for _, line in server.lines('{app="shop"} | v="one"')] == ["x"]
        assert [line for _, line in server.lines('{app="shop"} | v="three"')] == ["y"]
        assert server.metric("bole_process_rules_reload_errors_total") == 1


def test_a_record_that_was_not_stored_may_be_sent_again(rules):
    stream = json.dumps({"stream": {"app": "a"}, "values": [[str(time.time_ns()), "once"]]})
    with bole.Server(args=["--process", rules("rules:\n- {dedupe: 1h}\n")]) as server:
        def send(more):
            return server.request("POST", "/loki/api/v1/push", '{"streams":[%s%s]}' % (stream, more), {"Content-Type": "application/json"}).status
        assert send(',{"stream": broken}') == 400 and server.lines('{app="a"}') == []
        assert send("") == 204 and send("") == 204
        assert [line for _, line in server.lines('{app="a"}')] == ["once"]


def test_debug_shows_what_each_rule_did_and_remembers_nothing(rules):
    with bole.Server(args=["--process", rules(REDACT + "- {dedupe: 1h}\n- {match: {line: bad}, drop: true}\n")]) as server:
        for _ in range(2):
            shown = server.request("POST", "/insert/jsonline?debug=1", json.dumps({"_msg": MAIL})).json()["records"][0]
            assert shown["line"] == "[email]"
            assert [(p["rule"], p["step"], p["outcome"]) for p in shown["process"]] == [(1, "redact", "changed")]
        shown = server.request("POST", "/insert/jsonline?debug=1", json.dumps({"_msg": "bad"})).json()["records"][0]
        assert shown["outcome"] == "dropped"


def test_records_tell_which_version_of_the_rules_made_them(rules):
    versions = set()
    for mark in ("a", "b"):
        file = rules(f'rules:\n- set: {{v: "${{rules.version}}", w: "{mark} ${{rules.version}} ${{host}}"}}\n')
        with bole.Server(args=["--process", file]) as server:
            version = re.search(r'bole_process_info\{version="([0-9a-f]{16})"', server.get("/metrics").text).group(1)
            answer = server.request("POST", "/insert/jsonline?debug=1", json.dumps({"_msg": "m", "host": "h"})).json()
            assert answer["rules"] == version
            fields = answer["records"][0]["fields"]
            assert (fields["v"], fields["w"]) == (version, f"{mark} {version} h")
            versions.add(version)
    assert len(versions) == 2


def test_a_server_does_not_start_with_wrong_rules(rules):
    done = subprocess.run([str(bole.BINARY), "serve", "--listen", "127.0.0.1:0", "--process", rules("rules:\n- redact: {patterns: 'a(b'}\n")],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "rules.yml:2:22: error parsing regexp: missing closing )" in done.stderr


def test_the_command_explains_and_fails_for_wrong_rules(rules):
    def run(text, *args, lines="a@b.co\nGET /\n"):
        return subprocess.run([str(bole.BINARY), "process", "test", "--process", rules(text), *args], input=lines, capture_output=True,
                              text=True, timeout=20)
    done = run(REDACT, "-o", "json")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, first["outcome"], second["outcome"]) == (0, "changed", "kept")
    assert first["process"][0]["before"]["line"] == "a@b.co" and first["process"][0]["after"]["line"] == "[email]"
    assert first["process"][0]["line"] == 2
    done = run("rules:\n- match: '{app=\"x\"}'\n  require: [user]\n", "--stream", '{app="x"}', "--json", lines='{"_msg":"m","user":"u"}\n{"_msg":"n"}\n')
    assert done.stdout.splitlines()[0] == "1: kept"
    assert done.stdout.splitlines()[1:] == ["2: refused_schema", '  rule 1, line 2: require refused_schema: field "user" is missing']
    done = run("rules:\n- drop: perhaps\n")
    assert done.returncode == 1 and "rules.yml:2:9: write drop: true" in done.stderr
