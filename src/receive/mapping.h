/*
 * mapping.h - from names and values as a client sends them to a record, by the same rules at every door: names with dots
 * become fields, a few of them labels, one the line, one the time. docs/receivers/README.md
 *
 * A door adds the values of one record (mapping_add, mapping_object), then stores it (mapping_store). What becomes of a
 * value depends on its path alone, so that is worked out once per path and mapping: the key table. Records of one
 * source have the same keys in the same order: the key that stood at this place in the record before is tried first,
 * and nearly always is it.
 *
 * Owner:   a mapping lives as long as its request, or serves one after the other: mapping_resume. Values are borrowed until
 *          the record is stored.
 * Threads: one at a time.
 * Errors:  as for the doors (door.h): false or NULL is "the request is over", or an error in the JSON.
 */
#ifndef RECEIVE_MAPPING_H
#define RECEIVE_MAPPING_H

#include "receive/door.h"
#include "receive/json.h"

enum {
    MAPPING_NAMES_MAX = 64,    /* in one list */
    MAPPING_LABELS_MAX = 64,
    MAPPING_EXPECTED_MAX = 256,
    MAPPING_NONE = 255,        /* no rank, no label */
};

struct mapping_names { /* borrowed */
    const bole_slice *at;
    size_t            count;
};
#define MAPPING_NAMES(array) ((struct mapping_names){array, sizeof(array) / sizeof *(array)})

struct mapping_key {
    bole_slice path;          /* as sent: "a.b" */
    bole_slice name;          /* of the field: cleaned */
    struct mapping_key *same; /* the first key with this name: it knows whether the record had it already */
    uint64_t   seen;          /* the last record that had it */
    uint8_t    time_rank, line_rank, label, label_rank;
    bool       ignored;
};

struct mapping_best { /* of the candidates that a record has: the one that stands first in its list */
    unsigned   rank;
    size_t     field; /* place in the fields + 1; 0: it is none */
    bole_slice value;
};

struct mapping {
    struct door *d;
    /* Set by the door behind mapping_init, before the first record. The candidates of time and line, the first one that a
     * record has is taken; names that are no fields; the labels. */
    struct mapping_names time, line, ignore;
    const struct receive_label *labels;
    size_t       label_count;
    bool         labels_asked; /* the client named the labels: a value that cannot be one costs the record */
    const char  *unit;         /* what messages call a record: "line" */

    uint64_t     number;       /* of the record in its request; the door counts */
    struct json  j;            /* for doors that read JSON */

    /* of all requests */
    struct arena arena;
    struct mapping_key **slots; /* open addressing, by path */
    uint32_t     slot_count, key_count;
    size_t       expected_count;
    struct buf   path, stream_key;
    size_t       stream_prefix; /* bytes of stream_key that are the same for all records */
    uint64_t     record;       /* counts all that ever were */
    /* of the record */
    size_t       field_count, place; /* fields kept; values seen */
    struct mapping_best best_time, best_line;
    bool         too_many;
    /* Large, and not cleared by mapping_init. */
    struct mapping_best best_label[MAPPING_LABELS_MAX];
    struct mapping_key *expected[MAPPING_EXPECTED_MAX]; /* by place in the record */
};

/* `unit` as above; the labels are those of the options until the door sets others. */
void mapping_init(struct mapping *m, struct door *d, const char *unit);
void mapping_deinit(struct mapping *m);

/* One that is ready goes on with another request, whose lists, labels and receiver are the same. Not behind one that was over:
 * its keys may be half made. */
void mapping_resume(struct mapping *m, struct door *d);
size_t mapping_size(const struct mapping *m); /* bytes drawn from the budget */

/* The names of a list separated by commas; `what` names it in messages. They last as long as m. */
bool mapping_split(struct mapping *m, const char *what, bole_slice text, struct mapping_names *ret_names);

/* Labels, and lists that are all set: call once, in front of the first record. */
bool mapping_ready(struct mapping *m);

/* A new record: nothing of the one before is left. */
void mapping_begin(struct mapping *m);

/* The key of a path; NULL: the request is over. It stays good as long as the mapping. */
struct mapping_key *mapping_key(struct mapping *m, bole_slice path);

/* The same for the next value of a record, found faster when the record before had this path at the same place. */
struct mapping_key *mapping_next_key(struct mapping *m, bole_slice path);

/* A value of the record. The first of a repeated name stays: false when this one was dropped for that. */
bool mapping_add_key(struct mapping *m, struct mapping_key *k, bole_slice value);
bool mapping_add(struct mapping *m, bole_slice path, bole_slice value); /* false: the request is over */

/* Gives the record a label that no field of it says; `label` is its place in m->labels. */
static inline void mapping_set_label(struct mapping *m, size_t label, bole_slice value)
{
    m->best_label[label] = (struct mapping_best){0, 0, value};
}

/* Adds all that the JSON object at the cursor m->j holds, below the path in m->path (empty, or "a."): nested objects by
 * dots, arrays as their text. False: an error in m->j, or the request is over. */
bool mapping_object(struct mapping *m);

/* The same for one member of an object: the cursor is on its value, `raw` is its name. */
bool mapping_member(struct mapping *m, bole_slice raw);

/* A string, number or literal at the cursor as text, in the scratch arena; null is empty; arrays and objects are JSON text.
 * False: an error in m->j. */
bool mapping_text(struct mapping *m, bole_slice *ret_text);

/* The record is complete. Without a candidate for the line it has `line` (JSON text, or ptr NULL: nothing is known), and
 * without a time that of `time_ns` (0: the line's own, else the time of arrival). What may not be stored is rejected.
 * False: the request is over. */
bool mapping_store(struct mapping *m, bole_slice line, int64_t time_ns);

/* ---- lines of JSON ---- */

struct mapping_lines {
    /* One line, its tokens at the cursor m->j; blank ones too (the cursor is at its limit then). */
    bool (*line)(struct mapping *m, bole_slice text);
    /* One that is no JSON at all. */
    bool (*broken)(struct mapping *m, bole_slice text, enum receive_reason reason, const char *why);
};

/* Hands over each line of the body, m->number counts them. False: the request is over. */
bool mapping_each_line(struct mapping *m, bole_slice body, const struct mapping_lines *to);

/* ---- values of JSON ---- */

/* Hands over each value of the body: they stand one behind the other, with or without blanks; one that is an array, when
 * `arrays`, is taken apart. m->number counts them from 1. `value` takes the whole value; an error in m->j ends it.
 * False: the request is over (400 names the value when it is no JSON). */
bool mapping_each_value(struct mapping *m, bole_slice body, bool arrays, bool (*value)(struct mapping *m));

/* The text of the object that was just taken and began at that token; see mapping_token. */
static inline const uint32_t *mapping_token(const struct mapping *m) { return m->j.next; }
static inline bole_slice mapping_taken(const struct mapping *m, const uint32_t *from)
{
    return bole_slice_from(m->j.text + *from, m->j.next[-1] + 1 - *from);
}

/* Sets the cursor up for a document that is `text`. */
void mapping_document(struct mapping *m, bole_slice text);

#endif
