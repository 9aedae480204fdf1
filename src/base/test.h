/*
 * test.h - unit tests: TEST(name) { ... CHECK(...) }. cmocka does the work; this file makes tests register themselves.
 *
 * One test program per module: link with base_test_main. A name as first argument runs the tests whose name contains
 * it.
 */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

void test_register(const char *name, void (*run)(void **state));

#define TEST(name)                                                                            \
    static void name(void **state_);                                                          \
    __attribute__((constructor)) static void name##_register(void) { test_register(#name, name); } \
    static void name(void **state_ __attribute__((unused)))

#define CHECK(condition)         assert_true(condition)
#define CHECK_EQ_U64(a, b)       assert_int_equal((uint64_t)(a), (uint64_t)(b))
#define CHECK_EQ_I64(a, b)       assert_true((int64_t)(a) == (int64_t)(b))
#define CHECK_EQ_STATUS(a, b)    assert_int_equal((int)(a), (int)(b))
#define CHECK_EQ_SLICE(a, b)     test_check_eq_slice(a, b, __FILE__, __LINE__)
/* The status must be BOLE_OK, else err.msg is printed. */
#define CHECK_OK(status, err)    test_check_ok(status, &(err), __FILE__, __LINE__)

void test_check_eq_slice(bole_slice a, bole_slice b, const char *file, int line);
void test_check_ok(bole_status status, const struct bole_err *err, const char *file, int line);

#endif
