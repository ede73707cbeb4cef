/* The table of loops.h for one type and instruction set, for the .c files. */
#include "loops.h"

/* Nothing where the compiler cannot target the instruction set. */
#if defined(BASE) || defined(HAS_TARGETS)
#include "types.h"

#include "activations.h"
#include "dropout.h"
#include "functions.h"
#include "losses.h"
#include "reductions.h"
#include "rows.h"
#include "scaling.h"
#include "solvers.h"
#include "sparse.h"
#include "updates.h"
#ifdef VECTOR_BYTES
#include "products.h"
#endif

#define APPLY(name) [FUNCTION_##name] = apply_##name,
#define MAKES_SLOPES(name, from) [ACTIVATION_##name] = MAKES_SLOPES_##from,
#define MAKES_SLOPES_a 0
#define MAKES_SLOPES_slopes 1
#define FORWARD_OF(name, from) [ACTIVATION_##name] = name##_forward,
#define BACKWARD_OF(name, from) [ACTIVATION_##name] = BACKWARD_FROM_##from(name),
#define BACKWARD_FROM_a(name) name##_backward
#define BACKWARD_FROM_slopes(name) slopes_backward
#define TARGETS_OF(name, targets) [LOSS_##name] = targets,
#define LOSS_OF(name, targets) [LOSS_##name] = name##_loss,
#define STEP_OF(name, point) [SOLVER_##name] = name##_step,
#define LOOK_AHEAD_OF(name, point) [SOLVER_##name] = LOOK_AHEAD_AT_##point(name),
#define LOOK_AHEAD_AT_theta(name) NULL
#define LOOK_AHEAD_AT_ahead(name) name##_look_ahead

#ifdef DOUBLE
#define TABLE LOOPS_NAME(double, INSTRUCTION_SET)
#else
#define TABLE LOOPS_NAME(float, INSTRUCTION_SET)
#endif

extern const Loops TABLE;
const Loops TABLE = {
    .size = sizeof(REAL),
    .apply = {FUNCTIONS(APPLY)},
    .gather = gather,
    .makes_slopes = {ACTIVATIONS(MAKES_SLOPES)},
    .forward = {ACTIVATIONS(FORWARD_OF)},
    .backward = {ACTIVATIONS(BACKWARD_OF)},
    .drop = drop,
    .targets = {LOSSES(TARGETS_OF)},
    .loss = {LOSSES(LOSS_OF)},
    .sum_rows = sum_rows,
    .penalise = penalise,
    .scale_weights = scale_weights,
    .scale_gradient = scale_gradient,
    .step = {SOLVERS(STEP_OF)},
    .look_ahead = {SOLVERS(LOOK_AHEAD_OF)},
    .subgradient = subgradient,
    .find_orthant = find_orthant,
    .keep_in_orthant = keep_in_orthant,
    .sum_of_squares = sum_of_squares,
    .norm_of = norm_of,
    .divide = divide,
    .average = average,
    .sparse_forward = sparse_forward,
    .sparse_backward = sparse_backward,
    .largest = largest,
#ifdef VECTOR_BYTES
    .product = product,
    .pack_panels = pack_panels,
    .pack_tiles = pack_tiles,
    .product_of_packed = product_of_packed,
    .vector = VL,
    .panel = TILE_VECTORS * VL,
    .packed_columns = SIDE_BY_SIDE * TILE_VECTORS * VL,
    .narrowest_product = NARROWEST_PRODUCT,
    .large_product = LARGE_PRODUCT,
    .largest_product = LARGEST_PRODUCT,
    .large_gradient = LARGE_GRADIENT,
#endif
};

#if defined(__clang__) && !defined(BASE)
#pragma clang attribute pop
#endif
#endif
