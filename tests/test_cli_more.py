"""The command line where things go wrong or the answer is unusual."""

import contextlib
import http.server
import json
import os
import pty
import queue
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import bole
from test_cli import run

NOW = time.time_ns()
S = 10**9


class Tail:
    """A running `bole tail`, its lines as they come."""

    def __init__(self, url, *args):
        self.process = subprocess.Popen([str(bole.BINARY), "tail", *args, "--addr", url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = queue.Queue(), queue.Queue()
        for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err)):
            threading.Thread(target=lambda s=stream, q=lines: [q.put(line.decode().rstrip("\n")) for line in s], daemon=True).start()

    def lines(self, count):
        return [self.out.get(timeout=20) for _ in range(count)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def wait_for_tail(server):
    deadline = time.monotonic() + 20
    while server.metric("bole_tail_clients") < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


# ---- tail ----

def test_tail_prints_history_and_frames_in_the_order_of_time(server):
    begin = time.time_ns() - 60 * S
    one, two = {"app": "t", "n": "1"}, {"app": "t", "n": "2"}

    def push(at, first):
        server.push([(one, [(at + i, f"line {first + i}") for i in range(0, 6, 2)]), (two, [(at + i, f"line {first + i}") for i in range(1, 6, 2)])])

    push(begin, 0)
    with Tail(server.url, '{app="t"}', "-o", "raw") as tail:
        assert tail.lines(6) == [f"line {i}" for i in range(6)]
        push(begin + 30 * S, 6)
        assert tail.lines(6) == [f"line {i}" for i in range(6, 12)]
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(10) == 0


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_tail_connects_again_and_misses_nothing(end, tmp_path):
    with bole.Server(data=tmp_path, args=["--listen", f"127.0.0.1:{free_port()}"]) as server:
        server.push([({"app": "t"}, [(time.time_ns(), "before")])])
        with Tail(server.url, '{app="t"}', "-o", "raw") as tail:
            assert tail.lines(1) == ["before"]
            server.kill(end)
            assert tail.err.get(timeout=10) == "connection lost, trying again"
            time.sleep(1.2)
            server.start()
            # More than the history of a tail may hold; a part of it is there before the tail is.
            for first in range(0, 7000, 1000):
                at = time.time_ns()
                server.push([({"app": "t"}, [(at + i, f"line {first + i}") for i in range(1000)])])
            assert tail.err.get(timeout=20) == "connected again"
            assert tail.lines(7000) == [f"line {i}" for i in range(7000)]
            wait_for_tail(server)
            server.push([({"app": "t"}, [(time.time_ns(), "live")])])
            assert tail.lines(1) == ["live"]
            assert tail.err.empty()
            tail.process.send_signal(signal.SIGINT)
            assert tail.process.wait(10) == 0


class Relay:
    """A way to a server that can be cut: what is open ends, and nothing gets through until it is mended."""

    def __init__(self, server):
        self.target, self.open, self.is_cut = ("127.0.0.1", int(server.url.rsplit(":", 1)[1])), [], False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                if self.is_cut:
                    client.close()
                    continue
                server = socket.create_connection(self.target)
            except OSError:
                return
            self.open += [client, server]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut(self):
        self.is_cut = True
        for s in self.open:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
        self.open = []

    def mend(self):
        self.is_cut = False


@pytest.mark.parametrize("way", ["cut", signal.SIGKILL])
def test_tail_goes_on_behind_what_was_committed(way, tmp_path):
    """Lines that came late have stamps before those that were printed, and there are more than a tail keeps for a client."""
    with bole.Server(data=tmp_path, args=["--listen", f"127.0.0.1:{free_port()}"]) as server, contextlib.ExitStack() as stack:
        relay = Relay(server)
        stack.callback(relay.listener.close)
        push = lambda back_s, *lines: server.push([({"app": "t"}, [(time.time_ns() - back_s * S + i, line) for i, line in enumerate(lines)])])
        push(1800, "known and old")
        with Tail(relay.url, '{app="t"}', "-o", "raw", "-n", "0") as tail:
            wait_for_tail(server)
            push(0, "first")
            assert tail.lines(1) == ["first"]
            for turn in range(3):
                if way == "cut":
                    relay.cut()
                else:
                    server.kill(way)
                assert tail.err.get(timeout=30) == "connection lost, trying again"
                if way != "cut":
                    server.start()
                many = [f"turn {turn} line {i} " + "x" * 900 for i in range(2500 if turn == 1 else 3)]
                push(1200, f"turn {turn} late")
                push(0, *many)
                push(-60, f"turn {turn} early")
                relay.mend()
                assert tail.err.get(timeout=30) == "connected again"
                assert sorted(tail.lines(len(many) + 2)) == sorted([f"turn {turn} late", *many, f"turn {turn} early"])
                wait_for_tail(server)
                push(900, f"turn {turn} live and late")
                assert tail.lines(1) == [f"turn {turn} live and late"]
            push(0, "last")
            assert tail.lines(1) == ["last"] and tail.err.empty()


def test_tail_ends_with_ctrl_c_while_the_server_is_away(server):
    with Tail(server.url, '{app="t"}') as tail:
        wait_for_tail(server)
        server.kill()
        assert tail.err.get(timeout=10) == "connection lost, trying again"
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(10) == 0 and tail.err.empty()


def test_tail_fails_when_nobody_answers_at_first_and_when_it_is_refused(server):
    done = run("tail", '{app="t"}', "--addr", f"http://127.0.0.1:{free_port()}", check=False)
    assert done.returncode == 1 and b"bole serve" in done.stderr
    done = run("tail", '{app="t"}', "-n", 10**9, server=server, check=False)
    assert done.returncode == 1 and b"limit" in done.stderr and b"trying" not in done.stderr


def test_tail_shows_a_syntax_error_as_query_does(server):
    shown = [run(command, '{app="demo"', server=server, check=False) for command in ("tail", "query")]
    assert [done.returncode for done in shown] == [2, 2]
    assert shown[0].stderr == shown[1].stderr and b"             ^" in shown[0].stderr
    assert run("tail", 'rate({app="demo"}[5m])', server=server, check=False).returncode == 2


# ---- answers that a real server gives rarely ----

@contextlib.contextmanager
def canned(*answers):
    """A server that gives these (status, body) in turn, the last one for ever; yields its address and the requests seen."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body = answers[min(len(seen), len(answers) - 1)]
            seen.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        def log_message(self, *_):
            pass

    fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=fake.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{fake.server_port}", seen
    finally:
        fake.shutdown()
        fake.server_close()


MATRIX = {"status": "success", "warnings": ["one chunk left out", "two"], "data": {"resultType": "matrix", "result": [
    {"metric": {"app": 'a"b'}, "values": [[1480000000.123, "1.5"], [1480000001, "NaN"]]}]}}
COUNT = 'count_over_time({app="x"}[5m])'


def test_metric_queries_show_warnings_in_every_format():
    with canned((200, MATRIX)) as (url, _):
        for form in ("text", "json", "csv", "raw"):
            done = run("query", COUNT, "-o", form, "--addr", url)
            assert done.stderr.decode().splitlines() == ["warning: one chunk left out", "warning: two"]


def test_formats_of_metric_queries():
    with canned((200, MATRIX)) as (url, _):
        out = lambda form: run("query", COUNT, "-o", form, "--addr", url).stdout.decode().splitlines()
        assert out("text") == ['2016-11-24T15:06:40.123Z {app="a\\"b"} 1.5', '2016-11-24T15:06:41Z {app="a\\"b"} NaN']
        assert [json.loads(line) for line in out("json")] == [
            {"time": "2016-11-24T15:06:40.123Z", "labels": {"app": 'a"b'}, "value": 1.5},
            {"time": "2016-11-24T15:06:41Z", "labels": {"app": 'a"b'}, "value": "NaN"}]
        assert out("raw") == ["1.5", "NaN"]
        assert out("csv")[0] == "time,labels,value" and out("csv")[1].endswith(',1.5')


def test_query_waits_for_a_busy_server():
    row = b'{"time":"2026-01-01T00:00:00Z","labels":{"app":"x"},"line":"here","fields":{}}\n'
    with canned((429, b"exports running already: 4: try again later"), (200, row)) as (url, seen):
        done = run("query", '{app="x"}', "-o", "raw", "--addr", url)
        assert done.stdout == b"here\n" and len(seen) == 2 and b"busy" in done.stderr


def test_ctrl_c_ends_the_wait_for_a_busy_server():
    with canned((429, b"exports running already: 4")) as (url, seen):
        process = subprocess.Popen([str(bole.BINARY), "query", '{app="x"}', "--addr", url], stderr=subprocess.PIPE)
        with process:
            assert b"busy" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 130


# ---- query ----

@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_query_that_is_stopped_says_so_by_its_exit_code(server, number):
    text = "x" * 1000
    server.push([({"app": "big"}, [(NOW - 10 * S + i, text) for i in range(3000)])])
    process = subprocess.Popen([str(bole.BINARY), "query", '{app="big"}', "-n", "0", "--addr", server.url], stdout=subprocess.PIPE)
    with process:
        assert process.stdout.read(100)  # the pipe is full from now on: it waits for its reader
        process.send_signal(number)
        assert process.wait(10) == 128 + number


def test_an_unknown_level_is_not_shown_in_text(server):
    server.push([({"app": "l"}, [(NOW - 3 * S, "plain"), (NOW - 2 * S, "level=error bad"), (NOW - S, "meta", {"user": "7"})])])
    text = run("query", '{app="l"}', "--forward", server=server).stdout.decode().splitlines()
    assert text[0].endswith("} plain") and text[1].endswith(' {detected_level="error"}') and text[2].endswith(' meta {user="7"}')
    assert "unknown" not in run("query", '{app="l"}', server=server).stdout.decode()
    rows = [json.loads(row) for row in run("query", '{app="l"}', "--forward", "-o", "json", server=server).stdout.splitlines()]
    assert rows[0]["fields"]["detected_level"] == "unknown"


def test_dates_and_times_of_day_are_utc():
    def bounds(*args):
        with canned((200, b"")) as (url, seen):
            run("query", '{app="x"}', *args, "--addr", url)
            return [int(re.search(name + r"=(\d+)", seen[0]).group(1)) for name in ("start", "end")]

    assert bounds("--from", "2016-12-19", "--to", "2016-12-19 10:00:01.5") == [1482105600 * S, 1482141601 * S + S // 2]
    assert bounds("--from", "2016-12-19T10:00:00", "--to", "1482141601") == [1482141600 * S, 1482141601 * S]
    for wrong in ("2016-13-19", "2016-12-19 10", "nan", "1e300", "-inf", "", "20000000000"):
        assert run("query", '{app="x"}', f"--from={wrong}", check=False).returncode == 2, wrong
    assert b"UTC" in run("query", "--help").stdout


def on_terminal(*args):
    """Standard error of a run whose standard error is a terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen([str(bole.BINARY), *args], stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        process.communicate(timeout=30)
        text = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while part := os.read(ours, 4096):
                text += part
        os.close(ours)
        return process.returncode, text.decode()


def test_a_person_is_told_that_there_are_no_lines(server):
    query = ["query", '{app="nothing"}', "--addr", server.url]
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    code, text = on_terminal(*query)
    assert code == 0 and re.fullmatch(f"no lines between {stamp} and {stamp}; a wider range: --from 24h\r\n", text)
    assert "wider" not in on_terminal(*query, "--from", "2016-12-19")[1]
    assert run(*query).stderr == b""
    server.push([({"app": "nothing"}, [(time.time_ns(), "something")])])
    assert on_terminal(*query) == (0, "")


def test_a_person_is_told_that_there_are_no_points_and_no_labels(server):
    code, text = on_terminal("query", 'rate({app="nothing"}[5m])', "--addr", server.url)
    assert code == 0 and text.startswith("no points between ") and "--from 24h" in text
    assert on_terminal("labels", "nothing", "--addr", server.url) == (0, "no values in this range; a wider one: --since 30d\r\n")
    assert on_terminal("labels", "--addr", server.url)[1].startswith("no labels")
    assert run("labels", "nothing", server=server).stderr == b""
    server.push([({"app": "nothing"}, [(time.time_ns() - S, "something")])])
    assert on_terminal("labels", "app", "--addr", server.url) == (0, "")
    assert on_terminal("query", 'rate({app="nothing"}[5m])', "--instant", "--addr", server.url) == (0, "")


def test_instant_is_for_metrics():
    done = run("query", '{app="x"}', "--instant", "--addr", "http://127.0.0.1:1", check=False)
    assert done.returncode == 2 and b"metric" in done.stderr


USAGE = [
    [], ["nope"], ["serve", "extra"], ["serve", "--listen", "nonsense"], ["serve", "--memory-limit", "x"], ["serve", "--tls-cert", "a"],
    ["serve", "--nope"], ["agent", "--nope"], ["query"], ["query", "{"], ["query", '{app="x"}', "-o", "xml"], ["query", '{app="x"}', "-n", "-3"],
    ["query", '{app="x"}', "-n", "99999999999999999999"], ["query", '{app="x"}', '{app="y"}'], ["tail"], ["tail", "{"],
    ["tail", '{app="x"}', "-n", "many"], ["labels", "a", "b"], ["import"], ["import", "--format", "xml", "x"], ["open"], ["check"],
    ["check", "a", "b"], ["version", "extra"],
]
FAILURES = [
    ["serve", "--listen", "127.0.0.1:99999"], ["serve", "--data", "/proc/nope"], ["serve", "--tls-cert", "nope.pem", "--tls-key", "nope.key"],
    ["query", '{app="x"}'], ["tail", '{app="x"}'], ["labels"], ["import", "nope.log"], ["open", "--no-browser", "nope.log"],
    ["check", "nope"], ["agent", "--no-journal", "--state", "nope/state"],
]


@pytest.mark.parametrize("args, code", [*((args, 2) for args in USAGE), *((args, 1) for args in FAILURES)], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_exit_codes(args, code, tmp_path):
    env = {**os.environ, "BOLE_ADDR": "http://127.0.0.1:1", "BOLE_LISTEN": "127.0.0.1:0"}
    done = subprocess.run([str(bole.BINARY), *args], env=env, cwd=tmp_path, capture_output=True, timeout=20)
    assert done.returncode == code, done.stderr
    assert done.stdout == b"" and done.stderr


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["--version"], ["query", "--help"], ["query", "-h"], ["check", "-h"]], ids=" ".join)
def test_asking_for_help_is_no_failure(args):
    done = run(*args)
    assert done.stdout and done.stderr == b""


@pytest.mark.parametrize("command", ["query", "tail", "labels"])
def test_no_example_of_a_help_text_is_broken(command):
    examples = run(command, "--help").stdout.decode().split("Examples:\n")[1].splitlines()
    assert examples and all(line.startswith(f"  bole {command}") and len(line) < 80 for line in examples)
