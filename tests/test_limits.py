"""What a server with little memory takes and refuses, and how it says so."""

import gzip

import pytest

import bole


@pytest.fixture(name="small", scope="module")
def small_server():
    server = bole.Server(args=["--memory-limit", "64MB"])
    yield server
    server.stop()


def lines(megabytes):
    line = b'{"_msg":"' + b"x" * 1000 + b'","app":"limits"}\n'
    return line * (megabytes * 1000000 // len(line))


def test_what_fits_is_taken(small):
    answer = small.request("POST", "/insert/jsonline", lines(3))
    assert answer.status == 200, answer.text


@pytest.mark.parametrize("megabytes,pack", [(18, bytes), (30, bytes), (18, gzip.compress), (60, gzip.compress)])
def test_what_can_never_fit_is_told_to_be_smaller(small, megabytes, pack):
    headers = {"Content-Encoding": "gzip"} if pack is gzip.compress else {}
    answer = small.request("POST", "/insert/jsonline", pack(lines(megabytes)), headers)
    assert answer.status == 413, answer.text
    assert "send smaller requests, or raise the server's --memory-limit" in answer.text
    assert "Retry-After" not in answer.headers


def test_a_push_that_can_never_fit_is_told_so_too(small):
    body = bole.push_proto([('{app="x"}', [(1, b"y" * 700000, {})] * 40)])
    answer = small.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/x-protobuf"})
    assert answer.status == 413, answer.text
    assert "--memory-limit" in answer.text
