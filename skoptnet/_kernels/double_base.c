/* The loops for double, with what every machine of the architecture has. */
#define DOUBLE
#define BASE
#include "table.h"
