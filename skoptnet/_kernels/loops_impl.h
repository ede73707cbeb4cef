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
#else
#define BITS uint32_t
#define MANTISSA 23
#define ROUNDER 0x1.8p23f
#define C(x) x##f
#define SQRT sqrtf
#define FABS fabsf
#endif

/* So many columns are summed at a time. */
#define LANES 32
/* Sums and maxima in any order, so that they are vectors, too. */
#ifdef __GNUC__
#define LOOP(text) _Pragma(#text)
#else
#define LOOP(text)
#endif
#define SUM(x) LOOP(omp simd reduction(+ : x))
#define HIGHEST(x) LOOP(omp simd reduction(max : x))
/* So many numbers are collected on the stack at a time. */
#define CHUNK 256
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

/* exp, log and tanh. Arguments are reduced as usual (Cody and Waite, 1980); the
   polynomials are near-minimax fits, whose error is far below the rounding. */

/* e^r - 1 for |r| <= ln(2) / 2 */
static inline REAL FN(expm1_near)(REAL r)
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
    return r + r * r * q;
}

/* x = n ln(2) + r; the bits of t, shifted left by MANTISSA, are n in the exponent */
static inline REAL FN(reduce)(REAL x, REAL *t)
{
    *t = x * C(1.4426950408889634074) + ROUNDER;
    REAL n = *t - ROUNDER;
#ifdef REAL_IS_DOUBLE
    return (x - n * 0.69314717967063188553) - n * 8.8931342388866766833e-10;
#else
    return (x - n * 0.693115234375f) - n * 3.1946184945309417e-5f;
#endif
}

/* Below the smallest normal number the result is 0. */
static inline REAL FN(exp)(REAL x)
{
#ifdef REAL_IS_DOUBLE
    const REAL highest = 709.782712893383973, lowest = -708.396418532264106;
#else
    const REAL highest = 88.7228317260742188f, lowest = -87.3365447505531f;
#endif
    REAL t, r = FN(reduce)(x, &t);
    BITS power = FN(bits)(t) << MANTISSA;
    REAL y = FN(real)(FN(bits)(1 + FN(expm1_near)(r)) + power);
    y = x > highest ? (REAL)INFINITY : y;
    y = x < lowest ? 0 : y;
    return x != x ? x : y;
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
    REAL r = FN(reduce)(a, &t);
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

/* sqrt(r) for r >= 0. A processor that takes 8 numbers in a vector takes the root of each
   by itself all the same, so multiplications are faster there: 1 / sqrt(r) from half the
   exponent, then two steps of Householder's. */
static inline REAL FN(root)(REAL r)
{
#if defined(REAL_IS_DOUBLE) && defined(ROOTS_ARE_SLOW)
    REAL y = FN(real)(0x5fe6eb50c7b537a9 - (FN(bits)(r) >> 1));
    REAL h = 1 - r * y * y;
    y += y * h * (0.5 + h * (0.375 + h * (0.3125 + h * 0.2734375)));
    h = 1 - r * y * y;
    y += y * h * (0.5 + h * 0.375);
    return r == (REAL)INFINITY ? r : r * y;
#else
    return SQRT(r);
#endif
}

#define APPLY(name)                                              \
    static void FN(apply_##name)(void *x_, ptrdiff_t n)          \
    {                                                            \
        REAL *x = x_;                                            \
        for (ptrdiff_t i = 0; i < n; i++)                        \
            x[i] = FN(name)(x[i]);                               \
    }
APPLY(exp)
APPLY(log)
APPLY(log1p)
APPLY(tanh)
APPLY(root)
#undef APPLY

static void FN(gather)(void *out_, const void *X_, const ptrdiff_t *rows, ptrdiff_t m,
                       ptrdiff_t d)
{
    REAL *out = out_;
    const REAL *X = X_;
    for (ptrdiff_t i = 0; i < m; i++)
        memcpy(out + i * d, X + rows[i] * d, d * sizeof(REAL));
}

/* Activations: forward adds the bias, too, while z is at hand. What is left of a row when
   its vectors are full is slow, so the function goes over several rows as over one. */

static inline void FN(add_to_rows)(REAL *RESTRICT z, const REAL *RESTRICT b, ptrdiff_t m,
                                   ptrdiff_t k)
{
    for (ptrdiff_t i = 0; i < m; i++, z += k)
        for (ptrdiff_t j = 0; j < k; j++)
            z[j] += b[j];
}

#define FORWARD(name, value)                                                      \
    static void FN(name##_forward)(void *z_, const void *b, ptrdiff_t m,          \
                                   ptrdiff_t k)                                   \
    {                                                                             \
        REAL *z = z_;                                                             \
        ptrdiff_t rows = k < AT_HAND ? AT_HAND / k : 1;                           \
        for (; m > 0; m -= rows, z += rows * k) {                                 \
            rows = rows < m ? rows : m;                                           \
            FN(add_to_rows)(z, b, rows, k);                                       \
            for (ptrdiff_t i = 0; i < rows * k; i++) {                            \
                REAL x = z[i];                                                    \
                z[i] = value;                                                     \
            }                                                                     \
        }                                                                         \
    }
#define BACKWARD(name, value)                                                     \
    static void FN(name##_backward)(void *delta_, const void *a_, ptrdiff_t n)    \
    {                                                                             \
        REAL *RESTRICT delta = delta_;                                            \
        const REAL *RESTRICT a = a_;                                              \
        for (ptrdiff_t i = 0; i < n; i++)                                         \
            delta[i] = value;                                                     \
    }

FORWARD(identity, x)
FORWARD(logistic, FN(sigmoid)(x, FN(exp)(-FABS(x))))
FORWARD(tanh, FN(tanh)(x))
FORWARD(relu, x < 0 ? 0 : x)

static void FN(identity_backward)(void *delta, const void *a, ptrdiff_t n)
{
    (void)delta, (void)a, (void)n;
}
BACKWARD(logistic, delta[i] * (a[i] * (1 - a[i])))
BACKWARD(tanh, delta[i] * (1 - a[i] * a[i]))
BACKWARD(relu, delta[i] * (a[i] > 0 ? 1 : 0))
#undef FORWARD
#undef BACKWARD

/* Losses. `at` is the row of the training set that row i of the minibatch is. */
#define AT(i) (rows ? rows[i] : (i))

static double FN(squared_error)(void *z_, const void *b_, const void *y_,
                                const void *w_, const ptrdiff_t *rows, ptrdiff_t m,
                                ptrdiff_t k, double scale)
{
    REAL *RESTRICT z = z_;
    const REAL *b = b_, *y = y_, *w = w_;
    double total = 0;
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

/* softplus(z) - y z for each label; elements are collected in chunks of vectors. */
static double FN(binary_cross_entropy)(void *z_, const void *b_, const void *y_,
                                       const void *w_, const ptrdiff_t *rows,
                                       ptrdiff_t m, ptrdiff_t k, double scale)
{
    REAL *RESTRICT z = z_;
    const REAL *b = b_, *y = y_, *w = w_;
    REAL target[CHUNK], weight[CHUNK], value[CHUNK];
    double total = 0;
    ptrdiff_t i = 0, j = 0;
    for (ptrdiff_t from = 0; from < m * k; from += CHUNK, z += CHUNK) {
        ptrdiff_t n = m * k - from < CHUNK ? m * k - from : CHUNK;
        for (ptrdiff_t e = 0; e < n; e++) {
            target[e] = y[AT(i) * k + j];
            weight[e] = w ? w[AT(i)] : 1;
            z[e] += b[j];
            if (++j == k)
                j = 0, i++;
        }
        for (ptrdiff_t e = 0; e < n; e++) {
            REAL x = z[e], small = FN(exp)(-FABS(x));
            value[e] = weight[e] * ((x > 0 ? x : x * 0) + FN(log1p)(small)
                                    - target[e] * x);
            z[e] = weight[e] * (REAL)scale * (FN(sigmoid)(x, small) - target[e]);
        }
        REAL sum = 0;
        SUM(sum)
        for (ptrdiff_t e = 0; e < n; e++)
            sum += value[e];
        total += sum;
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
    REAL chosen[CHUNK], sum[CHUNK];
    double total = 0;
    for (ptrdiff_t from = 0; from < m; from += CHUNK, z += CHUNK * k) {
        ptrdiff_t n = m - from < CHUNK ? m - from : CHUNK;
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
                                double scale)
{
    switch (k) {
        CLASSES(2) CLASSES(3) CLASSES(4) CLASSES(5) CLASSES(6)
        CLASSES(7) CLASSES(8) CLASSES(9) CLASSES(10)
    }
    return FN(cross_entropy_of)(z, b, y, w, rows, m, k, scale);
}
#undef CLASSES

/* Gradients. */

static void FN(sum_rows)(void *out_, const void *delta_, ptrdiff_t m, ptrdiff_t k,
                         int add)
{
    REAL *RESTRICT out = out_;
    const REAL *RESTRICT delta = delta_;
    if (!add)
        memset(out, 0, k * sizeof(REAL));
    ptrdiff_t j = 0;
    for (; j + LANES <= k; j += LANES) {
        REAL part[LANES] = {0};
        for (ptrdiff_t i = 0; i < m; i++)
            for (int lane = 0; lane < LANES; lane++)
                part[lane] += delta[i * k + j + lane];
        for (int lane = 0; lane < LANES; lane++)
            out[j + lane] += part[lane];
    }
    for (ptrdiff_t i = 0; i < m; i++)
        for (ptrdiff_t rest = j; rest < k; rest++)
            out[rest] += delta[i * k + rest];
}

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

/* Solvers, as skoptnet.optimizers writes them. The penalty's share of the gradient is
   added on the way, at the point where the gradient was taken. */

#define STEP(name, point, numbers, formula)                                         \
    static double FN(name)(void *theta_, const void *g_, void *first_,              \
                           void *second_, void *ahead_, ptrdiff_t n, double l2,     \
                           const StepNumbers *p)                                    \
    {                                                                               \
        REAL *RESTRICT theta = theta_, *RESTRICT first = first_;                    \
        REAL *RESTRICT second = second_, *RESTRICT ahead = ahead_;                  \
        const REAL *RESTRICT gradient = g_;                                         \
        const REAL eps = (REAL)p->eps, factor = (REAL)l2;                           \
        REAL squares = 0;                                                           \
        (void)first, (void)second, (void)ahead, (void)eps;                          \
        numbers;                                                                    \
        SUM(squares)                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                         \
            const REAL W = point[i], g = gradient[i] + factor * W;                  \
            squares += W * W;                                                       \
            formula                                                                 \
        }                                                                           \
        return squares;                                                             \
    }

STEP(descent, theta, , { theta[i] -= eps * g; })

STEP(momentum, theta, const REAL alpha = (REAL)p->momentum, {
    REAL v = alpha * first[i] - eps * g;
    first[i] = v;
    theta[i] += v;
})

/* The next gradient is taken ahead of theta. */
STEP(nesterov, ahead, const REAL alpha = (REAL)p->momentum, {
    REAL v = alpha * first[i] - eps * g;
    first[i] = v;
    theta[i] += v;
    ahead[i] = theta[i] + alpha * v;
})

STEP(adagrad, theta, const REAL delta = (REAL)p->delta, {
    REAL r = first[i] + g * g;
    first[i] = r;
    theta[i] -= eps * g / (delta + FN(root)(r));
})

STEP(rmsprop, theta, const REAL rho = (REAL)p->rho_1;
     const REAL rest = (REAL)(1 - p->rho_1); const REAL delta = (REAL)p->delta, {
    REAL r = rho * first[i] + rest * g * g;
    first[i] = r;
    theta[i] -= eps * g / FN(root)(delta + r);
})

STEP(adam, theta, const REAL rho_1 = (REAL)p->rho_1; const REAL rho_2 = (REAL)p->rho_2;
     const REAL rest_1 = (REAL)(1 - p->rho_1); const REAL rest_2 = (REAL)(1 - p->rho_2);
     const REAL rate = (REAL)(p->eps / p->correction_1);
     const REAL correction = (REAL)(1 / p->correction_2);
     const REAL delta = (REAL)p->delta, {
    REAL s = rho_1 * first[i] + rest_1 * g;
    REAL r = rho_2 * second[i] + rest_2 * g * g;
    first[i] = s;
    second[i] = r;
    theta[i] -= rate * s / (FN(root)(r * correction) + delta);
})
#undef STEP

static void FN(look_ahead)(void *ahead_, const void *theta_, const void *v_,
                           ptrdiff_t n, double momentum)
{
    REAL *RESTRICT ahead = ahead_;
    const REAL *RESTRICT theta = theta_, *RESTRICT v = v_;
    const REAL alpha = (REAL)momentum;
    for (ptrdiff_t i = 0; i < n; i++)
        ahead[i] = theta[i] + alpha * v[i];
}

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
        for (ptrdiff_t e = INDEX(X->indptr, row); e < end; e++) {
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
    .apply = {FN(apply_exp), FN(apply_log), FN(apply_log1p), FN(apply_tanh),
              FN(apply_root)},
    .gather = FN(gather),
    .forward = {FN(identity_forward), FN(logistic_forward), FN(tanh_forward),
                FN(relu_forward)},
    .backward = {FN(identity_backward), FN(logistic_backward), FN(tanh_backward),
                 FN(relu_backward)},
    .loss = {FN(squared_error), FN(binary_cross_entropy), FN(cross_entropy)},
    .sum_rows = FN(sum_rows),
    .penalise = FN(penalise),
    .step = {FN(descent), FN(momentum), FN(nesterov), FN(adagrad), FN(rmsprop),
             FN(adam)},
    .look_ahead = FN(look_ahead),
    .sparse_forward = FN(sparse_forward),
    .sparse_backward = FN(sparse_backward),
    .largest = FN(largest),
#ifdef VECTOR_BYTES
    .product = FN(product),
    .lay_out_panels = FN(lay_out_panels),
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
#undef LANES
#undef LOOP
#undef SUM
#undef HIGHEST
#undef CHUNK
#undef AT_HAND
#undef AT
#undef INDEX
