/* exp, log, tanh, the normal distribution, and sqrt for vectors.

   Arguments are reduced as usual (Cody and Waite, 1980). The polynomials are
   near-minimax fits with an error far below the rounding. */
#ifndef SKOPTNET_FUNCTIONS_H
#define SKOPTNET_FUNCTIONS_H

#include "types.h"

#ifdef AVX512
#include <immintrin.h>
#endif

/* e^r - 1 - r for |r| <= ln(2) / 2 */
static inline REAL expm1_less_near(REAL r)
{
#ifdef DOUBLE
    REAL q = 2.510134692835034e-08;
    q = q * r + 2.7621338669142925e-07;
    q = q * r + 2.75572664186123e-06;
    q = q * r + 2.4801518641395993e-05;
    q = q * r + 0.00019841269864380513;
    q = q * r + 0.0013888888918939168;
    q = q * r + 0.008333333333329793;
    q = q * r + 0.04166666666662064;
    q = q * r + 0.16666666666666669;
    q = q * r + 0.5000000000000001;
#else
    REAL q = 1.392692661e-3f;
    q = q * r + 8.363773874e-3f;
    q = q * r + 4.166655011e-2f;
    q = q * r + 1.666657338e-1f;
    q = q * r + 0.5f;
#endif
    return r * r * q;
}

/* e^r - 1 for |r| <= ln(2) / 2 */
static inline REAL expm1_near(REAL r)
{
    return r + expm1_less_near(r);
}

/* Returns r of x - rest = n ln(2) + r. The bits of t, shifted left by MANTISSA, are n
   in the exponent. `rest` is the part of the argument that x has no digits for. */
static inline REAL reduce(REAL x, REAL rest, REAL *t)
{
    *t = (x - rest) * C(1.4426950408889634074) + ROUNDER;
    REAL n = *t - ROUNDER;
#ifdef DOUBLE
    return (x - n * 0.69314717967063188553) - n * 8.8931342388866766833e-10 - rest;
#else
    return (x - n * 0.693115234375f) - n * 3.1946184945309417e-5f - rest;
#endif
}

#ifdef DOUBLE
#define EXP_HIGHEST 709.782712893383973
#define EXP_LOWEST -708.396418532264106
#else
#define EXP_HIGHEST 88.7228317260742188f
#define EXP_LOWEST -87.3365447505531f
#endif

/* Below the smallest normal number the result is 0. */
static inline REAL real_exp(REAL x)
{
    REAL t, r = reduce(x, 0, &t);
    BITS power = bits_of(t) << MANTISSA;
    REAL y = real_of(bits_of(1 + expm1_near(r)) + power);
    y = x > EXP_HIGHEST ? (REAL)INFINITY : y;
    y = x < EXP_LOWEST ? 0 : y;
    return x != x ? x : y;
}

/* e^x - 1, and e^x - 1 - x in `less`. 2^n is halved along the way: it may overflow
   where e^x does not. Far beyond, the exponent wraps around, and the bits of `half` may
   be those of any number. So t says where n is 0. */
static inline REAL expm1_and_less(REAL x, REAL *less)
{
    REAL t, r = reduce(x < -44 ? -44 : x, 0, &t); /* e^x - 1 is -1 from there on */
    REAL half = real_of((bits_of(t) << MANTISSA) + bits_of(C(0.5)));
    REAL q = expm1_less_near(r);
    REAL y = 2 * (half * (r + q) + (half - C(0.5)));
    y = x > EXP_HIGHEST ? (REAL)INFINITY : y;
    *less = t == ROUNDER ? q : y - x; /* where n is 0, r is x */
    return y;
}

static inline REAL real_expm1(REAL x)
{
    REAL less;
    return expm1_and_less(x, &less);
}

/* Phi(x), the normal distribution, and e^{-x^2 / 2} in `gauss`. t = |x| is split so
   that its upper half has an exact square. Phi(-t) e^{t^2 / 2} (t + 1), which is
   between 0.39 and 0.53, is a near-minimax fit in u, from -1 to 1 (Shepherd and
   Laframboise, 1981). */
static inline REAL ndtr(REAL x, REAL *gauss)
{
#ifdef DOUBLE
    const REAL last = 38.6, middle = 4;
#else
    const REAL last = 13.3f, middle = 3;
#endif
    const BITS low = ((BITS)1 << (MANTISSA / 2 + 1)) - 1;
    REAL t = FABS(x) > last ? last : FABS(x), u = (t - middle) / (t + middle);
#ifdef DOUBLE
    REAL q = 2.1623725193175852e-10;
    q = q * u + 4.392738584158461e-09;
    q = q * u + 1.1317620050772997e-08;
    q = q * u - 1.902239602727693e-08;
    q = q * u - 1.0114238974678885e-07;
    q = q * u + 2.9898008637744734e-09;
    q = q * u + 5.432993867882331e-07;
    q = q * u + 4.0196463578883094e-07;
    q = q * u - 2.608123839676417e-06;
    q = q * u - 3.4304975225347807e-06;
    q = q * u + 1.362517184863974e-05;
    q = q * u + 2.124940205575602e-05;
    q = q * u - 8.785279399734496e-05;
    q = q * u - 9.443010707174981e-05;
    q = q * u + 0.0006948970482199304;
    q = q * u - 0.0002856231174559572;
    q = q * u - 0.005002378586223464;
    q = q * u + 0.01793609748107035;
    q = q * u - 0.03219783742830118;
    q = q * u + 0.02860036405350548;
    q = q * u + 0.013999634724429246;
    q = q * u - 0.09670347732652539;
    q = q * u + 0.47205320650984467;
#else
    REAL q = -7.861464837e-05f;
    q = q * u - 4.721665755e-04f;
    q = q * u - 2.607667702e-04f;
    q = q * u + 3.015229478e-03f;
    q = q * u + 1.131337718e-03f;
    q = q * u - 2.273476496e-02f;
    q = q * u + 4.516739398e-02f;
    q = q * u - 1.643161662e-02f;
    q = q * u - 9.652687609e-02f;
    q = q * u + 4.860557914e-01f;
#endif
    q /= t + 1;
    REAL high = real_of(bits_of(t) & ~low), rest = C(0.5) * (t - high) * (t + high);
    REAL square = C(-0.5) * high * high, shift, r = reduce(square, rest, &shift);
    REAL power = real_of((bits_of(shift) << MANTISSA) + bits_of(1)), e;
    power = square - rest < EXP_LOWEST ? 0 : power;
    e = expm1_near(r);
    *gauss = power * (1 + e);
    q = power * (q + q * e);
    return x < 0 ? q : 1 - q;
}

/* log(f) for sqrt(1/2) <= f <= sqrt(2), by log(f) = 2 artanh((f - 1) / (f + 1)) */
static inline REAL log_near(REAL f)
{
    REAL s = (f - 1) / (f + 1), v = s * s;
#ifdef DOUBLE
    REAL p = 0.14643764652931354;
    p = p * v + 0.15329489526681614;
    p = p * v + 0.1818295695260341;
    p = p * v + 0.22222210194440617;
    p = p * v + 0.28571428631794477;
    p = p * v + 0.39999999999886543;
    p = p * v + 0.666666666666667;
#else
    REAL p = 0.2960079484f;
    p = p * v + 0.3998831667f;
    p = p * v + 0.6666668618f;
#endif
    return 2 * s + s * v * p;
}

/* Of normal x > 0; 0 gives -infinity, and a negative x NaN. */
static inline REAL real_log(REAL x)
{
    /* The exponent counts from sqrt(1/2), so that f is near 1. */
    const BITS one = bits_of(1), root = bits_of(C(0.70710678118654752440));
    BITS shifted = bits_of(x) - root + one;
    BITS exponent = shifted >> MANTISSA;
    REAL f = real_of((shifted & (((BITS)1 << MANTISSA) - 1)) + root);
    /* the exponent as a number, from the low bits of a large one */
    REAL e = real_of(bits_of(ROUNDER) + exponent) - ROUNDER - (REAL)(one >> MANTISSA);
#ifdef DOUBLE
    REAL y = e * 8.8931342388866766833e-10 + log_near(f);
    y = e * 0.69314717967063188553 + y;
#else
    REAL y = e * 3.1946184945309417e-5f + log_near(f);
    y = e * 0.693115234375f + y;
#endif
    y = x == (REAL)INFINITY ? x : y;
    y = x == 0 ? -(REAL)INFINITY : y;
    y = x < 0 ? (REAL)NAN : y;
    return x != x ? x : y;
}

/* log(1 + u) for 0 <= u <= 1; adds what the rounding of 1 + u lost. */
static inline REAL real_log1p(REAL u)
{
    REAL y = 1 + u;
    return real_log(y) + (u - (y - 1)) / y;
}

/* 1 / d for 1 <= d <= 2, by multiplications, which are faster than a division: the best
   parabola is 1 % off, and Newton's steps square that. */
static inline REAL inverse(REAL d)
{
    REAL y = (C(210.0) - d * (C(144.0) - d * C(32.0))) * (1 / C(99.0));
    y += y * (1 - d * y);
    y += y * (1 - d * y);
#ifdef DOUBLE
    REAL h = 1 - d * y;
    y += y * (h + h * h);
#endif
    return y;
}

/* From e^{-2|x|} - 1, which is exact near zero. */
static inline REAL real_tanh(REAL x)
{
    REAL a = -2 * FABS(x), t;
    a = a < -44 ? -44 : a; /* tanh is 1 from there on */
    REAL r = reduce(a, 0, &t);
    REAL power = real_of((bits_of(t) << MANTISSA) + bits_of(1));
    REAL e = power * expm1_near(r) + (power - 1);
    REAL y = e * inverse(e + 2);
    return x < 0 ? y : -y;
}

/* 1 / (1 + e^{-z}), given e^{-|z|} */
static inline REAL sigmoid(REAL z, REAL e)
{
    return (z < 0 ? e : (REAL)1) * inverse(1 + e);
}

/* log(1 + e^z), given e^{-|z|} */
static inline REAL softplus(REAL z, REAL e)
{
    return (z < 0 ? 0 : z) + real_log1p(e);
}

/* The rest is there for single numbers and, with _vector in its name, for vectors. */

static inline REAL root_of(REAL r)
{
    return SQRT(r);
}

static inline REAL abs_of(REAL x)
{
    return FABS(x);
}

static inline REAL larger_of(REAL a, REAL b)
{
    return a > b ? a : b;
}

/* The sign of a - b, NaN if there is none. Comparing rounds both sides, as the formulas
   in Python do; a difference of products may become a fused operation, which does not,
   and has a sign where they are equal. */
static inline REAL sign_of_difference(REAL a, REAL b)
{
    return a > b ? 1 : a < b ? -1 : 0 * (a - b);
}

static inline REAL sum_of(REAL x)
{
    return x;
}

#ifdef VECTOR_BYTES
/* a where the condition is true, else b */
static inline V choose(Bits condition, V a, V b)
{
    return (V)(((Bits)a & condition) | ((Bits)b & ~condition));
}

static inline V larger_of_vector(V a, V b)
{
    return choose((Bits)(a > b), a, b);
}

static inline V sign_of_difference_vector(V a, V b)
{
    const V zero = {0};
    const V other = choose((Bits)(a < b), zero - 1, 0 * (a - b));
    return choose((Bits)(a > b), zero + 1, other);
}

static inline V abs_of_vector(V x)
{
    const V zero = {0};
    return (V)((Bits)x & ~(Bits)-zero);
}

static inline REAL sum_of_vector(V x)
{
    REAL sum = 0;
    for (int i = 0; i < VL; i++)
        sum += x[i];
    return sum;
}

/* sqrt(r) for r >= 0. AVX-512 estimates 1 / sqrt(r) to 14 bits; a step of Newton's
   method (float) or Householder's (double) from there is faster than the processor's
   root. The estimate is infinite for 0 and 0 for infinity, so it is taken of the
   nearest number that is neither; the product r y is right for both. */
static inline V root_of_vector(V r)
{
#ifdef AVX512
#ifdef DOUBLE
    const __m512d least = _mm512_set1_pd(DBL_MIN), most = _mm512_set1_pd(DBL_MAX);
    const V c = (V)_mm512_min_pd(_mm512_max_pd((__m512d)r, least), most);
    V y = (V)_mm512_rsqrt14_pd((__m512d)c);
    const V h = 1 - c * y * y;
    y += y * h * (0.5 + h * (0.375 + h * 0.3125));
#else
    const __m512 least = _mm512_set1_ps(FLT_MIN), most = _mm512_set1_ps(FLT_MAX);
    const V c = (V)_mm512_min_ps(_mm512_max_ps((__m512)r, least), most);
    V y = (V)_mm512_rsqrt14_ps((__m512)c);
    y += y * (0.5f - 0.5f * c * y * y);
#endif
    return r * y;
#else
    for (int i = 0; i < VL; i++)
        r[i] = SQRT(r[i]);
    return r;
#endif
}
#endif

/* The functions of whole arrays, for the table. Copies of them, as in each variant of
   the cross-entropy, would take long to compile, and be no faster. */

#define APPLY(name)                                              \
    static NOINLINE void apply_##name(void *x_, ptrdiff_t n)     \
    {                                                            \
        REAL *x = x_;                                            \
        for (ptrdiff_t i = 0; i < n; i++)                        \
            x[i] = real_##name(x[i]);                            \
    }
APPLY(exp)
APPLY(expm1)
APPLY(log)
APPLY(log1p)
APPLY(tanh)
#undef APPLY

static void apply_sqrt(void *x_, ptrdiff_t n)
{
    REAL *x = x_;
    ptrdiff_t i = 0;
#ifdef VECTOR_BYTES
    for (; i + VL <= n; i += VL)
        *(V *)(x + i) = root_of_vector(*(V *)(x + i));
#endif
    for (; i < n; i++)
        x[i] = root_of(x[i]);
}

static void apply_ndtr(void *x_, ptrdiff_t n)
{
    REAL *x = x_, gauss;
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = ndtr(x[i], &gauss);
}

#endif
