"""One of the built-in solvers, for the training kernel."""

from .loops cimport Loops, StepNumbers

cdef class Solver:
    cdef const Loops* loops
    cdef int kind
    cdef StepNumbers of_weights, of_biases
    cdef double weight_decay
    cdef char* theta
    cdef char* first
    cdef char* second
    cdef char* ahead
    cdef object kept

    cdef const char* point(self) noexcept nogil
    cdef void begin(self, double eps, double t) noexcept nogil
    cdef double step(self, const char* g, Py_ssize_t start, Py_ssize_t n,
                     double l2) noexcept nogil
    cdef void step_biases(self, const char* g, Py_ssize_t start,
                          Py_ssize_t n) noexcept nogil
    cdef double go(self, const char* g, Py_ssize_t start, Py_ssize_t n, double l2,
                   const StepNumbers* numbers) noexcept nogil
