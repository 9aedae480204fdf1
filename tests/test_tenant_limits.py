"""Limits of a tenant: who breaks one is told what and how long, and no neighbour is harmed."""

import gzip
import json
import socket
import subprocess
import time

import bole


def lines(count, size=10):
    return "\n".join(json.dumps({"_msg": "x" * size, "app": "a"}) for _ in range(count))


def post(server, body, tenant="default", path="/insert/jsonline", **headers):
    return server.request("POST", path, body, {"X-Scope-OrgID": tenant, **headers})


def refused(server, kind):
    text = server.get("/metrics").text
    return int(next(line for line in text.splitlines() if line.startswith(f'bole_limits_refused_total{{limit="{kind}"}}')).rsplit(" ", 1)[1])


def test_a_rate_holds_and_says_when_to_come_again():
    with bole.Server(args=["--limit", "records=1000", "--limit", "fast:records=1000000"]) as server:
        assert post(server, lines(3000)).status == 200 # a large one is taken, and owed
        answer = post(server, lines(1))
        assert answer.status == 429 and "1000 records a second" in answer.text
        wait = int(answer.headers["Retry-After"])
        assert 1 <= wait <= 3
        assert post(server, lines(1), "fast").status == 200
        assert post(server, lines(1), "third").status == 200
        bulk = '{"create":{"_index":"i"}}\n{"message":"x"}\n'
        assert post(server, bulk, path="/elasticsearch/_bulk", **{"Content-Type": "application/json"}).status == 429
        time.sleep(wait)
        assert post(server, lines(1)).status == 200
        assert refused(server, "records") == 2
        assert len(server.lines('{service_name="a"}')) == 3001


def test_bytes_a_second():
    with bole.Server(args=["--limit", "bytes=10KB"]) as server:
        begin, taken = time.monotonic(), 0
        while time.monotonic() - begin < 3:
            taken += 1000 if post(server, lines(1, 1000)).status == 200 else 0
        assert 20_000 <= taken <= 10_000 * (time.monotonic() - begin + 1) + 1000
        assert refused(server, "bytes") > 0


def test_ratio():
    """What was compressed too well is refused; for everybody when it is a thousand times, by a tenant's limit sooner."""
    flat, small = lines(20, 100_000).encode(), lines(9, 100_000).encode()
    gz = {"Content-Encoding": "gzip"}
    with bole.Server(args=["--limit", "careful:ratio=100"]) as server:
        answer = post(server, gzip.compress(flat), "careful", **gz)
        assert answer.status == 413 and "may compress by 100" in answer.text
        assert post(server, flat, "careful").status == 200  # as it is
        assert post(server, gzip.compress(small), "careful", **gz).status == 200
        assert post(server, gzip.compress(flat), **gz).status == 200
        assert refused(server, "ratio") == 1
        answer = post(server, zstd_of_blanks(800), **{"Content-Encoding": "zstd"})
        assert answer.status == 413 and "more than 1000 times" in answer.text


def zstd_of_blanks(blocks):
    """RFC 8878: a frame of blocks that say in 4 bytes that 128 KiB are blanks."""
    block = lambda last: ((128 << 10) << 3 | 1 << 1 | last).to_bytes(3, "little") + b" "
    return b"\x28\xb5\x2f\xfd\x00\x50" + block(0) * (blocks - 1) + block(1)


def test_sizes(tmp_path):
    config = tmp_path / "bole.yml"
    config.write_text("limits:\n  - body=10KB, record=1KB, fields=4\n  - 'big:body=1MB'\n")
    with bole.Server(args=["--config", str(config)]) as server:
        assert post(server, lines(300)).status == 413
        assert post(server, gzip.compress(lines(300).encode()), **{"Content-Encoding": "gzip"}).status == 413
        assert post(server, lines(300), "big").status == 200
        mixed = "\n".join([lines(1), lines(1, 2000), json.dumps({"_msg": "m", **{f"f{i}": "1" for i in range(9)}})])
        answer = post(server, mixed)
        assert answer.status == 200
        told = answer.json()
        assert (told["accepted"], told["rejected"]) == (1, 2)
        assert "may have 1000" in told["errors"][0] and "may have 4" in told["errors"][1]
        assert (refused(server, "body"), refused(server, "record"), refused(server, "fields")) == (2, 1, 1)
        assert [l["reason"] for l in server.get("/api/v1/dlq").json()["letters"]] == ["line_too_long", "structured_metadata_too_large"]
        assert 'limits: ["body=10KB, record=1KB, fields=4", "big:body=1MB"]' in server.get("/config").text


def test_a_tcp_door_stops_reading_and_loses_nothing():
    with bole.Server(args=["--limit", "records=500", "--listen-syslog", "127.0.0.1:0"]) as server:
        begin = time.monotonic()
        sender = socket.create_connection(("127.0.0.1", server.door("syslog")))
        for i in range(4):
            sender.sendall(b"".join(b"<14>1 - host app - - - line %d\n" % (500 * i + k) for k in range(500)))
            time.sleep(0.05)
        sender.close()
        while (count := len(server.lines('{host="host"}'))) < 2000 and time.monotonic() - begin < 30:
            time.sleep(0.1)
        assert count == 2000
        assert time.monotonic() - begin > 0.5 # the last of it is owed
        assert refused(server, "records") > 0


def test_a_wrong_limit_ends_the_start(tmp_path):
    done = subprocess.run([str(bole.BINARY), "serve", "--data", str(tmp_path), "--limit", "speed=3"], capture_output=True, text=True, timeout=20)
    assert done.returncode != 0 and "limit 'speed=3'" in done.stderr
