/* Matrix products: c (m, n) <- a (m, k) b (k, n), plus `start`, if any, in every row.

   Element (i, p) of a is at i * a_row + p * a_column, and likewise for b, so that
   either may be given transposed. The rows of c begin c_row numbers apart.

   The columns are taken in panels, which are as many vectors wide as a tile. The
   columns of b in a panel are packed first, unless b is contiguous, and small enough or
   met by few enough rows of a, to be read in place. A tile, as many rows of a panel as
   there are registers for, is summed in registers. Tiles at the edge may overlap their
   neighbours: what both hold is computed twice.

   A large a^T is packed, too: the numbers that a tile reads are together then. */
#ifndef SKOPTNET_PRODUCTS_H
#define SKOPTNET_PRODUCTS_H

#include "rows.h"
#include "types.h"

/* Tiles, in rows and vectors, that fill the registers; and limits, see loops.h, as
   measured beside the kernels that OpenBLAS has for the same processors. */
#if defined(AVX512)
#define TILE_ROWS 6
#define TILE_VECTORS 4
#define NARROWEST_PRODUCT 16
#define LARGE_PRODUCT 1e6 /* OpenBLAS has other kernels up to here */
#define LARGEST_PRODUCT INFINITY
#define LARGE_GRADIENT (1 << 16)
#elif defined(AVX2)
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define NARROWEST_PRODUCT 1
#define LARGEST_PRODUCT INFINITY
#define LARGE_GRADIENT (1 << 14)
#elif defined(__aarch64__)
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define NARROWEST_PRODUCT VL
#ifdef __APPLE__ /* whose BLAS uses the processor's matrix unit; not measured */
#define LARGEST_PRODUCT 0x1p18
#else /* by counts of instructions: docs/performance.md */
#define LARGEST_PRODUCT 0x1p22
#endif
#define LARGE_GRADIENT (1 << 14)
#else
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define NARROWEST_PRODUCT VL
#define LARGEST_PRODUCT 0x1p18
#define LARGE_GRADIENT (1 << 14)
#endif

#ifndef LARGE_PRODUCT
#define LARGE_PRODUCT INFINITY
#endif

/* NEON multiplies a vector by an element of another. But clang copies x to all elements
   first, which takes a second instruction of the vector unit, and gcc loads many x in
   advance and has too few registers left for the sums. Both are hindered by code that
   is empty, but not for them. */
#ifdef __aarch64__
#define IN_ONE_ELEMENT(x) __asm__ volatile("" : "+w"(x))
#else
#define IN_ONE_ELEMENT(x)
#endif

/* b is read in place as fast as packed up to this number of bytes, or of rows of a. */
#define LARGEST_IN_PLACE (1 << 18)
#define FEW_ROWS (4 * TILE_ROWS)
/* Panels that are packed at a time, so that a row of them has several cache lines. */
#define SIDE_BY_SIDE (TILE_VECTORS == 4 ? 1 : 4)
/* Against conflict misses: rows a multiple of CRITICAL_STRIDE bytes apart map to the same
   few sets of a cache, which hold WAYS lines or more. Such a b of more rows than that is
   packed, unless it meets few rows of a. If an element of c is a sum of few terms, so
   that storing c takes long, all columns of a few rows of c come before the next rows. */
#define CRITICAL_STRIDE 4096
#define WAYS 8
#define FEW_ROWS_IN_CONFLICT (TILE_VECTORS == 4 ? 2 * TILE_ROWS : 0)
#define FEW_TERMS (TILE_VECTORS == 4 ? 8 : 16)
/* How many rows ahead of the copy a matrix is prefetched. */
#define ROWS_AHEAD 16

static inline ALWAYS_INLINE void
tile(REAL *c, ptrdiff_t c_row, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column,
     const REAL *b, ptrdiff_t b_row, ptrdiff_t k, const REAL *start, const int rows,
     const int vectors)
{
    V sum[2 * TILE_ROWS][TILE_VECTORS];
    for (int v = 0; v < vectors; v++) {
        const V zero = {0}, first = start ? *(const V *)(start + v * VL) : zero;
        for (int i = 0; i < rows; i++)
            sum[i][v] = first;
    }
    for (ptrdiff_t p = 0; p < k; p++, a += a_column, b += b_row) {
        V line[TILE_VECTORS];
        for (int v = 0; v < vectors; v++)
            line[v] = *(const V *)(b + v * VL);
        for (int i = 0; i < rows; i++) {
            REAL x = a[i * a_row];
            IN_ONE_ELEMENT(x);
            for (int v = 0; v < vectors; v++)
                sum[i][v] += x * line[v];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            *(V *)(c + i * c_row + v * VL) = sum[i][v];
}

/* One panel of a product, with m rows of a, in tiles that begin a_tile numbers apart.
   Of tiles wider than c, only `columns` are kept. */
typedef struct {
    REAL *c;
    const REAL *a, *b, *start;
    ptrdiff_t c_row, a_row, a_column, a_tile, b_row, m, k, columns;
} Strip;

static void keep_columns(REAL *c, ptrdiff_t c_row, const REAL *tile, ptrdiff_t width,
                         ptrdiff_t rows, ptrdiff_t columns)
{
    for (ptrdiff_t i = 0; i < rows; i++)
        copy_row(c + i * c_row, tile + i * width, columns);
}

/* The tiles of a strip, whose size the compiler knows. */
#define STRIP(rows, vectors)                                                         \
    static void strip_##rows##_##vectors(const Strip *s)                             \
    {                                                                                \
        enum { WIDTH = (vectors) * VECTOR_BYTES / sizeof(REAL) };                    \
        const int whole = s->columns >= WIDTH;                                       \
        const REAL *a = s->a;                                                        \
        REAL buffer[(rows) * WIDTH];                                                 \
        for (ptrdiff_t i = 0; i < s->m; i += (rows), a += s->a_tile) {               \
            REAL *c = s->c + i * s->c_row;                                           \
            tile(whole ? c : buffer, whole ? s->c_row : WIDTH, a, s->a_row,          \
                 s->a_column, s->b, s->b_row, s->k, s->start, rows, vectors);        \
            if (!whole)                                                              \
                keep_columns(c, s->c_row, buffer, WIDTH, rows, s->columns);          \
        }                                                                            \
    }

#if TILE_VECTORS == 4
#define WIDTHS(X, rows) X(rows, 1) X(rows, 2) X(rows, 3) X(rows, 4)
#elif TILE_VECTORS == 3
#define WIDTHS(X, rows) X(rows, 1) X(rows, 2) X(rows, 3)
#else
#define WIDTHS(X, rows) X(rows, 1) X(rows, 2)
#endif
/* Tiles of a single vector have twice as many rows. */
#define MOST_ROWS (2 * TILE_ROWS)
#if TILE_ROWS == 8
#define HIGH(X) X(16, 1) WIDTHS(X, 8)
#else
#define HIGH(X) X(12, 1) WIDTHS(X, 6)
#endif
#define TILES(X) HIGH(X) WIDTHS(X, 4) WIDTHS(X, 2) WIDTHS(X, 1)
TILES(STRIP)

#define STRIP_OF(rows, vectors) [rows][vectors] = strip_##rows##_##vectors,
static void (*const strips[MOST_ROWS + 1][TILE_VECTORS + 1])(const Strip *s) = {
    TILES(STRIP_OF)};

/* Whether rows that begin this many numbers apart map to the same sets. */
static inline int have_conflicts(ptrdiff_t row)
{
    return row * sizeof(REAL) % CRITICAL_STRIDE == 0;
}

/* How many of the m rows of c are computed, in all columns of the panels that are packed
   together, before the next rows. */
static inline ptrdiff_t rows_at_once(ptrdiff_t c_row, ptrdiff_t m, ptrdiff_t k)
{
    return have_conflicts(c_row) && k <= FEW_TERMS && m > MOST_ROWS ? MOST_ROWS : m;
}

/* The rows of the tiles for m rows, and those of the last tile, for the rest: it may
   overlap the one before. */
static inline ptrdiff_t rows_of_tiles(ptrdiff_t m)
{
    return m >= TILE_ROWS ? TILE_ROWS : m >= 4 ? 4 : m >= 2 ? 2 : 1;
}

static inline ptrdiff_t rows_of_last_tile(ptrdiff_t rest)
{
    return rest > TILE_ROWS ? MOST_ROWS : rest > 4 ? TILE_ROWS : rest > 2 ? 4 : rest;
}

/* All rows of a panel; the last tile of a begins at `last`, or where a itself does. */
static inline void all_rows(Strip s, ptrdiff_t vectors, ptrdiff_t rows,
                            const REAL *last)
{
    const ptrdiff_t m = s.m, rest = m % rows, rest_rows = rows_of_last_tile(rest);
    s.m -= rest;
    strips[rows][vectors](&s);
    if (rest) {
        s.a = last ? last : s.a + (m - rest_rows) * s.a_row;
        s.a_column = last ? rest_rows : s.a_column;
        s.c += (m - rest_rows) * s.c_row;
        s.m = rest_rows;
        strips[rest_rows][vectors](&s);
    }
}

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

/* out (k, width) <- b (k, columns), with zeros in the other columns */
static void pack(REAL *RESTRICT out, ptrdiff_t width, const REAL *RESTRICT b,
                 ptrdiff_t b_row, ptrdiff_t b_column, ptrdiff_t k,
                 ptrdiff_t columns)
{
    if (columns < width)
        memset(out, 0, k * width * sizeof(REAL));
    if (b_column != 1) {
        pack_transposed(out, width, b, b_column, k, columns);
        return;
    }
    for (ptrdiff_t p = 0; p < k; p++, out += width, b += b_row) {
        ptrdiff_t v = 0;
        /* Processors do not prefetch across the gap between two long rows. */
        if (p + ROWS_AHEAD < k)
            for (ptrdiff_t far = 0; far < columns; far += 64 / sizeof(REAL))
                __builtin_prefetch(b + ROWS_AHEAD * b_row + far);
        for (; v + VL <= columns; v += VL)
            *(V *)(out + v) = *(const V *)(b + v);
        for (; v < columns; v++)
            out[v] = b[v];
    }
}

/* The same for several panels that lie together in b: of each row, all of their numbers
   are read at once. */
static void pack_side_by_side(REAL *RESTRICT out, const REAL *RESTRICT b,
                              ptrdiff_t b_row, ptrdiff_t k, ptrdiff_t panels)
{
    const ptrdiff_t width = TILE_VECTORS * VL;
    for (ptrdiff_t p = 0; p < k; p++, out += width, b += b_row) {
        if (p + ROWS_AHEAD < k)
            for (ptrdiff_t far = 0; far < panels * width; far += 64 / sizeof(REAL))
                __builtin_prefetch(b + ROWS_AHEAD * b_row + far);
        for (ptrdiff_t i = 0; i < panels * TILE_VECTORS; i++)
            *(V *)(out + i / TILE_VECTORS * k * width + i % TILE_VECTORS * VL) =
                *(const V *)(b + i * VL);
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
    const ptrdiff_t vectors = (n - j + VL - 1) / VL;
    panel.vectors = vectors < TILE_VECTORS ? vectors : TILE_VECTORS;
    panel.width = panel.vectors * VL;
    panel.columns = panel.width < n ? panel.width : n;
    panel.next = j + panel.width;
    panel.j = j + panel.columns > n ? n - panel.columns : j;
    return panel;
}

/* Packs the next panels of b from column j on; returns the column after them. */
static inline ptrdiff_t pack_next(REAL *packed, const REAL *b, ptrdiff_t b_row,
                                  ptrdiff_t b_column, ptrdiff_t j, ptrdiff_t n,
                                  ptrdiff_t k)
{
    const ptrdiff_t width = TILE_VECTORS * VL, whole = (n - j) / width;
    const Panel panel = panel_at(j, n);
    if (b_column == 1 && whole) {
        const ptrdiff_t panels = whole < SIDE_BY_SIDE ? whole : SIDE_BY_SIDE;
        pack_side_by_side(packed, b + j, b_row, k, panels);
        return j + panels * width;
    }
    pack(packed, panel.width, b + panel.j * b_column, b_row, b_column, k,
         panel.columns);
    return panel.next;
}

/* The columns of c from j to `next` in some of its m rows, which begin at s.c. Those of
   b are packed at s.b; or b, not packed, begins there. */
static inline void all_columns(Strip s, ptrdiff_t m, ptrdiff_t j, ptrdiff_t next,
                               ptrdiff_t n, int in_place, const REAL *start)
{
    REAL *const c = s.c, first[TILE_VECTORS * VECTOR_BYTES / sizeof(REAL)] = {0};
    const REAL *const b = s.b;
    for (const ptrdiff_t from = j; j < next;) {
        const Panel panel = panel_at(j, n);
        const int highest = panel.vectors == 1 && m >= MOST_ROWS;
        const ptrdiff_t rows = highest ? MOST_ROWS : rows_of_tiles(m);
        s.c = c + panel.j;
        s.a_tile = rows * s.a_row;
        s.columns = panel.columns;
        if (in_place) {
            s.b = b + panel.j;
        } else {
            s.b = b + (j - from) * s.k;
            s.b_row = panel.width;
        }
        if (start && panel.columns < panel.width) {
            copy_row(first, start, panel.columns);
            s.start = first;
        } else if (start) {
            s.start = start + panel.j;
        }
        all_rows(s, panel.vectors, rows, NULL);
        j = panel.next;
    }
}

/* Whether to read a contiguous b in place. */
static inline int is_read_in_place(ptrdiff_t b_row, ptrdiff_t m, ptrdiff_t n,
                                   ptrdiff_t k)
{
    const ptrdiff_t bytes = k * b_row * sizeof(REAL);
    if (n < TILE_VECTORS * VL)
        return 0;
    if (have_conflicts(b_row) && k > WAYS)
        return m <= FEW_ROWS_IN_CONFLICT;
    return m <= FEW_ROWS || bytes <= LARGEST_IN_PLACE;
}

static void product(void *c_, ptrdiff_t c_row, const void *a_, ptrdiff_t a_row,
                    ptrdiff_t a_column, const void *b_, ptrdiff_t b_row,
                    ptrdiff_t b_column, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                    const void *start, void *packed_)
{
    REAL *c = c_, *packed = packed_;
    const REAL *a = a_, *b = b_;
    const int in_place = b_column == 1 && is_read_in_place(b_row, m, n, k);
    const ptrdiff_t at_once = rows_at_once(c_row, m, k);
    const ptrdiff_t packs = at_once < m ? SHORTEST_PACKED / k : 1;
    for (ptrdiff_t j = 0, next; j < n; j = next) {
        next = in_place ? n : j;
        for (ptrdiff_t i = 0; i < packs && next < n; i++)
            next = pack_next(packed + (next - j) * k, b, b_row, b_column, next, n, k);
        for (ptrdiff_t i = 0; i < m; i += at_once) {
            const Strip s = {c + i * c_row, a + i * a_row, in_place ? b : packed, NULL,
                             c_row, a_row, a_column, 0, b_row,
                             m - i < at_once ? m - i : at_once, k, 0};
            all_columns(s, m, j, next, n, in_place, start);
        }
    }
}

static void pack_panels(void *out_, const void *b_, ptrdiff_t b_row, ptrdiff_t n,
                        ptrdiff_t k)
{
    REAL *out = out_;
    const REAL *b = b_;
    for (ptrdiff_t j = 0; j < n;) {
        const Panel panel = panel_at(j, n);
        pack(out, panel.width, b + panel.j, b_row, 1, k, panel.columns);
        out += k * panel.width;
        j = panel.next;
    }
}

/* Copies rows of m numbers, so that those of each tile are together. */
static inline ALWAYS_INLINE void copy_to_tiles(REAL *RESTRICT out,
                                               const REAL *RESTRICT a,
                                               ptrdiff_t a_column, ptrdiff_t m,
                                               ptrdiff_t k, const ptrdiff_t rows)
{
    for (ptrdiff_t p = 0; p < k; p++, a += a_column, out += rows) {
        if (p + ROWS_AHEAD < k)
            for (ptrdiff_t far = 0; far < m; far += 64 / sizeof(REAL))
                __builtin_prefetch(a + ROWS_AHEAD * a_column + far);
        for (ptrdiff_t i = 0; i < m; i += rows)
            memcpy(out + i * k, a + i, rows * sizeof(REAL));
    }
}

static void pack_tiles(void *out_, const void *a_, ptrdiff_t a_column, ptrdiff_t m,
                       ptrdiff_t k)
{
    REAL *out = out_;
    const REAL *a = a_;
    const ptrdiff_t rows = rows_of_tiles(m), rest = m % rows, whole = m - rest;
    const ptrdiff_t rest_rows = rows_of_last_tile(rest);
    if (rows == TILE_ROWS)
        copy_to_tiles(out, a, a_column, whole, k, TILE_ROWS);
    else
        copy_to_tiles(out, a, a_column, whole, k, rows);
    if (rest)
        copy_to_tiles(out + whole * k, a + m - rest_rows, a_column, rest_rows, k,
                      rest_rows);
}

static void product_of_packed(void *c_, const void *tiles_, const void *panels_,
                              ptrdiff_t m, ptrdiff_t n, ptrdiff_t k)
{
    REAL *c = c_;
    const REAL *tiles = tiles_;
    const ptrdiff_t rows = rows_of_tiles(m), at_once = rows_at_once(n, m, k);
    const REAL *last = tiles + (m - m % rows) * k;
    for (ptrdiff_t i = 0; i < m; i += at_once, c += at_once * n, tiles += at_once * k) {
        const REAL *panels = panels_;
        for (ptrdiff_t j = 0; j < n;) {
            const Panel panel = panel_at(j, n);
            const Strip strip = {c + panel.j, tiles, panels, NULL, n, 1, rows, rows * k,
                                 panel.width, m - i < at_once ? m - i : at_once, k,
                                 panel.columns};
            all_rows(strip, panel.vectors, rows, last);
            panels += k * panel.width;
            j = panel.next;
        }
    }
}

#endif
