/* The loops for double, with AVX-512. */
#define DOUBLE
#define AVX512
#include "table.h"
