#include "store/codec/template_tree.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "store/codec/array.h"

enum {
    NODES_MAX = 128 * 1024,
    STEPS_MAX = 256, /* literals compared for one line; splitting costs as much */
};

void template_tree_deinit(struct template_tree *t)
{
    free(t->nodes);
    *t = (struct template_tree){0};
}

void template_tree_reset(struct template_tree *t)
{
    t->count = 0;
}

/* ---- growing ---- */

static uint64_t head_of(const uint8_t *p, size_t len)
{
    uint64_t head = 0;
    if (len)
        memcpy(&head, p, len < 8 ? len : 8);
    return head;
}

static bool same_hint(const struct split_hint *a, const struct split_hint *b)
{
    return a->kind == b->kind && a->len == b->len && a->digits == b->digits && a->tokens == b->tokens;
}

/* The child of `parent` with this literal and slot, made if there is none. 0: no memory. */
static uint32_t child_of(struct template_tree *t, uint32_t parent, const uint8_t *texts, const struct tree_node *like)
{
    for (uint32_t i = t->nodes[parent].child; i; i = t->nodes[i].next) {
        const struct tree_node *n = &t->nodes[i];
        if (n->text_len == like->text_len && n->template == like->template && n->head == like->head &&
            same_hint(&n->hint, &like->hint) &&
            (n->text_len <= 8 || memcmp(texts + n->text_at, texts + like->text_at, n->text_len) == 0))
            return i;
    }
    if (t->count >= NODES_MAX || !array_reserve(&t->nodes, &t->cap, t->count + 1ull, sizeof *t->nodes))
        return 0;
    t->nodes[t->count] = *like;
    t->nodes[t->count].next = t->nodes[parent].child;
    t->nodes[parent].child = t->count;
    return t->count++;
}

void template_tree_add(struct template_tree *t, const struct splitter *s, bole_slice line, uint32_t slot_count,
                       const uint8_t *texts, uint32_t text_at, const uint32_t *pieces, uint32_t template)
{
    if (t->count == 0) {
        if (!array_reserve(&t->nodes, &t->cap, 1, sizeof *t->nodes))
            return;
        t->nodes[t->count++] = (struct tree_node){.template = TEMPLATE_NONE};
    }
    uint32_t node = 0;
    for (uint32_t k = 0; k <= slot_count; k++) {
        struct tree_node like = {.head = head_of(texts + text_at, pieces[k]), .text_at = text_at, .text_len = pieces[k],
                                 .template = k < slot_count ? TEMPLATE_NONE : template};
        if (k < slot_count) {
            like.hint = split_hint(s, line, k);
            if (like.hint.kind == SLOT_OTHER)
                return;
        }
        node = child_of(t, node, texts, &like);
        if (!node)
            return;
        text_at += pieces[k];
    }
}

/* ---- finding ---- */

/* Whether the literal stands at p, where `left` bytes are. */
static inline bool literal_at(const struct tree_node *n, const uint8_t *texts, const uint8_t *p, size_t left)
{
    size_t len = n->text_len;
    if (len > left)
        return false;
    if (left >= 8) {
        uint64_t differ = load_u64(p) ^ n->head;
        if (len <= 8)
            return len == 0 || !(differ << (64 - 8 * len));
        if (differ)
            return false;
    }
    const uint8_t *text = texts + n->text_at;
    if (len <= 8)
        return len == 0 || memcmp(text, p, len) == 0;
    for (size_t i = 8; i + 8 < len; i += 8)
        if (load_u64(text + i) != load_u64(p + i))
            return false;
    return load_u64(text + len - 8) == load_u64(p + len - 8);
}

/* split_slot_end, with the most frequent kinds first. */
static inline size_t slot_end(const struct splitter *s, bole_slice line, size_t at, const struct split_hint *hint)
{
    size_t end;
    if (hint->kind == SLOT_STRING) {
        end = mask_next(s->masks.quote, at, line.len);
        return end < line.len && line.ptr[end] == '"' ? end : split_slot_end(s, line, at, hint);
    }
    if (hint->kind == SLOT_SCALAR)
        return mask_next(s->masks.separator, at, line.len);
    if (hint->kind != SLOT_FIELD)
        return split_slot_end(s, line, at, hint);
    end = mask_next(s->masks.separator, at, line.len);
    if (end == at || (end < line.len && line.ptr[end] == '\\') || line.ptr[end - 1] == '.')
        return split_slot_end(s, line, at, hint);
    return hint->digits && mask_next(s->masks.digit, at, end) == end ? SPLIT_NO_END : end;
}

/* Brings the nodes of a line to the front of their siblings: the next line will be like this one or one shortly before. */
static void move_to_front(struct template_tree *t, const uint32_t *path, uint32_t count)
{
    for (uint32_t k = 0, parent = 0; k < count; parent = path[k++]) {
        uint32_t node = path[k], *link = &t->nodes[parent].child;
        if (*link == node)
            continue;
        uint32_t first = *link;
        while (*link != node)
            link = &t->nodes[*link].next;
        *link = t->nodes[node].next;
        t->nodes[node].next = first;
        t->nodes[parent].child = node;
    }
}

uint32_t template_tree_find(struct template_tree *t, struct splitter *s, bole_slice line, const uint8_t *texts,
                            uint32_t *ret_slot_count)
{
    uint32_t *path = s->path, depth = 0, steps = 0;
    uint32_t node = t->count ? t->nodes[0].child : 0;
    size_t at = 0;
    bool in_front = true; /* the whole path, as is usual */
    for (;;) {
        const struct tree_node *n = &t->nodes[node];
        if (!node) { /* no child fits: another one instead of its parent */
            if (depth == 0)
                return TEMPLATE_NONE;
            n = &t->nodes[path[--depth]];
            at = s->slots[depth].offset - n->text_len;
            node = n->next;
            in_front = false;
            continue;
        }
        if (++steps > STEPS_MAX)
            return TEMPLATE_NONE;
        if (!literal_at(n, texts, line.ptr + at, line.len - at)) {
            node = n->next;
            in_front = false;
            continue;
        }
        if (n->template != TEMPLATE_NONE) {
            if (at + n->text_len == line.len) {
                path[depth] = node;
                if (!in_front)
                    move_to_front(t, path, depth + 1);
                *ret_slot_count = depth;
                return n->template;
            }
            node = n->next;
            in_front = false;
            continue;
        }
        size_t start = at + n->text_len, end = slot_end(s, line, start, &n->hint);
        if (end == SPLIT_NO_END) {
            node = n->next;
            in_front = false;
            continue;
        }
        s->slots[depth] = (struct split_slot){(uint32_t)start, (uint32_t)(end - start)};
        path[depth++] = node;
        at = end;
        node = n->child;
    }
}
