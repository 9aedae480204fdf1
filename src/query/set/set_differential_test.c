/*
 * set_differential_test.c - every operator against the obvious: all rows in an array, in order, compared with each other.
 * Random rows, random questions; what differs is printed with its seed.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "query/query_fixture.h"
#include "query/set/value.h"
#include "shim/number.h"

enum { ROWS_MAX = 120, KEYS = 3 };

struct naive_row {
    struct test_row row;
    size_t seq;
    bool is_joined; /* z comes from a join */
    const char *values[KEYS]; /* of x, y, z; NULL: absent */
    char labels[16], fields[128], line[16];
};

static const char *const keys[KEYS] = {"x", "y", "z"};

struct world {
    struct fixture   f;
    struct random    random;
    struct naive_row rows[ROWS_MAX];
    struct naive_row *order[ROWS_MAX]; /* of the answer */
    size_t           count;
    bool             backward;
    uint32_t         limit;
    struct buf       wanted;
    size_t           shown;
};

static size_t below(struct world *w, size_t n) { return (size_t)random_below(&w->random, n); }

static bool is_backward; /* for qsort alone */

static int cmp_place(const void *a, const void *b)
{
    const struct naive_row *x = *(struct naive_row *const *)a, *y = *(struct naive_row *const *)b;
    int c = x->row.seconds != y->row.seconds ? (x->row.seconds < y->row.seconds ? -1 : 1) : (x->seq > y->seq) - (x->seq < y->seq);
    return is_backward ? -c : c;
}

static void make_rows(struct world *w)
{
    static const char *const pool[] = {"1", "2", "3", "10", "-4", "0.5", "1s", "250ms", "3s", "1KB", "2kB", "word", "Word", "w", "inf"};
    struct test_row rows[ROWS_MAX];
    size_t values = 1 + below(w, sizeof pool / sizeof pool[0]);
    w->count = below(w, ROWS_MAX);
    for (size_t i = 0; i < w->count; i++) {
        struct naive_row *r = &w->rows[i];
        char *p = r->fields;
        *r = (struct naive_row){.seq = i};
        snprintf(r->labels, sizeof r->labels, "{a=\"%zu\"}", below(w, 3));
        snprintf(r->line, sizeof r->line, "l%zu", below(w, 3));
        p += sprintf(p, "{");
        for (size_t k = 0; k < KEYS; k++)
            if (below(w, 4)) {
                r->values[k] = pool[below(w, values)];
                p += sprintf(p, "%s%s=\"%s\"", p[-1] == '{' ? "" : ", ", keys[k], r->values[k]);
            }
        sprintf(p, "}");
        r->row = rows[i] = (struct test_row){(double)below(w, 50), r->labels, r->fields, r->line};
        w->order[i] = r;
    }
    is_backward = w->backward = below(w, 2);
    w->limit = 1 + (uint32_t)below(w, below(w, 2) ? 5 : 200);
    w->shown = 0;
    qsort(w->order, w->count, sizeof *w->order, cmp_place);
    size_t cut = w->count ? below(w, w->count) : 0; /* two batches */
    if (cut)
        insert(&w->f, rows, cut);
    if (w->count > cut)
        insert(&w->f, rows + cut, w->count - cut);
}

/* ---- naive answers ---- */

static const char *value_of(const struct naive_row *r, size_t k) { return r->values[k] ? r->values[k] : ""; }

static bool same_values(const struct naive_row *a, const struct naive_row *b, size_t columns)
{
    for (size_t k = 0; k < columns; k++)
        if (strcmp(value_of(a, k), value_of(b, k)))
            return false;
    return true;
}

static void want_row(struct world *w, const struct naive_row *r, size_t folded)
{
    if (w->shown++ >= w->limit)
        return;
    buf_printf(&w->wanted, "%.0f:\"%s\"{s:a=\"%c\"", r->row.seconds, r->line, r->labels[4]);
    if (folded)
        buf_printf(&w->wanted, ", p:dedup_count=\"%zu\"", folded);
    for (size_t k = 0; k < KEYS; k++)
        if (r->values[k])
            buf_printf(&w->wanted, ", %c:%s=\"%s\"", r->is_joined && k == 2 ? 'p' : 'm', keys[k], r->values[k]);
    buf_put_str(&w->wanted, "}\n");
}

static void want_distinct(struct world *w, size_t columns, char *query)
{
    sprintf(query, "{a=~\".+\"} | distinct x%s", columns == 2 ? ", y" : "");
    for (size_t i = 0; i < w->count; i++) {
        size_t before = 0;
        while (before < i && !same_values(w->order[before], w->order[i], columns))
            before++;
        if (before == i)
            want_row(w, w->order[i], 0);
    }
}

static void want_dedup(struct world *w, size_t columns, char *query)
{
    sprintf(query, "{a=~\".+\"} | dedup%s", columns == 0 ? "" : columns == 1 ? " by x" : " by x, y");
    for (size_t i = 0, to; i < w->count; i = to) {
        for (to = i + 1; to < w->count; to++)
            if (columns ? !same_values(w->order[i], w->order[to], columns) : strcmp(w->order[i]->line, w->order[to]->line))
                break;
        want_row(w, w->order[i], to - i);
    }
}

static struct set_value read_value(const struct naive_row *r, size_t k) { return set_value_of(bole_slice_str(value_of(r, k))); }

static void want_sorted(struct world *w, size_t columns, char *query)
{
    bool down = below(w, 2), top = columns == 1 && below(w, 2);
    size_t n = 1 + below(w, 20), shown = 0;
    if (top)
        sprintf(query, "{a=~\".+\"} | top %zu by x", n);
    else
        sprintf(query, "{a=~\".+\"} | sort by x%s%s", down ? " desc" : "", columns == 2 ? ", y" : "");
    down |= top;
    for (size_t i = 0; i < w->count; i++) /* insertion sort is stable */
        for (size_t k = i; k > 0; k--) {
            struct set_value a = read_value(w->order[k - 1], 0), b = read_value(w->order[k], 0);
            int c = set_value_cmp(&a, &b, down);
            if (!c && columns == 2) {
                a = read_value(w->order[k - 1], 1), b = read_value(w->order[k], 1);
                c = set_value_cmp(&a, &b, false);
            }
            if (c <= 0)
                break;
            struct naive_row *swap = w->order[k];
            w->order[k] = w->order[k - 1];
            w->order[k - 1] = swap;
        }
    for (size_t i = 0; i < w->count; i++)
        if (!top || (w->order[i]->values[0] && shown++ < n))
            want_row(w, w->order[i], 0);
}

/* Matches are the lines "l1"; with `columns` lines before and after. The rows that are shown have a mark more than want_row's. */
static void want_context(struct world *w, size_t columns, char *query)
{
    static bool is_shown[ROWS_MAX];
    size_t n = columns + below(w, 3), matches = 0;
    memset(is_shown, 0, sizeof is_shown);
    sprintf(query, "{a=~\".+\"} |= \"l1\" | context before=%zu after=%zu", columns, n);
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->order[i]->line, "l1") || matches++ >= w->limit)
            continue;
        is_shown[i] = true;
        for (int side = -1; side <= 1; side += 2) { /* order[] runs with time, or against it */
            size_t left = (side < 0) == !w->backward ? columns : n;
            for (size_t k = i; left && (side < 0 ? k > 0 : k + 1 < w->count);) {
                k = side < 0 ? k - 1 : k + 1;
                if (!strcmp(w->order[k]->labels, w->order[i]->labels)) {
                    is_shown[k] = true;
                    left--;
                }
            }
        }
    }
    strcat(query, " | drop context");
    for (size_t i = 0; i < w->count; i++)
        if (is_shown[i])
            want_row(w, w->order[i], 0);
}

static void want_join(struct world *w, size_t columns, char *query)
{
    static char numbers[ROWS_MAX][16];
    bool left = below(w, 2);
    sprintf(query, "{a=~\".+\"} | join ({a=\"1\"} | stats count() as z by (x%s)) on (x%s)%s | drop z_joined", columns == 2 ? ", y" : "",
            columns == 2 ? ", y" : "", left ? " left" : "");
    for (size_t i = 0; i < w->count; i++) {
        struct naive_row *r = w->order[i];
        size_t seen = 0;
        for (size_t k = 0; k < w->count; k++)
            seen += w->order[k]->labels[4] == '1' && same_values(w->order[k], r, columns);
        bool joins = seen && r->values[0] && (columns < 2 || r->values[1]);
        struct naive_row shown = *r;
        if (joins && !shown.values[2]) {
            sprintf(numbers[i], "%zu", seen);
            shown.values[2] = numbers[i];
            shown.is_joined = true;
        }
        if (joins || left)
            want_row(w, &shown, 0);
    }
}

/* ---- groups ---- */

struct naive_group {
    struct naive_row *rows[ROWS_MAX];
    size_t count;
};

static int cmp_groups(const void *a, const void *b)
{
    const struct naive_row *x = ((const struct naive_group *)a)->rows[0], *y = ((const struct naive_group *)b)->rows[0];
    for (size_t k = 0; k < 2; k++) {
        struct set_value v = read_value(x, k), w = read_value(y, k);
        int c = set_value_cmp(&v, &w, false);
        if (c)
            return c;
    }
    return 0;
}

/* By x, or by x and y; in their order. */
static size_t group(struct world *w, size_t columns, struct naive_group *groups)
{
    size_t count = 0;
    for (size_t i = 0; i < w->count; i++) {
        size_t g = 0;
        while (g < count && !same_values(groups[g].rows[0], w->order[i], columns))
            g++;
        if (g == count)
            groups[count++].count = 0;
        groups[g].rows[groups[g].count++] = w->order[i];
    }
    if (columns == 1)
        for (size_t g = 0; g < count; g++) /* cmp_groups looks at y, too: all the same then */
            for (size_t k = 1; k < groups[g].count; k++)
                CHECK(same_values(groups[g].rows[0], groups[g].rows[k], 1));
    return count;
}

static void put_cell(struct world *w, bool first, const char *name, const char *value)
{
    if (*value)
        buf_printf(&w->wanted, "%s%s=%s", first ? "" : " ", name, value);
}

static void put_number(struct world *w, bool first, const char *name, double v)
{
    char text[NUMBER_TEXT_MAX + 1];
    text[number_format(v, text)] = 0;
    put_cell(w, first, name, text);
}

static int cmp_doubles(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

/* Numbers of z in a group. */
static void put_numbers(struct world *w, const struct naive_group *g)
{
    double values[ROWS_MAX], sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < g->count; i++)
        if (g->rows[i]->values[2] && set_number(bole_slice_str(g->rows[i]->values[2]), &values[n]))
            sum += values[n++];
    if (!n)
        return;
    qsort(values, n, sizeof *values, cmp_doubles);
    double at = 0.9 * (double)(n - 1);
    size_t low = (size_t)at, high = low + 1 < n ? low + 1 : low;
    put_number(w, false, "sum_z", sum);
    put_number(w, false, "avg_z", sum / (double)n);
    put_number(w, false, "p90_z", values[low] * ((double)low + 1 - at) + values[high] * (at - (double)low));
}

static void put_held(struct world *w, const struct naive_group *g)
{
    const struct naive_row *min = NULL, *max = NULL, *first = NULL, *last = NULL;
    for (size_t i = 0; i < g->count; i++) {
        struct naive_row *r = g->rows[i];
        if (!r->values[2])
            continue;
        struct set_value v = read_value(r, 2), low = read_value(min ? min : r, 2), high = read_value(max ? max : r, 2);
        min = !min || set_value_cmp(&v, &low, false) < 0 ? r : min;
        max = !max || set_value_cmp(&v, &high, false) > 0 ? r : max;
        last = w->backward && last ? last : r; /* rows stand in the order of the answer */
        first = w->backward || !first ? r : first;
    }
    if (!min)
        return;
    put_cell(w, false, "min_z", min->values[2]);
    put_cell(w, false, "max_z", max->values[2]);
    put_cell(w, false, "first_z", first->values[2]);
    put_cell(w, false, "last_z", last->values[2]);
}

static size_t count_distinct(const struct naive_group *g)
{
    size_t count = 0;
    for (size_t i = 0; i < g->count; i++) {
        size_t before = 0;
        while (before < i && strcmp(value_of(g->rows[before], 2), value_of(g->rows[i], 2)))
            before++;
        count += before == i && g->rows[i]->values[2];
    }
    return count;
}

static void want_stats(struct world *w, size_t columns, char *query)
{
    static struct naive_group groups[ROWS_MAX];
    size_t count = group(w, columns, groups);
    sprintf(query,
            "{a=~\".+\"} | stats count(), count_distinct(z), sum(z), avg(z), p90(z), min(z), max(z), first(z), last(z) by (x%s)",
            columns == 2 ? ", y" : "");
    if (columns == 1) /* cmp_groups also looks at y */
        for (size_t g = 0; g < count; g++)
            for (size_t i = 0; i < g; i++) {
                struct set_value a = read_value(groups[i].rows[0], 0), b = read_value(groups[g].rows[0], 0);
                if (set_value_cmp(&a, &b, false) > 0) {
                    struct naive_group swap = groups[i];
                    groups[i] = groups[g];
                    groups[g] = swap;
                }
            }
    else
        qsort(groups, count, sizeof *groups, cmp_groups);
    for (size_t g = 0; g < count && g < w->limit; g++) {
        bool first = !groups[g].rows[0]->values[0];
        buf_put_str(&w->wanted, "\"");
        put_cell(w, true, "x", value_of(groups[g].rows[0], 0));
        if (columns == 2) {
            put_cell(w, first, "y", value_of(groups[g].rows[0], 1));
            first &= !groups[g].rows[0]->values[1];
        }
        put_number(w, first, "count", (double)groups[g].count);
        put_number(w, false, "count_distinct_z", (double)count_distinct(&groups[g]));
        put_numbers(w, &groups[g]);
        put_held(w, &groups[g]);
        buf_put_str(&w->wanted, "\"\n");
    }
}

static void want_top(struct world *w, size_t columns, char *query)
{
    static struct naive_group groups[ROWS_MAX];
    size_t count = group(w, 1, groups), n = 1 + below(w, 6);
    sprintf(query, "{a=~\".+\"} | top %zu x", n);
    for (size_t shown = 0; shown < n && shown < w->limit; shown++) {
        struct naive_group *best = NULL;
        for (size_t g = 0; g < count; g++) {
            if (!groups[g].count || !groups[g].rows[0]->values[0])
                continue;
            struct set_value a = read_value(groups[g].rows[0], 0), b = read_value(best ? best->rows[0] : groups[g].rows[0], 0);
            if (!best || groups[g].count > best->count || (groups[g].count == best->count && set_value_cmp(&a, &b, false) < 0))
                best = &groups[g];
        }
        if (!best)
            return;
        buf_printf(&w->wanted, "\"x=%s count=%zu\"\n", best->rows[0]->values[0], best->count);
        best->count = 0;
    }
}

TEST(operators_answer_as_the_obvious_does)
{
    static void (*const questions[])(struct world *w, size_t columns, char *query) = {
        want_distinct, want_dedup, want_sorted, want_stats, want_top, want_context, want_join,
    };
    const char *text = getenv("BOLE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1, rounds = text ? 1 : 3000;
    static struct world w;
    for (uint64_t end = seed + rounds; seed < end; seed++) {
        char query[256];
        random_seed(&w.random, seed);
        open_fixture(&w.f);
        buf_init(&w.wanted, NULL);
        make_rows(&w);
        size_t which = below(&w, sizeof questions / sizeof questions[0]), columns = below(&w, 3);
        questions[which](&w, columns || questions[which] == want_dedup || questions[which] == want_context ? columns : 1, query);
        struct buf got = answer(&w.f, query, LOGS(.limit = w.limit, .direction = w.backward ? BACKWARD : FORWARD));
        if (!bole_slice_eq(buf_slice(&got), buf_slice(&w.wanted)))
            print_error("BOLE_SEED=%llu %s %s limit %u\n--- got\n%.*s--- want\n%.*s---\n", (unsigned long long)seed, query,
                        w.backward ? "backward" : "forward", w.limit, BOLE_SLICE_ARG(buf_slice(&got)),
                        BOLE_SLICE_ARG(buf_slice(&w.wanted)));
        CHECK(bole_slice_eq(buf_slice(&got), buf_slice(&w.wanted)));
        buf_deinit(&got);
        buf_deinit(&w.wanted);
        close_fixture(&w.f);
    }
}
