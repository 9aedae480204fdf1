/* Whatever text comes: parsing ends, and what was parsed prints to text that parses and prints the same again. */
#include <stdlib.h>

#include "query/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct budget budget;
    struct ast *first = NULL, *second = NULL;
    struct buf a, b;
    budget_init(&budget, NULL, 16u << 20);
    buf_init(&a, NULL);
    buf_init(&b, NULL);
    if (ast_parse((bole_slice){data, size}, &budget, &first, NULL) == BOLE_OK) {
        ast_print(first->root, &a);
        if (ast_parse(buf_slice(&a), NULL, &second, NULL) == BOLE_OK) {
            ast_print(second->root, &b);
            if (!bole_slice_eq(buf_slice(&a), buf_slice(&b)))
                abort();
        } else if (a.len <= QUERY_TEXT_MAX) {
            abort();
        }
    }
    ast_destroy(first);
    ast_destroy(second);
    buf_deinit(&a);
    buf_deinit(&b);
    return 0;
}
