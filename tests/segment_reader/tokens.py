"""The token index of a segment, read as docs/format/index.md says."""

import re

import xxhash
import zstandard

from .columns import Cursor, check

TOKEN = re.compile(rb"[A-Za-z0-9_]+|[\x80-\xff]+")


def tokens_of(text):
    """Maximal runs only: the tokens that are in the map whatever the flags, unless they are parts of a UUID."""
    return {token.lower() for token in TOKEN.findall(text)}  # of bytes: A to Z only


class Bits:
    """Bits that fill bytes from the low end."""

    def __init__(self, data):
        self.value, self.at = int.from_bytes(data, "little"), 0

    def take(self, count):
        self.at += count
        return self.value >> self.at - count & (1 << count) - 1

    def ones(self):
        count = 0
        while self.take(1):
            count += 1
        return count


class TokenIndex:
    def __init__(self, data):
        head = Cursor(data)
        head.number(4)
        check(head.take(4) == b"BTok" and head.number(2) == 1, "this is no token index")
        self.flags, head_size, _ = head.number(2), head.number(4), head.number(8)
        self.groups, _texts, self.keys = head.number(4), head.number(4), head.number(8)
        self.block_bits, self.bucket_bits, self.rest_bits, self.slot_bits = head.take(4)
        stamps_size = head.number(4)
        head.take(88)
        ends = [(head.number(4), head.number(4)) for _ in range(1 << self.block_bits)]
        begin, self.blocks = 0, []
        for end, _crc in ends:
            self.blocks.append(data[head_size + begin:head_size + end])
            begin = end
        stamps = Cursor(zstandard.ZstdDecompressor().decompress(data[head_size - stamps_size:head_size],
                                                               max_output_size=184 * self.groups))
        self.stamps = [[stamps.number(8) for _ in range(23)] for _ in range(self.groups)]

    def is_open(self, group):
        return self.stamps[group][22] & 1 == 1

    def holds_uuids(self, group):
        return self.stamps[group][22] & 8 == 8

    def has_unlisted(self, group):
        return any(self.stamps[group][15:22])

    def lookup(self, token):
        """The row groups that the map gives for a token."""
        key = xxhash.xxh3_64_intdigest(token[:1024]) >> 64 - self.block_bits - self.bucket_bits - self.rest_bits
        rest = key & (1 << self.rest_bits) - 1
        bucket = key >> self.rest_bits & (1 << self.bucket_bits) - 1
        block = self.blocks[key >> self.rest_bits + self.bucket_bits]
        cursor = Cursor(block)
        count = cursor.number(4)
        if count == 0:
            return set()
        buckets = Bits(cursor.take((count + (1 << self.bucket_bits) + 7) // 8))
        first = sum(buckets.ones() for _ in range(bucket))
        mine = range(first, first + buckets.ones())
        rests = Bits(cursor.take((count * self.rest_bits + 7) // 8))
        slots = Bits(cursor.take((count * self.slot_bits + 7) // 8))
        rests = [rests.take(self.rest_bits) for _ in range(count)]
        slots = [slots.take(self.slot_bits) for _ in range(count)]
        entry = next((i for i in mine if rests[i] == rest), None)
        if entry is None:
            return set()
        if slots[entry] < self.groups:
            return {slots[entry]}
        if slots[entry] == self.groups:
            return set(range(self.groups))
        lists = Bits(cursor.take(len(block) - cursor.at))
        for _ in range(slots[:entry].count(self.groups + 1)):
            self._read_list(lists)
        return set(self._read_list(lists))

    def _read_list(self, bits):
        high = bits.ones()
        count = (1 << high | bits.take(high)) + 1
        rice = max(((self.groups - count) // count).bit_length() - 1, 0)
        groups, before = [], -1
        for _ in range(count):
            quotient = bits.ones()
            before += 1 + (quotient << rice | bits.take(rice))
            groups.append(before)
        return groups
