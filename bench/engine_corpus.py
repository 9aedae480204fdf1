"""Corpora for engine.py: the samples grown to any size, and needles drawn from whatever corpus there is.

Growing: lines go round, and on every round what varies in them (addresses, ids, long numbers, stamps) is drawn anew,
equal values staying equal within a round. Real logs are better; give them with --corpus.
"""

import hashlib
import json
import pathlib
import random
import re
import subprocess
import time

VARIABLE = re.compile(
    rb"(?P<clf>\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d)"
    rb"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)"
    rb"|(?P<syslog>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)"
    rb"|(?P<ip>\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b)"
    rb"|(?P<hex>\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{8,}\b)"
    rb"|(?P<number>\b\d{4,18}\b)"
)
STAMPS = {"clf": "%d/%b/%Y:%H:%M:%S", "iso": "%Y-%m-%d %H:%M:%S", "syslog": "%b %e %H:%M:%S"}
CORPUS_BEGIN_S = 1790000000
LINES_PER_S = 500
SAMPLE_BYTES = 24 << 20


def _split(line):
    """A line as a list of literals (bytes) and variables (kind, bytes)."""
    parts, at = [], 0
    for m in VARIABLE.finditer(line):
        parts += [line[at : m.start()], (m.lastgroup, m.group())]
        at = m.end()
    return parts + [line[at:]]


def _redraw(kind, old, salt):
    """Another value of the same shape; the same one for the same value and round."""
    seed = hashlib.blake2b(salt + old, digest_size=16).digest()
    if kind == "ip":
        octets = old.split(b".")
        return b".".join(octets[:2] + [b"%d" % (b % 250 + 1) for b in seed[:2]])
    digits = b"0123456789abcdef" if kind == "hex" else b"0123456789"
    body = bytes(digits[b % len(digits)] for b in (seed * (len(old) // 16 + 1))[: len(old)])
    return body if kind == "hex" or body[:1] != b"0" else b"1" + body[1:]


def _write_line(parts, salt, now, memo):
    out = []
    for part in parts:
        if isinstance(part, bytes):
            out.append(part)
        elif part[0] in STAMPS:
            out.append(time.strftime(STAMPS[part[0]], now).encode())
        else:
            value = memo.get(part)
            if value is None:
                value = memo[part] = _redraw(*part, salt)
            out.append(value)
    return b"".join(out)


ACCESS = re.compile(rb'(\S+) \S+ \S+ \[([^\]]+)\] "(\S+) (\S+)[^"]*" (\d+) (\S+) "([^"]*)" "([^"]*)"')


def _as_json(line, number):
    """An access log's line as an application would log it in JSON."""
    m = ACCESS.match(line)
    if not m:
        return json.dumps({"level": "warn", "msg": line.decode("utf-8", "replace"), "seq": number}).encode()
    text = [g.decode("utf-8", "replace") for g in m.groups()]
    seed = hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest()
    return json.dumps(
        {
            "time": text[1],
            "level": "error" if text[4][0] == "5" else "info",
            "request_id": seed,
            "remote": text[0],
            "http": {"method": text[2], "path": text[3], "status": int(text[4])},
            "size": int(text[5]) if text[5].isdigit() else 0,
            "duration_ms": int(seed[:4], 16) / 100,
            "referrer": text[6],
            "agent": text[7],
        }
    ).encode()


def _sample(name):
    path = pathlib.Path(__file__).parent / "samples" / f"{name}.log.zst"
    text = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout
    return [_split(line) for line in text.split(b"\n") if line]


def grow(kind, size_bytes, path):
    """Writes the corpus `kind` (access, mixed, json) to path unless it is there."""
    if path.exists() and path.stat().st_size >= size_bytes:
        return
    sources = [_sample(n) for n in (("access", "kafka", "sshd") if kind == "mixed" else ("access",))]
    path.parent.mkdir(parents=True, exist_ok=True)
    picks, written, number, memos = random.Random(1), 0, 0, [{} for _ in sources]
    with open(path.with_suffix(".tmp"), "wb") as out:
        while written < size_bytes:
            now = time.gmtime(CORPUS_BEGIN_S + number // LINES_PER_S)
            s = picks.randrange(len(sources))
            turn, at = divmod(number // len(sources), len(sources[s]))
            if at == 0:
                memos[s] = {}
            line = _write_line(sources[s][at], b"%d-%d" % (s, turn), now, memos[s])
            if kind == "json":
                line = _as_json(line, number)
            written += out.write(line + b"\n")
            number += 1
    path.with_suffix(".tmp").rename(path)


# ---- needles ----


class Needles:
    """What to look for in a corpus: texts with the number of lines they stand in, the same for every engine."""

    def __init__(self, path, seed=7):
        self.data = pathlib.Path(path).read_bytes()
        self.random = random.Random(seed)
        self.sample = self.data[:SAMPLE_BYTES]
        self.is_json = self.data[:1] == b"{"

    def lines(self):
        """Random lines, without end."""
        while True:
            at = self.data.find(b"\n", self.random.randrange(len(self.data)))
            end = self.data.find(b"\n", at + 1)
            if at >= 0 and end > at + 1:
                yield self.data[at + 1 : end]

    def _is_absent(self, text):
        return text not in self.data

    def _is_unique(self, text):
        return self.sample.count(text) <= 1 and self.data.count(text) == 1

    def _is_rare(self, text):
        """A few dozen in a sample: some hundred in all."""
        return 1 <= self.sample.count(text) <= 30

    def _is_common(self, text):
        lines = self.sample.count(b"\n")
        return lines // 1000 <= self.sample.count(text) <= lines // 100

    def _search(self, candidates, fits, want=4, tries=400):
        found = []
        for _, line in zip(range(tries), self.lines()):
            text = next((t for t in candidates(line) if _is_plain(t) and fits(t)), None)
            if text:
                found.append(text.decode())
            if len(found) == want:
                break
        return found

    def ids(self):
        """Whole ids of at least 12 bytes that stand in one line only."""
        return self._search(lambda line: self._shuffled(_long_tokens(line)), self._is_unique)

    def delimited(self):
        """The same with what stands around them."""
        out = []
        for text in self.ids():
            at = self.data.index(text.encode())
            around = self.data[at - 1 : at + len(text) + 1]
            if _is_plain(around):
                out.append(around.decode())
        return out

    def absent(self, texts):
        """Nothing of this is there, although it looks as if it were."""
        out = []
        for text in texts:
            for _ in range(100):
                other = "".join(self.random.choice("123456789") if c.isdigit() else c for c in text)
                if self._is_absent(other.encode()):
                    out.append(other)
                    break
        return out

    def addresses(self):
        """IPv4 addresses that stand nowhere."""
        out = []
        while len(out) < 4:
            address = f"203.{self.random.randrange(256)}.{self.random.randrange(256)}.{self.random.randrange(256)}"
            out += [address] if self._is_absent(address.encode()) else []
        return out

    def short(self):
        """Five to seven letters from inside a token, in few lines."""

        def pieces(line):
            tokens = [t for t in re.findall(rb"[A-Za-z]{9,}", line)]
            for t in self._shuffled(tokens)[:4]:
                size = self.random.randrange(5, 8)
                at = self.random.randrange(1, len(t) - size)
                yield t[at : at + size]

        return self._search(pieces, self._is_rare, want=3, tries=1500) or self.absent(["q7x3kz9"])

    def regexes(self):
        """A literal, a class, a literal; in few lines."""
        out = []
        for t in self._words(rb"[A-Za-z]{3,}[A-Za-z0-9]{5,}", self._is_rare, 3):
            middle = len(t) // 2
            out.append(f"{t[:middle]}[a-zA-Z0-9]{re.escape(t[middle + 1:])}")
        return out

    def insensitive(self):
        return ["(?i)" + t.swapcase() for t in self._words(rb"[A-Za-z]{6,}", self._is_rare, 3)]

    def common(self):
        """Words in one line of a few hundred."""
        return self._words(rb"[A-Za-z0-9]{4,}", self._is_common, 2)

    def _words(self, pattern, fits, want):
        return self._search(lambda line: self._shuffled(re.findall(pattern, line)), fits, want, tries=1000)

    def json_fields(self):
        """A text field worth a top 10, and a number with its ninth decile."""
        texts, numbers = {}, {}
        for _, line in zip(range(3000), self.lines()):
            try:
                record = json.loads(line)
            except ValueError:
                continue
            for key, value in record.items():
                if re.fullmatch(r"[a-z_]+", key):
                    where = texts if isinstance(value, str) else numbers if type(value) in (int, float) else {}
                    where.setdefault(key, []).append(value)
        ranked = sorted(texts, key=lambda k: -len(texts[k]) if 10 <= len(set(texts[k])) < len(texts[k]) / 4 else 0)
        number = max(numbers, key=lambda k: len(set(numbers[k])) > 5 and len(numbers[k]))
        return ranked[0], number, sorted(numbers[number])[len(numbers[number]) * 9 // 10]

    def _shuffled(self, items):
        return self.random.sample(items, len(items))


def _is_plain(text):
    """Printable and without what query languages quote in different ways."""
    return all(0x20 <= c < 0x7F and c not in b"\\`" for c in text)


def _long_tokens(line):
    return [t for t in re.findall(rb"\b\w{12,60}\b", line) if re.search(rb"\d", t)]
