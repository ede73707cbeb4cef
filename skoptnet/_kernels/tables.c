/* The tables of loops.h: the loops compiled for both types and for each instruction
   set that the compiler can aim at. Nothing is compiled for the machine it is built
   on, so a binary runs everywhere. */
#include "loops.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>
#endif

#define LOOPS_PASTE(name, suffix) name##_##suffix
#define LOOPS_NAME(name, suffix) LOOPS_PASTE(name, suffix)
#define RESTRICT __restrict
#ifdef __GNUC__
#define ALWAYS_INLINE __attribute__((always_inline))
#else
#define ALWAYS_INLINE
#endif

/* Matrices of so many bytes are read as fast from where they lie. */
#define LARGEST_IN_PLACE (1 << 18)
/* Rows of a matrix that are on their way to the cache while one is copied. */
#define ROWS_AHEAD 16

/* What every machine of this architecture has: SSE2, NEON. */
#define LEVEL base
#ifdef __GNUC__ /* Clang says it is GNUC, too */
#define VECTOR_BYTES 16
#define TILE_ROWS 4
#define TILE_VECTORS 3
#define LARGEST_PRODUCT 0x1p18
#endif
#include "loops_both.h"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAS_LEVELS
#ifdef __clang__
#define AIM_AT_AVX2 \
    _Pragma("clang attribute push(__attribute__((target(\"avx2,fma\"))), apply_to = function)")
#define AIM_AT_AVX512 \
    _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,avx512f,avx512bw,avx512dq,avx512vl\"))), apply_to = function)")
#define AIM_BACK _Pragma("clang attribute pop")
#else
#define AIM_AT_AVX2 _Pragma("GCC push_options") _Pragma("GCC target(\"avx2,fma\")")
#define AIM_AT_AVX512 \
    _Pragma("GCC push_options") \
    _Pragma("GCC target(\"avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512\")")
#define AIM_BACK _Pragma("GCC pop_options")
#endif

AIM_AT_AVX2
#define LEVEL avx2
#undef VECTOR_BYTES
#undef LARGEST_PRODUCT
#define VECTOR_BYTES 32
#define LARGEST_PRODUCT 0x1p24
#include "loops_both.h"
AIM_BACK

AIM_AT_AVX512
#define LEVEL avx512
#undef VECTOR_BYTES
#undef TILE_ROWS
#undef TILE_VECTORS
#undef LARGEST_PRODUCT
#define VECTOR_BYTES 64
#define LARGEST_PRODUCT INFINITY
#define TILE_ROWS 6
#define TILE_VECTORS 4
#define ESTIMATES_ROOTS
#include "loops_both.h"
AIM_BACK
#endif

int highest_level(void)
{
#ifdef HAS_LEVELS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return 1;
#endif
    return 0;
}

const Loops *loops_for(int is_double, int level)
{
#ifdef HAS_LEVELS
    if (level == 2)
        return is_double ? &loops_double_avx512 : &loops_float_avx512;
    if (level == 1)
        return is_double ? &loops_double_avx2 : &loops_float_avx2;
#endif
    (void)level;
    return is_double ? &loops_double_base : &loops_float_base;
}

#if defined(__SSE2__) || defined(_M_X64)
enum { FLUSH = 0x8040 }; /* results (FTZ) and operands (DAZ) */

unsigned long long flush_subnormals(void)
{
    unsigned int before = _mm_getcsr();
    _mm_setcsr(before | FLUSH);
    return before;
}

void restore_subnormals(unsigned long long before)
{
    _mm_setcsr((_mm_getcsr() & ~FLUSH) | ((unsigned int)before & FLUSH));
}
#elif defined(__aarch64__) && defined(__GNUC__)
enum { FLUSH = 1 << 24 }; /* FZ */

unsigned long long flush_subnormals(void)
{
    unsigned long long before;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(before));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(before | FLUSH));
    return before;
}

void restore_subnormals(unsigned long long before)
{
    __asm__ __volatile__("msr fpcr, %0" : : "r"(before));
}
#else
unsigned long long flush_subnormals(void)
{
    return 0;
}

void restore_subnormals(unsigned long long before)
{
    (void)before;
}
#endif
