/* Activations: sigma(z + b), and delta times sigma'(z). */
#ifndef SKOPTNET_ACTIVATIONS_H
#define SKOPTNET_ACTIVATIONS_H

#include "functions.h"
#include "rows.h"

#define SELU_ALPHA C(1.6732632423543772848)
#define SELU_SCALE C(1.0507009873554804934)

/* Numbers that stay in the first-level cache until they are used again. */
#define CACHED 2048

/* Adds the bias, unless the product did, and applies a formula. Numbers that do not
   fill a vector are slow, so the formula goes over several rows as over one. */
#define ROWS_IN_CACHE(next, formula)                \
    ptrdiff_t rows = k < CACHED ? CACHED / k : 1;   \
    for (; m > 0; m -= rows, z += rows * k, next) { \
        rows = rows < m ? rows : m;                 \
        if (b)                                      \
            add_to_rows(z, b, rows, k);             \
        for (ptrdiff_t i = 0; i < rows * k; i++) {  \
            REAL x = z[i];                          \
            formula                                 \
        }                                           \
    }

#define FORWARD(name, value)                                               \
    static void name##_forward(void *z_, void *slopes, const void *b,      \
                               ptrdiff_t m, ptrdiff_t k, double parameter) \
    {                                                                      \
        REAL *z = z_;                                                      \
        const REAL p = (REAL)parameter;                                    \
        (void)slopes, (void)p;                                             \
        ROWS_IN_CACHE((void)0, { z[i] = value; })                          \
    }

#define BACKWARD(name, value)                                              \
    static void name##_backward(void *delta_, const void *a_, ptrdiff_t n, \
                                double parameter)                          \
    {                                                                      \
        REAL *RESTRICT delta = delta_;                                     \
        const REAL *RESTRICT a = a_;                                       \
        const REAL p = (REAL)parameter;                                    \
        (void)p;                                                           \
        for (ptrdiff_t i = 0; i < n; i++)                                  \
            delta[i] = value;                                              \
    }

/* Where sigma and sigma' share `numbers`. */
#define FORWARD_WITH_SLOPES(name, numbers, value, slope)                   \
    static void name##_forward(void *z_, void *slopes_, const void *b,     \
                               ptrdiff_t m, ptrdiff_t k, double parameter) \
    {                                                                      \
        REAL *RESTRICT z = z_, *RESTRICT slopes = slopes_;                 \
        (void)parameter;                                                   \
        if (!slopes) {                                                     \
            ROWS_IN_CACHE((void)0, { numbers z[i] = value; })              \
            return;                                                        \
        }                                                                  \
        ROWS_IN_CACHE(slopes += rows * k,                                  \
                      { numbers z[i] = value; slopes[i] = slope; })        \
    }

FORWARD(identity, x)
FORWARD(logistic, sigmoid(x, real_exp(-FABS(x))))
FORWARD(tanh, real_tanh(x))
FORWARD(relu, x < 0 ? 0 : x)
FORWARD(leaky_relu, x > 0 ? x : p * x)
FORWARD(elu, x > 0 ? x : p * real_expm1(x))
FORWARD(selu, x > 0 ? SELU_SCALE * x : SELU_SCALE * SELU_ALPHA * real_expm1(x))

FORWARD_WITH_SLOPES(gelu,
    REAL gauss; const REAL s = ndtr(x, &gauss);,
    x * s, s + x * gauss * C(0.39894228040143267794))

FORWARD_WITH_SLOPES(silu,
    const REAL e = real_exp(-FABS(x)); const REAL s = sigmoid(x, e);,
    x * s, s + s * sigmoid(-x, e) * x)

/* With e = e^{-|x|}, t = tanh(softplus(x)) = p / q. */
FORWARD_WITH_SLOPES(mish,
    const REAL e = real_exp(-FABS(x));
    const REAL p = x < 0 ? e * (e + 2) : 1 + 2 * e;
    const REAL c = 1 / (p + (x < 0 ? 2 : 2 * e * e));,
    x * (p * c), p * c + x * ((x < 0 ? e : e * e) * (4 + 4 * e) * c * c))

FORWARD_WITH_SLOPES(softplus, const REAL e = real_exp(-FABS(x));,
    softplus(x, e), sigmoid(x, e))

static void identity_backward(void *delta, const void *a, ptrdiff_t n,
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

#endif
