/*
 * http_testing.h - for tests of the HTTP server: a server with a few handlers, and a client that sends bytes as given.
 */
#ifndef SERVE_HTTP_TESTING_H
#define SERVE_HTTP_TESTING_H

#include "os/net.h"
#include "serve/http.h"

#define CLIENT_WAIT_MS 60000 /* a test that waits longer than this has failed, on a slow machine too */

/* A listening server on a free port of 127.0.0.1, started. */
struct http_server *testing_server(const struct http_options *options);

int  client_connect(const struct http_server *s);
void client_send(int fd, bole_slice bytes);          /* all of it; a reset is no failure here */
void client_send_str(int fd, const char *text);
/* One answer with its body, by Content-Length or chunks (which are left as they came), or up to the end. */
size_t client_answer(int fd, char *ret_text, size_t size);
unsigned client_status(int fd);                       /* of the next answer; 0: none came */
/* True when the server closes within CLIENT_WAIT_MS, false when it sends anything or stays. */
bool client_is_closed(int fd);
/* One request, one answer, on a connection of its own. Returns the status. */
unsigned client_ask(const struct http_server *s, const char *request, char *ret_text, size_t size);

#endif
