"""The command line, as a user types it."""

import gzip
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

import bole

NOW = time.time_ns()


def run(*args, server=None, stdin=None, check=True, timeout=60):
    env = {**os.environ, **({"BOLE_ADDR": server.url} if server else {})}
    done = subprocess.run([str(bole.BINARY), *map(str, args)], env=env, input=stdin, capture_output=True, timeout=timeout)
    if check:
        assert done.returncode == 0, done.stderr.decode()
    return done


@pytest.fixture
def filled(server):
    server.push([({"app": "demo"}, [(NOW - 5 * 10**9 + i, f"level=info n={i}") for i in range(250)])])
    return server


def test_query_prints_the_newest_lines_or_all_or_the_oldest(filled):
    raw = lambda *more: run("query", '{app="demo"}', "-o", "raw", *more, server=filled).stdout.decode().splitlines()
    assert raw() == [f"level=info n={i}" for i in range(249, 149, -1)]
    assert raw("-n", "0") == [f"level=info n={i}" for i in range(249, -1, -1)]
    assert raw("-n", "3", "--forward") == [f"level=info n={i}" for i in range(3)]


def test_query_formats(filled):
    one = ["query", '{app="demo"} |= "n=7"', "-n", "1", "--forward"]
    text = run(*one, server=filled).stdout.decode()
    assert "level=info n=7" in text and 'app="demo"' in text and "\x1b" not in text
    row = json.loads(run(*one, "-o", "json", server=filled).stdout)
    assert row["line"] == "level=info n=7" and row["labels"]["app"] == "demo"
    csv = run(*one, "-o", "csv", server=filled).stdout.decode().splitlines()
    assert csv[0] == "time,labels,fields,line" and csv[1].endswith('"level=info n=7"')


def test_metric_queries(filled):
    out = run("query", 'sum by (app) (count_over_time({app="demo"}[1h]))', "--instant", server=filled).stdout.decode()
    assert re.fullmatch(r'\S+ \{app="demo"\} 250\n', out)


def test_a_syntax_error_is_shown_where_it_stands_and_is_a_usage_error(filled):
    done = run("query", '{app="demo"', server=filled, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().splitlines()[1:] == ['  {app="demo"', "             ^"]


def test_labels(filled):
    assert "app" in run("labels", server=filled).stdout.decode().split()
    assert run("labels", "app", server=filled).stdout.decode().split() == ["demo"]


def test_tail_follows_and_ends_with_ctrl_c(server):
    process = subprocess.Popen([str(bole.BINARY), "tail", '{app="t"}', "-o", "raw", "--addr", server.url], stdout=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while server.metric("bole_tail_clients") < 1 and time.monotonic() < deadline:
            time.sleep(0.05)
        for i in range(3):
            server.push([({"app": "t"}, [(time.time_ns(), f"line {i}")])])
        assert [process.stdout.readline() for _ in range(3)] == [b"line 0\n", b"line 1\n", b"line 2\n"]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress], ids=["plain", "gzip"])
def test_import_of_text_takes_the_time_of_the_line(server, tmp_path, pack):
    path = tmp_path / "app.log"
    path.write_bytes(pack(b"2026-11-20T10:00:00.25Z first\n    at a stack frame\n2026-11-20T10:00:01Z \xff\x00 bytes\nlast without newline"))
    done = run("import", "--labels", 'app="imp"', path, server=server)
    assert b"4 lines" in done.stderr
    found = server.lines('{app="imp"}', end=1795168900000000000)
    assert [ns for ns, _ in found] == [1795168800250000000] * 2 + [1795168801000000000] * 2
    assert [line.split()[-1] for _, line in found] == ["first", "frame", "bytes", "newline"]


def test_import_of_json_lines(server, tmp_path):
    path = tmp_path / "app.ndjson"
    path.write_text('{"ts":"2026-11-20T10:00:00Z","message":"hello","service":"s1","n":1}\n' * 3)
    run("import", path, server=server)
    assert [line for _, line in server.lines('{service="s1"}', end=1795168900000000000)] == ["hello"] * 3


def test_open_shows_a_file_with_nothing_installed(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("2026-11-20T10:00:00Z one\n2026-11-20T10:00:05Z two\n")
    process = subprocess.Popen([str(bole.BINARY), "open", "--no-browser", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        url = process.stdout.readline().decode().strip()
        assert "from=2026-11-20T10:00:00.000Z&to=2026-11-20T10:00:05.001Z" in url
        port = int(re.search(r":(\d+)/", url).group(1))
        server = bole.Server.__new__(bole.Server)
        server.port = port
        assert b"<html" in server.get("/", headers={"Accept": "text/html"}).body.lower()
        assert [line for _, line in server.lines('{job="open"}')] == ["2026-11-20T10:00:00Z one", "2026-11-20T10:00:05Z two"]
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_inspect_shows_what_a_segment_is_made_of(filled):
    filled.request("POST", "/flush")
    (segment,) = pathlib.Path(filled.data, "segments").glob("*.seg")
    shown = run("inspect", segment).stdout.decode()
    assert "250 rows in 1 row groups" in shown and "default/demo" in shown and "lines" in shown
    detail = run("inspect", "--group", "0", "--columns", "--templates", segment).stdout.decode()
    assert re.search(r"^ +250  level=", detail, re.M), detail
    done = run("inspect", "--group", "1", segment, check=False)
    assert done.returncode == 1 and b"there is no row group 1: the file has 1" in done.stderr
    segment.write_bytes(segment.read_bytes()[:-1])
    assert b"cut off" in run("inspect", segment, check=False).stderr


def test_check_finds_a_flipped_bit_and_is_quiet_without_one(filled):
    filled.request("POST", "/flush")
    filled.push([({"app": "demo"}, [(NOW, "in the log")])])
    filled.stop()
    assert run("check", filled.data).stdout
    (segment,) = filled.data.glob("segments/*")
    (log,) = [path for path in (filled.data / "wal").glob("*.wal") if b"in the log" in path.read_bytes()]
    original = segment.read_bytes()
    flips = [(segment, original, at) for at in range(0, len(original), max(1, len(original) // 200))]
    flips.append((log, log.read_bytes(), log.read_bytes().index(b"in the log")))
    for path, original, at in flips:
        path.write_bytes(original[:at] + bytes([original[at] ^ 0x10]) + original[at + 1:])
        done = run("check", filled.data, check=False)
        assert done.returncode == 1, f"{path.name}: a flipped bit at {at} was not found"
        assert path.name in done.stdout.decode()
        path.write_bytes(original)
    run("check", filled.data)


def test_the_agent_sends_every_line_once_over_rotations_and_restarts(server, tmp_path):
    log, state = tmp_path / "app.log", tmp_path / "state"
    number = 0

    def write(count):
        nonlocal number
        with open(log, "a") as f:
            for _ in range(count):
                f.write(f"number={number} text\n")
                number += 1

    def agent():
        return subprocess.Popen([str(bole.BINARY), "agent", "--addr", server.url, "--no-journal", "--listen", "off", "--state", str(state), str(log)],
                                stderr=subprocess.DEVNULL)

    def stored():
        return [int(re.match(r"number=(\d+)", line).group(1)) for _, line in server.lines('{job="varlogs"}')]

    def wait_for(count):
        deadline = time.monotonic() + 20
        while len(stored()) < count and time.monotonic() < deadline:
            time.sleep(0.1)
        assert sorted(stored()) == list(range(number))

    write(100)
    process = agent()
    try:
        wait_for(number)
        for _ in range(3):
            write(50)
            log.rename(log.with_suffix(f".log.{number}"))
            write(50)
        wait_for(number)
        process.terminate()
        assert process.wait(20) == 0
        write(100)
        process = agent()
        wait_for(number)
    finally:
        process.kill()
        process.wait()


def test_help_and_unknown_commands(tmp_path):
    assert b"Quick start" in run("--help").stdout
    for command in ("serve", "agent", "query", "tail", "labels", "import", "open", "check", "inspect", "version"):
        assert b"--help" in run(command, "--help").stdout
    done = run("qeury", check=False)
    assert done.returncode == 2 and b"did you mean 'query'" in done.stderr
    assert run("query", check=False).returncode == 2


@pytest.mark.parametrize("args", [("series", "{"), ("delete", "{"), ("query", "{"), ("query", "rate({a=\"b\"}[5m])", "--step", "1x")])
def test_what_cannot_be_meant_is_wrong_usage(args):
    done = run(*args, check=False)
    assert done.returncode == 2
    assert b"'1x' is no duration" in done.stderr if "1x" in args else done.stderr.endswith(b"\n  {\n   ^\n")


def test_serving_beyond_loopback_needs_insecure(tmp_path):
    done = run("serve", "--data", tmp_path, "--listen", "0.0.0.0:0", check=False)
    assert done.returncode == 1 and b"--insecure" in done.stderr


def test_a_missing_server_is_named():
    done = run("labels", "--addr", "http://127.0.0.1:1", check=False)
    assert done.returncode == 1 and b"bole serve" in done.stderr


# ---- import: what the server answers, and files that end too early ----

class Scripted:
    """An HTTP server that gives these answers, (status, headers, body), one by one, the last one again and again."""

    def __init__(self, *answers):
        self.bodies, outer, left = [], self, list(answers)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                status, headers, body = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()


def test_import_tells_which_json_lines_were_refused(server, tmp_path):
    path = tmp_path / "app.ndjson"
    lines = ['{"ts":"2026-11-20T10:00:00Z","message":"%s","service":"s2"}' % ("x" * 1000)] * 3000  # several requests
    lines[1] = "{broken"
    lines[2500] = '{"ts":"noon","message":"m","service":"s2"}'
    path.write_text("\n".join(lines))
    done = run("import", path, server=server, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert f"{path}: line 2: invalid JSON" in said and f'{path}: line 2501: field ts: "noon" is no time' in said
    assert "2998 lines stored" in said and "2 lines refused" in said
    assert len(server.lines('{service="s2"}', end=1795168900000000000)) == 2998


def test_import_goes_on_after_a_request_of_which_nothing_was_taken(server, tmp_path):
    bad, good = tmp_path / "bad.ndjson", tmp_path / "good.ndjson"
    bad.write_text("{broken}\n" * 20)
    good.write_text('{"ts":"2026-11-20T10:00:00Z","message":"hello","service":"s3"}\n')
    done = run("import", "--format", "json", bad, good, server=server, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1 and "1 line stored" in said and "20 lines refused" in said
    assert said.count("invalid JSON") == 8
    assert len(server.lines('{service="s3"}', end=1795168900000000000)) == 1


def test_import_of_text_with_labels_that_are_refused(server, tmp_path):
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n")
    done = run("import", "--labels", 'app="%s"' % ("x" * 5000), path, server=server, check=False)
    assert done.returncode == 1 and b"lines 1 to 2: " in done.stderr and b"stored" not in done.stderr


@pytest.mark.parametrize("text", ["one\ntwo\n", '{"message":"one"}\n{"message":"two"}\n'], ids=["text", "json"])
def test_import_waits_for_a_busy_server_and_sends_the_same_again(tmp_path, text):
    path = tmp_path / "app.log"
    path.write_text(text)
    with Scripted((429, {"Retry-After": "1"}, b"slower"), (503, {}, b"disk is full"), (200, {}, b'{"accepted":2,"rejected":0}')) as busy:
        begin = time.monotonic()
        done = run("import", "--addr", busy.url, path)
        assert time.monotonic() - begin > 1.9
        assert len(busy.bodies) == 3 and len(set(busy.bodies)) == 1
    assert done.stderr.count(b"waiting") == 1 and b"slower" in done.stderr and b"2 lines stored" in done.stderr


def test_import_stops_waiting_at_ctrl_c_and_counts_nothing(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("one\n")
    with Scripted((503, {"Retry-After": "50"}, b"no")) as busy:
        process = subprocess.Popen([str(bole.BINARY), "import", "--addr", busy.url, str(path)], stderr=subprocess.PIPE)
        try:
            assert b"waiting" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(5) == 1
            assert b"stored" not in process.stderr.read()
        finally:
            process.kill()
            process.wait()


ZSTD = shutil.which("zstd")
PACKERS = [
    pytest.param(gzip.compress, b"ends in the middle of a gzip member", id="gzip"),
    pytest.param(lambda data: subprocess.run([ZSTD, "-qc"], input=data, capture_output=True, check=True).stdout,
                 b"ends in the middle of a frame", id="zstd", marks=pytest.mark.skipif(not ZSTD, reason="needs the program zstd")),
]


@pytest.mark.parametrize("pack, reason", PACKERS)
@pytest.mark.parametrize("piped", [False, True], ids=["file", "pipe"])
def test_a_packed_file_that_ends_too_early_is_an_error(server, tmp_path, pack, reason, piped):
    lines = [f"{i} {os.urandom(200).hex()}" for i in range(3000)]
    packed = pack("\n".join(lines).encode())
    path = tmp_path / "app.log.packed"
    path.write_bytes(packed[:len(packed) * 2 // 3])
    args = {"stdin": path.read_bytes()} if piped else {}
    done = run("import", "--job", "cut", "-" if piped else path, server=server, check=False, **args)
    stored = [line for _, line in server.lines('{job="cut"}')]
    assert done.returncode == 1 and reason in done.stderr
    assert 0 < len(stored) < 3000 and f"{len(stored)} lines stored".encode() in done.stderr
    assert sorted(stored) == sorted(lines[:len(stored)]), "half a line passed for a whole one"
    for size in (len(packed) - 1, 30, 5):
        path.write_bytes(packed[:size])
        assert reason in run("import", path, server=server, check=False).stderr, size


@pytest.mark.parametrize("pack, _", PACKERS)
def test_packed_files_put_together_are_one_file(server, tmp_path, pack, _):
    packed = b"".join(pack(f"part {i}\n".encode() * 1000) for i in range(3))
    assert b"3000 lines stored" in run("import", "-", server=server, stdin=packed).stderr
    path = tmp_path / "app.log.packed"
    path.write_bytes(packed)
    assert b"3000 lines stored" in run("import", path, server=server).stderr


@pytest.mark.parametrize("text", [b"", b"\x1f", b"\x28\xb5\n", b"\n\n"], ids=["empty", "gzip", "zstd", "newlines"])
def test_import_of_next_to_nothing(server, text):
    count = text.count(b"\n") or len(text)
    said = run("import", "-", server=server, stdin=text).stderr
    assert (f"{count} line{'s' * (count != 1)} stored".encode() in said) == (count > 0)


def test_open_shows_a_stream_while_it_comes(tmp_path):
    process = subprocess.Popen([str(bole.BINARY), "open", "--no-browser", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        url = process.stdout.readline().decode().strip()
        assert "#/explore?q=%7Bjob%3D%22open%22%7D" in url and "from=" not in url
        server = bole.Server.__new__(bole.Server)
        server.port = int(re.search(r":(\d+)/", url).group(1))
        written = []
        for i in range(20):  # faster than the pause that a pipe must make, for longer than a line may wait
            written.append(f"line {i}")
            process.stdin.write(f"line {i}\nhal".encode() if i == 19 else f"line {i}\n".encode())
            process.stdin.flush()
            time.sleep(0.1)
            if i == 12:
                assert len(server.lines('{job="open"}')) >= 5
        time.sleep(0.5)
        assert sorted(line for _, line in server.lines('{job="open"}')) == sorted(written)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert b"error" not in process.stderr.read()
    finally:
        process.kill()
        process.wait()
        process.stdin.close()


def test_open_prints_the_range_when_a_stream_ended(tmp_path):
    process = subprocess.Popen([str(bole.BINARY), "open", "--no-browser", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        process.stdin.write(b"2026-11-20T10:00:00Z one\n")
        process.stdin.close()
        assert b"from=" not in process.stdout.readline()
        assert b"from=2026-11-20T10:00:00.000Z&to=2026-11-20T10:00:00.001Z" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
