/*
 * Pieces are short, a number or a word: they are put together, a line feed behind each, and cut into tokens a window at
 * a time. That is half the work, and the places of many hashes are fetched from memory at once.
 *
 * A token costs eight bytes per row group: hash and group in one word. Tokens of the group at hand are in a set, so
 * that each is kept once. Only long tokens are looked at more closely: their shape, the runs of hex digits in them, and
 * their text.
 *
 * Logs hold text of others: where two hashes that are alike would lose a shape or a text, not only add a false
 * positive, the hash has a secret seed.
 */
#include "store/index/token_builder.h"

#include <assert.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"

#define PAIRS_DEFAULT ((size_t)8 << 20)
#define PIECES_AHEAD  8 /* pieces lie all over the lines of a row group: waiting for memory is most of the cost */
#define JOINED_MAX    (TOKENS_WINDOW / 4) /* longer pieces are taken as they are */

struct token_builder *token_builder_create(const struct token_builder_options *options)
{
    struct token_builder *b = malloc(sizeof *b);
    struct token_stamp *stamps = calloc(TOKEN_GROUPS_MAX, sizeof *stamps);
    if (!b || !stamps) {
        free(stamps);
        free(b);
        return NULL;
    }
    assert(options->merge_keys <= 1ull << 32);
    b->options = *options;
    if (!b->options.pairs_max)
        b->options.pairs_max = PAIRS_DEFAULT;
    buf_init(&b->pairs, options->budget);
    b->stamps = stamps;
    b->seen = (struct hash_set){.multiplier = random_next(&random_system) | 1, .budget = options->budget};
    b->secret = random_next(&random_system);
    long_tokens_init(&b->texts, options->text_max ? options->text_max : LONG_TEXT_MAX, options->budget);
    b->group = 0;
    b->group_pairs = 0;
    b->joined_len = b->last_at = 0;
    return b;
}

void token_builder_destroy(struct token_builder *b)
{
    if (!b)
        return;
    buf_deinit(&b->pairs);
    free(b->stamps);
    hash_set_deinit(&b->seen);
    long_tokens_deinit(&b->texts);
    free(b);
}

static void reset(struct token_builder *b)
{
    buf_reset(&b->pairs);
    memset(b->stamps, 0, (b->group + 1) * sizeof *b->stamps);
    hash_set_reset(&b->seen);
    long_tokens_reset(&b->texts);
    b->group = 0;
    b->group_pairs = 0;
    b->joined_len = b->last_at = 0;
}

static void add_joined(struct token_builder *b);

static void begin_group(struct token_builder *b, uint32_t group)
{
    assert(group >= b->group && group < TOKEN_GROUPS_MAX);
    if (group == b->group)
        return;
    add_joined(b);
    hash_set_reset(&b->seen);
    b->group = group;
    b->group_pairs = b->pairs.len;
}

void token_builder_cut_group(struct token_builder *b, uint32_t group)
{
    begin_group(b, group);
    b->stamps[group].flags |= STAMP_ODD;
}

void token_builder_open_group(struct token_builder *b, uint32_t group)
{
    begin_group(b, group);
    b->stamps[group].flags |= STAMP_OPEN;
    b->pairs.len = b->group_pairs;
    b->pairs.failed = false;
}

/* ---- tokens ---- */

static struct token_stamp *stamp(struct token_builder *b) { return &b->stamps[b->group]; }

static void add_key(struct token_builder *b, uint64_t hash)
{
    enum hash_set_result seen = stamp(b)->flags & STAMP_OPEN ? HASH_SET_THERE : hash_set_add(&b->seen, hash);
    if (seen == HASH_SET_THERE)
        return;
    if (seen == HASH_SET_FULL || b->pairs.len / 8 == b->options.pairs_max || !buf_reserve(&b->pairs, 8)) {
        token_builder_open_group(b, b->group);
        return;
    }
    store_u64(b->pairs.ptr + b->pairs.len, (hash & ~PAIR_GROUP_MASK) | b->group);
    b->pairs.len += 8;
}

/* Runs within an id that could hold a needle of a narrower class. */
static void find_inner(uint64_t inner[INNER_ROWS], bole_slice text, enum shape_class c)
{
    static const struct { enum shape_class in, run; uint32_t row;
    } runs[] = {
        {SHAPE_HEX, SHAPE_DIGITS, INNER_DIGITS}, {SHAPE_ALNUM, SHAPE_LOWER, INNER_LOWER},
        {SHAPE_ALNUM, SHAPE_UPPER, INNER_UPPER}, {SHAPE_WORD, SHAPE_LOWER, INNER_LOWER},
        {SHAPE_WORD, SHAPE_UPPER, INNER_UPPER},  {SHAPE_WORD, SHAPE_ALNUM, INNER_ALNUM},
    };
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        size_t at = 0;
        bole_slice run;
        while (runs[i].in == c && (run = shape_next_run(text, runs[i].run, TOKEN_EDGE_LEN, &at)).len)
            if (shape_class_of(shape_kinds(run)) == runs[i].run)
                inner[runs[i].row] |= shape_bit(run.len);
    }
}

struct inner_sink { uint64_t inner[INNER_ROWS]; enum shape_class c; };

static void find_inner_of(void *ctx, bole_slice text)
{
    struct inner_sink *sink = ctx;
    find_inner(sink->inner, text, sink->c);
}

/* A shape has lost its text: what was in it counts for every group that has the shape. */
static void add_inner_of_kept(struct token_builder *b, uint32_t row, uint32_t bucket)
{
    struct inner_sink sink = {.c = unit_class(row)};
    long_tokens_each(&b->texts, row, bucket, find_inner_of, &sink);
    for (uint32_t g = 0; g <= b->group; g++)
        for (uint32_t i = 0; i < INNER_ROWS && b->stamps[g].units[row] >> bucket & 1; i++)
            b->stamps[g].inner[i] |= sink.inner[i];
}

static enum shape_class add_unit(struct token_builder *b, bole_slice text)
{
    uint8_t kinds = shape_kinds(text);
    enum shape_class c = shape_class_of(kinds);
    uint32_t row = unit_row(c, kinds & KIND_DIGIT);
    enum long_kept kept = long_tokens_add(&b->texts, row, text, b->group);
    stamp(b)->units[row] |= shape_bit(text.len);
    if (kept != LONG_HAS_TEXT && unit_is_id(row))
        find_inner(stamp(b)->inner, text, c);
    if (kept == LONG_BECAME_DENSE && unit_is_id(row))
        add_inner_of_kept(b, row, shape_bucket(text.len));
    return c;
}

static void add_long(struct token_builder *b, bole_slice text, bole_slice lower, uint64_t hash)
{
    enum hash_set_result seen = hash_set_add(&b->seen, hash64_seed(text, b->secret));
    if (seen == HASH_SET_THERE)
        return;
    if (seen == HASH_SET_FULL) {
        token_builder_open_group(b, b->group);
        return;
    }
    add_key(b, hash);
    enum shape_class c = add_unit(b, text);
    if (c < SHAPE_LOWER || c > SHAPE_WORD)
        return;
    bole_slice run;
    for (size_t at = 0; (run = shape_next_run(text, SHAPE_HEX, TOKEN_EDGE_LEN, &at)).len;) {
        bole_slice lower_run = {lower.ptr + (run.ptr - text.ptr), run.len};
        add_key(b, hash64(lower_run));
        if (run.len >= TOKEN_TEXT_LEN_MIN)
            add_unit(b, run);
    }
}

/* U+017F and U+212A, the two characters outside ASCII that fold into it. */
static bool has_folding(bole_slice high)
{
    return memmem(high.ptr, high.len, "\xc5\xbf", 2) || memmem(high.ptr, high.len, "\xe2\x84\xaa", 3);
}

static void add_token(struct token_builder *b, const struct token *k, bole_slice piece)
{
    bole_slice text = {piece.ptr + k->start, k->len};
    switch (k->kind) {
    case TOKEN_ODD:
        stamp(b)->flags |= STAMP_ODD;
        return;
    case TOKEN_UUID:
        stamp(b)->flags |= STAMP_UUID;
        break;
    case TOKEN_HIGH:
        if (has_folding(text))
            stamp(b)->flags |= STAMP_FOLD;
        break;
    case TOKEN_WORD:
    case TOKEN_QUAD:
        break;
    }
    if (k->len > TOKEN_LEN_MAX)
        stamp(b)->flags |= STAMP_GIANT;
    if (k->len <= TOKEN_EDGE_LEN || k->len > TOKEN_LEN_MAX || k->kind == TOKEN_QUAD || k->kind == TOKEN_UUID)
        add_key(b, k->hash);
    else
        add_long(b, text, tokens_lower(&b->tokens, k), k->hash);
}

static void add_tokens(struct token_builder *b, bole_slice piece)
{
    const struct token *found;
    size_t count;
    tokens_begin(&b->tokens, piece, b->options.whole_compounds ? TOKENS_ALL : TOKENS_WORDS);
    while (tokens_next(&b->tokens, &found, &count)) {
        for (size_t i = 0; i < count; i++)
            hash_set_prefetch(&b->seen, found[i].hash);
        for (size_t i = 0; i < count; i++)
            add_token(b, &found[i], piece);
    }
}

static void add_joined(struct token_builder *b)
{
    if (b->joined_len && !(stamp(b)->flags & STAMP_OPEN))
        add_tokens(b, (bole_slice){b->joined, b->joined_len});
    b->joined_len = b->last_at = 0;
}

/* Values of a column are often what the one before is. */
static void join(struct token_builder *b, bole_slice piece)
{
    bole_slice last = {b->joined + b->last_at, b->joined_len - b->last_at};
    if (last.len == piece.len + 1 && memcmp(last.ptr, piece.ptr, piece.len) == 0)
        return;
    if (piece.len >= sizeof b->joined - b->joined_len)
        add_joined(b);
    memcpy(b->joined + b->joined_len, piece.ptr, piece.len);
    b->last_at = b->joined_len;
    b->joined_len += piece.len;
    b->joined[b->joined_len++] = '\n';
}

static void stamp_unlisted(struct token_stamp *s, bole_slice text)
{
    uint8_t kinds = shape_kinds(text);
    if (text.len > TOKEN_LEN_MAX)
        s->flags |= STAMP_GIANT;
    if (kinds == KIND_HIGH && has_folding(text))
        s->flags |= STAMP_FOLD;
    enum shape_class widest = shape_class_of(kinds);
    bool is_word = !(kinds & (KIND_DIGIT | KIND_BAR | KIND_HIGH));
    if (is_word)
        widest = SHAPE_ALNUM; /* another value may have other letters here */
    if (widest >= SHAPE_LOWER && widest <= SHAPE_WORD)
        s->unlisted[SHAPE_HEX] |= shape_bit(text.len); /* of one case, which not all of these include as a class */
    bool is_exact = !is_word && text.len < TOKEN_EDGE_LEN; /* too short to matter for what it could hold */
    for (uint32_t c = 0; c < SHAPE_CLASSES; c++)
        if (is_exact ? c == widest : shape_includes(widest, c))
            s->unlisted[c] |= shape_bit(text.len);
}

/* Where the fraction of a second begins in "2025-01-01T00:00:00.066264Z", if it has six digits or more: it is another
 * token in nearly every row, and nobody looks for it. 0: another text. */
static size_t fraction_at(bole_slice piece)
{
    static const char form[] = "0000-00-00T00:00:00.000000000";
    enum { FRACTION = 20, DIGITS_MIN = 6 };
    size_t digits_end = piece.len - 1;
    if (piece.len <= FRACTION + DIGITS_MIN || piece.len > sizeof form || piece.ptr[digits_end] != 'Z')
        return 0;
    for (size_t i = 0; i < digits_end; i++)
        if (form[i] == '0' ? (uint8_t)(piece.ptr[i] - '0') > 9 : piece.ptr[i] != form[i])
            return 0;
    return FRACTION;
}

void token_builder_add(struct token_builder *b, uint32_t group, const bole_slice *pieces, size_t count)
{
    begin_group(b, group);
    for (size_t i = 0; i < count && !(stamp(b)->flags & STAMP_OPEN); i++) {
        bole_slice piece = pieces[i];
        if (i + PIECES_AHEAD < count)
            __builtin_prefetch(pieces[i + PIECES_AHEAD].ptr);
        size_t fraction = fraction_at(piece);
        if (fraction) {
            stamp_unlisted(stamp(b), bole_slice_sub(piece, fraction));
            piece.len = fraction;
        }
        if (piece.len <= JOINED_MAX)
            join(b, piece);
        else
            add_tokens(b, piece);
    }
}

void token_builder_add_unlisted(struct token_builder *b, uint32_t group, bole_slice piece)
{
    const struct token *found;
    size_t count;
    begin_group(b, group);
    tokens_begin(&b->tokens, piece, TOKENS_WORDS);
    while (tokens_next(&b->tokens, &found, &count))
        for (size_t i = 0; i < count; i++)
            stamp_unlisted(stamp(b), (bole_slice){piece.ptr + found[i].start, found[i].len});
    size_t dots = 0, dashes = 0;
    for (size_t i = 0; i < piece.len; i++) {
        dots += piece.ptr[i] == '.';
        dashes += piece.ptr[i] == '-';
    }
    if (dots >= 3 || dashes >= 4) /* another value of this shape may be, or hold, an address or a UUID */
        stamp(b)->flags |= STAMP_ODD;
}

bole_status token_builder_finish(struct token_builder *b, uint32_t group_count, struct buf *out,
                                 struct token_index_info *ret_info, struct bole_err *err)
{
    assert(group_count > b->group && group_count <= TOKEN_GROUPS_MAX);
    add_joined(b);
    uint64_t *pairs = (uint64_t *)(void *)b->pairs.ptr;
    size_t count = b->pairs.len / sizeof *pairs;
    struct token_section s;
    token_section_init(&s, b->options.budget);
    map_sort(pairs, count);
    s.layout = map_lay_out(map_count_keys(pairs, count), group_count, b->options.merge_keys, TOKEN_KEY_BITS_MAX);
    s.compounds = b->options.whole_compounds;
    s.stamps = b->stamps;
    s.texts = &b->texts;
    bole_status st = token_section_put_blocks(&s, pairs, count, 0, 1ull << s.layout.block_bits, err);
    if (st >= 0)
        st = token_section_write(&s, out, ret_info, err);
    token_section_deinit(&s);
    reset(b);
    return st;
}
