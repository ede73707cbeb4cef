/* Losses: the weighted sum over a minibatch, and z turned into its gradient. */
#ifndef SKOPTNET_LOSSES_H
#define SKOPTNET_LOSSES_H

#include "functions.h"
#include "rows.h"

/* The row of the training set that is row i of the minibatch. */
#define AT(i) (rows ? rows[i] : (i))

#define LOSS(name)                                                         \
    static double name##_loss(void *z_, const void *b_, const void *y_,    \
                              const void *w_, const ptrdiff_t *rows,       \
                              ptrdiff_t m, ptrdiff_t k, double scale,      \
                              const double *parameters)

LOSS(squared_error)
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

/* A loss that is a sum over outputs: given x = z + b and a target t, `formula` sets the
   term and its slope; `numbers` declares the parameters. */
#define SUM_OF_TERMS(name, numbers, formula)                                      \
    LOSS(name)                                                                    \
    {                                                                             \
        REAL *RESTRICT z = z_;                                                    \
        const REAL *b = b_, *y = y_, *w = w_;                                     \
        REAL target[BUFFERED], weight[BUFFERED], value[BUFFERED];                 \
        double total = 0;                                                         \
        ptrdiff_t i = 0, j = 0;                                                   \
        (void)parameters;                                                         \
        numbers                                                                   \
        for (ptrdiff_t from = 0; from < m * k; from += BUFFERED, z += BUFFERED) { \
            ptrdiff_t n = m * k - from < BUFFERED ? m * k - from : BUFFERED;      \
            for (ptrdiff_t e = 0; e < n; e++) {                                   \
                target[e] = y[AT(i) * k + j];                                     \
                weight[e] = w ? w[AT(i)] : 1;                                     \
                z[e] += b[j];                                                     \
                if (++j == k)                                                     \
                    j = 0, i++;                                                   \
            }                                                                     \
            for (ptrdiff_t e = 0; e < n; e++) {                                   \
                const REAL x = z[e], t = target[e];                               \
                REAL term, slope;                                                 \
                formula                                                           \
                value[e] = weight[e] * term;                                      \
                z[e] = weight[e] * (REAL)scale * slope;                           \
            }                                                                     \
            REAL sum = 0;                                                         \
            SUM(sum)                                                              \
            for (ptrdiff_t e = 0; e < n; e++)                                     \
                sum += value[e];                                                  \
            total += sum;                                                         \
        }                                                                         \
        return total;                                                             \
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

/* y (e^u - 1 - u) for y > 0, with u = z - log y; else e^z. For a small y, e^u may
   overflow where y e^u, which is e^z, does not. */
SUM_OF_TERMS(poisson, , {
    const REAL some = t > 0 ? t : 1;
    const REAL u = x - real_log(some);
    const REAL mean = real_exp(x);
    REAL less;
    expm1_and_less(u, &less);
    term = some * less < (REAL)INFINITY ? some * less : mean - t * (1 + u);
    term = t > 0 ? term : mean;
    slope = mean - t;
})

/* e^u - 1 - u with u = log y - z. A subnormal y would be taken for 0. */
SUM_OF_TERMS(gamma, , {
    const REAL u = real_log(t < LEAST ? LEAST : t) - x;
    slope = -expm1_and_less(u, &term);
})

SUM_OF_TERMS(quantile, const REAL q = (REAL)parameters[0];, {
    const REAL e = x - t;
    term = e > 0 ? (1 - q) * e : -q * e;
    slope = C(0.5) * SIGN(e) + (C(0.5) - q);
})

/* softplus(z) - y z for each label */
SUM_OF_TERMS(binary_cross_entropy, , {
    const REAL small = real_exp(-FABS(x));
    term = (x > 0 ? x : x * 0) + real_log1p(small) - t * x;
    slope = sigmoid(x, small) - t;
})

SUM_OF_TERMS(smoothed_binary_cross_entropy, const REAL s = (REAL)parameters[0];, {
    const REAL small = real_exp(-FABS(x));
    const REAL label = (1 - s) * t + C(0.5) * s;
    term = (x > 0 ? x : x * 0) + real_log1p(small) - label * x;
    slope = sigmoid(x, small) - label;
})

/* Several quantiles of one target: yhat_1 = z_1, yhat_i = yhat_{i-1} + softplus(z_i).
   Two loops over a row: one for the sum of all dL/dyhat, one for the sums from each
   quantile on. */
LOSS(several_quantiles)
{
    REAL *RESTRICT z = z_;
    const REAL *y = y_, *w = w_;
    REAL first[BUFFERED];
    double total = 0;
    for (ptrdiff_t from = 0; from < m; from += BUFFERED, z += BUFFERED * k) {
        ptrdiff_t n = m - from < BUFFERED ? m - from : BUFFERED;
        add_to_rows(z, b_, n, k);
        for (ptrdiff_t i = 0; i < n; i++)
            first[i] = z[i * k];
        for (ptrdiff_t e = 0; e < n * k; e++)
            z[e] = softplus(z[e], real_exp(-FABS(z[e])));
        for (ptrdiff_t i = 0; i < n; i++) {
            REAL *step = z + i * k, yhat = 0;
            const REAL target = y[AT(from + i)], weight = w ? w[AT(from + i)] : 1;
            double loss = 0, rest = 0;
            step[0] = first[i];
            for (ptrdiff_t j = 0; j < k; j++) {
                yhat += step[j];
                const double e = yhat - target, q = parameters[j];
                loss += e > 0 ? (1 - q) * e : -q * e;
                rest += 0.5 * SIGN(e) + (0.5 - q);
            }
            total += weight * loss;
            yhat = 0;
            for (ptrdiff_t j = 0; j < k; j++) {
                yhat += step[j];
                const double e = yhat - target, after = rest;
                rest -= 0.5 * SIGN(e) + (0.5 - parameters[j]);
                step[j] = weight * (REAL)(scale * after)
                          * (j ? -real_expm1(-step[j]) : 1);
            }
        }
    }
    return total;
}

/* logsumexp(z) - z_y, where y holds class numbers */
static inline ALWAYS_INLINE double
cross_entropy_of(void *z_, const void *b_, const void *y_, const void *w_,
                 const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t k, double scale)
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
        apply_exp(z, n * k);
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
        apply_log(sum, n);
        for (ptrdiff_t i = 0; i < n; i++)
            total += (w ? w[AT(from + i)] : 1) * (sum[i] - chosen[i]);
    }
    return total;
}

#define CLASSES(count) \
    case count: return cross_entropy_of(z_, b_, y_, w_, rows, m, count, scale);

/* Loops over few classes are faster if the compiler knows their number. */
LOSS(cross_entropy)
{
    (void)parameters;
    switch (k) {
        CLASSES(2) CLASSES(3) CLASSES(4) CLASSES(5) CLASSES(6)
        CLASSES(7) CLASSES(8) CLASSES(9) CLASSES(10)
    }
    return cross_entropy_of(z_, b_, y_, w_, rows, m, k, scale);
}

/* the same plus s (z_y - mean(z)) */
LOSS(smoothed_cross_entropy)
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
    double total = cross_entropy_loss(z_, b_, y_, w_, rows, m, k, scale, parameters);
    for (ptrdiff_t i = 0; i < m; i++) {
        REAL *row = z + i * k, weight = (REAL)scale * (w ? w[AT(i)] : 1);
        for (ptrdiff_t j = 0; j < k; j++)
            row[j] -= weight * share;
        row[y[AT(i)]] += weight * s;
    }
    return total + surplus;
}

#endif
