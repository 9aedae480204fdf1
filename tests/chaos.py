"""A TCP proxy that misbehaves: cuts connections in mid-body, loses answers, refuses, stalls."""

import contextlib
import random
import re
import socket
import threading
import time

MODES = ["forward", "cut_request", "lose_answer", "refuse", "stall"]


class Proxy:
    """Listens on a port of its own; `target()` says where the server is now. `mode` holds for what happens from then on."""

    def __init__(self, target, seed):
        self.target, self.mode, self.dice = target, "forward", random.Random(seed)
        self.done = {mode: 0 for mode in [*MODES, "swallow"]}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client:
            if self.mode == "refuse":
                self.done["refuse"] += 1
                return
            with socket.create_connection(("127.0.0.1", self.target()), timeout=5) as server:
                client.settimeout(60)
                server.settimeout(60)
                while self._request(client, server):
                    pass

    def _message(self, from_):
        """Head and body of one message with a Content-Length; b"" at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = from_.recv(65536)
            if not more:
                return b""
            data += more
        head = data.index(b"\r\n\r\n") + 4
        found = re.search(rb"(?i)content-length: *(\d+)", data[:head])
        size = head + (int(found.group(1)) if found else 0)
        while len(data) < size:
            more = from_.recv(65536)
            if not more:
                return b""
            data += more
        return data

    def _request(self, client, server):
        request = self._message(client)
        if not request:
            return False
        mode = self.mode
        self.done[mode] += 1
        if mode == "refuse":
            return False
        if mode == "cut_request":
            server.sendall(request[:self.dice.randrange(len(request))])
            return False
        if mode == "swallow":  # a mutant of the network: says that all is well, and that was all
            sequence = int.from_bytes(request[request.index(b"\r\n\r\n") + 4:][64:72], "little")
            body = b'{"sequence":%d,"stored":1,"duplicate":false,"rejected":0}\n' % sequence
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return True
        if mode == "stall":
            time.sleep(self.dice.uniform(0, 0.3))
        server.sendall(request)
        answer = self._message(server)
        if mode == "lose_answer" or not answer:
            return False
        client.sendall(answer)
        return True
