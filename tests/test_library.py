"""The client library's example, built against its public headers, against a real server."""

import subprocess

import pytest

import bole

EXAMPLE = bole.BINARY.parent / "examples/example"


def run(*args):
    return subprocess.run([EXAMPLE, *args], capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the example is not built")
def test_the_example_pushes_reads_and_follows(server):
    done = run(server.url)
    assert done.returncode == 0, done.stderr
    rest = " app=example service_name=example detected_level=unknown trace=t1"
    assert done.stdout.splitlines() == ["one" + rest, "two" + rest, "three" + rest, "three" + rest]


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the example is not built")
def test_the_example_says_why_it_failed():
    done = run("http://127.0.0.1:1")
    assert done.returncode == 1 and done.stderr.startswith("error: http://127.0.0.1:1: nobody listens there")
