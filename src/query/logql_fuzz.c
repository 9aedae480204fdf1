/* Whatever text comes: parsing ends, what was parsed prints to text that parses and prints the same again, and what Loki's
 * language has in it means the same with Bole's additions. */
#include <stdlib.h>

#include "query/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_loki(bole_slice text, const struct buf *with_additions)
{
    struct ast *ast = NULL;
    struct buf b;
    buf_init(&b, NULL);
    if (ast_parse_loki(text, NULL, &ast, NULL) == BOLE_OK) {
        ast_print(ast->root, &b);
        if (!bole_slice_eq(buf_slice(&b), buf_slice(with_additions)))
            abort();
    }
    ast_destroy(ast);
    buf_deinit(&b);
}

/* Words are taken for a query only where LogQL is not. */
static void check_words(bole_slice text, bool is_logql, const struct buf *as_logql)
{
    struct ast *ast = NULL;
    struct budget budget;
    struct buf b;
    budget_init(&budget, NULL, 16u << 20);
    buf_init(&b, NULL);
    if (ast_parse_words(text, &budget, &ast, NULL) == BOLE_OK) {
        ast_print(ast->root, &b);
        if (is_logql && !bole_slice_eq(buf_slice(&b), buf_slice(as_logql)))
            abort();
    } else if (is_logql) {
        abort();
    }
    ast_destroy(ast);
    if (budget.used_bytes)
        abort();
    buf_deinit(&b);
}

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
        check_loki((bole_slice){data, size}, &a);
    } else if (size <= 4096 && ast_parse_loki((bole_slice){data, size}, &budget, &second, NULL) == BOLE_OK) {
        abort();
    }
    check_words((bole_slice){data, size}, first != NULL, &a);
    ast_destroy(first);
    ast_destroy(second);
    buf_deinit(&a);
    buf_deinit(&b);
    return 0;
}
