"""One update of the parameters by a solver.

Adds to the formula in `Optimizer.step` what all solvers share: weight decay, chunks
that fit into the cache, matrices by layer, averages of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._types import Array, Namespace

# Elements per chunk of theta for an elementwise solver: few enough that the temporaries
# of its formula are small, many enough that NumPy's cost per operation is negligible.
_BLOCK = 32768


class Update:
    """One update of theta by an optimizer, in chunks where it needs or allows them.

    A solver's formula makes temporaries as large as its arguments. With theta in
    chunks, the update of a large network allocates no more than that of a small one.

    Parameters
    ----------
    optimizer : Optimizer
        The solver.
    theta, g : arrays of shape (P,)
        Parameters and gradient; the same two arrays for every update.
    state : State
        The solver's state.
    xp : module
        The array namespace.
    layout : list of (slice, shape), optional
        Places of the W_l (two dimensions) and the b_l in theta. By default, all of
        theta are weights.

    Attributes
    ----------
    iterate : array of shape (P,)
        The vector that the solver moves: theta, unless theta is an average.
    """

    def __init__(
        self,
        optimizer: Any,
        theta: Array,
        g: Array,
        state: Any,
        xp: Namespace,
        layout: Sequence[tuple[slice, tuple[int, ...]]] | None = None,
    ):
        self.optimizer, self.theta, self.state, self.xp = optimizer, theta, state, xp
        self.iterate = iterate = state.iterate if optimizer.average else theta
        layout = layout or [(slice(0, len(theta)), (len(theta), 1))]
        if optimizer.layerwise:
            cuts = layout
        elif optimizer.elementwise and len(theta) > _BLOCK:
            starts = range(0, len(theta), _BLOCK)
            cuts = [(slice(a, a + _BLOCK), (-1,)) for a in starts]
        else:
            cuts = []
        self.chunks = [
            (iterate[rows].reshape(shape), g[rows].reshape(shape),
             state.block(optimizer.memory, rows, shape))
            for rows, shape in cuts
        ] or [(iterate, g, state)]  # fmt: skip
        self.weights = [
            (iterate[rows], state.block(optimizer.memory, rows))
            for rows, shape in layout
            if optimizer.weight_decay and len(shape) == 2
        ]
        self._ahead: Array | None = None

    def gradient_point(self) -> Array:
        """Return the point at which the solver needs the gradient."""
        at = 0
        for theta, _, state in self.chunks:
            state.take_numbers(self.state)
            point = self.optimizer.gradient_point(theta, state, self.xp)
            if point is theta:
                return self.iterate
            if self._ahead is None:
                self._ahead = self.xp.empty_like(self.theta)
            self._ahead[at : at + theta.size] = point.ravel()
            at += theta.size
        return self._ahead  # type: ignore[return-value]

    def step(self, rate: float) -> None:
        """Update theta and the solver's state with the gradient now in ``g``."""
        self.state.t += 1
        if not self.optimizer.proximal:
            self._decay(rate)
        for theta, g, state in self.chunks:
            state.take_numbers(self.state)
            self.optimizer.step(theta, g, state, rate, self.xp)
        self.state.take_numbers(state)  # all chunks leave the same ones
        if self.optimizer.proximal:
            self._decay(rate)

    def _decay(self, rate: float) -> None:
        for theta, state in self.weights:
            state.take_numbers(self.state)
            self.optimizer.decay(theta, state, rate, self.xp)

    def update_average(self) -> None:
        """Update theta if it is an average of the iterates."""
        if self.optimizer.average:
            share = max(1 - self.optimizer.average, 1 / self.state.t)
            self.theta *= 1 - share
            self.theta += share * self.iterate
