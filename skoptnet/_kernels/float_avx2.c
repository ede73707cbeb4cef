/* The loops for float, with AVX2. */
#define FLOAT
#define AVX2
#include "table.h"
