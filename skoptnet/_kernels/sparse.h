/* Products with sparse rows (CSR): z <- X W, and g <- g + X^T delta. */
#ifndef SKOPTNET_SPARSE_H
#define SKOPTNET_SPARSE_H

#include "types.h"

#define INDEX(array, i) \
    (X->wide ? (ptrdiff_t)((const int64_t *)(array))[i] : ((const int32_t *)(array))[i])

static void sparse_forward(void *z_, const SparseRows *X, const ptrdiff_t *rows,
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
        for (; e + 1 < end; e += 2) { /* two elements per loop over z */
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

static void sparse_backward(void *g_, const SparseRows *X, const ptrdiff_t *rows,
                            ptrdiff_t first, ptrdiff_t m, const void *delta_,
                            ptrdiff_t k, ptrdiff_t start, ptrdiff_t stop)
{
    REAL *RESTRICT g = g_;
    const REAL *RESTRICT delta = delta_, *data = X->data;
    for (ptrdiff_t i = 0; i < m; i++, delta += k) {
        ptrdiff_t row = rows ? rows[i] : first + i;
        ptrdiff_t end = INDEX(X->indptr, row + 1);
        for (ptrdiff_t e = INDEX(X->indptr, row); e < end; e++) {
            const ptrdiff_t column = INDEX(X->indices, e);
            if (column < start || column >= stop)
                continue;
            const REAL x = data[e];
            REAL *RESTRICT gradients = g + (column - start) * k;
            for (ptrdiff_t j = 0; j < k; j++)
                gradients[j] += x * delta[j];
        }
    }
}

#endif
