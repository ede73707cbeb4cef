/* What an update does besides the formula of the solver: the L1 penalty as in
   skoptnet.training.l1_penalty, the norm of the gradient, the average of the weights. */
#ifndef SKOPTNET_UPDATES_H
#define SKOPTNET_UPDATES_H

#include "types.h"

/* Numbers that are summed up in the precision of REAL. */
#define SUMMED 4096

static double subgradient(void *g_, void *orthant_, const void *W_, const void *point_,
                          double l1_, double l2_, ptrdiff_t n, double *squares)
{
    REAL *RESTRICT g = g_, *RESTRICT orthant = orthant_;
    const REAL *W = W_, *point = point_;
    const REAL l1 = (REAL)l1_, l2 = (REAL)l2_;
    REAL absolute = 0, square = 0;
    LOOP(omp simd reduction(+ : absolute, square))
    for (ptrdiff_t i = 0; i < n; i++) {
        /* What L1 takes from the slope: the number between these that is closest to it.
           Both are -l1 sign(W), unless W is 0. */
        const REAL least = W[i] < 0 ? l1 : -l1, most = W[i] > 0 ? -l1 : l1;
        const REAL slope = g[i] + l2 * point[i], above = slope > least ? slope : least;
        const REAL shortest = slope - (above < most ? above : most);
        g[i] = shortest;
        orthant[i] = W[i] == 0 ? 0 - shortest : W[i];
        square += point[i] * point[i];
        absolute += FABS(W[i]);
    }
    *squares += square;
    return absolute;
}

static void find_orthant(void *orthant_, const void *W_, const void *g_, ptrdiff_t n)
{
    REAL *RESTRICT orthant = orthant_;
    const REAL *RESTRICT W = W_, *RESTRICT g = g_;
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL downhill = 0 - g[i];
        orthant[i] = W[i] == 0 ? downhill : W[i];
    }
}

/* x may be W. */
static void keep_in_orthant(void *x_, const void *W_, const void *orthant_, ptrdiff_t n)
{
    REAL *x = x_;
    const REAL *W = W_, *RESTRICT orthant = orthant_;
    LOOP(omp simd)
    for (ptrdiff_t i = 0; i < n; i++) {
        const REAL not_positive = orthant[i] < 0 ? -W[i] : orthant[i];
        const REAL inside = orthant[i] > 0 ? W[i] : not_positive;
        x[i] = inside <= 0 ? 0 : x[i];
    }
}

static double sum_of_squares(const void *x_, ptrdiff_t n)
{
    const REAL *x = x_;
    double total = 0;
    for (ptrdiff_t start = 0, end; start < n; start = end) {
        REAL sum = 0;
        end = n - start < SUMMED ? n : start + SUMMED;
        SUM(sum)
        for (ptrdiff_t i = start; i < end; i++)
            sum += x[i] * x[i];
        total += sum;
    }
    return total;
}

static double norm_of(double squares)
{
    return SQRT((REAL)squares);
}

static void divide(void *x_, double divisor_, ptrdiff_t n)
{
    REAL *x = x_;
    const REAL divisor = (REAL)divisor_;
    for (ptrdiff_t i = 0; i < n; i++)
        x[i] /= divisor;
}

static void average(void *mean_, const void *x_, double share_, ptrdiff_t n)
{
    REAL *RESTRICT mean = mean_;
    const REAL *RESTRICT x = x_;
    const REAL share = (REAL)share_, rest = (REAL)(1 - share_);
    for (ptrdiff_t i = 0; i < n; i++)
        mean[i] = rest * mean[i] + share * x[i];
}

#endif
