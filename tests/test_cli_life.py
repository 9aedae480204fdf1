"""Starting, stopping, and two of one kind at once; `bole check` where there is nothing to check."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

import bole
from test_cli import run
from test_cli_more import on_terminal


def test_a_second_server_names_the_first(server):
    done = run("serve", "--data", server.data, "--listen", "127.0.0.1:0", check=False)
    assert done.returncode == 1
    assert f"in use by process {server.process.pid}\n".encode() in done.stderr and str(server.data).encode() in done.stderr


def test_a_port_that_is_taken_is_told_with_a_way_out(server, tmp_path):
    done = run("serve", "--data", tmp_path, "--listen", f"127.0.0.1:{server.port}", check=False)
    assert done.returncode == 1 and f"127.0.0.1:{server.port} is taken".encode() in done.stderr and b"--listen" in done.stderr


def test_a_certificate_that_is_not_there_is_named(tmp_path):
    done = run("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--tls-cert", tmp_path / "no.pem", "--tls-key", "no.key", check=False)
    assert done.returncode == 1 and b"--tls-cert" in done.stderr and b"no.pem: No such file" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_killed_server_leaves_nothing_in_the_way(server):
    server.kill()
    server.start()
    assert server.get("/ready").status == 200


def test_check_names_the_server_that_runs(server):
    done = run("check", server.data, check=False)
    assert done.returncode == 1 and f"in use by process {server.process.pid}\n".encode() in done.stderr and done.stdout == b""
    server.stop()
    assert run("check", server.data).returncode == 0


def test_check_takes_a_directory_without_a_lock(server):
    server.stop()
    (server.data / "lock").unlink()
    assert b"0 problems" in run("check", server.data).stdout
    assert not (server.data / "lock").exists(), "check changes nothing"


def test_check_of_another_directory_says_that_it_is_not_boles(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    done = run("check", tmp_path, check=False)
    assert done.returncode == 1 and b"no data directory" in done.stderr and f"bole serve --data {tmp_path}".encode() in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    done = run("check", tmp_path / "missing", check=False)
    assert done.returncode == 1 and b"missing" in done.stderr and not (tmp_path / "missing").exists()
    assert run("check", tmp_path / "notes.txt", check=False).returncode == 1


def test_check_counts_in_words_and_moves_a_bar_on_a_terminal(server):
    server.push([({"app": "one"}, [(time.time_ns(), "x" * 200_000)])])
    server.stop()
    assert "log: 1 group in " in run("check", server.data).stdout.decode()
    code, shown = on_terminal("check", str(server.data))
    assert code == 0 and "[" in shown and "MB/s" in shown
    assert b"MB/s" not in run("check", server.data).stderr


def test_a_clean_stop_is_told_with_the_time_it_took(server):
    server.stop()
    assert re.search(r'msg="?stopped"? took_ms=\d+', server.log[-1])


# ---- the agent's state file ----

def start_agent(server, *args, **env):
    clean = {k: v for k, v in os.environ.items() if k not in ("STATE_DIRECTORY", "XDG_STATE_HOME")}
    return subprocess.Popen([str(bole.BINARY), "agent", "--addr", server.url, "--no-journal", "--listen", "off", *map(str, args)],
                            env={**clean, **env}, stderr=subprocess.PIPE, text=True)


def state_of(agent):
    """The state file that a started agent names; it is stopped."""
    try:
        for line in agent.stderr:
            if found := re.search(r'state="?([^\s"]+)', line):
                return found.group(1)
        return None
    finally:
        agent.terminate()
        assert agent.wait(20) == 0 and "stopped" in agent.stderr.read()
        agent.stderr.close()


@pytest.mark.parametrize("name, path", [("STATE_DIRECTORY", "checkpoint"), ("XDG_STATE_HOME", "bole-agent/checkpoint")])
def test_the_state_file_is_where_the_environment_wants_it(server, tmp_path, name, path):
    wanted = tmp_path / "state" / path
    assert state_of(start_agent(server, tmp_path / "*.log", **{name: str(tmp_path / "state")})) == str(wanted)
    assert wanted.exists()


def test_the_default_state_file_is_in_the_help():
    said = " ".join(run("agent", "--help").stdout.decode().split())
    assert "/var/lib/bole-agent/checkpoint" in said and "~/.local/state/bole-agent/checkpoint" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_users_state_file_is_at_home(server):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:  # pytest's own folders are closed to others
        os.chmod(folder, 0o755)
        binary = shutil.copy(bole.BINARY, folder)
        home = pathlib.Path(folder, "home")
        home.mkdir()
        os.chown(home, 65534, 65534)
        clean = {k: v for k, v in os.environ.items() if k not in ("STATE_DIRECTORY", "XDG_STATE_HOME")}
        agent = subprocess.Popen([binary, "agent", "--addr", server.url, "--no-journal", "--listen", "off", f"{folder}/*.log"], user=65534,
                                 env={**clean, "HOME": str(home)}, stderr=subprocess.PIPE, text=True)
        assert state_of(agent) == f"{home}/.local/state/bole-agent/checkpoint"


def test_two_agents_do_not_share_a_state_file(server, tmp_path):
    first = start_agent(server, "--state", tmp_path / "state", tmp_path / "*.log")
    try:
        assert "sending" in first.stderr.readline()
        done = run("agent", "--addr", server.url, "--no-journal", "--state", tmp_path / "state", tmp_path / "*.log", check=False, timeout=10)
        assert done.returncode == 1 and f"in use by process {first.pid}".encode() in done.stderr and b"--state" in done.stderr
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=20)


def test_a_state_file_that_cannot_be_written_is_told_at_once(server, tmp_path):
    done = run("agent", "--addr", server.url, "--no-journal", "--state", tmp_path / "missing" / "state", check=False, timeout=10)
    assert done.returncode == 1 and b"missing/state" in done.stderr and b"--state" in done.stderr
