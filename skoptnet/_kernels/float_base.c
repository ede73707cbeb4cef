/* The loops for float, with what every machine of the architecture has. */
#define FLOAT
#define BASE
#include "table.h"
