# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The built-in solvers of `skoptnet.optimizers`: the formula of each in one loop over
theta, or, for Muon, in matrix products of SciPy's BLAS.

The formulas are in solvers.h, as `Optimizer.step` has them; tests compare the two.
"""

cimport cython

from libc.math cimport INFINITY, NAN, pow, sqrt
from libc.string cimport memcpy
from scipy.linalg.cython_blas cimport dgemm, sgemm

import numpy as np

from . cimport loops
from .loops cimport Vectors, address, loops_of

from .loops import SOLVERS

# What a kernel may read, by the name of the solver's attribute.
HYPERPARAMETERS = (
    "momentum", "rho", "beta_1", "beta_2", "beta_3", "epsilon", "momentum_decay",
    "warmup_steps", "bias_rate",
)


@cython.final
cdef class Solver:
    """A solver, with the vectors of one run.

    Parameters
    ----------
    kind : str
        The name of its kernel.
    optimizer : Optimizer
        The solver; its hyperparameters are read once, here.
    theta : array of shape (P,)
        The parameters.
    state : State
        The solver's memory. The vectors change in place; ``t`` stays; `leave_numbers`
        writes the other numbers.
    instruction_set : str
        One of loops.INSTRUCTION_SETS.
    l1 : float
        The strength of the L1 penalty.
    max_norm : float
        Gradients with a larger norm are clipped to this norm, if it is finite.
    layer_sizes : tuple of int
        (k_0, ..., k_L), for a solver that updates matrices.
    """

    def __init__(self, str kind, optimizer, theta, state, str instruction_set,
                 double l1=0, double max_norm=INFINITY, layer_sizes=()):
        cdef int i
        self.loops = loops_of(theta.dtype.char, instruction_set)
        self.kind = SOLVERS[kind]
        iterate = state.iterate if optimizer.average else theta
        ahead = theta.copy() if self.loops.look_ahead[self.kind] else None
        memory = [getattr(state, name) for name in optimizer.memory]
        self.kept = [theta, iterate, memory, ahead]
        self.vectors.theta = address(iterate)
        self.average = address(theta) if optimizer.average else NULL
        self.decay_of_average = optimizer.average
        self.vectors.ahead = NULL if ahead is None else address(ahead)
        self.n_vectors = len(memory)
        for i in range(self.n_vectors):
            self.vectors.memory[i] = address(memory[i])
        self.max_norm, self.numbers.clip = max_norm, 1
        self.l1, self.n_points = l1, len(optimizer.points)
        for i in range(self.n_points):
            self.points[i] = optimizer.memory.index(optimizer.points[i])
        self.weight_decay = optimizer.weight_decay
        self.take_numbers(optimizer)
        self.size = theta.size
        self.layerwise = self.kind == loops.SOLVER_muon
        if self.layerwise:
            self.take_layers(layer_sizes)
        self.start_from(state)

    cdef take_numbers(self, optimizer):
        """Read the hyperparameters in ``kernel_numbers``; the others are NaN."""
        numbers = dict.fromkeys(HYPERPARAMETERS, NAN)
        for name in optimizer.kernel_numbers:
            if name not in numbers:
                raise ValueError(f"kernels of solvers read no {name!r}")
            numbers[name] = getattr(optimizer, name)
        self.numbers.momentum = numbers["momentum"]
        self.numbers.momentum_ahead = numbers["momentum"]
        self.momentum_is_rho_1 = optimizer.momentum_name == "beta_1"
        self.numbers.rho_1 = numbers[
            "rho" if "rho" in optimizer.kernel_numbers else "beta_1"]
        self.numbers.rho_2 = numbers["beta_2"]
        self.numbers.rho_3 = numbers["beta_3"]
        self.numbers.epsilon = numbers["epsilon"]
        self.momentum_decay = numbers["momentum_decay"]
        self.warmup_steps = numbers["warmup_steps"]
        self.bias_rate = numbers["bias_rate"]

    cdef take_layers(self, layer_sizes):
        """Allocate the matrices of an update."""
        shapes = list(zip(layer_sizes, layer_sizes[1:])) or [(1, 1)]
        most = max(k_in * k_out for k_in, k_out in shapes)
        least = max(min(shape) for shape in shapes)
        self.X, self.Y = self.buffer(most), self.buffer(most)
        self.A, self.B = self.buffer(least * least), self.buffer(least * least)
        self.orthant = self.buffer(most if self.l1 else 1)

    cdef char* buffer(self, size_t n) except NULL:
        """Allocate n numbers."""
        memory = np.empty(n * self.loops.size, dtype=np.uint8)
        self.kept.append(memory)
        return address(memory)

    def start_from(self, state):
        """Read the numbers of the memory; find the point of the next gradient."""
        if self.kind == loops.SOLVER_nadam:
            self.mu_product = state.mu_product
        elif self.kind == loops.SOLVER_schedule_free_adamw:
            self.largest_rate = state.largest_rate
            self.sum_of_weights = state.sum_of_weights
        if self.vectors.ahead:
            self.loops.look_ahead[self.kind](&self.vectors, self.size, &self.numbers)

    def leave_numbers(self, state):
        """Write what updates have changed besides t and the vectors into the memory."""
        if self.kind == loops.SOLVER_nadam:
            state.mu_product = self.mu_product
        elif self.kind == loops.SOLVER_schedule_free_adamw:
            state.largest_rate = self.largest_rate
            state.sum_of_weights = self.sum_of_weights

    cdef const char* point(self) noexcept nogil:
        """Return the point of the next gradient."""
        return <const char*>(
            self.vectors.ahead if self.vectors.ahead else self.vectors.theta)

    cdef char* stored(self) noexcept nogil:
        """Return the parameters that are stored."""
        return self.average if self.average else <char*>self.vectors.theta

    cdef void look_ahead(self, double momentum) noexcept nogil:
        """Find the point of the next gradient for a momentum that has changed."""
        if self.vectors.ahead and momentum != self.numbers.momentum_ahead:
            self.numbers.momentum_ahead = momentum
            self.loops.look_ahead[self.kind](&self.vectors, self.size, &self.numbers)

    cdef void take_momentum(self, double momentum, double ahead) noexcept nogil:
        """Set the momentum of an update, and that of the next one for its point."""
        if self.momentum_is_rho_1:
            self.numbers.rho_1 = momentum
        else:
            self.numbers.momentum = momentum
        self.numbers.momentum_ahead = ahead

    cdef void begin(self, double rate, double t) noexcept nogil:
        """Set the numbers of update t, counted from 1."""
        cdef loops.StepNumbers* p = &self.numbers
        p.rate = rate
        p.corrected_rate = rate / (1 - pow(p.rho_1, t))
        p.correction_2 = 1 / (1 - pow(p.rho_2, t))
        self.keep = 1 - rate * self.weight_decay
        if self.average:
            self.share = max(1 - self.decay_of_average, 1 / t)
        if self.kind == loops.SOLVER_nadam:
            self.begin_nadam(rate, t)
        elif self.kind == loops.SOLVER_radam:
            self.begin_radam(rate, t)
        elif self.kind == loops.SOLVER_adan:
            self.begin_adan(rate, t)
        elif self.kind == loops.SOLVER_schedule_free_adamw:
            self.begin_schedule_free(rate, t)

    cdef void begin_nadam(self, double rate, double t) noexcept nogil:
        cdef double mu, mu_next
        mu = self.numbers.rho_1 * (1 - 0.5 * pow(0.96, self.momentum_decay * t))
        mu_next = self.numbers.rho_1 * (
            1 - 0.5 * pow(0.96, self.momentum_decay * (t + 1)))
        self.mu_product *= mu
        self.numbers.weight_1 = rate * mu_next / (1 - self.mu_product * mu_next)
        self.numbers.weight_2 = rate * (1 - mu) / (1 - self.mu_product)

    cdef void begin_radam(self, double rate, double t) noexcept nogil:
        cdef double rho_2 = self.numbers.rho_2, n_inf = 2 / (1 - rho_2) - 1
        cdef double n = n_inf - 2 * t * pow(rho_2, t) * self.numbers.correction_2
        self.numbers.ready = n > 5
        self.numbers.weight_1 = self.numbers.corrected_rate
        if self.numbers.ready:
            self.numbers.weight_1 *= sqrt(
                (n - 4) * (n - 2) * n_inf / ((n_inf - 4) * (n_inf - 2) * n))

    cdef void begin_adan(self, double rate, double t) noexcept nogil:
        self.numbers.correction_3 = 1 / (1 - pow(self.numbers.rho_3, t))
        self.numbers.weight_1 = self.numbers.corrected_rate
        self.numbers.weight_2 = rate * self.numbers.rho_2 * self.numbers.correction_2
        self.numbers.ready = t > 1
        self.keep = 1 / (1 + rate * self.weight_decay)

    cdef void begin_schedule_free(self, double rate, double t) noexcept nogil:
        cdef double w
        rate *= min(t / max(self.warmup_steps, 1), 1)  # NaN goes through
        self.largest_rate = max(self.largest_rate, rate)
        w = self.largest_rate * self.largest_rate
        self.sum_of_weights += w
        self.numbers.rate = rate
        self.numbers.weight_1 = w / self.sum_of_weights if w else 0
        self.keep = 1 - rate * self.weight_decay

    cdef double largest(self, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        """Return the largest absolute value of n coordinates from ``start`` on.

        It is NaN if one of them, or of the memory, numbers included, is not finite.
        """
        cdef Py_ssize_t at = start * <Py_ssize_t>self.loops.size
        cdef double size = self.loops.largest(self.stored() + at, n)
        cdef int i
        for i in range(self.n_vectors):
            size += 0 * self.loops.largest(<char*>self.vectors.memory[i] + at, n)
        return size + 0 * (self.mu_product + self.largest_rate + self.sum_of_weights)

    cdef void step_matrix(self, const char* g, Py_ssize_t start, int k_in, int k_out,
                          double rate_factor) noexcept nogil:
        """Update a matrix of weights by its orthogonalised momentum, as `Muon` does.

        g is the gradient, penalties included.
        """
        cdef Vectors part = self.part_from(start)
        cdef StepNumbers numbers = self.numbers
        cdef Py_ssize_t n = <Py_ssize_t>k_in * k_out
        if self.l1:
            self.loops.find_orthant(self.orthant, part.theta, g, n)
        part.ahead = self.X
        self.loops.step[loops.SOLVER_muon](&part, g, n, 0, 1, &numbers)
        self.orthogonalise(k_in, k_out)
        numbers.rate *= rate_factor * sqrt(max(1, <double>k_out / k_in))
        numbers.clip = 1
        self.loops.step[loops.SOLVER_descent](
            &part, self.X, n, 0, self.keep, &numbers)
        if self.l1:
            self.loops.keep_in_orthant(part.theta, part.theta, self.orthant, n)
        if self.average:
            self.loops.average(
                self.average + start * <Py_ssize_t>self.loops.size, part.theta,
                self.share, n)

    cdef void orthogonalise(self, int k_in, int k_out) noexcept nogil:
        """Replace X by about U V^T of X = U S V^T: five Newton-Schulz steps.

        With more rows than columns, X^T X takes the place of A = X X^T.
        """
        cdef double a = 3.4445, b = -4.7750, c = 2.0315
        cdef bint tall = k_in > k_out
        cdef int least = min(k_in, k_out), most = max(k_in, k_out)
        cdef Py_ssize_t n = <Py_ssize_t>k_in * k_out, size = self.loops.size
        cdef double squares = self.loops.sum_of_squares(self.X, n)
        self.loops.divide(self.X, self.loops.norm_of(squares) + 1e-7, n)
        for _ in range(5):
            self.product(tall, not tall, least, least, most, 1, self.X, self.X, 0,
                         self.A)
            memcpy(self.B, self.A, <Py_ssize_t>least * least * size)
            self.product(False, False, least, least, least, c, self.A, self.A, b,
                         self.B)
            memcpy(self.Y, self.X, n * size)
            if tall:
                self.product(False, False, k_in, k_out, k_out, 1, self.X, self.B, a,
                             self.Y)
            else:
                self.product(False, False, k_in, k_out, k_in, 1, self.B, self.X, a,
                             self.Y)
            self.X, self.Y = self.Y, self.X

    cdef void product(self, bint ta, bint tb, int m, int n, int k, double alpha,
                      const char* a, const char* b, double beta, char* c) noexcept nogil:
        """c (m, n) <- alpha a (m, k) b (k, n) + beta c; a or b is given transposed."""
        cdef int lda = m if ta else k, ldb = k if tb else n
        cdef float alpha_f = alpha, beta_f = beta
        # BLAS wants columns to be contiguous, so it gets c^T = b^T a^T.
        if self.loops.size == sizeof(double):
            dgemm(b"T" if tb else b"N", b"T" if ta else b"N", &n, &m, &k, &alpha,
                  <double*>b, &ldb, <double*>a, &lda, &beta, <double*>c, &n)
        else:
            sgemm(b"T" if tb else b"N", b"T" if ta else b"N", &n, &m, &k, &alpha_f,
                  <float*>b, &ldb, <float*>a, &lda, &beta_f, <float*>c, &n)

    cdef void clip(self, double squares) noexcept nogil:
        """Clip the gradient of an update whose squares have this sum."""
        cdef double norm = self.loops.norm_of(squares)
        self.numbers.clip = self.max_norm / norm if norm > self.max_norm else 1

    cdef bint takes_passes(self) noexcept nogil:
        """Tell whether an update has passes besides the solver's formula."""
        return self.l1 > 0 or self.average != NULL

    cdef double add_penalties(self, char* g, double* orthant, Py_ssize_t start,
                              Py_ssize_t n, double l2, double* squares) noexcept nogil:
        """Add both penalties to the gradient of n weights from ``start`` on.

        Return the sum of their absolute values, and add that of the squares to
        ``squares``. ``orthant`` takes the orthant for `step`.
        """
        cdef Py_ssize_t at = start * <Py_ssize_t>self.loops.size
        return self.loops.subgradient(
            g, orthant, <char*>self.vectors.theta + at, self.point() + at, self.l1, l2,
            n, squares)

    cdef double step(self, const char* g, Py_ssize_t start, Py_ssize_t n, double l2,
                     bint weights, double rate_factor,
                     const double* orthant) noexcept nogil:
        """Update n coordinates from ``start`` on; g is their part of the gradient.

        Weights decay, and with an L1 penalty keep to their orthant, which is found here
        if it is NULL. The rate of the coordinates is the update's times
        ``rate_factor``. Add the gradient of the L2 penalty; return the sum of squares
        that it is made of.
        """
        cdef Vectors part = self.part_from(start)
        cdef StepNumbers of_block
        cdef const StepNumbers* numbers = &self.numbers
        cdef double squares = 0
        if self.layerwise:  # Adam updates what is no matrix
            rate_factor *= self.bias_rate
        if rate_factor != 1:
            of_block = self.numbers_of(rate_factor)
            numbers = &of_block
        if self.layerwise:
            self.loops.step[loops.SOLVER_adam](&part, g, n, 0, 1, numbers)
        elif weights and self.l1:
            self.step_in_orthant(&part, g, n, numbers, orthant)
        else:
            squares = self.loops.step[self.kind](
                &part, g, n, l2, self.keep if weights else 1, numbers)
        if self.average:
            self.loops.average(
                self.average + start * <Py_ssize_t>self.loops.size, part.theta,
                self.share, n)
        return squares

    cdef void step_in_orthant(self, const Vectors* part, const char* g, Py_ssize_t n,
                              const StepNumbers* numbers,
                              const double* orthant) noexcept nogil:
        """Update n weights with a subgradient, and set those to 0 that change sign."""
        cdef double[AT_ONCE] found
        cdef int i
        if not orthant:
            self.loops.find_orthant(found, part.theta, g, n)
            orthant = found
        self.loops.step[self.kind](part, g, n, 0, self.keep, numbers)
        for i in range(self.n_points):
            self.loops.keep_in_orthant(
                part.memory[self.points[i]], part.theta, orthant, n)
        self.loops.keep_in_orthant(part.theta, part.theta, orthant, n)
        if part.ahead:
            self.loops.look_ahead[self.kind](part, n, numbers)

    cdef Vectors part_from(self, Py_ssize_t start) noexcept nogil:
        """Return the places of a coordinate in the vectors."""
        cdef Py_ssize_t at = start * <Py_ssize_t>self.loops.size
        cdef Vectors part = self.vectors
        cdef int i
        part.theta = <char*>part.theta + at
        if part.ahead:
            part.ahead = <char*>part.ahead + at
        for i in range(self.n_vectors):
            part.memory[i] = <char*>part.memory[i] + at
        return part

    cdef StepNumbers numbers_of(self, double rate_factor) noexcept nogil:
        """Return the numbers of the update with its rate multiplied by a factor."""
        cdef StepNumbers numbers = self.numbers
        numbers.rate *= rate_factor
        numbers.corrected_rate *= rate_factor
        if self.kind != loops.SOLVER_schedule_free_adamw:  # the weights are rates
            numbers.weight_1 *= rate_factor
            numbers.weight_2 *= rate_factor
        return numbers
