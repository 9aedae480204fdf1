#include "store/index/index_sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "store/index/token_format.h"

/* ---- ids ---- */

static void put_random(struct sample *s, const char *alphabet, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_put_u8(&s->ids, (uint8_t)alphabet[random_below(&s->random, strlen(alphabet))]);
}

static void put_words(struct sample *s, const char *join, bool capital)
{
    static const char *const words[] = {"null",    "pointer", "exception", "state", "machine",
                                        "updater", "task",    "kafka",     "dead",  "beef"};
    for (size_t n = 1 + random_below(&s->random, 4); n > 0; n--) {
        const char *word = words[random_below(&s->random, sizeof words / sizeof *words)];
        buf_put_u8(&s->ids, capital ? (uint8_t)(word[0] - 32) : (uint8_t)word[0]);
        buf_put_str(&s->ids, word + 1);
        if (n > 1)
            buf_put_str(&s->ids, join);
    }
}

static const char hex[] = "0123456789abcdef", hex_upper[] = "0123456789ABCDEF", digits[] = "0123456789";
static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789", upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
static const char mixed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                  letters[] = "abcdefghijklmnopqrstuvwxyz";

static void put_uuid(struct sample *s)
{
    static const size_t parts[] = {8, 4, 4, 4, 12};
    for (size_t i = 0; i < 5; i++) {
        put_random(s, random_below(&s->random, 9) ? hex : digits, parts[i]);
        if (i < 4)
            buf_put_u8(&s->ids, '-');
    }
}

static void put_address(struct sample *s)
{
    size_t parts = random_below(&s->random, 8) ? 4 : 3 + random_below(&s->random, 4);
    for (size_t i = 0; i < parts; i++)
        buf_printf(&s->ids, "%s%s%u", i ? "." : "", random_below(&s->random, 30) ? "" : "0",
                   (unsigned)random_below(&s->random, random_below(&s->random, 4) ? 13 : 300));
}

static void put_id(struct sample *s, size_t kind)
{
    size_t n = 8 + random_below(&s->random, 26);
    switch (kind) {
    case 0: put_random(s, hex, n); break;
    case 1: put_random(s, hex_upper, n); break;
    case 2: put_random(s, digits, n); break;
    case 3: put_random(s, lower, n); break;
    case 4: put_random(s, upper, n); break;
    case 5: put_random(s, mixed, n); break;
    case 6: put_uuid(s); break;
    case 7:
    case 8: put_address(s); break;
    case 9: put_words(s, "", true); break;
    case 10: put_words(s, "_", false); break;
    case 11: put_words(s, "", false); break;
    case 12: buf_put_str(&s->ids, "req_"); put_random(s, hex, n); break;
    case 13: put_random(s, letters, 3); put_uuid(s); break;
    case 14: buf_put_str(&s->ids, "na\xc3\xafvet\xc3\xa9 ta\xc5\xbf" "k"); break;
    case 15: put_random(s, "\xd0\xb0\xd0\xb1\xd0\xb2", 2 * n); break;
    case 16:
        buf_put_str(&s->ids, "attempt_");
        put_random(s, digits, 13);
        buf_put_str(&s->ids, "_0");
        put_random(s, digits, 3);
        break;
    case 17: put_random(s, hex, n); put_random(s, digits, n); break;
    case 18: put_random(s, letters, 1 + n % 4); break;
    case 19: put_random(s, digits, 1 + n % 4); break;
    default:
        put_random(s, random_below(&s->random, 2) ? hex : mixed, 1000 + n * 100); /* may be longer than TOKEN_LEN_MAX */
    }
}

bole_slice sample_id(const struct sample *s, uint32_t index)
{
    return (bole_slice){s->ids.ptr + s->id_start[index], s->id_start[index + 1] - s->id_start[index] - 1};
}

/* Ids of all kinds, or mostly of one, which makes its shapes dense; some are parts of others. */
static void make_ids(struct sample *s)
{
    size_t favourite = random_below(&s->random, 2) ? random_below(&s->random, 20) : 0,
           giants = random_below(&s->random, 4) == 0;
    for (uint32_t i = 0; i < SAMPLE_IDS; i++) {
        s->id_start[i] = (uint32_t)s->ids.len;
        bole_slice of = i ? sample_id(s, (uint32_t)random_below(&s->random, i)) : (bole_slice){0};
        if (of.len > 14 && random_below(&s->random, 6) == 0) {
            size_t from = random_below(&s->random, of.len - 12),
                   n = 12 + random_below(&s->random, of.len - 12 - from + 1);
            uint8_t part[8192];
            memcpy(part, of.ptr + from, n);
            buf_put(&s->ids, bole_slice_from(part, n));
        } else {
            put_id(s, favourite && random_below(&s->random, 10) ? favourite
                      : random_below(&s->random, 50) == 0 && giants ? 20 : random_below(&s->random, 20));
        }
        buf_put_u8(&s->ids, '\n');
    }
    s->id_start[SAMPLE_IDS] = (uint32_t)s->ids.len;
}

/* ---- lines ---- */

static void put_line(struct sample *s, struct buf *out)
{
    static const char *const signs[] = {" ",  " ", "=", ":", ".",        "-",  "\"", "/",
                                        ", ", "[", "_", "",  "\xc3\xa9", "--", ".."};
    size_t ids = 1 + random_below(&s->random, 5);
    if (random_below(&s->random, 2))
        buf_printf(out, "2025-01-%02u 00:%02u:%02u ", (unsigned)random_below(&s->random, 32),
                   (unsigned)random_below(&s->random, 60), (unsigned)random_below(&s->random, 60));
    for (size_t i = 0; i < ids; i++) {
        buf_put(out, sample_id(s, (uint32_t)random_below(&s->random, SAMPLE_IDS)));
        buf_put_str(out, signs[random_below(&s->random, sizeof signs / sizeof *signs)]);
    }
    buf_put_u8(out, '\n');
}

struct sample *sample_create(uint64_t seed)
{
    struct sample *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    random_seed(&s->random, seed);
    buf_init(&s->ids, NULL);
    buf_init(&s->section, NULL);
    make_ids(s);
    s->group_count = 1 + (uint32_t)random_below(&s->random, SAMPLE_GROUPS_MAX);
    for (uint32_t g = 0; g < s->group_count; g++) {
        buf_init(&s->lines[g], NULL);
        for (size_t n = random_below(&s->random, 60); n > 0; n--)
            put_line(s, &s->lines[g]);
    }
    return s;
}

void sample_destroy(struct sample *s)
{
    for (uint32_t g = 0; g < s->group_count; g++)
        buf_deinit(&s->lines[g]);
    buf_deinit(&s->ids);
    buf_deinit(&s->section);
    free(s);
}

/* Where the piece that begins at `from` may end: a border chosen at random. */
static size_t piece_end(struct sample *s, bole_slice line, size_t from, bool whole_compounds)
{
    for (size_t at = from + 1; at < line.len; at++) {
        const struct token *found;
        size_t count;
        bool border = random_below(&s->random, 8) == 0;
        if (border && whole_compounds)
            border = tokens_is_border(&s->tokens, line, at);
        tokens_begin(&s->tokens, line, TOKENS_WORDS);
        while (border && tokens_next(&s->tokens, &found, &count))
            for (size_t i = 0; i < count; i++)
                border &= found[i].start >= at || at - found[i].start >= found[i].len;
        if (border)
            return at;
    }
    return line.len;
}

/* A stamp in front of the line, of which another of its shape is stamped in its place. */
static size_t put_unlisted(struct token_builder *b, uint32_t group, bole_slice line)
{
    if (line.len < 20 || memcmp(line.ptr, "2025-01-", 8) != 0)
        return 0;
    token_builder_add_unlisted(b, group, S("1999-09-09 09:09:09"));
    return 19;
}

void sample_index(struct sample *s, const struct token_builder_options *options, bool unlisted)
{
    struct token_builder *b = token_builder_create(options);
    struct bole_err err;
    if (!b)
        abort();
    for (uint32_t g = 0; g < s->group_count; g++)
        for (bole_slice rest = buf_slice(&s->lines[g]); rest.len;) {
            bole_slice line = bole_slice_cut(rest, '\n', &rest);
            size_t from = unlisted ? put_unlisted(b, g, line) : 0;
            for (size_t end; from < line.len; from = end) {
                end = piece_end(s, line, from, options->whole_compounds);
                token_builder_add(b, g, &(bole_slice){line.ptr + from, end - from}, 1);
            }
        }
    buf_reset(&s->section);
    if (token_builder_finish(b, s->group_count, &s->section, &s->info, &err) < 0)
        abort();
    token_builder_destroy(b);
}

/* ---- needles ---- */

static bole_slice part_of(struct sample *s, bole_slice text)
{
    if (!text.len)
        return text;
    size_t from = random_below(&s->random, text.len), most = text.len - from;
    return (bole_slice){text.ptr + from, 1 + random_below(&s->random, most < 60 ? most : 60)};
}

static bole_slice some_line(struct sample *s)
{
    bole_slice lines = buf_slice(&s->lines[random_below(&s->random, s->group_count)]);
    if (!lines.len)
        return lines;
    size_t at = random_below(&s->random, lines.len);
    while (at > 0 && lines.ptr[at - 1] != '\n')
        at--;
    bole_slice rest;
    return bole_slice_cut(bole_slice_sub(lines, at), '\n', &rest);
}

struct token_needle sample_needle(struct sample *s, uint8_t *out, size_t max)
{
    bole_slice text = sample_id(s, (uint32_t)random_below(&s->random, SAMPLE_IDS));
    switch (random_below(&s->random, 4)) {
    case 0: text = part_of(s, some_line(s)); break;
    case 1: text = part_of(s, text); break;
    case 2: text = some_line(s); break;
    }
    if (!text.len)
        text = S("-");
    size_t n = text.len < max - 2 ? text.len : max - 2;
    memcpy(out, text.ptr, n);
    struct token_needle needle = {.fold_case = random_below(&s->random, 4) == 0};
    if (n && random_below(&s->random, 4) == 0)
        out[random_below(&s->random, n)] = (uint8_t)mixed[random_below(&s->random, sizeof mixed - 1)];
    if (random_below(&s->random, 4) == 0)
        out[n++] = (uint8_t)" .-:a1"[random_below(&s->random, 6)];
    for (size_t i = 0; i < n && needle.fold_case; i++)
        if (out[i] >= 'a' && out[i] <= 'z' && random_below(&s->random, 2))
            out[i] -= 32;
    needle.text = bole_slice_from(out, n);
    needle.closed_left = random_below(&s->random, 4) == 0;
    needle.closed_right = random_below(&s->random, 4) == 0;
    return needle;
}

/* Simple folding, as far as the sample's characters need it. */
static size_t fold(bole_slice text, uint8_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (text.len - i >= 2 && memcmp(text.ptr + i, "\xc5\xbf", 2) == 0) {
            c = 's';
            i++;
        }
        out[n++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
    }
    return n;
}

static int side(uint8_t c)
{
    return c > 127 ? 2 : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool line_holds(bole_slice line, const struct token_needle *n)
{
    for (const uint8_t *p = line.ptr, *end = line.ptr + line.len, *hit;
         (hit = memmem(p, (size_t)(end - p), n->text.ptr, n->text.len)) != NULL; p = hit + 1) {
        const uint8_t *behind = hit + n->text.len;
        bool left = !n->closed_left || hit == line.ptr || side(hit[-1]) == 0 || side(hit[-1]) != side(hit[0]);
        bool right = !n->closed_right || behind == end || side(*behind) == 0 || side(*behind) != side(behind[-1]);
        if (left && right)
            return true;
        if (hit == end)
            break;
    }
    return false;
}

bool sample_holds(const struct sample *s, uint32_t group, const struct token_needle *needle)
{
    uint8_t text[8192], folded[65536];
    struct token_needle n = *needle;
    if (n.fold_case)
        n.text = bole_slice_from(text, fold(needle->text, text));
    for (bole_slice rest = buf_slice(&s->lines[group]); rest.len;) {
        bole_slice line = bole_slice_cut(rest, '\n', &rest);
        if (n.fold_case)
            line = bole_slice_from(folded, fold(line, folded));
        if (line_holds(line, &n))
            return true;
    }
    return false;
}

/* ---- hostile sections ---- */

static bole_status read_bytes(void *ctx, uint64_t offset, size_t len, uint8_t *ret_bytes, struct bole_err *err)
{
    struct sample_reader *r = ctx;
    r->calls++;
    if (r->calls == r->fail_at)
        return bole_fail(err, BOLE_E_IO, "sample: read %zu fails", r->calls);
    if (offset > r->bytes.len || len > r->bytes.len - offset)
        abort(); /* the index may not ask for what is not there */
    if (len > r->largest)
        r->largest = len;
    memcpy(ret_bytes, r->bytes.ptr + offset, len);
    return BOLE_OK;
}

struct token_source sample_source(struct sample_reader *r, bole_slice bytes)
{
    *r = (struct sample_reader){.bytes = bytes};
    return (struct token_source){.read = read_bytes, .ctx = r, .size = bytes.len};
}

/* Checksums of blocks, of long tokens and of the head, as far as the tables lie within the bytes. */
static void fix_checksums(uint8_t *bytes, size_t len)
{
    uint64_t head = load_u32(bytes + HEAD_SIZE), at = HEAD_FIXED_SIZE, start = 0;
    uint64_t blocks = bytes[HEAD_BLOCK_BITS] < 20 ? 1ull << bytes[HEAD_BLOCK_BITS] : 0;
    if (head > len || head < HEAD_FIXED_SIZE)
        return;
    for (; blocks > 0 && at + TOKEN_BLOCK_ENTRY <= head; blocks--, at += TOKEN_BLOCK_ENTRY) {
        uint64_t end = load_u32(bytes + at);
        if (end >= start && head + end <= len)
            store_u32(bytes + at + 4, crc32c(0, bytes + head + start, end - start));
        start = end;
    }
    for (uint64_t i = load_u32(bytes + HEAD_TEXTS); i > 0 && at + TOKEN_TEXT_ENTRY <= head;
         i--, at += TOKEN_TEXT_ENTRY) {
        uint64_t size = load_u32(bytes + at + 4);
        if (head + start + size <= len)
            store_u32(bytes + at + 12, crc32c(0, bytes + head + start, size));
        start += size;
    }
    store_u32(bytes + HEAD_CRC, crc32c(0, bytes + HEAD_MAGIC, head - HEAD_MAGIC));
}

void sample_attack(uint8_t *bytes, size_t len)
{
    static const char *const needles[] = {" null ",
                                          "10.1.2.3",
                                          "NullPointerException",
                                          "deadbeefdeadbeef",
                                          "0",
                                          "1234567890123",
                                          "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
                                          "taskstate",
                                          "attempt_1445062781478_0017"};
    struct bole_err err;
    if (len >= HEAD_FIXED_SIZE)
        fix_checksums(bytes, len);
    for (int ranges = 0; ranges < 2; ranges++) {
        struct sample_reader reader;
        struct token_source source = sample_source(&reader, bole_slice_from(bytes, len));
        struct token_index *index;
        if (!ranges)
            source = (struct token_source){.bytes = bole_slice_from(bytes, len)};
        if (token_index_open(&source, &index, &err) < 0)
            continue;
        for (size_t i = 0; i < sizeof needles / sizeof *needles; i++) {
            uint64_t groups[TOKEN_GROUP_WORDS];
            struct token_needle n = {.text = bole_slice_str(needles[i]), .fold_case = i & 1, .closed_left = i & 2};
            memset(groups, 0xff, sizeof groups);
            token_index_prune(index, &n, 1, groups, &err);
        }
        token_index_close(index);
    }
}
