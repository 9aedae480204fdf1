"""Records that clients and doors are likely to spoil, for the clients that must be compiled; they read them as JSON."""

import json
import time

BIG = 2**63 - 1
TRACE = "java.lang.IllegalStateException: broken ü\n\tat shop.Orders.take(Orders.java:42)\nCaused by: x.Y: \"why\"\n\t... 3 more"
TEXTS = [
    "ünï €uro 漢字 עברית عربى e\u0301 \U0001f469\u200d\U0001f4bb \U0010ffff", 'quoted "x" \\ {x} %s $1 <a&b> \'', "tab\tand\x1b[31mred\x1b[0m\x7f", "two\nlines\n\nand a fourth",
    "carriage\r\nreturn", "\u2028line\u2029paragraph\u0085next\ufeff", '{"message":"inner","n":1}', "null", "0", "  around  ", "\x01\x02\x1f", TRACE, "x" * 5000, "ü" * 9000,
]
LINES = [f"line {i} of 300, ü € \"quoted\"" for i in range(300)] + TEXTS
NUL = "a\0b\0"


def records(lines):
    """Numbered, as `n`; with what a field may be."""
    return [{"line": line, "n": n, "big": BIG - n, "small": -2**63 + n, "ratio": n / 8, "ok": n % 2 == 0,
             "nested": {"deep": {"id": n, "text": f"ü {n}"}, "list": [1, "zwei", {"drei": 3}]}} for n, line in enumerate(lines)]


# What a door makes of the fields above, but for the lists, whose spelling is the client's.
def fields(n):
    return {"n": str(n), "big": str(BIG - n), "small": str(-2**63 + n), "ok": "true" if n % 2 == 0 else "false",
            "nested_deep_id": str(n), "nested_deep_text": f"ü {n}"}


def stored(server, query, count):
    """[(line, labels and fields)] once there are `count`, and no more."""
    end = time.monotonic() + 60
    while True:
        found = [(line, stream["stream"]) for stream in server.query_range(query)["result"] for _, line in stream["values"]]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.1)


def check(server, query, lines, wanted=fields, number=lambda labels: int(labels["n"])):
    """Each line is there once, with all its fields."""
    found = stored(server, query, len(lines))
    assert sorted(line for line, _ in found) == sorted(lines)
    for line, labels in found:
        n = number(labels)
        assert line == lines[n]
        want = wanted(n)
        assert {name: labels.get(name) for name in want} == want
        if "ratio" in labels:
            assert float(labels["ratio"]) == n / 8
        if "nested_list" in labels:
            assert json.loads(labels["nested_list"]) == [1, "zwei", {"drei": 3}]
    return found
