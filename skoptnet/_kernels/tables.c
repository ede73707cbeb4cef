/* The names of the lists in loops.h, and which table belongs to which level. */
#include "loops.h"

#define FUNCTION(name) #name,
#define ACTIVATION(name, from) #name,
#define LOSS(name, targets) #name,
#define SOLVER(name, point) #name,
#define LEVEL_NAME(name) #name,
const char *const function_names[] = {FUNCTIONS(FUNCTION)};
const char *const activation_names[] = {ACTIVATIONS(ACTIVATION)};
const char *const loss_names[] = {LOSSES(LOSS)};
const char *const solver_names[] = {SOLVERS(SOLVER)};
const char *const level_names[] = {LEVELS(LEVEL_NAME)};

#define DECLARE(level) extern const Loops LOOPS_NAME(float, level), LOOPS_NAME(double, level);
#define PAIR(level) {&LOOPS_NAME(float, level), &LOOPS_NAME(double, level)},
LEVELS(DECLARE)
static const Loops *const tables[N_LEVELS][2] = {LEVELS(PAIR)};

int highest_level(void)
{
#ifdef HAS_TARGETS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return LEVEL_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return LEVEL_avx2;
#endif
    return LEVEL_base;
}

const Loops *loops_for(int is_double, int level)
{
    return tables[level][is_double];
}
