"""The RELP door, with rsyslog's omrelp and by hand."""

import signal
import socket
import time

import pytest

import bole
from test_syslog import LINES, certificates, lines, records, rsyslog  # noqa: F401


@pytest.fixture
def server():
    with bole.Server(args=["--listen-relp", "127.0.0.1:0"]) as s:
        yield s


def action(server):
    return f'module(load="omrelp") action(type="omrelp" target="127.0.0.1" port="{server.door("relp")}" ' \
           'template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1" action.resumeInterval="1")'


def test_omrelp(server, tmp_path):
    with rsyslog(tmp_path, action(server)):
        got = records(server, count=len(LINES))
    assert sorted(line for line, _ in got) == sorted(LINES)
    assert got[0][1]["service_name"] == "my-app"


def test_omrelp_over_tls_with_a_client_certificate(certificates, tmp_path):  # noqa: F811
    (cert, key), (client, client_key), (stranger, stranger_key) = certificates
    doors = ["--listen-relp-tls", "127.0.0.1:0", "--door-tls-cert", str(cert), "--door-tls-key", str(key), "--door-tls-client-ca", str(client)]
    with bole.Server(args=doors) as server:
        to = f'module(load="omrelp") action(type="omrelp" target="127.0.0.1" port="{server.door("relp_tls")}" tls="on" ' \
             f'tls.caCert="{cert}" tls.authmode="certvalid" template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1" '
        with rsyslog(tmp_path, to + f'tls.myCert="{client}" tls.myPrivKey="{client_key}")'):
            got = records(server, count=len(LINES))
        assert sorted(line for line, _ in got) == sorted(LINES)
        assert {fields["sender"] for _, fields in got} == {"127.0.0.1/web-3"}


def test_omrelp_sends_again_what_was_not_answered(server, tmp_path):
    """The server is killed under way: nothing is missing afterwards."""
    to = action(server)
    server.args[1] = f"127.0.0.1:{server.door('relp')}"
    with rsyslog(tmp_path, to):
        text = list(LINES)
        for i in range(4):
            more = [f"round {i} line {j}" for j in range(2000)]
            text += more
            with open(tmp_path / "input", "a") as f:
                f.write("".join(line + "\n" for line in more))
            end = time.monotonic() + 20
            while server.metric("bole_ingest_rows_total") < 300:
                assert time.monotonic() < end
            server.kill(signal.SIGKILL)
            server.start()
        end = time.monotonic() + 20
        while set(lines(server)) < set(text) and time.monotonic() < end:
            time.sleep(0.2)
    assert set(lines(server)) == set(text)


def test_answers_come_in_order_and_after_the_record_is_there(server):
    with socket.create_connection(("127.0.0.1", server.door("relp")), timeout=20) as connection:
        answers = connection.makefile("rb")
        connection.sendall(b"1 open 14 relp_version=0\n")
        assert answers.readline() == b"1 rsp 56 200 OK\n"
        assert [answers.readline() for _ in range(3)] == [b"relp_version=0\n", b"relp_software=bole\n", b"commands=syslog\n"]
        for i in range(2, 102):
            connection.sendall(b"%d syslog 10 <14>line %d\n" % (i, i % 10))
            if i % 10 == 0:
                connection.sendall(b"%d syslog 5 <14>x\n" % (i + 1000))
        for i in range(2, 102):
            assert answers.readline() == b"%d rsp 6 200 OK\n" % i
            if i % 10 == 0:
                assert answers.readline() == b"%d rsp 6 200 OK\n" % (i + 1000)
        assert server.metric("bole_ingest_rows_total") == 110
        connection.sendall(b"200 close 0\n")
        assert answers.read() == b"200 rsp 0\n0 serverclose 0\n"
