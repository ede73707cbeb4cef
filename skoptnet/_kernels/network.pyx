# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The passes of `skoptnet.network`, with the matrix products done by SciPy's BLAS.

What happens to a minibatch is cut in two, so that several threads can share it:
`forward` and `backward` go through some of its rows down to delta_1, and `gradient`
then makes some rows of a dC/dW_l from all rows of the minibatch.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memset
from scipy.linalg.cython_blas cimport dgemm, sgemm

import numpy as np

from . cimport loops
from .loops cimport address, loops_of

ACTIVATIONS = {
    "identity": loops.IDENTITY,
    "logistic": loops.LOGISTIC,
    "tanh": loops.TANH,
    "relu": loops.RELU,
}
LOSSES = {
    "squared_error": loops.SQUARED_ERROR,
    "binary_cross_entropy": loops.BINARY_CROSS_ENTROPY,
    "cross_entropy": loops.CROSS_ENTROPY,
}
# Buffers begin at multiples of this, the size of a cache line.
cdef size_t ALIGNMENT = 64

# Where the kernels' own products stop, see `has_own_product`.
cdef Py_ssize_t LONGEST_PANEL = 2048
cdef Py_ssize_t PANELS_BYTES = 1 << 21
cdef Py_ssize_t FEW_ROWS = 8
cdef Py_ssize_t FEW_COLUMNS = 8
# Of a large gradient so many numbers, in so many rows or more, are made at a time.
cdef Py_ssize_t BLOCK = 1 << 16
cdef Py_ssize_t MIN_ROWS = 12


cdef Rows rows_of(X, Y, w) except *:
    """Return where the rows of X (dense or CSR), their targets and weights are.

    The arrays have to be kept alive by the caller.
    """
    cdef Rows data
    data.X = NULL
    if isinstance(X, np.ndarray):
        data.X = address(X)
    else:
        data.sparse.data = address(X.data)
        data.sparse.indices = address(X.indices)
        data.sparse.indptr = address(X.indptr)
        data.sparse.wide = X.indices.itemsize == 8
    data.Y = NULL if Y is None else address(Y)
    data.w = NULL if w is None else address(w)
    return data


cdef class Network:
    """The passes through a network, with buffers for up to ``n_rows`` rows.

    Parameters
    ----------
    layer_sizes : tuple of int
        (k_0, ..., k_L).
    activation, loss : str
        Keys of ACTIVATIONS and LOSSES.
    l2 : float
        Factor of the penalty, see `skoptnet.network.Network`.
    dtype : dtype
        float32 or float64.
    n_rows : int
        Rows that one call can take.
    n_threads : int
        Threads that go backward; 0 where there will only be `outputs`.
    """

    def __cinit__(self, tuple layer_sizes, str activation, str loss, double l2, dtype,
                  Py_ssize_t n_rows, int n_threads):
        self.n_layers = len(layer_sizes) - 1
        self.k = <int*>calloc(len(layer_sizes), sizeof(int))
        self.at = <Py_ssize_t*>calloc(len(layer_sizes), sizeof(Py_ssize_t))
        self.a = <char**>calloc(len(layer_sizes), sizeof(char*))
        self.delta = <char**>calloc(len(layer_sizes), sizeof(char*))
        self.rooms = <Room*>calloc(max(n_threads, 1), sizeof(Room))
        if not (self.k and self.at and self.a and self.delta and self.rooms):
            raise MemoryError

    def __dealloc__(self):
        free(self.k)
        free(self.at)
        free(self.a)
        free(self.delta)
        free(self.rooms)

    def __init__(self, tuple layer_sizes, str activation, str loss, double l2, dtype,
                 Py_ssize_t n_rows, int n_threads):
        cdef int level
        self.loops = loops_of(dtype.char)
        self.activation, self.loss = ACTIVATIONS[activation], LOSSES[loss]
        self.l2, self.n_rows = l2, n_rows
        for level in range(self.n_layers + 1):
            self.k[level] = layer_sizes[level]
        for level in range(self.n_layers):
            self.at[level + 1] = self.at[level] + (
                <Py_ssize_t>self.k[level] + 1) * self.k[level + 1]
        self.kept = []
        for level in range(self.n_layers + 1):
            if level or n_threads:
                self.a[level] = self.buffer(n_rows * self.k[level])
            if 0 < level < self.n_layers and n_threads:
                self.delta[level] = self.buffer(n_rows * self.k[level])
        self.delta[self.n_layers] = self.a[self.n_layers]
        if self.loops.product:
            self.make_rooms(max(n_threads, 1))

    cdef make_rooms(self, int n_threads):
        """Make each thread's buffers for the kernels' own products."""
        cdef int level, thread
        cdef Py_ssize_t rows = min(self.n_rows, LONGEST_PANEL), longest = rows
        cdef Py_ssize_t widest = 0, largest = 0
        for level in range(self.n_layers + 1):
            longest = max(longest, min(self.k[level], LONGEST_PANEL))
            widest = max(widest, self.k[level])
            if level:
                largest = max(
                    largest, <Py_ssize_t>self.k[level - 1] * self.k[level])
        for thread in range(n_threads):
            self.rooms[thread].panels = self.buffer(max(
                longest * self.loops.panel, rows * (widest + self.loops.vector)))
            if largest > BLOCK:
                self.rooms[thread].block = self.buffer(max(BLOCK, MIN_ROWS * widest))
                self.rooms[thread].turned = self.buffer(max(BLOCK, MIN_ROWS * rows))

    cdef char* buffer(self, size_t n) except NULL:
        """Return room for n numbers, on a cache line."""
        cdef size_t begin
        memory = np.empty(n * self.loops.size + ALIGNMENT, dtype=np.uint8)
        self.kept.append(memory)
        begin = <size_t>address(memory)
        return <char*>(begin + (-begin) % ALIGNMENT)

    def outputs(self, theta, X, z):
        """Write the raw outputs of at most ``n_rows`` rows into z."""
        cdef Rows data = rows_of(X, None, None)
        cdef Piece piece = Piece(NULL, 0, X.shape[0])
        cdef const char* at = address(theta)
        cdef char* own = self.a[self.n_layers]
        if piece.size > self.n_rows:
            raise ValueError("more rows than the buffers hold")
        self.a[self.n_layers] = address(z)
        with nogil:
            self.forward(0, at, &data, &piece, 0, piece.size)
            self.loops.forward[loops.IDENTITY](
                self.a[self.n_layers], self.biases(at, self.n_layers - 1),
                piece.size, self.k[self.n_layers])
        self.a[self.n_layers] = own

    cdef char* biases(self, const char* theta, int layer) noexcept nogil:
        """Return where a layer's biases lie in theta or g."""
        return <char*>theta + self.loops.size * (
            self.at[layer] + <Py_ssize_t>self.k[layer] * self.k[layer + 1])

    cdef const char* input(self, const Rows* data, const Piece* piece,
                           Py_ssize_t start) noexcept nogil:
        """Return where the dense rows of a piece lie, from ``start`` on."""
        cdef Py_ssize_t row = self.k[0] * <Py_ssize_t>self.loops.size
        if piece.order:
            return self.a[0] + start * row
        return data.X + (piece.first + start) * row

    cdef void forward(self, int thread, const char* theta, const Rows* data,
                      const Piece* piece, Py_ssize_t start,
                      Py_ssize_t stop) noexcept nogil:
        """Go from X to z_L, still without its bias, for some rows of the piece."""
        cdef Py_ssize_t size = self.loops.size, m = stop - start
        cdef const char* a
        cdef const char* W
        cdef char* z
        cdef int level
        cdef const Py_ssize_t* order = piece.order + start if piece.order else NULL
        if data.X and order:
            self.loops.gather(self.a[0] + start * self.k[0] * size, data.X, order, m,
                              self.k[0])
        for level in range(self.n_layers):
            W = theta + self.at[level] * size
            z = self.a[level + 1] + start * self.k[level + 1] * size
            if level == 0 and not data.X:
                self.loops.sparse_forward(z, &data.sparse, order, piece.first + start, m,
                                          W, self.k[1])
            else:
                a = self.a[level] + start * self.k[level] * size if level else (
                    self.input(data, piece, start))
                self.product(thread, b"NN", <int>m, self.k[level + 1], self.k[level],
                             a, self.k[level], W, self.k[level + 1], False, z)
            if level < self.n_layers - 1:
                self.loops.forward[self.activation](
                    z, self.biases(theta, level), m, self.k[level + 1])

    cdef double backward(self, int thread, const char* theta, const Rows* data,
                         const Piece* piece, Py_ssize_t start, Py_ssize_t stop,
                         double scale) noexcept nogil:
        """Go from z_L to delta_1 for some rows; return the sum of their losses.

        delta comes out multiplied by ``scale`` and the rows' weights (BP1, BP2).
        """
        cdef Py_ssize_t size = self.loops.size, m = stop - start, y_row, first
        cdef const Py_ssize_t* order = piece.order + start if piece.order else NULL
        cdef int level = self.n_layers
        cdef char* delta = self.delta[level] + start * self.k[level] * size
        cdef char* below
        cdef double total
        y_row = sizeof(Py_ssize_t) if self.loss == loops.CROSS_ENTROPY else (
            self.k[level] * size)
        first = 0 if order else piece.first + start
        total = self.loops.loss[self.loss](
            delta, self.biases(theta, level - 1), data.Y + first * y_row,
            data.w + first * size if data.w else NULL, order, m, self.k[level], scale)
        for level in range(self.n_layers - 1, 0, -1):
            below = self.delta[level] + start * self.k[level] * size
            self.product(thread, b"NT", <int>m, self.k[level], self.k[level + 1],
                         delta, self.k[level + 1],
                         theta + self.at[level] * size, self.k[level + 1], False, below)
            self.loops.backward[self.activation](
                below, self.a[level] + start * self.k[level] * size, m * self.k[level])
            delta = below
        return total

    cdef Py_ssize_t begin_gradient(self, int thread, int layer, Py_ssize_t m, bint add,
                                   bint sparse) noexcept nogil:
        """Prepare a layer's dC/dW from m rows; return how many of its rows to make at
        a time."""
        cdef Py_ssize_t k_in = self.k[layer], k_out = self.k[layer + 1]
        cdef Room* room = &self.rooms[thread]
        # Laying out pays where there are several blocks.
        room.laid_out = (
            not add and not sparse and k_in * k_out > BLOCK
            and self.has_own_product(True, False, k_in, k_out, m))
        if not room.laid_out:
            return k_in
        self.loops.lay_out_panels(room.panels, self.delta[layer + 1], k_out, m)
        return max(MIN_ROWS, BLOCK // max(k_out, m))

    cdef void gradient(self, int thread, const Rows* data, const Piece* piece,
                       int layer, Py_ssize_t start, Py_ssize_t stop, bint add,
                       char* dW) noexcept nogil:
        """Make (or add to) rows start..stop of a layer's dC/dW (BP4).

        Of a layer with sparse input all rows are made at once.
        """
        cdef Py_ssize_t size = self.loops.size, k_in = self.k[layer]
        cdef Py_ssize_t k_out = self.k[layer + 1], m = piece.size
        cdef Room* room = &self.rooms[thread]
        cdef const char* delta = self.delta[layer + 1]
        cdef const char* a
        if layer == 0 and not data.X:
            if not add:
                memset(dW, 0, k_in * k_out * size)
            self.loops.sparse_backward(dW, &data.sparse, piece.order, piece.first,
                                       piece.size, delta, k_out)
            return
        a = (self.a[layer] if layer else self.input(data, piece, 0)) + start * size
        if room.laid_out:
            self.loops.transpose(room.turned, a, k_in, stop - start, m)
            self.loops.product_of_panels(dW, room.turned, m, 1, room.panels,
                                         stop - start, k_out, m)
        else:
            self.product(thread, b"TN", <int>(stop - start), <int>k_out, <int>m,
                         a, <int>k_in, delta, <int>k_out, add, dW)

    cdef void gradient_of_biases(self, int layer, Py_ssize_t m, bint add,
                                 char* g) noexcept nogil:
        """Make (or add to) a layer's dC/db (BP3)."""
        self.loops.sum_rows(self.biases(g, layer), self.delta[layer + 1], m,
                            self.k[layer + 1], add)

    cdef double penalty(self, const char* theta, int layer, Py_ssize_t start,
                        Py_ssize_t stop, char* g) noexcept nogil:
        """Add the penalty of rows start..stop of W to g; return their squares' sum."""
        cdef Py_ssize_t k_out = self.k[layer + 1]
        cdef Py_ssize_t at = (self.at[layer] + start * k_out) * <Py_ssize_t>(
            self.loops.size)
        return self.loops.penalise(g + at, theta + at, self.l2, (stop - start) * k_out)

    cdef void product(self, int thread, const char* kind, int m, int n, int k,
                      const char* a, int lda, const char* b, int ldb, bint add,
                      char* c) noexcept nogil:
        """c (m, n) <- a (m, k) b (k, n), or add to c.

        Matrices are C-contiguous, with rows of lda and ldb numbers. Of kind "TN", a is
        given as a^T (k, m); of kind "NT", b as b^T (n, k).
        """
        cdef bint ta = kind[0] == c"T", tb = kind[1] == c"T"
        cdef double one = 1, zero = 0
        cdef float one_f = 1, zero_f = 0
        if self.has_own_product(ta, tb, m, n, k) and not add:
            self.loops.product(c, a, 1 if ta else lda, lda if ta else 1,
                               b, 1 if tb else ldb, ldb if tb else 1, m, n, k,
                               self.rooms[thread].panels)
        # BLAS counts columns first: what it is told is c^T = b^T a^T.
        elif self.loops.size == sizeof(double):
            dgemm(b"T" if tb else b"N", b"T" if ta else b"N", &n, &m, &k,
                  &one, <double*>b, &ldb, <double*>a, &lda,
                  &one if add else &zero, <double*>c, &n)
        else:
            sgemm(b"T" if tb else b"N", b"T" if ta else b"N", &n, &m, &k,
                  &one_f, <float*>b, &ldb, <float*>a, &lda,
                  &one_f if add else &zero_f, <float*>c, &n)

    cdef bint has_own_product(self, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n,
                              Py_ssize_t k) noexcept nogil:
        """Tell whether the kernels' own product is no slower than BLAS.

        That is found by measuring (tests/benchmarks). Against it are: fewer columns
        than numbers in a vector; a panel, or for a^T a whole b, that does not stay in
        the cache; and few rows to make up for turning b^T round.
        """
        return (
            self.loops.product
            and <double>m * n * k <= self.loops.largest_product
            and n >= self.loops.vector
            and k <= LONGEST_PANEL
            and not (ta and n * k * <Py_ssize_t>self.loops.size > PANELS_BYTES)
            and not (tb and m < FEW_ROWS and k > FEW_COLUMNS)
        )
