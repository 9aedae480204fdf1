"""The UI in Debian's Chromium against a real server: web/e2e does the clicking."""

import os
import pathlib
import shutil
import subprocess

import pytest

import bole

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def test_explore_and_tail_in_a_real_browser(server):
    if not CHROMIUM:
        pytest.skip("needs chromium")
    screenshot = bole.ROOT / "build/ui.png"
    done = subprocess.run(["node", "e2e/explore.mjs"], cwd=bole.ROOT / "web", timeout=240, text=True, capture_output=True,
                          env={**os.environ, "BOLE_URL": server.url, "CHROMIUM": CHROMIUM, "E2E_SCREENSHOT": str(screenshot)})
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert screenshot.stat().st_size > 10_000
