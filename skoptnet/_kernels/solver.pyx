# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The built-in solvers of `skoptnet.optimizers`, in one pass over theta.

The formulas stand in loops_impl.h, once more as `Optimizer.step` has them; a test holds
the two together.
"""

cimport cython

from . cimport loops
from .loops cimport address, loops_of

KINDS = {
    "descent": loops.DESCENT,
    "momentum": loops.MOMENTUM,
    "nesterov": loops.NESTEROV,
    "adagrad": loops.ADAGRAD,
    "rmsprop": loops.RMSPROP,
    "adam": loops.ADAM,
}


@cython.final
cdef class Solver:
    """A solver with the vectors of one run.

    Parameters
    ----------
    kind : str
        One of KINDS.
    optimizer : Optimizer
        The solver; its hyperparameters are read once, here.
    theta : array of shape (P,)
        The parameters.
    state : State
        The solver's memory; the vectors are changed in place, ``t`` is not.
    """

    def __init__(self, str kind, optimizer, theta, state):
        self.loops = loops_of(theta.dtype.char)
        self.kind = KINDS[kind]
        self.theta = address(theta)
        memory = [getattr(state, name) for name in optimizer.memory]
        self.first = address(memory[0]) if memory else NULL
        self.second = address(memory[1]) if len(memory) > 1 else NULL
        ahead = theta.copy() if self.kind == loops.NESTEROV else None
        self.ahead = NULL if ahead is None else address(ahead)
        self.kept = [theta, memory, ahead]
        own = vars(optimizer)
        self.weight_decay = optimizer.weight_decay
        self.numbers.momentum = own.get("momentum", 0)
        self.numbers.rho_1 = own.get("beta_1", own.get("rho", 0))
        self.numbers.rho_2 = own.get("beta_2", 0)
        self.numbers.delta = own.get("epsilon", 0)
        if self.ahead:
            self.loops.look_ahead(
                self.ahead, self.theta, self.first, theta.size, self.numbers.momentum
            )

    cdef const char* point(self) noexcept nogil:
        """Return where the next gradient is to be taken."""
        return self.ahead if self.ahead else self.theta

    cdef void begin(self, double eps, double t) noexcept nogil:
        """Set the numbers of update t, counted from 1."""
        self.numbers.eps = eps
        self.numbers.correction_1 = 1 - self.numbers.rho_1**t
        self.numbers.correction_2 = 1 - self.numbers.rho_2**t
        self.keep = 1 - eps * self.weight_decay

    cdef double step(self, const char* g, Py_ssize_t start, Py_ssize_t n, double l2,
                     double keep) noexcept nogil:
        """Update n coordinates from ``start`` on; g is their part of the gradient.

        First, all but the share ``keep`` of them decays. The gradient of the penalty is
        added; returns the squares it is made of.
        """
        cdef Py_ssize_t at = start * <Py_ssize_t>self.loops.size
        return self.loops.step[self.kind](
            self.theta + at,
            g,
            self.first + at if self.first else NULL,
            self.second + at if self.second else NULL,
            self.ahead + at if self.ahead else NULL,
            n,
            l2,
            keep,
            &self.numbers,
        )
