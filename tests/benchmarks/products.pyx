# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The three products of a layer by skoptnet's kernels, and the peak of the processor.

Compiled by `contestants.compiled` on use; the products of BLAS are in floor.pyx.
"""

from libc.string cimport memcpy

from skoptnet._kernels.loops cimport address
from skoptnet._kernels.network cimport Chunk, Network, Rows, rows_of

cdef extern from *:
    """
    /* Twelve independent sums hide the latency of a multiply-add. */
    #if defined(__x86_64__) && defined(__GNUC__)
    #define SUMS(move, zero, fma, r)                                               \\
        for (long i = 0; i < n; i++)                                               \\
            __asm__ volatile(                                                      \\
                fma(0, r) fma(1, r) fma(2, r) fma(3, r) fma(4, r) fma(5, r)        \\
                fma(6, r) fma(7, r) fma(8, r) fma(9, r) fma(10, r) fma(11, r)      \\
                ::: "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",        \\
                    "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");
    #define FMA(i, r) "vfmadd231ps %%" r "12, %%" r "13, %%" r #i "\\n"
    /* Multiplies 12 n vectors; returns the bytes of a vector. */
    static int multiply_vectors(int level, long n)
    {
        if (level == 2) {
            SUMS(, , FMA, "zmm")
            return 64;
        }
        if (level == 1) {
            SUMS(, , FMA, "ymm")
            return 32;
        }
        return 0;
    }
    #else
    static int multiply_vectors(int level, long n)
    {
        return 0;
    }
    #endif
    """
    int multiply_vectors(int level, long n) nogil


def vectors(int level, long n):
    """Make 12 n multiply-adds of vectors; return their bytes, 0 where that is unknown."""
    with nogil:
        size = multiply_vectors(level, n)
    return size


def product(Network network, a, b, bint b_transposed, c, int times):
    """c (m, n) <- a (m, k) b (k, n), where b may be given as b^T (n, k)"""
    cdef int m = a.shape[0], k = a.shape[1], n = c.shape[1]
    cdef const char* kind = b"NT" if b_transposed else b"NN"
    cdef int ldb = k if b_transposed else n
    cdef char* left = address(a)
    cdef char* right = address(b)
    cdef char* out = address(c)
    with nogil:
        for _ in range(times):
            network.product(0, kind, m, n, k, left, k, right, ldb, False, out, n, NULL)


def gradient(Network network, a, delta, dW, int times):
    """dW (k, n) <- a (m, k)^T delta (m, n), for a network with one layer"""
    cdef Py_ssize_t m = a.shape[0], k = a.shape[1], n = delta.shape[1], start, stop
    cdef Rows data = rows_of(a, None, None)
    cdef Chunk chunk = Chunk(NULL, 0, m, 0)
    cdef char* out = address(dW)
    cdef char* panels = NULL
    cdef Py_ssize_t size = delta.dtype.itemsize, rows = k
    memcpy(network.delta[1], address(delta), delta.nbytes)
    with nogil:
        for _ in range(times):
            if network.is_packed(0, m, False, False):
                network.pack(0, m, 0, 0, 1)
                panels = network.workspaces[0].panels
                rows = network.rows_of_block(0, m)
            start = 0
            while start < k:
                stop = min(start + rows, k)
                network.gradient(0, &data, &chunk, 0, start, stop, False, panels,
                                 out + start * n * size)
                start = stop
