#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/test.h"
#include "store/index/index_sample.h"
#include "store/index/token_format.h"

/* ---- against the model ---- */

struct score {
    uint64_t needles, absent, present, kept;
}; /* groups: without the needle, with it, without it but kept */

static void ask(struct sample *s, const struct token_index *x, const struct token_needle *needles, size_t count,
                uint64_t seed, struct score *score)
{
    uint64_t groups[TOKEN_GROUP_WORDS] = {(1ull << s->group_count) - 1};
    struct bole_err err;
    CHECK_OK(token_index_prune(x, needles, count, groups, &err), err);
    for (uint32_t g = 0; g < s->group_count; g++) {
        bool holds = false, kept = groups[0] >> g & 1;
        for (size_t i = 0; i < count; i++)
            holds |= sample_holds(s, g, &needles[i]);
        if (holds && !kept)
            fail_msg("seed %llu: group %u lost for '%.*s' (fold %d, closed %d %d)", (unsigned long long)seed, g,
                     BOLE_SLICE_ARG(needles[0].text), needles[0].fold_case, needles[0].closed_left,
                     needles[0].closed_right);
        score->absent += !holds;
        score->present += holds;
        score->kept += kept && !holds;
    }
    score->needles++;
}

static struct token_index *open_bytes(bole_slice section)
{
    struct token_source source = {.bytes = section};
    struct token_index *x = NULL;
    struct bole_err err;
    CHECK_OK(token_index_open(&source, &x, &err), err);
    return x;
}

TEST(token_index_never_loses_a_group_that_holds_the_needle)
{
    const char *more = getenv("BOLE_INDEX_ROUNDS");
    uint64_t rounds = more ? strtoull(more, NULL, 10) : 40,
             first = more ? (uint64_t)random_below(&random_system, 1u << 30) : 1;
    struct score score = {0};
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        struct sample *s = sample_create(seed);
        struct token_builder_options options = {.whole_compounds = seed % 4 != 0, .merge_keys = seed % 3 ? 0 : 1u << 20,
                                                .text_max = seed % 5 ? 100 << seed % 5 : 0};
        sample_index(s, &options, seed % 2);
        struct token_index *x = open_bytes(buf_slice(&s->section));
        CHECK_EQ_U64(s->info.open_groups, 0);
        for (int i = 0; i < 300; i++) {
            uint8_t text[2][4096];
            struct token_needle needles[2] = {sample_needle(s, text[0], sizeof text[0])};
            size_t count = random_below(&s->random, 8) ? 1 : 2;
            if (count == 2)
                needles[1] = sample_needle(s, text[1], sizeof text[1]);
            ask(s, x, needles, count, seed, &score);
        }
        token_index_close(x);
        sample_destroy(s);
    }
    printf("%llu needles, %llu groups with one, %llu without: %.1f %% of those cleared\n",
           (unsigned long long)score.needles, (unsigned long long)score.present, (unsigned long long)score.absent,
           100.0 * (double)(score.absent - score.kept) / (double)score.absent);
    CHECK(score.present > score.needles && score.kept < score.absent / 2);
}

/* ---- small indexes ---- */

struct small { struct token_builder *builder; struct buf section; struct token_index *index; uint32_t groups; };

static struct small small_begin(bool whole_compounds)
{
    struct small s = {.builder =
                          token_builder_create(&(struct token_builder_options){.whole_compounds = whole_compounds})};
    CHECK(s.builder != NULL);
    buf_init(&s.section, NULL);
    return s;
}

static void small_add(struct small *s, uint32_t group, const char *text)
{
    token_builder_add(s->builder, group, &(bole_slice){(const uint8_t *)text, strlen(text)}, 1);
}

static struct token_index_info small_open(struct small *s, uint32_t groups)
{
    struct token_index_info info;
    struct bole_err err;
    CHECK_OK(token_builder_finish(s->builder, groups, &s->section, &info, &err), err);
    s->index = open_bytes(buf_slice(&s->section));
    s->groups = groups;
    return info;
}

static uint64_t small_ask(struct small *s, struct token_needle n)
{
    uint64_t groups[TOKEN_GROUP_WORDS] = {(1ull << s->groups) - 1};
    struct bole_err err;
    CHECK_OK(token_index_prune(s->index, &n, 1, groups, &err), err);
    return groups[0];
}

static uint64_t small_bare(struct small *s, const char *text)
{
    return small_ask(s, (struct token_needle){.text = bole_slice_str(text)});
}

static void small_end(struct small *s)
{
    token_builder_destroy(s->builder);
    token_index_close(s->index);
    buf_deinit(&s->section);
}

/* ---- merging ---- */

enum { SOURCES = 3 };

struct merged {
    struct sample             *samples[SOURCES];
    struct token_index        *indexes[SOURCES], *index;
    uint16_t                   groups[SOURCES][SAMPLE_GROUPS_MAX];
    struct token_merge_source  sources[SOURCES];
    uint32_t                   group_count;
    struct buf                 section;
    struct token_index_info    info;
};

/* Groups are numbered in turn; some are dropped. */
static void merge_samples(struct merged *m, uint64_t seed, uint64_t merge_keys)
{
    struct bole_err err;
    m->group_count = 0;
    for (uint32_t i = 0; i < SOURCES; i++) {
        m->samples[i] = sample_create(seed * 1000 + i);
        struct token_builder_options options = {
            .whole_compounds = seed % 4, .merge_keys = merge_keys, .text_max = i ? 0 : 300};
        sample_index(m->samples[i], &options, seed % 2);
        m->indexes[i] = open_bytes(buf_slice(&m->samples[i]->section));
        m->sources[i] = (struct token_merge_source){m->indexes[i], m->groups[i]};
    }
    for (uint32_t g = 0; g < SAMPLE_GROUPS_MAX; g++)
        for (uint32_t i = 0;
             i < SOURCES && g < m->samples[0]->group_count + m->samples[1]->group_count + m->samples[2]->group_count;
             i++)
            if (g < m->samples[i]->group_count)
                m->groups[i][g] = g % 7 == 6 || m->group_count == 64 ? TOKEN_GROUP_DROPPED : (uint16_t)m->group_count++;
    buf_init(&m->section, NULL);
    CHECK_OK(token_index_merge(m->sources, SOURCES, m->group_count, 0, NULL, &m->section, &m->info, &err), err);
    m->index = open_bytes(buf_slice(&m->section));
}

static void merged_end(struct merged *m)
{
    token_index_close(m->index);
    for (uint32_t i = 0; i < SOURCES; i++) {
        token_index_close(m->indexes[i]);
        sample_destroy(m->samples[i]);
    }
    buf_deinit(&m->section);
}

/* Returns how many groups the merge keeps that its sources clear. */
static uint64_t ask_merged(struct merged *m, const struct token_needle *n, uint64_t seed)
{
    uint64_t merged[TOKEN_GROUP_WORDS] = {~0ull}, more = 0;
    struct bole_err err;
    CHECK_OK(token_index_prune(m->index, n, 1, merged, &err), err);
    for (uint32_t i = 0; i < SOURCES; i++) {
        uint64_t groups[TOKEN_GROUP_WORDS] = {~0ull};
        CHECK_OK(token_index_prune(m->indexes[i], n, 1, groups, &err), err);
        for (uint32_t g = 0; g < m->samples[i]->group_count; g++) {
            uint16_t group = m->groups[i][g];
            if (group == TOKEN_GROUP_DROPPED)
                continue;
            if (!(merged[0] >> group & 1) && sample_holds(m->samples[i], g, n))
                fail_msg("seed %llu: merged group %u lost for '%.*s'", (unsigned long long)seed, group,
                         BOLE_SLICE_ARG(n->text));
            more += (merged[0] >> group & 1) && !(groups[0] >> g & 1);
        }
    }
    return more;
}

TEST(token_index_merge_knows_what_its_sources_knew)
{
    uint64_t more = 0, asked = 0;
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct merged m;
        merge_samples(&m, seed, 1u << 20);
        CHECK(m.info.key_bits >= 20);
        for (int i = 0; i < 300; i++) {
            uint8_t text[4096];
            struct token_needle n = sample_needle(m.samples[i % SOURCES], text, sizeof text);
            more += ask_merged(&m, &n, seed);
            asked += m.group_count;
        }
        merged_end(&m);
    }
    printf("%llu groups of %llu were cleared by the sources only\n", (unsigned long long)more,
           (unsigned long long)asked);
    CHECK(more < asked / 20);
}

TEST(token_index_merge_of_one_index_is_that_index)
{
    struct sample *s = sample_create(3);
    struct buf section;
    struct token_index_info info;
    struct bole_err err;
    uint16_t groups[SAMPLE_GROUPS_MAX];
    for (uint16_t g = 0; g < SAMPLE_GROUPS_MAX; g++)
        groups[g] = g;
    buf_init(&section, NULL);
    sample_index(s, &(struct token_builder_options){.whole_compounds = true}, true);
    struct token_index *x = open_bytes(buf_slice(&s->section));
    CHECK_OK(
        token_index_merge(&(struct token_merge_source){x, groups}, 1, s->group_count, 0, NULL, &section, &info, &err),
        err);
    CHECK_EQ_SLICE(buf_slice(&section), buf_slice(&s->section));
    buf_reset(&section);
    CHECK_EQ_STATUS(token_index_merge(&(struct token_merge_source){x, groups}, 1, s->group_count, 0,
                                      &(struct budget){.limit_bytes = 4096}, &section, &info, &err), BOLE_E_LIMIT);
    token_index_close(x);
    buf_deinit(&section);
    sample_destroy(s);
}

TEST(token_index_merge_refuses_different_rules)
{
    struct small s[2] = {small_begin(false), small_begin(true)};
    struct token_merge_source sources[2];
    struct token_index_info info;
    struct bole_err err;
    struct buf section;
    buf_init(&section, NULL);
    for (size_t i = 0; i < 2; i++) {
        small_add(&s[i], 0, "10.1.2.3");
        small_open(&s[i], 1);
        sources[i] = (struct token_merge_source){s[i].index, (const uint16_t[]){0}};
    }
    CHECK_EQ_STATUS(token_index_merge(sources, 2, 2, 0, NULL, &section, &info, &err), BOLE_E_INVALID);
    small_end(&s[0]);
    small_end(&s[1]);
    buf_deinit(&section);
}

/* ---- what is proved ---- */

/* Random text of one alphabet, so many times that the shape is dense. */
static void add_dense(struct small *s, uint32_t group, const char *prefix, const char *alphabet, size_t len)
{
    struct random r;
    random_seed(&r, group + 1);
    for (int i = 0; i < 3000; i++) {
        char text[128];
        size_t at = (size_t)snprintf(text, sizeof text, "%s", prefix);
        for (size_t k = 0; k < len; k++)
            text[at++] = alphabet[random_below(&r, strlen(alphabet))];
        text[at] = 0;
        small_add(s, group, text);
    }
}

TEST(token_index_finds_words_and_their_groups)
{
    struct small s = small_begin(true);
    small_add(&s, 0, "GET /index.html HTTP/1.1");
    small_add(&s, 1, "POST /login HTTP/1.1");
    small_add(&s, 3, "get /Login");
    CHECK_EQ_U64(small_open(&s, 4).group_count, 4);
    CHECK_EQ_U64(small_bare(&s, " /index.html "), 1);
    CHECK_EQ_U64(small_bare(&s, "/login "), 2 | 8);
    CHECK_EQ_U64(small_bare(&s, "/nothing "), 0);
    CHECK_EQ_U64(small_bare(&s, "/logi"), 15); /* an edge too short to prove anything: even an empty group stays */
    CHECK_EQ_U64(small_bare(&s, ""), 15);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S("logi"), false, true, true}), 0);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S("POST"), false, true, true}), 2);
    small_end(&s);
}

TEST(token_index_proves_that_no_longer_token_holds_an_id)
{
    struct small s = small_begin(true);
    add_dense(&s, 0, "", "0123456789abcdef", 32);
    add_dense(&s, 1, "", "0123456789abcdef", 16);
    add_dense(&s, 2, "", "0123456789", 13);
    add_dense(&s, 3, "req_", "0123456789abcdef", 20);
    add_dense(&s, 4, "", "aABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 18);
    small_add(&s, 5, "StateMachineUpdater taskattemptlistener");
    small_open(&s, 6);
    CHECK_EQ_U64(small_bare(&s, "00000000deadbeef00000000deadbeef"), 0);
    CHECK_EQ_U64(small_bare(&s, "00000000deadbeef0000"), 1);          /* may be part of one of 32 digits */
    CHECK_EQ_U64(small_bare(&s, "deadbeefdead"), 1 | 2 | 8);          /* or of 16, or of the 20 behind req_ */
    CHECK_EQ_U64(small_bare(&s, "1234567890123456789012345678"), 0);  /* no id of hex digits has so many decimal ones */
    CHECK_EQ_U64(small_bare(&s, "ZyxwvutsrqponM1"), 16);
    CHECK_EQ_U64(small_bare(&s, "MachineUpdate"), 16 | 32); /* an id of letters and digits could hold it, a word does */
    CHECK_EQ_U64(small_bare(&s, "attemptlisten"), 32);      /* no id has so many lower-case letters in a row */
    CHECK_EQ_U64(small_bare(&s, "attemptlistless"), 0);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S("attemptlistener"), false, true, false}), 0);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S("AttemptListener"), true, false, true}), 16 | 32);
    small_end(&s);
}

TEST(token_index_takes_addresses_and_uuids_as_one)
{
    static const char *const uuid = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    struct small s = small_begin(true);
    small_add(&s, 0, "from 10.1.2.34:80 to 10.1.2.3 f81d4fae-7dec-11d0-a765-00a0c91e6bf7");
    small_add(&s, 1, "10 1 2 34 f81d4fae 7dec 11d0 a765 00a0c91e6bf6");
    small_add(&s, 2, "v10.1.2.345 volume_F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6x");
    small_add(&s, 3, "1.2.10.1.2.34");
    small_open(&s, 4);
    CHECK_EQ_U64(small_bare(&s, "10.1.2.34"), 1 | 4 | 8);
    CHECK_EQ_U64(small_bare(&s, " 10.1.2.34:"), 1 | 8);
    CHECK_EQ_U64(small_bare(&s, " 10.1.2.3 "), 1);
    CHECK_EQ_U64(small_bare(&s, "0.1.2.3"), 1 | 4 | 8);
    CHECK_EQ_U64(small_bare(&s, "10.1.2.35"), 0);
    CHECK_EQ_U64(small_bare(&s, "210.1.2.34"), 0);
    CHECK_EQ_U64(small_bare(&s, uuid), 4);
    CHECK_EQ_U64(small_bare(&s, "f81d4fae-7dec-11d0-a765-00a0c91e6bf7"), 1);
    CHECK_EQ_U64(small_bare(&s, "-7dec-11d0-"), 1 | 2 | 4); /* parts of a UUID are not in the map ... */
    CHECK_EQ_U64(small_bare(&s, " 7dec 11d0 "), 2);
    CHECK_EQ_U64(small_bare(&s, "00a0c91e6bf6"), 2 | 4);     /* ... but the last one is */
    CHECK_EQ_U64(small_bare(&s, "-00a0c91e6bf7"), 1);
    CHECK_EQ_U64(small_bare(&s, "00a0c91e6bf8"), 0);
    small_end(&s);

    s = small_begin(true);
    small_add(&s, 0, "from 10.1.");
    small_add(&s, 0, "2.34 f81d4fae-7dec-");
    small_add(&s, 0, "11d0-a765-00a0c91e6bf6");
    token_builder_cut_group(s.builder, 0);
    small_add(&s, 1, "10.1.2.35");
    small_open(&s, 2);
    CHECK_EQ_U64(small_bare(&s, "10.1.2.34"), 1);
    CHECK_EQ_U64(small_bare(&s, uuid), 1);
    CHECK_EQ_U64(small_bare(&s, "10.1.2.35"), 1 | 2);
    small_end(&s);

    s = small_begin(false); /* nothing promised: only words count */
    small_add(&s, 0, "10.1.");
    small_add(&s, 0, "2.34");
    small_add(&s, 1, "10.1.2.34 f81d4fae-");
    small_add(&s, 1, "7dec-11d0-a765-00a0c91e6bf6");
    small_add(&s, 2, "10.1.99");
    small_open(&s, 3);
    CHECK_EQ_U64(small_bare(&s, "10.1.2.34"), 1 | 2);
    CHECK_EQ_U64(small_bare(&s, uuid), 2);
    small_end(&s);
}

TEST(token_index_keeps_groups_for_what_is_unlisted)
{
    struct small s = small_begin(true);
    token_builder_add_unlisted(s.builder, 0, S("Jan 01 00:00:00.123456"));
    small_add(&s, 1, "port 8080 of 10.1.2.3");
    token_builder_add_unlisted(s.builder, 2, S("1.1.1.1"));
    small_open(&s, 3);
    CHECK_EQ_U64(small_bare(&s, " 8080 "), 2);
    CHECK_EQ_U64(small_bare(&s, " 77 "), 1);
    CHECK_EQ_U64(small_bare(&s, " 654321 "), 1);
    CHECK_EQ_U64(small_bare(&s, " Dec "), 1);
    CHECK_EQ_U64(small_bare(&s, " 10.1.2.4 "), 0); /* of another shape */
    CHECK_EQ_U64(small_bare(&s, " 5.5.5.5 "), 4);
    small_end(&s);
}

TEST(token_index_leaves_out_fractions_of_a_second)
{
    struct small s = small_begin(true);
    small_add(&s, 0, "2025-01-01T00:00:00.066264Z");
    small_add(&s, 0, "2025-01-01T00:00:01.000000001Z");
    small_add(&s, 1, "order 7654321 of AB12345 at 2025-01-01T00:00:00.777777Z");
    small_add(&s, 1, "2025-01-01T00:00:00.66666Z");
    small_add(&s, 1, "2025-01-01T00:00:00.0123456789Z");
    small_add(&s, 1, "2025-01-01T00:00:00.888888z");
    small_add(&s, 1, "2025-01-01 00:00:00.999999Z");
    CHECK_EQ_U64(small_open(&s, 2).key_count, 14);
    CHECK_EQ_U64(small_bare(&s, "T00:00:00.066264Z\""), 1); /* with a sign behind it the fraction counts */
    CHECK_EQ_U64(small_bare(&s, ".000000001Z\""), 1);
    CHECK_EQ_U64(small_bare(&s, ".777777Z "), 3);
    CHECK_EQ_U64(small_bare(&s, " 7654321 "), 2); /* as long, but without a letter */
    CHECK_EQ_U64(small_bare(&s, " 1234567 "), 0);
    CHECK_EQ_U64(small_bare(&s, ".66666Z\""), 2);
    CHECK_EQ_U64(small_bare(&s, ".0123456789Z\""), 2);
    CHECK_EQ_U64(small_bare(&s, ".888888z\""), 2);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S(".066264z\""), true, false, false}), 1);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S("066264Z"), false, true, true}), 1);
    small_end(&s);
}

TEST(token_index_folds_case_as_unicode_does)
{
    struct small s = small_begin(true);
    small_add(&s, 0, "the TASK ");
    small_add(&s, 1, "the ta\xc5\xbf" "k");
    small_add(&s, 2, "the ta\xc5\xbf" "\xe2\x84\xaa");
    small_add(&s, 3, "\xc3\x84pfel und Birnen");
    small_open(&s, 4);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S(" task "), true, false, false}), 1 | 2 | 4);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S(" ta\xc5\xbf" "k "), true, false, false}), 15);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S(" \xc3\xa4pfel "), true, false, false}), 8);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S(" \xc3\xa4pfel "), false, false, false}), 0);
    CHECK_EQ_U64(small_ask(&s, (struct token_needle){S("task\xc3\xa4"), true, true, false}), 1 | 2 | 4);
    small_end(&s);
}

TEST(token_index_opens_a_group_that_does_not_fit)
{
    struct budget budget;
    budget_init(&budget, NULL, 200 << 10);
    struct token_builder_options options[] = {{.pairs_max = 1000}, {.budget = &budget}};
    for (size_t i = 0; i < 2; i++) {
        struct small s = {.builder = token_builder_create(&options[i])};
        buf_init(&s.section, NULL);
        small_add(&s, 0, "first");
        for (unsigned n = 0; n < 100000; n++) {
            char text[16];
            snprintf(text, sizeof text, "%u", n);
            small_add(&s, 1, text);
        }
        small_add(&s, 2, "last");
        token_builder_open_group(s.builder, 3);
        CHECK_EQ_U64(small_open(&s, 5).open_groups, 2);
        CHECK_EQ_U64(token_index_info(s.index).open_groups, 2);
        CHECK_EQ_U64(small_bare(&s, " first "), 1 | 2 | 8);
        CHECK_EQ_U64(small_bare(&s, " last "), 4 | 2 | 8);
        CHECK_EQ_U64(small_bare(&s, "abcdefabcdefabcdef"), 2 | 8);
        small_end(&s);
    }
    CHECK_EQ_U64(atomic_load(&budget.used_bytes), 0);
}

TEST(token_index_reads_little)
{
    struct sample *s = sample_create(5);
    sample_index(s, &(struct token_builder_options){.whole_compounds = true}, true);
    struct sample_reader reader;
    struct token_source source = sample_source(&reader, buf_slice(&s->section));
    struct token_index *x, *whole = open_bytes(buf_slice(&s->section));
    struct bole_err err;
    CHECK_OK(token_index_open(&source, &x, &err), err);
    CHECK_EQ_U64(reader.calls, 1);
    for (int i = 0; i < 500; i++) {
        uint8_t text[4096];
        struct token_needle n = sample_needle(s, text, sizeof text);
        uint64_t a[TOKEN_GROUP_WORDS] = {(1ull << s->group_count) - 1}, b[TOKEN_GROUP_WORDS] = {a[0]};
        CHECK_OK(token_index_prune(x, &n, 1, a, &err), err);
        CHECK_OK(token_index_prune(whole, &n, 1, b, &err), err);
        CHECK_EQ_U64(a[0], b[0]);
    }
    reader = (struct sample_reader){.bytes = reader.bytes};
    uint64_t groups[TOKEN_GROUP_WORDS] = {1};
    CHECK_OK(token_index_prune(x, &(struct token_needle){.text = S(" task ")}, 1, groups, &err), err);
    CHECK_EQ_U64(reader.calls, 1);
    CHECK(reader.largest <= 4096);
    reader.fail_at = 2;
    groups[0] = 1;
    CHECK_EQ_STATUS(token_index_prune(x, &(struct token_needle){.text = S(" task ")}, 1, groups, &err), BOLE_E_IO);
    token_index_close(x);
    reader = (struct sample_reader){.bytes = reader.bytes, .fail_at = 1};
    CHECK_EQ_STATUS(token_index_open(&source, &x, &err), BOLE_E_IO);
    token_index_close(whole);
    sample_destroy(s);
}

TEST(token_index_has_few_false_positives)
{
    struct small s = small_begin(true);
    enum { TOKENS = 100000, PROBES = 100000 };
    for (unsigned n = 0; n < TOKENS; n++) {
        char text[16];
        snprintf(text, sizeof text, "k%u", n);
        small_add(&s, n * 40ull / TOKENS, text);
    }
    struct token_index_info info = small_open(&s, 40);
    CHECK(info.map_size * 8 < 20 * TOKENS);
    CHECK(info.head_size < info.map_size / 64);
    unsigned positives = 0;
    for (unsigned n = 0; n < PROBES; n++) {
        char text[16];
        snprintf(text, sizeof text, " z%u ", n);
        positives += small_bare(&s, text) != 0;
    }
    CHECK(positives < PROBES / 1000);
    small_end(&s);
}

/* ---- damage ---- */

TEST(token_index_notices_every_changed_byte)
{
    struct sample *s = sample_create(11);
    struct bole_err err;
    sample_index(s, &(struct token_builder_options){.whole_compounds = true}, false);
    uint8_t text[64][4096];
    struct token_needle needles[64];
    uint64_t all = (1ull << s->group_count) - 1, sound[64], noticed = 0;
    struct token_index *x = open_bytes(buf_slice(&s->section));
    for (size_t i = 0; i < 64; i++) {
        uint64_t groups[TOKEN_GROUP_WORDS] = {all};
        needles[i] = sample_needle(s, text[i], sizeof text[i]);
        CHECK_OK(token_index_prune(x, &needles[i], 1, groups, &err), err);
        sound[i] = groups[0];
    }
    token_index_close(x);
    for (size_t at = 0; at < s->section.len; at += at < 2000 ? 1 : 97) {
        struct token_source source = {.bytes = buf_slice(&s->section)};
        s->section.ptr[at] ^= 0x10;
        bole_status st = token_index_open(&source, &x, &err);
        noticed += st < 0;
        for (size_t i = 0; st >= 0 && i < 64; i++) {
            uint64_t groups[TOKEN_GROUP_WORDS] = {all};
            bole_status asked = token_index_prune(x, &needles[i], 1, groups, &err);
            CHECK(asked == BOLE_E_CORRUPT || (asked == BOLE_OK && groups[0] == sound[i]));
            noticed += asked < 0;
        }
        if (st >= 0)
            token_index_close(x);
        s->section.ptr[at] ^= 0x10;
    }
    CHECK(noticed > 2000);
    for (size_t len = 0; len < s->section.len; len += 1 + len / 50) {
        struct token_source source = {.bytes = {s->section.ptr, len}};
        CHECK_EQ_STATUS(token_index_open(&source, &x, &err), BOLE_E_CORRUPT);
    }
    s->section.ptr[HEAD_VERSION]++;
    struct token_source source = {.bytes = buf_slice(&s->section)};
    CHECK_EQ_STATUS(token_index_open(&source, &x, &err), BOLE_E_UNSUPPORTED);
    sample_destroy(s);
}

TEST(token_index_survives_hostile_sections)
{
    struct sample *s = sample_create(13);
    struct random r;
    random_seed(&r, 1);
    sample_index(s, &(struct token_builder_options){.whole_compounds = true}, false);
    uint8_t *bytes = malloc(s->section.len);
    CHECK(bytes != NULL);
    for (int round = 0; round < 4000; round++) {
        size_t len = s->section.len;
        memcpy(bytes, s->section.ptr, len);
        for (size_t n = 1 + random_below(&r, 6); n > 0; n--) {
            size_t at = random_below(&r, random_below(&r, 2) ? HEAD_FIXED_SIZE + 64 : len);
            bytes[at] =
                random_below(&r, 2) ? (uint8_t)random_next(&r) : (uint8_t)(bytes[at] + 1 - 2 * random_below(&r, 2));
        }
        sample_attack(bytes, random_below(&r, 10) ? len : random_below(&r, len));
    }
    free(bytes);
    sample_destroy(s);
}
