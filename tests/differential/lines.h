/*
 * lines.h - log lines as programs write them, drawn from a seed: access logs, syslog, Java, key=value and JSON of
 * random shapes, random templates, real samples; and what no program should write but one does: NUL, CR, bad UTF-8,
 * empty lines, lines of a hundred kilobytes, numbers that are none.
 *
 * Owner:   a line_program belongs to its arena; samples are borrowed.
 * Threads: one at a time.
 */
#ifndef DIFFERENTIAL_LINES_H
#define DIFFERENTIAL_LINES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/random.h"

enum line_kind { LINES_FORMAT, LINES_TEMPLATE, LINES_JSON, LINES_LOGFMT, LINES_SAMPLE, LINES_NOISE, LINE_KINDS };

/* What writes the lines of one app: its shape is drawn once, its values for every line. */
struct line_program {
    struct random *random;
    enum line_kind kind;
    const char *formats[3]; /* text with {slots} */
    struct line_key {
        const char *name, *slot;
        bool is_string;
    } keys[10];
    size_t key_count;
    unsigned style;           /* white space and quoting of JSON and logfmt */
    unsigned oddity;          /* of a thousand lines, how many are mangled */
    uint64_t counter;         /* sequence numbers and the program's own clock go on from line to line */
    bole_slice samples, rest; /* LINES_SAMPLE: whole text, and what is left of this pass */
};

struct line_program *line_program_create(struct random *random, struct arena *arena, bole_slice samples);
void line_program_write(struct line_program *p, struct buf *out); /* one more line, appended */

/* Appends something of a kind that programs log: "ip", "uuid", "int", "word"...; an unknown name is a bug. */
void line_slot_write(struct line_program *p, const char *slot, struct buf *out);
const char *line_slot_random(struct random *random);

/* Names that JSON and key=value programs use: what queries parse out. */
const char *line_key_random(struct random *random);

#endif
