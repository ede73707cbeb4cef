/* The solvers: one update of n coordinates, in one loop.

   A formula reads as in skoptnet.optimizers: x is theta after weight decay; first,
   second, ... are the vectors of Optimizer.memory. g includes the gradient of the
   penalty, taken at the same point W as the rest of the gradient.

   A formula is compiled twice, for vectors and for the numbers left over: T is the type
   of either. C has no ?: for vectors; functions take its place. */
#ifndef SKOPTNET_SOLVERS_H
#define SKOPTNET_SOLVERS_H

#include "functions.h"

#define FORMULA(type, from, end, point, formula)                                     \
    {                                                                                \
        typedef type T;                                                              \
        T *RESTRICT theta = at->theta, *RESTRICT ahead = at->ahead, squares = {0};   \
        T *RESTRICT first = at->memory[0], *RESTRICT second = at->memory[1];         \
        T *RESTRICT third = at->memory[2], *RESTRICT fourth = at->memory[3];         \
        const T *RESTRICT gradient = g_;                                             \
        (void)ahead, (void)first, (void)second, (void)third, (void)fourth;           \
        LOOP(GCC unroll 2) /* so that a root and a quotient overlap */               \
        for (ptrdiff_t i = from; i < end; i++) {                                     \
            const T W = point[i], g = clip * (gradient[i] + factor * W);             \
            const T x = keep * theta[i];                                             \
            squares += W * W;                                                        \
            (void)x;                                                                 \
            formula                                                                  \
        }                                                                            \
        total += SUM_OF(squares);                                                    \
    }

#ifdef VECTOR_BYTES
#define EITHER(x, name) _Generic((x), V: name##_vector, default: name)
#define WHOLE(point, formula)             \
    FORMULA(V, 0, n / VL, point, formula) \
    FORMULA(REAL, n - n % VL, n, point, formula)
#else
#define EITHER(x, name) name
#define WHOLE(point, formula) FORMULA(REAL, 0, n, point, formula)
#endif

#define ROOT_OF(x) EITHER(x, root_of)(x)
#define ABS_OF(x) EITHER(x, abs_of)(x)
#define SIGN_OF_DIFFERENCE(a, b) EITHER(a, sign_of_difference)(a, b)
#define LARGER_OF(a, b) EITHER(a, larger_of)(a, b)
#define SUM_OF(x) EITHER(x, sum_of)(x)

#define STEP(name, point, formula)                                                   \
    static double name##_step(const Vectors *at, const void *g_, ptrdiff_t n,        \
                              double l2, double keep_, const StepNumbers *p)         \
    {                                                                                \
        const REAL factor = (REAL)l2, keep = (REAL)keep_, decay = (REAL)(1 - keep_); \
        const REAL clip = (REAL)p->clip;                                             \
        const REAL rate = (REAL)p->rate, corrected_rate = (REAL)p->corrected_rate;   \
        const REAL alpha = (REAL)p->momentum, epsilon = (REAL)p->epsilon;            \
        const REAL alpha_ahead = (REAL)p->momentum_ahead;                            \
        const REAL rest_alpha = (REAL)(1 - p->momentum);                             \
        const REAL rho_1 = (REAL)p->rho_1, rest_1 = (REAL)(1 - p->rho_1);            \
        const REAL rho_2 = (REAL)p->rho_2, rest_2 = (REAL)(1 - p->rho_2);            \
        const REAL rho_3 = (REAL)p->rho_3, rest_3 = (REAL)(1 - p->rho_3);            \
        const REAL correction_2 = (REAL)p->correction_2;                             \
        const REAL correction_3 = (REAL)p->correction_3;                             \
        const REAL weight_1 = (REAL)p->weight_1, weight_2 = (REAL)p->weight_2;       \
        const int ready = p->ready;                                                  \
        REAL total = 0;                                                              \
        (void)decay, (void)rate, (void)corrected_rate, (void)alpha, (void)epsilon;   \
        (void)alpha_ahead, (void)rest_alpha;                                         \
        (void)rho_1, (void)rest_1, (void)rho_2, (void)rest_2, (void)rho_3;           \
        (void)rest_3, (void)correction_2, (void)correction_3, (void)weight_1;        \
        (void)weight_2, (void)ready;                                                 \
        WHOLE(point, formula)                                                        \
        return total;                                                                \
    }

/* The point of the next gradient, if that is not theta. */
#define LOOK_AHEAD(name, formula)                                                \
    static void name##_look_ahead(const Vectors *at, ptrdiff_t n,                \
                                  const StepNumbers *p)                          \
    {                                                                            \
        const REAL *RESTRICT theta = at->theta, *RESTRICT first = at->memory[0]; \
        const REAL *RESTRICT second = at->memory[1];                             \
        REAL *RESTRICT ahead = at->ahead;                                        \
        const REAL alpha = (REAL)p->momentum_ahead;                              \
        const REAL rest_1 = (REAL)(1 - p->rho_1);                                \
        (void)first, (void)second, (void)alpha, (void)rest_1;                    \
        for (ptrdiff_t i = 0; i < n; i++)                                        \
            ahead[i] = formula;                                                  \
    }

#define AHEAD(theta, alpha, v) ((theta) + (alpha) * (v))
#define BETWEEN(theta, share, z) ((theta) + (share) * ((z) - (theta)))

LOOK_AHEAD(nesterov, AHEAD(theta[i], alpha, first[i]))
LOOK_AHEAD(rmsprop_nesterov, AHEAD(theta[i], alpha, second[i]))
LOOK_AHEAD(schedule_free_adamw, BETWEEN(theta[i], rest_1, first[i]))

STEP(descent, theta, { theta[i] = x - rate * g; })

STEP(momentum, theta, {
    const T v = alpha * first[i] - rate * g;
    first[i] = v;
    theta[i] = x + v;
})

STEP(nesterov, ahead, {
    const T v = alpha * first[i] - rate * g;
    first[i] = v;
    theta[i] = x + v;
    ahead[i] = AHEAD(x + v, alpha_ahead, v);
})

STEP(adagrad, theta, {
    const T r = first[i] + g * g;
    first[i] = r;
    theta[i] = x - rate * g / (epsilon + ROOT_OF(r));
})

STEP(rmsprop, theta, {
    const T r = rho_1 * first[i] + rest_1 * g * g;
    first[i] = r;
    theta[i] = x - rate * g / ROOT_OF(epsilon + r);
})

STEP(rmsprop_nesterov, ahead, {
    const T r = rho_1 * first[i] + rest_1 * g * g;
    const T v = alpha * second[i] - rate * g / ROOT_OF(epsilon + r);
    first[i] = r;
    second[i] = v;
    theta[i] = x + v;
    ahead[i] = AHEAD(x + v, alpha_ahead, v);
})

STEP(centered_rmsprop, theta, {
    const T r = rho_1 * first[i] + rest_1 * g * g;
    const T s = rho_1 * second[i] + rest_1 * g;
    const T variance = LARGER_OF(0 * r, r - s * s);
    const T v = alpha * third[i] - rate * g / ROOT_OF(variance + epsilon);
    first[i] = r;
    second[i] = s;
    third[i] = v;
    theta[i] = x + v;
})

STEP(adadelta, theta, {
    const T r = rho_1 * first[i] + rest_1 * g * g;
    const T update = ROOT_OF(second[i] + epsilon) / ROOT_OF(r + epsilon) * g;
    first[i] = r;
    second[i] = rho_1 * second[i] + rest_1 * update * update;
    theta[i] = x - rate * update;
})

STEP(adam, theta, {
    const T s = rho_1 * first[i] + rest_1 * g;
    const T r = rho_2 * second[i] + rest_2 * g * g;
    first[i] = s;
    second[i] = r;
    theta[i] = x - corrected_rate * s / (ROOT_OF(r * correction_2) + epsilon);
})

STEP(amsgrad, theta, {
    const T s = rho_1 * first[i] + rest_1 * g;
    const T r = rho_2 * second[i] + rest_2 * g * g;
    const T highest = LARGER_OF(third[i], r);
    first[i] = s;
    second[i] = r;
    third[i] = highest;
    theta[i] = x - corrected_rate * s / (ROOT_OF(highest * correction_2) + epsilon);
})

STEP(adamax, theta, {
    const T s = rho_1 * first[i] + rest_1 * g;
    const T u = LARGER_OF(rho_2 * second[i], ABS_OF(g) + epsilon);
    first[i] = s;
    second[i] = u;
    theta[i] = x - corrected_rate * s / u;
})

STEP(nadam, theta, {
    const T s = rho_1 * first[i] + rest_1 * g;
    const T r = rho_2 * second[i] + rest_2 * g * g;
    const T moment = weight_1 * s + weight_2 * g;
    first[i] = s;
    second[i] = r;
    theta[i] = x - moment / (ROOT_OF(r * correction_2) + epsilon);
})

STEP(radam, theta, {
    const T s = rho_1 * first[i] + rest_1 * g;
    const T r = rho_2 * second[i] + rest_2 * g * g;
    first[i] = s;
    second[i] = r;
    if (ready)
        theta[i] = x - weight_1 * s / (ROOT_OF(r * correction_2) + epsilon);
    else
        theta[i] = x - weight_1 * s;
})

STEP(yogi, theta, {
    const T s = rho_1 * first[i] + rest_1 * g;
    const T sign = SIGN_OF_DIFFERENCE(second[i], g * g);
    const T r = second[i] - rest_2 * sign * g * g;
    first[i] = s;
    second[i] = r;
    theta[i] = x - corrected_rate * s / (ROOT_OF(r * correction_2) + epsilon);
})

STEP(adabelief, theta, {
    const T s = rho_1 * first[i] + rest_1 * g;
    const T r = rho_2 * second[i] + (rest_2 * (g - s) * (g - s) + epsilon);
    first[i] = s;
    second[i] = r;
    theta[i] = x - corrected_rate * s / (ROOT_OF(r * correction_2) + epsilon);
})

/* The decay comes after the update. */
STEP(adan, theta, {
    const T d = (REAL)ready * (g - fourth[i]);
    const T look = g + rho_2 * d;
    const T s = rho_1 * first[i] + rest_1 * g;
    const T r = rho_3 * second[i] + rest_3 * look * look;
    const T v = rho_2 * third[i] + rest_2 * d;
    const T moment = weight_1 * s + weight_2 * v;
    first[i] = s;
    second[i] = r;
    third[i] = v;
    fourth[i] = g;
    theta[i] = keep * (theta[i] - moment / (ROOT_OF(r * correction_3) + epsilon));
})

STEP(lion, theta, {
    const T sign = SIGN_OF_DIFFERENCE(rho_1 * first[i], -(rest_1 * g));
    first[i] = rho_2 * first[i] + rest_2 * g;
    theta[i] = x - rate * sign;
})

/* theta is the average of z. The decay is that of z, in proportion to the point of the
   gradient. */
STEP(schedule_free_adamw, ahead, {
    const T r = rho_2 * second[i] + rest_2 * g * g;
    const T z = first[i] - decay * W - rate * g / (ROOT_OF(r * correction_2) + epsilon);
    const T mean = BETWEEN(theta[i], weight_1, z);
    first[i] = z;
    second[i] = r;
    theta[i] = mean;
    ahead[i] = BETWEEN(mean, rest_1, z);
})

/* The elementwise part, for weights: M takes the place of the point ahead, and theta
   stays. */
STEP(muon, theta, {
    const T s = alpha * first[i] + rest_alpha * g;
    first[i] = s;
    ahead[i] = alpha * s + rest_alpha * g;
})

#endif
