"""The agent's promise, as a whole program: rotation storms, kill -9 of both sides, a network that cuts and loses: every line once."""

import os
import pathlib
import random
import subprocess
import threading
import time

import bole
import chaos

MUTANT_S = 20
DRAIN_S = 120  # without a new line; for a machine that is busy with other things


class Agent:
    def __init__(self, url, state, globs, env=None, args=()):
        self.command = [str(bole.BINARY), "agent", "--addr", url, "--no-journal", "--listen", "off", "--state", str(state), *args, *map(str, globs)]
        self.env = {**os.environ, **(env or {})}
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL, env=self.env)

    def kill(self):
        self.process.kill()
        self.process.wait(30)


class Numbers:
    """Of lines: how many were given, and below which all are stored."""

    def __init__(self):
        self.given, self.stored, self._lock = 0, 0, threading.Lock()

    def next(self):
        with self._lock:
            self.given += 1
            return self.given - 1


class Storm(threading.Thread):
    """Writes numbered lines into files that are rotated in every way that loses nothing by itself."""

    NAMES, KINDS = ["app", "web", "db"], ["create", "late writer", "chain", "delete", "link"]

    def __init__(self, folder, seed, numbers, rotations_per_s=100):
        super().__init__(daemon=True)
        self.folder, self.dice, self.numbers, self.pause = folder, random.Random(seed), numbers, 1 / rotations_per_s
        self.rotations, self.halt = {}, threading.Event()
        self.last = 0  # the number of our last line
        self.old = []  # files without their first name, and the number of their last line

    def line(self):
        self.last = self.numbers.next()
        return b"number=%d %s\n" % (self.last, b"x" * self.dice.choice([3, 30, 300]))

    def write(self, out, lines):
        for _ in range(lines):
            line = self.line()
            cut = self.dice.randrange(len(line)) if self.dice.random() < 0.1 else 0
            if cut:  # half a line, then the rest
                out.write(line[:cut])
                out.flush()
            out.write(line[cut:])
        out.flush()

    def rotate(self, name):
        """logrotate's ways, and what daemons and administrators do beside it."""
        path, kind = self.folder / f"{name}.log", self.dice.choice(self.KINDS)
        moved = self.folder / f"{name}.{self.last}.log"
        if kind in ("create", "link"):
            path.rename(moved)
            if kind == "link":  # a second name, for a moment
                os.link(moved, self.folder / f"{name}.{self.last}.second.log")
        elif kind == "late writer":  # the daemon has not reopened its file yet
            with open(path, "ab") as out:
                path.rename(moved)
                self.write(out, self.dice.randrange(1, 5))
        elif kind == "chain":  # app.log.1 becomes app.log.2
            if self.old:
                last, number = self.old.pop()
                self.old.append((last.rename(last.with_suffix(f".{self.last}.log")), number))
            path.rename(moved)
        elif kind == "delete":  # its inode will be another file's
            gone = [entry for entry in self.old if entry[1] < self.numbers.stored]
            for entry in gone:
                entry[0].unlink()
            self.old = [entry for entry in self.old if entry not in gone]
        if kind != "delete":
            self.old.append((moved, self.last))
        self.rotations[kind] = self.rotations.get(kind, 0) + 1

    def run(self):
        while not self.halt.is_set():
            name = self.dice.choice(self.NAMES)
            with open(self.folder / f"{name}.log", "ab") as out:
                self.write(out, self.dice.randrange(1, 20))
            self.rotate(name)
            time.sleep(self.pause)


class Truncator(Storm):
    """copytruncate. What is truncated before it was read is lost, as documented: so this waits until it is stored."""

    NAMES = ["copied"]

    def rotate(self, name):
        while self.last >= self.numbers.stored and not self.halt.is_set():
            time.sleep(0.01)
        if not self.halt.is_set():
            os.truncate(self.folder / f"{name}.log", 0)
            self.rotations["truncate"] = self.rotations.get("truncate", 0) + 1


class Scene:
    def __init__(self, folder, seed, env=None, args=()):
        self.logs = folder / "log"
        self.logs.mkdir()
        self.dice = random.Random(seed)
        self.server = bole.Server(data=folder / "data")
        self.proxy = chaos.Proxy(lambda: self.server.port or 1, seed)
        self.agent = Agent(self.proxy.url, folder / "state", [self.logs / "*.log"], env, args)
        self.numbers = Numbers()
        self.storms = [Storm(self.logs, seed, self.numbers), Truncator(self.logs, seed, self.numbers)]
        self.kills = {"agent": 0, "server": 0}

    def close(self):
        self.calm()
        self.agent.kill()
        self.proxy.close()
        self.server.kill()

    def begin(self):
        for storm in self.storms:
            storm.start()

    def calm(self):
        for storm in self.storms:
            storm.halt.set()
        for storm in self.storms:
            if storm.is_alive():
                storm.join()

    def look(self):
        counts = bole.stored_numbers(self.server, job="varlogs")
        while self.numbers.stored in counts:
            self.numbers.stored += 1
        return counts

    def fault(self):
        """One thing goes wrong."""
        kind = self.dice.choice(["agent", "server", "both", "network", "network"])
        self.proxy.mode = self.dice.choice(chaos.MODES) if kind == "network" else self.proxy.mode
        if kind in ("agent", "both"):
            self.agent.kill()
            self.kills["agent"] += 1
        if kind in ("server", "both"):
            self.server.kill()
            self.kills["server"] += 1
        time.sleep(self.dice.choice([0, 0, 0.05, 0.3]))
        if kind in ("server", "both"):
            self.server.start()
        if kind in ("agent", "both"):
            self.agent.start()

    def run(self, seconds):
        end, next_look = time.monotonic() + seconds, 0
        self.begin()
        while time.monotonic() < end:
            time.sleep(self.dice.uniform(0.02, 0.5))
            self.fault()
            if time.monotonic() > next_look:
                self.look()
                next_look = time.monotonic() + 0.3
        self.calm()
        self.proxy.mode = "forward"

    def verdict(self):
        """(lost, doubled) when everything has arrived, or nothing more comes."""
        end, before = time.monotonic() + DRAIN_S, -1
        while time.monotonic() < end:
            counts = self.look()
            if len(counts) == self.numbers.given:
                break
            if len(counts) != before:
                before, end = len(counts), time.monotonic() + DRAIN_S
            time.sleep(0.2)
        time.sleep(0.5)  # for what must not come
        lost, doubled, invented = bole.verdict(self.look(), range(self.numbers.given), set(range(self.numbers.given)))
        assert invented == []
        return lost, doubled


def test_every_line_once_through_storms_kills_and_a_bad_network(tmp_path, full):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    scene = Scene(tmp_path, seed)
    try:
        scene.run(300 if full else 12)
        verdict = scene.verdict()
        rotations = {kind: count for storm in scene.storms for kind, count in storm.rotations.items()}
        print("lines", scene.numbers.given, "kills", scene.kills, "rotations", rotations, "network", scene.proxy.done)
        assert verdict == ([], [])
        assert scene.numbers.given > 200 and sum(scene.kills.values()) > 2
    finally:
        scene.close()


def test_many_lanes_through_the_same(tmp_path, full):
    scene = Scene(tmp_path, 11, args=["--lanes", "4"])
    try:
        scene.run(60 if full else 5)
        assert scene.verdict() == ([], [])
    finally:
        scene.close()


# ---- mutants: the test above can see both kinds of wrong ----

def test_the_test_goes_red_when_state_is_written_after_the_send(tmp_path):
    """A preloaded library keeps what the agent's thread writes in memory and says that it is done."""
    library = tmp_path / "early_answer.so"
    source = pathlib.Path(__file__).with_name("early_answer.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-pthread"], check=True)
    scene = Scene(tmp_path, 1, env={"LD_PRELOAD": str(library), "EARLY_ANSWER_THREAD": "bole-agent"})
    try:
        scene.begin()
        end = time.monotonic() + DRAIN_S
        while not scene.look() and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(1)
        scene.agent.kill()
        scene.agent.start()
        scene.calm()
        end, wrong = time.monotonic() + MUTANT_S, False
        while not wrong and time.monotonic() < end:
            wrong = max(scene.look().values()) > 1
            time.sleep(0.1)
        assert wrong or len(scene.look()) < scene.numbers.given, "this test cannot see a line that is lost or doubled"
    finally:
        scene.close()


def test_the_test_goes_red_when_positions_move_before_the_answer(tmp_path):
    """The proxy says that a batch is durable, and drops it."""
    scene = Scene(tmp_path, 2)
    try:
        scene.proxy.mode = "swallow"
        scene.begin()
        end = time.monotonic() + DRAIN_S
        while scene.proxy.done["swallow"] < 3 and time.monotonic() < end:
            time.sleep(0.05)
        scene.agent.kill()
        scene.calm()
        assert scene.proxy.done["swallow"] >= 3 and bole.stored_numbers(scene.server, job="varlogs") == {}
    finally:
        scene.close()
