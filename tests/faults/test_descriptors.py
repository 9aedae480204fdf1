"""No descriptor left: requests are told "later", nothing ends, and service returns by itself."""

import contextlib
import http.client
import json
import os
import random
import resource
import socket
import time

import bole

ALL, RESERVED = 200, 64  # descriptors of the process; those that connections leave to files


def open_descriptors(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def allow(server, count):
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (count, hard))


class Client:
    """One connection, kept: a new one would need a descriptor."""

    def __init__(self, server):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.dice = random.Random(1)
        self.pushed = 0

    def request(self, method, path, body=None, kind="application/json"):
        self.connection.request(method, path, body, {"Content-Type": kind} if body else {})
        return bole.Answer(self.connection.getresponse())

    def push(self):
        """A large line that does not compress. The number of the line, or the refusal."""
        number, noise = self.pushed, self.dice.randbytes(100_000).hex()
        values = [[str(time.time_ns()), f"{number} {noise}"]]
        answer = self.request("POST", "/loki/api/v1/push",
                              json.dumps({"streams": [{"stream": {"job": "fd"}, "values": values}]}))
        self.pushed += answer.status == 204
        return answer


def test_without_a_descriptor_requests_wait_and_nothing_is_lost(server):
    client = Client(server)
    assert client.push().status == 204
    time.sleep(0.5)  # the log's next file is made
    allow(server, open_descriptors(server))
    for _ in range(200):
        refused = client.push()
        if refused.status != 204:
            break
    assert refused.status == 503 and refused.headers["Retry-After"], refused.text
    for _ in range(20):
        assert client.push().status == 503
    flush = client.request("POST", "/flush")
    assert flush.status in (429, 503), flush.text  # a segment is a file, too
    assert client.request("GET", "/metrics").status == 200
    assert server.process.poll() is None
    allow(server, 1024)
    deadline = time.monotonic() + 10
    while client.push().status != 204:
        assert time.monotonic() < deadline, "the server did not return to service"
        time.sleep(0.1)
    assert client.request("POST", "/flush").status in (200, 204)  # the cut is made up for
    server.kill()
    server.start()
    numbers = sorted(int(line.split()[0]) for _, line in server.lines('{job="fd"}'))
    assert numbers == list(range(client.pushed))
    said = [line for line in server.log if "records refused" in line or "segments failed" in line]
    assert len(said) <= 3, said


def test_connections_leave_descriptors_to_files(tmp_path):
    """Idle connections beyond the limit wait in the listener's queue; the log and segments still get their files."""
    binary = tmp_path / "limited"
    binary.write_text(f'#!/bin/sh\nulimit -n {ALL}\nexec "{bole.BINARY}" "$@"\n')
    binary.chmod(0o700)
    with bole.Server(binary=binary) as server, contextlib.ExitStack() as idle:
        client = Client(server)
        assert client.push().status == 204
        for _ in range(ALL + 100):
            idle.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=5))
        while client.pushed < 60:  # several files of the log
            assert client.push().status == 204
        assert client.request("POST", "/flush").status in (200, 204)
        metrics = client.request("GET", "/metrics").text
        assert f"\nbole_http_connections {ALL - RESERVED}\n" in metrics
        idle.close()
        assert len(server.lines('{job="fd"}')) == 60
