/* Makes a thread take subnormal numbers for 0, where the processor can. */
#include "loops.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <xmmintrin.h>

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
