# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The shuffles of NumPy's RandomState, in half the time."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .loops cimport address

# The interface of NumPy's bit generators (numpy/random/bitgen.h).
cdef struct Bits:
    void* state
    uint64_t (*next_uint64)(void* state) noexcept nogil
    uint32_t (*next_uint32)(void* state) noexcept nogil
    double (*next_double)(void* state) noexcept nogil
    uint64_t (*next_raw)(void* state) noexcept nogil


cdef void shuffle(Bits* bits, Py_ssize_t* order, Py_ssize_t n) noexcept nogil:
    """Swap each element, from the last down, with a random one not after it.

    Bits that make too large a number are drawn again. No processor can predict that, so
    it is no branch: the element is swapped with itself and is next again.
    """
    cdef Py_ssize_t i = n - 1, j
    cdef uint32_t mask = 1
    cdef bint fits
    while mask < i:
        mask = 2 * mask + 1
    while i > 0:
        while mask >> 1 >= i:
            mask >>= 1
        j = bits.next_uint32(bits.state) & mask
        fits = j <= i
        j = j if fits else i
        order[i], order[j] = order[j], order[i]
        i -= fits


def shuffle_into(orders, order, bit_generator):
    """Shuffle ``order`` for each row of ``orders``, which becomes a copy of it.

    The random numbers are those of ``RandomState.shuffle``.

    Parameters
    ----------
    orders : intp array of shape (n_orders, n)
        Receives the order after each shuffle. It may be ``order`` itself, as (1, n).
    order : intp array of shape (n,)
        At most 2^31 numbers.
    bit_generator : BitGenerator
        The source of the bits.
    """
    cdef Bits* bits = <Bits*>PyCapsule_GetPointer(bit_generator.capsule, "BitGenerator")
    cdef Py_ssize_t n = order.shape[0], n_orders = orders.shape[0]
    cdef Py_ssize_t* last = <Py_ssize_t*>address(order)
    cdef Py_ssize_t* copy = <Py_ssize_t*>address(orders)
    with bit_generator.lock:
        with nogil:
            for _ in range(n_orders):
                shuffle(bits, last, n)
                if copy != last:
                    memcpy(copy, last, n * sizeof(Py_ssize_t))
                copy += n
