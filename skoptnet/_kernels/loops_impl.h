/* The loops of loops.h for one REAL and one instruction set, named by SUFFIX.

   They are plain C that compilers vectorise: no branch depends on a number, what
   depends on one is chosen with ?: . Not-a-number and infinity go through. */

#define FN(name) LOOPS_NAME(name, SUFFIX)

#ifdef REAL_IS_DOUBLE
#define BITS uint64_t
#define MANTISSA 52
#define ROUNDER 0x1.8p52 /* x + ROUNDER - ROUNDER rounds x to a whole number */
#define C(x) x
#define SQRT sqrt
#define FABS fabs
#define LEAST DBL_MIN
#else
#define BITS uint32_t
#define MANTISSA 23
#define ROUNDER 0x1.8p23f
#define C(x) x##f
#define SQRT sqrtf
#define FABS fabsf
#define LEAST FLT_MIN
#endif

#define SIGN(e) ((e) > 0 ? 1 : (e) < 0 ? -1 : (e))

#ifdef VECTOR_BYTES
/* A vector of numbers, wherever they lie, and one of their bits. */
typedef REAL FN(V)
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
typedef BITS FN(Bits) __attribute__((vector_size(VECTOR_BYTES)));
#define V FN(V)
#define VL ((ptrdiff_t)(VECTOR_BYTES / sizeof(REAL)))
#endif

/* Sums and maxima in any order, so that they are vectors, too. */
#ifdef __GNUC__
#define LOOP(text) _Pragma(#text)
#else
#define LOOP(text)
#endif
#define SUM(x) LOOP(omp simd reduction(+ : x))
#define HIGHEST(x) LOOP(omp simd reduction(max : x))
/* Rows of so many numbers are copied faster than by memcpy. */
#define SHORT_ROW 32
/* So many numbers are collected on the stack at a time. */
#define BUFFERED 256
/* So many numbers are in the cache next to the processor until they are used again. */
#define AT_HAND 2048

static inline BITS FN(bits)(REAL x)
{
    BITS i;
    memcpy(&i, &x, sizeof x);
    return i;
}

static inline REAL FN(real)(BITS i)
{
    REAL x;
    memcpy(&x, &i, sizeof x);
    return x;
}

/* exp, log, tanh and their like. Arguments are reduced as usual (Cody and Waite, 1980);
   the polynomials are near-minimax fits, whose error is far below the rounding. */

/* e^r - 1 - r for |r| <= ln(2) / 2 */
static inline REAL FN(expm1_less_near)(REAL r)
{
#ifdef REAL_IS_DOUBLE
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
static inline REAL FN(expm1_near)(REAL r)
{
    return r + FN(expm1_less_near)(r);
}

/* x - rest = n ln(2) + r; the bits of t, shifted left by MANTISSA, are n in the
   exponent. `rest` is what x has no digits for. */
static inline REAL FN(reduce)(REAL x, REAL rest, REAL *t)
{
    *t = (x - rest) * C(1.4426950408889634074) + ROUNDER;
    REAL n = *t - ROUNDER;
#ifdef REAL_IS_DOUBLE
    return (x - n * 0.69314717967063188553) - n * 8.8931342388866766833e-10 - rest;
#else
    return (x - n * 0.693115234375f) - n * 3.1946184945309417e-5f - rest;
#endif
}

#ifdef REAL_IS_DOUBLE
#define EXP_HIGHEST 709.782712893383973
#define EXP_LOWEST -708.396418532264106
#else
#define EXP_HIGHEST 88.7228317260742188f
#define EXP_LOWEST -87.3365447505531f
#endif

/* Below the smallest normal number the result is 0. */
static inline REAL FN(exp)(REAL x)
{
    REAL t, r = FN(reduce)(x, 0, &t);
    BITS power = FN(bits)(t) << MANTISSA;
    REAL y = FN(real)(FN(bits)(1 + FN(expm1_near)(r)) + power);
    y = x > EXP_HIGHEST ? (REAL)INFINITY : y;
    y = x < EXP_LOWEST ? 0 : y;
    return x != x ? x : y;
}

/* e^x - 1, and e^x - 1 - x in `less`. 2^n is halved on the way, for it may be too large
   where e^x is not. */
static inline REAL FN(expm1_and_less)(REAL x, REAL *less)
{
    REAL t, r = FN(reduce)(x < -44 ? -44 : x, 0, &t); /* e^x - 1 is -1 from there on */
    REAL half = FN(real)((FN(bits)(t) << MANTISSA) + FN(bits)(C(0.5)));
    REAL q = FN(expm1_less_near)(r);
    REAL y = 2 * (half * (r + q) + (half - C(0.5)));
    y = x > EXP_HIGHEST ? (REAL)INFINITY : y;
    *less = half == C(0.5) ? q : y - x; /* there r is x */
    return y;
}

static inline REAL FN(expm1)(REAL x)
{
    REAL less;
    return FN(expm1_and_less)(x, &less);
}

/* Phi(x), the normal distribution, and e^{-x^2 / 2} in `gauss`. Of the digits of t = |x|,
   half have an exact square. Phi(-t) e^{t^2 / 2} (t + 1) lies between 0.39 and 0.53: it
   is a near-minimax fit in u, from -1 to 1 (Shepherd and Laframboise, 1981). */
static inline REAL FN(ndtr)(REAL x, REAL *gauss)
{
#ifdef REAL_IS_DOUBLE
    const REAL last = 38.6, middle = 4;
#else
    const REAL last = 13.3f, middle = 3;
#endif
    const BITS low = ((BITS)1 << (MANTISSA / 2 + 1)) - 1;
    REAL t = FABS(x) > last ? last : FABS(x), u = (t - middle) / (t + middle);
#ifdef REAL_IS_DOUBLE
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
    REAL high = FN(real)(FN(bits)(t) & ~low), rest = C(0.5) * (t - high) * (t + high);
    REAL square = C(-0.5) * high * high, shift, r = FN(reduce)(square, rest, &shift);
    REAL power = FN(real)((FN(bits)(shift) << MANTISSA) + FN(bits)(1)), e;
    power = square - rest < EXP_LOWEST ? 0 : power;
    e = FN(expm1_near)(r);
    *gauss = power * (1 + e);
    q = power * (q + q * e);
    return x < 0 ? q : 1 - q;
}

/* log(f) for sqrt(1/2) <= f <= sqrt(2), by log(f) = 2 artanh((f - 1) / (f + 1)) */
static inline REAL FN(log_near)(REAL f)
{
    REAL s = (f - 1) / (f + 1), v = s * s;
#ifdef REAL_IS_DOUBLE
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

/* For normal x > 0; 0 gives -infinity, a negative x gives NaN. */
static inline REAL FN(log)(REAL x)
{
    /* The exponent counts from sqrt(1/2), so that f lies around 1. */
    const BITS one = FN(bits)(1), root = FN(bits)(C(0.70710678118654752440));
    BITS shifted = FN(bits)(x) - root + one;
    BITS exponent = shifted >> MANTISSA;
    REAL f = FN(real)((shifted & (((BITS)1 << MANTISSA) - 1)) + root);
    /* exponent as a number: put into the low bits of a large one */
    REAL e = FN(real)(FN(bits)(ROUNDER) + exponent) - ROUNDER - (REAL)(one >> MANTISSA);
#ifdef REAL_IS_DOUBLE
    REAL y = e * 8.8931342388866766833e-10 + FN(log_near)(f);
    y = e * 0.69314717967063188553 + y;
#else
    REAL y = e * 3.1946184945309417e-5f + FN(log_near)(f);
    y = e * 0.693115234375f + y;
#endif
    y = x == (REAL)INFINITY ? x : y;
    y = x == 0 ? -(REAL)INFINITY : y;
    y = x < 0 ? (REAL)NAN : y;
    return x != x ? x : y;
}

/* log(1 + u) for 0 <= u <= 1, with what rounding 1 + u lost */
static inline REAL FN(log1p)(REAL u)
{
    REAL y = 1 + u;
    return FN(log)(y) + (u - (y - 1)) / y;
}

/* 1 / d for 1 <= d <= 2, where multiplications are faster than to divide: the best
   parabola is 1 % off, and Newton's steps square that. */
static inline REAL FN(inverse)(REAL d)
{
    REAL y = (C(210.0) - d * (C(144.0) - d * C(32.0))) * (1 / C(99.0));
    y += y * (1 - d * y);
    y += y * (1 - d * y);
#ifdef REAL_IS_DOUBLE
    REAL h = 1 - d * y;
    y += y * (h + h * h);
#endif
    return y;
}

/* By e^{-2|x|} - 1, which is exact near zero. */
static inline REAL FN(tanh)(REAL x)
{
    REAL a = -2 * FABS(x), t;
    a = a < -44 ? -44 : a; /* tanh is 1 from there on */
    REAL r = FN(reduce)(a, 0, &t);
    REAL power = FN(real)((FN(bits)(t) << MANTISSA) + FN(bits)(1));
    REAL e = power * FN(expm1_near)(r) + (power - 1);
    REAL y = e * FN(inverse)(e + 2);
    return x < 0 ? y : -y;
}

/* 1 / (1 + e^{-z}), given e^{-|z|} */
static inline REAL FN(sigmoid)(REAL z, REAL e)
{
    return (z < 0 ? e : (REAL)1) * FN(inverse)(1 + e);
}

/* log(1 + e^z), given e^{-|z|} */
static inline REAL FN(softplus)(REAL z, REAL e)
{
    return (z < 0 ? 0 : z) + FN(log1p)(e);
}

/* What follows is there for single numbers and, with _vector in its name, for vectors. */

static inline REAL FN(root)(REAL r)
{
    return SQRT(r);
}

static inline REAL FN(size)(REAL x)
{
    return FABS(x);
}

static inline REAL FN(larger)(REAL a, REAL b)
{
    return a > b ? a : b;
}

static inline REAL FN(sign)(REAL x)
{
    return SIGN(x);
}

static inline REAL FN(total)(REAL x)
{
    return x;
}

#ifdef VECTOR_BYTES
/* a where the condition is true, else b */
static inline V FN(choose)(FN(Bits) condition, V a, V b)
{
    return (V)(((FN(Bits))a & condition) | ((FN(Bits))b & ~condition));
}

static inline V FN(larger_vector)(V a, V b)
{
    return FN(choose)((FN(Bits))(a > b), a, b);
}

static inline V FN(sign_vector)(V x)
{
    const V zero = {0};
    const V other = FN(choose)((FN(Bits))(x < zero), zero - 1, x);
    return FN(choose)((FN(Bits))(x > zero), zero + 1, other);
}

static inline V FN(size_vector)(V x)
{
    const V zero = {0};
    return (V)((FN(Bits))x & ~(FN(Bits))-zero);
}

static inline REAL FN(total_vector)(V x)
{
    REAL sum = 0;
    for (int i = 0; i < VL; i++)
        sum += x[i];
    return sum;
}

/* Of r >= 0. Where a processor estimates 1 / sqrt(r) to 14 bits, a step of Newton's or
   Householder's from there is faster than its root. The estimate is infinite for 0 and 0 for infinity: it is made
   of the next number that is neither, and r y comes out as it should. */
static inline V FN(root_vector)(V r)
{
#ifdef ESTIMATES_ROOTS
#ifdef REAL_IS_DOUBLE
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

#define APPLY(name)                                              \
    static void FN(apply_##name)(void *x_, ptrdiff_t n)          \
    {                                                            \
        REAL *x = x_;                                            \
        for (ptrdiff_t i = 0; i < n; i++)                        \
            x[i] = FN(name)(x[i]);                               \
    }
APPLY(exp)
APPLY(expm1)
APPLY(log)
APPLY(log1p)
APPLY(tanh)
#undef APPLY

static void FN(apply_root)(void *x_, ptrdiff_t n)
{
    REAL *x = x_;
    ptrdiff_t i = 0;
#ifdef VECTOR_BYTES
    for (; i + VL <= n; i += VL)
        *(V *)(x + i) = FN(root_vector)(*(V *)(x + i));
#endif
    for (; i < n; i++)
        x[i] = FN(root)(x[i]);
}

static void FN(apply_ndtr)(void *x_, ptrdiff_t n)
{
    REAL *x = x_, gauss;
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] = FN(ndtr)(x[i], &gauss);
}

/* A short row is copied before memcpy would have found out how long it is. */
static inline void FN(copy_row)(REAL *out, const REAL *row, ptrdiff_t d)
{
    if (d > SHORT_ROW) {
        memcpy(out, row, d * sizeof(REAL));
        return;
    }
    for (; d >= 4; d -= 4, out += 4, row += 4)
        memcpy(out, row, 4 * sizeof(REAL));
    if (d >= 2) {
        memcpy(out, row, 2 * sizeof(REAL));
        d -= 2, out += 2, row += 2;
    }
    if (d)
        *out = *row;
}

static void FN(gather)(void *out_, const void *X_, const ptrdiff_t *rows, ptrdiff_t m,
                       ptrdiff_t d)
{
    REAL *out = out_;
    const REAL *X = X_;
    for (ptrdiff_t i = 0; i < m; i++)
        FN(copy_row)(out + i * d, X + rows[i] * d, d);
}

#define SELU_ALPHA C(1.6732632423543772848)
#define SELU_SCALE C(1.0507009873554804934)

/* Activations: forward adds the bias, too, where the product did not. What is left of a
   row when its vectors are full is slow, so the function goes over several rows as over
   one. */

static inline void FN(add_to_rows)(REAL *RESTRICT z, const REAL *RESTRICT b, ptrdiff_t m,
                                   ptrdiff_t k)
{
    for (ptrdiff_t i = 0; i < m; i++, z += k)
        for (ptrdiff_t j = 0; j < k; j++)
            z[j] += b[j];
}

#define ROWS_AT_HAND(go_on, formula)                                              \
    ptrdiff_t rows = k < AT_HAND ? AT_HAND / k : 1;                               \
    for (; m > 0; m -= rows, z += rows * k, go_on) {                              \
        rows = rows < m ? rows : m;                                               \
        if (b)                                                                    \
            FN(add_to_rows)(z, b, rows, k);                                       \
        for (ptrdiff_t i = 0; i < rows * k; i++) {                                \
            REAL x = z[i];                                                        \
            formula                                                               \
        }                                                                         \
    }
#define FORWARD(name, value)                                                      \
    static void FN(name##_forward)(void *z_, void *slopes, const void *b,         \
                                   ptrdiff_t m, ptrdiff_t k, double parameter)    \
    {                                                                             \
        REAL *z = z_;                                                             \
        const REAL p = (REAL)parameter;                                           \
        (void)slopes, (void)p;                                                    \
        ROWS_AT_HAND((void)0, { z[i] = value; })                                  \
    }
#define BACKWARD(name, value)                                                     \
    static void FN(name##_backward)(void *delta_, const void *a_, ptrdiff_t n,    \
                                    double parameter)                             \
    {                                                                             \
        REAL *RESTRICT delta = delta_;                                            \
        const REAL *RESTRICT a = a_;                                              \
        const REAL p = (REAL)parameter;                                           \
        (void)p;                                                                  \
        for (ptrdiff_t i = 0; i < n; i++)                                         \
            delta[i] = value;                                                     \
    }
/* Where sigma and sigma' share the numbers that they are made of. */
#define FORWARD_WITH_SLOPES(name, numbers, value, slope)                          \
    static void FN(name##_forward)(void *z_, void *slopes_, const void *b,        \
                                   ptrdiff_t m, ptrdiff_t k, double parameter)    \
    {                                                                             \
        REAL *RESTRICT z = z_, *RESTRICT slopes = slopes_;                        \
        (void)parameter;                                                          \
        if (!slopes) {                                                            \
            ROWS_AT_HAND((void)0, { numbers z[i] = value; })                      \
            return;                                                               \
        }                                                                         \
        ROWS_AT_HAND(slopes += rows * k, { numbers z[i] = value; slopes[i] = slope; }) \
    }

FORWARD(identity, x)
FORWARD(logistic, FN(sigmoid)(x, FN(exp)(-FABS(x))))
FORWARD(tanh, FN(tanh)(x))
FORWARD(relu, x < 0 ? 0 : x)
FORWARD(leaky_relu, x > 0 ? x : p * x)
FORWARD(elu, x > 0 ? x : p * FN(expm1)(x))
FORWARD(selu, x > 0 ? SELU_SCALE * x : SELU_SCALE * SELU_ALPHA * FN(expm1)(x))

FORWARD_WITH_SLOPES(gelu,
    REAL gauss; const REAL s = FN(ndtr)(x, &gauss);,
    x * s, s + x * gauss * C(0.39894228040143267794))

FORWARD_WITH_SLOPES(silu,
    const REAL e = FN(exp)(-FABS(x)); const REAL s = FN(sigmoid)(x, e);,
    x * s, s + s * FN(sigmoid)(-x, e) * x)

/* With e = e^{-|x|}, t = tanh(softplus(x)) = p / q. */
FORWARD_WITH_SLOPES(mish,
    const REAL e = FN(exp)(-FABS(x));
    const REAL p = x < 0 ? e * (e + 2) : 1 + 2 * e;
    const REAL c = 1 / (p + (x < 0 ? 2 : 2 * e * e));,
    x * (p * c), p * c + x * ((x < 0 ? e : e * e) * (4 + 4 * e) * c * c))

FORWARD_WITH_SLOPES(softplus, const REAL e = FN(exp)(-FABS(x));,
    FN(softplus)(x, e), FN(sigmoid)(x, e))

static void FN(identity_backward)(void *delta, const void *a, ptrdiff_t n,
                                  double parameter)
{
    (void)delta, (void)a, (void)n, (void)parameter;
}
BACKWARD(logistic, delta[i] * (a[i] * (1 - a[i])))
BACKWARD(tanh, delta[i] * (1 - a[i] * a[i]))
BACKWARD(relu, delta[i] * (a[i] > 0 ? 1 : 0))
BACKWARD(leaky_relu, delta[i] * (a[i] > 0 ? 1 : p))
BACKWARD(elu, delta[i] * (a[i] > 0 ? 1 : a[i] + p))
BACKWARD(selu, delta[i] * (a[i] > 0 ? SELU_SCALE : a[i] + SELU_SCALE * SELU_ALPHA))
BACKWARD(slopes, delta[i] * a[i])
#undef ROWS_AT_HAND
#undef FORWARD
#undef BACKWARD
#undef FORWARD_WITH_SLOPES

/* The numbers of a layer's rows follow each other, each with the bits of four units; of a
   row's last number some may be left over. */
static void FN(drop)(void *x_, uint64_t key, ptrdiff_t first, ptrdiff_t m, ptrdiff_t k,
                     int threshold, double scale)
{
    REAL *RESTRICT x = x_;
    const REAL kept = (REAL)scale;
    const ptrdiff_t per_row = (k + 3) / 4, end = m * per_row;
    uint16_t bits[4 * BUFFERED];
    ptrdiff_t j = 0; /* the unit that comes next */
    for (ptrdiff_t at = 0; at < end; at += BUFFERED) {
        const ptrdiff_t n = end - at < BUFFERED ? end - at : BUFFERED;
        for (ptrdiff_t e = 0; e < n; e++) {
            const uint64_t number = random_number(key, first * per_row + at + e + 1);
            for (int part = 0; part < 4; part++)
                bits[4 * e + part] = (uint16_t)(number >> 16 * part);
        }
        for (ptrdiff_t e = 0; e < 4 * n;) {
            const ptrdiff_t units = k - j < 4 * n - e ? k - j : 4 * n - e;
            for (ptrdiff_t i = 0; i < units; i++)
                x[i] *= bits[e + i] >= threshold ? kept : 0;
            x += units;
            e += units;
            if ((j += units) == k) {
                e += 4 * per_row - k;
                j = 0;
            }
        }
    }
}

/* Losses. `at` is the row of the training set that row i of the minibatch is. */
#define AT(i) (rows ? rows[i] : (i))

static double FN(squared_error)(void *z_, const void *b_, const void *y_,
                                const void *w_, const ptrdiff_t *rows, ptrdiff_t m,
                                ptrdiff_t k, double scale, const double *parameters)
{
    REAL *RESTRICT z = z_;
    const REAL *b = b_, *y = y_, *w = w_;
    double total = 0;
    (void)parameters;
    for (ptrdiff_t i = 0; i < m; i++, z += k) {
        const REAL *target = y + AT(i) * k;
        REAL weight = w ? w[AT(i)] : 1, factor = weight * (REAL)scale, squares = 0;
        for (ptrdiff_t j = 0; j < k; j++) {
            REAL e = z[j] + b[j] - target[j];
            squares += e * e;
            z[j] = factor * e;
        }
        total += 0.5 * weight * squares;
    }
    return total;
}

/* Losses that are sums over outputs, of a term with a slope as `formula` has them for
   x = z + b and a target t. Elements are collected in chunks of vectors. */
#define SUM_OF_TERMS(name, numbers, formula)                                           \
    static double FN(name)(void *z_, const void *b_, const void *y_, const void *w_,   \
                           const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t k,            \
                           double scale, const double *parameters)                     \
    {                                                                                  \
        REAL *RESTRICT z = z_;                                                         \
        const REAL *b = b_, *y = y_, *w = w_;                                          \
        REAL target[BUFFERED], weight[BUFFERED], value[BUFFERED];                               \
        double total = 0;                                                              \
        ptrdiff_t i = 0, j = 0;                                                        \
        (void)parameters;                                                              \
        numbers                                                                        \
        for (ptrdiff_t from = 0; from < m * k; from += BUFFERED, z += BUFFERED) {            \
            ptrdiff_t n = m * k - from < BUFFERED ? m * k - from : BUFFERED;                 \
            for (ptrdiff_t e = 0; e < n; e++) {                                        \
                target[e] = y[AT(i) * k + j];                                          \
                weight[e] = w ? w[AT(i)] : 1;                                          \
                z[e] += b[j];                                                          \
                if (++j == k)                                                          \
                    j = 0, i++;                                                        \
            }                                                                          \
            for (ptrdiff_t e = 0; e < n; e++) {                                        \
                const REAL x = z[e], t = target[e];                                    \
                REAL term, slope;                                                      \
                formula                                                                \
                value[e] = weight[e] * term;                                           \
                z[e] = weight[e] * (REAL)scale * slope;                                \
            }                                                                          \
            REAL sum = 0;                                                              \
            SUM(sum)                                                                   \
            for (ptrdiff_t e = 0; e < n; e++)                                          \
                sum += value[e];                                                       \
            total += sum;                                                              \
        }                                                                              \
        return total;                                                                  \
    }

SUM_OF_TERMS(absolute_error, , {
    const REAL e = x - t;
    term = FABS(e);
    slope = SIGN(e);
})

SUM_OF_TERMS(huber, const REAL d = (REAL)parameters[0];, {
    const REAL e = x - t;
    const REAL squared = FABS(e) > d ? d : FABS(e);
    term = squared * (FABS(e) - C(0.5) * squared);
    slope = e > d ? d : e < -d ? -d : e;
})

/* By u = z - log y: y (e^u - 1 - u) for y > 0, else e^z. */
SUM_OF_TERMS(poisson, , {
    const REAL some = t > 0 ? t : 1;
    const REAL mean = FN(exp)(x);
    REAL less;
    FN(expm1_and_less)(x - FN(log)(some), &less);
    term = t > 0 ? some * less : mean;
    slope = mean - t;
})

/* By u = log y - z: e^u - 1 - u. A y too small to be normal would be taken for 0. */
SUM_OF_TERMS(gamma, , {
    const REAL u = FN(log)(t < LEAST ? LEAST : t) - x;
    slope = -FN(expm1_and_less)(u, &term);
})

SUM_OF_TERMS(quantile, const REAL q = (REAL)parameters[0];, {
    const REAL e = x - t;
    term = e > 0 ? (1 - q) * e : -q * e;
    slope = C(0.5) * SIGN(e) + (C(0.5) - q);
})

/* softplus(z) - y z for each label */
SUM_OF_TERMS(binary_cross_entropy, , {
    const REAL small = FN(exp)(-FABS(x));
    term = (x > 0 ? x : x * 0) + FN(log1p)(small) - t * x;
    slope = FN(sigmoid)(x, small) - t;
})

SUM_OF_TERMS(smoothed_binary_cross_entropy, const REAL s = (REAL)parameters[0];, {
    const REAL small = FN(exp)(-FABS(x));
    const REAL label = (1 - s) * t + C(0.5) * s;
    term = (x > 0 ? x : x * 0) + FN(log1p)(small) - label * x;
    slope = FN(sigmoid)(x, small) - label;
})
#undef SUM_OF_TERMS

/* Several quantiles of one target: yhat_1 = z_1, yhat_i = yhat_{i-1} + softplus(z_i).
   A row is gone through twice: for the sum of all dL/dyhat, then for the sum of those
   from each place on. */
static double FN(several_quantiles)(void *z_, const void *b, const void *y_,
                                    const void *w_, const ptrdiff_t *rows, ptrdiff_t m,
                                    ptrdiff_t k, double scale, const double *quantiles)
{
    REAL *RESTRICT z = z_;
    const REAL *y = y_, *w = w_;
    REAL first[BUFFERED];
    double total = 0;
    for (ptrdiff_t from = 0; from < m; from += BUFFERED, z += BUFFERED * k) {
        ptrdiff_t n = m - from < BUFFERED ? m - from : BUFFERED;
        FN(add_to_rows)(z, b, n, k);
        for (ptrdiff_t i = 0; i < n; i++)
            first[i] = z[i * k];
        for (ptrdiff_t e = 0; e < n * k; e++)
            z[e] = FN(softplus)(z[e], FN(exp)(-FABS(z[e])));
        for (ptrdiff_t i = 0; i < n; i++) {
            REAL *step = z + i * k, yhat = 0;
            const REAL target = y[AT(from + i)], weight = w ? w[AT(from + i)] : 1;
            double loss = 0, rest = 0;
            step[0] = first[i];
            for (ptrdiff_t j = 0; j < k; j++) {
                yhat += step[j];
                const double e = yhat - target, q = quantiles[j];
                loss += e > 0 ? (1 - q) * e : -q * e;
                rest += 0.5 * SIGN(e) + (0.5 - q);
            }
            total += weight * loss;
            yhat = 0;
            for (ptrdiff_t j = 0; j < k; j++) {
                yhat += step[j];
                const double e = yhat - target, after = rest;
                rest -= 0.5 * SIGN(e) + (0.5 - quantiles[j]);
                step[j] = weight * (REAL)(scale * after)
                          * (j ? -FN(expm1)(-step[j]) : 1);
            }
        }
    }
    return total;
}

/* logsumexp(z) - z_y; y holds class numbers */
static inline ALWAYS_INLINE double FN(cross_entropy_of)(void *z_, const void *b_, const void *y_,
                                const void *w_, const ptrdiff_t *rows, ptrdiff_t m,
                                ptrdiff_t k, double scale)
{
    REAL *RESTRICT z = z_;
    const REAL *RESTRICT b = b_, *w = w_;
    const ptrdiff_t *y = y_;
    REAL chosen[BUFFERED], sum[BUFFERED];
    double total = 0;
    for (ptrdiff_t from = 0; from < m; from += BUFFERED, z += BUFFERED * k) {
        ptrdiff_t n = m - from < BUFFERED ? m - from : BUFFERED;
        for (ptrdiff_t i = 0; i < n; i++) {
            REAL *RESTRICT row = z + i * k, top = row[0] + b[0];
            for (ptrdiff_t j = 0; j < k; j++) {
                row[j] += b[j];
                top = row[j] > top ? row[j] : top;
            }
            for (ptrdiff_t j = 0; j < k; j++)
                row[j] -= top;
            chosen[i] = row[y[AT(from + i)]];
        }
        FN(apply_exp)(z, n * k);
        for (ptrdiff_t i = 0; i < n; i++) {
            REAL s = 0;
            SUM(s)
            for (ptrdiff_t j = 0; j < k; j++)
                s += z[i * k + j];
            REAL *RESTRICT row = z + i * k;
            REAL weight = (REAL)scale * (w ? w[AT(from + i)] : 1), factor = weight / s;
            for (ptrdiff_t j = 0; j < k; j++)
                row[j] *= factor;
            row[y[AT(from + i)]] -= weight;
            sum[i] = s;
        }
        FN(apply_log)(sum, n);
        for (ptrdiff_t i = 0; i < n; i++)
            total += (w ? w[AT(from + i)] : 1) * (sum[i] - chosen[i]);
    }
    return total;
}

#define CLASSES(count) \
    case count: return FN(cross_entropy_of)(z, b, y, w, rows, m, count, scale);

/* Loops over a few classes are faster where the compiler knows how many. */
static double FN(cross_entropy)(void *z, const void *b, const void *y, const void *w,
                                const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t k,
                                double scale, const double *parameters)
{
    (void)parameters;
    switch (k) {
        CLASSES(2) CLASSES(3) CLASSES(4) CLASSES(5) CLASSES(6)
        CLASSES(7) CLASSES(8) CLASSES(9) CLASSES(10)
    }
    return FN(cross_entropy_of)(z, b, y, w, rows, m, k, scale);
}
#undef CLASSES

/* As above plus s (z_y - mean(z)) */
static double FN(smoothed_cross_entropy)(void *z_, const void *b_, const void *y_,
                                         const void *w_, const ptrdiff_t *rows,
                                         ptrdiff_t m, ptrdiff_t k, double scale,
                                         const double *parameters)
{
    REAL *RESTRICT z = z_;
    const REAL *RESTRICT b = b_, *w = w_;
    const ptrdiff_t *y = y_;
    const REAL s = (REAL)parameters[0], share = s / k;
    double surplus = 0;
    for (ptrdiff_t i = 0; i < m; i++) {
        const REAL *row = z + i * k, weight = w ? w[AT(i)] : 1;
        REAL sum = 0;
        SUM(sum)
        for (ptrdiff_t j = 0; j < k; j++)
            sum += row[j] + b[j];
        surplus += weight * (s * (row[y[AT(i)]] + b[y[AT(i)]]) - share * sum);
    }
    double total = FN(cross_entropy)(z, b, y, w, rows, m, k, scale, parameters);
    for (ptrdiff_t i = 0; i < m; i++) {
        REAL *row = z + i * k, weight = (REAL)scale * (w ? w[AT(i)] : 1);
        for (ptrdiff_t j = 0; j < k; j++)
            row[j] -= weight * share;
        row[y[AT(i)]] += weight * s;
    }
    return total + surplus;
}

/* Gradients. */

#ifdef VECTOR_BYTES
/* sum <- the sum of m rows that are k numbers apart, in so many vectors of columns */
static inline ALWAYS_INLINE void FN(sum_vectors)(REAL *sum, const REAL *row, ptrdiff_t m,
                                                 ptrdiff_t k, const int vectors)
{
    V even[4], odd[4];
    for (int v = 0; v < vectors; v++)
        even[v] = odd[v] = (V){0};
    for (; m >= 2; m -= 2, row += 2 * k)
        for (int v = 0; v < vectors; v++) {
            even[v] += *(const V *)(row + v * VL);
            odd[v] += *(const V *)(row + k + v * VL);
        }
    for (int v = 0; v < vectors; v++) {
        if (m)
            even[v] += *(const V *)(row + v * VL);
        *(V *)(sum + v * VL) = even[v] + odd[v];
    }
}

/* The same for rows shorter than a vector. In its other numbers are those that follow a
   row; their sums are not used. */
static inline void FN(sum_short)(REAL *sum, const REAL *row, ptrdiff_t m, ptrdiff_t k)
{
    const ptrdiff_t whole = m * k < VL ? 0 : (m * k - VL) / k + 1;
    FN(sum_vectors)(sum, row, whole, k, 1);
    for (ptrdiff_t e = whole * k; e < m * k; e++)
        sum[e % k] += row[e];
}

static void FN(sum_rows)(void *out_, const void *delta_, ptrdiff_t m, ptrdiff_t k,
                         int add)
{
    REAL *out = out_, sum[4 * VL];
    const REAL *delta = delta_;
    for (ptrdiff_t j = 0, n; j < k; j += n) {
        ptrdiff_t from = j;
        n = k - j;
        if (n >= 4 * VL) {
            n = 4 * VL;
            FN(sum_vectors)(sum, delta + j, m, k, 4);
        } else if (n >= 2 * VL) {
            n = 2 * VL;
            FN(sum_vectors)(sum, delta + j, m, k, 2);
        } else if (k >= VL) { /* the last vector overlaps the one before */
            from = n < VL ? k - VL : j;
            n = n < VL ? n : VL;
            FN(sum_vectors)(sum, delta + from, m, k, 1);
        } else {
            FN(sum_short)(sum, delta, m, k);
        }
        for (ptrdiff_t e = j; e < j + n; e++)
            out[e] = sum[e - from] + (add ? out[e] : 0);
    }
}
#else
static void FN(sum_rows)(void *out_, const void *delta_, ptrdiff_t m, ptrdiff_t k,
                         int add)
{
    REAL *RESTRICT out = out_;
    const REAL *RESTRICT delta = delta_;
    if (!add)
        memset(out, 0, k * sizeof(REAL));
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t j = 0; j < k; j++)
            out[j] += delta[i * k + j];
}
#endif

static double FN(penalise)(void *g_, const void *W_, double l2, ptrdiff_t n)
{
    REAL *RESTRICT g = g_;
    const REAL *RESTRICT W = W_;
    const REAL factor = (REAL)l2;
    REAL squares = 0;
    SUM(squares)
    for (ptrdiff_t i = 0; i < n; i++) {
        squares += W[i] * W[i];
        g[i] += factor * W[i];
    }
    return squares;
}

static double FN(largest)(const void *x_, ptrdiff_t n)
{
    const REAL *x = x_;
    REAL top = 0, sound = 0;
    HIGHEST(top)
    for (ptrdiff_t i = 0; i < n; i++)
        top = FABS(x[i]) > top ? FABS(x[i]) : top;
    SUM(sound)
    for (ptrdiff_t i = 0; i < n; i++)
        sound += 0 * x[i];
    return top + sound;
}

#include "solvers_impl.h"

#ifdef VECTOR_BYTES
#include "products_impl.h"
#endif

/* Sparse rows. */

#define INDEX(array, i) \
    (X->wide ? (ptrdiff_t)((const int64_t *)(array))[i] : ((const int32_t *)(array))[i])

static void FN(sparse_forward)(void *z_, const SparseRows *X, const ptrdiff_t *rows,
                               ptrdiff_t first, ptrdiff_t m, const void *W_,
                               ptrdiff_t k)
{
    REAL *RESTRICT z = z_;
    const REAL *RESTRICT W = W_, *data = X->data;
    for (ptrdiff_t i = 0; i < m; i++, z += k) {
        ptrdiff_t row = rows ? rows[i] : first + i;
        ptrdiff_t end = INDEX(X->indptr, row + 1);
        memset(z, 0, k * sizeof(REAL));
        ptrdiff_t e = INDEX(X->indptr, row);
        for (; e + 1 < end; e += 2) { /* two elements per pass over z */
            const REAL x = data[e], *RESTRICT weights = W + INDEX(X->indices, e) * k;
            const REAL x_1 = data[e + 1];
            const REAL *RESTRICT weights_1 = W + INDEX(X->indices, e + 1) * k;
            for (ptrdiff_t j = 0; j < k; j++)
                z[j] += x * weights[j] + x_1 * weights_1[j];
        }
        if (e < end) {
            const REAL x = data[e], *RESTRICT weights = W + INDEX(X->indices, e) * k;
            for (ptrdiff_t j = 0; j < k; j++)
                z[j] += x * weights[j];
        }
    }
}

static void FN(sparse_backward)(void *g_, const SparseRows *X, const ptrdiff_t *rows,
                                ptrdiff_t first, ptrdiff_t m, const void *delta_,
                                ptrdiff_t k)
{
    REAL *RESTRICT g = g_;
    const REAL *RESTRICT delta = delta_, *data = X->data;
    for (ptrdiff_t i = 0; i < m; i++, delta += k) {
        ptrdiff_t row = rows ? rows[i] : first + i;
        ptrdiff_t end = INDEX(X->indptr, row + 1);
        for (ptrdiff_t e = INDEX(X->indptr, row); e < end; e++) {
            const REAL x = data[e];
            REAL *RESTRICT gradients = g + INDEX(X->indices, e) * k;
            for (ptrdiff_t j = 0; j < k; j++)
                gradients[j] += x * delta[j];
        }
    }
}

static const Loops FN(loops) = {
    .size = sizeof(REAL),
    .apply = {
        [EXP] = FN(apply_exp),
        [EXPM1] = FN(apply_expm1),
        [LOG] = FN(apply_log),
        [LOG1P] = FN(apply_log1p),
        [TANH_OF] = FN(apply_tanh),
        [NDTR] = FN(apply_ndtr),
        [ROOT] = FN(apply_root),
    },
    .gather = FN(gather),
    .makes_slopes = {[GELU] = 1, [SILU] = 1, [MISH] = 1, [SOFTPLUS] = 1},
    .forward = {
        [IDENTITY] = FN(identity_forward),
        [LOGISTIC] = FN(logistic_forward),
        [TANH] = FN(tanh_forward),
        [RELU] = FN(relu_forward),
        [LEAKY_RELU] = FN(leaky_relu_forward),
        [ELU] = FN(elu_forward),
        [SELU] = FN(selu_forward),
        [GELU] = FN(gelu_forward),
        [SILU] = FN(silu_forward),
        [MISH] = FN(mish_forward),
        [SOFTPLUS] = FN(softplus_forward),
    },
    .backward = {
        [IDENTITY] = FN(identity_backward),
        [LOGISTIC] = FN(logistic_backward),
        [TANH] = FN(tanh_backward),
        [RELU] = FN(relu_backward),
        [LEAKY_RELU] = FN(leaky_relu_backward),
        [ELU] = FN(elu_backward),
        [SELU] = FN(selu_backward),
        [GELU] = FN(slopes_backward),
        [SILU] = FN(slopes_backward),
        [MISH] = FN(slopes_backward),
        [SOFTPLUS] = FN(slopes_backward),
    },
    .drop = FN(drop),
    .loss = {
        [SQUARED_ERROR] = FN(squared_error),
        [ABSOLUTE_ERROR] = FN(absolute_error),
        [HUBER] = FN(huber),
        [POISSON] = FN(poisson),
        [GAMMA] = FN(gamma),
        [QUANTILE] = FN(quantile),
        [SEVERAL_QUANTILES] = FN(several_quantiles),
        [BINARY_CROSS_ENTROPY] = FN(binary_cross_entropy),
        [SMOOTHED_BINARY_CROSS_ENTROPY] = FN(smoothed_binary_cross_entropy),
        [CROSS_ENTROPY] = FN(cross_entropy),
        [SMOOTHED_CROSS_ENTROPY] = FN(smoothed_cross_entropy),
    },
    .sum_rows = FN(sum_rows),
    .penalise = FN(penalise),
    .step = {
        [DESCENT] = FN(descent),
        [MOMENTUM] = FN(momentum),
        [NESTEROV] = FN(nesterov),
        [ADAGRAD] = FN(adagrad),
        [RMSPROP] = FN(rmsprop),
        [ADAM] = FN(adam),
        [ADADELTA] = FN(adadelta),
        [RMSPROP_NESTEROV] = FN(rmsprop_nesterov),
        [CENTERED_RMSPROP] = FN(centered_rmsprop),
        [AMSGRAD] = FN(amsgrad),
        [ADAMAX] = FN(adamax),
        [NADAM] = FN(nadam),
        [RADAM] = FN(radam),
        [YOGI] = FN(yogi),
        [ADABELIEF] = FN(adabelief),
        [ADAN] = FN(adan),
        [LION] = FN(lion),
        [SCHEDULE_FREE_ADAMW] = FN(schedule_free_adamw),
    },
    .look_ahead = {
        [NESTEROV] = FN(look_ahead_nesterov),
        [RMSPROP_NESTEROV] = FN(look_ahead_rmsprop_nesterov),
        [SCHEDULE_FREE_ADAMW] = FN(look_ahead_schedule_free_adamw),
    },
    .sparse_forward = FN(sparse_forward),
    .sparse_backward = FN(sparse_backward),
    .largest = FN(largest),
#ifdef VECTOR_BYTES
    .product = FN(product),
    .pack_panels = FN(pack_panels),
    .product_of_panels = FN(product_of_panels),
    .transpose = FN(transpose),
    .vector = VECTOR_BYTES / sizeof(REAL),
    .panel = TILE_VECTORS * VECTOR_BYTES / sizeof(REAL),
    .largest_product = LARGEST_PRODUCT,
#endif
};

#undef FN
#undef BITS
#undef MANTISSA
#undef ROUNDER
#undef C
#undef SQRT
#undef FABS
#undef LEAST
#undef EXP_HIGHEST
#undef EXP_LOWEST
#undef SELU_ALPHA
#undef SELU_SCALE
#undef SHORT_ROW
#undef LOOP
#undef SUM
#undef HIGHEST
#undef BUFFERED
#undef AT_HAND
#undef AT
#undef INDEX
#undef SIGN
#undef V
#undef VL
