/* The kernels that are loops over rows and vectors: their lists and their table.

   Each loop is written once, for a type REAL, in a header of its own. One small .c file
   per type and instruction set (double_avx2.c) compiles all of them and fills the table
   `Loops`; `loops_for` returns the table for a type and an instruction set.

   A new kernel is two places: an entry in a list below, which makes its number, its
   name for Python and its place in the table; and a formula in the header named there.
   The Python class that it stands for names it in the attribute `kernel`.

   Matrices are C-contiguous: z, a and delta are (m, k); y is (m, k), (m, 1) for several
   quantiles, or (m,) class numbers. `rows` holds the indices of the minibatch's rows in
   the training set; NULL stands for 0, 1, ..., m - 1. */
#ifndef SKOPTNET_LOOPS_H
#define SKOPTNET_LOOPS_H

#include <stddef.h>
#include <stdint.h>

/* The lists. */

/* functions.h */
#define FUNCTIONS(X) X(exp) X(expm1) X(log) X(log1p) X(tanh) X(ndtr) X(sqrt)

/* activations.h: the name, and whether sigma' is computed from `a` = sigma(z), or sigma
   computes it along the way and leaves it as `slopes` */
#define ACTIVATIONS(X) \
    X(identity, a)     \
    X(logistic, a)     \
    X(tanh, a)         \
    X(relu, a)         \
    X(leaky_relu, a)   \
    X(elu, a)          \
    X(selu, a)         \
    X(gelu, slopes)    \
    X(silu, slopes)    \
    X(mish, slopes)    \
    X(softplus, slopes)

/* losses.h: the name, and the kind of a row's targets */
#define LOSSES(X)                                       \
    X(squared_error, NUMBER_PER_OUTPUT)                 \
    X(absolute_error, NUMBER_PER_OUTPUT)                \
    X(huber, NUMBER_PER_OUTPUT)                         \
    X(poisson, NUMBER_PER_OUTPUT)                       \
    X(gamma, NUMBER_PER_OUTPUT)                         \
    X(quantile, NUMBER_PER_OUTPUT)                      \
    X(several_quantiles, ONE_NUMBER)                    \
    X(binary_cross_entropy, NUMBER_PER_OUTPUT)          \
    X(smoothed_binary_cross_entropy, NUMBER_PER_OUTPUT) \
    X(cross_entropy, CLASS_NUMBER)                      \
    X(smoothed_cross_entropy, CLASS_NUMBER)

/* solvers.h: the name, and the point of the gradient: `theta`, or one `ahead` */
#define SOLVERS(X)             \
    X(descent, theta)          \
    X(momentum, theta)         \
    X(nesterov, ahead)         \
    X(adagrad, theta)          \
    X(rmsprop, theta)          \
    X(adam, theta)             \
    X(adadelta, theta)         \
    X(rmsprop_nesterov, ahead) \
    X(centered_rmsprop, theta) \
    X(amsgrad, theta)          \
    X(adamax, theta)           \
    X(nadam, theta)            \
    X(radam, theta)            \
    X(yogi, theta)             \
    X(adabelief, theta)        \
    X(adan, theta)             \
    X(lion, theta)             \
    X(schedule_free_adamw, ahead) \
    X(muon, theta)

/* Instruction sets, from the one that every machine of the architecture has (SSE2,
   NEON) upwards. Clang defines __GNUC__, too. */
#if defined(__x86_64__) && defined(__GNUC__)
#define HAS_TARGETS
#define INSTRUCTION_SETS(X) X(base) X(avx2) X(avx512)
#else
#define INSTRUCTION_SETS(X) X(base)
#endif

#define FUNCTION(name) FUNCTION_##name,
#define ACTIVATION(name, from) ACTIVATION_##name,
#define LOSS(name, targets) LOSS_##name,
#define SOLVER(name, point) SOLVER_##name,
#define INSTRUCTION_SET_NUMBER(name) INSTRUCTION_SET_##name,
enum { FUNCTIONS(FUNCTION) N_FUNCTIONS };
enum { ACTIVATIONS(ACTIVATION) N_ACTIVATIONS };
enum { LOSSES(LOSS) N_LOSSES };
enum { SOLVERS(SOLVER) N_SOLVERS };
enum { INSTRUCTION_SETS(INSTRUCTION_SET_NUMBER) N_INSTRUCTION_SETS };
#undef FUNCTION
#undef ACTIVATION
#undef LOSS
#undef SOLVER
#undef INSTRUCTION_SET_NUMBER

extern const char *const function_names[N_FUNCTIONS];
extern const char *const activation_names[N_ACTIVATIONS];
extern const char *const loss_names[N_LOSSES];
extern const char *const solver_names[N_SOLVERS];
extern const char *const instruction_set_names[N_INSTRUCTION_SETS];

/* Targets of a row: one number per output, one number for all outputs, or the number of
   its class, which is a ptrdiff_t. */
enum { NUMBER_PER_OUTPUT, ONE_NUMBER, CLASS_NUMBER };

/* What the loops take. */

/* The numbers of one update; a solver reads those that its formula names. */
typedef struct {
    double rate;                /* the learning rate */
    double clip;                /* factor of g, 1 unless its norm is too large */
    double momentum;            /* alpha */
    double momentum_ahead;      /* that of the next update, for its point */
    double rho_1, rho_2, rho_3; /* decay rates of the moments */
    double epsilon;             /* the small constant, delta in the book */
    double corrected_rate;      /* rate / (1 - rho_1^t) */
    double correction_2;        /* 1 / (1 - rho_2^t) */
    double correction_3;        /* 1 / (1 - rho_3^t) */
    double weight_1, weight_2;  /* of the two terms of an update */
    int ready;                  /* whether the moments can be used yet */
} StepNumbers;

enum { MOST_VECTORS = 4 };

/* The vectors of a solver: theta, its memory, and the point of the next gradient where
   that is not theta. */
typedef struct {
    void *theta, *memory[MOST_VECTORS], *ahead;
} Vectors;

/* Sparse rows: the arrays of a SciPy CSR container, with indices of 4 or 8 bytes. */
typedef struct {
    const void *data, *indices, *indptr;
    int wide;
} SparseRows;

/* The workspace of a product takes at least this many rows. */
enum { SHORTEST_PACKED = 64 };

typedef struct {
    size_t size; /* of REAL, in bytes */
    /* x <- f(x); for tests of the accuracy */
    void (*apply[N_FUNCTIONS])(void *x, ptrdiff_t n);
    /* out <- the given rows of X */
    void (*gather)(void *out, const void *X, const ptrdiff_t *rows, ptrdiff_t m,
                   ptrdiff_t d);
    /* Whether `backward` reads slopes, not a. */
    char makes_slopes[N_ACTIVATIONS];
    /* z <- sigma(z + b); b may be NULL. slopes <- sigma'(z + b) where the activation
       makes slopes; slopes may be NULL. `parameter` is that of the activation, if it
       has one. */
    void (*forward[N_ACTIVATIONS])(void *z, void *slopes, const void *b, ptrdiff_t m,
                                   ptrdiff_t k, double parameter);
    /* delta <- delta * sigma'(z), from a = sigma(z) or from the slopes */
    void (*backward[N_ACTIVATIONS])(void *delta, const void *a, ptrdiff_t n,
                                    double parameter);
    /* Multiplies m rows of k units by their dropout masks, as skoptnet.dropout defines
       them: by 0 where the unit's 16 random bits are below `threshold` (up to 2^16),
       else by `scale`. `key` is the layer's, `first` the number of the first row in its
       minibatch. */
    void (*drop)(void *x, uint64_t key, ptrdiff_t first, ptrdiff_t m, ptrdiff_t k,
                 int threshold, double scale);
    /* The kind of a row's targets. */
    char targets[N_LOSSES];
    /* Returns sum_i w_i L_i; z <- w_i scale dL/dz. z comes without its bias b.
       `parameters` are those of the loss, if it has any. */
    double (*loss[N_LOSSES])(void *z, const void *b, const void *y, const void *w,
                             const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t k,
                             double scale, const double *parameters);
    /* out <- (out +) the sum of the rows of delta */
    void (*sum_rows)(void *out, const void *delta, ptrdiff_t m, ptrdiff_t k, int add);
    /* g <- g + l2 W; returns the sum of the squares of W, and adds that of g to
       `g_squares`. */
    double (*penalise)(void *g, const void *W, double l2, ptrdiff_t n,
                       double *g_squares);
    /* out <- diag(s) W for d rows of k numbers */
    void (*scale_weights)(void *out, const void *W, const void *s, ptrdiff_t d,
                          ptrdiff_t k);
    /* From dW, the gradient of diag(s) W: ds <- the sums of the rows of W * dW; then
       dW <- diag(s) dW */
    void (*scale_gradient)(void *ds, void *dW, const void *W, const void *s,
                           ptrdiff_t d, ptrdiff_t k);
    /* Updates n coordinates with the gradient g + l2 W, where W is the point that g was
       taken at. Weight decay leaves the share `keep` of theta. Returns the sum of the
       squares of W. */
    double (*step[N_SOLVERS])(const Vectors *at, const void *g, ptrdiff_t n, double l2,
                              double keep, const StepNumbers *p);
    /* ahead <- the point of the next gradient; NULL where that is theta */
    void (*look_ahead[N_SOLVERS])(const Vectors *at, ptrdiff_t n, const StepNumbers *p);
    /* From the gradient g of the loss, the subgradient with the penalties: L2 of the
       point of g, L1 of W; and the orthant, see below. Returns the sum of the absolute
       values of W, and adds the squares of the point to `squares`. */
    double (*subgradient)(void *g, void *orthant, const void *W, const void *point,
                          double l1, double l2, ptrdiff_t n, double *squares);
    /* orthant <- numbers with the signs of W; where W is 0, with those opposite to the
       subgradient g */
    void (*find_orthant)(void *orthant, const void *W, const void *g, ptrdiff_t n);
    /* x <- 0 where W has not the sign of the orthant */
    void (*keep_in_orthant)(void *x, const void *W, const void *orthant, ptrdiff_t n);
    double (*sum_of_squares)(const void *x, ptrdiff_t n);
    /* The norm, which overflows where it does in the precision of REAL. */
    double (*norm_of)(double squares);
    /* x <- x / divisor */
    void (*divide)(void *x, double divisor, ptrdiff_t n);
    /* mean <- (1 - share) mean + share x */
    void (*average)(void *mean, const void *x, double share, ptrdiff_t n);
    /* z <- X W for sparse X */
    void (*sparse_forward)(void *z, const SparseRows *X, const ptrdiff_t *rows,
                           ptrdiff_t first, ptrdiff_t m, const void *W, ptrdiff_t k);
    /* g <- g + X^T delta for sparse X, of which only columns start..stop are used */
    void (*sparse_backward)(void *g, const SparseRows *X, const ptrdiff_t *rows,
                            ptrdiff_t first, ptrdiff_t m, const void *delta,
                            ptrdiff_t k, ptrdiff_t start, ptrdiff_t stop);
    /* The largest |x|; NaN if there is a NaN or an infinity. */
    double (*largest)(const void *x, ptrdiff_t n);
    /* c (m, n) <- a (m, k) b (k, n), plus `start` (n) in every row unless that is NULL;
       see products.h. NULL where the compiler has no vectors. `packed` is a workspace
       of `packed_columns` numbers times k or, if that is more, SHORTEST_PACKED; it
       begins on a cache line. */
    void (*product)(void *c, ptrdiff_t c_row, const void *a, ptrdiff_t a_row,
                    ptrdiff_t a_column, const void *b, ptrdiff_t b_row,
                    ptrdiff_t b_column, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                    const void *start, void *packed);
    /* The same from packed matrices, for a b (k, n) that meets several a, each given as
       a^T (k, m). `panels` takes k times n numbers, n rounded up to whole vectors; parts
       of b may be packed on their own if each has at least a panel, and each but the last
       whole panels only. `tiles` takes k times m numbers, m rounded up to whole tiles. */
    void (*pack_panels)(void *panels, const void *b, ptrdiff_t b_row, ptrdiff_t n,
                        ptrdiff_t k);
    void (*pack_tiles)(void *tiles, const void *a, ptrdiff_t a_column, ptrdiff_t m,
                       ptrdiff_t k);
    void (*product_of_packed)(void *c, const void *tiles, const void *panels,
                              ptrdiff_t m, ptrdiff_t n, ptrdiff_t k);
    /* Numbers in a vector, in a row of a panel, and in those that are packed together. */
    ptrdiff_t vector, panel, packed_columns;
    /* A product is no slower than BLAS from this number of columns, or of
       multiplications, on, and up to a largest number of multiplications; a gradient of
       more numbers than `large_gradient` is faster from packed matrices. */
    ptrdiff_t narrowest_product;
    double large_product, largest_product;
    ptrdiff_t large_gradient;
} Loops;

/* Number `index` of the stream of a key (SplitMix64). */
static inline uint64_t random_number(uint64_t key, uint64_t index)
{
    uint64_t z = key + index * 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* The name of a table. */
#define LOOPS_NAME(type, instruction_set) LOOPS_PASTE(type, instruction_set)
#define LOOPS_PASTE(type, instruction_set) loops_##type##_##instruction_set

/* tables.c: the highest instruction set of this machine. */
int highest_instruction_set(void);

/* tables.c: the table for a type and an instruction set, up to the highest. */
const Loops *loops_for(int is_double, int instruction_set);

/* subnormals.c: subnormal numbers cost a hundred times as much as others, and the
   moments of a weight whose gradient stays zero end as such. After `flush_subnormals`,
   this thread takes them for 0, until `restore_subnormals` gets what that returned. */
unsigned long long flush_subnormals(void);
void restore_subnormals(unsigned long long before);

#endif
