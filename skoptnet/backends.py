"""Where arrays live, and which implementation does the work on them.

Today there is one of each: NumPy arrays, and the readable formulas of
`skoptnet.optimizers`. Compiled kernels and other array libraries have their place
here; nothing above this file needs to know which of them runs.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from threading import Lock
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


class _OneThread:
    """Holds BLAS to one thread while anybody asks for it.

    The number of threads is the process', so fits that run side by side in threads
    share one limit: the first sets it, the last one lifts it.
    """

    def __init__(self) -> None:
        self.lock, self.users = Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            if self.users == 0:
                self.limit = _threadpools().limit(limits=1, user_api="blas")
            self.users += 1

    def __exit__(self, *_: Any) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.limit.restore_original_limits()


@cache
def _threadpools() -> ThreadpoolController:
    """Return the process' thread pools; finding them takes milliseconds."""
    return ThreadpoolController()


_one_thread = _OneThread()


def blas_threads(multiplications: int) -> AbstractContextManager[None]:
    """Hold BLAS to one thread where the matrix products are small.

    Parameters
    ----------
    multiplications : int
        Number of multiplications in the largest matrix product to come.
    """
    return nullcontext() if multiplications >= _THREADED_PRODUCT else _one_thread
