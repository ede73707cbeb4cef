/* Dense rows: a copy of some, and the same vector added to each. */
#ifndef SKOPTNET_ROWS_H
#define SKOPTNET_ROWS_H

#include "types.h"

/* Rows of up to this many numbers are copied faster than by memcpy, which first has to
   find out how long they are. */
#define SHORT_ROW 32

static inline void copy_row(REAL *out, const REAL *row, ptrdiff_t d)
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

static void gather(void *out_, const void *X_, const ptrdiff_t *rows, ptrdiff_t m,
                   ptrdiff_t d)
{
    REAL *out = out_;
    const REAL *X = X_;
    for (ptrdiff_t i = 0; i < m; i++)
        copy_row(out + i * d, X + rows[i] * d, d);
}

static inline void add_to_rows(REAL *RESTRICT z, const REAL *RESTRICT b, ptrdiff_t m,
                               ptrdiff_t k)
{
    for (ptrdiff_t i = 0; i < m; i++, z += k)
        for (ptrdiff_t j = 0; j < k; j++)
            z[j] += b[j];
}

#endif
