# cython: language_level=3, boundscheck=False, wraparound=False
"""The matrix products of updates of a network, and nothing else.

They go to the same BLAS that SciPy uses, from a loop without Python in it. Compiled
by `contestants.compiled` on use.
"""

from scipy.linalg.cython_blas cimport dgemm, sgemm

ctypedef fused real:
    float
    double

cdef enum:
    MAX_LAYERS = 32


cdef void product(
    int rows, int inner, int columns,
    real* a, bint a_transposed, real* b, bint b_transposed, real* out,
) noexcept nogil:
    """out (rows, columns) = a (rows, inner) b (inner, columns), all in C order.

    BLAS reads arrays in Fortran order, that is, as their transposes. So it is asked
    for out^T = b^T a^T. An array called transposed is stored as (inner, rows) or
    (columns, inner).
    """
    cdef char* op_a = b"T" if a_transposed else b"N"
    cdef char* op_b = b"T" if b_transposed else b"N"
    cdef int lda = rows if a_transposed else inner
    cdef int ldb = inner if b_transposed else columns
    cdef real one = 1, zero = 0
    if real is float:
        sgemm(op_b, op_a, &columns, &rows, &inner, &one, b, &ldb, a, &lda,
              &zero, out, &columns)
    else:
        dgemm(op_b, op_a, &columns, &rows, &inner, &one, b, &ldb, a, &lda,
              &zero, out, &columns)


def products(
    real[:, ::1] X, list activations, list deltas, list weights, list gradients,
    int updates,
):
    """Multiply what that many updates of a network multiply.

    ``activations`` are a_1, ..., a_L, ``deltas`` delta_1, ..., delta_L, and
    ``weights`` and ``gradients`` those of the layers 1, ..., L. All but X, delta_L
    and the weights are overwritten, by the same numbers in every update.
    """
    cdef int L = len(weights), m = X.shape[0], update, l
    cdef int k[MAX_LAYERS]
    cdef real* a[MAX_LAYERS]
    cdef real* delta[MAX_LAYERS]
    cdef real* W[MAX_LAYERS]
    cdef real* g[MAX_LAYERS]
    cdef real[:, ::1] view
    if L >= MAX_LAYERS:
        raise ValueError(f"At most {MAX_LAYERS - 1} layers.")
    k[0], a[0] = X.shape[1], &X[0, 0]
    for l in range(1, L + 1):
        view = activations[l - 1]
        k[l], a[l] = view.shape[1], &view[0, 0]
        view = deltas[l - 1]
        delta[l] = &view[0, 0]
        view = weights[l - 1]
        W[l] = &view[0, 0]
        view = gradients[l - 1]
        g[l] = &view[0, 0]
    with nogil:
        for update in range(updates):
            for l in range(1, L + 1):  # forward
                product(m, k[l - 1], k[l], a[l - 1], False, W[l], False, a[l])
            for l in range(L, 0, -1):
                # BP4, then BP2
                product(k[l - 1], m, k[l], a[l - 1], True, delta[l], False, g[l])
                if l > 1:
                    product(
                        m, k[l], k[l - 1], delta[l], False, W[l], True, delta[l - 1]
                    )


def one_product(
    real[:, ::1] a, bint a_transposed, real[:, ::1] b, bint b_transposed,
    real[:, ::1] out, int times,
):
    """out <- a b, several times, either of them transposed."""
    cdef int rows = out.shape[0], columns = out.shape[1]
    cdef int inner = a.shape[0] if a_transposed else a.shape[1]
    with nogil:
        for _ in range(times):
            product(rows, inner, columns, &a[0, 0], a_transposed, &b[0, 0],
                    b_transposed, &out[0, 0])
