"""One of the built-in solvers, for the training kernel."""

cimport cython

from .loops cimport Loops, StepNumbers

@cython.final
cdef class Solver:
    cdef const Loops* loops
    cdef int kind
    cdef StepNumbers numbers
    cdef double weight_decay, keep
    cdef char* theta
    cdef char* first
    cdef char* second
    cdef char* ahead
    cdef object kept

    cdef const char* point(self) noexcept nogil
    cdef void begin(self, double eps, double t) noexcept nogil
    cdef double step(self, const char* g, Py_ssize_t start, Py_ssize_t n, double l2,
                     double keep) noexcept nogil
