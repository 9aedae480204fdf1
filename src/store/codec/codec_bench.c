/*
 * What the text codec makes of log files: codec_bench [--bytes N] [--encode] [--columns] [--kinds] [--split NAME] FILE...
 *
 * Lines are put in row groups as the engine does (8 MB, 65,536 rows, one family), encoded, and every chunk compressed with
 * zstd-1, header and checksum counted. Rates are CPU time of one thread over raw bytes, newlines not counted; searches start
 * with nothing loaded and include decompression. --kinds puts lines of a kind (line_kind.h) in row groups of
 * their own, 64 MB at a time; --columns shows what the
 * columns of the last group cost, each compressed by itself; --encode neither decodes nor searches.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/bench.h"
#include "base/random.h"
#include "store/codec/line_kind.h"
#include "store/codec/split.h"
#include "store/codec/text_private.h"

enum { GROUP_BYTES = 8 << 20, GROUP_ROWS = VALUES_COUNT_MAX, FAMILIES = 32, CHUNK_HEADER = 20,
       CUT_BYTES = 64 << 20, KIND_BYTES_MIN = 1 << 20 };

static const char *const type_names[] = {"const", "raw", "dict", "int", "hex", "ip4", "uuid", "time"};

static const char *const split_names[SPLIT_KINDS] = {"whole", "digits", "numbers", "parts", "fields", "quoted", "shape"};

struct chunk { uint8_t *stored; size_t stored_len, raw_len; bool packed; };

struct group { /* being filled */
    bole_slice lines[GROUP_ROWS];
    int64_t    time_ns[GROUP_ROWS];
    uint32_t   count;
    size_t     bytes;
};

struct totals {
    double raw, stored, encode_s, compress_s, decode_s, absent_s, hit_s;
    double types[8], types_count[8];
    uint64_t groups, templates, columns, hits;
    double map;
    uint64_t splits[SPLIT_KINDS];
};

struct bench {
    struct text_encoder *encoder;
    ZSTD_CCtx *cctx;
    ZSTD_DCtx *dctx;
    struct chunk *chunks;
    uint32_t chunk_count, chunk_cap;
    double put_s;
    struct totals sum;
    struct random random;
    bool columns, encode_only;
    struct arena arena;
    char needles[256];
};

static bole_status put_chunk(void *ctx, bole_slice raw, struct bole_err *err)
{
    struct bench *b = ctx;
    double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    if (b->chunk_count == b->chunk_cap)
        b->chunks = bench_must(realloc(b->chunks, (b->chunk_cap = b->chunk_cap * 2 + 64) * sizeof *b->chunks));
    size_t bound = ZSTD_compressBound(raw.len);
    struct chunk *c = &b->chunks[b->chunk_count++];
    *c = (struct chunk){bench_must(malloc(bound)), 0, raw.len, true};
    c->stored_len = ZSTD_compressCCtx(b->cctx, c->stored, bound, raw.ptr, raw.len, 1);
    if (ZSTD_isError(c->stored_len) || c->stored_len > raw.len - raw.len / 16) {
        memcpy(c->stored, raw.ptr, raw.len);
        c->stored_len = raw.len;
        c->packed = false;
    }
    b->put_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    return BOLE_OK;
}

static bole_status load_chunk(void *ctx, uint32_t chunk, bole_slice *ret_raw, struct bole_err *err)
{
    struct bench *b = ctx;
    const struct chunk *c = &b->chunks[chunk];
    *ret_raw = bole_slice_from(c->stored, c->stored_len);
    if (!c->packed)
        return BOLE_OK;
    uint8_t *raw = bench_must(arena_alloc(&b->arena, c->raw_len));
    if (ZSTD_decompressDCtx(b->dctx, raw, c->raw_len, c->stored, c->stored_len) != c->raw_len)
        return bole_fail(err, BOLE_E_CORRUPT, "bench: chunk %u", chunk);
    *ret_raw = bole_slice_from(raw, c->raw_len);
    return BOLE_OK;
}

static struct text *open_text(struct bench *b, const struct group *g)
{
    struct bole_err err = {0};
    struct text *t;
    arena_reset(&b->arena);
    struct text_source source = {load_chunk, b, b->chunk_count, g->count, g->time_ns, &b->arena};
    bench_check(text_open(&source, &t, &err), &err);
    return t;
}

static size_t packed_size(struct bench *b, bole_slice raw)
{
    if (!raw.len)
        return 0;
    size_t bound = ZSTD_compressBound(raw.len);
    uint8_t *p = bench_must(malloc(bound));
    size_t n = ZSTD_compressCCtx(b->cctx, p, bound, raw.ptr, raw.len, 1);
    free(p);
    return n < raw.len ? n : raw.len;
}

struct column_cost { uint32_t column; size_t numbers, text; };

static void add_cost(struct bench *b, struct text *t, const struct text_column *c, struct column_cost *cost)
{
    struct bole_err err = {0};
    bole_slice numbers, text;
    bench_check(text_load_part(t, &c->numbers, &numbers, &err), &err);
    bench_check(text_load_part(t, &c->text, &text, &err), &err);
    cost->numbers += packed_size(b, numbers);
    cost->text += packed_size(b, text);
    if (c->kind == TEXT_COLUMN_VALUES)
        return;
    bench_check(text_load_part(t, &c->table->numbers_part, &numbers, &err), &err);
    cost->numbers += packed_size(b, numbers);
    cost->text += packed_size(b, c->table->literals);
    for (uint32_t i = 0; i < c->table->column_count; i++)
        add_cost(b, t, &c->table->columns[i], cost);
}

static int by_cost(const void *a, const void *b)
{
    const struct column_cost *x = a, *y = b;
    return (x->numbers + x->text < y->numbers + y->text) - (x->numbers + x->text > y->numbers + y->text);
}

static void show_columns(struct bench *b, const struct group *g)
{
    struct bole_err err = {0};
    struct text *t = open_text(b, g);
    uint32_t n = text_column_count(t);
    struct column_cost *costs = bench_must(calloc(n, sizeof *costs));
    for (uint32_t c = 0; c < n; c++) {
        bench_check(text_load_column(t, &t->root, c, &err), &err);
        costs[c].column = c;
        add_cost(b, t, &t->root.columns[c], &costs[c]);
    }
    qsort(costs, n, sizeof *costs, by_cost);
    size_t total = 0;
    for (uint32_t c = 0; c < b->chunk_count; c++)
        total += b->chunks[c].stored_len;
    bole_slice rows;
    bench_check(text_load_part(t, &t->root.numbers_part, &rows, &err), &err);
    printf("  last group: %zu bytes raw, %zu stored, map %zu (of %zu), template numbers %zu, %u templates\n", g->bytes, total,
           b->chunks[0].stored_len, b->chunks[0].raw_len, packed_size(b, rows), text_template_count(t));
    for (uint32_t i = 0; i < n && i < 40; i++) {
        struct text_column_info info = text_column_info(t, costs[i].column);
        const struct values *v = &t->root.columns[costs[i].column].values;
        printf("  %5u %s%-5s %6u values %6u distinct  numbers %7zu -> %6zu  text %7zu -> %6zu ", costs[i].column,
               t->root.columns[costs[i].column].kind ? "+" : " ", type_names[info.type], info.count, info.distinct,
               info.numbers_size, costs[i].numbers, info.text_size, costs[i].text);
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t at = k * (v->count - 1) / 2;
            const struct text_column *c = &t->root.columns[costs[i].column];
            if (c->kind != TEXT_COLUMN_VALUES) {
                uint32_t line = c->kind == TEXT_COLUMN_DICTIONARY ? (uint32_t)ints_offset(&c->ids, at) : at;
                uint32_t len = c->starts[line + 1] - c->starts[line];
                printf(" |%.*s", len > 50 ? 50 : (int)len, (const char *)c->lines + c->starts[line]);
                continue;
            }
            uint32_t len = values_len(v, at);
            uint8_t *p = bench_must(malloc(len + 16));
            values_put(v, at, p);
            printf(" |%.*s", len > 50 ? 50 : (int)len, (const char *)p);
            free(p);
        }
        printf("\n");
    }
    struct buf out;
    buf_init(&out, NULL);
    for (uint32_t i = 0; i < text_template_count(t) && i < 25; i++) {
        uint32_t rows_of;
        buf_reset(&out);
        text_template(t, i, &out, &rows_of);
        printf("  %6u rows: %.*s\n", rows_of, out.len > 300 ? 300 : (int)out.len, (const char *)out.ptr);
    }
    buf_deinit(&out);
    free(costs);
}

static void count_types(struct bench *b, struct text *t)
{
    for (uint32_t c = 0; c < text_column_count(t); c++) {
        struct text_column_info info = text_column_info(t, c);
        b->sum.types[info.type] += (double)(info.numbers_size + info.text_size);
        b->sum.types_count[info.type]++;
    }
    b->sum.templates += text_template_count(t);
    b->sum.columns += text_column_count(t);
}

static void decode(struct bench *b, const struct group *g)
{
    static uint32_t ends[GROUP_ROWS];
    static uint64_t all[GROUP_ROWS / 64];
    struct bole_err err = {0};
    struct buf out;
    buf_init(&out, NULL);
    memset(all, 0xff, sizeof all);
    for (int round = 0; round < 2; round++) { /* the first one touches the memory */
        double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
        buf_reset(&out);
        struct text *t = open_text(b, g);
        bench_check(text_lines(t, 0, g->count, all, &out, ends, &err), &err);
        if (round)
            b->sum.decode_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    if (out.len != g->bytes) {
        fprintf(stderr, "lines are not what they were\n");
        exit(1);
    }
    buf_deinit(&out);
}

static uint64_t search(struct bench *b, const struct group *g, bole_slice needle, double *ret_s)
{
    static uint64_t bits[GROUP_ROWS / 64];
    struct bole_err err = {0};
    uint64_t hits = 0;
    memset(bits, 0xff, sizeof bits);
    double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    bench_check(text_contains(open_text(b, g), needle, bits, &err), &err);
    *ret_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    for (uint32_t row = 0; row < g->count; row++)
        hits += bits[row / 64] >> row % 64 & 1;
    return hits;
}

/* A word of some line, six letters or more. */
static bole_slice pick_word(struct bench *b, const struct group *g)
{
    for (;;) {
        bole_slice line = g->lines[random_below(&b->random, g->count)];
        for (size_t i = line.len ? random_below(&b->random, line.len) : 0, n = 0; i < line.len; i++) {
            n = (unsigned)(line.ptr[i] | 0x20) - 'a' < 26 ? n + 1 : 0;
            if (n == 6)
                return bole_slice_from(line.ptr + i - 5, 6);
        }
    }
}

static void flush(struct bench *b, struct group *g, uint64_t family)
{
    if (!g->count)
        return;
    struct bole_err err = {0};
    struct text_input in = {g->lines, g->time_ns, g->count, family};
    for (uint32_t i = 0; i < b->chunk_count; i++)
        free(b->chunks[i].stored);
    b->chunk_count = 0;
    b->put_s = 0;
    double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    bench_check(text_encode(b->encoder, &in, put_chunk, b, &err), &err);
    b->sum.encode_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    b->sum.splits[text_encoder_split(b->encoder)]++;
    b->sum.compress_s += b->put_s;
    b->sum.raw += (double)g->bytes;
    b->sum.groups++;
    b->sum.map += (double)b->chunks[0].stored_len;
    for (uint32_t i = 0; i < b->chunk_count; i++)
        b->sum.stored += (double)b->chunks[i].stored_len + CHUNK_HEADER;
    count_types(b, open_text(b, g));
    if (!b->encode_only) {
        decode(b, g);
        search(b, g, S("qzxw"), &b->sum.absent_s);
        bole_slice word = pick_word(b, g);
        b->sum.hits += search(b, g, word, &b->sum.hit_s);
    }
    if (b->columns)
        show_columns(b, g);
    g->count = 0;
    g->bytes = 0;
}

/* As a cut of the store does: rows of a kind together, those of kinds with little text as group 0. */
struct kinds { uint64_t kind[FAMILIES]; size_t bytes[FAMILIES]; };

static bole_slice line_at(const uint8_t *text, size_t at, size_t len)
{
    const uint8_t *end = memchr(text + at, '\n', len - at);
    return bole_slice_from(text + at, (end ? (size_t)(end - text) : len) - at);
}

static unsigned find_kind(const struct kinds *k, uint64_t kind)
{
    unsigned i = 1;
    while (i < FAMILIES && k->kind[i] && k->kind[i] != kind)
        i++;
    return i;
}

static void count_kinds(struct kinds *k, const uint8_t *text, size_t from, size_t to)
{
    *k = (struct kinds){0};
    for (size_t at = from; at < to;) {
        bole_slice line = line_at(text, at, to);
        uint64_t kind = line_kind(line);
        unsigned i = find_kind(k, kind);
        if (i < FAMILIES) {
            k->kind[i] = kind;
            k->bytes[i] += line.len;
        }
        at += line.len + 1;
    }
}

static void report(const struct bench *b, const char *name)
{
    const struct totals *t = &b->sum;
    double mb = t->raw / 1e6;
    printf("%-22s ratio %5.2f  encode %4.0f MB/s (zstd %.2f ms/MB)  decode %5.0f MB/s  absent %.3f  hit %.3f ms/MB  (%" PRIu64
           " hits)\n", name, t->raw / t->stored, mb / t->encode_s, t->compress_s * 1e3 / mb, mb / t->decode_s,
           t->absent_s * 1e3 / mb, t->hit_s * 1e3 / mb, t->hits);
    printf("  split:");
    for (int i = 0; i < SPLIT_KINDS; i++)
        if (t->splits[i])
            printf(" %s %" PRIu64, split_names[i], t->splits[i]);
    printf("; %.1f MB in %" PRIu64 " groups, map %.1f %% of stored, per group %.0f templates %.0f columns; %% of raw:", mb,
           t->groups, 100 * t->map / t->stored, (double)t->templates / (double)t->groups, (double)t->columns / (double)t->groups);
    for (int i = 0; i < 8; i++)
        printf(" %s %.2f (%.0f)", type_names[i], 100 * t->types[i] / t->raw, t->types_count[i] / (double)t->groups);
    printf("\n");
    fflush(stdout);
}

int main(int argc, char **argv)
{
    size_t max = 64 << 20;
    bool families = false;
    int split = SPLIT_KINDS;
    static struct bench b;
    b.cctx = bench_must(ZSTD_createCCtx());
    b.dctx = bench_must(ZSTD_createDCtx());
    arena_init(&b.arena, NULL);
    random_seed(&b.random, 1);
    struct group **groups = bench_must(calloc(FAMILIES, sizeof *groups));
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bytes") == 0 && i + 1 < argc) {
            max = strtoull(argv[++i], NULL, 0);
            continue;
        }
        if (strcmp(argv[i], "--split") == 0 && i + 1 < argc) {
            for (split = 0, i++; split < SPLIT_KINDS && strcmp(argv[i], split_names[split]) != 0;)
                split++;
            continue;
        }
        if (strcmp(argv[i], "--encode") == 0) {
            b.encode_only = true;
            continue;
        }
        if (strcmp(argv[i], "--columns") == 0 || strcmp(argv[i], "--kinds") == 0) {
            *(argv[i][2] == 'c' ? &b.columns : &families) = true;
            continue;
        }
        b.encoder = bench_must(text_encoder_create(NULL));
        text_encoder_fix_split(b.encoder, (enum split)split);
        bole_slice input = bench_read(argv[i], max);
        const uint8_t *text = input.ptr;
        size_t len = input.len;
        b.sum = (struct totals){0};
        unsigned family = 0;
        uint64_t row = 0;
        struct kinds kinds;
        for (size_t at = 0, cut = 0; at < len;) {
            if (families && at >= cut) {
                for (unsigned k = 0; k < FAMILIES; k++)
                    if (groups[k])
                        flush(&b, groups[k], kinds.kind[k]);
                cut = at + CUT_BYTES < len ? at + CUT_BYTES : len;
                count_kinds(&kinds, text, at, cut);
            }
            bole_slice line = line_at(text, at, len);
            family = families ? find_kind(&kinds, line_kind(line)) : 0;
            if (family == FAMILIES || kinds.bytes[family] < KIND_BYTES_MIN)
                family = 0;
            if (!groups[family])
                groups[family] = bench_must(calloc(1, sizeof **groups));
            struct group *g = groups[family];
            g->lines[g->count] = line;
            g->time_ns[g->count++] =
                1735689600000000000 + (int64_t)row++ * 4000000 + (int64_t)random_below(&b.random, 4000) * 1000;
            g->bytes += line.len;
            at += line.len + 1;
            if (g->count == GROUP_ROWS || g->bytes >= GROUP_BYTES)
                flush(&b, g, families ? kinds.kind[family] : 0);
        }
        for (unsigned k = 0; k < FAMILIES; k++)
            if (groups[k])
                flush(&b, groups[k], families ? kinds.kind[k] : 0);
        const char *slash = strrchr(argv[i], '/');
        report(&b, slash ? slash + 1 : argv[i]);
        text_encoder_destroy(b.encoder);
        free((void *)text);
    }
    return 0;
}
