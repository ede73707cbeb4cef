/* The loops of loops_impl.h for both types, at the instruction set LEVEL. */
#define REAL float
#define SUFFIX LOOPS_NAME(float, LEVEL)
#include "loops_impl.h"
#undef REAL
#undef SUFFIX
#define REAL double
#define REAL_IS_DOUBLE
#define SUFFIX LOOPS_NAME(double, LEVEL)
#include "loops_impl.h"
#undef REAL
#undef REAL_IS_DOUBLE
#undef SUFFIX
#undef LEVEL
