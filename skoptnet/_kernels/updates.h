/* What an update does besides the formula of the solver. */
#ifndef SKOPTNET_UPDATES_H
#define SKOPTNET_UPDATES_H

#include "types.h"

static void average(void *mean_, const void *x_, double share_, ptrdiff_t n)
{
    REAL *RESTRICT mean = mean_;
    const REAL *RESTRICT x = x_;
    const REAL share = (REAL)share_, rest = (REAL)(1 - share_);
    for (ptrdiff_t i = 0; i < n; i++)
        mean[i] = rest * mean[i] + share * x[i];
}

#endif
