"""Where arrays live, and which implementation does the work on them.

Today there is one of each: NumPy arrays, and the readable formulas of
`skoptnet.optimizers`. Compiled kernels and other array libraries have their place
here; nothing above this file needs to know which of them runs.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from ._types import Array, Namespace

# Elements of theta that an element-by-element solver is given at a time: few enough
# that the temporaries of its formula are small, many enough that NumPy's cost per
# operation does not show.
_BLOCK = 32768

# Multiplications in one matrix product from which a second BLAS thread pays.
_THREADED_PRODUCT = 10**8


class Update:
    """One update of theta by an optimizer, in blocks where that is allowed.

    A solver's formula makes temporaries of the size of what it is handed. Handed theta
    in blocks, a large network's update allocates no more than a small one's.

    Parameters
    ----------
    optimizer : Optimizer
        The solver.
    theta, g : arrays of shape (P,)
        Parameters and gradient; the same two arrays for every update.
    state : State
        The solver's memory.
    xp : module
        The array namespace.
    """

    def __init__(
        self, optimizer: Any, theta: Array, g: Array, state: Any, xp: Namespace
    ):
        self.optimizer, self.theta, self.state, self.xp = optimizer, theta, state, xp
        if optimizer.elementwise and len(theta) > _BLOCK:
            rows = [slice(a, a + _BLOCK) for a in range(0, len(theta), _BLOCK)]
            self.blocks = [
                (theta[r], g[r], state.block(optimizer.memory, r)) for r in rows
            ]
        else:
            self.blocks = [(theta, g, state)]
        self._ahead: Array | None = None

    def gradient_point(self) -> Array:
        """Return where the solver wants its gradient taken."""
        at = 0
        for theta, _, state in self.blocks:
            point = self.optimizer.gradient_point(theta, state, self.xp)
            if point is theta:
                return self.theta
            if self._ahead is None:
                self._ahead = self.xp.empty_like(self.theta)
            self._ahead[at : at + len(theta)] = point
            at += len(theta)
        return self._ahead  # type: ignore[return-value]

    def step(self, eps: float) -> None:
        """Update theta and the solver's state with the gradient now in ``g``."""
        self.state.t += 1
        for theta, g, state in self.blocks:
            state.t = self.state.t
            self.optimizer.step(theta, g, state, eps, self.xp)


@cache
def _threadpools() -> ThreadpoolController:
    """Return the process' thread pools; finding them takes milliseconds."""
    return ThreadpoolController()


def blas_threads(multiplications: int) -> AbstractContextManager:
    """Hold BLAS to one thread where the matrix products are small.

    Parameters
    ----------
    multiplications : int
        Number of multiplications in the largest matrix product to come.
    """
    if multiplications >= _THREADED_PRODUCT:
        return nullcontext()
    return _threadpools().limit(limits=1, user_api="blas")
