"""Dead letters: kept with the reason, over a crash; seen, sent again, thrown away."""

import base64
import json
import signal
import socket
import subprocess
import time

import pytest

import bole


def run(*args, server, check=True):
    done = subprocess.run([str(bole.BINARY), "dlq", *args, "--addr", server.url], capture_output=True, text=True, timeout=30)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout


def letters(server, tenant=None):
    return server.get("/api/v1/dlq", headers={"X-Scope-OrgID": tenant} if tenant else None).json()["letters"]


def wait_for_letters(server, count):
    end = time.monotonic() + 10
    while len(found := letters(server)) < count and time.monotonic() < end:
        time.sleep(0.05)
    return found


def rules(path, text):
    path.write_text(text)
    return ["--process", str(path)]


NEEDS_USER = "rules:\n  - redact: {detect: [email]}\n  - name: who\n    require: [user]\n"


def test_a_refused_record_is_kept_over_a_crash_and_redriven_when_the_rule_is_mended(tmp_path):
    server = bole.Server(data=tmp_path / "data", args=rules(tmp_path / "rules.yml", NEEDS_USER))
    try:
        now = time.time_ns()
        answer = server.push([({"app": "shop"}, [(now, "from joe@example.org", {"n": "1"}), (now + 1, "good", {"user": "7"})])])
        assert answer.status == 400 and "user" in answer.text
        for _ in range(2):
            (letter,) = letters(server)
            assert letter["reason"] == "schema" and letter["door"] == "loki" and "\"user\" is missing" in letter["why"]
            assert letter["record"]["stream"]["app"] == "shop" and letter["record"]["fields"]["n"] == "1"
            assert letter["text"] == "from [email]", "what is redacted must not lie there"
            server.kill()
            server.start()
        assert server.metric("bole_dead_letters_count") == 1
        assert "redriven 0, refused again 1" in run("redrive", "--all", server=server)
        assert len(letters(server)) == 1
        rules(tmp_path / "rules.yml", "rules:\n  - redact: {detect: [email]}\n")
        server.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while "redriven 1" not in run("redrive", "--all", server=server) and time.monotonic() < end:
            time.sleep(0.1)
        assert letters(server) == []
        assert server.lines('{app="shop"}') == [(now, "from [email]"), (now + 1, "good")]
        assert server.lines('{app="shop"} | n="1"') == [(now, "from [email]")]
        server.kill()
        server.start()
        assert letters(server) == []
    finally:
        server.kill()


@pytest.mark.parametrize("path,body,door,text", [
    ("/insert/jsonline", '{"_msg":"good"}\n{"_msg":"bad\n', "jsonline", '{"_msg":"bad'),
    ("/elasticsearch/_bulk", '{"create":{"_index":"i"}}\n{"message":"good"}\n{"create":{"_index":"i"}}\n{"message":}\n', "elasticsearch", '{"message":}'),
    ("/firehose", '{"records":[{"data":"Z29vZA=="},{"data":"%%%%"}]}', "firehose", "%%%%"),
])
def test_what_cannot_be_read_is_kept_as_it_came(server, path, body, door, text):
    assert server.request("POST", path, body, {"Content-Type": "application/json"}).status == 200
    (letter,) = letters(server)
    assert (letter["door"], letter["reason"], letter["text"]) == (door, "malformed", text)
    assert run("show", "--raw", letter["id"], server=server) == text
    assert run("list", server=server).startswith(letter["id"] + " ")
    assert letters(server, "other") == []
    assert server.request("DELETE", f"/api/v1/dlq/{letter['id']}", headers={"X-Scope-OrgID": "other"}).status == 404
    run("purge", letter["id"], server=server)
    assert letters(server) == []
    assert server.get(f"/api/v1/dlq/{letter['id']}").status == 404


def test_a_door_that_answers_nothing_keeps_what_it_cannot_read():
    with bole.Server(args=["--listen-gelf", "127.0.0.1:0"]) as server:
        port = server.door("gelf")
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for datagram in (b'{"short_message":"good"}', b'{"short_message":', b"\x1f\x8bbroken"):
            udp.sendto(datagram, ("127.0.0.1", port))
        found = wait_for_letters(server, 2)
        assert sorted(l["text"] for l in found) == sorted(['{"short_message":', "\x1f\ufffdbroken"])
        raw = server.get(f"/api/v1/dlq/{found[1]['id']}", {"raw": "true"})
        assert raw.body in (b"\x1f\x8bbroken", b'{"short_message":')


def forward(*messages):
    """Messages of the forward protocol: the bytes of a record stand in them as they are."""
    return b"".join(b"\x93\xa4shop\xc0" + record for record in messages)


def syslog(text):
    return b"<14>1 - web-1 shop - - - " + text


def relp(*texts):
    frames = [b"1 open 0\n"] + [b"%d syslog %d %s\n" % (i + 2, len(text), text) for i, text in enumerate(texts)]
    return b"".join(frames)


@pytest.mark.parametrize("door,body", [
    ("forward", forward(b"\x81\xa3log\xa4good", b"\x81\xa3log\xd9\x50" + b"x" * 80)),
    ("relp", relp(syslog(b"good"), syslog(b"x" * 80))),
    ("syslog", syslog(b"good") + b"\n" + syslog(b"x" * 80) + b"\n"),
])
def test_what_a_limit_refuses_is_redriven_under_another_one(tmp_path, door, body):
    server = bole.Server(data=tmp_path / "data", args=[f"--listen-{door}", "127.0.0.1:0", "--limit", "record=80"])
    try:
        with socket.create_connection(("127.0.0.1", server.door(door))) as s:
            s.sendall(body)
            (letter,) = wait_for_letters(server, 1)
        assert (letter["door"], letter["reason"], letter["text"]) == (door, "line_too_long", "x" * 80)
        assert "redriven 0, refused again 1" in run("redrive", "--all", server=server)
        server.kill()
        server.args = server.args[:-2]
        server.start()
        assert "redriven 1" in run("redrive", "--all", server=server)
        assert sorted(line for _, line in server.lines('{service_name="shop"}')) == ["good", "x" * 80]
        assert letters(server) == []
    finally:
        server.kill()


def test_bytes_of_a_connection_go_through_its_door_again():
    with bole.Server(args=["--listen-forward", "127.0.0.1:0", "--listen-relp", "127.0.0.1:0"]) as server:
        for door, body in (("forward", forward(b"\x81\xa3log\xa4good", b"\x07") + b"\xc1rest"), ("relp", relp(b"<14>good") + b"no frame\n")):
            with socket.create_connection(("127.0.0.1", server.door(door))) as s:
                s.sendall(body)
                while s.recv(1000):
                    pass
        found = wait_for_letters(server, 3)
        assert [(l["door"], l["reason"]) for l in found] == [("forward", "malformed")] * 2 + [("relp", "malformed")]
        assert [l["text"] for l in found][1:] == ["\ufffdrest", "no frame\n"]
        assert server.get(f"/api/v1/dlq/{found[0]['id']}", {"raw": "true"}).body == b"\x92\xa4shop\x91\x92\xc0\x07"
        answer = server.request("POST", "/api/v1/dlq/redrive").json()
        assert answer["redriven"] == 0 and answer["refused"] == 3
        assert "a record is a map" in answer["errors"][0] and "no MessagePack" in answer["errors"][1] and "no frame" in answer["errors"][2]
        assert [line for _, line in server.lines('{service_name=~".+"}')] in (["good", "good"],)


def test_letters_of_firehose_are_read_as_records(server):
    good = {"message": "good", "service": "pay"}
    text = json.dumps(good) + json.dumps(good)[:-1] + ',"timestamp":"never"}'
    record = base64.b64encode(text.encode()).decode()
    answer = server.request("POST", "/firehose", json.dumps({"records": [{"data": record}, {"data": "%%%%"}]}))
    assert answer.status == 200 and "never" in answer.json()["errorMessage"]
    line, broken = letters(server)
    assert line["text"] == text[len(json.dumps(good)):] and broken["text"] == "%%%%", "what is stored is not in the letter again"
    answer = server.request("POST", "/api/v1/dlq/redrive").json()
    assert answer["redriven"] == 0 and "never" in answer["errors"][0] and "no base64" in answer["errors"][1]
    assert len(server.lines('{service_name="pay"}')) == 1


def test_a_request_that_is_refused_and_sent_again_leaves_none(server):
    body = '{"_msg":"bad\n' + '{"_msg":"x"}\n'
    assert server.request("POST", "/insert/jsonline?debug=1", body).status == 200
    assert letters(server) == []


def test_pages_and_size(tmp_path):
    with bole.Server(args=["--dead-letters", "256KiB"]) as server:
        body = "\n".join(json.dumps({"_msg": "x" * 900})[:-1] for _ in range(200)) # 200 broken lines
        for _ in range(4):
            assert server.request("POST", "/insert/jsonline", body).status == 400
        assert server.metric("bole_dead_letters_bytes") <= 256 * 1024
        assert server.metric("bole_dead_letters_dropped_total") > 0
        first = server.get("/api/v1/dlq", {"limit": "10"}).json()
        assert len(first["letters"]) == 10
        second = server.get("/api/v1/dlq", {"limit": "10", "after": first["next"]}).json()
        assert int(second["letters"][0]["id"]) == int(first["letters"][-1]["id"]) + 1
        count = int(server.metric("bole_dead_letters_count"))
        assert len(run("list", server=server).splitlines()) == 2 * count
        assert f"refused again {count}" in run("redrive", "--all", server=server)
        run("purge", "--all", server=server)
        assert letters(server) == []
    with bole.Server(args=["--dead-letters", "0"]) as server:
        assert server.request("POST", "/insert/jsonline", body).status == 400
        assert server.get("/api/v1/dlq").status == 404
