"""Encodes batches from the page of their format alone: docs/format/batch.md."""

import struct

_TABLE = []
for _byte in range(256):
    _value = _byte
    for _ in range(8):
        _value = _value >> 1 ^ (0x82F63B78 if _value & 1 else 0)
    _TABLE.append(_value)


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def _text(value):
    return _varint(len(value)) + value


def _column(code, values):
    return struct.pack(f"<{len(values)}{code}", *values)


def _heap(entries):
    """(ends, bytes) of what stands back to back."""
    ends, at = [], 0
    for entry in entries:
        at += len(entry)
        ends.append(at)
    return ends, b"".join(entries)


def encode(records, labels, producer=bytes(16), sequence=0, tenant="default"):
    """records: [(ns, line bytes, {field: value})], all of one stream; plain, without compression."""
    keys = sorted({key for _, _, fields in records for key in fields})
    label_set = b"".join(_text(k.encode()) + _text(v.encode()) for k, v in sorted(labels.items()))
    pairs = [(keys.index(k), v.encode()) for _, _, fields in records for k, v in fields.items()]
    field_end, at = [], 0
    for _, _, fields in records:
        at += len(fields)
        field_end.append(at)
    line_end, lines = _heap([line for _, line, _ in records])
    value_end, values = _heap([value for _, value in pairs])
    stream_end, streams = _heap([b"\0" + _text(tenant.encode()) + label_set])
    key_end, key_heap = _heap([k.encode() for k in keys])
    body = _column("I", [1, len(keys), len(records), len(pairs), len(streams), len(key_heap), len(values), len(lines)])
    body += _column("q", [ns for ns, _, _ in records]) + _column("I", [0] * len(records))
    body += _column("I", line_end) + _column("I", field_end) + _column("I", [k for k, _ in pairs]) + _column("I", value_end)
    body += _column("I", stream_end) + _column("I", key_end) + streams + key_heap + values + lines
    times = [ns for ns, _, _ in records]
    header = struct.pack("<4sBBHIIIIqqq16sQI", b"BOLB", 1, 0, 0, len(body), len(body), len(records), 0, min(times), max(times), 0,
                         producer, sequence, 0)
    return header + struct.pack("<I", crc32c(header + body)) + body
