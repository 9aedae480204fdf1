/*
 * What the token index costs and what it proves: index_bench [--bytes N] [--lines] [--needles N] FILE...
 *
 * One segment of all files: each is a family, cut into row groups as the engine does (8 MB, 65,536 rows). Pieces come
 * from the text codec; stamps are unlisted. --lines takes whole lines as pieces, stamps and all. Needles are drawn from
 * the lines, or made absent by other characters of the same class, and each answer is compared with a search through
 * the raw text: a lost row group ends the program. CPU time of one thread.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bench.h"
#include "base/random.h"
#include "store/codec/text.h"
#include "store/index/token_map.h"
#include "store/index/tokens.h"

enum { GROUP_BYTES = 8 << 20, GROUP_ROWS = 65536, GROUPS = 1024, NEEDLE_MAX = 200 };

struct bench {
    struct token_builder *builder;
    struct text_encoder  *encoder;
    struct random         random;
    struct tokens         tokens;
    bole_slice            groups[GROUPS]; /* raw lines */
    uint32_t              group_count;
    bool                  whole_lines;
    bole_slice           *pieces;         /* of the group at hand */
    size_t                piece_count, piece_cap;
    double                raw, piece_bytes, add_s;
    uint64_t              piece_total, unlisted;
};

/* ---- building ---- */

/* 2025-01-01 00:00:00,000 and 01/Jan/2025:00:00:00 -0500: what the codec stores as time. */
static bool is_stamp(bole_slice s)
{
    const uint8_t *p = s.ptr;
    return s.len >= 15 && s.len <= 40 &&
           ((isdigit(p[0]) && isdigit(p[3]) && p[4] == '-' && p[7] == '-' && s.len >= 19 && p[13] == ':') ||
            (isdigit(p[0]) && p[2] == '/' && p[6] == '/' && s.len >= 20 && p[14] == ':') ||
            (p[3] == ' ' && p[9] == ':' && p[12] == ':'));
}

static void keep_piece(void *ctx, bole_slice piece)
{
    struct bench *b = ctx;
    if (b->piece_count == b->piece_cap)
        b->pieces = bench_must(realloc(b->pieces, (b->piece_cap = b->piece_cap * 2 + 4096) * sizeof *b->pieces));
    b->pieces[b->piece_count++] = piece;
    b->piece_bytes += (double)piece.len;
}

struct seen { uint64_t hashes[256]; size_t count; };

static bool is_new(struct seen *s, bole_slice text, bool digits_alike)
{
    uint64_t hash = text.len;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (digits_alike && isdigit(text.ptr[i]) ? '0' : text.ptr[i])) * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < s->count; i++)
        if (s->hashes[i] == hash)
            return false;
    if (s->count < sizeof s->hashes / sizeof *s->hashes)
        s->hashes[s->count++] = hash;
    return true;
}

/* Takes stamps out of the pieces: what hardly varies (month, year, zone) is listed, of the rest one for all that differ
 * in digits is unlisted. */
static void add_stamps(struct bench *b, uint32_t group)
{
    struct seen listed = {0}, unlisted = {0};
    size_t kept = 0;
    for (size_t i = 0; i < b->piece_count; i++) {
        bole_slice p = b->pieces[i];
        if (!is_stamp(p)) {
            b->pieces[kept++] = p;
            continue;
        }
        size_t from = p.ptr[2] == '/' ? 2 : 0, to = p.ptr[2] == '/' ? 11 : p.ptr[3] == ' ' ? 3 : 8;
        const uint8_t *zone = memrchr(p.ptr + to, ' ', p.len - to);
        size_t end = from && zone ? (size_t)(zone - p.ptr) : p.len;
        bole_slice parts[] = {{p.ptr + from, to - from}, {p.ptr + end, p.len - end}}, rest = {p.ptr + to, end - to};
        for (size_t k = 0; k < 2; k++)
            if (is_new(&listed, parts[k], false))
                token_builder_add(b->builder, group, &parts[k], 1);
        if (is_new(&unlisted, rest, true)) {
            token_builder_add_unlisted(b->builder, group, rest);
            token_builder_add_unlisted(b->builder, group, S("01")); /* the day in front of a CLF stamp */
            b->unlisted++;
        }
    }
    b->piece_count = kept;
}

static bole_status drop_chunk(void *ctx, bole_slice raw, struct bole_err *err) { return BOLE_OK; }

static void add_group(struct bench *b, const bole_slice *lines, uint32_t count, bole_slice raw, uint64_t family)
{
    static int64_t time_ns[GROUP_ROWS];
    struct bole_err err;
    uint32_t group = b->group_count++;
    b->groups[group] = raw;
    b->raw += (double)raw.len;
    b->piece_count = 0;
    if (b->whole_lines) {
        for (uint32_t i = 0; i < count; i++)
            keep_piece(b, lines[i]);
    } else {
        struct text_input in = {lines, time_ns, count, family};
        bench_check(text_encode(b->encoder, &in, drop_chunk, NULL, &err), &err);
        text_encoder_pieces(b->encoder, keep_piece, b);
    }
    b->piece_total += b->piece_count;
    if (!b->whole_lines)
        add_stamps(b, group);
    double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    token_builder_add(b->builder, group, b->pieces, b->piece_count);
    b->add_s += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
}

static void add_file(struct bench *b, const char *path, size_t limit, uint64_t family)
{
    static bole_slice lines[GROUP_ROWS];
    bole_slice rest = bench_read(path, limit);
    while (rest.len && b->group_count < GROUPS) {
        uint32_t count = 0;
        const uint8_t *start = rest.ptr;
        while (rest.len && count < GROUP_ROWS && (size_t)(rest.ptr - start) < GROUP_BYTES)
            lines[count++] = bole_slice_cut(rest, '\n', &rest);
        bole_slice last = lines[count - 1];
        add_group(b, lines, count, (bole_slice){start, (size_t)(last.ptr + last.len - start)}, family);
    }
}

/* ---- needles ---- */

enum pick { PICK_WORD, PICK_ID, PICK_LONG_WORD, PICK_ADDRESS, PICK_UUID, PICK_INSIDE, PICK_TEXT, PICKS };
static const char *const pick_names[PICKS] = {"delimited token", "bare id >= 12",  "bare word >= 12", "bare IPv4",
                                              "bare UUID",       "inside a token", "24 bytes of text"};

static bole_slice random_line(struct bench *b)
{
    bole_slice g = b->groups[random_below(&b->random, b->group_count)], rest;
    size_t at = random_below(&b->random, g.len);
    while (at > 0 && g.ptr[at - 1] != '\n')
        at--;
    return bole_slice_cut(bole_slice_sub(g, at), '\n', &rest);
}

static bool fits(enum pick pick, const struct token *k, bole_slice text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text.len; i++)
        digits += isdigit(text.ptr[i]) != 0;
    switch (pick) {
    case PICK_WORD: return k->kind == TOKEN_WORD && k->len >= 3;
    case PICK_ID: return k->kind == TOKEN_WORD && k->len >= 12 && digits > 0;
    case PICK_LONG_WORD: return k->kind == TOKEN_WORD && k->len >= 12 && digits == 0;
    case PICK_ADDRESS: return k->kind == TOKEN_QUAD;
    case PICK_UUID: return k->kind == TOKEN_UUID;
    default: return k->kind == TOKEN_WORD && k->len >= 8;
    }
}

/* A token of a random line; empty when none of this kind is found soon. */
static bole_slice random_token(struct bench *b, enum pick pick)
{
    for (int tries = 0; tries < 2000; tries++) {
        bole_slice line = random_line(b), kept = {0};
        const struct token *found;
        size_t count, seen = 0;
        tokens_begin(&b->tokens, line, TOKENS_ALL);
        while (tokens_next(&b->tokens, &found, &count))
            for (size_t i = 0; i < count; i++) {
                bole_slice text = {line.ptr + found[i].start, found[i].len};
                if (text.len <= NEEDLE_MAX && fits(pick, &found[i], text) && random_below(&b->random, ++seen) == 0)
                    kept = text;
            }
        if (kept.len)
            return kept;
    }
    return (bole_slice){0};
}

/* Other characters of the same class. */
static size_t make_absent(struct bench *b, enum pick pick, uint8_t *p, size_t len)
{
    if (pick == PICK_ADDRESS) {
        uint64_t r = random_next(&b->random);
        return (size_t)snprintf((char *)p, NEEDLE_MAX, "%u.%u.%u.%u", (unsigned)(r & 255), (unsigned)(r >> 8 & 255),
                                (unsigned)(r >> 16 & 255), (unsigned)(r >> 24 & 255));
    }
    for (size_t i = 0; i < len; i++) {
        uint64_t r = random_next(&b->random);
        if (isdigit(p[i]))
            p[i] = (uint8_t)('0' + r % 10);
        else if (islower(p[i]))
            p[i] = (uint8_t)('a' + r % (p[i] <= 'f' ? 6 : 26));
        else if (isupper(p[i]))
            p[i] = (uint8_t)('A' + r % (p[i] <= 'F' ? 6 : 26));
    }
    return len;
}

static bool draw(struct bench *b, enum pick pick, bool absent, uint8_t *text, struct token_needle *ret_needle)
{
    bole_slice source = pick == PICK_TEXT ? random_line(b) : random_token(b, pick);
    if (pick == PICK_TEXT && source.len > 24)
        source = (bole_slice){source.ptr + random_below(&b->random, source.len - 24), 24};
    if (!source.len || source.len > NEEDLE_MAX)
        return false;
    if (pick == PICK_INSIDE)
        source = (bole_slice){source.ptr + 1, source.len - 2};
    memcpy(text, source.ptr, source.len);
    if (absent)
        source.len = make_absent(b, pick, text, source.len);
    *ret_needle = (struct token_needle){
        .text = {text, source.len}, .closed_left = pick == PICK_WORD, .closed_right = pick == PICK_WORD};
    return true;
}

static bool group_holds(bole_slice group, const struct token_needle *n)
{
    const uint8_t *p = group.ptr, *end = group.ptr + group.len, *hit;
    for (; (hit = memmem(p, (size_t)(end - p), n->text.ptr, n->text.len)) != NULL; p = hit + 1) {
        const uint8_t *behind = hit + n->text.len;
        if (!n->closed_left || ((hit == group.ptr || !(isalnum(hit[-1]) || hit[-1] == '_')) &&
                                (behind == end || !(isalnum(*behind) || *behind == '_'))))
            return true;
    }
    return false;
}

static void ask(struct bench *b, const struct token_index *x, enum pick pick, bool absent, unsigned count)
{
    uint64_t held = 0, kept = 0, asked = 0, proved = 0, false_kept = 0;
    double took = 0;
    struct bole_err err;
    for (unsigned i = 0; i < count; i++) {
        uint8_t text[NEEDLE_MAX];
        struct token_needle n;
        uint64_t groups[TOKEN_GROUP_WORDS];
        if (!draw(b, pick, absent, text, &n))
            break;
        memset(groups, 0xff, sizeof groups);
        double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
        bench_check(token_index_prune(x, &n, 1, groups, &err), &err);
        took += bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
        uint64_t here = 0, there = 0;
        for (uint32_t g = 0; g < b->group_count; g++) {
            bool holds = group_holds(b->groups[g], &n), stays = groups[g / 64] >> g % 64 & 1;
            if (holds && !stays) {
                fprintf(stderr, "index_bench: group %u lost for '%.*s'\n", g, BOLE_SLICE_ARG(n.text));
                exit(1);
            }
            here += holds;
            there += stays;
        }
        asked++;
        held += here;
        kept += there;
        proved += there == here;
        false_kept += there - here;
    }
    if (asked)
        printf("  %-17s %-7s %6" PRIu64
               " needles, in %6.2f groups of %u, kept %6.2f, exact %5.1f %%, false %6.3f groups, %7.2f us\n",
               pick_names[pick], absent ? "absent" : "present", asked, (double)held / (double)asked, b->group_count,
               (double)kept / (double)asked, 100.0 * (double)proved / (double)asked, (double)false_kept / (double)asked,
               1e6 * took / (double)asked);
}

/* Words that are in no segment: what the map says of them is false. */
static void probe(struct bench *b, const struct token_index *x)
{
    enum { PROBES = 200000 };
    uint64_t positives = 0;
    struct bole_err err;
    double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < PROBES; i++) {
        char text[32];
        snprintf(text, sizeof text, "zq%014" PRIx64 "z", random_next(&b->random) >> 8);
        struct token_needle n = {.text = bole_slice_str(text), .closed_left = true, .closed_right = true};
        uint64_t groups[TOKEN_GROUP_WORDS];
        memset(groups, 0xff, (b->group_count + 63) / 64 * 8);
        bench_check(token_index_prune(x, &n, 1, groups, &err), &err);
        uint64_t any = 0;
        for (uint32_t w = 0; w < (b->group_count + 63) / 64; w++)
            any |= groups[w];
        positives += any != 0;
    }
    printf("  lookup %.0f ns warm, false positives per segment %.4f %%\n",
           1e9 * (bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start) / PROBES, 100.0 * (double)positives / PROBES);
}

static void tokenise(struct bench *b)
{
    uint64_t count = 0, sum = 0;
    double bytes = 0, start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t g = 0; g < b->group_count && bytes < 100e6; g++) {
        const struct token *found;
        size_t n;
        tokens_begin(&b->tokens, b->groups[g], TOKENS_ALL);
        while (tokens_next(&b->tokens, &found, &n)) {
            count += n;
            for (size_t i = 0; i < n; i++)
                sum += found[i].hash;
        }
        bytes += (double)b->groups[g].len;
    }
    double took = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start;
    printf("  tokenise raw text: %.2f ns per token, %.2f ms per MB (%016" PRIx64 ")\n", 1e9 * took / (double)count,
           1e9 * took / bytes, sum);
}

static void report(struct bench *b, const struct token_index_info *info, double finish_s)
{
    printf("%.1f MB in %u groups, %" PRIu64 " pieces (%.1f %% of raw, %" PRIu64 " unlisted), %" PRIu64
           " tokens, %" PRIu64 " pairs\n",
           b->raw / 1e6, b->group_count, b->piece_total, 100 * b->piece_bytes / b->raw, b->unlisted, info->key_count,
           info->pair_count);
    printf(
        "  index %.1f KB = %.3f %% of raw: map %.1f, texts %.1f, head %.1f KB; %.1f bits per token; open groups %u\n",
        (double)info->total_size / 1e3, 100.0 * (double)info->total_size / b->raw, (double)info->map_size / 1e3,
        (double)info->text_size / 1e3, (double)info->head_size / 1e3,
        8.0 * (double)info->map_size / (double)info->key_count, info->open_groups);
    printf("  build %.1f ns per (token, group): add %.3f, finish %.3f ms per MB of raw\n",
           1e9 * (b->add_s + finish_s) / (double)info->pair_count, 1e9 * b->add_s / b->raw, 1e9 * finish_s / b->raw);
}

int main(int argc, char **argv)
{
    static struct bench b; /* zero */
    size_t limit = 400u << 20;
    unsigned needles = 100;
    struct token_builder_options options = {.whole_compounds = true};
    struct bole_err err;
    random_seed(&b.random, 1);
    int arg = 1;
    for (; arg < argc && strncmp(argv[arg], "--", 2) == 0; arg++) {
        if (strcmp(argv[arg], "--lines") == 0)
            b.whole_lines = true;
        else if (strcmp(argv[arg], "--bytes") == 0 && arg + 1 < argc)
            limit = (size_t)strtoull(argv[++arg], NULL, 10);
        else if (strcmp(argv[arg], "--needles") == 0 && arg + 1 < argc)
            needles = (unsigned)strtoul(argv[++arg], NULL, 10);
    }
    b.builder = bench_must(token_builder_create(&options));
    b.encoder = bench_must(text_encoder_create(NULL));
    for (int i = arg; i < argc; i++)
        add_file(&b, argv[i], limit, (uint64_t)i);
    struct buf section;
    struct token_index_info info;
    buf_init(&section, NULL);
    double start = bench_cpu_s(CLOCK_THREAD_CPUTIME_ID);
    bench_check(token_builder_finish(b.builder, b.group_count, &section, &info, &err), &err);
    report(&b, &info, bench_cpu_s(CLOCK_THREAD_CPUTIME_ID) - start);
    struct token_source source = {.bytes = buf_slice(&section)};
    struct token_index *x;
    bench_check(token_index_open(&source, &x, &err), &err);
    tokenise(&b);
    probe(&b, x);
    for (enum pick pick = 0; pick < PICKS; pick++)
        for (int absent = 0; absent < 2; absent++)
            ask(&b, x, pick, absent, needles);
    token_index_close(x);
    return 0;
}
