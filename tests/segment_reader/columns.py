"""Columns and lines of a row group, read as docs/format/columns.md says: numbers, values, templates."""

import collections
import datetime
import math

MET = collections.defaultdict(set)  # which kinds have been read, for a test that wants to have met all


class Refused(Exception):
    """The bytes are not what the format allows."""


def check(holds, what):
    if not holds:
        raise Refused(what)


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, size):
        check(size <= len(self.data) - self.at, "the bytes end too early")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self, size, signed=False):
        return int.from_bytes(self.take(size), "little", signed=signed)

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.number(1)
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise Refused("a varint of more than 10 bytes")

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def is_at_end(self):
        return self.at == len(self.data)


def modulo(value):
    return value & (1 << 64) - 1


def signed(value):
    return value - (1 << 64) if value >> 63 else value


# ---- integers ----

PLAIN, DELTA, FRESH = range(3)


class Integers:
    def __init__(self, head):
        byte = head.number(1)
        self.mode, self.planes = byte >> 4, byte & 15
        check(self.mode <= FRESH and self.planes <= 8, "the mode of integers")
        MET["integers"].add(self.mode)
        self.lowest = modulo(head.zigzag())
        self.range = head.varint()
        self.first = head.varint() if self.mode == DELTA else 0

    def size(self, count):
        return self.planes * count

    def read(self, data, count):
        """The numbers, modulo 2^64."""
        stored = [0] * count
        for plane in range(self.planes):
            for i, byte in enumerate(data[plane * count:(plane + 1) * count]):
                stored[i] |= byte << 8 * plane
        values, before = [], 0
        for i, raw in enumerate(stored):
            if self.mode == PLAIN:
                value = raw
            elif self.mode == DELTA:
                value = self.first if i == 0 else modulo(before + (raw >> 1 ^ -(raw & 1)))
                before = value
            else:
                value = before if raw == 0 else raw - 1
                before = max(before, value + 1)
            check(value <= self.range, "a number above its range")
            values.append(modulo(value + self.lowest))
        return values


# ---- times ----

PATTERNS = """Y-M-DTh:m:s|Y-M-D h:m:s|Y/M/D h:m:s|D/b/Y:h:m:s|b e h:m:s|a b e h:m:s Y|a b D h:m:s Y|a, D b Y h:m:s|D b Y h:m:s
D-b-Y h:m:s|M/D/Y h:m:s|D/M/Y h:m:s|D.M.Y h:m:s|Y.M.D h:m:s|M-D h:m:s|M/D h:m:s|M.D h:m:s|Y-M-D-h.m.s|Y-M-D_h:m:s|YMD-h:m:s
YMD h:m:s|YMDThms|YMDhms|yMD h:m:s|yMD hms|y/M/D h:m:s|b D h:m:s|b D Y h:m:s|b e Y h:m:s|b D, Y h:m:s|MD h:m:s|Y-M-DTh:m
Y-M-D h:m|Y-M-D|Y/M/D|D/b/Y|D-b-Y|D.M.Y|h:m:s|U""".replace("\n", "|").split("|")
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
EPOCH = datetime.datetime(1970, 1, 1)


class Stamps:
    """How a point in time was written."""

    def __init__(self, head):
        number, fraction, self.separator = head.number(1), head.number(1), head.take(1)
        check(number < len(PATTERNS), "a pattern of times")
        self.pattern = PATTERNS[number]
        self.digits, self.way = fraction & 15, fraction >> 4
        self.is_relative = head.number(1) == 1
        MET["relative"].add(self.is_relative)

    def unit_ns(self):
        if self.digits:
            return 10 ** (9 - self.digits)
        return 10**9 * (1 if set("sU") & set(self.pattern) else 60 if "m" in self.pattern else 86400)

    def fraction(self, units):
        text = b"%0*d" % (self.digits, units) if self.digits else b""
        if self.way == 1:
            text = text.rstrip(b"0")
        elif self.way == 2:
            text = text[:max(3 * math.ceil(len(text.rstrip(b"0")) / 3), 0)]
        elif self.way == 3 and units == 0:
            text = b""
        return (self.separator if self.separator != b"\0" else b"") + text if text else b""

    def write(self, stamp):
        seconds, rest = divmod(stamp * self.unit_ns(), 10**9)
        at = EPOCH + datetime.timedelta(seconds=seconds)
        parts = {
            "Y": f"{at.year:04}", "y": f"{at.year % 100:02}", "M": f"{at.month:02}", "D": f"{at.day:02}",
            "e": f"{at.day:2}", "h": f"{at.hour:02}", "m": f"{at.minute:02}", "s": f"{at.second:02}",
            "a": DAYS[at.weekday()], "b": MONTHS[at.month - 1], "U": f"{seconds:010}",
        }
        out = b""
        for letter in self.pattern:
            out += parts.get(letter, letter).encode()
            if letter in "sU":
                out += self.fraction(rest // self.unit_ns())
        return out


# ---- values of a column ----

CONST, RAW, DICT, INT, HEX, IP4, UUID, TIME = range(8)


def write_int(value, digits, decimals):
    value = signed(value)
    text = str(abs(value)).zfill(digits)
    if decimals:
        text = text[:-decimals] + "." + text[-decimals:]
    return ("-" if value < 0 else "").encode() + text.encode()


class Texts:
    def __init__(self, head):
        self.text_size = head.varint()
        self.lengths = Integers(head)

    def numbers_size(self, count):
        return self.lengths.size(count)

    def read(self, count, numbers, text, times):
        lengths = self.lengths.read(numbers.take(self.numbers_size(count)), count)
        check(sum(lengths) == self.text_size, "lengths that do not add up to the text")
        return [text.take(length) for length in lengths]


class Numbers:
    text_size = 0

    def __init__(self, head, kind):
        self.kind = kind
        self.prefix = head.take(head.number(1))
        self.suffix = head.take(head.number(1))
        words = 1
        if kind == INT:
            self.digits, self.decimals = head.number(1), head.number(1)
        elif kind == HEX:
            byte = head.number(1)
            self.digits, self.is_capital = byte & 127, byte > 127
            words = -(-self.digits // 16)
        elif kind == UUID:
            self.digits, self.is_capital, words = 32, head.number(1) == 1, 2
        elif kind == TIME:
            self.stamps = Stamps(head)
        self.words = [Integers(head) for _ in range(words)]

    def numbers_size(self, count):
        return sum(word.size(count) for word in self.words)

    def write(self, words, time_ns):
        if self.kind == INT:
            return write_int(words[0], self.digits, self.decimals)
        if self.kind == IP4:
            return ".".join(str(octet) for octet in words[0].to_bytes(4, "big")).encode()
        if self.kind == TIME:
            relative = time_ns // self.stamps.unit_ns() if self.stamps.is_relative else 0
            return self.stamps.write(signed(words[0]) + relative)
        text = "".join(f"{word:0{min(16, self.digits - 16 * i)}x}" for i, word in enumerate(words))
        if self.kind == UUID:
            text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        return (text.upper() if self.is_capital else text).encode()

    def read(self, count, numbers, text, times):
        words = [word.read(numbers.take(word.size(count)), count) for word in self.words]
        return [self.prefix + self.write([word[i] for word in words], times[i] if times else None) + self.suffix
                for i in range(count)]


class Values:
    """A column: its head, then its values from numbers and text."""

    def __init__(self, head):
        kind = head.number(1)
        MET["values"].add(kind)
        self.ids = self.const = None
        if kind == CONST:
            self.const = head.take(head.varint())
            return
        if kind in (RAW, DICT):
            head.varint()  # classes of bytes
            check(head.number(1) < 8, "the forms of a column")
        if kind == DICT:
            self.distinct = head.varint()
            self.ids = Integers(head)
            kind = head.number(1)
            check(kind != DICT, "a dictionary of a dictionary")
        check(RAW <= kind <= TIME, "the type of a column")
        self.inner = Texts(head) if kind == RAW else Numbers(head, kind)

    @property
    def text_size(self):
        return 0 if self.const is not None else self.inner.text_size

    def numbers_size(self, count):
        if self.const is not None:
            return 0
        if self.ids:
            return self.ids.size(count) + self.inner.numbers_size(self.distinct)
        return self.inner.numbers_size(count)

    def read(self, count, numbers, text, times=None):
        if self.const is not None:
            return [self.const] * count
        if not self.ids:
            return self.inner.read(count, numbers, text, times)
        ids = self.ids.read(numbers.take(self.ids.size(count)), count)
        distinct = self.inner.read(self.distinct, numbers, text, None)
        return [distinct[i] for i in ids]


# ---- lines ----

class Parts:
    """The chunks behind the map, and how far each has been read."""

    def __init__(self, chunks):
        self.chunks, self.ends = chunks, [0] * len(chunks)

    def take(self, place, size):
        chunk, offset = place
        if chunk == 0:
            check(size == 0, "a part without a place")
            return b""
        check(chunk < len(self.chunks), "a place in a chunk that is not there")
        at = self.ends[chunk] if offset is None else offset
        if offset is None:
            self.ends[chunk] += size
        check(at + size <= len(self.chunks[chunk]), "a part that ends behind its chunk")
        return self.chunks[chunk][at:at + size]


def read_place(map_):
    code = map_.varint()
    return code >> 1, map_.varint() if code & 1 else None


def read_column(map_, parts, count):
    """A function that gives the values, with the times of their lines: those are known only behind the columns."""
    kind = map_.varint()
    check(kind <= 2, "the kind of a column")
    MET["columns"].add(kind)
    if kind == 0:
        numbers, text = read_place(map_), read_place(map_)
        values = Values(map_)
        numbers = parts.take(numbers, values.numbers_size(count))
        text = parts.take(text, values.text_size)
        return lambda times: values.read(count, Cursor(numbers), Cursor(text), times)
    if kind == 2:
        table = read_table(map_, parts, count)
        return lambda times: table
    distinct_count, place = map_.varint(), read_place(map_)
    integers = Integers(map_)
    ids = integers.read(parts.take(place, integers.size(count)), count)
    distinct = read_table(map_, parts, distinct_count)
    return lambda times: [distinct[i] for i in ids]


def read_table(map_, parts, count, times=None):
    """The lines, or values, that a table describes."""
    template_count, column_count = map_.varint(), map_.varint()
    check(1 <= template_count <= count and column_count <= 2048, "the size of a table")
    sizes = [(map_.varint(), map_.varint()) for _ in range(template_count)]
    lengths = [[map_.varint() for _ in range(slots + 1)] for _, slots in sizes]
    columns_of, rows_of = [], [0] * column_count
    for rows, slots in sizes:
        columns, expected = [], 0
        for _ in range(slots):
            column = expected + map_.zigzag()
            check(0 <= column < column_count and column not in columns, "the column of a slot")
            columns.append(column)
            rows_of[column] += rows
            expected = column + 1
        columns_of.append(columns)
    columns = [read_column(map_, parts, rows) for rows in rows_of]
    planes = 0 if template_count == 1 else 1 if template_count <= 256 else 2
    raw = parts.take(read_place(map_), planes * count)
    numbers = [sum(raw[plane * count + i] << 8 * plane for plane in range(planes)) for i in range(count)]
    heap = Cursor(map_.take(map_.varint()))
    literals = [[heap.take(length) for length in row] for row in lengths]
    check(heap.is_at_end(), "literals that do not add up")
    check([numbers.count(i) for i in range(template_count)] == [rows for rows, _ in sizes], "lines of a template")

    times_of = [[] for _ in columns]
    for row, number in enumerate(numbers):
        for column in columns_of[number]:
            times_of[column].append(times[row] if times else None)
    values = [iter(column(of)) for column, of in zip(columns, times_of)]
    lines = []
    for number in numbers:
        line = literals[number][0]
        for column, literal in zip(columns_of[number], literals[number][1:]):
            line += next(values[column]) + literal
        lines.append(line)
    return lines


def read_lines(chunks, times):
    """The lines of a row group; chunks: decompressed, the map first."""
    map_ = Cursor(chunks[0])
    check(map_.number(1) == 1, "the version of the map")
    lines = read_table(map_, Parts(chunks), len(times), times)
    check(map_.is_at_end(), "bytes behind the map")
    return lines
