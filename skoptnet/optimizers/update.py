"""One update of the parameters by a solver.

Adds to the formula in `Optimizer.step` what all solvers share: weight decay, rate
factors, chunks that fit into the cache, matrices by layer, averages of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .._types import Array, Namespace
from ..blocks import Block

# Elements per chunk of theta for an elementwise solver: few enough that the temporaries
# of its formula are small, many enough that NumPy's cost per operation is negligible.
_BLOCK = 32768


class _Chunk(NamedTuple):
    """Elements of theta that a solver updates at a time, as views."""

    theta: Array
    g: Array
    state: Any
    rate_factor: float


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
    layout : list of Block, optional
        The blocks of theta. By default, all of theta is one block of weights.

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
        layout: Sequence[Block] | None = None,
    ):
        self.optimizer, self.theta, self.state, self.xp = optimizer, theta, state, xp
        self.iterate = iterate = state.iterate if optimizer.average else theta
        layout = layout or [Block(slice(0, len(theta)), (len(theta), 1), True)]
        self.chunks = [
            _Chunk(
                iterate[rows].reshape(shape),
                g[rows].reshape(shape),
                state.block(optimizer.memory, rows, shape),
                factor,
            )
            for rows, shape, _, factor in _cuts(optimizer, layout, len(theta))
        ] or [_Chunk(iterate, g, state, 1.0)]
        self.weights = [
            (iterate[block.rows], state.block(optimizer.memory, block.rows))
            for block in layout
            if optimizer.weight_decay and block.decays
        ]
        self._ahead: Array | None = None

    def gradient_point(self) -> Array:
        """Return the point at which the solver needs the gradient."""
        at = 0
        for theta, _, state, _ in self.chunks:
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
        for theta, g, state, factor in self.chunks:
            state.take_numbers(self.state)
            if factor != 1:
                self._multiply_rates(state, factor)
            self.optimizer.step(theta, g, state, factor * rate, self.xp)
        self.state.take_numbers(state)  # all chunks with the factor 1 leave the same
        if self.optimizer.proximal:
            self._decay(rate)

    def _multiply_rates(self, state: Any, factor: float) -> None:
        """Multiply the rates that a solver remembers, and their powers."""
        for name, power in self.optimizer.rate_powers.items():
            setattr(state, name, getattr(state, name) * factor**power)

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


def _cuts(optimizer: Any, layout: Sequence[Block], size: int) -> list[Block]:
    """Return the parts of theta that the solver updates one by one; [] for the whole.

    Where blocks have rate factors, the last part has the factor 1: the numbers that it
    leaves are those of the plain rate. It is empty.
    """
    has_factors = any(block.rate_factor != 1 for block in layout)
    if has_factors and not (optimizer.elementwise or optimizer.layerwise):
        raise ValueError(
            f"{type(optimizer).__name__} updates all of theta at once, with one"
            " learning rate. With parametrization='ntk' or input_scaling=True, rates"
            " differ between the blocks of theta. Set elementwise = True in the class"
            " of the solver if its formula treats every coordinate by itself, or use"
            " another solver."
        )
    if optimizer.layerwise:
        cuts = list(layout)
    elif has_factors:
        cuts = [part for block in layout for part in _pieces(block)]
    elif optimizer.elementwise and size > _BLOCK:
        return _pieces(Block(slice(0, size), (size,), True))
    else:
        return []
    if has_factors and optimizer.numbers:
        cuts.append(Block(slice(size, size), (0,), False))
    return cuts


def _pieces(block: Block) -> list[Block]:
    """Cut a block into pieces that fit into the cache."""
    rows, starts = block.rows, range(block.rows.start, block.rows.stop, _BLOCK)
    return [
        block._replace(rows=slice(a, min(a + _BLOCK, rows.stop)), shape=(-1,))
        for a in starts
    ]
