"""The Loki project's own client against Bole. It is compiled first (Go), so this layer runs with --clients."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

import bole

NOW = time.time_ns()
SCRIPT = pathlib.Path(__file__).with_name("logcli.sh")


@pytest.fixture(scope="module")
def logcli():
    if not shutil.which("go"):
        pytest.skip("needs the go command")
    return subprocess.run([SCRIPT, "install"], check=True, capture_output=True, text=True).stdout.strip()


def run(logcli, server, *args):
    done = subprocess.run([logcli, f"--addr={server.url}", "--quiet", *args], capture_output=True, timeout=60,
                          env={**os.environ, "TZ": "UTC"})
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


LINES = ["first", "tab\tquote\" <tag> &", "ünï €", "x" * 5000]


@pytest.fixture
def filled(server):
    server.push([({"job": "c", "host": "a"}, [(NOW + i, line, {"trace": f"t{i}"}) for i, line in enumerate(LINES)])])
    server.push([({"job": "d", "host": "b"}, [(NOW - 10**10 + i * 10**6, f"n={i}") for i in range(3000)])])
    return server


def test_lines_come_back_byte_for_byte(logcli, filled):
    out = run(logcli, filled, "query", '{job="c"}', "--forward", "-o", "raw", "--limit", "100")
    assert out.decode().splitlines() == LINES


def test_batched_reading_passes_every_line_once(logcli, filled):
    out = run(logcli, filled, "query", '{job="d"}', "--forward", "-o", "raw", "--limit", "5000", "--batch", "170")
    assert out.decode().splitlines() == [f"n={i}" for i in range(3000)]


def test_labels_and_series(logcli, filled):
    assert {"job", "host"} <= set(run(logcli, filled, "labels").decode().split())
    assert run(logcli, filled, "labels", "job").decode().split() == ["c", "d"]
    assert b'job="c"' in run(logcli, filled, "series", '{job="c"}')


def test_metrics(logcli, filled):
    out = run(logcli, filled, "instant-query", 'sum by (job) (count_over_time({job=~"c|d"}[1h]))', "--now",
              time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(NOW // 10**9 + 60)))
    assert {r["metric"]["job"]: r["value"][1] for r in json.loads(out)} == {"c": str(len(LINES)), "d": "3000"}


def test_tail_shows_what_arrives(logcli, server):
    process = subprocess.Popen([logcli, f"--addr={server.url}", "--quiet", "query", '{job="t"}', "--tail", "-o", "raw"],
                               stdout=subprocess.PIPE)
    try:
        time.sleep(2)
        for i in range(5):
            server.push([({"job": "t"}, [(time.time_ns(), f"line {i}")])])
        assert [process.stdout.readline().decode().rstrip("\n") for _ in range(5)] == [f"line {i}" for i in range(5)]
    finally:
        process.kill()
        process.wait()


def test_an_error_reaches_the_user(logcli, server):
    done = subprocess.run([logcli, f"--addr={server.url}", "--quiet", "query", "{job="], capture_output=True, timeout=60)
    assert done.returncode != 0
    assert b"parse error at line 1, col" in done.stderr
