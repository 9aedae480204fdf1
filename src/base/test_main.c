#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>

enum { TESTS_MAX = 1024 };

static struct CMUnitTest tests[TESTS_MAX];
static size_t test_count;

void test_register(const char *name, void (*run)(void **state))
{
    if (test_count == TESTS_MAX)
        abort();
    tests[test_count++] = (struct CMUnitTest){.name = name, .test_func = run};
}

void test_check_eq_slice(bole_slice a, bole_slice b, const char *file, int line)
{
    if (bole_slice_eq(a, b))
        return;
    print_error("%s:%d: \"%.*s\" (%zu bytes) is not \"%.*s\" (%zu bytes)\n", file, line, BOLE_SLICE_ARG(a), a.len,
                BOLE_SLICE_ARG(b), b.len);
    _fail(file, line);
}

void test_check_ok(bole_status status, const struct bole_err *err, const char *file, int line)
{
    if (status == BOLE_OK)
        return;
    print_error("%s:%d: status %d: %s\n", file, line, (int)status, err->msg);
    _fail(file, line);
}

int main(int argc, char **argv)
{
    char pattern[256];
    if (argc > 1) {
        snprintf(pattern, sizeof pattern, "*%s*", argv[1]);
        cmocka_set_test_filter(pattern);
    }
    return _cmocka_run_group_tests("tests", tests, test_count, NULL, NULL);
}
