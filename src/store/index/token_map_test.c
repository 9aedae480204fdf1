#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/test.h"
#include "store/index/index_sample.h"
#include "store/index/token_format.h"

/* ---- against the model ---- */

struct score { uint64_t needles, absent, present, kept; }; /* groups: without the needle, with it, without it but kept */

static void ask(struct sample *s, const struct token_index *x, const struct token_needle *needles, size_t count, uint64_t seed,
                struct score *score)
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
                     BOLE_SLICE_ARG(needles[0].text), needles[0].fold_case, needles[0].closed_left, needles[0].closed_right);
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
    uint64_t rounds = more ? strtoull(more, NULL, 10) : 60, first = more ? (uint64_t)random_below(&random_system, 1u << 30) : 1;
    struct score score = {0};
    for (uint64_t seed = first; seed < first + rounds; seed++) {
        struct sample *s = sample_create(seed);
        struct token_builder_options options = {.whole_compounds = seed % 4 != 0, .spare_bits = seed % 3 ? 0 : 5};
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
    printf("%llu needles, %llu groups with one, %llu without: %.1f %% of those cleared\n", (unsigned long long)score.needles,
           (unsigned long long)score.present, (unsigned long long)score.absent,
           100.0 * (double)(score.absent - score.kept) / (double)score.absent);
    CHECK(score.present > score.needles && score.kept < score.absent / 2);
}
