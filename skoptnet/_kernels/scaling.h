/* The scaling layer: W_1 with row j multiplied by s_j, and the gradients. */
#ifndef SKOPTNET_SCALING_H
#define SKOPTNET_SCALING_H

#include "types.h"

static void scale_weights(void *out_, const void *W_, const void *s_, ptrdiff_t d,
                          ptrdiff_t k)
{
    REAL *RESTRICT out = out_;
    const REAL *RESTRICT W = W_, *RESTRICT s = s_;
    for (ptrdiff_t j = 0; j < d; j++)
        for (ptrdiff_t i = j * k; i < (j + 1) * k; i++)
            out[i] = s[j] * W[i];
}

static void scale_gradient(void *ds_, void *dW_, const void *W_, const void *s_,
                           ptrdiff_t d, ptrdiff_t k)
{
    REAL *RESTRICT ds = ds_, *RESTRICT dW = dW_;
    const REAL *RESTRICT W = W_, *RESTRICT s = s_;
    for (ptrdiff_t j = 0; j < d; j++) {
        REAL sum = 0;
        SUM(sum)
        for (ptrdiff_t i = j * k; i < (j + 1) * k; i++) {
            sum += W[i] * dW[i];
            dW[i] *= s[j];
        }
        ds[j] = sum;
    }
}

#endif
