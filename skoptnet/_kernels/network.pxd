"""The passes through a network, for the training kernel."""

from .loops cimport Loops, SparseRows

cdef struct Rows:
    # All rows of a data set. X is NULL where they are sparse.
    const char* X
    SparseRows sparse
    const char* Y
    const char* w

cdef struct Piece:
    # Some of them: those that `order` names, or all from `first` on where it is NULL.
    const Py_ssize_t* order
    Py_ssize_t first
    Py_ssize_t size

cdef struct Room:
    # What one thread works in: columns of a matrix as its products want them, rows of
    # a gradient, and the rows of a^T that they are made from.
    char* panels
    char* block
    char* turned
    # Whether a gradient is now made in blocks from panels laid out beforehand.
    bint laid_out

cdef class Network:
    cdef const Loops* loops
    cdef int n_layers, activation, loss
    cdef int* k
    cdef Py_ssize_t* at
    cdef double l2
    cdef readonly Py_ssize_t n_rows
    cdef char** a
    cdef char** delta
    cdef Room* rooms
    cdef object kept

    cdef make_rooms(self, int n_threads)
    cdef char* buffer(self, size_t n) except NULL
    cdef char* biases(self, const char* theta, int layer) noexcept nogil
    cdef const char* input(self, const Rows* data, const Piece* piece,
                           Py_ssize_t start) noexcept nogil
    cdef void forward(self, int thread, const char* theta, const Rows* data,
                      const Piece* piece, Py_ssize_t start,
                      Py_ssize_t stop) noexcept nogil
    cdef double backward(self, int thread, const char* theta, const Rows* data,
                         const Piece* piece, Py_ssize_t start, Py_ssize_t stop,
                         double scale) noexcept nogil
    cdef Py_ssize_t begin_gradient(self, int thread, int layer, Py_ssize_t m, bint add,
                                   bint sparse) noexcept nogil
    cdef void gradient(self, int thread, const Rows* data, const Piece* piece,
                       int layer, Py_ssize_t start, Py_ssize_t stop, bint add,
                       char* dW) noexcept nogil
    cdef void gradient_of_biases(self, int layer, Py_ssize_t m, bint add,
                                 char* g) noexcept nogil
    cdef double penalty(self, const char* theta, int layer, Py_ssize_t start,
                        Py_ssize_t stop, char* g) noexcept nogil
    cdef void product(self, int thread, const char* kind, int m, int n, int k,
                      const char* a, int lda, const char* b, int ldb, bint add,
                      char* c) noexcept nogil
    cdef bint has_own_product(self, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n,
                              Py_ssize_t k) noexcept nogil

cdef Rows rows_of(X, Y, w) except *
