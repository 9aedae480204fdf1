#include "question.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/test.h"

/* ---- needles ---- */

static bole_slice some_line(struct world *w)
{
    for (unsigned i = 0; i < 10; i++) {
        const struct world_row *row = world_random_row(w);
        if (row && row->line.len)
            return row->line;
    }
    return S("nothing to draw from: error 42");
}

static bole_slice piece(struct world *w, bole_slice line, size_t len_max)
{
    size_t at = world_below(w, line.len), len = 1 + world_below(w, len_max);
    return bole_slice_from(line.ptr + at, len < line.len - at ? len : line.len - at);
}

/* The longest run around a random place whose bytes are all of the class. */
static bole_slice run_of(struct world *w, bole_slice line, int (*class)(int))
{
    size_t at = world_below(w, line.len), from = at, to = at;
    while (from > 0 && class(line.ptr[from - 1]))
        from--;
    while (to < line.len && class(line.ptr[to]))
        to++;
    return to > from ? bole_slice_from(line.ptr + from, to - from) : piece(w, line, 8);
}

static uint8_t *writable(struct arena *arena, bole_slice s)
{
    return (uint8_t *)arena_copy(arena, s).ptr;
}

static bole_slice slightly_wrong(struct world *w, struct arena *arena, bole_slice needle)
{
    uint8_t *bytes = writable(arena, needle);
    size_t at = world_below(w, needle.len);
    if (isdigit(bytes[at]))
        bytes[at] = (uint8_t)('0' + world_below(w, 10));
    else if (isalpha(bytes[at]))
        bytes[at] ^= 0x20;
    else
        bytes[at] = (uint8_t)world_below(w, 256);
    return bole_slice_from(bytes, needle.len);
}

static bole_slice joined(struct world *w, struct arena *arena, bole_slice a, bole_slice b)
{
    uint8_t *bytes = arena_bytes(arena, a.len + b.len);
    memcpy(bytes, a.ptr, a.len);
    memcpy(bytes + a.len, b.ptr, b.len);
    return bole_slice_from(bytes, a.len + b.len);
}

static bole_slice random_bytes(struct world *w, struct arena *arena)
{
    size_t len = 1 + world_below(w, 4);
    uint8_t *bytes = arena_bytes(arena, len);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_next(&w->random);
    return bole_slice_from(bytes, len);
}

static int is_token_byte(int c)
{
    return isalnum(c) || c == '_';
}
static int is_number_byte(int c)
{
    return isxdigit(c) || c == '-' || c == '.' || c == ':';
}
static int is_address_byte(int c)
{
    return isdigit(c) || c == '.';
}
static int is_not_blank(int c)
{
    return c != ' ' && c != '\t';
}

/* An address, or what looks like one, whole or not quite, sometimes another one in the end. */
static bole_slice address(struct world *w, struct arena *arena, bole_slice line)
{
    const uint8_t *dot = line.ptr;
    for (uint64_t n = world_below(w, 12); n && dot; n--) {
        const uint8_t *next = memchr(dot, '.', (size_t)(line.ptr + line.len - dot));
        dot = next ? next + 1 : NULL;
    }
    size_t from = dot && dot < line.ptr + line.len ? (size_t)(dot - line.ptr) : world_below(w, line.len), to = from;
    while (from > 0 && is_address_byte(line.ptr[from - 1]))
        from--;
    while (to < line.len && is_address_byte(line.ptr[to]))
        to++;
    if (to == from)
        return piece(w, line, 16);
    from += world_chance(w, 10);
    to -= to > from + 1 && world_chance(w, 10);
    bole_slice found = bole_slice_from(line.ptr + from, to - from);
    return found.len && world_chance(w, 30) ? slightly_wrong(w, arena, found) : found.len ? found : line;
}

/* A long id, as a whole or as its beginning and another end. */
static bole_slice id(struct world *w, struct arena *arena, bole_slice line)
{
    for (size_t from = 0, to; from < line.len; from = to + 1) {
        for (to = from; to < line.len && is_token_byte(line.ptr[to]); to++)
            ;
        if (to - from >= 12 && world_chance(w, 60)) {
            size_t begin = world_chance(w, 80) ? 0 : world_below(w, to - from - 11);
            bole_slice found = bole_slice_from(line.ptr + from + begin, to - from - begin);
            if (world_chance(w, 20))
                found.len = 12 + world_below(w, found.len - 11);
            return world_chance(w, 30) ? slightly_wrong(w, arena, found) : found;
        }
    }
    return run_of(w, line, is_token_byte);
}

bole_slice question_needle(struct world *w, struct arena *arena)
{
    bole_slice line = some_line(w), run;
    switch (world_below(w, 22)) {
    case 0: return S("");
    case 1: return line.len > 2000 ? piece(w, line, 60) : line;
    case 2: return random_bytes(w, arena);
    case 3: return run_of(w, line, is_token_byte);               /* a whole token */
    case 4: return piece(w, run_of(w, line, is_token_byte), 20); /* inside one */
    case 5: return run_of(w, line, isdigit);
    case 6: return piece(w, run_of(w, line, isdigit), 6); /* inside a number */
    case 7: return run_of(w, line, is_number_byte);       /* an address, an id, a time */
    case 8: return piece(w, run_of(w, line, is_number_byte), 24);
    case 9: return run_of(w, line, is_not_blank);
    case 10: run = run_of(w, line, is_token_byte); return bole_slice_sub(run, world_below(w, run.len)); /* its end */
    case 11:
        run = run_of(w, line, is_token_byte);
        return bole_slice_from(run.ptr, 1 + world_below(w, run.len)); /* its beginning */
    case 12: return slightly_wrong(w, arena, piece(w, line, 20));
    case 13: return slightly_wrong(w, arena, run_of(w, line, is_number_byte));
    case 14: return joined(w, arena, piece(w, line, 6), piece(w, some_line(w), 6));
    case 15: return bole_slice_sub(line, line.len > 12 ? line.len - 12 : 0);
    case 16: return bole_slice_from(line.ptr, line.len < 12 ? line.len : 12);
    case 17:
    case 18: return address(w, arena, line);
    case 19:
    case 20: return id(w, arena, line);
    default: return piece(w, line, 40); /* across borders */
    }
}

/* ---- regular expressions ---- */

static void quote(struct buf *b, bole_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c >= 0x80 || isalnum(c) || c == '_' || c == ' ')
            buf_put_u8(b, c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(b, "\\x%02x", c);
        else
            buf_printf(b, "\\%c", c);
    }
}

static void quote_needle(struct world *w, struct arena *arena, struct buf *b)
{
    bole_slice needle = question_needle(w, arena);
    if (needle.len > 200)
        needle.len = 200;
    quote(b, needle);
}

bole_slice question_pattern(struct world *w, struct arena *arena)
{
    static const char *const bare[] = {"\\d{3,5}",
                                       "[0-9a-f]{8}-[0-9a-f]{4}",
                                       "^\\S+ \\S+",
                                       "(\\d+)\\.(\\d+)",
                                       "\\b\\w{13}\\b",
                                       "^$",
                                       ".{200}",
                                       "\\d\\d:\\d\\d",
                                       "[^ -~]",
                                       "\\pL{6}",
                                       "(?i)[a-c]{3}",
                                       "^[^\"]*$",
                                       "[A-Z]{3,} .*[0-9]$",
                                       "\\s\\s",
                                       "[\\x00-\\x08]",
                                       "(?s)^.{0,20}$",
                                       "\\x{FFFD}",
                                       "(?:\\d{1,3}\\.){3}\\d",
                                       "a|e|i",
                                       "[[:upper:]][[:digit:]]",
                                       ".",
                                       ""};
    static const char *const links[] = {".*", ".+", "\\d+", "[^ ]*", "\\s*", ".?", "(?:x|\\W)", ".{0,10}", "\\w*"};
    static const char *const flags[] = {"", "", "", "(?i)", "(?i)", "(?s)", "(?m)", "(?U)"};
    struct buf b;
    buf_init(&b, NULL);
    buf_put_str(&b, flags[world_below(w, 8)]);
    switch (world_below(w, 8)) {
    case 0:
    case 1: buf_put_str(&b, bare[world_below(w, sizeof bare / sizeof *bare)]); break;
    case 2:
        buf_put_u8(&b, '^');
        quote_needle(w, arena, &b);
        break;
    case 3:
        quote_needle(w, arena, &b);
        buf_put_u8(&b, '$');
        break;
    case 4:
        quote_needle(w, arena, &b);
        buf_put_u8(&b, '|');
        quote_needle(w, arena, &b);
        break;
    case 5: quote_needle(w, arena, &b); break;
    default:
        quote_needle(w, arena, &b);
        buf_put_str(&b, links[world_below(w, sizeof links / sizeof *links)]);
        quote_needle(w, arena, &b);
    }
    bole_slice pattern = arena_copy(arena, buf_slice(&b));
    buf_deinit(&b);
    return pattern;
}

static const struct regex *keep(struct question *q, struct regex *r)
{
    return q->regexes[q->regex_count++] = r;
}

static const struct regex *random_regex(struct question *q, struct world *w)
{
    struct regex *r;
    struct bole_err err;
    for (unsigned i = 0; i < 20; i++) /* bytes that are no UTF-8 make a bad pattern */
        if (regex_compile(question_pattern(w, &q->arena), 0, NULL, &r, &err) == BOLE_OK)
            return keep(q, r);
    CHECK_OK(regex_compile(S("[0-9]+"), 0, NULL, &r, &err), err);
    return keep(q, r);
}

/* ---- questions ---- */

static struct store_matcher random_matcher(struct question *q, struct world *w)
{
    static const char *const names[] = {"app", "pod", "env", "zone", "none"};
    static const char *const patterns[] = {"app[0-2]", "app.-[0-9]+-.*", "prod|",   ".*", ".+",
                                           "",         "app0|app1",      "(?i)PROD"};
    const struct world_stream *s = &w->streams[world_below(w, w->stream_count)];
    struct store_matcher m = {.op = (enum match_op)world_below(w, 4), .name = bole_slice_str(names[world_below(w, 5)])};
    m.value = world_chance(w, 70) ? labels_find(s->labels, m.name) : S("prod");
    if (!m.value.ptr)
        m.value = S("");
    if (m.op == MATCH_RE || m.op == MATCH_NRE) {
        struct regex *r;
        struct bole_err err;
        CHECK_OK(regex_compile(bole_slice_str(patterns[world_below(w, 8)]), REGEX_ANCHORED, NULL, &r, &err), err);
        m.regex = keep(q, r);
    }
    return m;
}

static struct store_predicate random_predicate(struct question *q, struct world *w)
{
    static const enum store_predicate_kind kinds[] = {
        PREDICATE_LINE_CONTAINS,     PREDICATE_LINE_CONTAINS, PREDICATE_LINE_CONTAINS, PREDICATE_LINE_CONTAINS,
        PREDICATE_LINE_NOT_CONTAINS, PREDICATE_LINE_MATCHES,  PREDICATE_LINE_MATCHES,  PREDICATE_LINE_NOT_MATCHES,
        PREDICATE_FIELD_EQ,          PREDICATE_FIELD_NE};
    struct store_predicate p = {.kind = kinds[world_below(w, 10)]};
    if (p.kind == PREDICATE_LINE_MATCHES || p.kind == PREDICATE_LINE_NOT_MATCHES)
        p.regex = random_regex(q, w);
    if (p.kind == PREDICATE_LINE_CONTAINS || p.kind == PREDICATE_LINE_NOT_CONTAINS)
        p.value = question_needle(w, &q->arena);
    if (p.kind < PREDICATE_FIELD_EQ)
        return p;
    const struct world_row *row = world_random_row(w);
    p.name = w->keys[world_below(w, w->key_variety)];
    p.value = world_chance(w, 20) ? S("") : question_needle(w, &q->arena);
    if (row && row->field_count && world_chance(w, 80)) {
        const struct batch_field *f = &row->fields[world_below(w, row->field_count)];
        p.name = f->key;
        p.value = world_chance(w, 90) ? f->value : slightly_wrong(w, &q->arena, f->value);
    }
    return p;
}

static int64_t edge(struct world *w)
{
    const struct world_row *row = world_random_row(w);
    if (!row || world_chance(w, 30))
        return world_random_time(w);
    int64_t shift = (int64_t)world_below(w, 3) - 1, t;
    return __builtin_add_overflow(row->time_ns, shift, &t) ? row->time_ns : t;
}

void question_init(struct question *q, struct world *w)
{
    *q = (struct question){.query = {.tenant = world_chance(w, 90)   ? w->tenants[0]
                                               : world_chance(w, 90) ? w->tenants[1]
                                                                     : S("nobody"),
                                     .from_ns = INT64_MIN,
                                     .to_ns = INT64_MAX,
                                     .matchers = q->matchers,
                                     .predicates = q->predicates,
                                     .projection = (unsigned)world_below(w, 4),
                                     .direction = (enum store_direction)world_below(w, 2)}};
    arena_init(&q->arena, NULL);
    if (world_chance(w, 40)) {
        int64_t a = edge(w), b = edge(w);
        q->query.from_ns = a < b ? a : b;
        q->query.to_ns = a < b ? b : a;
    }
    q->query.matcher_count = world_chance(w, 50) ? 0 : world_below(w, QUESTION_MATCHERS);
    for (size_t i = 0; i < q->query.matcher_count; i++)
        q->matchers[i] = random_matcher(q, w);
    q->query.predicate_count = world_chance(w, 10)   ? 0
                               : world_chance(w, 70) ? 1
                                                     : 1 + world_below(w, QUESTION_PREDICATES);
    for (size_t i = 0; i < q->query.predicate_count; i++)
        q->predicates[i] = random_predicate(q, w);
}

void question_deinit(struct question *q)
{
    for (size_t i = 0; i < q->regex_count; i++)
        regex_destroy(q->regexes[i]);
    arena_deinit(&q->arena);
}

/* ---- the naive answer ---- */

static bole_slice field_of(const struct world_row *row, bole_slice key)
{
    for (size_t i = 0; i < row->field_count; i++)
        if (bole_slice_eq(row->fields[i].key, key))
            return row->fields[i].value;
    return (bole_slice){0};
}

static bool contains(bole_slice line, bole_slice needle)
{
    return memmem(line.ptr, line.len, needle.ptr, needle.len) != NULL;
}

bool question_predicate_holds(const struct store_predicate *p, const struct world_row *row)
{
    switch (p->kind) {
    case PREDICATE_LINE_CONTAINS: return contains(row->line, p->value);
    case PREDICATE_LINE_NOT_CONTAINS: return !contains(row->line, p->value);
    case PREDICATE_LINE_MATCHES: return regex_match(p->regex, row->line);
    case PREDICATE_LINE_NOT_MATCHES: return !regex_match(p->regex, row->line);
    case PREDICATE_FIELD_EQ: return bole_slice_eq(field_of(row, p->name), p->value);
    case PREDICATE_FIELD_NE: return !bole_slice_eq(field_of(row, p->name), p->value);
    }
    return false;
}

bool question_holds(const struct store_query *q, const struct world_row *row)
{
    if (!bole_slice_eq(row->tenant, q->tenant) || row->time_ns < q->from_ns || row->time_ns >= q->to_ns ||
        !store_matches(row->labels, q->matchers, q->matcher_count))
        return false;
    for (size_t i = 0; i < q->predicate_count; i++)
        if (!question_predicate_holds(&q->predicates[i], row))
            return false;
    return true;
}

bool question_rest_holds(const struct question *q, const struct world_row *row)
{
    for (size_t i = 0; i < q->query.predicate_count; i++)
        if (q->predicates[i].consumed != CONSUMED_WHOLLY && !question_predicate_holds(&q->predicates[i], row))
            return false;
    return true;
}

/* ---- words ---- */

static void print_text(bole_slice s)
{
    struct buf b;
    buf_init(&b, NULL);
    for (size_t i = 0; i < s.len && i < 400; i++)
        buf_printf(&b, s.ptr[i] < 0x20 || s.ptr[i] >= 0x7f || s.ptr[i] == '"' ? "\\x%02x" : "%c", s.ptr[i]);
    print_error("\"%.*s\"%s", BOLE_SLICE_ARG(buf_slice(&b)), s.len > 400 ? "..." : "");
    buf_deinit(&b);
}

void question_print(const struct question *q, const struct world *w)
{
    static const char *const ops[] = {"=", "!=", "=~", "!~"}, *const kinds[] = {"|=", "!=",      "|~",
                                                                                "!~", "field =", "field !="};
    static const char *const consumed[] = {"not consumed", "consumed partly", "consumed wholly"};
    print_error("BOLE_SEED=%llu asked again gives the same. Tenant %.*s, from %lld to %lld, %s, projection %u\n",
                (unsigned long long)w->seed, BOLE_SLICE_ARG(q->query.tenant), (long long)q->query.from_ns,
                (long long)q->query.to_ns, q->query.direction == BACKWARD ? "backward" : "forward",
                q->query.projection);
    for (size_t i = 0; i < q->query.matcher_count; i++) {
        const struct store_matcher *m = &q->matchers[i];
        print_error("  label %.*s%s", BOLE_SLICE_ARG(m->name), ops[m->op]);
        print_text(m->regex ? regex_pattern(m->regex) : m->value);
        print_error("\n");
    }
    for (size_t i = 0; i < q->query.predicate_count; i++) {
        const struct store_predicate *p = &q->predicates[i];
        print_error("  %s %.*s ", kinds[p->kind], BOLE_SLICE_ARG(p->name));
        print_text(p->regex ? regex_pattern(p->regex) : p->value);
        print_error(" (%s)\n", consumed[p->consumed]);
    }
}
