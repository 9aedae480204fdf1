/*
 * labels.h - the label set that identifies a stream, in one canonical encoded form.
 *
 * Encoded: for each label, sorted by name: varint name length, name, varint value length, value. Names are not empty
 * and not repeated, values are not empty. Equal sets have equal bytes: comparing, hashing and storing need nothing
 * else.
 *
 * Owner: encoded forms and the slices found in them are borrowed from whoever holds the bytes.
 */
#ifndef RECORD_LABELS_H
#define RECORD_LABELS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"

struct label {
    bole_slice name;
    bole_slice value;
};

/* Sorts `labels` in place, drops empty values, keeps the first of a repeated name, appends the canonical form.
 * BOLE_E_LIMIT over LABELS_MAX, LABEL_NAME_MAX or LABEL_VALUE_MAX, BOLE_E_INVALID for an empty name. */
bole_status labels_encode(struct label *labels, size_t count, struct buf *out, struct bole_err *err);

/* True when `encoded` is a canonical form: for bytes that come from outside or from disk. */
bool labels_valid(bole_slice encoded);

/* Goes through a valid encoded form: start with reader_of(encoded); false at the end. */
static inline bool labels_next(struct reader *r, struct label *ret_label)
{
    if (reader_left(r) == 0)
        return false;
    ret_label->name = reader_bytes(r, reader_varint(r));
    ret_label->value = reader_bytes(r, reader_varint(r));
    return !r->failed;
}

/* ptr NULL when the name is not there. */
bole_slice labels_find(bole_slice encoded, bole_slice name);
size_t labels_count(bole_slice encoded);

/* `{a="b", c="d"}` as Loki's push carries it, quoted as in Go; the labels' slices point into text or the arena. An
 * empty set `{}` is valid here. BOLE_E_INVALID names the column, BOLE_E_LIMIT is about the set, BOLE_E_NOMEM: the arena
 * is full. */
bole_status labels_parse(bole_slice text, struct arena *arena, struct label **ret_labels, size_t *ret_count,
                         struct bole_err *err);

/* The same form back: `{a="b", c="d"}`. */
void labels_print(bole_slice encoded, struct buf *out);

/* [a-zA-Z_][a-zA-Z0-9_]*: every other byte (rune) becomes one '_', a leading digit gets '_' in front, as Loki cleans
 * names. Returns the name itself when it is clean already. */
bole_slice label_name_clean(bole_slice name, struct arena *arena);
/* The same as Loki cleans names of structured metadata: what becomes or is several '_' in a row becomes one, and a leading digit gets
 * `key_` in front. `__name__` keeps its ends. */
bole_slice label_name_clean_metadata(bole_slice name, struct arena *arena);

#endif
