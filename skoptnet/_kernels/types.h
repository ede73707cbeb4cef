/* What a .c file is compiled for: a type, REAL, and an instruction set.

   The .c file defines FLOAT or DOUBLE, and BASE, AVX2 or AVX512. The instruction set is
   a pragma, not an option of the compiler: nothing is compiled for the machine that
   builds, so that a binary runs everywhere. table.h ends what the pragma here begins.

   The loops are plain C that compilers vectorise: no branch depends on a number; what
   does is chosen with ?: . NaN and infinity go through. */
#ifndef SKOPTNET_TYPES_H
#define SKOPTNET_TYPES_H

#include "loops.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(BASE)
#define INSTRUCTION_SET base
#ifdef __GNUC__ /* has vectors */
#define VECTOR_BYTES 16
#endif
#elif defined(AVX2)
#define INSTRUCTION_SET avx2
#define VECTOR_BYTES 32
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#elif defined(AVX512)
#define INSTRUCTION_SET avx512
#define VECTOR_BYTES 64
#include <immintrin.h>
#ifdef __clang__
#pragma clang attribute push(                                               \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), \
    apply_to = function)
#else
#pragma GCC target( \
    "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#endif
#endif

#ifdef DOUBLE
#define REAL double
#define BITS uint64_t
#define MANTISSA 52
#define ROUNDER 0x1.8p52 /* x + ROUNDER - ROUNDER rounds x to a whole number */
#define C(x) x
#define SQRT sqrt
#define FABS fabs
#define LEAST DBL_MIN
#else
#define REAL float
#define BITS uint32_t
#define MANTISSA 23
#define ROUNDER 0x1.8p23f
#define C(x) x##f
#define SQRT sqrtf
#define FABS fabsf
#define LEAST FLT_MIN
#endif

#define SIGN(e) ((e) > 0 ? 1 : (e) < 0 ? -1 : (e))

#ifdef VECTOR_BYTES
/* A vector of numbers, at any address, and one of their bits. */
typedef REAL V
    __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
typedef BITS Bits __attribute__((vector_size(VECTOR_BYTES)));
#define VL ((ptrdiff_t)(VECTOR_BYTES / sizeof(REAL)))
#endif

#define RESTRICT __restrict
#ifdef __GNUC__
#define ALWAYS_INLINE __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#define LOOP(text) _Pragma(#text)
#else
#define ALWAYS_INLINE
#define NOINLINE
#define LOOP(text)
#endif
/* Sums and maxima that may be taken in any order, so that the loop vectorises. */
#define SUM(x) LOOP(omp simd reduction(+ : x))
#define HIGHEST(x) LOOP(omp simd reduction(max : x))

/* Numbers that a loop buffers on the stack at a time. */
#define BUFFERED 256

static inline BITS bits_of(REAL x)
{
    BITS i;
    memcpy(&i, &x, sizeof x);
    return i;
}

static inline REAL real_of(BITS i)
{
    REAL x;
    memcpy(&x, &i, sizeof x);
    return x;
}

#endif
