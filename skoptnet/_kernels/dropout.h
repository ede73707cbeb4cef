/* Dropout: units times their masks, from a stream of random numbers. */
#ifndef SKOPTNET_DROPOUT_H
#define SKOPTNET_DROPOUT_H

#include "types.h"

/* One random number has the bits of four units. Each row begins with a new number; bits
   of its last one may be left over. */
static void drop(void *x_, uint64_t key, ptrdiff_t first, ptrdiff_t m, ptrdiff_t k,
                 int threshold, double scale)
{
    REAL *RESTRICT x = x_;
    const REAL kept = (REAL)scale;
    const ptrdiff_t per_row = (k + 3) / 4, end = m * per_row;
    uint16_t bits[4 * BUFFERED];
    ptrdiff_t j = 0; /* the next unit */
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

#endif
