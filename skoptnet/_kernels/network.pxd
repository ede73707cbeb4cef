"""Forward and backward pass, for the training kernel."""

cimport cython

from libc.stdint cimport uint64_t

from .loops cimport Loops, SparseRows

cdef struct Rows:
    # All rows of a data set; X is NULL if they are sparse.
    const char* X
    SparseRows sparse
    const char* Y
    const char* w

cdef struct Chunk:
    # Some rows of a minibatch: those that `order` names, or all from `first` on if that
    # is NULL; and the number of rows of the minibatch before them.
    const Py_ssize_t* order
    Py_ssize_t first
    Py_ssize_t size
    Py_ssize_t before

cdef struct Workspace:
    # Of one thread: a packed matrix, a block of a gradient, and the rows of a^T that
    # the block is computed from, packed in tiles.
    char* panels
    char* block
    char* tiles

cdef struct Hidden:
    # A hidden layer between its products: the activation and, if the threshold is not
    # 0, dropout with the layer's key for this update.
    int sigma
    double parameter
    int threshold
    double scale
    uint64_t key
    # What sigma' is computed from if not from a: the slopes, or a before dropout.
    char* saved

@cython.final
cdef class Network:
    cdef const Loops* loops
    cdef int n_layers, loss
    cdef const double* parameters
    # Of the targets of a row.
    cdef Py_ssize_t target_bytes
    cdef int* k
    cdef Hidden* hidden
    cdef uint64_t seed
    cdef bint has_masks, drops
    # The places in theta of the W_l, and its length; theta begins with s, if there is a
    # scaling layer. `scaled` holds diag(s) W_1 then, and is NULL otherwise.
    cdef Py_ssize_t* offset
    cdef char* scaled
    # Factors of the learning rates.
    cdef double scale_rate
    cdef double* weight_rates
    cdef double* bias_rates
    cdef double l2
    cdef readonly Py_ssize_t n_rows
    cdef char** a
    cdef char** delta
    cdef Workspace* workspaces
    cdef list memory

    cdef take_layout(self, layout)
    cdef take_hidden(self, activations, dropout, bint backward)
    cdef take_loss(self, loss)
    cdef make_workspaces(self, int n_threads, int first)
    cdef char* buffer(self, size_t n) except NULL
    cdef void scale(self, const char* theta) noexcept nogil
    cdef void scale_gradient(self, const char* theta, char* dW, Py_ssize_t start,
                             Py_ssize_t stop, char* g) noexcept nogil
    cdef const char* weights(self, const char* theta, int layer) noexcept nogil
    cdef char* biases(self, const char* theta, int layer) noexcept nogil
    cdef const char* input(self, int layer, const Rows* data, const Chunk* chunk,
                           Py_ssize_t start) noexcept nogil
    cdef double rows(self, int thread, const char* theta, const Rows* data,
                     const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                     double scale, int stage, int end) noexcept nogil
    cdef void columns(self, int thread, const char* theta, const Rows* data,
                      const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                      int stage) noexcept nogil
    cdef int level_of(self, int stage) noexcept nogil
    cdef int layer_of(self, int stage) noexcept nogil
    cdef bint splits_columns(self, int stage, Py_ssize_t m, bint sparse,
                              int n_threads) noexcept nogil
    cdef void gather(self, const Rows* data, const Chunk* chunk, Py_ssize_t start,
                     Py_ssize_t stop) noexcept nogil
    cdef void forward(self, int thread, int level, const char* theta, const Rows* data,
                      const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                      Py_ssize_t left, Py_ssize_t right) noexcept nogil
    cdef void begin(self, Py_ssize_t update) noexcept nogil
    cdef void activate(self, int level, char* z, const char* b, Py_ssize_t start,
                       Py_ssize_t m, Py_ssize_t left, Py_ssize_t right) noexcept nogil
    cdef bint drops_of(self, int level) noexcept nogil
    cdef void drop(self, int level, char* rows, Py_ssize_t m,
                   Py_ssize_t place) noexcept nogil
    cdef double delta_of_loss(self, const char* theta, const Rows* data,
                              const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                              double scale) noexcept nogil
    cdef void backward(self, int thread, int level, const char* theta,
                       const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                       Py_ssize_t left, Py_ssize_t right) noexcept nogil
    cdef bint is_packed(self, int layer, Py_ssize_t m, bint add,
                          bint sparse) noexcept nogil
    cdef bint is_worth_sharing(self, int layer, Py_ssize_t m) noexcept nogil
    cdef void pack(self, int layer, Py_ssize_t m, int thread, Py_ssize_t start,
                   Py_ssize_t stop) noexcept nogil
    cdef Py_ssize_t rows_of_block(self, int layer, Py_ssize_t m) noexcept nogil
    cdef void gradient(self, int thread, const Rows* data, const Chunk* chunk,
                       int layer, Py_ssize_t start, Py_ssize_t stop, bint add,
                       const char* panels, char* dW) noexcept nogil
    cdef void gradient_of_biases(self, int layer, Py_ssize_t m, bint add,
                                 char* g) noexcept nogil
    cdef double penalty(self, const char* theta, char* g, Py_ssize_t at, Py_ssize_t n,
                        double* g_squares) noexcept nogil
    cdef bint product(self, int thread, const char* kind, int m, int n, int k,
                      const char* a, int lda, const char* b, int ldb, bint add,
                      char* c, int ldc, const char* start) noexcept nogil
    cdef bint has_own_product(self, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n,
                              Py_ssize_t k) noexcept nogil

cdef Rows rows_of(X, Y, w) except *
