/* exp, log and their like without branches, so that compilers can compute several at a time.

All are within 1 ulp of the true value, but cosh within 2. Numbers are scaled by powers of two, put
together from bits; adding ROUND rounds to a whole number, which the last bits of the sum show. */

#include <stdint.h>
#include <string.h>

#define ROUND 6755399441055744.0 /* 1.5 · 2⁵² */
#define LOG2_HIGH 6.93147180369123816490e-01 /* log(2); its multiples by whole numbers are exact */
#define LOG2_LOW 1.90821492927058770002e-10

INLINED uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof x);
    return bits;
}

INLINED double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2ᵏ for a rounded = k + ROUND */
INLINED double two_to(double rounded)
{
    return of_bits((bits_of(rounded) << 52) + 0x3ff0000000000000);
}

/* (eʳ − 1 − r) / r² where |r| ≤ log(2) / 2: the Taylor series */
INLINED double exp_tail(double r)
{
    double p = 1.0 / 87178291200.0;
    p = p * r + 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    return p * r + 0.5;
}

/* eˣ = (high + low) · scale · more, where high + low is close to 1 */
typedef struct {
    double high, low, scale, more; /* two factors, as 2ᵏ may be no float */
} parts;

INLINED parts exp_parts(double x)
{
    double y = x < -746.0 ? -746.0 : x;
    y = y > 711.0 ? 711.0 : y;
    double k = y * 1.4426950408889634 + ROUND - ROUND, half = k * 0.5 + ROUND;
    double high = y - k * LOG2_HIGH, low = k * LOG2_LOW, r = high - low;
    double small = (high - r) - low + r * r * exp_tail(r);
    return (parts){r, small, two_to(half), two_to(k - (half - ROUND) + ROUND)};
}

INLINED double lanes_exp(double x)
{
    parts e = exp_parts(x);
    return (1.0 + (e.high + e.low)) * e.scale * e.more;
}

INLINED double lanes_expm1(double x)
{
    parts e = exp_parts(x);
    double whole = e.scale * e.more, less = whole - 1.0, high = e.high * whole;
    double sum = high + less, lost = (high - (sum - less)) + ((whole - less) - 1.0);
    double found = sum + (lost + e.low * whole);
    double large = (1.0 + (e.high + e.low)) * e.scale * e.more;
    return x == 0.0 ? x : x > 50.0 ? large : found;
}

INLINED double lanes_tanh(double x)
{
    double z = x * x, a = fabs(x);
    double above = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z
                   - 1.61468768441708447952e3;
    double below = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z
                   + 4.84406305325125486048e3;
    double small = a + a * z * (above / below); /* Cephes */
    a = a > 20.0 ? 20.0 : a;
    parts e = exp_parts(a + a); /* tanh(a) = 1 - 2 / (e²ᵃ + 1), with what rounding loses */
    double w = e.high + e.low, near = 1.0 + w, scale = e.scale * e.more;
    double lost = ((w - (near - 1.0)) + ((e.high - w) + e.low)) * scale;
    double found = near * scale, sum = found + 1.0, q = 2.0 / sum;
    lost += 1.0 - (sum - found);
    double large = 1.0 - (q - 0.5 * q * q * lost);
    return copysign(a < 0.625 ? small : a == a ? large : a, x);
}

INLINED double lanes_cosh(double x)
{
    parts e = exp_parts(fabs(x));
    double half = (1.0 + (e.high + e.low)) * (0.5 * e.scale) * e.more;
    return half + 0.25 / half;
}

/* log(x) + rest, where the rest is small */
INLINED double log_and_rest(double x, double rest)
{
    double small = x < 2.2250738585072014e-308 ? 18014398509481984.0 : 1.0; /* 2⁵⁴ */
    uint64_t bits = bits_of(x * small) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
    double k = of_bits(bits >> 52 | 0x4330000000000000)
               - (4503599627370496.0 + 1023.0) - (small > 1.0 ? 54.0 : 0.0);
    double m = of_bits((bits & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd);
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, w = z * z; /* as in FreeBSD's e_log.c */
    double odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01
                      + w * 1.531383769920937332e-01));
    double even = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01
                       + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    double half = 0.5 * f * f, low = k * LOG2_LOW + rest;
    double found = k * LOG2_HIGH - ((half - (s * (half + odd + even) + low)) - f);
    found = x > 1.7976931348623157e308 ? x : found;
    found = x == 0.0 ? -INFINITY : found;
    return x >= 0.0 ? found : NAN;
}

INLINED double lanes_log(double x) { return log_and_rest(x, 0.0); }

INLINED double lanes_log1p(double x)
{
    double sum = 1.0 + x, found = log_and_rest(sum, (x - (sum - 1.0)) / sum);
    return x == 0.0 ? x : found;
}
