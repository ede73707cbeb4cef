# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The tables of loops.h, and single loops for tests."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint64_t


cdef extern from "loops.h" nogil:
    const char* const function_names[]
    const char* const activation_names[]
    const char* const loss_names[]
    const char* const solver_names[]
    const char* const instruction_set_names[]
    int highest_instruction_set()
    const Loops* loops_for(int is_double, int instruction_set)
    unsigned long long flush_subnormals()
    void restore_subnormals(unsigned long long before)


cdef numbered(const char* const* names, int n):
    return {names[i].decode(): i for i in range(n)}


# Of each list in loops.h, the number of each name.
FUNCTIONS = numbered(function_names, N_FUNCTIONS)
ACTIVATIONS = numbered(activation_names, N_ACTIVATIONS)
LOSSES = numbered(loss_names, N_LOSSES)
SOLVERS = numbered(solver_names, N_SOLVERS)
# Those that this machine has.
INSTRUCTION_SETS = tuple(numbered(instruction_set_names, highest_instruction_set() + 1))


cdef const Loops* loops_of(str dtype, str instruction_set) except NULL:
    """Return the table for a dtype, given by its character, and an instruction set."""
    if dtype not in "fd":
        raise TypeError(f"the loops are for float32 and float64, not {dtype!r}")
    return loops_for(dtype == "d", INSTRUCTION_SETS.index(instruction_set))


cdef unsigned long long begin_flushing() noexcept nogil:
    """Take subnormal numbers for 0 in this thread; see loops.h."""
    return flush_subnormals()


cdef void end_flushing(unsigned long long before) noexcept nogil:
    """Undo `begin_flushing`."""
    restore_subnormals(before)


cdef char* address(array) except? NULL:
    """Return a pointer to the numbers of an array; ValueError unless C-contiguous."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_SIMPLE)
    place = <char*>view.buf
    PyBuffer_Release(&view)
    return place


def apply(str function, x, str instruction_set):
    """Replace each number of the vector x by one of FUNCTIONS of it."""
    cdef int which = FUNCTIONS[function]
    loops_of(x.dtype.char, instruction_set).apply[which](address(x), x.size)


def drop(x, uint64_t key, Py_ssize_t first, int threshold, double scale,
         str instruction_set):
    """Multiply the rows of x by their masks; see loops.h."""
    loops_of(x.dtype.char, instruction_set).drop(
        address(x), key, first, x.shape[0], x.shape[1], threshold, scale
    )


def largest(x, str instruction_set):
    """Return the largest |x| of a vector; NaN if it holds NaN or infinity."""
    return loops_of(x.dtype.char, instruction_set).largest(address(x), x.size)
