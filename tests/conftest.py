import os
import pathlib
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent / "receivers")]

import bole  # noqa: E402

FULL = os.environ.get("BOLE_TEST_FULL") == "1"


@pytest.fixture
def server():
    with bole.Server() as s:
        yield s


@pytest.fixture(scope="session")
def full():
    return FULL
