#define XXH_INLINE_ALL
#include "store/segment/digest.h"

#include "base/bytes.h"
#include "base/hash.h"

static struct digest digest_of(const void *bytes, size_t size)
{
    XXH128_hash_t h = XXH3_128bits(bytes, size);
    return (struct digest){h.low64, h.high64};
}

static struct digest digest_of_pair(bole_slice a, bole_slice b)
{
    struct digest x = digest_of(a.ptr, a.len), y = digest_of(b.ptr, b.len);
    const uint64_t words[] = {x.lo, x.hi, y.lo, y.hi};
    return digest_of(words, sizeof words); /* little endian: base/bytes.h */
}

struct digest digest_of_stream(bole_slice tenant, bole_slice labels)
{
    return digest_of_pair(tenant, labels);
}

struct digest digest_of_field(bole_slice key, bole_slice value)
{
    return digest_of_pair(key, value);
}

struct digest digest_of_record(struct digest stream, int64_t time_ns, uint64_t seq, bole_slice line,
                               struct digest fields)
{
    struct digest text = digest_of(line.ptr, line.len);
    const uint64_t words[] = {(uint64_t)time_ns, seq, stream.lo, stream.hi, text.lo, text.hi, fields.lo, fields.hi};
    return digest_of(words, sizeof words);
}

static struct digest remembered_field(struct batch_field f, uint32_t key, struct digest_memo *memo)
{
    size_t i = key % (sizeof memo->fields / sizeof *memo->fields);
    if (!memo->fields[i].value.ptr || !bole_slice_eq(memo->fields[i].value, f.value) ||
        !bole_slice_eq(memo->fields[i].key, f.key)) {
        memo->fields[i].key = f.key;
        memo->fields[i].value = f.value;
        memo->fields[i].digest = digest_of_field(f.key, f.value);
    }
    return memo->fields[i].digest;
}

struct digest digest_of_row(struct digest stream, const struct batch *b, uint32_t row, uint64_t seq,
                            struct digest_memo *memo)
{
    struct digest fields = {0};
    for (uint32_t i = batch_field_first(b, row); i < b->field_end[row]; i++)
        fields = digest_add(fields, remembered_field(batch_field(b, i), b->field_key[i], memo));
    return digest_of_record(stream, b->time_ns[row], seq, batch_line(b, row), fields);
}
