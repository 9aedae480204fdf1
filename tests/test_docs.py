"""Every ```sh run block of the documentation is run as a reader would, against a fresh server."""

import os
import re
import subprocess

import pytest

import bole

FILES = [bole.ROOT / "README.md", *sorted((bole.ROOT / "docs").rglob("*.md"))]


def blocks():
    for path in FILES:
        for number, block in enumerate(re.findall(r"^```sh run\n(.*?)^```", path.read_text(), re.M | re.S), 1):
            yield pytest.param(block, id=f"{path.relative_to(bole.ROOT)}:{number}")


@pytest.mark.parametrize("block", blocks())
def test_example(server, tmp_path, block):
    env = {**os.environ, "BOLE_ADDR": server.url, "PATH": f"{bole.BINARY.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
