/* The loops for float, with AVX-512. */
#define FLOAT
#define AVX512
#include "table.h"
