"""The Loki project's own client against Bole. It is compiled first (Go), so this layer runs with --clients."""

import json
import os
import pathlib
import re
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


def test_output_modes_and_labels(logcli, filled):
    rows = [json.loads(line) for line in run(logcli, filled, "query", '{job="c"}', "-o", "jsonl").decode().splitlines()]
    assert sorted(r["line"] for r in rows) == sorted(LINES)
    assert {r["labels"]["trace"] for r in rows} == {f"t{i}" for i in range(len(LINES))}
    shown = lambda *more: run(logcli, filled, "query", '{job="c"} |= "first"', "--include-common-labels", *more).decode()
    assert "first" in shown() and 'host="a"' in shown()
    assert "{" not in shown("--no-labels")
    assert 'host="a"' not in shown("--exclude-label", "host") and 'job="c"' in shown("--exclude-label", "host")
    assert 'job="c"' not in shown("--include-label", "host")


def test_statistics_are_true(logcli, filled):
    done = subprocess.run([logcli, f"--addr={filled.url}", "--stats", "query", '{job="d"} |= "n=7"', "--limit", "5"],
                          capture_output=True, text=True, timeout=60, check=True)
    shown = dict(line.split("\t", 1) for line in done.stderr.splitlines() if line.startswith("Summary."))
    assert {name.strip(): value.strip() for name, value in shown.items()}["Summary.TotalLinesProcessed"] == "3000"


def test_parallel_download(logcli, filled, tmp_path):
    stamp = lambda ns: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ns // 10**9))
    run(logcli, filled, "query", '{job="d"}', "--forward", "-o", "raw", "--from", stamp(NOW - 20 * 10**9), "--to", stamp(NOW + 10**10),
        "--parallel-duration", "2s", "--parallel-max-workers", "4", "--part-path-prefix", str(tmp_path / "part"))
    merged = run(logcli, filled, "query", '{job="d"}', "--forward", "-o", "raw", "--from", stamp(NOW - 20 * 10**9), "--to", stamp(NOW + 10**10),
                 "--parallel-duration", "2s", "--parallel-max-workers", "4", "--part-path-prefix", str(tmp_path / "part"), "--merge-parts")
    assert merged.decode().splitlines() == [f"n={i}" for i in range(3000)]


def test_range_metric_query(logcli, filled):
    out = json.loads(run(logcli, filled, "query", 'sum(count_over_time({job="d"}[1m]))', "--step", "60s"))
    assert sum(int(v[1]) for v in out[0]["values"]) >= 3000


def test_stats_and_volumes(logcli, filled):
    stats = run(logcli, filled, "stats", '{job="d"}').decode()
    assert "entries: 3000" in stats and "streams: 1" in stats
    volume = json.loads(run(logcli, filled, "volume", '{job=~"c|d"}'))
    assert {v["metric"]["job"] for v in volume} == {"c", "d"}
    by_host = json.loads(run(logcli, filled, "volume", '{job=~"c|d"}', "--targetLabels", "host"))
    assert {v["metric"]["host"] for v in by_host} == {"a", "b"}
    names = json.loads(run(logcli, filled, "volume", '{job=~"c|d"}', "--aggregateByLabels"))
    assert {"job": ""} in [v["metric"] for v in names]
    over_time = json.loads(run(logcli, filled, "volume_range", '{job="d"}', "--step", "10m"))
    points = over_time[0].get("values") or [over_time[0]["value"]]  # Loki, too, makes a vector of what has one point each
    assert sum(int(v[1]) for v in points) == int(next(v for v in volume if v["metric"]["job"] == "d")["value"][1])


def test_detected_fields(logcli, filled):
    fields = run(logcli, filled, "detected-fields", '{job="d"}').decode()
    assert re.search(r"label: n\s+type: int\s+cardinality: 1000", fields), fields
    assert "t0" in run(logcli, filled, "detected-fields", '{job="c"}', "trace").decode().split()


def test_series_analysis(logcli, filled):
    out = run(logcli, filled, "series", '{job=~"c|d"}', "--analyze-labels").decode()
    assert "Total Streams:  2" in out


def test_format(logcli, server):
    done = subprocess.run([logcli, "fmt"], input='{a="b"}|json|x>5', capture_output=True, text=True, timeout=60, check=True)
    assert server.get("/loki/api/v1/format_query", {"query": '{a="b"}|json|x>5'}).json()["data"] == done.stdout.strip()


def test_deletes(logcli, filled):
    run(logcli, filled, "delete", "create", '{job="c"} |= "first"', "--since", "1h")
    listed = json.loads(run(logcli, filled, "-o", "jsonl", "delete", "list"))
    assert [(d["query"], d["status"]) for d in listed] == [('{job="c"} |= "first"', "received")]
    assert b"first" not in run(logcli, filled, "query", '{job="c"}', "-o", "raw")
    number = filled.get("/loki/api/v1/delete").json()[0]["request_id"]
    run(logcli, filled, "delete", "cancel", "--request-id", number)
    assert number.encode() not in run(logcli, filled, "delete", "list")
    assert b"first" in run(logcli, filled, "query", '{job="c"}', "-o", "raw")


def test_tenants(logcli, server):
    for tenant in ("red", "blue"):
        server.push([({"job": "c"}, [(NOW, tenant)])], {"X-Scope-OrgID": tenant})
    assert run(logcli, server, "--org-id=red", "query", '{job="c"}', "-o", "raw") == b"red\n"
    both = run(logcli, server, "--org-id=red|blue", "query", '{job="c"}').decode()
    assert '__tenant_id__="red"' in both and '__tenant_id__="blue"' in both


def test_an_error_reaches_the_user(logcli, server):
    done = subprocess.run([logcli, f"--addr={server.url}", "--quiet", "query", "{job="], capture_output=True, timeout=60)
    assert done.returncode != 0
    assert b"parse error at line 1, col" in done.stderr


@pytest.mark.parametrize("direction", [[], ["--forward"]])
def test_tables_of_additions_come_once_and_in_order(logcli, filled, direction):
    out = run(logcli, filled, "query", '{job=~"c|d"} | top 5 job', "-o", "raw", "--limit", "100", *direction)
    assert out.decode().splitlines() == ["job=d count=3000", f"job=c count={len(LINES)}"]
    query = '{job="d"} | pattern "n=<n>" | n < 40 | stats count(), min(n) by (n) | sort by n desc | line_format "{{.n}}"'
    assert run(logcli, filled, "query", query, "-o", "raw", "--limit", "100", *direction).decode().split() == [str(n) for n in range(39, -1, -1)]
