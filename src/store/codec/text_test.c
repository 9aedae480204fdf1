#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/test.h"
#include "store/codec/classify.h"
#include "store/codec/line_kind.h"
#include "store/codec/shadow.h"
#include "store/codec/text_private.h"
#include "store/codec/text_sample.h"

static uint64_t seed(void)
{
    const char *given = getenv("BOLE_SEED");
    uint64_t v = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    printf("BOLE_SEED=%llu\n", (unsigned long long)v);
    return v;
}

static struct text_encoder *encoder(void)
{
    static struct text_encoder *e;
    if (!e)
        e = text_encoder_create(NULL);
    CHECK(e != NULL);
    return e;
}

static uint64_t *all_bits(uint32_t count)
{
    uint64_t *bits = calloc(count / 64 + 1, sizeof *bits);
    memset(bits, 0xff, (count / 64 + 1) * sizeof *bits);
    return bits;
}

static void check_lines(struct text_column_sample *c, const struct text_lines_sample *s, const uint64_t *bits, uint32_t step)
{
    struct bole_err err = {0};
    struct buf out;
    buf_init(&out, NULL);
    uint32_t *ends = calloc(step, sizeof *ends), *lengths = calloc(step, sizeof *lengths);
    for (uint32_t row = 0; row < s->count; row += step) {
        uint32_t n = s->count - row < step ? s->count - row : step, start = 0;
        buf_reset(&out);
        CHECK_OK(text_lines(c->text, row, n, bits, &out, ends, &err), err);
        CHECK_OK(text_lengths(c->text, row, n, lengths, &err), err);
        for (uint32_t i = 0; i < n; i++) {
            bole_slice got = {out.ptr + start, ends[i] - start};
            if (bits[(row + i) / 64] >> (row + i) % 64 & 1)
                CHECK_EQ_SLICE(got, s->lines[row + i]);
            else
                CHECK_EQ_U64(got.len, 0);
            CHECK_EQ_U64(lengths[i], s->lines[row + i].len);
            start = ends[i];
        }
        CHECK_EQ_U64(out.len, start);
    }
    free(ends);
    free(lengths);
    buf_deinit(&out);
}

static void check_round_trip(enum text_sample_kind kind, uint32_t count, struct random *random)
{
    struct text_lines_sample s;
    struct text_column_sample c;
    text_sample_init(&s, kind, count, random);
    text_column_sample_init(&c, encoder(), &s);
    uint64_t *bits = all_bits(s.count);
    check_lines(&c, &s, bits, 1024);
    const uint32_t few[] = {s.count, UINT32_MAX}; /* the half of all that is asked for, all */
    for (int i = 0; i < 2; i++) {
        struct bole_err err = {0};
        c.few = few[i];
        CHECK_OK(text_column_sample_open(&c, &s, &err), err);
        check_lines(&c, &s, bits, 300);
    }
    free(bits);
    text_column_sample_deinit(&c);
    text_sample_deinit(&s);
}

TEST(every_byte_of_every_line_comes_back)
{
    struct random random;
    random_seed(&random, seed());
    static const uint32_t counts[] = {1, 2, 63, 64, 65, 700, 5000};
    for (int split = 0; split <= SPLIT_KINDS; split++) {
        text_encoder_fix_split(encoder(), (enum split)split);
        for (int kind = 0; kind < TEXT_SAMPLE_KINDS; kind++)
            for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
                check_round_trip((enum text_sample_kind)kind, counts[i], &random);
    }
}

static bool is_token(uint8_t c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }

static enum split split_chosen(struct text_memory *memory, enum text_sample_kind kind)
{
    struct random random;
    random_seed(&random, 1);
    struct text_lines_sample s;
    struct text_column_sample c;
    struct text_encoder *e = text_encoder_create(memory);
    text_sample_init(&s, kind, 700, &random);
    text_column_sample_init(&c, e, &s);
    enum split how = text_encoder_split(e);
    text_column_sample_deinit(&c);
    text_sample_deinit(&s);
    text_encoder_destroy(e);
    return how;
}

TEST(it_says_when_addresses_may_lie_across_pieces)
{
    enum { COUNT = 100 };
    static char text[COUNT][32];
    bole_slice lines[COUNT];
    int64_t times[COUNT] = {0};
    for (unsigned i = 0; i < COUNT; i++) {
        snprintf(text[i], sizeof text[i], "at 10.1.%u.%ums done", i % 7, i);
        lines[i] = bole_slice_str(text[i]);
    }
    struct text_lines_sample s = {.lines = lines, .time_ns = times, .count = COUNT};
    static const enum split splits[] = {SPLIT_DIGITS, SPLIT_FIELDS};
    for (unsigned i = 0; i < 2; i++) {
        struct text_column_sample c;
        text_encoder_fix_split(encoder(), splits[i]);
        text_column_sample_init(&c, encoder(), &s);
        CHECK_EQ_U64(text_encoder_cuts(encoder()), splits[i] == SPLIT_DIGITS);
        CHECK_EQ_U64(text_cuts(c.text), splits[i] == SPLIT_DIGITS);
        text_column_sample_deinit(&c);
    }
    text_encoder_fix_split(encoder(), SPLIT_KINDS);
}

TEST(lines_that_begin_alike_are_of_one_kind)
{
    static const bole_slice kinds[][2] = {
        {S("10.1.2.3 - - [01/Jan/2025:00:57:06 -0500] x"), S("crawl-1.example.org - bob [30/Dec/2024:23:01:59 +0100] \"")},
        {S("2025-01-01 00:59:09,192 INFO a.b.C"), S("2024-11-30 10:00:00,001 WARN   d")},
        {S("2025-01-01 00:59:09,192 [IPC Server 9] a.b.C"), S("2024-11-30 10:00:00,001 [main] d")},
        {S("Jan  1 00:57:57 host sshd[99]: Invalid user"), S("Dec 31 01:02:03 h-2 kernel[1]: up")},
        {S("{\"ts\": 1, \"level\": 2}"), S("{ \"ts\":17}")},
        {S("{\"level\": 2}"), S("{\"level\": \"warn\", \"ts\": 1}")},
        {S(""), S("")}, {S("\t at a.b"), S("\t at c$d.e")},
    };
    enum { COUNT = sizeof kinds / sizeof kinds[0] };
    for (unsigned i = 0; i < COUNT; i++) {
        CHECK_EQ_U64(line_kind(kinds[i][0]), line_kind(kinds[i][1]));
        for (unsigned k = 0; k < i; k++)
            CHECK(line_kind(kinds[i][0]) != line_kind(kinds[k][0]));
    }
}

TEST(what_suited_a_family_outlives_the_encoder)
{
    struct text_memory *memory = text_memory_create();
    CHECK(memory != NULL);
    enum split how = split_chosen(memory, TEXT_SAMPLE_APP);
    CHECK(how != split_chosen(NULL, TEXT_SAMPLE_ACCESS));
    CHECK_EQ_U64(split_chosen(memory, TEXT_SAMPLE_ACCESS), how); /* without a trial, until it is seen to be worse */
    text_memory_destroy(memory);
}

TEST(slots_lie_in_order_within_the_line_and_their_borders_are_borders_of_tokens)
{
    struct random random;
    random_seed(&random, seed());
    struct splitter splitter;
    CHECK(splitter_init(&splitter));
    struct text_lines_sample s;
    text_sample_init(&s, TEXT_SAMPLE_MIXED, 5000, &random);
    for (int how = 0; how < SPLIT_KINDS; how++) {
        split_begin(&splitter, (enum split)how, false, s.lines, s.count);
        for (uint32_t row = 0; row < s.count; row++) {
            bole_slice line = s.lines[row];
            CHECK(split_classify(&splitter, line));
            uint32_t count = split_line(&splitter, line);
            size_t at = 0;
            CHECK(count <= SPLIT_SLOTS_MAX);
            for (uint32_t i = 0; i < count; i++) {
                size_t start = splitter.slots[i].offset, end = start + splitter.slots[i].len;
                CHECK(start >= at && end <= line.len);
                bool cuts = (start > 0 && start < line.len && is_token(line.ptr[start - 1]) && is_token(line.ptr[start])) ||
                            (end > 0 && end < line.len && is_token(line.ptr[end - 1]) && is_token(line.ptr[end]));
                if (cuts && how != SPLIT_NUMBERS)
                    printf("split %d slot %u of |%.*s|\n", how, i, BOLE_SLICE_ARG(line));
                CHECK(!cuts || how == SPLIT_NUMBERS);
                at = end;
            }
        }
    }
    CHECK(!splitter.no_memory);
    splitter_deinit(&splitter);
    text_sample_deinit(&s);
}

TEST(any_choice_of_rows_can_be_read_in_any_order)
{
    struct random random;
    random_seed(&random, seed());
    struct text_lines_sample s;
    struct text_column_sample c;
    struct bole_err err = {0};
    text_sample_init(&s, TEXT_SAMPLE_MIXED, 20000, &random);
    text_column_sample_init(&c, encoder(), &s);
    uint64_t *bits = calloc(s.count / 64 + 1, sizeof *bits);
    for (uint32_t i = 0; i < s.count / 50; i++) {
        uint32_t row = (uint32_t)random_below(&random, s.count);
        bits[row / 64] |= 1ull << row % 64;
    }
    check_lines(&c, &s, bits, 1024);
    check_lines(&c, &s, bits, s.count);
    struct buf out;
    buf_init(&out, NULL);
    memset(bits, 0xff, s.count / 8);
    for (int i = 0; i < 2000; i++) {
        uint32_t row = (uint32_t)random_below(&random, s.count), end;
        buf_reset(&out);
        if (i % 100 == 0) {
            c.few = i % 200 ? 0 : 50;
            CHECK_OK(text_column_sample_open(&c, &s, &err), err);
        }
        CHECK_OK(text_lines(c.text, row, 1, bits, &out, &end, &err), err);
        CHECK_EQ_SLICE(buf_slice(&out), s.lines[row]);
    }
    buf_deinit(&out);
    free(bits);
    text_column_sample_deinit(&c);
    text_sample_deinit(&s);
}

TEST(the_vector_forms_of_classify_agree_with_the_portable_one)
{
    struct random random;
    random_seed(&random, seed());
    uint64_t fast[4][8], slow[4][8];
    uint8_t *line = malloc(512);
    for (int i = 0; i < 20000; i++) {
        size_t len = random_below(&random, 513);
        uint8_t *p = line + 512 - len; /* up to the end: a read past it is seen */
        for (size_t k = 0; k < len; k++)
            p[k] = (uint8_t)random_next(&random);
        memset(slow, 0, sizeof slow);
        classify_portable(bole_slice_from(p, len), &(struct byte_masks){slow[0], slow[1], slow[2], slow[3]});
        for (size_t form = 0; classify_form(form); form++) {
            memset(fast, 0, sizeof fast);
            classify_form(form)(bole_slice_from(p, len), &(struct byte_masks){fast[0], fast[1], fast[2], fast[3]});
            CHECK(memcmp(fast, slow, sizeof fast) == 0);
        }
    }
    free(line);
}

/* ---- search ---- */

static bool line_has(bole_slice line, bole_slice needle)
{
    return needle.len == 0 || (line.len >= needle.len && memmem(line.ptr, line.len, needle.ptr, needle.len));
}

/* text_contains against memmem over every line; `start` are the bits it is given. */
static void check_needle(struct text_column_sample *c, const struct text_lines_sample *s, bole_slice needle, uint64_t start)
{
    static uint64_t bits[VALUES_COUNT_MAX / 64];
    struct bole_err err = {0};
    for (uint32_t w = 0; w < (s->count + 63) / 64; w++)
        bits[w] = start;
    CHECK_OK(text_contains(c->text, needle, bits, &err), err);
    for (uint32_t row = 0; row < s->count; row++) {
        bool want = start >> row % 64 & 1 && line_has(s->lines[row], needle), got = bits[row / 64] >> row % 64 & 1;
        if (want != got) {
            printf("row %u: %s needle |%.*s| in |%.*s|\n", row, want ? "missed" : "false", BOLE_SLICE_ARG(needle),
                   BOLE_SLICE_ARG(s->lines[row]));
            CHECK(want == got);
        }
    }
}

/* A part of a line, from the inside of a token to beyond its borders; or that with a byte changed; or random bytes. */
static bole_slice draw_needle(const struct text_lines_sample *s, struct random *r, uint8_t scratch[64])
{
    bole_slice line = s->lines[random_below(r, s->count)];
    size_t longest = random_below(r, 4) ? 12 : 60, len = 1 + random_below(r, longest);
    if (len > line.len)
        len = line.len;
    if (random_below(r, 20) == 0 || len == 0) {
        len = 1 + random_below(r, 4);
        for (size_t i = 0; i < len; i++)
            scratch[i] = random_below(r, 2) ? (uint8_t)random_next(r) : (uint8_t)('0' + random_below(r, 10));
        return bole_slice_from(scratch, len);
    }
    memcpy(scratch, line.ptr + random_below(r, line.len - len + 1), len);
    if (random_below(r, 4) == 0)
        scratch[random_below(r, len)] = (uint8_t)"0 a:-./\"="[random_below(r, 9)];
    return bole_slice_from(scratch, len);
}

static void check_random_needles(enum text_sample_kind kind, uint32_t count, uint32_t needles, struct random *random)
{
    struct text_lines_sample s;
    struct text_column_sample c;
    struct bole_err err = {0};
    uint8_t scratch[64];
    text_sample_init(&s, kind, count, random);
    text_column_sample_init(&c, encoder(), &s);
    for (uint32_t i = 0; i < needles; i++) {
        if (i % 50 == 0)
            CHECK_OK(text_column_sample_open(&c, &s, &err), err); /* with nothing loaded */
        check_needle(&c, &s, draw_needle(&s, random, scratch), random_below(random, 3) ? UINT64_MAX : random_next(random));
    }
    text_column_sample_deinit(&c);
    text_sample_deinit(&s);
}

TEST(search_finds_what_grep_finds)
{
    struct random random;
    random_seed(&random, seed());
    for (int split = 0; split <= SPLIT_KINDS; split++) {
        text_encoder_fix_split(encoder(), (enum split)split);
        for (int kind = 0; kind < TEXT_SAMPLE_KINDS; kind++)
            for (int round = 0; round < 2; round++)
                check_random_needles((enum text_sample_kind)kind, round ? 100 + (uint32_t)random_below(&random, 2000)
                                                                        : 1 + (uint32_t)random_below(&random, 70), 100, &random);
    }
}

/* A piece of a line as a pattern: some bytes as they are, some as classes, some repeated, sometimes two pieces of it. */
static void put_pattern(const struct text_lines_sample *s, struct random *r, struct buf *out)
{
    static const char *const links[] = {".*", "[^ ]+", "\\W", "\\s*", "|", ""};
    uint8_t scratch[64];
    buf_reset(out);
    buf_put_str(out, random_below(r, 3) ? "" : "(?i)");
    for (uint64_t n = 1 + random_below(r, 2); n; n--) {
        bole_slice needle = draw_needle(s, r, scratch);
        for (size_t i = 0; i < needle.len; i++) {
            uint8_t c = needle.ptr[i];
            bool digit = c >= '0' && c <= '9', letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
            if (c >= 0x80)
                buf_put_str(out, ".");
            else if (random_below(r, 3) == 0)
                buf_put_str(out, digit ? "[0-9]" : letter ? "[a-zA-Z]" : "[^\\w]");
            else if (digit || letter)
                buf_put_u8(out, c);
            else
                buf_printf(out, "\\x%02x", c);
            if (random_below(r, 12) == 0)
                buf_put_str(out, "+");
        }
        buf_put_str(out, links[random_below(r, 6)]);
    }
}

/* What the shadow accepts line by line must be left, unless it has become full since; *ret_left, *ret_accepted count. */
static void check_pattern(struct text_column_sample *c, const struct text_lines_sample *s, bole_slice pattern, uint64_t start,
                          uint64_t *ret_left, uint64_t *ret_accepted)
{
    static uint64_t bits[VALUES_COUNT_MAX / 64];
    struct bole_err err = {0};
    struct arena arena;
    arena_init(&arena, NULL);
    struct shadow *shadow = shadow_create(pattern, &arena);
    for (uint32_t w = 0; w < (s->count + 63) / 64; w++)
        bits[w] = start;
    if (shadow)
        CHECK_OK(text_match(c->text, shadow, bits, &err), err);
    for (uint32_t row = 0; shadow && row < s->count; row++) {
        bool given = start >> row % 64 & 1, left = bits[row / 64] >> row % 64 & 1;
        bool accepted = shadow_run(shadow, SHADOW_START, s->lines[row]) == SHADOW_ACCEPT && !shadow_is_full(shadow);
        if ((given && accepted && !left) || (left && !given))
            fail_msg("row %u: `%.*s` in |%.*s|", row, BOLE_SLICE_ARG(pattern), BOLE_SLICE_ARG(s->lines[row]));
        *ret_left += left;
        *ret_accepted += given && accepted;
    }
    arena_deinit(&arena);
}

TEST(what_a_shadow_accepts_is_left)
{
    struct random random;
    struct buf pattern;
    uint64_t left = 0, accepted = 0;
    buf_init(&pattern, NULL);
    random_seed(&random, seed());
    for (int split = 0; split <= SPLIT_KINDS; split++) {
        text_encoder_fix_split(encoder(), (enum split)split);
        for (int kind = 0; kind < TEXT_SAMPLE_KINDS; kind++) {
            struct text_lines_sample s;
            struct text_column_sample c;
            struct bole_err err = {0};
            text_sample_init(&s, (enum text_sample_kind)kind, 1 + (uint32_t)random_below(&random, 1500), &random);
            text_column_sample_init(&c, encoder(), &s);
            for (uint32_t i = 0; i < 60; i++) {
                if (i % 20 == 0)
                    CHECK_OK(text_column_sample_open(&c, &s, &err), err);
                put_pattern(&s, &random, &pattern);
                check_pattern(&c, &s, buf_slice(&pattern), random_below(&random, 3) ? UINT64_MAX : random_next(&random), &left, &accepted);
            }
            text_column_sample_deinit(&c);
            text_sample_deinit(&s);
        }
    }
    buf_deinit(&pattern);
    CHECK(accepted > 1000 && left < 4 * accepted);
}

TEST(the_empty_needle_is_in_every_line)
{
    struct random random;
    random_seed(&random, 1);
    struct text_lines_sample s;
    struct text_column_sample c;
    text_sample_init(&s, TEXT_SAMPLE_MIXED, 100, &random);
    text_column_sample_init(&c, encoder(), &s);
    check_needle(&c, &s, S(""), UINT64_MAX);
    text_column_sample_deinit(&c);
    text_sample_deinit(&s);
}

TEST(a_needle_that_literals_and_stamps_rule_out_loads_the_map_only)
{
    struct random random;
    random_seed(&random, 1);
    struct text_lines_sample s;
    struct text_column_sample c;
    text_sample_init(&s, TEXT_SAMPLE_APP, 3000, &random);
    text_column_sample_init(&c, encoder(), &s);
    check_needle(&c, &s, S("\x01"), UINT64_MAX);
    CHECK_EQ_U64(c.loads, 1);
    text_column_sample_deinit(&c);
    text_sample_deinit(&s);
}

TEST(a_needle_that_fits_in_very_many_ways_is_still_exact)
{
    /* One template of 200 adjacent small slots: the ways to lay a long run of the same field over it are without number. */
    struct text_lines_sample s = {.count = 64};
    struct text_column_sample c;
    arena_init(&s.arena, NULL);
    s.lines = arena_array(&s.arena, s.count, sizeof *s.lines);
    s.time_ns = arena_array(&s.arena, s.count, sizeof *s.time_ns);
    for (uint32_t row = 0; row < s.count; row++) {
        uint8_t *p = arena_bytes(&s.arena, 800);
        for (uint32_t i = 0; i < 400; i++) {
            p[2 * i] = row % 7 == 3 && i == 77 ? '2' : '1';
            p[2 * i + 1] = ' ';
        }
        s.lines[row] = bole_slice_from(p, 800);
    }
    text_column_sample_init(&c, encoder(), &s);
    check_needle(&c, &s, bole_slice_from(s.lines[0].ptr + 1, 300), UINT64_MAX);
    check_needle(&c, &s, bole_slice_from(s.lines[3].ptr + 1, 300), UINT64_MAX);
    text_column_sample_deinit(&c);
    arena_deinit(&s.arena);
}

TEST(spreading_bits_agrees_with_its_portable_form)
{
    struct random random;
    random_seed(&random, seed());
    for (int i = 0; i < 2000; i++) {
        uint64_t values[17], rows[16], fast[16], slow[16];
        for (int w = 0; w < 17; w++)
            values[w] = random_next(&random);
        for (int w = 0; w < 16; w++)
            rows[w] = random_below(&random, 3) ? random_next(&random) & random_next(&random) : random_below(&random, 2) - 1;
        text_spread_bits(values, rows, 16, fast);
        text_spread_bits_portable(values, rows, 16, slow);
        CHECK(memcmp(fast, slow, sizeof fast) == 0);
    }
}

/* ---- hostile chunks ---- */

/* A few bytes changed, a piece cut out, the end cut off, or nothing but noise. */
static void damage(struct buf *b, struct random *r)
{
    size_t len = b->len;
    switch (len ? random_below(r, 8) : 7) {
    case 0: b->len = random_below(r, len); break;
    case 1: {
        size_t from = random_below(r, len), n = random_below(r, len - from);
        memmove(b->ptr + from, b->ptr + from + n, len - from - n);
        b->len -= n;
        break;
    }
    case 7:
        buf_reset(b);
        for (uint64_t n = random_below(r, 300); n; n--)
            buf_put_u8(b, (uint8_t)random_next(r));
        break;
    default:
        for (uint64_t n = 1 + random_below(r, 6); n; n--) {
            static const uint8_t odd[] = {0, 1, 2, 0x7f, 0x80, 0xff};
            b->ptr[random_below(r, len)] = random_below(r, 2) ? (uint8_t)random_next(r) : odd[random_below(r, sizeof odd)];
        }
    }
}

TEST(damaged_chunks_neither_crash_nor_leak)
{
    struct random random;
    random_seed(&random, seed());
    struct buf bytes;
    buf_init(&bytes, NULL);
    for (int kind = 0; kind < TEXT_SAMPLE_KINDS; kind++) {
        struct text_lines_sample s;
        struct text_column_sample c;
        text_sample_init(&s, (enum text_sample_kind)kind, 1000, &random);
        text_column_sample_init(&c, encoder(), &s);
        for (int i = 0; i < 300; i++) {
            uint32_t chunk = i % 2 ? (uint32_t)random_below(&random, c.chunk_count) : 0;
            buf_reset(&bytes);
            buf_put(&bytes, c.chunks[chunk]);
            damage(&bytes, &random);
            text_column_sample_attack(&c, &s, chunk, buf_slice(&bytes));
        }
        text_column_sample_deinit(&c);
        text_sample_deinit(&s);
    }
    buf_deinit(&bytes);
}

static bole_status refuse_chunk(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    struct text_column_sample *c = ctx;
    if (c->loads-- == 0)
        return BOLE_E_IO;
    *ret_raw = c->chunks[chunk];
    return BOLE_OK;
}

TEST(a_chunk_that_cannot_be_loaded_is_an_error_and_not_a_wrong_answer)
{
    struct random random;
    random_seed(&random, 1);
    struct text_lines_sample s;
    struct text_column_sample c;
    text_sample_init(&s, TEXT_SAMPLE_MIXED, 3000, &random);
    text_column_sample_init(&c, encoder(), &s);
    uint64_t *bits = all_bits(s.count);
    uint32_t *ends = calloc(s.count, sizeof *ends);
    uint32_t failures = 0;
    for (uint32_t allowed = 0; allowed < c.chunk_count; allowed++)
        for (int what = 0; what < 2; what++) {
            struct arena arena;
            struct buf out;
            struct text *t;
            arena_init(&arena, NULL);
            buf_init(&out, NULL);
            c.loads = allowed;
            struct text_source source = {refuse_chunk, &c, c.chunk_count, s.count, s.time_ns, &arena};
            bole_status st = text_open(&source, &t, NULL);
            if (st >= 0)
                st = what ? text_contains(t, S("1"), bits, NULL) : text_lines(t, 0, s.count, bits, &out, ends, NULL);
            CHECK(st == BOLE_E_IO || what); /* a search may do with less */
            failures += st == BOLE_E_IO;
            memset(bits, 0xff, s.count / 64 * sizeof *bits);
            buf_deinit(&out);
            arena_deinit(&arena);
        }
    CHECK(failures > c.chunk_count);
    free(bits);
    free(ends);
    text_column_sample_deinit(&c);
    text_sample_deinit(&s);
}
