#include "query/stage/hints.h"

#include "query/pipeline.h"

struct name_list {
    struct arena *arena;
    bole_slice   *names;
    size_t        count, cap;
    bool          failed;
};

static void add_one(struct name_list *l, bole_slice name)
{
    for (size_t i = 0; i < l->count; i++)
        if (bole_slice_eq(l->names[i], name))
            return;
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        bole_slice *names = arena_grow(l->arena, l->names, l->cap * sizeof *names, cap * sizeof *names);
        l->failed |= !names;
        if (!names)
            return;
        l->names = names;
        l->cap = cap;
    }
    l->names[l->count++] = name;
}

/* What is called x_extracted in the end is x in the line. */
static void add_name(bole_slice name, void *ctx)
{
    bole_slice lost = row_lost_name(name);
    add_one(ctx, name);
    if (lost.len)
        add_one(ctx, lost);
}

/* ---- early filters ---- */

/* Filters of one label each. Loki keeps names and filters in two lists, and a filter that lets everything pass has no name: from
 * there on the names belong to the filters before their own. */
static bool add_early(const struct ast_stage *stages, struct early_filter *early, size_t *name_count, size_t *filter_count)
{
    for (const struct ast_stage *s = stages; s; s = s->next) {
        if (s->kind != STAGE_LABEL_FILTER || s->filter->kind == LABEL_FILTER_AND || s->filter->kind == LABEL_FILTER_OR)
            continue;
        bool is_idle = s->filter->passes_all;
        if (!is_idle)
            early[(*name_count)++].name = s->filter->name;
        early[(*filter_count)++].filter = is_idle ? NULL : s->filter;
    }
    return true;
}

static size_t count_stages(const struct ast_stage *s)
{
    size_t count = 0;
    for (; s; s = s->next)
        count++;
    return count;
}

static bool plan_early(const struct ast_log *log, const struct ast_stage *behind_unwrap, struct arena *arena,
                       struct row_hints *ret)
{
    size_t names = 0, filters = 0, behind = count_stages(behind_unwrap);
    struct early_filter *early = arena_array(arena, count_stages(log->stages) + behind + 1, sizeof *early);
    if (!early)
        return false;
    add_early(log->stages, early, &names, &filters);
    if (behind == 1) /* several are one filter of several labels */
        add_early(behind_unwrap, early, &names, &filters);
    ret->early = early;
    ret->early_count = names;
    return true;
}

bool hints_of_log(const struct ast_log *log, struct arena *arena, struct row_hints *ret)
{
    *ret = (struct row_hints){0};
    return plan_early(log, NULL, arena, ret);
}

bool hints_of_metric(const struct ast_log *log, const struct hints_metric *m, struct arena *arena, struct row_hints *ret)
{
    struct name_list list = {.arena = arena};
    *ret = (struct row_hints){0};
    for (const struct ast_stage *s = log->stages; s; s = s->next)
        stage_required_labels(s, add_name, &list);
    for (const struct ast_stage *s = m->unwrap ? m->unwrap->filters : NULL; s; s = s->next)
        stage_required_labels(s, add_name, &list);
    for (const struct ast_pair *n = m->names; n; n = n->next)
        add_name(n->name, &list);
    if (m->unwrap)
        add_name(m->unwrap->label, &list);
    bool by_names = m->names && !m->without;
    ret->no_labels = m->no_labels && list.count == 0;
    ret->some_labels = (m->no_labels || by_names) && list.count;
    if (ret->some_labels) {
        ret->names = list.names;
        ret->name_count = list.count;
        for (size_t i = 0; i < list.count; i++)
            ret->keeps_errors |= bole_slice_eq(list.names[i], LABEL_ERROR);
    }
    bool is_early = !ret->no_labels && (m->no_labels || !by_names);
    return !list.failed && (!is_early || plan_early(log, m->unwrap ? m->unwrap->filters : NULL, arena, ret));
}
