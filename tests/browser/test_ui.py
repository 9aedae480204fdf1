"""The UI in Debian's Chromium against a real server: web/e2e does the clicking."""

import os
import pathlib
import shutil
import subprocess

import pytest

import bole

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def run_in_browser(server, script, timeout_s, **env):
    if not CHROMIUM:
        pytest.skip("needs chromium")
    done = subprocess.run(["node", f"e2e/{script}.mjs"], cwd=bole.ROOT / "web", timeout=timeout_s, text=True, capture_output=True,
                          env={**os.environ, "BOLE_URL": server.url, "CHROMIUM": CHROMIUM, **env})
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_explore_and_tail_in_a_real_browser(server):
    screenshot = bole.ROOT / "build/ui.png"
    run_in_browser(server, "explore", 900, E2E_SCREENSHOT=str(screenshot))
    assert screenshot.stat().st_size > 10_000


def test_patterns_in_a_real_browser(server):
    run_in_browser(server, "patterns", 600)


def test_a_large_result_in_a_real_browser(server, full):
    run_in_browser(server, "search", 1800, E2E_ROWS="1000000" if full else "60000")


def test_saved_queries_in_a_real_browser(server):
    run_in_browser(server, "saved", 600)


def test_dashboards_in_a_real_browser(server):
    run_in_browser(server, "dashboards", 900)


def test_pages_and_commands_in_a_real_browser(server):
    run_in_browser(server, "pages", 600)
