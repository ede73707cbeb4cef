/* Matrix products: c (m, n) <- a (m, k) b (k, n), plus `start`, if any, in every row.

   Element (i, p) of a is at i * a_row + p * a_column, and likewise for b, so that
   either may be given transposed. The rows of c begin c_row numbers apart.

   The columns are taken in panels, which are as many vectors wide as a tile. The
   columns of b in a panel are packed first, unless b is small and contiguous enough to
   be read in place. A tile, as many rows of a panel as there are registers for, is
   summed in registers. Tiles at the edge overlap their neighbours: what both hold is
   computed twice. */
#ifndef SKOPTNET_PRODUCTS_H
#define SKOPTNET_PRODUCTS_H

#include "types.h"

/* Tiles, in rows and vectors, that fill the registers; and the multiplications up to
   which a product is no slower than BLAS. */
#ifdef AVX512
#define TILE_ROWS 6
#define TILE_VECTORS 4
#define LARGEST_PRODUCT INFINITY
#else
#define TILE_ROWS 4
#define TILE_VECTORS 3
#ifdef AVX2
#define LARGEST_PRODUCT 0x1p24
#else
#define LARGEST_PRODUCT 0x1p18
#endif
#endif

/* Bytes up to which a matrix is read in place as fast as packed. */
#define LARGEST_IN_PLACE (1 << 18)
/* How many rows ahead of the copy a matrix is prefetched. */
#define ROWS_AHEAD 16

static inline ALWAYS_INLINE void
tile(REAL *c, ptrdiff_t c_row, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column,
     const REAL *b, ptrdiff_t b_row, ptrdiff_t k, ptrdiff_t columns,
     const REAL *start, const int rows, const int vectors)
{
    V sum[2 * TILE_ROWS][TILE_VECTORS];
    for (int v = 0; v < vectors; v++) {
        V first = {0};
        if (start && columns < VL)
            memcpy(&first, start, columns * sizeof(REAL));
        else if (start)
            first = *(const V *)(start + v * VL);
        for (int i = 0; i < rows; i++)
            sum[i][v] = first;
    }
    for (ptrdiff_t p = 0; p < k; p++, a += a_column, b += b_row) {
        V line[TILE_VECTORS];
        for (int v = 0; v < vectors; v++)
            line[v] = *(const V *)(b + v * VL);
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < vectors; v++)
                sum[i][v] += a[i * a_row] * line[v];
    }
    if (vectors == 1 && columns < VL) {
        for (int i = 0; i < rows; i++)
            memcpy(c + i * c_row, &sum[i][0], columns * sizeof(REAL));
        return;
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            *(V *)(c + i * c_row + v * VL) = sum[i][v];
}

/* All rows of a panel, in tiles whose size the compiler knows. */
typedef void Tiles(REAL *c, ptrdiff_t c_row, const REAL *a, ptrdiff_t a_row,
                   ptrdiff_t a_column, const REAL *b, ptrdiff_t b_row, ptrdiff_t m,
                   ptrdiff_t k, ptrdiff_t columns, const REAL *start);

#define ROWS(height, rows, vectors)                                                   \
    static void height##_##vectors(                                                   \
        REAL *c, ptrdiff_t c_row, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column, \
        const REAL *b, ptrdiff_t b_row, ptrdiff_t m, ptrdiff_t k, ptrdiff_t columns,  \
        const REAL *start)                                                            \
    {                                                                                 \
        for (ptrdiff_t i = 0; i < m; i += (rows)) {                                   \
            i = i + (rows) > m ? m - (rows) : i;                                      \
            tile(c + i * c_row, c_row, a + i * a_row, a_row, a_column, b, b_row,      \
                 k, columns, start, rows, vectors);                                   \
        }                                                                             \
    }
#define HEIGHTS(vectors, most) \
    ROWS(high, most, vectors)  \
    ROWS(middle, 4, vectors)   \
    ROWS(low, 2, vectors)      \
    ROWS(single, 1, vectors)
HEIGHTS(1, 2 * TILE_ROWS)
HEIGHTS(2, TILE_ROWS)
HEIGHTS(3, TILE_ROWS)
#if TILE_VECTORS == 4
HEIGHTS(4, TILE_ROWS)
#define WIDTHS(height) \
    {height##_1, height##_2, height##_3, height##_4}
#else
#define WIDTHS(height) {height##_1, height##_2, height##_3}
#endif

enum { HIGH, MIDDLE, LOW, SINGLE, N_HEIGHTS };
static Tiles *const tiles[N_HEIGHTS][TILE_VECTORS] = {
    WIDTHS(high), WIDTHS(middle), WIDTHS(low), WIDTHS(single)};

/* out[p][v] <- b[v][p] for a square of VL rows, which begin out_row and b_row numbers
   apart. */
#ifdef __clang__
static inline void transpose_square(REAL *RESTRICT out, ptrdiff_t out_row,
                            const REAL *RESTRICT b, ptrdiff_t b_row)
{
    for (ptrdiff_t v = 0; v < VL; v++)
        for (ptrdiff_t p = 0; p < VL; p++)
            out[p * out_row + v] = b[v * b_row + p];
}
#else
/* Cuts x into squares of part x part numbers; of every two by two squares, swaps those
   off the diagonal. */
static inline ALWAYS_INLINE void swap_parts(V *x, const int part)
{
    Bits place;
    for (int i = 0; i < VL; i++)
        place[i] = i;
    const Bits skip = ((place & part) != 0) & (BITS)(VL - part);
    for (int i = 0; i < VL; i++)
        if (!(i & part)) {
            V upper = x[i], lower = x[i + part];
            x[i] = __builtin_shuffle(upper, lower, place + skip);
            x[i + part] = __builtin_shuffle(upper, lower, place + part + skip);
        }
}

static inline void transpose_square(REAL *RESTRICT out, ptrdiff_t out_row,
                            const REAL *RESTRICT b, ptrdiff_t b_row)
{
    V x[VL];
    for (int i = 0; i < VL; i++)
        x[i] = *(const V *)(b + i * b_row);
    swap_parts(x, 1);
    if (VL > 2)
        swap_parts(x, 2);
    if (VL > 4)
        swap_parts(x, 4);
    if (VL > 8)
        swap_parts(x, 8);
    for (int i = 0; i < VL; i++)
        *(V *)(out + i * out_row) = x[i];
}
#endif

/* out (k, width) <- b (columns, k)^T, by squares, and by numbers at the edges */
static void pack_transposed(REAL *RESTRICT out, ptrdiff_t width,
                            const REAL *RESTRICT b, ptrdiff_t b_row, ptrdiff_t k,
                            ptrdiff_t columns)
{
    const ptrdiff_t whole_k = k - k % VL, whole_columns = columns - columns % VL;
    for (ptrdiff_t v = 0; v < whole_columns; v += VL)
        for (ptrdiff_t p = 0; p < whole_k; p += VL)
            transpose_square(out + p * width + v, width, b + v * b_row + p, b_row);
    for (ptrdiff_t p = 0; p < k; p++)
        for (ptrdiff_t v = p < whole_k ? whole_columns : 0; v < columns; v++)
            out[p * width + v] = b[v * b_row + p];
}

/* out (k, width) <- b (k, columns) */
static void pack(REAL *RESTRICT out, ptrdiff_t width, const REAL *RESTRICT b,
                 ptrdiff_t b_row, ptrdiff_t b_column, ptrdiff_t k,
                 ptrdiff_t columns)
{
    if (b_column != 1) {
        pack_transposed(out, width, b, b_column, k, columns);
        return;
    }
    for (ptrdiff_t p = 0; p < k; p++, out += width, b += b_row) {
        /* Processors do not prefetch across the gap between two long rows. */
        if (p + ROWS_AHEAD < k)
            for (ptrdiff_t v = 0; v < columns; v += 64 / sizeof(REAL))
                __builtin_prefetch(b + ROWS_AHEAD * b_row + v);
        for (ptrdiff_t v = 0; v < columns; v++)
            out[v] = b[v];
    }
}

/* A panel: `columns` of the matrix from column j on, in vectors of `width` numbers
   together; and the first column of the next panel. */
typedef struct {
    ptrdiff_t j, vectors, width, columns, next;
} Panel;

static inline Panel panel_at(ptrdiff_t j, ptrdiff_t n)
{
    Panel panel;
    ptrdiff_t vectors = (n - j + VL - 1) / VL;
    vectors = vectors > TILE_VECTORS ? TILE_VECTORS : vectors;
    vectors = vectors * VL > n ? (n / VL > 0 ? n / VL : 1) : vectors;
    panel.vectors = vectors;
    panel.width = vectors * VL;
    panel.columns = panel.width < n ? panel.width : n;
    panel.next = j + panel.width;
    panel.j = j + panel.columns > n ? n - panel.columns : j;
    return panel;
}

static inline void all_rows(const Panel *panel, REAL *c, ptrdiff_t c_row,
                            const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column,
                            const REAL *b, ptrdiff_t b_row, ptrdiff_t m, ptrdiff_t k,
                            const REAL *start)
{
    const ptrdiff_t vectors = panel->vectors, tall = (vectors == 1 ? 2 : 1) * TILE_ROWS;
    const int height = m >= tall ? HIGH
                       : m >= 4  ? MIDDLE
                       : m >= 2  ? LOW
                                 : SINGLE;
    tiles[height][vectors - 1](c + panel->j, c_row, a, a_row, a_column, b, b_row, m, k,
                               panel->columns, start ? start + panel->j : NULL);
}

static void product(void *c, ptrdiff_t c_row, const void *a, ptrdiff_t a_row,
                    ptrdiff_t a_column, const void *b_, ptrdiff_t b_row,
                    ptrdiff_t b_column, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                    const void *start, void *packed)
{
    const REAL *b = b_;
    const int in_place =
        b_column == 1 && n >= VL && k * b_row * sizeof(REAL) <= LARGEST_IN_PLACE;
    for (ptrdiff_t j = 0; j < n;) {
        const Panel panel = panel_at(j, n);
        const REAL *from = b + panel.j * b_column;
        if (!in_place)
            pack(packed, panel.width, from, b_row, b_column, k, panel.columns);
        all_rows(&panel, c, c_row, a, a_row, a_column, in_place ? from : packed,
                 in_place ? b_row : panel.width, m, k, start);
        j = panel.next;
    }
}

static void transpose(void *out, const void *b, ptrdiff_t b_row, ptrdiff_t k,
                      ptrdiff_t n)
{
    pack_transposed(out, n, b, b_row, k, n);
}

static void pack_panels(void *out_, const void *b, ptrdiff_t b_row, ptrdiff_t n,
                        ptrdiff_t k)
{
    REAL *out = out_;
    for (ptrdiff_t j = 0; j < n;) {
        const Panel panel = panel_at(j, n);
        pack(out, panel.width, (const REAL *)b + panel.j, b_row, 1, k,
             panel.columns);
        out += k * panel.width;
        j = panel.next;
    }
}

static void product_of_panels(void *c, const void *a, ptrdiff_t a_row,
                              ptrdiff_t a_column, const void *panels_, ptrdiff_t m,
                              ptrdiff_t n, ptrdiff_t k)
{
    const REAL *panels = panels_;
    for (ptrdiff_t j = 0; j < n;) {
        const Panel panel = panel_at(j, n);
        all_rows(&panel, c, n, a, a_row, a_column, panels, panel.width, m, k, NULL);
        panels += k * panel.width;
        j = panel.next;
    }
}

#endif
