/*
 * listing.h - what the commands share that get a JSON answer and print a line for each element of one of its lists.
 *
 * Threads: one.
 */
#ifndef CMD_LISTING_H
#define CMD_LISTING_H

#include "base/buf.h"
#include "cmd/cmd.h"
#include "shim/json_doc.h"

struct listing {
    struct bole_client *client;
    struct buf          url;  /* of the request */
    struct buf          body; /* of the last answer */
    struct buf          out;  /* what is to be printed */
    struct json_doc    *doc;
    struct json_value   root; /* the last answer, until the next */
};

/* Catches signals, connects, calls run and writes what it left in out: the body of a command, with its exit code. ctx: its options. */
int listing_run(const struct connection_options *options,
                bole_status (*run)(struct listing *l, const void *ctx, struct bole_err *err), const void *ctx);

/* GET of url, kept and parsed. */
bole_status listing_get(struct listing *l, struct bole_err *err);
bole_status listing_parse(struct listing *l, struct bole_err *err); /* body, however it came */
/* The same, and fn for each element of that member; the lines that fn appends to l->out, which is its ctx unless one is given. */
bole_status listing_each(struct listing *l, const char *member, bool (*fn)(bole_slice name, struct json_value value, void *ctx),
                         void *ctx, struct bole_err *err);
/* On a terminal, where out is empty: `no WHAT in this range; a wider one: --since 30d`. */
void listing_hint(const struct listing *l, const char *what);

/* Members of an element: empty and 0 where there is none. */
bole_slice listing_text(struct json_value v, const char *name);
double     listing_number(struct json_value v, const char *name);

#endif
