/*
 * The inputs that a target of the fuzzers has been through, as a test: each line of $BOLE_CORPUS is one, with C's escapes; # begins a
 * comment. scripts/fuzz writes such lines.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; its length. */
static size_t unescape(char *line, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        if (line[i] == '\\' && i + 3 < len && line[i + 1] == 'x' && digit(line[i + 2]) >= 0 && digit(line[i + 3]) >= 0) {
            line[out++] = (char)(digit(line[i + 2]) << 4 | digit(line[i + 3]));
            i += 3;
        } else if (line[i] == '\\' && i + 1 < len) {
            char c = line[++i];
            line[out++] = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        } else {
            line[out++] = line[i];
        }
    }
    return out;
}

TEST(the_corpus_is_taken)
{
    const char *path = getenv("BOLE_CORPUS");
    FILE *in = path ? fopen(path, "re") : NULL;
    char *line = NULL;
    size_t capacity = 0, inputs = 0;
    ssize_t len;
    if (!in)
        fail_msg("no corpus at %s: scripts/fuzz makes one", path ? path : "$BOLE_CORPUS");
    while ((len = getline(&line, &capacity, in)) > 0) {
        len -= line[len - 1] == '\n';
        if (line[0] == '#')
            continue;
        size_t size = unescape(line, (size_t)len);
        uint8_t *exact = malloc(size ? size : 1); /* so that a byte too far is seen */
        CHECK(exact);
        memcpy(exact, line, size);
        LLVMFuzzerTestOneInput(exact, size);
        free(exact);
        inputs++;
    }
    free(line);
    fclose(in);
    CHECK(inputs > 0);
}
