/* Sums and maxima: the gradient of the biases, the penalty, the largest number. */
#ifndef SKOPTNET_REDUCTIONS_H
#define SKOPTNET_REDUCTIONS_H

#include "types.h"

#ifdef VECTOR_BYTES
/* sum <- the sum of m rows that begin k numbers apart; a row is the given number of
   vectors */
static inline ALWAYS_INLINE void sum_vectors(REAL *sum, const REAL *row, ptrdiff_t m,
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

/* The same for rows shorter than a vector, which then holds some of the next row, too;
   those sums are not used. */
static inline void sum_short(REAL *sum, const REAL *row, ptrdiff_t m, ptrdiff_t k)
{
    const ptrdiff_t whole = m * k < VL ? 0 : (m * k - VL) / k + 1;
    sum_vectors(sum, row, whole, k, 1);
    for (ptrdiff_t e = whole * k; e < m * k; e++)
        sum[e % k] += row[e];
}

static void sum_rows(void *out_, const void *delta_, ptrdiff_t m, ptrdiff_t k,
                     int add)
{
    REAL *out = out_, sum[4 * VL];
    const REAL *delta = delta_;
    for (ptrdiff_t j = 0, n; j < k; j += n) {
        ptrdiff_t from = j;
        n = k - j;
        if (n >= 4 * VL) {
            n = 4 * VL;
            sum_vectors(sum, delta + j, m, k, 4);
        } else if (n >= 2 * VL) {
            n = 2 * VL;
            sum_vectors(sum, delta + j, m, k, 2);
        } else if (k >= VL) { /* the last vector overlaps the one before */
            from = n < VL ? k - VL : j;
            n = n < VL ? n : VL;
            sum_vectors(sum, delta + from, m, k, 1);
        } else {
            sum_short(sum, delta, m, k);
        }
        for (ptrdiff_t e = j; e < j + n; e++)
            out[e] = sum[e - from] + (add ? out[e] : 0);
    }
}
#else
static void sum_rows(void *out_, const void *delta_, ptrdiff_t m, ptrdiff_t k,
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

static double penalise(void *g_, const void *W_, double l2, ptrdiff_t n,
                       double *g_squares)
{
    REAL *RESTRICT g = g_;
    const REAL *RESTRICT W = W_;
    const REAL factor = (REAL)l2;
    REAL squares = 0, sum = 0;
    LOOP(omp simd reduction(+ : squares, sum))
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL slope = g[i] + factor * W[i];
        squares += W[i] * W[i];
        sum += slope * slope;
        g[i] = slope;
    }
    *g_squares += sum;
    return squares;
}

/* Numbers without their sign are in the order of their bits, NaN and infinity last.
   Compilers may vectorise this maximum, unlike one of numbers that may be NaN. */
static double largest(const void *x_, ptrdiff_t n)
{
    const REAL *x = x_;
    BITS top = 0;
    HIGHEST(top)
    for (ptrdiff_t i = 0; i < n; i++) {
        const BITS size = bits_of(FABS(x[i]));
        top = size > top ? size : top;
    }
    return real_of(top) + 0 * real_of(top);
}

#endif
