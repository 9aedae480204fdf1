"""systemd-journal-upload, with a journal that systemd-journal-remote has written."""

import gzip
import struct
import subprocess

import pytest

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
    assert answer.status == 202 and "zstd" in answer.headers["Accept-Encoding"]
    assert server.request("POST", "/upload?debug=1", good).json()["records"][0]["line"] == "kept"
