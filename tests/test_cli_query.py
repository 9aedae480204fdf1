"""bole query, series, tail with logcli's conventions; its environment; completion; the library's example."""

import base64
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

import bole
from test_cli import run

NOW = time.time_ns()


@pytest.fixture
def filled(server):
    server.push([({"app": "demo", "host": h}, [(NOW - 7200 * 10**9 * (h == "old") - i * 10**6, f"line {h} {i}", {"trace": f"t{i}"}) for i in range(20)])
                 for h in ("a", "old")])
    return server


def query(server, *args):
    return run("query", *args, server=server).stdout.decode()


def test_since_and_the_output_names_of_logcli(filled):
    assert len(query(filled, '{app="demo"}', "-o", "raw", "--since", "1h").splitlines()) == 20
    assert len(query(filled, '{app="demo"}', "-o", "raw", "--since", "24h").splitlines()) == 40
    assert json.loads(query(filled, '{app="demo"}', "-o", "jsonl", "-n", "1"))["line"] == "line a 0"
    assert "line a 0" in query(filled, '{app="demo"}', "--output=default", "--limit=1", "--quiet", "--batch=10")
    assert run("query", '{app="demo"}', "--since", "soon", server=filled, check=False).returncode == 2


def test_labels_are_chosen(filled):
    one = ['{app="demo"}', "-n", "1"]
    assert "{" not in query(filled, *one, "--no-labels")
    assert re.fullmatch(r'\S+ \{host="a"\} line a 0\n', query(filled, *one, "--include-label", "host"))
    shown = query(filled, *one, "--exclude-label", "host", "--exclude-label=trace")
    assert 'app="demo"' in shown and "host" not in shown and "trace" not in shown
    row = json.loads(query(filled, *one, "-o", "json", "--include-label", "trace"))
    assert row["fields"] == {"trace": "t0"} and row["labels"] == {}


def test_times_of_the_machines_zone(filled):
    env = {**os.environ, "BOLE_ADDR": filled.url, "TZ": "Asia/Kolkata"}
    out = subprocess.run([bole.BINARY, "query", '{app="demo"}', "-n", "1", "--timezone", "Local"], env=env, capture_output=True, text=True, check=True).stdout
    stamp = out.split()[0]
    assert stamp.endswith("+05:30")
    wanted = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(NOW // 10**9 + 19800)) + f".{NOW % 10**9:09}+05:30"
    assert stamp == wanted


def test_stats_go_to_standard_error(filled):
    done = run("query", '{app="demo"} |= "line"', "--stats", "-o", "raw", "-n", "5", server=filled)
    assert len(done.stdout.splitlines()) == 5
    assert re.search(rb"^lines returned +5$", done.stderr, re.M) and re.search(rb"^lines scanned +\d+$", done.stderr, re.M)


def test_series(filled):
    out = run("series", server=filled).stdout.decode().splitlines()
    assert sorted(out) == ['{app="demo", host="a", service_name="demo"}', '{app="demo", host="old", service_name="demo"}']
    assert len(run("series", '{host="a"}', "-o", "json", server=filled).stdout.splitlines()) == 1
    assert run("series", "--since", "10m", server=filled).stdout.count(b"\n") == 1
    assert run("series", "{", server=filled, check=False).returncode == 2
    assert run("labels", "host", "--since", "10m", server=filled).stdout == b"a\n"
    assert run("labels", "host", "--since", "5h", server=filled).stdout == b"a\nold\n"


@pytest.mark.parametrize("environment,name,value", [
    ({"LOKI_ORG_ID": "red"}, "X-Scope-OrgID", "red"), ({"LOKI_BEARER_TOKEN": "abc"}, "Authorization", "Bearer abc"),
    ({"LOKI_USERNAME": "me", "LOKI_PASSWORD": "a:b c"}, "Authorization", "Basic " + base64.b64encode(b"me:a:b c").decode()),
    ({"LOKI_ORG_ID": "red", "BOLE_TENANT": "blue"}, "X-Scope-OrgID", "blue"),
    ({"LOKI_USERNAME": "me", "BOLE_TOKEN": "t"}, "Authorization", "Bearer t")])
def test_the_environment_of_logcli(environment, name, value):
    import http.server
    import threading
    seen = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.update(self.headers.items())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status":"success","data":["x"]}')

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.handle_request, daemon=True).start()
        env = {**{k: v for k, v in os.environ.items() if not k.startswith(("BOLE_", "LOKI_"))}, **environment,
               "LOKI_ADDR": f"http://127.0.0.1:{listener.server_port}"}
        done = subprocess.run([bole.BINARY, "labels"], env=env, capture_output=True, timeout=30)
    assert done.stdout == b"x\n", done.stderr
    assert seen[name] == value


@pytest.mark.parametrize("length", range(1, 8))
def test_basic_authentication_of_any_length(length):
    """Padding is where base64 goes wrong."""
    import http.server
    import threading
    seen = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.update(self.headers.items())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.handle_request, daemon=True).start()
        subprocess.run([bole.BINARY, "labels", "--addr", f"http://127.0.0.1:{listener.server_port}", "--username", "u" * length, "--password", "é"],
                       capture_output=True, timeout=30)
    assert base64.b64decode(seen["Authorization"].split()[1]) == ("u" * length + ":é").encode()


def on_terminal(args, env):
    """What a command with a terminal on standard output writes there."""
    main, side = pty.openpty()
    process = subprocess.Popen(args, stdout=side, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env)
    os.close(side)
    out, deadline = b"", time.monotonic() + 20
    while time.monotonic() < deadline:
        if select.select([main], [], [], 0.2)[0]:
            try:
                part = os.read(main, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        elif process.poll() is not None:
            break
    os.close(main)
    assert process.wait(10) == 0, process.stderr.read()
    process.stderr.close()
    return out.decode()


def test_long_answers_on_a_terminal_go_through_the_pager(filled):
    env = {**os.environ, "BOLE_ADDR": filled.url, "PAGER": "sed s/line/LINE/", "TERM": "xterm"}
    env.pop("NO_COLOR", None)
    args = [bole.BINARY, "query", '{app="demo"}', "-n", "3"]
    out = on_terminal(args, env)
    assert out.count("LINE a") == 3 and "\x1b[" in out
    assert "LINE" not in on_terminal([*args, "--no-pager"], env)
    assert "LINE" not in on_terminal(args, {**env, "BOLE_PAGER": ""})
    assert "LINE" not in run(*args[1:], server=filled).stdout.decode() # no terminal, no pager
    assert on_terminal(args, {**env, "PAGER": "true"}) == "" # closed at once: no error


def test_an_export_shows_how_far_it_is(filled):
    main, side = pty.openpty()
    process = subprocess.Popen([bole.BINARY, "query", '{app="demo"}', "-n", "0", "-o", "raw", "--since", "24h"], stdout=subprocess.PIPE,
                               stderr=side, stdin=subprocess.DEVNULL, env={**os.environ, "BOLE_ADDR": filled.url})
    os.close(side)
    out = process.stdout.read()
    assert process.wait(20) == 0 and out.count(b"\n") == 40
    assert b" %, " in os.read(main, 65536)
    os.close(main)
    process.stdout.close()


def test_completion_for_bash(filled):
    script = run("completion", "bash").stdout.decode()
    complete = lambda line: subprocess.run(
        ["bash", "-c", script + f'COMP_WORDS=({line}); COMP_CWORD=$(({len(line.split())} - 1)); _bole; echo "${{COMPREPLY[@]}}"'],
        capture_output=True, text=True, env={**os.environ, "PATH": f"{bole.BINARY.parent}:{os.environ['PATH']}"}, check=True).stdout.split()
    assert complete("bole q") == ["query"]
    assert "--since" in complete("bole query --si")
    assert run("completion", "fish", check=False).returncode == 2


def test_help_names_every_command_and_shows_examples():
    commands = re.findall(r"^  ([a-z]+) +\S", run("--help").stdout.decode(), re.M)
    assert {"query", "series", "tail", "labels", "completion"} <= set(commands)
    for command in ("query", "series", "completion"):
        assert "Examples:" in run(command, "--help").stdout.decode()
