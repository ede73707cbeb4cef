# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The shuffles of NumPy's RandomState, in half of its time."""

from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from .loops cimport address

# What every source of random bits of NumPy has to offer (numpy/random/bitgen.h).
cdef struct Bits:
    void* state
    uint64_t (*next_uint64)(void* state) noexcept nogil
    uint32_t (*next_uint32)(void* state) noexcept nogil
    double (*next_double)(void* state) noexcept nogil
    uint64_t (*next_raw)(void* state) noexcept nogil


cdef void shuffle(Bits* bits, Py_ssize_t* order, Py_ssize_t n) noexcept nogil:
    """Swap each place, from the last one down, with a random one not after it.

    Bits that make too large a number are drawn again. No processor can foresee that, so
    it is no branch: the place is then swapped with itself, and comes once more.
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

    As ``RandomState.shuffle`` does, with the same random numbers.

    Parameters
    ----------
    orders : intp array of shape (n_orders, n)
        Takes the order after each shuffle. It may be ``order`` itself, as (1, n).
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
