/*
 * What columns cost: values_bench [--columns] FILE... Lines are split at blanks, quotes, brackets and the like, stamps
 * kept whole, and each position of each pattern of separators is a column of a row group (65,536 rows, 8 MB). A row's
 * time is the first stamp of its line. By type: values and bytes that went in, what the parts take compressed with
 * zstd-1 (numbers and text, in pieces of up to 1 MB), and CPU time of one thread per value of the columns with 1,000
 * values or more (a clock's own time would hide the others') to encode, load, put and search.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/bench.h"
#include "base/hash.h"
#include "store/codec/datetime.h"
#include "store/codec/values.h"

enum {
    INPUT_MAX = 64 << 20,
    GROUP_BYTES = 8 << 20,
    COLUMNS_MAX = 1 << 16,
    SLOTS_MAX = 64,
    PIECE = 1 << 20,
    TYPES = 8,
    TIMED_MIN = 1000
};

static const char *const type_names[TYPES] = {"const", "raw", "dict", "int", "hex", "ip4", "uuid", "time"};

struct column { bole_slice *values; int64_t *time_ns; uint32_t count, cap; };

struct piece { struct buf bytes; double stored; };

struct totals {
    double columns, values, raw, head, timed, encode_s, load_s, put_s, contains_s, equals_s;
    struct piece numbers, text;
};

struct bench {
    struct column *columns; /* [COLUMNS_MAX] */
    uint64_t *keys;         /* [COLUMNS_MAX]: hash of the separators and the position */
    uint32_t rows;
    size_t   bytes;
    struct values_encoder *encoder;
    struct totals types[TYPES];
    struct arena arena;
    bool show;
};

static size_t packed(bole_slice raw)
{
    static ZSTD_CCtx *cctx;
    static uint8_t out[ZSTD_COMPRESSBOUND(9 << 20)];
    if (!cctx)
        cctx = bench_must(ZSTD_createCCtx());
    size_t n = raw.len > 9 << 20 ? raw.len : ZSTD_compressCCtx(cctx, out, sizeof out, raw.ptr, raw.len, 1);
    return n < raw.len ? n : raw.len;
}

static void flush_piece(struct piece *p)
{
    if (p->bytes.len)
        p->stored += (double)packed(buf_slice(&p->bytes));
    buf_reset(&p->bytes);
}

static void add_piece(struct piece *p, bole_slice part)
{
    buf_put(&p->bytes, part);
    if (p->bytes.len > PIECE)
        flush_piece(p);
}

static void measure_reading(struct bench *b, struct values *v, const struct column *c, bole_slice numbers,
                            bole_slice text)
{
    static uint8_t out[(8 << 20) + 64];
    static uint64_t bits[VALUES_COUNT_MAX / 64];
    struct bole_err err = {0};
    struct totals ignored, *t = c->count < TIMED_MIN ? &ignored : &b->types[v->type];
    struct values again = *v; /* the first load touches the memory */
    bench_check(values_load(&again, numbers, text, c->time_ns, &b->arena, &err), &err);
    double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    bench_check(values_load(v, numbers, text, c->time_ns, &b->arena, &err), &err);
    t->load_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    uint8_t *at = out;
    for (uint32_t i = 0; i < c->count; i++)
        at = values_put(v, i, at);
    t->put_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    size_t n = 0;
    for (uint32_t i = 0; i < c->count; n += c->values[i++].len)
        if (memcmp(out + n, c->values[i].ptr, c->values[i].len) != 0) {
            fprintf(stderr, "a value is not what it was\n");
            exit(1);
        }
    bole_slice needle = c->values[c->count / 2];
    start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    values_find(v, VALUES_EQUALS, needle, bits);
    t->equals_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    needle.len = needle.len > 3 ? needle.len - 1 : needle.len;
    start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    values_find(v, VALUES_CONTAINS, needle, bits);
    t->contains_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void measure(struct bench *b, const struct column *c)
{
    struct bole_err err = {0};
    struct buf head = {0}, numbers = {0}, text = {0};
    struct values_input in = {c->values, c->count, c->time_ns};
    double encode_s = 1e9;
    for (int round = 0; round < 4;
         round++) { /* the best: other programs and the first touch of memory are not our cost */
        buf_reset(&head);
        buf_reset(&numbers);
        buf_reset(&text);
        double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
        bench_check(values_encode(b->encoder, &in, &head, &numbers, &text, &err), &err);
        double took = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
        encode_s = took < encode_s ? took : encode_s;
    }
    bole_slice heads = buf_slice(&head);
    struct values v;
    bench_check(values_open(&v, c->count, &heads, &b->arena, &err), &err);
    struct totals *t = &b->types[v.type];
    if (c->count >= TIMED_MIN) {
        t->encode_s += encode_s;
        t->timed += c->count;
    }
    t->columns++;
    t->values += c->count;
    t->head += (double)head.len;
    size_t raw = 0;
    for (uint32_t i = 0; i < c->count; i++)
        raw += c->values[i].len;
    t->raw += (double)raw;
    add_piece(&t->numbers, buf_slice(&numbers));
    add_piece(&t->text, buf_slice(&text));
    measure_reading(b, &v, c, buf_slice(&numbers), buf_slice(&text));
    if (b->show && v.type != VALUES_CONST && c->count > 500) {
        printf("  %-5s %6u values %6u distinct %8zu bytes: head %zu numbers %zu (%zu) text %zu (%zu), encode %.1f ns ",
               type_names[v.type], c->count, values_distinct_count(&v), raw, head.len, packed(buf_slice(&numbers)),
               numbers.len, packed(buf_slice(&text)), text.len, encode_s * 1e9 / c->count);
        for (uint32_t i = 0; i < 3; i++)
            printf(" |%.*s", c->values[i].len > 40 ? 40 : (int)c->values[i].len, (const char *)c->values[i].ptr);
        printf("\n");
    }
    buf_deinit(&head);
    buf_deinit(&numbers);
    buf_deinit(&text);
    arena_reset(&b->arena);
}

static void flush(struct bench *b)
{
    for (uint32_t at = 0; at < COLUMNS_MAX; at++) {
        struct column *c = &b->columns[at];
        if (c->count)
            measure(b, c);
        free(c->values);
        free(c->time_ns);
    }
    memset(b->columns, 0, COLUMNS_MAX * sizeof *b->columns);
    b->rows = 0;
    b->bytes = 0;
}

static void add_value(struct bench *b, uint64_t key, bole_slice value, int64_t time_ns)
{
    uint32_t at = (uint32_t)(key % COLUMNS_MAX);
    for (uint32_t tries = 0; b->columns[at].cap && b->keys[at] != key; at = (at + 1) % COLUMNS_MAX)
        if (++tries == 1000)
            return; /* too many kinds of lines */
    struct column *c = &b->columns[at];
    b->keys[at] = key;
    if (c->count == c->cap) {
        c->cap = c->cap * 2 + 16;
        c->values = bench_must(realloc(c->values, c->cap * sizeof *c->values));
        c->time_ns = bench_must(realloc(c->time_ns, c->cap * sizeof *c->time_ns));
    }
    c->values[c->count] = value;
    c->time_ns[c->count++] = time_ns;
}

static void split_line(struct bench *b, bole_slice line, int64_t *now_ns)
{
    static const char separators[] = " \"[]:=,(){}\t;'";
    bole_slice values[SLOTS_MAX];
    uint8_t pattern[SLOTS_MAX];
    uint32_t n = 0;
    struct datetime_format format;
    struct datetime_cache cache = {0};
    bool found = false;
    for (size_t at = 0; n < SLOTS_MAX - 1;) {
        size_t end = at, len;
        if (line.len - at > 14 && memchr(line.ptr + at, ':', 14) &&
            datetime_detect(bole_slice_sub(line, at), 0, *now_ns, &format, &len) && len > 14) {
            int64_t stamp;
            end = at + len;
            if (!found &&
                (found = datetime_parse(&format, bole_slice_from(line.ptr + at, len), *now_ns, &cache, &stamp))) {
                *now_ns = stamp;
                for (unsigned i = format.digits; i < 9; i++)
                    *now_ns *= 10;
            }
        } else {
            while (end < line.len && !strchr(separators, line.ptr[end]))
                end++;
        }
        values[n] = bole_slice_from(line.ptr + at, end - at);
        pattern[n++] = end < line.len ? line.ptr[end] : '\n';
        if (end >= line.len)
            break;
        at = end + 1;
    }
    uint64_t key = hash64(bole_slice_from(pattern, n));
    for (uint32_t i = 0; i < n; i++)
        add_value(b, key + i * 0x9e3779b97f4a7c15ull, values[i], *now_ns);
    b->rows++;
    b->bytes += line.len;
}

static void report(struct bench *b, const char *name)
{
    printf("%s\n  type  columns    values      raw    head numbers    text  ratio  ns per value: encode load  put "
           "contains equals\n",
           name);
    double raw = 0, stored = 0;
    for (unsigned i = 0; i < TYPES; i++) {
        struct totals *t = &b->types[i];
        flush_piece(&t->numbers);
        flush_piece(&t->text);
        double sum = t->head + t->numbers.stored + t->text.stored, ns = t->timed ? 1e9 / t->timed : 0;
        raw += t->raw;
        stored += sum;
        if (t->values)
            printf("  %-5s %7.0f %9.0f %8.0f %7.0f %7.0f %7.0f %6.1f               %6.1f %4.1f %4.1f %8.1f %6.1f\n",
                   type_names[i], t->columns, t->values, t->raw, t->head, t->numbers.stored, t->text.stored,
                   t->raw / sum, t->encode_s * ns, t->load_s * ns, t->put_s * ns, t->contains_s * ns, t->equals_s * ns);
        buf_deinit(&t->numbers.bytes);
        buf_deinit(&t->text.bytes);
        *t = (struct totals){0};
    }
    printf("  all: %.0f bytes of values stored in %.0f, ratio %.1f\n", raw, stored, raw / stored);
}

int main(int argc, char **argv)
{
    struct bench b = {.columns = bench_must(calloc(COLUMNS_MAX, sizeof *b.columns)),
                      .keys = bench_must(calloc(COLUMNS_MAX, sizeof *b.keys)),
                      .encoder = bench_must(values_encoder_create())};
    arena_init(&b.arena, NULL);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--columns") == 0) {
            b.show = true;
            continue;
        }
        bole_slice text = bench_read(argv[i], INPUT_MAX);
        int64_t now_ns = 1735689600000000000;
        for (bole_slice rest = text; rest.len;) {
            split_line(&b, bole_slice_cut(rest, '\n', &rest), &now_ns);
            if (b.rows == VALUES_COUNT_MAX || b.bytes >= GROUP_BYTES)
                flush(&b);
        }
        flush(&b);
        report(&b, argv[i]);
        free((void *)text.ptr);
    }
    values_encoder_destroy(b.encoder);
    arena_deinit(&b.arena);
    free(b.columns);
    free(b.keys);
    return 0;
}
