/* The loops for double, with AVX2. */
#define DOUBLE
#define AVX2
#include "table.h"
