"""Runs pieces of code that use a client library of somebody else (scripts/clients), each in a process of its own."""

import os
import shutil
import subprocess

import pytest

import bole

FETCHED = bole.ROOT / "build/clients"


def _run(kind, name, command, code, url, env):
    if not (FETCHED / kind / name / ".fetched").exists():
        pytest.skip(f"{name} is not there (scripts/clients)")
    done = subprocess.run(command, input=code, env={**os.environ, "URL": url, **env}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(name, code, url, **env):
    """The code finds the server in the environment as URL."""
    return _run("python", name, ["/usr/bin/python3", "-W", "ignore", "-"], code, url, {"PYTHONPATH": str(FETCHED / "python" / name), **env})


def node(name, code, url):
    if not shutil.which("node"):
        pytest.skip("needs node")
    return _run("npm", name, ["node", "-"], code, url, {"NODE_PATH": str(FETCHED / "npm" / name / "node_modules")})


def program(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/systemd")
    if not found:
        pytest.skip(f"needs {name}")
    return found


def debian(name, path):
    """A program of an unpacked package, and the environment in which it finds its libraries."""
    root = FETCHED / "debian" / name
    if not (root / ".fetched").exists():
        pytest.skip(f"{name} is not there (scripts/clients)")
    libraries = ":".join(str(folder) for folder in [*sorted([*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")]), root / "usr/lib" / name])
    return root / path, {**os.environ, "LD_LIBRARY_PATH": libraries}
