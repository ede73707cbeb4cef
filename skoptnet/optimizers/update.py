"""Applies one step of a solver to the parameters.

Around the formula in `Optimizer.step` this does whatever all solvers share: weight
decay, blocks that stay in the cache, matrices by layer, averages of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._types import Array, Namespace

# Elements of theta that an element-by-element solver is given at a time: few enough
# that the temporaries of its formula are small, many enough that NumPy's cost per
# operation does not show.
_BLOCK = 32768


class Update:
    """One update of theta by an optimizer, in pieces where it wants or allows that.

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
    layout : list of (slice, shape), optional
        Where the W_l (of two dimensions) and the b_l lie in theta. Without it, all of
        theta are weights.

    Attributes
    ----------
    point : array of shape (P,)
        What the solver moves: theta, unless that is an average.
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
        self.point = point = state.iterate if optimizer.average else theta
        layout = layout or [(slice(0, len(theta)), (len(theta), 1))]
        if optimizer.layerwise:
            cuts = layout
        elif optimizer.elementwise and len(theta) > _BLOCK:
            starts = range(0, len(theta), _BLOCK)
            cuts = [(slice(a, a + _BLOCK), (-1,)) for a in starts]
        else:
            cuts = []
        self.pieces = [
            (point[rows].reshape(shape), g[rows].reshape(shape),
             state.block(optimizer.memory, rows, shape))
            for rows, shape in cuts
        ] or [(point, g, state)]  # fmt: skip
        self.weights = [
            (point[rows], state.block(optimizer.memory, rows))
            for rows, shape in layout
            if optimizer.weight_decay and len(shape) == 2
        ]
        self._ahead: Array | None = None

    def gradient_point(self) -> Array:
        """Return where the solver wants its gradient taken."""
        at = 0
        for theta, _, state in self.pieces:
            state.take_numbers(self.state)
            point = self.optimizer.gradient_point(theta, state, self.xp)
            if point is theta:
                return self.point
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
        for theta, g, state in self.pieces:
            state.take_numbers(self.state)
            self.optimizer.step(theta, g, state, rate, self.xp)
        self.state.take_numbers(state)  # every piece has made the same of them
        if self.optimizer.proximal:
            self._decay(rate)

    def _decay(self, rate: float) -> None:
        for theta, state in self.weights:
            state.take_numbers(self.state)
            self.optimizer.decay(theta, state, rate, self.xp)

    def update_average(self) -> None:
        """Let theta follow what the solver moves, where it is an average."""
        if self.optimizer.average:
            share = max(1 - self.optimizer.average, 1 / self.state.t)
            self.theta *= 1 - share
            self.theta += share * self.point
