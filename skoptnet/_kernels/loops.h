/* The loops over rows and vectors that are not matrix products.

   Each is written once, in loops_impl.h, for a type REAL; tables.c compiles it for
   float and double and for several instruction sets. Here is what they have in common:
   a table of them, which `loops_for` picks for the machine it runs on.

   Rows are C-contiguous: z, a and delta are (m, k), y (m, k), (m, 1) for several
   quantiles, or (m,) class numbers.
   `rows` names the rows of the training set a minibatch consists of; NULL stands for
   0, 1, ..., m - 1. */
#ifndef SKOPTNET_LOOPS_H
#define SKOPTNET_LOOPS_H

#include <stddef.h>
#include <stdint.h>

enum {
    IDENTITY, LOGISTIC, TANH, RELU, LEAKY_RELU, ELU, SELU, GELU, SILU, MISH, SOFTPLUS,
    N_ACTIVATIONS
};
enum {
    SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, POISSON, GAMMA, QUANTILE, SEVERAL_QUANTILES,
    BINARY_CROSS_ENTROPY, SMOOTHED_BINARY_CROSS_ENTROPY, CROSS_ENTROPY,
    SMOOTHED_CROSS_ENTROPY, N_LOSSES
};
enum {
    DESCENT, MOMENTUM, NESTEROV, ADAGRAD, RMSPROP, ADAM, ADADELTA, RMSPROP_NESTEROV,
    CENTERED_RMSPROP, AMSGRAD, ADAMAX, NADAM, RADAM, YOGI, ADABELIEF, ADAN, LION,
    SCHEDULE_FREE_ADAMW, N_SOLVERS
};
enum { MOST_VECTORS = 4 };
enum { EXP, EXPM1, LOG, LOG1P, TANH_OF, NDTR, ROOT, N_FUNCTIONS };

/* The numbers of one update; each solver reads those that it knows. */
typedef struct {
    double rate;                /* the rate */
    double momentum;            /* alpha */
    double rho_1, rho_2, rho_3; /* decays of the moments */
    double epsilon;               /* the small constant */
    double corrected_rate;      /* rate / (1 - rho_1^t) */
    double correction_2, correction_3; /* 1 / (1 - rho^t) */
    double weight_1, weight_2;  /* of the terms of an update, where it has its own */
    int ready;                  /* whether what was seen so far can be built upon */
} StepNumbers;

/* What a solver changes: theta, its memory, and the point of the next gradient where that
   is not theta. */
typedef struct {
    void *theta, *memory[MOST_VECTORS], *ahead;
} Vectors;

/* Sparse rows: those of a SciPy CSR container, with indices of 4 or 8 bytes. */
typedef struct {
    const void *data, *indices, *indptr;
    int wide;
} SparseRows;

typedef struct {
    size_t size; /* of REAL, in bytes */
    /* x <- f(x); used by the tests of their accuracy */
    void (*apply[N_FUNCTIONS])(void *x, ptrdiff_t n);
    /* out <- the named rows of X */
    void (*gather)(void *out, const void *X, const ptrdiff_t *rows, ptrdiff_t m,
                   ptrdiff_t d);
    /* Whether sigma' shares its work with sigma, which then leaves it in `slopes` */
    char makes_slopes[N_ACTIVATIONS];
    /* z <- sigma(z + b), b being 0 if it is NULL; slopes <- sigma'(z + b) where it is
       made, unless it is NULL. `parameter` is that of the activation, if it has one. */
    void (*forward[N_ACTIVATIONS])(void *z, void *slopes, const void *b, ptrdiff_t m,
                                   ptrdiff_t k, double parameter);
    /* delta <- delta * sigma'(z), with a = sigma(z), or the slopes where they are made */
    void (*backward[N_ACTIVATIONS])(void *delta, const void *a, ptrdiff_t n,
                                    double parameter);
    /* Multiplies m rows of k units by their masks, as skoptnet.dropout defines them: by
       `scale`, or by 0 where the unit's 16 bits are below `threshold` (up to 2^16). `key`
       is that of the layer, `first` the place of the first row in its minibatch. */
    void (*drop)(void *x, uint64_t key, ptrdiff_t first, ptrdiff_t m, ptrdiff_t k,
                 int threshold, double scale);
    /* Returns sum_i w_i L_i; z <- w_i scale dL/dz, z being without its bias b.
       `parameters` are those of the loss, if it has any. */
    double (*loss[N_LOSSES])(void *z, const void *b, const void *y, const void *w,
                             const ptrdiff_t *rows, ptrdiff_t m, ptrdiff_t k,
                             double scale, const double *parameters);
    /* out <- (out +) the sum of the rows of delta */
    void (*sum_rows)(void *out, const void *delta, ptrdiff_t m, ptrdiff_t k, int add);
    /* g <- g + l2 W; returns the sum of the squares of W */
    double (*penalise)(void *g, const void *W, double l2, ptrdiff_t n);
    /* One update of n coordinates with the gradient g + l2 W, where W is the point that
       g was taken at; `keep` is the share that decay leaves. Returns the sum of the
       squares of W. */
    double (*step[N_SOLVERS])(const Vectors *at, const void *g, ptrdiff_t n, double l2,
                              double keep, const StepNumbers *p);
    /* ahead <- the point of the next gradient; NULL where that is theta */
    void (*look_ahead[N_SOLVERS])(const Vectors *at, ptrdiff_t n, const StepNumbers *p);
    /* z <- X W for sparse X */
    void (*sparse_forward)(void *z, const SparseRows *X, const ptrdiff_t *rows,
                           ptrdiff_t first, ptrdiff_t m, const void *W, ptrdiff_t k);
    /* g <- g + X^T delta for sparse X */
    void (*sparse_backward)(void *g, const SparseRows *X, const ptrdiff_t *rows,
                            ptrdiff_t first, ptrdiff_t m, const void *delta,
                            ptrdiff_t k);
    /* the largest |x|; NaN if there is a NaN */
    double (*largest)(const void *x, ptrdiff_t n);
    /* c (m, n) <- a (m, k) b (k, n), plus `start` (n) in every row unless it is NULL,
       see products_impl.h; NULL where the compiler has no vectors. `scratch` has workspace for
       k times `panel` numbers, on a cache line. */
    void (*product)(void *c, ptrdiff_t c_row, const void *a, ptrdiff_t a_row,
                    ptrdiff_t a_column, const void *b, ptrdiff_t b_row,
                    ptrdiff_t b_column, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                    const void *start, void *scratch);
    /* The same for a b (k, n) that is laid out once for several a; `panels` has workspace for
       k times n, rounded up to whole rows of a panel. Parts of b can be laid out by
       themselves, if they begin at a multiple of `panel` and have a whole one */
    void (*pack_panels)(void *panels, const void *b, ptrdiff_t b_row, ptrdiff_t n,
                           ptrdiff_t k);
    void (*product_of_panels)(void *c, const void *a, ptrdiff_t a_row,
                              ptrdiff_t a_column, const void *panels, ptrdiff_t m,
                              ptrdiff_t n, ptrdiff_t k);
    /* out (k, n) <- b (n, k)^T, whose rows are b_row numbers apart */
    void (*transpose)(void *out, const void *b, ptrdiff_t b_row, ptrdiff_t k,
                      ptrdiff_t n);
    ptrdiff_t vector, panel; /* numbers in a vector and in a row of a panel */
    double largest_product;  /* multiplications up to which it is no slower than BLAS */
} Loops;

/* Number `index` of the stream of a key (SplitMix64). */
static inline uint64_t random_number(uint64_t key, uint64_t index)
{
    uint64_t z = key + index * 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* Highest level of instructions that this machine has: 0 baseline, 1 AVX2, 2 AVX-512. */
int highest_level(void);

/* The table for a level that this machine has. */
const Loops *loops_for(int is_double, int level);

/* Numbers below the smallest normal one cost a hundred times as much as others, and the
   moments of a weight whose gradient stays zero come to rest there. From `flush_subnormals`
   on, this thread takes them for 0, until `restore_subnormals` gets what that returned. */
unsigned long long flush_subnormals(void);
void restore_subnormals(unsigned long long before);

#endif
