"""Agents of others read a file and send it; every line is read back, also when the server is killed meanwhile."""

import collections
import contextlib
import json
import pathlib
import shutil
import signal
import subprocess
import time

import pytest

import bole

HERE = pathlib.Path(__file__).parent
LINES = [f"line {i} of 2000, ü € \"quoted\"\ttab {'x' * (i % 300 + 1)}" for i in range(2000)] + ["y" * 12000]


def program(name):
    if not shutil.which("go"):
        pytest.skip("needs the go command")
    return subprocess.run([HERE / f"{name}.sh", "install"], check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def running(command, folder):
    with open(folder / "agent.log", "wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def wait_for_lines(server, query, lines, seconds=60):
    """All of them, and no others; sent twice is allowed where `lines` is a set."""
    end = time.monotonic() + seconds
    got = []
    while time.monotonic() < end:
        got = [line for _, line in server.lines(query, limit=20000)]
        if len(set(got)) >= len(set(lines)):
            break
        time.sleep(0.3)
    if isinstance(lines, set):
        assert set(got) == lines
    else:
        assert collections.Counter(got) == collections.Counter(lines)


def filebeat_settings(server, folder):
    return json.dumps({
        "filebeat.inputs": [{"type": "log", "paths": [str(folder / "app.log")], "scan_frequency": "1s", "fields": {"app": "shop"}}],
        "output.elasticsearch": {"hosts": [f"{server.url}/elasticsearch"], "bulk_max_size": 200, "backoff.init": "1s", "backoff.max": "1s"},
        "setup.ilm.enabled": "auto", "logging.to_stderr": True, "path.data": str(folder / "data"), "path.logs": str(folder)})


@pytest.fixture
def filebeat(tmp_path):
    command = [program("filebeat"), "-e", "-c", str(tmp_path / "filebeat.yml"), "--strict.perms=false"]

    def start(server):
        (tmp_path / "filebeat.yml").write_text(filebeat_settings(server, tmp_path))
        return running(command, tmp_path)
    return start


QUERY = '{service_name=~".+"} | fields_app="shop"'


def test_filebeat(filebeat, server, tmp_path):
    (tmp_path / "app.log").write_text("\n".join(LINES) + "\n")
    with filebeat(server):
        wait_for_lines(server, QUERY, LINES)


def test_filebeat_while_the_server_is_killed(filebeat, tmp_path):
    with bole.Server(data=tmp_path / "server") as server, open(tmp_path / "app.log", "w", buffering=1) as log, filebeat(server):
        server.args += ["--listen", f"127.0.0.1:{server.port}"]
        for start in range(0, 2000, 500):
            for line in LINES[start:start + 500]:
                log.write(line + "\n")
            time.sleep(1.5)
            server.kill()
            server.start()
        wait_for_lines(server, QUERY, set(LINES[:2000]))


EXPORTERS = {
    "otlphttp": lambda server: {"endpoint": server.url},
    "otlp": lambda server: {"endpoint": f"127.0.0.1:{server.door('grpc')}", "tls": {"insecure": True}},
    "elasticsearch": lambda server: {"endpoints": [f"{server.url}/elasticsearch"], "logs_index": "shop", "mapping": {"mode": "ecs"}},
    "splunk_hec": lambda server: {"endpoint": f"{server.url}/services/collector", "token": "any", "index": "shop"},
}


@pytest.mark.parametrize("name", EXPORTERS)
def test_collector(tmp_path, name):
    command = [program("collector"), "--config", str(tmp_path / "collector.yml")]
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"]) as server:
        (tmp_path / "collector.yml").write_text(json.dumps({
            "receivers": {"filelog": {"include": [str(tmp_path / "app.log")], "start_at": "beginning", "poll_interval": "200ms",
                                      "resource": {"service.name": "shop"}}},
            "exporters": {name: EXPORTERS[name](server)},
            "service": {"telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"logs": {"receivers": ["filelog"], "exporters": [name]}}}}))
        (tmp_path / "app.log").write_text("\n".join(LINES) + "\n")
        with running(command, tmp_path):
            wait_for_lines(server, '{service_name="shop"}', LINES)
