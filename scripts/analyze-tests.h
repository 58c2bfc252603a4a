/*
 * analyze-tests.h: what clang's analyzer is told of cmocka: a test ends where an assertion does not hold. Included by
 * scripts/analyze before each test program, and by nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#undef assert_true
#undef assert_false
#undef assert_int_equal
#undef fail_msg
#define assert_true(c)         ((c) ? (void)0 : abort())
#define assert_false(c)        ((c) ? abort() : (void)0)
#define assert_int_equal(a, b) ((long)(a) == (long)(b) ? (void)0 : abort())
#define fail_msg(...)          ((void)printf(__VA_ARGS__), abort())
