"""A segment file, read as docs/format/segment.md says and by nothing else."""

import dataclasses

import xxhash
import zstandard

from .columns import Cursor, Refused, Values, check, modulo, read_lines, signed
from .tokens import TokenIndex

MAGIC = b"BoleSeg\n"
TIME, SEQ, STREAM, TEXT, FIELD, REST, ROLLUP = range(1, 8)
SECTION = 100
STREAMS, DIRECTORY, TOKENS = 1, 2, 3

_CRC = []
for _n in range(256):
    for _ in range(8):
        _n = _n >> 1 ^ (0x82F63B78 if _n & 1 else 0)
    _CRC.append(_n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def xxh3(data):
    return xxhash.xxh3_128_intdigest(data)


def hash_bytes(value):
    return value.to_bytes(16, "little")


def read_chunk(data, kind):
    """(payload, rows)"""
    head = Cursor(data)
    crc, found, version, codec, zero = (head.number(n) for n in (4, 1, 1, 1, 1))
    size, raw_size, rows = (head.number(4) for _ in range(3))
    check(crc == crc32c(data[4:]), "the checksum of a chunk")
    check((found, version, zero) == (kind, 1, 0), "the kind of a chunk")
    check(size == len(data) - 20, "the size of a chunk")
    payload = data[20:]
    if codec == 1:
        payload = zstandard.ZstdDecompressor().decompress(payload, max_output_size=raw_size)
    check(codec <= 1 and len(payload) == raw_size, "the codec of a chunk")
    return payload, rows


def unpack(cursor, count, is_delta):
    """Packed integers, modulo 2^64."""
    values = []
    while len(values) < count:
        n = min(1024, count - len(values))
        first = cursor.number(8)
        step = cursor.number(8) if is_delta else 0
        width = cursor.number(1)
        packed = n - 1 if is_delta else n
        bits = cursor.number((packed * width + 7) // 8)
        raw = [bits >> i * width & (1 << width) - 1 for i in range(packed)]
        if is_delta:
            block = [first]
            for value in raw:
                block.append(modulo(block[-1] + step + value))
        else:
            block = [modulo(first + value) for value in raw]
        values += block
    check(cursor.take(8) == bytes(8) and cursor.is_at_end(), "the end of packed integers")
    return values


@dataclasses.dataclass
class Record:
    tenant: bytes
    labels: bytes  # canonical
    time_ns: int
    seq: int
    line: bytes
    fields: list  # (key, value)

    def digest(self):
        stream = xxh3(hash_bytes(xxh3(self.tenant)) + hash_bytes(xxh3(self.labels)))
        fields = sum(xxh3(hash_bytes(xxh3(k)) + hash_bytes(xxh3(v))) for k, v in self.fields) & (1 << 128) - 1
        return xxh3(self.time_ns.to_bytes(8, "little", signed=True) + self.seq.to_bytes(8, "little") +
                    b"".join(hash_bytes(h) for h in (stream, xxh3(self.line), fields)))


def label_pairs(canonical):
    cursor, pairs = Cursor(canonical), {}
    while not cursor.is_at_end():
        name = cursor.take(cursor.varint()).decode()
        pairs[name] = cursor.take(cursor.varint()).decode()
    return pairs


@dataclasses.dataclass
class Column:
    kind: int
    key: bytes
    chunks: list  # (offset, size)


@dataclasses.dataclass
class Group:
    tenant: bytes
    rows: int
    min_time_ns: int
    max_time_ns: int
    line_bytes: int
    min_lsn: int
    max_lsn: int
    order: int
    digest: int
    streams: list  # (id, rows, bytes of lines)
    columns: list


class Segment:
    def __init__(self, data):
        self.data = data
        head = Cursor(data)
        check(head.take(8) == MAGIC and head.number(2) == 1, "this is no segment")
        check(crc32c(data[:28]) == int.from_bytes(data[28:32], "little"), "the checksum of the header")
        tail = Cursor(data[-16:])
        size, crc = tail.number(4), tail.number(4)
        check(tail.take(8) == MAGIC, "the file is cut off")
        check(crc == crc32c(data[-16 - size:-12]), "the checksum of the footer")
        footer = Cursor(data[-16 - size:-16])
        self.sections = {}
        for _ in range(footer.number(4)):
            type_, version, offset, length, crc = (footer.number(n) for n in (2, 2, 8, 8, 4))
            check(crc == crc32c(data[offset:offset + length]), "the checksum of a section")
            self.sections[type_] = data[offset:offset + length]
            if len(self.sections) == 1:
                self.chunks_end = offset
        self.rows, self.raw_bytes = footer.number(8), footer.number(8)
        self.streams = self._read_streams()
        self.groups = self._read_directory()
        check(sum(g.rows for g in self.groups) == self.rows, "rows that do not add up")

    def _read_streams(self):
        payload, count = read_chunk(self.sections[STREAMS], SECTION)
        cursor, streams = Cursor(payload), []
        for _ in range(count):
            cursor.number(1)  # flags
            streams.append(cursor.take(cursor.varint()))
        check(cursor.is_at_end(), "bytes behind the streams")
        return streams

    def _read_directory(self):
        payload, count = read_chunk(self.sections[DIRECTORY], SECTION)
        cursor, at = Cursor(payload), 32
        self.level = cursor.varint()
        tenants = [cursor.take(cursor.varint()) for _ in range(cursor.varint())]
        groups = []
        for _ in range(count):
            tenant, rows = tenants[cursor.varint()], cursor.varint()
            min_time, max_time, _received = (cursor.number(8, signed=True) for _ in range(3))
            line_bytes, _field_bytes, min_lsn = (cursor.varint() for _ in range(3))
            max_lsn = min_lsn + cursor.varint()
            order, _generation, _family = cursor.number(1), cursor.number(1), cursor.number(8)
            cursor.take(cursor.varint())  # the family's name
            digest = cursor.number(16)
            streams, before = [], -1
            for _ in range(cursor.varint()):
                before = before + 1 + cursor.zigzag()
                streams.append((before, cursor.varint(), cursor.varint()))
            columns = []
            for _ in range(cursor.varint()):
                kind = cursor.number(1)
                column = Column(kind, cursor.take(cursor.varint()) if kind == FIELD else b"", [])
                for _ in range(cursor.varint()):
                    column.chunks.append((at, cursor.varint()))
                    at += column.chunks[-1][1]
                    cursor.varint()  # rows
                columns.append(column)
            groups.append(Group(tenant, rows, min_time, max_time, line_bytes, min_lsn, max_lsn, order, digest, streams, columns))
        check(cursor.is_at_end() and at == self.chunks_end, "chunks that do not end where the sections begin")
        return groups

    def tokens(self):
        return TokenIndex(self.sections[TOKENS]) if TOKENS in self.sections else None

    # ---- rows ----

    def _payloads(self, column):
        return [read_chunk(self.data[at:at + size], column.kind)[0] for at, size in column.chunks]

    @staticmethod
    def _only(group, kind):
        return next(c for c in group.columns if c.kind == kind)

    def _times(self, group):
        cursor = Cursor(self._payloads(self._only(group, TIME))[0])
        scale = cursor.number(8)
        return [signed(modulo(value * scale)) for value in unpack(cursor, group.rows, True)]

    def _streams(self, group):
        return unpack(Cursor(self._payloads(self._only(group, STREAM))[0]), group.rows, False)

    def _seqs(self, group):
        cursor, seqs, end, run = Cursor(self._payloads(self._only(group, SEQ))[0]), [], 0, None
        by_stream, ends, streams = cursor.number(1), {}, self._streams(group)
        check(by_stream == 0 or (by_stream == 1 and group.order == 0), "how seq is expected")
        for stream in streams:
            run = cursor.varint() if run is None else run
            expected = ends.get(stream, end) if by_stream else end
            seqs.append(modulo(expected + (0 if run else cursor.zigzag())))
            run = run - 1 if run else None
            end = ends[stream] = modulo(seqs[-1] + 1)
        check(not run and cursor.is_at_end(), "runs of seq that do not add up")
        return seqs

    def _values(self, group, column):
        """For each row the value, or None."""
        payloads = self._payloads(column)
        cursor = Cursor(payloads[0])
        count = cursor.varint()
        has = [True] * group.rows
        if count < group.rows:
            bits = cursor.take((group.rows + 7) // 8)
            has = [bits[r // 8] >> r % 8 & 1 == 1 for r in range(group.rows)]
        check(sum(has) == count, "rows that have a key")
        values = Values(cursor)
        text = Cursor(payloads[1] if len(payloads) > 1 else b"")
        times = [t for t, there in zip(self._times(group), has) if there]
        found = iter(values.read(count, cursor, text, times))
        check(cursor.is_at_end() and text.is_at_end(), "bytes behind a field")
        return [next(found) if there else None for there in has]

    def records(self, group):
        times, seqs = self._times(group), self._seqs(group)
        streams = self._streams(group)
        lines = read_lines(self._payloads(self._only(group, TEXT)), times)
        fields = [[] for _ in range(group.rows)]
        for column in group.columns:
            if column.kind == FIELD:
                for row, value in enumerate(self._values(group, column)):
                    if value is not None:
                        fields[row].append((column.key, value))
            elif column.kind == REST:
                for row, value in enumerate(self._values(group, column)):
                    cursor = Cursor(value)
                    while not cursor.is_at_end():
                        key = cursor.take(cursor.varint())
                        fields[row].append((key, cursor.take(cursor.varint())))
        return [Record(group.tenant, self.streams[group.streams[streams[r]][0]], times[r], seqs[r], lines[r], fields[r])
                for r in range(group.rows)]

    def rollup(self, group):
        """[(end of the minute / 60 s, index of the stream, rows, bytes)], or None."""
        column = next((c for c in group.columns if c.kind == ROLLUP), None)
        if column is None:
            return None
        cursor, entries = Cursor(self._payloads(column)[0]), []
        minute = cursor.number(8, signed=True)
        while not cursor.is_at_end():
            minute += cursor.varint()
            stream = -1
            for _ in range(cursor.varint() + 1):
                stream += 1 + cursor.varint()
                entries.append((minute, stream, cursor.varint(), cursor.varint()))
        return entries


def read_segment(path):
    try:
        return Segment(path.read_bytes())
    except (Refused, IndexError, ValueError) as e:
        raise Refused(f"{path.name}: {e}") from e
