"""The command line over TLS, and what it says when it is not let in."""

import contextlib
import http.server
import os
import signal
import ssl
import subprocess
import threading
import time

import pytest

import bole
from test_cli import run
from test_cli_more import Tail

NOW = time.time_ns()


def make_certificate(folder, name, *more):
    """A self-signed certificate and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-keyout", key, "-out", cert, *more], check=True, capture_output=True)
    return cert, key


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("tls"), "bole-test", "-addext", "subjectAltName=IP:127.0.0.1")


@pytest.fixture
def tls_server(certificate):
    cert, key = certificate
    with bole.Server(args=["--tls-cert", str(cert), "--tls-key", str(key)]) as server:
        yield f"https://127.0.0.1:{server.port}"


def test_every_client_command_takes_a_certificate_of_ones_own(tls_server, certificate, tmp_path):
    cert, _ = certificate
    to = ["--addr", tls_server, "--ca-cert", cert]
    path = tmp_path / "app.log"
    path.write_text("one\ntwo\n")
    assert b"2 lines stored" in run("import", *to, path).stderr
    assert run("query", '{job="import"}', "-o", "raw", "--forward", *to).stdout.split() == [b"one", b"two"]
    assert run("query", 'sum(count_over_time({job="import"}[1h]))', "--instant", "-o", "raw", *to).stdout == b"2\n"
    assert b"import" in run("labels", "job", *to).stdout
    with Tail(tls_server, '{job=~"import|varlogs"}', "-o", "raw", "--ca-cert", cert) as tail:
        assert tail.lines(2) == ["one", "two"]
        followed = tmp_path / "followed.log"
        followed.write_text("three\n" + "x" * 200_000 + "\n")  # more than a TLS record
        agent = subprocess.Popen([str(bole.BINARY), "agent", *map(str, to), "--no-journal", "--listen", "off", "--state", str(tmp_path / "state"), str(followed)],
                                 stderr=subprocess.DEVNULL)
        try:
            assert [len(line) for line in tail.lines(2)] == [5, 200_000]
        finally:
            agent.terminate()
            assert agent.wait(20) == 0
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(10) == 0


def test_the_certificate_may_come_from_the_environment(tls_server, certificate):
    cert, _ = certificate
    env = {**os.environ, "BOLE_ADDR": tls_server, "BOLE_CA_CERT": str(cert)}
    assert subprocess.run([bole.BINARY, "labels"], env=env, capture_output=True).returncode == 0


@pytest.mark.parametrize("command", [["labels"], ["query", '{app="x"}'], ["tail", '{app="x"}']], ids=lambda command: command[0])
def test_an_unknown_certificate_is_refused_with_the_way_out(tls_server, command):
    done = run(*command, "--addr", tls_server, check=False)
    assert done.returncode == 1 and b"certificate" in done.stderr and b"--ca-cert" in done.stderr
    assert run("labels", "--addr", tls_server, "--tls-skip-verify").stderr == b""


def test_a_certificate_for_another_name_is_refused(certificate, tmp_path):
    cert, key = make_certificate(tmp_path, "elsewhere", "-addext", "subjectAltName=DNS:elsewhere.example")
    with bole.Server(args=["--tls-cert", str(cert), "--tls-key", str(key)]) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert run("labels", "--addr", url, "--ca-cert", cert, check=False).returncode == 1
        assert run("labels", "--addr", url, "--tls-skip-verify").returncode == 0


def test_a_certificate_file_that_is_not_there_is_named(tls_server, tmp_path):
    missing = tmp_path / "missing.pem"
    done = run("labels", "--addr", tls_server, "--ca-cert", missing, check=False)
    assert done.returncode == 1 and str(missing).encode() in done.stderr


@contextlib.contextmanager
def answering(handle, context=None):
    """A server that lets handle(handler) answer every GET; yields its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            handle(self)

        def log_message(self, *_):
            pass

    fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.handle_error = lambda *_: None
    if context:
        fake.socket = context.wrap_socket(fake.socket, server_side=True)
    threading.Thread(target=fake.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http{'s' if context else ''}://127.0.0.1:{fake.server_port}"
    finally:
        fake.shutdown()
        fake.server_close()


def answer(handler, status, body, pause=0.0, headers=()):
    handler.send_response(status)
    for name, value in {"Content-Length": len(body), **dict(headers)}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.flush()
    time.sleep(pause)
    handler.wfile.write(body)


def test_a_server_that_asks_who_we_are_gets_our_certificate(certificate, tmp_path):
    cert, key = certificate
    our_cert, our_key = make_certificate(tmp_path, "client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.load_verify_locations(our_cert)
    context.verify_mode = ssl.CERT_REQUIRED
    with answering(lambda handler: answer(handler, 200, b'{"status":"success","data":["app"]}'), context) as url:
        to = ["--addr", url, "--ca-cert", cert]
        assert run("labels", *to, "--cert", our_cert, "--key", our_key).stdout == b"app\n"
        assert run("labels", *to, check=False).returncode == 1


# ---- refusals ----

@pytest.mark.parametrize("status, text", [(401, b"no credentials"), (403, b"not for you"), (400, b"parse error"), (404, b"no such path")])
@pytest.mark.parametrize("pause", [0, 0.3], ids=["at once", "later"])
def test_tail_shows_what_a_server_says_when_it_refuses_the_upgrade(status, text, pause):
    def handle(handler):
        if "/tail" in handler.path:
            answer(handler, status, text, pause)
        else:
            answer(handler, 200, b"")

    with answering(handle) as url:
        begin = time.monotonic()
        done = run("tail", '{app="x"}', "--addr", url, check=False)
        assert time.monotonic() - begin < 1.5, "the length of the body was not looked at"
    assert done.returncode == 1 and text in done.stderr and b"trying again" not in done.stderr
    assert (b"--token" in done.stderr) == (status == 401)


@pytest.mark.parametrize("status", [429, 503])
def test_tail_asks_a_busy_server_again(status):
    asked = []

    def handle(handler):
        if "/tail" not in handler.path:
            answer(handler, 200, b"")
        elif asked.append(handler.path) or len(asked) <= 2:
            answer(handler, status, b"too many tails")
        else:  # from now on a handshake without frames, then the end
            handler.send_response(101)
            handler.end_headers()
            handler.wfile.flush()
            time.sleep(0.2)
            handler.close_connection = True

    with answering(handle) as url, Tail(url, '{app="x"}') as tail:
        assert tail.err.get(timeout=10) == "the server is busy, trying again (too many tails)"
        assert tail.err.get(timeout=10) == "connected again"
        assert tail.err.get(timeout=10) == "connection lost, trying again"
        assert tail.err.get(timeout=10) == "connected again"
        assert all("limit=10" in path for path in asked[:3]), "the history was forgotten"
        assert "limit=5000" in asked[3]


def test_a_path_in_the_address_is_kept_by_the_upgrade():
    seen = []

    def handle(handler):
        seen.append(handler.path)
        answer(handler, 200 if "/tail" not in handler.path else 404, b"")

    with answering(handle) as url:
        run("tail", '{app="x"}', "--addr", f"{url}/logs/", check=False)
    assert [path.split("?")[0] for path in seen] == ["/logs/api/v1/query", "/logs/loki/api/v1/tail"]


@pytest.mark.parametrize("status", [401, 403])
def test_the_agent_keeps_what_it_may_not_send_yet(tmp_path, status):
    """A token that ran out must not cost a line."""
    log, bodies = tmp_path / "app.log", []
    log.write_text("kept\n")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status if len(bodies) < 3 else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    fake = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=fake.serve_forever, args=(0.05,), daemon=True).start()
    agent = subprocess.Popen([str(bole.BINARY), "agent", "--addr", f"http://127.0.0.1:{fake.server_port}", "--no-journal", "--listen", "off", "--state",
                              str(tmp_path / "state"), str(log)], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 10
        while len(bodies) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(bodies) == 3 and len(set(bodies)) == 1
    finally:
        agent.terminate()
        said = agent.communicate(timeout=20)[1]
        fake.shutdown()
        fake.server_close()
    assert b"refused for good" not in said and f"answered {status}".encode() in said
