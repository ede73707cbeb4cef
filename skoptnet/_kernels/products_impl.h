/* Matrix products for one REAL and one instruction set, included by loops_impl.h.

   c (m, n) <- a (m, k) b (k, n), where element (i, p) of a lies at i * a_row +
   p * a_column, and likewise b, so that either may be given transposed; c_row numbers
   lie between the rows of c. What `start` has for a column is added to it, if it is
   there. The columns are taken in panels of as many vectors as a tile has; what is needed of b for a panel is
   laid out in `scratch`, unless it is small and lies well as it is. A tile, so many rows
   of a panel as there are registers, is summed up at once. Tiles at the edge overlap
   their neighbours: what is in both is computed twice. */

static inline __attribute__((always_inline)) void
FN(tile)(REAL *c, ptrdiff_t c_row, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column,
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

/* All rows of a panel, in tiles of a size that the compiler knows. */
typedef void FN(Rows)(REAL *c, ptrdiff_t c_row, const REAL *a, ptrdiff_t a_row,
                      ptrdiff_t a_column, const REAL *b, ptrdiff_t b_row, ptrdiff_t m,
                      ptrdiff_t k, ptrdiff_t columns, const REAL *start);

#define ROWS(height, rows, vectors)                                                    \
    static void FN(height##_##vectors)(                                                \
        REAL *c, ptrdiff_t c_row, const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column,  \
        const REAL *b, ptrdiff_t b_row, ptrdiff_t m, ptrdiff_t k, ptrdiff_t columns,   \
        const REAL *start)                                                             \
    {                                                                                  \
        for (ptrdiff_t i = 0; i < m; i += (rows)) {                                    \
            i = i + (rows) > m ? m - (rows) : i;                                       \
            FN(tile)(c + i * c_row, c_row, a + i * a_row, a_row, a_column, b, b_row,   \
                     k, columns, start, rows, vectors);                                \
        }                                                                              \
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
    {FN(height##_1), FN(height##_2), FN(height##_3), FN(height##_4)}
#else
#define WIDTHS(height) {FN(height##_1), FN(height##_2), FN(height##_3)}
#endif

enum { FN(HIGH), FN(MIDDLE), FN(LOW), FN(SINGLE), FN(N_HEIGHTS) };
static FN(Rows) *const FN(rows)[FN(N_HEIGHTS)][TILE_VECTORS] = {
    WIDTHS(high), WIDTHS(middle), WIDTHS(low), WIDTHS(single)};

/* out[p][v] <- b[v][p] for a square of VL rows, whose rows are as far apart as said. */
#ifdef __clang__
static inline void FN(transpose_square)(REAL *RESTRICT out, ptrdiff_t out_row,
                            const REAL *RESTRICT b, ptrdiff_t b_row)
{
    for (ptrdiff_t v = 0; v < VL; v++)
        for (ptrdiff_t p = 0; p < VL; p++)
            out[p * out_row + v] = b[v * b_row + p];
}
#else
/* Swap the off-diagonal parts of each 2 x 2 square of parts of so many numbers. */
static inline __attribute__((always_inline)) void FN(swap_parts)(V *x, const int part)
{
    FN(Bits) place;
    for (int i = 0; i < VL; i++)
        place[i] = i;
    const FN(Bits) skip = ((place & part) != 0) & (BITS)(VL - part);
    for (int i = 0; i < VL; i++)
        if (!(i & part)) {
            V upper = x[i], lower = x[i + part];
            x[i] = __builtin_shuffle(upper, lower, place + skip);
            x[i + part] = __builtin_shuffle(upper, lower, place + part + skip);
        }
}

static inline void FN(transpose_square)(REAL *RESTRICT out, ptrdiff_t out_row,
                            const REAL *RESTRICT b, ptrdiff_t b_row)
{
    V x[VL];
    for (int i = 0; i < VL; i++)
        x[i] = *(const V *)(b + i * b_row);
    FN(swap_parts)(x, 1);
    if (VL > 2)
        FN(swap_parts)(x, 2);
    if (VL > 4)
        FN(swap_parts)(x, 4);
    if (VL > 8)
        FN(swap_parts)(x, 8);
    for (int i = 0; i < VL; i++)
        *(V *)(out + i * out_row) = x[i];
}
#endif

/* out (k, width) <- b (columns, k)^T, by squares and what is left of them */
static void FN(pack_transposed)(REAL *RESTRICT out, ptrdiff_t width,
                               const REAL *RESTRICT b, ptrdiff_t b_row, ptrdiff_t k,
                               ptrdiff_t columns)
{
    const ptrdiff_t whole_k = k - k % VL, whole_columns = columns - columns % VL;
    for (ptrdiff_t v = 0; v < whole_columns; v += VL)
        for (ptrdiff_t p = 0; p < whole_k; p += VL)
            FN(transpose_square)(out + p * width + v, width, b + v * b_row + p, b_row);
    for (ptrdiff_t p = 0; p < k; p++)
        for (ptrdiff_t v = p < whole_k ? whole_columns : 0; v < columns; v++)
            out[p * width + v] = b[v * b_row + p];
}

/* out (k, width) <- b (k, columns) */
static void FN(pack)(REAL *RESTRICT out, ptrdiff_t width, const REAL *RESTRICT b,
                        ptrdiff_t b_row, ptrdiff_t b_column, ptrdiff_t k,
                        ptrdiff_t columns)
{
    if (b_column != 1) {
        FN(pack_transposed)(out, width, b, b_column, k, columns);
        return;
    }
    for (ptrdiff_t p = 0; p < k; p++, out += width, b += b_row) {
        /* Processors do not foresee steps from one long row to the next. */
        if (p + ROWS_AHEAD < k)
            for (ptrdiff_t v = 0; v < columns; v += 64 / sizeof(REAL))
                __builtin_prefetch(b + ROWS_AHEAD * b_row + v);
        for (ptrdiff_t v = 0; v < columns; v++)
            out[v] = b[v];
    }
}

/* The columns of a panel: `width` numbers from column j on, of which `columns` are
   there, and where the next panel begins. */
typedef struct {
    ptrdiff_t j, vectors, width, columns, next;
} FN(Panel);

static inline FN(Panel) FN(panel)(ptrdiff_t j, ptrdiff_t n)
{
    FN(Panel) panel;
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

static inline void FN(all_rows)(const FN(Panel) *panel, REAL *c, ptrdiff_t c_row,
                                const REAL *a, ptrdiff_t a_row, ptrdiff_t a_column,
                                const REAL *b, ptrdiff_t b_row, ptrdiff_t m, ptrdiff_t k,
                                const REAL *start)
{
    const ptrdiff_t vectors = panel->vectors, tall = (vectors == 1 ? 2 : 1) * TILE_ROWS;
    const int height = m >= tall ? FN(HIGH)
                       : m >= 4  ? FN(MIDDLE)
                       : m >= 2  ? FN(LOW)
                                 : FN(SINGLE);
    FN(rows)[height][vectors - 1](c + panel->j, c_row, a, a_row, a_column, b, b_row, m, k,
                                  panel->columns, start ? start + panel->j : NULL);
}

static void FN(product)(void *c, ptrdiff_t c_row, const void *a, ptrdiff_t a_row,
                        ptrdiff_t a_column, const void *b_, ptrdiff_t b_row,
                        ptrdiff_t b_column, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                        const void *start, void *scratch)
{
    const REAL *b = b_;
    const int in_place =
        b_column == 1 && n >= VL && k * b_row * sizeof(REAL) <= LARGEST_IN_PLACE;
    for (ptrdiff_t j = 0; j < n;) {
        const FN(Panel) panel = FN(panel)(j, n);
        const REAL *from = b + panel.j * b_column;
        if (!in_place)
            FN(pack)(scratch, panel.width, from, b_row, b_column, k, panel.columns);
        FN(all_rows)(&panel, c, c_row, a, a_row, a_column, in_place ? from : scratch,
                     in_place ? b_row : panel.width, m, k, start);
        j = panel.next;
    }
}

static void FN(transpose)(void *out, const void *b, ptrdiff_t b_row, ptrdiff_t k,
                          ptrdiff_t n)
{
    FN(pack_transposed)(out, n, b, b_row, k, n);
}

static void FN(pack_panels)(void *out_, const void *b, ptrdiff_t b_row, ptrdiff_t n,
                               ptrdiff_t k)
{
    REAL *out = out_;
    for (ptrdiff_t j = 0; j < n;) {
        const FN(Panel) panel = FN(panel)(j, n);
        FN(pack)(out, panel.width, (const REAL *)b + panel.j, b_row, 1, k,
                    panel.columns);
        out += k * panel.width;
        j = panel.next;
    }
}

static void FN(product_of_panels)(void *c, const void *a, ptrdiff_t a_row,
                                  ptrdiff_t a_column, const void *panels_, ptrdiff_t m,
                                  ptrdiff_t n, ptrdiff_t k)
{
    const REAL *panels = panels_;
    for (ptrdiff_t j = 0; j < n;) {
        const FN(Panel) panel = FN(panel)(j, n);
        FN(all_rows)(&panel, c, n, a, a_row, a_column, panels, panel.width, m, k, NULL);
        panels += k * panel.width;
        j = panel.next;
    }
}
#undef ROWS
#undef HEIGHTS
#undef WIDTHS
