"""systemd-journal-upload, with a journal that systemd-journal-remote has written."""

import gzip
import socket
import struct
import subprocess
import time

import pytest

import bole
import clients

TIME_US = 1795255200 * 10**6
MACHINE = "7c1b9a0d4b1f4c5f8d6f6a1a2b3c4d5e"


def entry(i, message, **fields):
    head = {"__REALTIME_TIMESTAMP": TIME_US + i, "__MONOTONIC_TIMESTAMP": 1000 + i, "_BOOT_ID": MACHINE, "_MACHINE_ID": MACHINE, "_HOSTNAME": "h",
            **fields}
    text = b"".join(f"{name}={value}\n".encode() for name, value in head.items())
    if b"\n" in message:
        return text + b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\n\n"
    return text + b"MESSAGE=" + message + b"\n\n"


def systemd(name):
    program, env = clients.debian("systemd", f"lib/systemd/{name}")
    folders = env["LD_LIBRARY_PATH"].split(":")
    return program, {**env, "LD_LIBRARY_PATH": ":".join([*folders, *[f"{folder}/systemd" for folder in folders]])}


@pytest.mark.parametrize("path", ["", "/insert/journald"])
def test_upload_of_a_journal(server, tmp_path, path):
    journal = tmp_path / "x.journal"
    body = b"".join(entry(i, f"line {i} ü".encode(), _SYSTEMD_UNIT="ssh.service", PRIORITY=4, N=i) for i in range(500)) + entry(500, b"two\nlines")
    program, env = systemd("systemd-journal-remote")
    done = subprocess.run([program, "-o", journal, "-"], input=body, env=env, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    program, env = systemd("systemd-journal-upload")
    done = subprocess.run([program, f"--url={server.url}{path}", f"--file={journal}", f"--save-state={tmp_path}/state", "--follow=no"], env=env, capture_output=True,
                          timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    found = server.lines('{job="systemd-journal", service_name="ssh", host="h"}', end=(TIME_US + 10**6) * 1000)
    assert found == [((TIME_US + i) * 1000, f"line {i} ü") for i in range(500)]
    assert [line for _, line in server.lines('{service_name="journald"}', end=(TIME_US + 10**6) * 1000)] == ["two\nlines"]
    row = server.query_range('{service_name="ssh"} | N="7"', end=(TIME_US + 10**6) * 1000)["result"]
    assert row[0]["stream"]["detected_level"] == "warn" and row[0]["stream"]["_SYSTEMD_UNIT"] == "ssh.service"
    assert server.metric('bole_receive_records_total{door="journald"}') == 501


def test_broken_bodies(server):
    good = entry(0, b"kept")
    for body, headers, status in [(good[:-2] + b"\nMESSAGE\n\xff", {}, 400), (gzip.compress(good)[:-8], {"Content-Encoding": "gzip"}, 400),
                                  (gzip.compress(b"A=1\n" * (100 << 20)), {"Content-Encoding": "gzip"}, 413), (b"", {}, 202)]:
        assert server.request("POST", "/upload", body, headers).status == status
    assert server.lines('{job="systemd-journal"}', start=0) == []
    answer = server.request("POST", "/upload", gzip.compress(good), {"Content-Encoding": "gzip"})
    assert answer.status == 202 and answer.headers["Accept-Encoding"] is None
    assert server.request("POST", "/upload?debug=1", good).json()["records"][0]["line"] == "kept"


def chunk(body):
    return b"%x\r\n%s\r\n" % (len(body), body)


def begin_upload(server):
    s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    s.sendall(b"POST /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/vnd.fdo.journal\r\n\r\n")
    return s


def finish(s, last=b"0\r\n\r\n"):
    s.sendall(last)
    return s.recv(1000).decode()


def count(server):
    return server.metric('bole_receive_records_total{door="journald"}') or 0


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def test_an_upload_without_end_is_stored_as_it_comes():
    """Larger than all the memory there is; the second entry is larger than a piece, and comes in small parts."""
    lines, large = 20, 4 << 20
    with bole.Server(args=["--memory-limit", "64MiB"]) as server, begin_upload(server) as s:
        for i in range(lines):
            core = b"COREDUMP\n" + struct.pack("<Q", large) + bytes(large) + b"\n"
            body = entry(2 * i, b"small") + core + entry(2 * i + 1, f"line {i}".encode())
            for at in range(0, len(body), 300_000):
                s.sendall(chunk(body[at:at + 300_000]))
        wait_for(lambda: count(server) >= 2 * lines - 4) # before the upload is over
        assert finish(s).startswith("HTTP/1.1 202 ")
        assert count(server) == 2 * lines
        found = [line for _, line in server.lines('{job="systemd-journal"} |= "line"', start=0, end=(TIME_US + 10**6) * 1000)]
        assert found == [f"line {i}" for i in range(lines)]
        assert server.metric('bole_receive_requests_total{door="journald"}') == 1


def test_an_upload_waits_for_its_tenants_rate():
    with bole.Server(args=["--limit", "bytes=1MB"]) as server, begin_upload(server) as s:
        for i in range(30):
            s.sendall(chunk(b"".join(entry(100 * i + k, b"x" * 1000) for k in range(100))))
        assert finish(s).startswith("HTTP/1.1 202 ")
        assert count(server) == 3000


@pytest.mark.parametrize("end,status", [(b"=no name\n", "400"), (b"MESSAGE\n" + b"\xff" * 8, "400")])
def test_what_is_broken_later_ends_an_upload(server, end, status):
    good = b"".join(entry(i, b"x" * 1000) for i in range(3000))
    with begin_upload(server) as s:
        answer = finish(s, chunk(good) + chunk(end) + b"0\r\n\r\n")
        assert answer.startswith(f"HTTP/1.1 {status} ") and f"at byte {len(good)}" in answer
        assert 0 < count(server) < 3000
    with begin_upload(server) as s: # who says that more will come must not be the one who ends it
        stored = count(server)
        s.sendall(chunk(good))
        wait_for(lambda: count(server) > stored)


def test_an_announced_upload_comes_in_pieces_too(server):
    body = b"".join(entry(i, b"x" * 1000) for i in range(5000)) + entry(5000, b"last")
    assert server.request("POST", "/upload", body).status == 202
    assert count(server) == 5001
    answer = server.request("POST", "/upload?debug=1", body)
    assert answer.status == 200 and answer.json()["accepted"] > 900 and count(server) == 5001
