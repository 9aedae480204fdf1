#include "serve/http_testing.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct http_server *testing_server(const struct http_options *options)
{
    struct http_options o = *options;
    struct http_server *s = NULL;
    struct bole_err err = {0};
    if (!o.listen.len)
        o.listen = S("127.0.0.1:0");
    if (http_server_create(&o, &s, &err) < 0 || http_server_start(s, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        abort();
    }
    return s;
}

int client_connect(const struct http_server *s)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_server_port(s)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void client_send(int fd, bole_slice bytes)
{
    while (bytes.len) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        bytes = bole_slice_sub(bytes, (size_t)n);
    }
}

void client_send_str(int fd, const char *text)
{
    client_send(fd, bole_slice_str(text));
}

/* -1: nothing within the time. */
static ssize_t receive_some(int fd, void *to, size_t room)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, CLIENT_WAIT_MS) == 1 ? recv(fd, to, room, 0) : -1;
}

/* Exactly one byte at a time up to the end of the head: what follows belongs to the next answer. */
static size_t read_until(int fd, char *text, size_t at, size_t size, const char *end)
{
    size_t end_len = strlen(end), from = at;
    while (at + 1 < size && (at - from < end_len || memcmp(text + at - end_len, end, end_len) != 0)) {
        if (receive_some(fd, text + at, 1) <= 0)
            break;
        at++;
    }
    return at;
}

static size_t read_exactly(int fd, char *text, size_t at, size_t size, size_t len)
{
    while (len && at + 1 < size) {
        ssize_t n = receive_some(fd, text + at, len < size - at - 1 ? len : size - at - 1);
        if (n <= 0)
            break;
        at += (size_t)n;
        len -= (size_t)n;
    }
    return at;
}

/* Up to the last chunk, or as far as they come. */
static size_t read_chunks(int fd, char *text, size_t at, size_t size)
{
    for (size_t len = 1; len && at + 1 < size;) {
        size_t line = at;
        at = read_until(fd, text, at, size, "\r\n");
        text[at] = 0;
        if (at == line || text[at - 1] != '\n')
            break;
        len = strtoul(text + line, NULL, 16);
        at = read_exactly(fd, text, at, size, len + 2);
    }
    return at;
}

size_t client_answer(int fd, char *ret_text, size_t size)
{
    size_t at = read_until(fd, ret_text, 0, size, "\r\n\r\n");
    ret_text[at] = 0;
    const char *length = strcasestr(ret_text, "content-length: ");
    if (strcasestr(ret_text, "transfer-encoding: chunked"))
        at = read_chunks(fd, ret_text, at, size);
    else if (length)
        at = read_exactly(fd, ret_text, at, size, strtoul(length + 16, NULL, 10));
    ret_text[at] = 0;
    return at;
}

static unsigned status_of(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

unsigned client_status(int fd)
{
    char text[16384];
    client_answer(fd, text, sizeof text);
    return status_of(text);
}

bool client_is_closed(int fd)
{
    char byte;
    ssize_t n = receive_some(fd, &byte, 1);
    return n == 0 || (n < 0 && errno == ECONNRESET);
}

unsigned client_ask(const struct http_server *s, const char *request, char *ret_text, size_t size)
{
    int fd = client_connect(s);
    client_send_str(fd, request);
    client_answer(fd, ret_text, size);
    close(fd);
    return status_of(ret_text);
}
