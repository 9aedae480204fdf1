"""Settings from a file, the environment and flags."""

import re
import subprocess

import bole
import pytest

PAGE = (bole.ROOT / "docs/configuration.md").read_text()


def settings(server):
    return server.get("/config").text


def refused(*args, env=None):
    done = subprocess.run([str(bole.BINARY), "serve", "--listen", "127.0.0.1:0", *args], capture_output=True, text=True, timeout=20,
                          env=env)
    assert done.returncode == 2, done.stderr
    return done.stderr.splitlines()[0]


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "bole.yml"
        path.write_text(text)
        return str(path)
    return write


def test_the_last_of_file_environment_and_flags_holds(file):
    path = file("retention: {time: 30d, size: 5GB}\nmemory_limit: 300MB\nhosts: [one]\n")
    with bole.Server(args=["--config", path, "--memory-limit", "500MB", "--host", "three"],
                     env={"BOLE_RETENTION_TIME": "2h", "BOLE_MEMORY_LIMIT": "400MB", "BOLE_HOSTS": "two; deux"}) as server:
        text = settings(server)
        assert "memory_limit: 500000000\n" in text
        assert "  time: 7200s\n" in text
        assert "  size: 5000000000\n" in text
        assert 'hosts: ["one", "two", "deux", "three"]\n' in text


def test_what_is_in_force_can_be_read_as_a_file(file):
    rule = """{app="it's \\\\"odd\\\\""}=7d"""
    with bole.Server(args=["--retention-rule", "acme:=1d", "--retention-rule", rule.replace("\\\\", "\\"), "--retention-size", "1GB",
                           "--detect-level", "no", "--discover-service-name", "a,b", "--tail", "/none/ä\t*"]) as server:
        first = settings(server)
    with bole.Server(args=["--config", file(first)]) as server:
        def comparable(text):
            return re.sub(r"^(listen|data): .*", "", text, flags=re.M)
        assert comparable(settings(server)) == comparable(first)


def test_a_file_by_environment_and_an_empty_list(file):
    with bole.Server(env={"BOLE_CONFIG": file("receive: {discover_service_name: []}\nlog_level:\n")}) as server:
        assert '  discover_service_name: ""\n' in settings(server)


def test_the_documented_file_is_taken_and_knows_every_setting(file):
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.S).group(1)
    table = re.search(r"settings_table\[\] = \{(.*?)\n\};", (bole.ROOT / "src/cmd/cmd_serve.c").read_text(), re.S).group(1)
    for path in re.findall(r'\{"([a-z_.]+)"', table):
        assert re.search(rf"^ *{path.split('.')[-1]}:", example, re.M), path
    # Certificate and key are not there: that is the first thing that is wrong.
    with pytest.raises(RuntimeError, match="cert.pem"):
        bole.Server(args=["--config", file(example)])


@pytest.mark.parametrize("text, message", [
    ("dtaa: x\n", 'bole.yml:1:1: unknown key "dtaa"; did you mean "data"?'),
    ("# c\nretention:\n  tim: 3d\n", 'bole.yml:3:3: unknown key "tim"; did you mean "time"?'),
    ("retention: 5d\n", "bole.yml:1:12: retention has settings below it"),
    ("memory_limit: lots\n", "bole.yml:1:15: memory_limit: 'lots' is no size; write 64MB, 1GiB or a number of bytes"),
    ("data: [a]\n", "bole.yml:1:7: data is one text or number"),
    ('data: "a\\0b"\n', "bole.yml:1:7: data is one text or number"),
    ("insecure: perhaps\n", "bole.yml:1:11: insecure: 'perhaps' is neither true nor false"),
    ("retention: {rules: [x]}\n", "bole.yml:1:21: retention.rules: 'x' is no rule"),
    ("data: a\ndata: b\n", 'bole.yml:2:1: the key "data" is here twice'),
    ("data: [\n", "bole.yml:2:1: "),
])
def test_what_is_wrong_is_named_with_its_place(file, text, message):
    line = refused("--config", file(text))
    assert message in line


def test_a_missing_file_and_a_bad_environment_are_refused():
    assert "/none/bole.yml: No such file" in refused("--config", "/none/bole.yml")
    assert "BOLE_RETENTION_TIME: '3x' is no time" in refused(env={"BOLE_RETENTION_TIME": "3x"})


def status(server, host, path="/ready", method="GET", origin=None):
    return server.request(method, path, headers={"Host": host, **({"Origin": origin} if origin else {})}).status


def test_a_server_answers_to_its_names_and_writes_for_its_own_pages(file):
    import socket
    with bole.Server(args=["--config", file("hosts: [logs.example.org]\ninsecure: true\n"), "--host", "second.example"]) as server:
        for name in ("logs.example.org", "LOGS.example.org:8080", "second.example", "127.0.0.1", socket.gethostname()):
            assert status(server, name) == 200, name
        assert status(server, "evil.example") == 403
        clear = "/loki/api/v1/delete?query=%7Ba%3D%22b%22%7D&start=1700000000"
        assert status(server, "logs.example.org", clear, "POST", "http://evil.example") == 403
        assert status(server, "logs.example.org", clear, "POST", "https://logs.example.org") == 204
    with bole.Server(args=["--host", "*"]) as server:
        assert status(server, "evil.example") == 200
        assert status(server, "evil.example", clear, "POST", "http://other.example") == 403


def test_no_free_space_may_be_kept_at_all():
    with bole.Server(args=["--disk-reserve", "0"]) as server:
        assert "disk_reserve: 0\n" in server.get("/config").text
