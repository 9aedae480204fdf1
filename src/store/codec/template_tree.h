/*
 * template_tree.h - finds the template of a line by comparing literals instead of splitting: most lines have one that was seen.
 *
 * A node is a literal and the slot behind it; templates that begin alike share nodes. From the root down, the child whose
 * literal stands at the place is taken, and the slot behind it says where the next literal must stand. The slots are not always
 * those that the splitter would have found (a word that is literal elsewhere can be taken for a value), which is as right. Their
 * borders are borders of tokens: no kind of slot ends within a token, and in front of one with a hint no literal does.
 *
 * Errors: without memory it stops growing. Threads: one at a time.
 */
#ifndef STORE_CODEC_TEMPLATE_TREE_H
#define STORE_CODEC_TEMPLATE_TREE_H

#include "store/codec/split.h"

#define TEMPLATE_NONE UINT32_MAX

struct tree_node {
    uint64_t          head;   /* the first 8 bytes of the literal, zeros behind a shorter one */
    struct split_hint hint;   /* of the slot behind it */
    uint32_t          text_at, text_len;
    uint32_t          child, next; /* 0: none */
    uint32_t          template;    /* TEMPLATE_NONE: there is a slot behind the literal; else it is the last one */
};

struct template_tree {
    struct tree_node *nodes; /* [count]; node 0 is the root */
    uint32_t          count, cap;
};

void template_tree_deinit(struct template_tree *t);
void template_tree_reset(struct template_tree *t);

/* Adds a template: `text` are its literals end to end at text_at of a buffer that stays, `pieces` their slot_count + 1 lengths;
 * the slots are those of the line that the splitter has just split. */
void template_tree_add(struct template_tree *t, const struct splitter *s, bole_slice line, uint32_t slot_count,
                       const uint8_t *texts, uint32_t text_at, const uint32_t *pieces, uint32_t template);

/* The template of a classified line, whose slots are filled in; TEMPLATE_NONE says nothing about the line. */
uint32_t template_tree_find(struct template_tree *t, struct splitter *s, bole_slice line, const uint8_t *texts,
                            uint32_t *ret_slot_count);

#endif
