/* The names of the lists in loops.h, and the choice of a table. */
#include "loops.h"

#define FUNCTION(name) #name,
#define ACTIVATION(name, from) #name,
#define LOSS(name, targets) #name,
#define SOLVER(name, point) #name,
#define INSTRUCTION_SET_NAME(name) #name,
const char *const function_names[] = {FUNCTIONS(FUNCTION)};
const char *const activation_names[] = {ACTIVATIONS(ACTIVATION)};
const char *const loss_names[] = {LOSSES(LOSS)};
const char *const solver_names[] = {SOLVERS(SOLVER)};
const char *const instruction_set_names[] = {INSTRUCTION_SETS(INSTRUCTION_SET_NAME)};

#define DECLARE(name) \
    extern const Loops LOOPS_NAME(float, name), LOOPS_NAME(double, name);
#define PAIR(name) {&LOOPS_NAME(float, name), &LOOPS_NAME(double, name)},
INSTRUCTION_SETS(DECLARE)
static const Loops *const tables[N_INSTRUCTION_SETS][2] = {INSTRUCTION_SETS(PAIR)};

int highest_instruction_set(void)
{
#ifdef HAS_TARGETS
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return INSTRUCTION_SET_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return INSTRUCTION_SET_avx2;
#endif
    return INSTRUCTION_SET_base;
}

const Loops *loops_for(int is_double, int instruction_set)
{
    return tables[instruction_set][is_double];
}
