"""The corpora of the fuzz targets: one input per line, with C's escapes, so that they can be read and reviewed.

    corpus.py expand FILE.txt FOLDER    each line becomes a file, which is what libFuzzer wants
    corpus.py write FOLDER FILE.txt     the smallest files of a folder as lines
"""

import hashlib
import pathlib
import re
import sys

LINES_MAX, SIZE_MAX = 200, 40_000

HEAD = "# Inputs of the fuzz target {0}_fuzz, one per line with C's escapes; written by scripts/fuzz --grow, and by hand.\n"


def escape(data):
    special = {ord("\\"): "\\\\", ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
    text = "".join(special.get(b) or (chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in data)
    return "\\x23" + text[1:] if text.startswith("#") else text


def unescape(line):
    plain = {"n": b"\n", "r": b"\r", "t": b"\t"}

    def one(match):
        text = match.group(0)
        if text.startswith("\\x") and len(text) == 4:
            return bytes([int(text[2:], 16)]).decode("latin-1")
        return plain.get(text[1], text[1].encode()).decode("latin-1")
    return re.sub(r"\\x[0-9a-f]{2}|\\.", one, line).encode("latin-1")


def read(path):
    lines = path.read_bytes().decode("latin-1").split("\n")[:-1] if path.exists() else []
    return [unescape(line) for line in lines if not line.startswith("#")]


def expand(path, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for data in read(path):
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def write(folder, path):
    inputs = sorted({p.read_bytes() for p in folder.iterdir()}, key=lambda data: (len(data), data))
    kept, size = [], 0
    for data in inputs[:LINES_MAX]:
        size += len(data)
        if size > SIZE_MAX:
            break
        kept.append(escape(data))
    path.write_text(HEAD.format(path.stem) + "".join(line + "\n" for line in kept))


if __name__ == "__main__":
    {"expand": expand, "write": write}[sys.argv[1]](pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
