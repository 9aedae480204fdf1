"""Every ```sh run block of the documentation is run as a reader would, against a fresh server."""

import os
import re
import subprocess

import pytest

import bole

DOORS = ["grpc", "syslog", "gelf", "forward", "relp"]
FILES = [bole.ROOT / "README.md", *sorted((bole.ROOT / "docs").rglob("*.md"))]


def blocks():
    for path in FILES:
        for number, block in enumerate(re.findall(r"^```sh run\n(.*?)^```", path.read_text(), re.M | re.S), 1):
            yield pytest.param(block, id=f"{path.relative_to(bole.ROOT)}:{number}")


def parses(query):
    """Whether the program knows what the query names: without a server it then fails to connect."""
    done = subprocess.run([str(bole.BINARY), "query", query, "--addr", "http://127.0.0.1:1"], capture_output=True, text=True, timeout=20)
    assert done.returncode in (1, 2), done.stderr
    return done.returncode == 1


def template_functions():
    text = (bole.ROOT / "docs/logql.md").read_text()
    lists = text[text.index("* text:"):text.index("Floats are added")]
    return [name for names in re.findall(r"`([^`]*)`", lists) for name in names.split()]


@pytest.mark.parametrize("name", template_functions())
def test_a_template_function_of_the_list_is_known(name):
    assert parses("{a=\"b\"} | line_format `{{ " + name + " }}`")


def test_a_template_function_that_nobody_has_is_refused():
    assert not parses("{a=\"b\"} | line_format `{{ nosuch }}`")


@pytest.fixture
def server():
    """Every door is open; on a reader's machine they are at their usual ports."""
    with bole.Server(args=[arg for door in DOORS for arg in (f"--listen-{door}", "127.0.0.1:0")]) as s:
        yield s


@pytest.mark.parametrize("block", blocks())
def test_example(server, tmp_path, block):
    ports = {f"{door.upper()}_PORT": str(server.door(door)) for door in DOORS}
    env = {**os.environ, **ports, "BOLE_ADDR": server.url, "PATH": f"{bole.BINARY.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
