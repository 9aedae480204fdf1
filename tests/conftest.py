import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import bole  # noqa: E402

FULL = os.environ.get("BOLE_TEST_FULL") == "1"


@pytest.fixture
def server():
    with bole.Server() as s:
        yield s


@pytest.fixture(scope="session")
def full():
    return FULL
