#include "store/codec/text_sample.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/codec/shadow.h"

/* Not a check of the test's: the fuzz target uses this file as well. */
static void must(bole_status st, const struct bole_err *err)
{
    if (st < 0) {
        fprintf(stderr, "%s\n", err->msg);
        abort();
    }
}

static const char *const words[] = {
    "connection", "from", "user", "failed", "for", "invalid", "root", "admin", "closed", "timeout", "block", "received",
    "session", "opened", "warning:", "disk", "nearly", "full", "/var/log/app", "retry", "GET", "x=", "[main]", "'quoted'"};

static uint64_t below(struct random *r, uint64_t n) { return random_below(r, n); }

static const char *word(struct random *r) { return words[below(r, sizeof words / sizeof words[0])]; }

static bole_slice app_line(struct text_lines_sample *s, struct random *r, uint32_t row)
{
    unsigned ms = row * 7 % 86400000;
    switch (below(r, 6)) {
    case 0:
        return arena_printf(
            &s->arena,
            "2025-01-01 %02u:%02u:%02u,%03u INFO [worker %d] Received block blk_%s%u of size %u from /10.0.%u.%u:50010",
            ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, ms % 1000, (int)below(r, 9), below(r, 2) ? "-" : "",
            (unsigned)below(r, 1u << 31), (unsigned)below(r, 70000), (unsigned)below(r, 4), (unsigned)below(r, 256));
    case 1:
        return arena_printf(&s->arena,
                            "Jan %2u %02u:%02u:%02u host sshd[%u]: Failed password for %s from 192.168.%u.%u port %u ssh2",
                            (unsigned)below(r, 28) + 1, ms / 3600000, ms / 60000 % 60, ms / 1000 % 60, (unsigned)below(r, 30000),
                            word(r), (unsigned)below(r, 3), (unsigned)below(r, 256), (unsigned)below(r, 65536));
    case 2:
        return arena_printf(&s->arena, "attempt_1445062781478_%04u_m_%06u_0 progress %u.%02u id=%08x-0000-4000-8000-%012u",
                            (unsigned)below(r, 20), (unsigned)below(r, 2000), (unsigned)below(r, 2), (unsigned)below(r, 100),
                            (unsigned)below(r, 1u << 31), (unsigned)below(r, 1000000));
    case 3:
        return arena_printf(&s->arena, "temperature %d delta %d", (int)below(r, 100) - 50, (int)below(r, 7) - 3);
    case 4:
        return arena_printf(&s->arena, "    at org.example.%s.Main(Main.java:%u)", word(r), (unsigned)below(r, 900));
    default:
        return arena_printf(&s->arena, "%s %s %s", word(r), word(r), word(r));
    }
}

static bole_slice access_line(struct text_lines_sample *s, struct random *r, uint32_t row)
{
    static const char *const agents[] = {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36", "curl/8.1", "-",
                                         "jetmon/1.0 (Jetpack Site Uptime Monitor by WordPress.com)"};
    static const char *const paths[] = {"/", "/index.html", "/category/big-data/page/", "/img/logo.png?v=", "/a b"};
    unsigned path = (unsigned)below(r, 5);
    return arena_printf(
        &s->arena, "192.%u.%u.%u - - [01/Jan/2025:%02u:%02u:%02u -0500] \"%s %s%.*u HTTP/1.1\" %u %u \"%s\" \"%s\"",
        (unsigned)below(r, 2), (unsigned)below(r, 256), (unsigned)below(r, 256), row / 3600 % 24, row / 60 % 60, row % 60,
        below(r, 4) ? "GET" : "POST", paths[path], path == 2 || path == 3, (unsigned)below(r, 30) + 1, below(r, 5) ? 200u : 404u,
        (unsigned)below(r, 100000), below(r, 2) ? "-" : "http://example.org/", agents[below(r, 4)]);
}

static bole_slice json_line(struct text_lines_sample *s, struct random *r, uint32_t row)
{
    switch (below(r, 4)) {
    case 0:
        return arena_printf(&s->arena,
                            "{\"ts\":\"2025-01-01T00:%02u:%02u.%06uZ\",\"level\":\"%s\",\"n\":%d,\"f\":%u.%u,\"ok\":%s,\"msg\":"
                            "\"%s \\\"%s\\\" %u\"}",
                            row / 60 % 60, row % 60, (unsigned)below(r, 1000000), below(r, 3) ? "info" : "warn",
                            (int)below(r, 2000) - 1000, (unsigned)below(r, 10), (unsigned)below(r, 1000),
                            below(r, 2) ? "true" : "false", word(r), word(r), (unsigned)below(r, 100));
    case 1:
        return arena_printf(
            &s->arena,
            "{\"a\": {\"b\": {\"c\": %u}, \"d\": null}, \"list\": [1, \"%s\", {\"x\": %u}], \"e\": \"\", \"a\": -0.0e+10}",
            (unsigned)below(r, 50), word(r), (unsigned)below(r, 3));
    case 2:
        return arena_printf(&s->arena, "{\"objects\":[%s{\"id\":\"%08x\"}],\"u\":\"\\u00e4\\n\"}",
                            below(r, 2) ? "{\"id\":\"-\"}," : "", (unsigned)below(r, 1u << 31));
    default:
        return arena_printf(&s->arena, "%s%s\": \"%u}", below(r, 2) ? "{\"broken\": [1, {\"" : "{}", word(r),
                            (unsigned)below(r, 99));
    }
}

static bole_slice logfmt_line(struct text_lines_sample *s, struct random *r, uint32_t row)
{
    return arena_printf(&s->arena, "ts=2025-01-01T00:%02u:%02uZ level=%s%s msg=\"%s %u\" dur=%ums path=/api/v%u id=%x%s",
                        row / 60 % 60, row % 60, below(r, 3) ? "info" : "error", below(r, 4) ? "" : " flag", word(r),
                        (unsigned)below(r, 50), (unsigned)below(r, 2000), (unsigned)below(r, 3), (unsigned)below(r, 1u << 31),
                        below(r, 9) ? "" : " open=\"x");
}

static bole_slice odd_line(struct text_lines_sample *s, struct random *r)
{
    static const bole_slice odd[] = {
        {(const uint8_t *)"", 0}, {(const uint8_t *)"\0", 1}, {(const uint8_t *)"a\0b 1\0", 6}, {(const uint8_t *)"\r", 1},
        {(const uint8_t *)"007 -0 +5 00 -", 14}, {(const uint8_t *)"\xff\xfe 12 \xc3", 7}, {(const uint8_t *)"1", 1},
        {(const uint8_t *)"-1", 2}, {(const uint8_t *)"9223372036854775808", 19}, {(const uint8_t *)"1.2.3.4.5", 9},
        {(const uint8_t *)"256.300.1.1 01.02.03.04", 23}, {(const uint8_t *)"{", 1}, {(const uint8_t *)"{\"a", 3},
        {(const uint8_t *)"\"\"\"\"", 4}, {(const uint8_t *)"a=b=c==d", 8}, {(const uint8_t *)"99/Jan/2025:99:99:99 -0500", 26},
        {(const uint8_t *)"Feb 31 25:61:61 x", 17}, {(const uint8_t *)"2025-13-41T29:99:99.123456789123", 32}};
    bole_slice line = odd[below(r, sizeof odd / sizeof odd[0])];
    if (below(r, 40) == 0) { /* long ones: more slots than there may be, and one value over many mask words */
        size_t len = 3000 + below(r, 9000);
        uint8_t *p = arena_bytes(&s->arena, len);
        bool digits = below(r, 2);
        for (size_t i = 0; i < len; i++)
            p[i] = digits || i % 2 ? '0' + (uint8_t)below(r, 10) : ' ';
        return bole_slice_from(p, len);
    }
    return arena_copy(&s->arena, line);
}

static bole_slice noise_line(struct text_lines_sample *s, struct random *r)
{
    static const char alphabet[] = "01 a=\"\\{}[]:,.-_\t";
    size_t len = below(r, 120);
    uint8_t *p = arena_bytes(&s->arena, len + 1);
    bool binary = below(r, 3) == 0;
    for (size_t i = 0; i < len; i++)
        p[i] = binary ? (uint8_t)below(r, 256) : (uint8_t)alphabet[below(r, sizeof alphabet - 1)];
    return bole_slice_from(p, len);
}

void text_sample_init(struct text_lines_sample *s, enum text_sample_kind kind, uint32_t count, struct random *random)
{
    *s = (struct text_lines_sample){.count = count};
    arena_init(&s->arena, NULL);
    s->lines = arena_array(&s->arena, count, sizeof *s->lines);
    s->time_ns = arena_array(&s->arena, count, sizeof *s->time_ns);
    for (uint32_t row = 0; row < count; row++) {
        s->time_ns[row] = 1735689600000000000 + (int64_t)row * 1000000000 + (int64_t)below(random, 500000000);
        switch (kind == TEXT_SAMPLE_MIXED ? below(random, TEXT_SAMPLE_MIXED) : kind) {
        case TEXT_SAMPLE_APP: s->lines[row] = app_line(s, random, row); break;
        case TEXT_SAMPLE_ACCESS: s->lines[row] = access_line(s, random, row); break;
        case TEXT_SAMPLE_JSON: s->lines[row] = json_line(s, random, row); break;
        case TEXT_SAMPLE_LOGFMT: s->lines[row] = logfmt_line(s, random, row); break;
        case TEXT_SAMPLE_ODD: s->lines[row] = odd_line(s, random); break;
        default: s->lines[row] = noise_line(s, random);
        }
    }
}

void text_sample_deinit(struct text_lines_sample *s)
{
    arena_deinit(&s->arena);
}

static bole_status take_chunk(void *ctx, bole_slice raw, struct bole_err *err)
{
    struct text_column_sample *c = ctx;
    c->chunks = realloc(c->chunks, (c->chunk_count + 1) * sizeof *c->chunks);
    uint8_t *p = malloc(raw.len ? raw.len : 1); /* of its size: a read past the end is seen */
    if (raw.len)
        memcpy(p, raw.ptr, raw.len);
    c->chunks[c->chunk_count++] = bole_slice_from(p, raw.len);
    return BOLE_OK;
}

static bole_status load_chunk(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    struct text_column_sample *c = ctx;
    c->loads++;
    *ret_raw = c->chunks[chunk];
    return BOLE_OK;
}

bole_status text_column_sample_open(struct text_column_sample *c, const struct text_lines_sample *lines, struct bole_err *err)
{
    arena_deinit(&c->arena);
    arena_init(&c->arena, NULL);
    c->text = NULL;
    c->loads = 0;
    struct text_source source = {load_chunk, c, c->chunk_count, lines->count, lines->time_ns, &c->arena, .few = c->few};
    return text_open(&source, &c->text, err);
}

static void use_all(struct text *t, const struct text_lines_sample *lines, struct budget *budget)
{
    static const char *const needles[] = {"1", "GET ", " 200 ", "10.0.1.", "user", "\":\"", "2025-01-01 00:00", "\\n", "x=1 y"};
    static uint64_t bits[VALUES_COUNT_MAX / 64];
    static uint32_t numbers[VALUES_COUNT_MAX];
    for (size_t i = 0; i < sizeof needles / sizeof needles[0]; i++) {
        memset(bits, 0xff, sizeof bits);
        text_contains(t, bole_slice_str(needles[i]), bits, NULL);
    }
    static const char *const patterns[] = {"[0-9]{3}[a-z]", "(?i)user.*x", "\\d+ \\w+\"", "[^ ]1"};
    struct arena arena;
    arena_init(&arena, NULL);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        memset(bits, 0xff, sizeof bits);
        text_match(t, shadow_create(bole_slice_str(patterns[i]), &arena), bits, NULL);
    }
    arena_deinit(&arena);
    struct buf out;
    buf_init(&out, budget);
    memset(bits, 0xff, sizeof bits);
    text_lengths(t, 0, lines->count, numbers, NULL);
    text_lines(t, 0, lines->count, bits, &out, numbers, NULL);
    for (uint32_t i = 0; i < text_template_count(t) && i < 64; i++)
        text_template(t, i, &out, numbers);
    for (uint32_t i = 0; i < text_column_count(t); i++)
        text_column_info(t, i);
    buf_deinit(&out);
}

void text_column_sample_attack(struct text_column_sample *c, const struct text_lines_sample *lines, uint32_t chunk,
                               bole_slice bytes)
{
    struct budget budget;
    struct arena arena;
    struct text *t;
    budget_init(&budget, NULL, 64u << 20);
    arena_init(&arena, &budget);
    bole_slice saved = c->chunks[chunk];
    uint8_t *copy = malloc(bytes.len ? bytes.len : 1); /* of its size: a read past the end is seen */
    if (bytes.len)
        memcpy(copy, bytes.ptr, bytes.len);
    c->chunks[chunk] = bole_slice_from(copy, bytes.len);
    uint32_t few = bytes.len % 3 == 0 ? 0 : bytes.len % 3 == 1 ? lines->count : UINT32_MAX;
    struct text_source source = {load_chunk, c, c->chunk_count, lines->count, lines->time_ns, &arena, .few = few};
    if (text_open(&source, &t, NULL) >= 0)
        use_all(t, lines, &budget);
    c->chunks[chunk] = saved;
    free(copy);
    arena_deinit(&arena);
    if (atomic_load(&budget.used_bytes) != 0)
        abort();
}

void text_column_sample_init(struct text_column_sample *c, struct text_encoder *e, const struct text_lines_sample *lines)
{
    struct bole_err err = {0};
    *c = (struct text_column_sample){0};
    arena_init(&c->arena, NULL);
    struct text_input in = {lines->lines, lines->time_ns, lines->count, 0};
    must(text_encode(e, &in, take_chunk, c, &err), &err);
    must(text_encoder_mismatches(e) == 0 ? BOLE_OK : BOLE_E_CORRUPT, &(struct bole_err){.msg = "it did not read back"});
    must(text_column_sample_open(c, lines, &err), &err);
}

void text_column_sample_deinit(struct text_column_sample *c)
{
    for (uint32_t i = 0; i < c->chunk_count; i++)
        free((void *)c->chunks[i].ptr);
    free(c->chunks);
    arena_deinit(&c->arena);
}
