"""Go's client libraries deliver odd records through their doors, and every one is read back with its fields."""

import json
import pathlib
import shutil
import subprocess

import pytest

import bole
import odd
from test_cli_tls import make_certificate

SCRIPT = pathlib.Path(__file__).with_name("go.sh")


@pytest.fixture(scope="module")
def go(tmp_path_factory):
    if not shutil.which("go"):
        pytest.skip("needs the go command")
    program = subprocess.run([SCRIPT, "install"], check=True, capture_output=True, text=True).stdout.strip()
    file = tmp_path_factory.mktemp("go") / "records"

    def run(name, lines, **env):
        file.write_text(json.dumps(odd.records(lines)))
        done = subprocess.run([program, name, file], env={"HOME": "/", **env}, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return run


WITH_NUL = [*odd.LINES, odd.NUL]


@pytest.mark.parametrize("name", ["elasticsearch7", "elasticsearch9", "opensearch"])
def test_elasticsearch(go, server, name):
    go(name, WITH_NUL, URL=server.url + "/elasticsearch")
    odd.check(server, '{index="shop"}', WITH_NUL)


def test_opentelemetry_over_http(go, server):
    go("otel-slog", WITH_NUL, URL=server.url)
    odd.check(server, '{service_name="shop"} | scope_name="orders" | detected_level="warn"', WITH_NUL)


def test_opentelemetry_over_grpc(go):
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"]) as server:
        go("otel-zap", WITH_NUL, ADDRESS=f"127.0.0.1:{server.door('grpc')}")
        odd.check(server, '{service_name="shop"} | scope_name="orders" | detected_level="warn"', WITH_NUL)


@pytest.mark.parametrize("name", ["fluent", "fluent-ack", "fluent-async"])
def test_fluent_logger(go, name):
    with bole.Server(args=["--listen-forward", "127.0.0.1:0"]) as server:
        go(name, WITH_NUL, ADDRESS=f"127.0.0.1:{server.door('forward')}")
        odd.check(server, '{service_name="shop.orders"} | tag="shop.orders"', WITH_NUL)


@pytest.mark.parametrize("name,more", [("loki", {"text"}), ("loki-json", set()), ("slog-loki", set())])
def test_loki(go, server, name, more):
    go(name, odd.LINES, URL=server.url)
    odd.check(server, '{app="shop"}', odd.LINES, lambda n: {"n": str(n), **({"text": f"ü\n{n}"} if more else {})})


@pytest.mark.parametrize("name", ["gelf-gzip", "gelf-zlib", "gelf-none", "gelf-tcp"])
def test_gelf(go, name):
    with bole.Server(args=["--listen-gelf", "127.0.0.1:0"]) as server:
        go(name, odd.LINES, ADDRESS=f"127.0.0.1:{server.door('gelf')}")
        found = odd.check(server, '{service_name="shop", host="h1"} | detected_level="warn"', odd.LINES,
                          lambda n: {name: value for name, value in odd.fields(n).items() if "nested" not in name})
        assert json.loads(found[0][1]["nested"])["list"] == [1, "zwei", {"drei": 3}]


def test_logrus_to_syslog(go):
    """The record is JSON on one line, so that it is whole over TCP, too."""
    with bole.Server(args=["--listen-syslog", "127.0.0.1:0"]) as server:
        go("logrus-syslog", WITH_NUL, ADDRESS=f"127.0.0.1:{server.door('syslog')}")
        found = odd.stored(server, '{service_name="shop"} | facility="local3" | detected_level="warn"', len(WITH_NUL))
        said = [json.loads(line) for line, _ in found]
        assert sorted(record["msg"] for record in said) == sorted(WITH_NUL)
        assert {(r["n"], r["big"], r["nested"]["deep"]["id"]) for r in said} == {(n, odd.BIG - n, n) for n in range(len(WITH_NUL))}


def test_srslog(go, tmp_path):
    certificate, key = make_certificate(tmp_path, "bole-test")
    with bole.Server(args=["--listen-syslog-tls", "127.0.0.1:0", "--door-tls-cert", str(certificate), "--door-tls-key", str(key)]) as server:
        go("srslog", odd.LINES, ADDRESS=f"127.0.0.1:{server.door('syslog_tls')}")
        found = odd.stored(server, '{service_name=~".*senders"} | msg_id="shop" | facility="local3" | detected_level="warn"', len(odd.LINES))
        assert sorted(line for line, _ in found) == sorted(odd.LINES)

