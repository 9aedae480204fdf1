"""Loki's answers to the tables, kept in tests/golden/loki so that Bole is compared without a Loki at hand."""

import hashlib
import json
import lzma
import pathlib

import data

FOLDER = pathlib.Path(__file__).parent.parent / "golden" / "loki"


def fingerprint():
    """Of the data that the answers are about."""
    text = json.dumps([data.streams(), data.push_json()], default=lambda b: b.hex())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write(table, answers):
    """answers: {case key: [status, answer]}"""
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps([key, answer], ensure_ascii=False) for key, answer in answers.items()]
    text = "\n".join([fingerprint(), *lines]) + "\n"
    (FOLDER / f"{table}.xz").write_bytes(lzma.compress(text.encode("utf-8", "surrogatepass"), preset=9 | lzma.PRESET_EXTREME))


def read(table):
    path = FOLDER / f"{table}.xz"
    if not path.exists():
        return {}
    first, *lines = lzma.decompress(path.read_bytes()).decode("utf-8", "surrogatepass").split("\n")
    assert first == fingerprint(), f"{table}: the data has changed since Loki was asked: record anew"
    return dict(json.loads(line) for line in lines if line)
