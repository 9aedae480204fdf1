/*
 * api_testing.h - for tests of the API: everything wired as in the program, with queue and store in memory, on a free port.
 */
#ifndef SERVE_API_TESTING_H
#define SERVE_API_TESTING_H

#include "serve/api.h"
#include "serve/http_testing.h"

enum { WORLD_LOOPS = 1, WORLD_ANSWER_MAX = 8 << 20 };

struct world {
    struct budget       budget;
    struct queue       *queue;
    struct store       *store;
    struct ingest      *ingest;
    struct api         *api;
    struct http_server *server;
    char               *answer;     /* of the last request: head and body */
    bole_slice          body;       /* in answer; chunks are left as they came */
};

/* options may be NULL. On the heap, so that after a failed check threads that still run find it. */
struct world *world_open(const struct api_options *options);
/* With the segment store in /data of this file system (os/fs.h) instead of the one in memory. */
struct world *world_open_on(struct fs *fs);
void world_close(struct world *w);

/* Sends one request; headers: lines with CRLF, or "". Returns the status. */
unsigned world_get(struct world *w, const char *target, const char *headers);
unsigned world_post(struct world *w, const char *target, const char *headers, bole_slice body);

/* Pushes Loki JSON for the default tenant and wants 204. */
void world_push(struct world *w, const char *json);

/* Opens a WebSocket; -1 when the answer was not 101 (it is in w->answer then). */
int world_open_socket(struct world *w, const char *target, const char *headers);
/* The next text message, NUL-terminated; pings are passed over. False: closed, *ret_code is the close code (0: without). */
bool world_read_socket(int fd, char *ret_text, size_t size, unsigned *ret_code);

/* Undoes the chunked coding of w->body in place. False: it is cut short. */
bool world_join_chunks(struct world *w);

bool world_body_has(const struct world *w, const char *text);

#endif
