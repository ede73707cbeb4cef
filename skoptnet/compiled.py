"""The compiled kernels behind one door.

They do the work where they know every part that takes part in it; elsewhere the
readable formulas do. Nothing above this file needs to know which.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from threading import Thread
from typing import Any
from weakref import WeakSet

import numpy as np
from scipy.sparse import issparse

from . import _kernels
from ._types import Array, Rows
from .threads import (
    SMALL_PRODUCT,
    OneThread,
    blas_limit,
    blas_threads,
    limit_this_thread,
)

# So much work, counted as rows times parameters, takes about a millisecond. It is lost
# where several epochs at once have to be made again, or are interrupted.
_WORK_AT_ONCE = 10**7

# Epochs at once, and bytes of the orders they come in or the parameters between them,
# at most.
_EPOCHS_AT_ONCE = 32
_BYTES_AT_ONCE = 2**20

# Multiplications of an update that keep a thread busy long enough to pay for it.
_WORK_OF_A_THREAD = 5 * 10**6


class Kernel:
    """The compiled passes and updates of one training.

    Parameters
    ----------
    network : Network
        Of built-in parts only, see `Kernel.knows`.
    optimizer : Optimizer
        The solver; a class of a user's own updates theta itself.
    theta, g : arrays of shape (P,)
        Parameters and gradient; the same two arrays for every update.
    state : State
        The solver's memory.
    data : TrainingSet
        The rows.
    batch_size, chunk : int
        Rows per update, and how many of them are computed at a time at most.
    dropout : Dropout or None
        What leaves hidden units out.

    Attributes
    ----------
    makes_updates : bool
        Whether `epochs` can be called: whether the solver has a kernel, too.
    epochs_at_once : int
        Epochs that make one call of `epochs` last long enough: more than one where
        they are small.
    """

    def __init__(
        self,
        network: Any,
        optimizer: Any,
        theta: Array,
        g: Array,
        state: Any,
        data: Any,
        batch_size: int,
        chunk: int,
        dropout: Any = None,
    ):
        self.state, rows = state, min(batch_size, chunk)
        instruction_set = _kernels.instruction_set()
        averages = optimizer is not None and optimizer.average > 0
        kind = None if averages else _kernels.kernel_of(optimizer)
        self.makes_updates = kind is not None
        self.solver: Any = None
        if kind:
            self.solver = _kernels.solver.Solver(
                kind, optimizer, theta, state, instruction_set
            )
        most = _WORK_AT_ONCE // (len(data) * theta.size)
        between = max(theta.nbytes, len(data) * np.dtype(np.intp).itemsize)
        most = min(most, _BYTES_AT_ONCE // between, _EPOCHS_AT_ONCE)
        self.epochs_at_once = max(most, 1)
        Y = data.Y.astype(np.intp, copy=False) if data.Y.ndim == 1 else data.Y
        self.uses_blas = rows * network.largest_product(data.X) > SMALL_PRODUCT
        useful = 0 if issparse(data.X) else rows * network.n_parameters
        useful //= _WORK_OF_A_THREAD
        self.n_threads = min(useful, blas_limit()) if useful > 1 else 1
        self.trainer = _kernels.training.Trainer(
            _passes(
                network, data.X, theta.dtype, rows, instruction_set, self.n_threads,
                dropout,
            ),
            self.solver, data.X, Y, data.w, g, self.n_threads,
        )  # fmt: skip

    @staticmethod
    def knows(network: Any, theta: Array, data: Any) -> bool:
        """Tell whether the kernels are on and know the network and the arrays."""
        numbers = [theta, *([] if data.w is None else [data.w])]
        numbers += [data.Y] if data.Y.ndim == 2 else []
        indices = []
        if issparse(data.X):
            numbers, indices = [*numbers, data.X.data], [data.X.indices, data.X.indptr]
        else:
            numbers.append(data.X)
        return (
            _instruction_set(network, theta.dtype) is not None
            and {array.dtype for array in numbers} == {theta.dtype}
            and len({array.dtype for array in indices}) <= 1
            and all(
                type(array) in (np.ndarray, np.memmap) and array.flags.c_contiguous
                for array in (*numbers, *indices, data.Y)
            )
        )

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Keep the threads ready that share an update."""
        helpers = []
        with OneThread() if self.uses_blas else nullcontext():
            try:
                for i in range(1, self.n_threads):
                    helper = Thread(target=self.help, args=(i,), daemon=True)
                    helper.start()
                    helpers.append(helper)
                if helpers:
                    _WITH_HELPERS.add(self)
                self.trainer.start_threads()
                yield
            finally:
                self.trainer.stop_threads()
                _WITH_HELPERS.discard(self)
                for helper in helpers:
                    helper.join()

    def help(self, i: int) -> None:
        """Do share ``i`` of every update."""
        if self.uses_blas:
            limit_this_thread()
        self.trainer.worker(i)

    def loss_and_gradient(
        self, theta: Array, order: Array | None, batch: range, update: int | None = None
    ) -> float:
        """Return the objective of a minibatch; its gradient is left in ``g``.

        Without the number of an update there is no dropout.
        """
        return self.trainer.loss_and_gradient(
            theta, order, batch.start, batch.stop, -1 if update is None else update
        )

    def epochs(
        self,
        order: Array | None,
        rates: Array,
        batch_size: int,
        update: int,
        metrics: Array,
        between: Array,
    ) -> None:
        """Make an update per rate, in one or several epochs.

        Parameters
        ----------
        order : intp array of shape (n_epochs, n) or (n,), or None
            The rows in the order they come in: of each epoch, or of all.
        rates : array of shape (n_epochs, n_updates)
            The rate of each update.
        batch_size : int
            Rows per update.
        update : int
            Number of updates made before.
        metrics : array of shape (n_epochs, 2)
            Takes, of each epoch, the sum of objective times rows and the largest
            absolute value in theta. If an objective is not finite, neither is the
            sum, and the updates end there; NaN if a parameter is not finite.
        between : array of shape (n_epochs - 1, P)
            Takes the parameters at the end of each epoch but the last.
        """
        self.state.t += self.trainer.epochs(
            order, rates, batch_size, self.state.t, update, metrics, between
        )
        self.solver.leave_numbers(self.state)

    def start_from(self, state: Any) -> None:
        """Go on from a state that was put back, and from theta as it is now."""
        self.solver.start_from(state)


# The kernels that share their updates with other threads now.
_WITH_HELPERS: WeakSet[Kernel] = WeakSet()


def _go_on_alone() -> None:
    """Do without the helpers: in a forked child they do not exist."""
    for kernel in _WITH_HELPERS:
        kernel.trainer.stop_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_alone)


def shuffle_into(orders: Array, order: Array, rng: np.random.RandomState) -> None:
    """Shuffle ``order`` for each row of ``orders``, which becomes a copy of it.

    Whichever implementation does it, the random numbers are those of ``rng.shuffle``.
    The kernel asks for a private attribute of NumPy's for the sake of its bits.
    """
    source = getattr(rng, "_bit_generator", None)
    known = type(rng) is np.random.RandomState and order.dtype == np.intp
    if source and known and len(order) <= 2**31 and _kernels.enabled():
        _kernels.shuffles.shuffle_into(orders, order, source)
        return
    for copy in orders:
        rng.shuffle(order)
        copy[...] = order


def outputs(network: Any, theta: Array, X: Rows, rows: Array | None = None) -> Array:
    """Return the raw outputs of all or of the given rows, computed in blocks.

    As `Network.outputs`, whichever implementation does it.
    """
    instruction_set = _instruction_set(network, theta.dtype)
    if instruction_set is None or _at_once_by_columns(network, X, rows):
        return network.outputs(theta, X, rows)
    n = X.shape[0] if rows is None else len(rows)
    z = np.empty((n, network.layer_sizes[-1]), dtype=theta.dtype)
    size = min(n, network.block_rows(X))
    passes = _passes(network, X, theta.dtype, size, instruction_set)
    with blas_threads(size * network.largest_product(X)):
        for part, block in network.blocks(X, rows):
            if issparse(block):
                block = block.astype(theta.dtype, copy=False)
            else:
                block = np.ascontiguousarray(block, dtype=theta.dtype)
            passes.outputs(theta, block, z[part])
    return z


def hidden_activations(network: Any, theta: Array, X: Rows, layer: int) -> Array:
    """Return the activations of a hidden layer, 0 being the first, in blocks.

    Beside the result, memory is needed for `block_rows` rows only.
    """
    part = network.up_to(layer)
    a = outputs(part, theta[: part.n_parameters], X)
    size = part.block_rows(X)
    for start in range(0, len(a), size):
        network.activations[layer].forward(a[start : start + size], network.xp)
    return a


def _at_once_by_columns(network: Any, X: Rows, rows: Array | None) -> bool:
    """Tell whether X lies column by column and is computed in one block.

    SciPy multiplies such a matrix in less time than it takes to turn it into rows.
    """
    by_columns = issparse(X) and X.format == "csc" and rows is None
    return by_columns and X.shape[0] <= network.block_rows(X)


def _instruction_set(network: Any, dtype: Any) -> str | None:
    """Return the instruction set of the kernels that stand for all of the network.

    None if they are switched off, or do not know a part of it.
    """
    chosen = _kernels.chosen()
    known = (
        chosen
        and dtype.char in "fd"
        and dtype.isnative
        and all(map(_kernels.kernel_of, (*network.activations, network.loss)))
    )
    return chosen if known else None


def _passes(
    network: Any,
    X: Rows,
    dtype: Any,
    n_rows: int,
    instruction_set: str,
    n_threads: int = 0,
    dropout: Any = None,
) -> Any:
    """Return the compiled passes of a network."""
    return _kernels.network.Network(
        network.layer_sizes,
        network.activations,
        network.loss,
        network.l2,
        dtype,
        n_rows,
        n_threads,
        issparse(X),
        instruction_set,
        dropout,
    )
