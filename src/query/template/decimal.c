#include "query/template/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/number.h"

enum { DIVISION_DIGITS = 16, TEXT_DIGITS = 370 }; /* what number_parse takes */

static void trim(struct decimal *d)
{
    while (d->count && d->digits[d->count - 1] == 0)
        d->count--;
    if (d->count == 0)
        *d = (struct decimal){0};
}

void decimal_from(double v, struct decimal *ret)
{
    char text[NUMBER_TEXT_MAX];
    size_t n = number_format_g(v, text);
    int exponent = 0, behind = 0;
    bool point = false;
    *ret = (struct decimal){.negative = v < 0};
    uint8_t digits[40];
    for (size_t i = 0; i < n; i++) {
        if (text[i] == 'e') {
            char number[16] = {0};
            memcpy(number, text + i + 1, n - i - 1 < 15 ? n - i - 1 : 15);
            exponent = (int)strtol(number, NULL, 10);
            break;
        }
        point |= text[i] == '.';
        if (text[i] >= '0' && text[i] <= '9' && ret->count < sizeof digits) {
            digits[ret->count++] = (uint8_t)(text[i] - '0');
            behind += point;
        }
    }
    for (size_t i = 0; i < ret->count; i++)
        ret->digits[i] = digits[ret->count - 1 - i];
    ret->exponent = exponent - behind;
    trim(ret);
}

double decimal_to(const struct decimal *d)
{
    char text[TEXT_DIGITS + 40];
    size_t n = 0, kept = d->count < TEXT_DIGITS ? d->count : TEXT_DIGITS;
    double v;
    if (d->count == 0)
        return 0;
    text[n++] = d->negative ? '-' : '+';
    for (size_t i = 0; i < kept; i++)
        text[n++] = (char)('0' + d->digits[d->count - 1 - i]);
    if (kept < d->count) /* more than the digits say: that decides ties */
        text[n - 1] |= 1;
    n += (size_t)snprintf(text + n, sizeof text - n, "e%d", d->exponent + (int)(d->count - kept));
    if (number_parse((bole_slice){(const uint8_t *)text, n}, &v))
        return v;
    return d->negative ? -INFINITY : INFINITY;
}

/* Zeros below, so that the exponent becomes `exponent`. */
static bool lower_exponent(struct decimal *d, int exponent)
{
    int by = d->exponent - exponent;
    if (d->count == 0 || by <= 0) {
        d->exponent = d->count ? d->exponent : exponent;
        return true;
    }
    if ((size_t)by > DECIMAL_DIGITS_MAX - d->count)
        return false;
    memmove(d->digits + by, d->digits, d->count);
    memset(d->digits, 0, (size_t)by);
    d->count += (size_t)by;
    d->exponent = exponent;
    return true;
}

static int compare(const struct decimal *a, const struct decimal *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (size_t i = a->count; i-- > 0;)
        if (a->digits[i] != b->digits[i])
            return a->digits[i] < b->digits[i] ? -1 : 1;
    return 0;
}

/* a >= b, both without their signs. */
static void subtract_smaller(struct decimal *a, const struct decimal *b)
{
    int borrow = 0;
    for (size_t i = 0; i < a->count && (i < b->count || borrow); i++) {
        int digit = a->digits[i] - borrow - (i < b->count ? b->digits[i] : 0);
        borrow = digit < 0;
        a->digits[i] = (uint8_t)(digit + 10 * borrow);
    }
    while (a->count && a->digits[a->count - 1] == 0)
        a->count--;
}

static bool add_digits(struct decimal *a, const struct decimal *b)
{
    int carry = 0;
    for (size_t i = 0; i < b->count || carry; i++) {
        if (i == DECIMAL_DIGITS_MAX)
            return false;
        int digit = (i < a->count ? a->digits[i] : 0) + (i < b->count ? b->digits[i] : 0) + carry;
        carry = digit >= 10;
        a->digits[i] = (uint8_t)(digit - 10 * carry);
        a->count = i >= a->count ? i + 1 : a->count;
    }
    return true;
}

bool decimal_add(struct decimal *a, const struct decimal *b, bool subtract)
{
    struct decimal c = *b;
    c.negative ^= subtract;
    if (c.count == 0)
        return true;
    if (a->count == 0) {
        *a = c;
        return true;
    }
    int exponent = a->exponent < c.exponent ? a->exponent : c.exponent;
    if (!lower_exponent(a, exponent) || !lower_exponent(&c, exponent))
        return false;
    bool fits = true;
    if (a->negative == c.negative) {
        fits = add_digits(a, &c);
    } else if (compare(a, &c) >= 0) {
        subtract_smaller(a, &c);
    } else {
        subtract_smaller(&c, a);
        *a = c;
    }
    trim(a);
    return fits;
}

bool decimal_multiply(struct decimal *a, const struct decimal *b)
{
    struct decimal product = {.negative = a->negative != b->negative, .exponent = a->exponent + b->exponent};
    product.count = a->count + b->count;
    if (product.count > DECIMAL_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        int carry = 0;
        for (size_t k = 0; k < b->count; k++) {
            int v = product.digits[i + k] + a->digits[i] * b->digits[k] + carry;
            product.digits[i + k] = (uint8_t)(v % 10);
            carry = v / 10;
        }
        product.digits[i + b->count] = (uint8_t)carry;
    }
    trim(&product);
    *a = product;
    return true;
}

bool decimal_divide(struct decimal *a, const struct decimal *b)
{
    struct decimal rest = {0}, divisor = *b, quotient = {.negative = a->negative != b->negative};
    const struct decimal one = {.count = 1, .digits = {1}};
    if (a->count == 0)
        return true;
    /* Both as whole numbers, so that the quotient's exponent is -DIVISION_DIGITS. */
    int shift = a->exponent - b->exponent + DIVISION_DIGITS;
    a->exponent = shift > 0 ? shift : 0;
    divisor.exponent = shift < 0 ? -shift : 0;
    if (!lower_exponent(a, 0) || !lower_exponent(&divisor, 0) || divisor.count == DECIMAL_DIGITS_MAX)
        return false;
    quotient.count = a->count;
    for (size_t i = a->count; i-- > 0;) {
        memmove(rest.digits + 1, rest.digits, rest.count);
        rest.digits[0] = a->digits[i];
        rest.count += rest.count || rest.digits[0];
        while (compare(&rest, &divisor) >= 0) {
            subtract_smaller(&rest, &divisor);
            quotient.digits[i]++;
        }
    }
    while (quotient.count && quotient.digits[quotient.count - 1] == 0)
        quotient.count--;
    struct decimal same = rest;
    bool fits = add_digits(&rest, &same);
    if (fits && compare(&rest, &divisor) >= 0)
        fits = add_digits(&quotient, &one);
    quotient.exponent = -DIVISION_DIGITS;
    trim(&quotient);
    *a = quotient;
    return fits;
}
