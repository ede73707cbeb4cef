/* The solvers for one REAL and one instruction set, included by loops_impl.h.

   Each is one pass over n coordinates, as skoptnet.optimizers writes it. The penalty's
   share of the gradient is added on the way, at the point where the gradient was taken.
   x is theta after the decay; first, second, ... are the vectors of Optimizer.memory. */

#define STEP(name, point, formula)                                                     \
    static double FN(name)(const Vectors *at, const void *g_, ptrdiff_t n, double l2,  \
                           double keep_, const StepNumbers *p)                         \
    {                                                                                  \
        REAL *RESTRICT theta = at->theta, *RESTRICT ahead = at->ahead;                 \
        REAL *RESTRICT first = at->memory[0], *RESTRICT second = at->memory[1];        \
        REAL *RESTRICT third = at->memory[2], *RESTRICT fourth = at->memory[3];        \
        const REAL *RESTRICT gradient = g_;                                            \
        const REAL factor = (REAL)l2, eps = (REAL)p->eps;                              \
        const REAL keep = (REAL)keep_, lost = (REAL)(1 - keep_);                       \
        const REAL alpha = (REAL)p->momentum, delta = (REAL)p->delta;                  \
        const REAL rho_1 = (REAL)p->rho_1, rest_1 = (REAL)(1 - p->rho_1);              \
        const REAL rho_2 = (REAL)p->rho_2, rest_2 = (REAL)(1 - p->rho_2);              \
        const REAL rho_3 = (REAL)p->rho_3, rest_3 = (REAL)(1 - p->rho_3);              \
        const REAL rate = (REAL)(p->eps / p->correction_1);                            \
        const REAL inverse_2 = (REAL)(1 / p->correction_2);                            \
        const REAL inverse_3 = (REAL)(1 / p->correction_3);                            \
        const REAL weight_1 = (REAL)p->weight_1, weight_2 = (REAL)p->weight_2;         \
        const int ready = p->ready;                                                    \
        REAL squares = 0;                                                              \
        (void)ahead, (void)first, (void)second, (void)third, (void)fourth;             \
        (void)eps, (void)alpha, (void)delta, (void)rate, (void)inverse_2, (void)lost;  \
        (void)rho_1, (void)rest_1, (void)rho_2, (void)rest_2, (void)rho_3;             \
        (void)rest_3, (void)inverse_3, (void)weight_1, (void)weight_2, (void)ready;    \
        SUM(squares)                                                                   \
        for (ptrdiff_t i = 0; i < n; i++) {                                            \
            const REAL W = point[i], g = gradient[i] + factor * W, x = keep * theta[i]; \
            squares += W * W;                                                          \
            formula                                                                    \
        }                                                                              \
        return squares;                                                                \
    }

/* Where the next gradient is taken, if that is not theta. */
#define LOOK(name, formula)                                                            \
    static void FN(look_##name)(const Vectors *at, ptrdiff_t n, const StepNumbers *p)  \
    {                                                                                  \
        const REAL *RESTRICT theta = at->theta, *RESTRICT first = at->memory[0];       \
        const REAL *RESTRICT second = at->memory[1];                                   \
        REAL *RESTRICT ahead = at->ahead;                                              \
        const REAL alpha = (REAL)p->momentum, rest_1 = (REAL)(1 - p->rho_1);           \
        (void)first, (void)second, (void)alpha, (void)rest_1;                          \
        for (ptrdiff_t i = 0; i < n; i++)                                              \
            ahead[i] = formula;                                                        \
    }

static inline REAL FN(ahead)(REAL theta, REAL alpha, REAL v)
{
    return theta + alpha * v;
}

static inline REAL FN(between)(REAL theta, REAL share, REAL z)
{
    return theta + share * (z - theta);
}

LOOK(nesterov, FN(ahead)(theta[i], alpha, first[i]))
LOOK(rmsprop_nesterov, FN(ahead)(theta[i], alpha, second[i]))
LOOK(schedule_free_adamw, FN(between)(theta[i], rest_1, first[i]))
#undef LOOK

STEP(descent, theta, { theta[i] = x - eps * g; })

STEP(momentum, theta, {
    const REAL v = alpha * first[i] - eps * g;
    first[i] = v;
    theta[i] = x + v;
})

STEP(nesterov, ahead, {
    const REAL v = alpha * first[i] - eps * g;
    first[i] = v;
    theta[i] = x + v;
    ahead[i] = FN(ahead)(x + v, alpha, v);
})

STEP(adagrad, theta, {
    const REAL r = first[i] + g * g;
    first[i] = r;
    theta[i] = x - eps * g / (delta + FN(root)(r));
})

STEP(rmsprop, theta, {
    const REAL r = rho_1 * first[i] + rest_1 * g * g;
    first[i] = r;
    theta[i] = x - eps * g / FN(root)(delta + r);
})

STEP(rmsprop_nesterov, ahead, {
    const REAL r = rho_1 * first[i] + rest_1 * g * g;
    const REAL v = alpha * second[i] - eps * g / FN(root)(delta + r);
    first[i] = r;
    second[i] = v;
    theta[i] = x + v;
    ahead[i] = FN(ahead)(x + v, alpha, v);
})

STEP(centered_rmsprop, theta, {
    const REAL r = rho_1 * first[i] + rest_1 * g * g;
    const REAL s = rho_1 * second[i] + rest_1 * g;
    const REAL variance = r - s * s < 0 ? 0 : r - s * s;
    const REAL v = alpha * third[i] - eps * g / FN(root)(variance + delta);
    first[i] = r;
    second[i] = s;
    third[i] = v;
    theta[i] = x + v;
})

STEP(adadelta, theta, {
    const REAL r = rho_1 * first[i] + rest_1 * g * g;
    const REAL update = FN(root)(second[i] + delta) / FN(root)(r + delta) * g;
    first[i] = r;
    second[i] = rho_1 * second[i] + rest_1 * update * update;
    theta[i] = x - eps * update;
})

STEP(adam, theta, {
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL r = rho_2 * second[i] + rest_2 * g * g;
    first[i] = s;
    second[i] = r;
    theta[i] = x - rate * s / (FN(root)(r * inverse_2) + delta);
})

STEP(amsgrad, theta, {
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL r = rho_2 * second[i] + rest_2 * g * g;
    const REAL highest = third[i] > r ? third[i] : r;
    first[i] = s;
    second[i] = r;
    third[i] = highest;
    theta[i] = x - rate * s / (FN(root)(highest * inverse_2) + delta);
})

STEP(adamax, theta, {
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL faded = rho_2 * second[i];
    const REAL size = FABS(g) + delta;
    const REAL u = faded > size ? faded : size;
    first[i] = s;
    second[i] = u;
    theta[i] = x - rate * s / u;
})

STEP(nadam, theta, {
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL r = rho_2 * second[i] + rest_2 * g * g;
    first[i] = s;
    second[i] = r;
    theta[i] = x - (weight_1 * s + weight_2 * g) / (FN(root)(r * inverse_2) + delta);
})

STEP(radam, theta, {
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL r = rho_2 * second[i] + rest_2 * g * g;
    const REAL size = FN(root)(r * inverse_2) + delta;
    first[i] = s;
    second[i] = r;
    theta[i] = x - weight_1 * s / (ready ? size : 1);
})

STEP(yogi, theta, {
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL excess = second[i] - g * g;
    const REAL r = second[i] - rest_2 * SIGN(excess) * g * g;
    first[i] = s;
    second[i] = r;
    theta[i] = x - rate * s / (FN(root)(r * inverse_2) + delta);
})

STEP(adabelief, theta, {
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL r = rho_2 * second[i] + (rest_2 * (g - s) * (g - s) + delta);
    first[i] = s;
    second[i] = r;
    theta[i] = x - rate * s / (FN(root)(r * inverse_2) + delta);
})

/* The decay comes after the update. */
STEP(adan, theta, {
    const REAL d = ready ? g - fourth[i] : 0;
    const REAL look = g + rho_2 * d;
    const REAL s = rho_1 * first[i] + rest_1 * g;
    const REAL r = rho_3 * second[i] + rest_3 * look * look;
    const REAL v = rho_2 * third[i] + rest_2 * d;
    const REAL moment = weight_1 * s + weight_2 * v;
    first[i] = s;
    second[i] = r;
    third[i] = v;
    fourth[i] = g;
    theta[i] = keep * (theta[i] - moment / (FN(root)(r * inverse_3) + delta));
})

STEP(lion, theta, {
    const REAL mixed = rho_1 * first[i] + rest_1 * g;
    first[i] = rho_2 * first[i] + rest_2 * g;
    theta[i] = x - eps * SIGN(mixed);
})

/* theta is the average of z. What decays is z, by the share of the point in between. */
STEP(schedule_free_adamw, ahead, {
    const REAL r = rho_2 * second[i] + rest_2 * g * g;
    const REAL z = first[i] - lost * W
                   - eps * g / (FN(root)(r * inverse_2) + delta);
    const REAL mean = FN(between)(theta[i], weight_1, z);
    first[i] = z;
    second[i] = r;
    theta[i] = mean;
    ahead[i] = FN(between)(mean, rest_1, z);
})
#undef STEP
