"""The syslog doors, with the programs that people send with."""

import contextlib
import json
import logging
import logging.handlers
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

import bole
import clients
from test_cli_tls import make_certificate

LINES = [f"line {i} ünï €" for i in range(300)] + ['tab\tquote" <tag> & \\ %', "x" * 7000]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """The server's certificate, a client's, and one that nobody trusts; each is its own authority."""
    folder = tmp_path_factory.mktemp("tls")
    server = make_certificate(folder, "bole-test", "-addext", "subjectAltName=IP:127.0.0.1")
    return server, make_certificate(folder, "web-3"), make_certificate(folder, "stranger")


@pytest.fixture
def server(certificates):
    (cert, key), (client, _), _ = certificates
    with bole.Server(args=["--listen-syslog", "127.0.0.1:0", "--listen-syslog-tls", "127.0.0.1:0", "--door-tls-cert", str(cert),
                           "--door-tls-key", str(key), "--door-tls-client-ca", str(client)]) as s:
        yield s


def records(server, query='{job="syslog"}', count=None, **more):
    """All records once there are `count`: [(line, labels and fields)], oldest first."""
    end = time.monotonic() + 20
    while True:
        found = [(int(ns), line, stream["stream"]) for stream in server.query_range(query, direction="forward", **more)["result"]
                 for ns, line in stream["values"]]
        if count is None or len(found) >= count or time.monotonic() > end:
            break
        time.sleep(0.05)
    assert count is None or len(found) == count
    return [(line, labels) for _, line, labels in sorted(found, key=lambda r: r[0])]


def lines(*args, **more):
    return [line for line, _ in records(*args, **more)]


# ---- util-linux ----

@pytest.mark.parametrize("options", [["-T", "--rfc5424"], ["-T", "--rfc5424", "--octet-count"], ["-T", "--rfc3164"],
                                     ["-T", "--rfc3164", "--octet-count"], ["-d", "--rfc5424"], ["-d", "--rfc3164"]])
def test_logger(server, tmp_path, options):
    path = tmp_path / "lines"
    text = [f"line {i} ünï €" for i in range(100)]
    path.write_text("".join(line + "\n" for line in text))
    subprocess.run(["logger", "-n", "127.0.0.1", "-P", str(server.door("syslog")), *options, "-t", "my-app", "-p", "local3.err",
                    "--id=42", "-f", str(path)], check=True, timeout=30)
    got = records(server, count=100)
    assert sorted(line for line, _ in got) == sorted(text)
    labels = got[0][1]
    assert labels["service_name"] == "my-app"
    assert labels["host"] == socket.gethostname()
    assert (labels["facility"], labels["severity"], labels["detected_level"], labels["proc_id"]) == ("local3", "err", "error", "42")


def test_logger_sends_structured_data(server):
    subprocess.run(["logger", "-n", "127.0.0.1", "-P", str(server.door("syslog")), "-T", "--rfc5424", "--msgid", "ID7", "--sd-id",
                    "zoo@123", "--sd-param", 'tiger="hun\\"gry"', "--sd-param", 'zebra="running"', "hello"], check=True, timeout=30)
    (line, labels), = records(server, count=1)
    assert line == "hello"
    assert (labels["zoo_123_tiger"], labels["zoo_123_zebra"], labels["msg_id"]) == ('hun"gry', "running", "ID7")


# ---- Python ----

@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_python_logging(server, kind):
    handler = logging.handlers.SysLogHandler(("127.0.0.1", server.door("syslog")), facility="daemon", socktype=kind)
    handler.ident = "my-app: "
    log = logging.Logger("test")
    log.addHandler(handler)
    for i in range(50):
        log.warning("line %d", i)
    try:
        raise ValueError("bad")
    except ValueError:
        log.exception("failed")
    handler.close()
    got = records(server, count=51)
    text = {line: labels for line, labels in got}
    assert {f"line {i}" for i in range(50)} < set(text)
    trace, = set(text) - {f"line {i}" for i in range(50)}
    assert trace.startswith("failed\nTraceback (most") and trace.endswith("ValueError: bad")  # one record, not five
    assert text["line 0"]["service_name"] == "my-app"
    assert text["line 0"]["detected_level"] == "warn"
    assert text[trace]["detected_level"] == "error"


RFC5424 = """
import logging, os
from rfc5424logging import Rfc5424SysLogHandler
host, port = os.environ["URL"].split(":")
log = logging.Logger("my.logger")
log.addHandler(Rfc5424SysLogHandler(address=(host, int(port)), socktype=SOCKTYPE, framing=FRAMING, hostname="web-1", appname="shop",
                                    enterprise_id=32473))
for i in range(20):
    log.error("line %d \\u00fc", i, extra={"structured_data": {"order": {"id": f"[{i}]", "quote": '"'}}, "msgid": "M"})
logging.shutdown()
"""


@pytest.mark.parametrize("kind, framing", [("2", "1"), ("1", "1"), ("1", "2")])
def test_rfc5424_logging_handler(server, kind, framing):
    code = RFC5424.replace("SOCKTYPE", kind).replace("FRAMING", framing)
    clients.python("rfc5424", code, f"127.0.0.1:{server.door('syslog')}")
    got = dict(records(server, count=20))
    assert set(got) == {f"line {i} ü" for i in range(20)}
    labels = got["line 3 ü"]
    assert (labels["host"], labels["service_name"], labels["msg_id"], labels["detected_level"]) == ("web-1", "shop", "M", "error")
    assert (labels["order_32473_id"], labels["order_32473_quote"]) == ("[3]", '"')


# ---- rsyslog ----

RSYSLOG = """
global(workDirectory="FOLDER" maxMessageSize="64k" MORE)
module(load="imfile" pollingInterval="1")
input(type="imfile" file="FOLDER/input" tag="my-app:" severity="notice" facility="local1" addMetadata="off")
ACTION
"""


@contextlib.contextmanager
def rsyslog(tmp_path, action, more=""):
    program = clients.program("rsyslogd")
    (tmp_path / "input").write_text("".join(line + "\n" for line in LINES))
    (tmp_path / "conf").write_text(RSYSLOG.replace("FOLDER", str(tmp_path)).replace("ACTION", action).replace("MORE", more))
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([program, "-n", "-f", tmp_path / "conf", "-i", tmp_path / "pid"], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


@pytest.mark.parametrize("template", ["RSYSLOG_SyslogProtocol23Format", "RSYSLOG_ForwardFormat", "RSYSLOG_TraditionalForwardFormat"])
@pytest.mark.parametrize("how", ['protocol="tcp"', 'protocol="tcp" TCP_Framing="octet-counted"', 'protocol="udp"'])
def test_rsyslog(server, tmp_path, template, how):
    action = f'action(type="omfwd" target="127.0.0.1" port="{server.door("syslog")}" {how} template="{template}")'
    with rsyslog(tmp_path, action):
        got = records(server, count=len(LINES))
    assert sorted(line for line, _ in got) == sorted(LINES)
    labels = got[0][1]
    assert (labels["service_name"], labels["facility"], labels["severity"]) == ("my-app", "local1", "notice")
    assert labels["host"] == socket.gethostname()


def test_rsyslog_over_tls_with_a_client_certificate(server, certificates, tmp_path):
    (cert, _), (client, key), _ = certificates
    more = f'DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="{cert}" DefaultNetstreamDriverCertFile="{client}" ' \
           f'DefaultNetstreamDriverKeyFile="{key}"'
    action = f'action(type="omfwd" target="127.0.0.1" port="{server.door("syslog_tls")}" protocol="tcp" StreamDriver="gtls" ' \
             'StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid" TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")'
    with rsyslog(tmp_path, action, more):
        got = records(server, count=len(LINES))
    assert sorted(line for line, _ in got) == sorted(LINES)
    assert got[0][1]["sender"] == "127.0.0.1/web-3"


def test_rsyslog_waits_while_bole_is_away(server, tmp_path):
    """A door that is closed for a while costs nothing when the sender has a queue of its own."""
    port = server.door("syslog")
    action = f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" action.resumeRetryCount="-1" ' \
             'action.resumeInterval="1" template="RSYSLOG_SyslogProtocol23Format")'
    server.stop()
    with rsyslog(tmp_path, action):
        time.sleep(1)
        server.args[1] = f"127.0.0.1:{port}"
        server.start()
        assert sorted(lines(server, count=len(LINES))) == sorted(LINES)


# ---- syslog-ng ----

SYSLOG_NG = """
@version: 3.38
source s { file("FOLDER/input" flags(no-parse) program-override("my-app") log-msg-size(65536)); };
destination d { DESTINATION };
log { source(s); destination(d); };
"""


@pytest.mark.parametrize("destination", ['syslog("127.0.0.1" port(PORT) transport("tcp"));', 'syslog("127.0.0.1" port(PORT) transport("udp"));',
                                         'network("127.0.0.1" port(PORT) transport("tcp"));', 'network("127.0.0.1" port(PORT) transport("udp"));',
                                         'network("127.0.0.1" port(PORT) transport("tcp") flags(syslog-protocol));'])
def test_syslog_ng(server, tmp_path, destination):
    program, env = clients.debian("syslog-ng", "usr/sbin/syslog-ng")
    modules, = (program.parents[1] / "lib/syslog-ng").glob("[0-9]*")
    text = LINES[:-1]
    (tmp_path / "input").write_text("".join(line + "\n" for line in text))
    (tmp_path / "conf").write_text(SYSLOG_NG.replace("FOLDER", str(tmp_path)).replace("DESTINATION", destination)
                                   .replace("PORT", str(server.door("syslog"))))
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([program, "-F", "--no-caps", "-f", tmp_path / "conf", "-R", tmp_path / "persist", "-p", tmp_path / "pid",
                                    "-c", tmp_path / "ctl", f"--module-path={modules}"], env=env, stdout=log, stderr=log)
    try:
        got = records(server, count=len(text))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert sorted(line for line, _ in got) == sorted(text)
    assert got[0][1]["service_name"] == "my-app"


# ---- the doors themselves ----

def tls_connect(server, context):
    return context.wrap_socket(socket.create_connection(("127.0.0.1", server.door("syslog_tls")), timeout=20),
                               server_hostname="127.0.0.1")


def test_tls_lets_in_who_shows_a_certificate_of_the_right_authority(server, certificates):
    (cert, _), (client, key), (stranger, stranger_key) = certificates
    for chain in (None, (stranger, stranger_key)):
        context = ssl.create_default_context(cafile=cert)
        if chain:
            context.load_cert_chain(*chain)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            connection = tls_connect(server, context)
            connection.sendall(b"<14>never\n")
            connection.recv(1)
    context = ssl.create_default_context(cafile=cert)
    context.load_cert_chain(client, key)
    with tls_connect(server, context) as connection:
        connection.sendall(b"<14>" + b"y" * 100_000 + b"\n<14>last\n")
        assert sorted(lines(server, count=2)) == ["last", "y" * 100_000]


def test_a_client_over_tls_that_never_reads_loses_nothing(server, certificates):
    """What it closes without having read it would reset the connection, and what is on its way would be gone."""
    (cert, _), (client, key), _ = certificates
    context = ssl.create_default_context(cafile=cert)
    context.load_cert_chain(client, key)
    text = [f"line {i} {'x' * 200}" for i in range(5000)]
    with tls_connect(server, context) as connection:
        connection.sendall("".join(f"<14>{line}\n" for line in text).encode())
    assert sorted(lines(server, count=len(text))) == sorted(text)


def test_clients_may_be_asked_for_a_certificate_without_having_to(certificates):
    (cert, key), (client, client_key), _ = certificates
    with bole.Server(args=["--listen-syslog-tls", "127.0.0.1:0", "--door-tls-cert", str(cert), "--door-tls-key", str(key), "--door-tls-client-ca",
                           str(client), "--door-tls-client-optional", "--door-tenant", "acme"]) as server:
        context = ssl.create_default_context(cafile=cert)
        with tls_connect(server, context) as connection:
            connection.sendall(b"<14>unknown\n")
        context.load_cert_chain(client, client_key)
        with tls_connect(server, context) as connection:
            connection.sendall(b"<14>known\n")
        end = time.monotonic() + 20
        while len(found := server.query_range('{job="syslog"}', headers={"X-Scope-OrgID": "acme"})["result"]) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert {s["values"][0][1]: s["stream"]["sender"] for s in found} == {"unknown": "127.0.0.1", "known": "127.0.0.1/web-3"}


def test_doors_do_not_open_to_the_world_by_themselves(tmp_path, certificates):
    (cert, key), (client, _), _ = certificates
    tls = ["--door-tls-cert", str(cert), "--door-tls-key", str(key)]

    def refused(*args):
        done = subprocess.run([str(bole.BINARY), "serve", "--data", str(tmp_path), "--listen", "127.0.0.1:0", *args], capture_output=True,
                              text=True, timeout=20)
        return done.returncode != 0 and done.stderr

    assert "--insecure" in refused("--listen-syslog", ":0")
    assert "--insecure" in refused("--listen-syslog-tls", "0.0.0.0:0", *tls)
    assert "--door-tls-cert" in refused("--listen-syslog-tls", "127.0.0.1:0")
    assert "nowhere.pem" in refused("--listen-syslog-tls", "127.0.0.1:0", *tls, "--door-tls-client-ca", "/nowhere.pem")
    assert "no tenant" in refused("--listen-syslog", "127.0.0.1:0", "--door-tenant", "a/b")
    assert "no port" in refused("--listen-syslog", "127.0.0.1")
    with bole.Server(args=["--listen-syslog-tls", "0.0.0.0:0", *tls, "--door-tls-client-ca", str(client)]) as server:
        assert server.door("syslog_tls")  # it lets nobody in without a certificate
    with bole.Server(args=["--listen-syslog", ":0", "--insecure"]) as server, \
            socket.create_connection(("127.0.0.1", server.door("syslog"))) as connection:
        connection.sendall(b"<14>x\n")
        (_, labels), = records(server, count=1)
        assert labels["sender"] == "127.0.0.1"


def test_what_was_sent_before_the_end_is_stored(server):
    """Whatever the kernel has when the server is told to stop is stored before it does."""
    with socket.create_connection(("127.0.0.1", server.door("syslog"))) as connection:
        text = [f"line {i}" for i in range(20_000)]
        connection.sendall("".join(f"<14>{line}\n" for line in text).encode())
        time.sleep(0.05)
        assert server.stop() == 0
    server.start()
    assert sorted(lines(server)) == sorted(text)


def test_metrics_tell_each_door_apart(server):
    with socket.create_connection(("127.0.0.1", server.door("syslog"))) as connection:
        connection.sendall(b"<14>one\n<14>two\n")
        records(server, count=2)
    text = server.get("/metrics").text
    assert 'bole_socket_records_total{door="syslog"} 2' in text
    assert 'bole_socket_failed_total{door="syslog"} 0' in text
    assert 'bole_socket_records_total{door="syslog_tls"} 0' in text
    assert 'bole_socket_lost_total{door="syslog",reason="socket_buffer"} 0' in text
    assert json.loads(server.get("/api/v1/status").text)["socket"]["syslog"]["records_total"] == 2
