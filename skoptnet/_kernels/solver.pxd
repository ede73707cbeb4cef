"""A built-in solver, for the training kernel."""

cimport cython

from .loops cimport MOST_VECTORS, Loops, StepNumbers, Vectors

cdef enum:
    # Coordinates at a time where an update takes several passes: they stay in the cache.
    AT_ONCE = 4096

@cython.final
cdef class Solver:
    cdef const Loops* loops
    cdef int kind, n_vectors
    cdef bint momentum_is_rho_1
    # Of a solver that updates matrices: room for two matrices as large as any W_l, for
    # two as large as any product of one with its transpose, and for an orthant.
    cdef readonly bint layerwise
    cdef char* X
    cdef char* Y
    cdef char* A
    cdef char* B
    cdef char* orthant
    cdef double bias_rate
    # The strength of the L1 penalty, and the vectors of memory that are points.
    cdef double l1
    # The largest norm of a gradient, infinite if there is no limit.
    cdef double max_norm
    cdef int n_points
    cdef int[MOST_VECTORS] points
    cdef StepNumbers numbers
    cdef Vectors vectors
    # The average of the iterates that is stored, and the share of the next one in it;
    # NULL if the iterate itself is stored.
    cdef char* average
    cdef double decay_of_average, share
    cdef Py_ssize_t size
    cdef double weight_decay, keep
    cdef double momentum_decay, mu_product
    cdef double warmup_steps, largest_rate, sum_of_weights
    cdef object kept

    cdef take_numbers(self, optimizer)
    cdef const char* point(self) noexcept nogil
    cdef char* stored(self) noexcept nogil
    cdef void look_ahead(self, double momentum) noexcept nogil
    cdef void take_momentum(self, double momentum, double ahead) noexcept nogil
    cdef void begin(self, double rate, double t) noexcept nogil
    cdef void begin_nadam(self, double rate, double t) noexcept nogil
    cdef void begin_radam(self, double rate, double t) noexcept nogil
    cdef void begin_adan(self, double rate, double t) noexcept nogil
    cdef void begin_schedule_free(self, double rate, double t) noexcept nogil
    cdef double largest(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil
    cdef take_layers(self, layer_sizes)
    cdef char* buffer(self, size_t n) except NULL
    cdef void step_matrix(self, const char* g, Py_ssize_t start, int k_in, int k_out,
                          double rate_factor) noexcept nogil
    cdef void orthogonalise(self, int k_in, int k_out) noexcept nogil
    cdef void product(self, bint ta, bint tb, int m, int n, int k, double alpha,
                      const char* a, const char* b, double beta, char* c) noexcept nogil
    cdef void clip(self, double squares) noexcept nogil
    cdef bint takes_passes(self) noexcept nogil
    cdef double add_penalties(self, char* g, double* orthant, Py_ssize_t start,
                              Py_ssize_t n, double l2, double* squares) noexcept nogil
    cdef double step(self, const char* g, Py_ssize_t start, Py_ssize_t n, double l2,
                     bint weights, double rate_factor,
                     const double* orthant) noexcept nogil
    cdef void step_in_orthant(self, const Vectors* part, const char* g, Py_ssize_t n,
                              const StepNumbers* numbers,
                              const double* orthant) noexcept nogil
    cdef Vectors part_from(self, Py_ssize_t start) noexcept nogil
    cdef StepNumbers numbers_of(self, double rate_factor) noexcept nogil
