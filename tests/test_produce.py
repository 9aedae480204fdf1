"""`bole produce`: lines as applications write them."""

import json
import re
import subprocess
import time

import bole

SHAPES = {
    "access": r'10\.\d+\.\d+\.\d+ - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "[A-Z]+ \S+ HTTP/1\.1" \d{3} \d+ "-" "[^"]+"',
    "logfmt": r'ts=\S+Z level=\w+ msg="[^"]+" user=u\d+ took=\d+ms path=\S+',
    "java": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO |ERROR) \[worker-\d\] .*|[\w.]+Exception: order \d+ failed|\tat .*\)",
    "syslog": r"<\d+>1 \S+Z \S+ \S+ \d+ - - .+",
    "cri": r"\S+Z (stdout|stderr) [PF] .*",
}


def produce(*args, code=0):
    done = subprocess.run([str(bole.BINARY), "produce", *map(str, args)], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def without_times(text):
    return re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.,]+Z?", "T", text)


def test_lines_have_the_shape_of_their_format():
    for name, shape in SHAPES.items():
        lines = produce("--format", name, "--rate", 0, "--count", 300, "--seed", 1).splitlines()
        assert len(lines) >= 300 and all(re.fullmatch(shape, line) for line in lines), (name, lines[:3])
    rows = [json.loads(line) for line in produce("-f", "json", "-r", 0, "-n", 300).splitlines()]
    assert len(rows) == 300 and all(row.keys() == {"time", "level", "msg", "trace_id", "user", "duration_ms"} for row in rows)


def test_a_seed_says_which_lines():
    once, again, other = (without_times(produce("-f", "json,java", "-r", 0, "-n", 200, "--seed", seed)) for seed in (7, 7, 8))
    assert once == again != other


def test_a_file_is_rotated_and_nothing_of_it_is_lost(tmp_path):
    produce("-f", "logfmt", "-r", 0, "-n", 5000, "-o", tmp_path / "app.log", "--rotate", "100kB", "--keep", 20)
    files = sorted(tmp_path.iterdir())
    assert len(files) > 4 and sum(len(f.read_text().splitlines()) for f in files) == 5000
    produce("-f", "logfmt", "-r", 0, "-n", 5000, "-o", tmp_path / "few.log", "--rotate", "50kB", "--keep", 2)
    assert sorted(f.name for f in tmp_path.glob("few*"))[-2:] == ["few.log.1", "few.log.2"]


def test_rates_and_bursts_hold():
    begin = time.monotonic()
    assert len(produce("-r", 100, "-n", 150).splitlines()) == 150
    assert time.monotonic() - begin > 1.3
    assert len(produce("-r", 1, "--burst", "1000:1s:60s", "-n", 300).splitlines()) == 300  # not in 5 minutes


def test_a_server_gets_the_lines(server):
    produce("--push", "--addr", server.url, "-f", "java,access", "-r", 0, "-n", 2000, "--seed", 3)
    lines = server.lines('{job="produce"}')
    assert len(lines) == 2000 and any("\n\tat " in line for _, line in lines)
    assert server.lines('{app="web"}')


def test_wrong_options_are_refused():
    assert "not cobol" in produce("-f", "cobol", code=2)
    assert "5000:2s:30s" in produce("--burst", "5000", code=2)
    assert "not both" in produce("--push", "-o", "x", code=2)
