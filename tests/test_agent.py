"""The agent's configuration, what it shows and tells, and the rules that it runs."""

import contextlib
import gzip
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import pytest

import bole

WAIT_S = 60


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(condition):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := condition():
                return found
        time.sleep(0.05)
    raise AssertionError("it never came")


def run(*args, code=0):
    done = subprocess.run([str(bole.BINARY), *map(str, args)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


class Agent:
    """`bole agent` with a configuration file; its log is read when it has ended."""

    def __init__(self, folder, server, text="", args=()):
        self.logs, self.listen = folder / "log", f"127.0.0.1:{free_port()}"
        self.logs.mkdir(exist_ok=True)
        self.config = folder / "agent.yml"
        self.head = f"server: {{url: '{server}'}}\nstate: {folder}/state\njournal: false\nstatus: {{listen: '{self.listen}'}}\n"
        self.write(text or f"files: {{include: ['{self.logs}/*.log']}}\n")
        self.log = open(folder / "agent.err", "w+")
        self.process = subprocess.Popen([str(bole.BINARY), "agent", "--config", str(self.config), *map(str, args)], stderr=self.log)

    def write(self, text):
        self.config.write_text(self.head + text)

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.listen}{path}", timeout=10) as answer:
            return answer.read().decode()

    def status(self):
        return json.loads(self.get("/api/v1/agent"))

    def input(self, name):
        return next((i for i in self.status()["inputs"] if i["path"].endswith("/" + name)), None)

    def said(self):
        self.log.flush()
        return open(self.log.name).read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(30) == 0, self.said()
        self.log.close()


def stored(server, query='{job="varlogs"}'):
    return [line for _, line in server.lines(query)]


def test_status_and_metrics_tell_of_every_input_and_of_the_server(tmp_path, server):
    with Agent(tmp_path, server.url) as agent:
        (agent.logs / "app.log").write_text("one\ntwo\n" + "x" * 800_000 + "\n")
        (agent.logs / "packed.log").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\n")
        wait_for(lambda: len(stored(server)) == 3)
        wait_for(lambda: agent.status()["state"] == "idle")
        app, packed = agent.input("app.log"), agent.input("packed.log")
        assert (app["state"], app["lines"], app["lag_bytes"], app["cut_lines"]) == ("following", 3, 0, 1)
        assert (packed["state"], packed["reason"]) == ("skipped", "gzip")
        metrics = agent.get("/metrics")
        for line in ("bole_agent_inputs 2", "bole_agent_inputs_unread 1", "bole_agent_sent_records_total 3", "bole_agent_server_away 0",
                     "bole_agent_spool_groups 0", "bole_agent_cut_lines_total 1"):
            assert f"\n{line}\n" in metrics, metrics
        assert len(re.findall(r"^# TYPE (\S+) (?:counter|gauge)\n\1 \d+$", metrics, re.M)) == metrics.count("# HELP ")
        table = run("agent", "status", "--listen", agent.listen)
        assert f"idle to {server.url}: 3 records sent" in table and "packed.log  (gzip)" in table
        assert json.loads(run("agent", "status", "--listen", agent.listen, "--json"))["figures"]["sent_records_total"] == 3
        assert agent.get("/ready") == "idle\n"
        server.kill()
        (agent.logs / "app.log").open("a").write("three\n")
        wait_for(lambda: agent.status()["last_error"])
        assert "nobody listens" in run("agent", "status", "--listen", agent.listen)
    assert "no agent answers" in run("agent", "status", "--listen", f"127.0.0.1:{free_port()}", code=1)


def test_sighup_reads_globs_and_rules_again(tmp_path, server):
    rules = tmp_path / "rules.yml"
    rules.write_text("rules: []\n")
    more = f"process: {{file: {rules}}}\n"
    files = f"files: {{include: ['{tmp_path}/log/a*.log'], exclude: ['*-no.log']}}\n"
    with Agent(tmp_path, server.url, more + files) as agent:
        for name in ("a.log", "a-no.log", "b.log"):
            (agent.logs / name).write_text(f"mail me@example.org in {name}\n")
        wait_for(lambda: stored(server) == ["mail me@example.org in a.log"])
        rules.write_text("rules:\n  - redact: {detect: [email]}\n")
        agent.write(more + f"files: {{include: ['{tmp_path}/log/b*.log']}}\n")
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: len(stored(server)) == 2)
        assert not re.search("me@example.org in b", "".join(stored(server)))
        (agent.logs / "c.log").write_text("c\n")
        for wrong in ("files: {include: 7}\n", "files: [\n", f"files: {{include: ['relative/*.log']}}\n"):
            before = agent.said().count("configuration not read again")
            agent.write(wrong)
            agent.process.send_signal(signal.SIGHUP)
            wait_for(lambda: agent.said().count("configuration not read again") > before)
        (agent.logs / "b.log").open("a").write("still read\n")
        wait_for(lambda: len(stored(server)) == 3)
        assert "c" not in stored(server)


def test_each_input_has_labels_of_its_own_which_sighup_reads_again(tmp_path, server):
    inputs = ("inputs:\n- {{files: ['{0}/log/shop*.log'], exclude: ['*-no.log'], labels: {{job: shop, env: {1}, host: }}}}\n"
              "- {{files: ['{0}/log/wrapped'], container: true, auto_labels: false, labels: {{job: box}}}}\n")
    with Agent(tmp_path, server.url, inputs.format(tmp_path, "prod")) as agent:
        for name in ("shop.log", "shop-no.log", "other.log"):
            (agent.logs / name).write_text(f"in {name}\n")
        (agent.logs / "wrapped").write_text(cri("stderr", "F", "in a box"))
        wait_for(lambda: sorted(stored(server, '{job=~".+"}')) == ["in a box", "in shop.log"])
        agent.write(inputs.format(tmp_path, "test"))
        agent.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "configuration read again" in agent.said())
        (agent.logs / "shop.log").open("a").write("later\n")
        wait_for(lambda: len(stored(server, '{job=~".+"}')) == 3)
    series = server.get("/loki/api/v1/series", {"start": 1, "end": int(time.time() + 60)}).json()["data"]
    assert {(s["filename"].rpartition("/")[2], s["job"], s.get("env"), s.get("stream"), s.get("service_name")) for s in series} == {
        ("shop.log", "shop", "prod", None, "shop"), ("shop.log", "shop", "test", None, "shop"), ("wrapped", "box", None, "stderr", "box")}
    assert not any("host" in s for s in series)


PROMTAIL = """
clients: [{{url: '{url}/loki/api/v1/push', external_labels: {{dc: fra}}}}]
positions: {{filename: {dir}/positions.yaml}}
server: {{http_listen_port: 9080}}
scrape_configs:
- job_name: web
  static_configs:
  - labels: {{job: web, __path__: '{dir}/log/*.json', __path_exclude__: '{dir}/log/no*'}}
  pipeline_stages:
  - json: {{expressions: {{level: , at: time, msg: , user: who.name, id: trace}}}}
  - timestamp: {{source: at, format: RFC3339}}
  - labels: {{level: }}
  - structured_metadata: {{id: }}
  - match: {{selector: '{{level="debug"}}', action: drop}}
  - replace: {{expression: '(secret)', replace: '***', source: msg}}
  - output: {{source: msg}}
- job_name: java
  static_configs:
  - labels: {{job: java, env: '${{ENV:-prod}}', __path__: '{dir}/log/*.java'}}
  pipeline_stages:
  - multiline: {{firstline: '^\\d', max_wait_time: 1s}}
  - regex: {{expression: '^\\d+ (?P<level>\\S+)'}}
  - labels: {{level: }}
"""


def test_promtails_configuration_and_positions_are_taken_over(tmp_path, server):
    logs, config = tmp_path / "log", tmp_path / "promtail.yml"
    logs.mkdir()
    lines = ['{"level":"info","time":"2026-11-21T10:00:0%dZ","msg":"a secret %d","who":{"name":"joe"},"trace":"t%d"}\n' % (n, n, n) for n in range(4)]
    (logs / "a.json").write_text("".join(lines) + '{"level":"debug","msg":"gone"}\n')
    (logs / "no.json").write_text(lines[0])
    (logs / "x.java").write_text("1 ERROR boom\n at a\n at b\n2 INFO fine\n")
    (tmp_path / "positions.yaml").write_text(f'positions:\n  {logs}/a.json: "{len(lines[0])}"\n')  # promtail had read one line
    config.write_text(PROMTAIL.format(url=server.url, dir=tmp_path))
    args = ["--promtail", config, "--expand-env", "--state", tmp_path / "state", "--listen", "off"]
    shown = run("agent", *args, "--check")
    assert "following" in shown and "no.json" not in shown and not (tmp_path / "state").exists()
    converted = run("agent", *args, "--convert")
    assert "env': 'prod'" in converted
    (tmp_path / "agent.yml").write_text(converted)
    for name, how in (("promtail", args), ("again", args), ("converted", ["--config", tmp_path / "agent.yml", "--state", tmp_path / "state", "--listen", "off"])):
        with open(tmp_path / f"{name}.err", "w+") as log:
            agent = subprocess.Popen([str(bole.BINARY), "agent", *map(str, how)], stderr=log)
            try:
                (logs / f"{name}.java").write_text(f"3 INFO {name}\n4\n")
                wait_for(lambda: f"3 INFO {name}" in stored(server, '{job="java"}'))
                wait_for(lambda: len(stored(server, '{job="web"}')) == 3)
                wait_for(lambda: "1 ERROR boom\n at a\n at b" in stored(server, '{job="java", env="prod", level="ERROR", dc="fra"}'))
            finally:
                agent.terminate()
                assert agent.wait(30) == 0
    assert "goes on where promtail was" in (tmp_path / "promtail.err").read_text()
    assert "server: metrics and status are at" in (tmp_path / "promtail.err").read_text()
    assert sorted(server.lines('{job="web"}')) == [
        (1795255200000000000 + n * 10**9, f"a *** {n}") for n in range(1, 4)]
    assert stored(server, '{job="web", level="info"} | id="t2" | user=""') == ["a *** 2"]
    [series] = server.get("/loki/api/v1/series", {"match[]": '{job="web"}', "start": 1, "end": int(time.time() + 60)}).json()["data"]
    assert series == {"job": "web", "dc": "fra", "level": "info", "filename": f"{logs}/a.json", "service_name": "web"}


def test_a_promtail_configuration_that_cannot_be_taken_over_is_refused(tmp_path):
    config = tmp_path / "promtail.yml"
    config.write_text("scrape_configs:\n- kubernetes_sd_configs: [{role: pod}]\n")
    assert "promtail.yml:2:3: in a pod" in run("agent", "--promtail", config, "--check", code=2)
    assert "one of them" in run("agent", "--promtail", config, "--config", config, code=2)
    assert "--convert needs --promtail" in run("agent", "--convert", code=2)


def test_rules_drop_and_refuse_before_anything_is_sent(tmp_path, server):
    rules = tmp_path / "rules.yml"
    rules.write_text("rules:\n  - match: '{filename=~\".*noise.log\"}'\n    drop: true\n"
                     "  - match: '{filename=~\".*app.log\"}'\n    redact: {detect: [email]}\n")
    with Agent(tmp_path, server.url, f"process: {{file: {rules}}}\nfiles: {{include: ['{tmp_path}/log/*.log']}}\nlanes: 3\n") as agent:
        (agent.logs / "noise.log").write_text("noise\n" * 1000)
        (agent.logs / "app.log").write_text("".join(f"number={n} of me@example.org\n" for n in range(5000)))
        (agent.logs / "other.log").write_text("other\n")
        wait_for(lambda: len(stored(server)) == 5001)
        assert "noise" not in stored(server) and "me@" not in "".join(stored(server))
        numbers = [int(line.split("=")[1].split()[0]) for line in stored(server) if line.startswith("number")]
        assert sorted(numbers) == list(range(5000))
        for spool in (tmp_path / "state.spool").glob("*.wal"):
            assert b"me@example.org" not in spool.read_bytes()


def test_check_shows_what_would_be_read_and_sends_nothing(tmp_path, server):
    logs = tmp_path / "log"
    logs.mkdir()
    (logs / "app.log").write_text("2026-11-21T10:00:00Z level=error failed\n")
    (logs / "packed.log").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\n")
    shown = run("agent", "--check", "--addr", server.url, "--no-journal", "--state", tmp_path / "state", logs / "*.log")
    assert f"{logs}/app.log  following" in shown and f"{logs}/packed.log  skipped (gzip)" in shown
    assert 'service_name="app"' in shown and "2026-11-21T10:00:00.000Z  detected_level=error" in shown
    assert stored(server) == [] and not (tmp_path / "state").exists() and not (tmp_path / "state.spool").exists()
    assert run("agent", "--check", "--no-journal", logs / "*.none") == "no file matches\n"


@pytest.mark.parametrize("text, wrong", [
    ("spool: {full: sometimes}\n", "agent.yml:1:15: spool.full: block or drop-oldest"),
    ("sever: {url: x}\n", 'unknown key "sever"; did you mean "server"?'),
    ("lanes: 99\n", "from 1 to 16"),
    ("files: {include: {a: b}}\n", "files.include"),
    ("inputs: [{files: a.log}]\n", "agent.yml:1:18: not an absolute path"),
])
def test_a_wrong_configuration_is_refused_with_its_place(tmp_path, text, wrong):
    config = tmp_path / "agent.yml"
    config.write_text(text)
    assert wrong in run("agent", "--config", config, "--check", code=2)


def test_what_a_server_does_not_read_of_its_files_it_says(tmp_path):
    (tmp_path / "good.log").write_text("good\n")
    (tmp_path / "packed.log").write_bytes(gzip.compress(b"packed\n"))
    (tmp_path / "long.log").write_text("x" * 900_000 + "\n")
    os.mkfifo(tmp_path / "fifo.log")
    with bole.Server(args=["--tail", f"{tmp_path}/*.log"]) as server:
        for name, said in (("packed", "gzip"), ("fifo", "device, FIFO or socket"), ("long", "over the limit was cut")):
            wait_for(lambda: sum(f"{name}.log" in line and said in line for line in server.log) == 1)
        figures = {"inputs": 4, "inputs_unread": 2, "lines_total": 2, "cut_lines_total": 1, "lag_bytes": 0}
        wait_for(lambda: {name: server.metric(f"bole_agent_{name}") for name in figures} == figures)
        assert server.metric("bole_agent_bytes_total") > 0
        assert server.get("/api/v1/status").json()["agent"]["inputs"] == 4


TRACES = bole.ROOT / "tests" / "traces"


def records_of(language):
    """The records that stand in a file of traces, with %% between them."""
    return [r.strip("\n") for r in (TRACES / f"{language}.txt").read_text().split("%%\n")]


def cri(stream, tag, text):
    return f"2026-11-22T03:40:00.5Z {stream} {tag} {text}\n"


def test_traces_are_one_record_each_whatever_is_killed_and_rotated(tmp_path, server):
    wanted = {name: records_of(name) for name in ("java", "python", "go")}
    config = f"files: {{include: ['{tmp_path}/log/*.log']}}\n" \
             "multiline:\n  - {files: '*java*', detect: java}\n  - {files: '*', detect: [python, go], flush: 2s}\n"
    (tmp_path / "log").mkdir()
    lines = {name: (TRACES / f"{name}.txt").read_text().replace("%%\n", "").splitlines(True) for name in wanted}
    rounds = max(map(len, lines.values()))
    agent = Agent(tmp_path, server.url, config)
    try:
        for i in range(rounds):
            for name, text in lines.items():
                with open(tmp_path / "log" / f"{name}.log", "a") as out:
                    out.write("".join(text[i:i + 1]))
            if i % 9 == 8:
                known = lambda: (tmp_path / "state").read_bytes()
                wait_for(lambda: all(agent.input(f"{name}.log") and f"/{name}.log".encode() in known() for name in lines))
                agent.process.kill()
                agent.process.wait(30)
                for name in lines if i % 27 == 26 else ():
                    os.rename(tmp_path / "log" / f"{name}.log", tmp_path / "log" / f"{name}.{i}.old")
                agent = Agent(tmp_path, server.url, config)
        wanted_lines = sorted("".join(map("".join, lines.values())).rstrip("\n").split("\n"))
        wait_for(lambda: len("\n".join(stored(server)).split("\n")) >= len(wanted_lines))
        assert sorted("\n".join(stored(server)).split("\n")) == wanted_lines
    finally:
        agent.process.kill()
        agent.process.wait(30)


def test_a_trace_is_one_record_in_the_store(tmp_path, server):
    (tmp_path / "log").mkdir()
    for name in ("java", "python", "go", "ruby", "dotnet", "node"):
        (tmp_path / "log" / f"{name}.log").write_text((TRACES / f"{name}.txt").read_text().replace("%%\n", ""))
    with Agent(tmp_path, server.url, args=["--multiline", "all"]) as agent:
        wanted = sorted(r for name in ("java", "python", "go", "ruby", "dotnet", "node") for r in records_of(name))
        wait_for(lambda: len(stored(server)) >= len(wanted))
        assert sorted(stored(server)) == wanted


def test_logs_of_containers_are_taken_out_of_their_wrapping(tmp_path, server):
    pod, docker, name = tmp_path / "pods/shop_pay-7d9f_0b7c/pay", tmp_path / "containers/" / ("ab" * 32), "ab" * 32
    pod.mkdir(parents=True)
    docker.mkdir(parents=True)
    (pod / "0.log").write_text(cri("stdout", "F", "one") + cri("stderr", "P", "two ") + cri("stdout", "F", "three") + cri("stderr", "F", "halves"))
    (docker / f"{name}-json.log").write_text("".join(
        json.dumps({"log": text, "stream": "stdout", "time": "2026-11-22T03:40:00.25Z"}) + "\n" for text in ("a \"quoted\" ", "line\n", "next\n")))
    with Agent(tmp_path, server.url, f"files: {{include: ['{tmp_path}/pods/*/*/*.log', '{tmp_path}/containers/*/*-json.log']}}\n"):
        wait_for(lambda: len(server.lines('{host=~".+"}')) == 5)
        assert sorted(line for _, line in server.lines('{namespace="shop", pod="pay-7d9f", container="pay", stream="stdout"}')) == ["one", "three"]
        assert server.lines('{job="shop/pay", stream="stderr", service_name="pay"} | pod_uid="0b7c"') == [(1795318800500000000, "two halves")]
        assert sorted(server.lines('{job="docker/abababababab", stream="stdout"}')) == [
            (1795318800250000000, 'a "quoted" line'), (1795318800250000000, "next")]


def test_standard_input_is_stored_whole_and_the_agent_ends(tmp_path, server):
    text = "".join(f"number={n}\n" for n in range(20_000)) + "x" * 300_000 + "\nlast without an end"
    done = subprocess.run([str(bole.BINARY), "agent", "--addr", server.url, "--stdin", "--state", str(tmp_path / "state"), "--listen", "off"],
                          input=text.encode(), capture_output=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr
    lines = [line for _, line in server.lines('{job="stdin", service_name="stdin"}')]
    assert sorted(lines) == sorted(text.split("\n"))


def test_what_was_read_of_a_pipe_outlives_the_end_of_the_agent_and_of_the_server(tmp_path, server):
    command = [str(bole.BINARY), "agent", "--addr", server.url, "--stdin", "--state", str(tmp_path / "state"), "--listen", "off"]
    server.kill()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as agent:
        agent.stdin.write("".join(f"line {n}\n" for n in range(5000)).encode())
        agent.stdin.flush()
        spool = tmp_path / "state.spool"
        wait_for(lambda: any(b"BCUT" in f.read_bytes() for f in spool.glob("*.wal")))
        agent.terminate()
        assert agent.wait(WAIT_S) == 0
    server.args += ["--listen", server.url.removeprefix("http://")]
    server.start()
    done = subprocess.run(command, input=b"", capture_output=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr
    assert sorted(line for _, line in server.lines('{job="stdin"}')) == sorted(f"line {n}" for n in range(5000))


def test_commands_are_read_started_again_and_run_at_their_interval(tmp_path, server):
    config = ("command:\n  - {name: ticks, run: 'echo tick; echo trouble >&2', interval: 1s}\n"
              f"  - {{name: lasting, run: 'echo begun; exec sleep 600'}}\n  - {{name: failing, run: 'echo failed; exit 3'}}\n")
    with Agent(tmp_path, server.url, config + "files: {include: ['/nowhere/*.log']}\n") as agent:
        wait_for(lambda: len(server.lines('{job="command", service_name="ticks"} |= "tick"')) >= 2)
        wait_for(lambda: len(server.lines('{service_name="failing"}')) >= 2)
        wait_for(lambda: server.lines('{service_name="ticks"} |= "trouble"'))
        wait_for(lambda: [line for _, line in server.lines('{service_name="lasting"}')] == ["begun"])
        wait_for(lambda: any(i["path"] == "lasting" and i["state"] == "following" and i["lines"] == 1 for i in agent.status()["inputs"]))
        wait_for(lambda: any(i["path"] == "failing" and i["reason"] == "ended with 3" for i in agent.status()["inputs"]))
        assert "command ended: it is started again" in agent.said()


def test_a_command_whose_reader_ends_is_ended_by_the_signal(tmp_path, server):
    config = "command: [{name: cut, run: 'yes | head -1; echo done', interval: 600s}]\nfiles: {include: ['/nowhere/*.log']}\n"
    with Agent(tmp_path, server.url, config):
        wait_for(lambda: any(line == "done" for _, line in server.lines('{service_name="cut"}')))
        assert sorted(line for _, line in server.lines('{service_name="cut"}')) == ["done", "y"]


def test_standard_output_gets_lines_of_json(tmp_path):
    (tmp_path / "a.log").write_text('2026-11-21T10:00:00.5Z level=error "quoted" \x01 mail me@example.org\n')
    rules = tmp_path / "rules.yml"
    rules.write_text("rules:\n  - redact: {detect: [email]}\n")
    with subprocess.Popen([str(bole.BINARY), "agent", "--output", "stdout", "--no-journal", "--listen", "off", "--process", str(rules), "--state",
                           str(tmp_path / "state"), str(tmp_path / "*.log")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as agent:
        row = json.loads(agent.stdout.readline())
        agent.terminate()
        assert agent.wait(WAIT_S) == 0 and agent.stdout.read() == b""
    assert row["time"] == "2026-11-21T10:00:00.500000000Z" and row["line"].endswith('"quoted" \x01 mail [email]')
    assert row["labels"]["service_name"] == "a" and row["fields"] == {"detected_level": "error"}


class Cluster(http.server.ThreadingHTTPServer):
    """The part of the Kubernetes API that tells of pods: list, and watch as a stream of lines."""

    daemon_threads = True

    def __init__(self, token):
        self.token, self.pods, self.asked, self.changes, self.broken = token, {}, [], threading.Condition(), False
        super().__init__(("127.0.0.1", 0), Pods)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def put(self, namespace, name, uid, labels, annotations=None):
        with self.changes:
            self.pods[namespace, name] = {"metadata": {"namespace": namespace, "name": name, "uid": uid, "labels": labels,
                                                       "annotations": annotations or {}, "resourceVersion": str(len(self.pods) + 7)}}
            self.changes.notify_all()


class Pods(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(url.query))
        cluster = self.server
        cluster.asked.append((url.path, asked))
        good = self.headers.get("Authorization") == f"Bearer {cluster.token}" and not cluster.broken
        self.send_response(200 if good else 403)
        if not good or "watch" not in asked:
            with cluster.changes:
                body = json.dumps({"kind": "PodList", "metadata": {"resourceVersion": "7"}, "items": list(cluster.pods.values())}).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        known = set()
        with contextlib.suppress(OSError), cluster.changes:
            while not cluster.broken:
                for key in set(cluster.pods) - known:
                    line = json.dumps({"type": "ADDED", "object": cluster.pods[key]}).encode() + b"\n"
                    for part in (line[:20], line[20:]):
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                        self.wfile.flush()
                    known.add(key)
                cluster.changes.wait(0.2)
            self.wfile.write(b"0\r\n\r\n")


def make_pod_log(tmp_path, namespace, pod, uid, text):
    folder = tmp_path / f"pods/{namespace}_{pod}_{uid}/main"
    folder.mkdir(parents=True)
    (folder / "0.log").write_text(cri("stdout", "F", text))


def test_pods_have_the_labels_that_their_cluster_tells(tmp_path, server):
    (tmp_path / "token").write_text("secret\n")
    cluster = Cluster("secret")
    cluster.put("shop", "pay-1", "u1", {"app": "pay", "app.kubernetes.io/name": "payments", "team": "blue", "9lives": "yes"}, {"shop.example/owner": "ann"})
    make_pod_log(tmp_path, "shop", "pay-1", "u1", "first")
    config = (f"files: {{include: ['{tmp_path}/pods/*/*/*.log']}}\nkubernetes: {{api: 'http://127.0.0.1:{cluster.server_port}', node: node-7, "
              f"token_file: {tmp_path}/token, labels: [team, app.kubernetes.io/name, 9lives, none], annotations: [shop.example/owner]}}\n")
    try:
        with Agent(tmp_path, server.url, config) as agent:
            query = '{team="blue", app_kubernetes_io_name="payments", _9lives="yes", pod="pay-1", service_name="payments"} | shop_example_owner="ann"'
            wait_for(lambda: [line for _, line in server.lines(query)] == ["first"])
            assert cluster.asked[0] == ("/api/v1/pods", {"fieldSelector": "spec.nodeName=node-7"})
            make_pod_log(tmp_path, "shop", "late-1", "u2", "of a pod that the list did not have")
            cluster.put("shop", "late-1", "u2", {"app": "late"})
            wait_for(lambda: len(server.lines('{service_name="late", pod="late-1"}')) == 1)
            assert any(asked.get("resourceVersion") == "7" and asked.get("watch") == "1" for _, asked in cluster.asked)
            cluster.broken = True
            make_pod_log(tmp_path, "shop", "unknown-1", "u3", "nobody knows it")
            wait_for(lambda: len(server.lines('{pod="unknown-1", service_name="main"}')) == 1)
            wait_for(lambda: "tells nothing of pods" in agent.said())
            cluster.broken = False
            cluster.put("shop", "back-1", "u4", {"app": "back"})
            make_pod_log(tmp_path, "shop", "back-1", "u4", "known again")
            wait_for(lambda: len(server.lines('{pod="back-1"}')) == 1)
    finally:
        cluster.shutdown()
        cluster.server_close()
