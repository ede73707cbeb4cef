"""Compiled kernels: the one interface through which the package uses them.

A kernel does the work if it supports every object involved; otherwise the readable
formulas do. No file above this one needs to know which.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import copy
from itertools import pairwise
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
    limit_this_thread,
)

# Rows times parameters that take about ten milliseconds. So much training is lost if
# several epochs in one call diverge, or if Ctrl-C comes before they have been read.
_WORK_AT_ONCE = 10**8

# Maximum number of epochs per call, and of bytes for the orders of their rows or for
# the parameters in between.
_EPOCHS_AT_ONCE = 32
_BYTES_AT_ONCE = 2**20

# The dtype of row numbers.
_INDEX = np.dtype(np.intp)

# Multiplications per update or prediction, and thread, from which another thread saves
# time; and what the solver's update of a parameter, which may be in memory, counts.
_WORK_OF_A_THREAD = 5 * 10**6
_WORK_OF_A_STEP = 8

# Multiplications per thread from which some go to the thread that is free first.
_DIVISIBLE_WORK = 2**22

# Multiplications, and rows, from which it takes no longer to predict block by block.
_WORK_OF_A_BLOCK = 2**24
_ROWS_OF_A_BLOCK = 256


class Kernel:
    """The compiled passes and updates of one training.

    Parameters
    ----------
    network : Network
        Of built-in parts only, see `Kernel.knows`.
    optimizer : Optimizer
        The solver. One without a kernel updates theta by its own `step`.
    theta, g : arrays of shape (P,)
        Parameters and gradient; the same two arrays for every update.
    state : State
        The solver's state.
    data : TrainingSet
        The rows.
    batch_size, chunk : int
        Number of rows per update, and the maximum number computed at a time.
    dropout : Dropout or None
        Drops hidden units.
    l1 : float
        Strength of the L1 penalty, which only updates include.
    max_grad_norm : float or None
        Updates clip gradients with a larger norm to this norm.

    Attributes
    ----------
    makes_updates : bool
        Whether the solver has a kernel, too, so that `epochs` can be called.
    epochs_at_once : int
        Number of epochs per call of `epochs` that make its overhead small: more than 1
        if epochs are small.
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
        l1: float = 0.0,
        max_grad_norm: float | None = None,
    ):
        self.state, rows = state, min(batch_size, chunk)
        instruction_set = _kernels.instruction_set()
        kind = _kernels.kernel_of(optimizer)
        self.makes_updates = kind is not None
        self.solver: Any = None
        if kind:
            self.solver = _kernels.solver.Solver(
                kind,
                optimizer,
                theta,
                state,
                instruction_set,
                l1,
                max_grad_norm or np.inf,
                network.layer_sizes,
            )
        most = _WORK_AT_ONCE // (len(data) * theta.size)
        between = max(theta.nbytes, len(data) * np.dtype(np.intp).itemsize)
        most = min(most, _BYTES_AT_ONCE // between, _EPOCHS_AT_ONCE)
        self.epochs_at_once = max(most, 1)
        self.uses_blas = rows * network.largest_product(data.X) > SMALL_PRODUCT
        if self.solver and self.solver.layerwise:
            self.uses_blas = True
        self.n_threads = _useful_threads(
            rows * _work_per_row(network, data.X) + theta.size * _WORK_OF_A_STEP
        )
        self.trainer = _kernels.training.Trainer(
            _passes(
                network, data.X, theta.dtype, rows, instruction_set, self.n_threads,
                dropout,
            ),
            self.solver, data.X, _targets(data.Y), data.w, g, self.n_threads,
            _DIVISIBLE_WORK,
        )  # fmt: skip

    @staticmethod
    def knows(network: Any, theta: Array, data: Any) -> bool:
        """Tell whether kernels are enabled, and support the network and the arrays."""
        Y, numbers = data.Y, theta.dtype
        arrays = [(theta, numbers), (Y, numbers if Y.ndim == 2 else Y.dtype)]
        arrays += [] if data.w is None else [(data.w, numbers)]
        arrays += [] if data.rows is None else [(data.rows, _INDEX)]
        return (
            _instruction_set(network, numbers) is not None
            and _can_read(data.X, numbers)
            and all(_can_read_array(*array) for array in arrays)
        )

    def read(self, data: Any) -> None:
        """Take other rows for the coming updates.

        Parameters
        ----------
        data : TrainingSet
            The rows; X, Y and w have the kind and the dtypes of the first ones.
        """
        self.trainer.read(data.X, _targets(data.Y), data.w)

    @contextmanager
    def threads(self) -> Iterator[None]:
        """Return a context in which the threads that share each update exist."""
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
        """Do the work of thread ``i`` in every update."""
        if self.uses_blas:
            limit_this_thread()
        self.trainer.worker(i)

    def loss_and_gradient(
        self,
        theta: Array,
        order: Array | None,
        batch: range,
        update: int | None = None,
        before: int = 0,
    ) -> float:
        """Return the objective of a minibatch; write its gradient into ``g``.

        Dropout applies only if the number of the update is given. It drops units as
        for rows that have ``before`` others before them in the minibatch.
        """
        number = -1 if update is None else update
        return self.trainer.loss_and_gradient(
            theta, order, batch.start, batch.stop, number, before
        )

    def epochs(
        self,
        order: Array | None,
        rates: Array,
        batch_size: int,
        update: int,
        metrics: Array,
        between: Array,
        momenta: Array | None = None,
    ) -> None:
        """Make an update per rate, in one or several epochs.

        Parameters
        ----------
        order : intp array of shape (n_epochs, n) or (n,), or None
            The order of the rows in each epoch, or in all of them.
        rates : array of shape (n_epochs, n_updates)
            The rate of each update.
        batch_size : int
            Rows per update.
        update : int
            Number of updates made before.
        metrics : array of shape (n_epochs, 2)
            Output: for each epoch the sum of objective times rows, added to the number
            that is there, and the largest absolute value of a parameter. If an
            objective is not finite, neither is the sum, and the updates end there. If a
            parameter, or a value in the solver's memory, is not finite, the largest is
            NaN.
        between : array of shape (n_epochs - 1, P)
            Output: the parameters at the end of each epoch but the last.
        momenta : array of shape (n_epochs, n_updates), optional
            The momentum of each update, if it is not always that of the solver.
        """
        self.state.t += self.trainer.epochs(
            order, rates, momenta, batch_size, self.state.t, update, metrics, between
        )
        self.solver.leave_numbers(self.state)

    def start_from(self, state: Any) -> None:
        """Continue from a restored state, and from theta as it is now."""
        self.solver.start_from(state)


# The kernels whose updates are shared with other threads now.
_WITH_HELPERS: WeakSet[Kernel] = WeakSet()


def _go_on_alone() -> None:
    """Continue without helper threads, which do not exist in a forked child."""
    for kernel in _WITH_HELPERS:
        kernel.trainer.stop_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_alone)


def shuffle_into(orders: Array, order: Array, rng: np.random.RandomState) -> None:
    """Shuffle ``order`` once for each row of ``orders``, and copy it there.

    Kernel and NumPy give the order of ``rng.shuffle``. The kernel needs the bit
    generator, a private attribute in NumPy.
    """
    source = getattr(rng, "_bit_generator", None)
    known = type(rng) is np.random.RandomState and order.dtype == np.intp
    if source and known and len(order) <= 2**31 and _kernels.enabled():
        _kernels.shuffles.shuffle_into(orders, order, source)
        return
    for shuffled in orders:
        rng.shuffle(order)
        shuffled[...] = order


def readable(X: Rows, dtype: Any) -> Rows:
    """Return rows as kernels read them: X itself if they can, otherwise a conversion.

    Only those arrays of a sparse container are copied that kernels cannot read.

    Parameters
    ----------
    X : array, or CSR or CSC container, of shape (n, d)
        The rows. The indices of a container are within its shape.
    dtype : dtype
        float32 or float64, in native byte order.
    """
    dtype = np.dtype(dtype)
    if _can_read(X, dtype):
        return X
    if not issparse(X):
        return _plain(X, dtype)
    plain, index = copy(X), _index_dtype(X)
    plain.data = _plain(X.data, dtype)
    plain.indices, plain.indptr = _plain(X.indices, index), _plain(X.indptr, index)
    return plain


def _can_read(X: Rows, dtype: Any) -> bool:
    """Tell whether kernels can read dense or sparse rows as they are.

    This decides for every path, since the kernels compute with addresses: they do not
    see dtype, strides or alignment. See `readable` for the parameters.
    """
    if not issparse(X):
        return _can_read_array(X, dtype)
    index = _index_dtype(X)
    return (
        _can_read_array(X.data, dtype)
        and _can_read_array(X.indices, index)
        and _can_read_array(X.indptr, index)
    )


def _targets(Y: Array) -> Array:
    """Return encoded targets as kernels read them; class numbers become intp."""
    return Y.astype(np.intp, copy=False) if Y.ndim == 1 else Y


def _can_read_array(array: Array, dtype: Any) -> bool:
    return (
        type(array) in (np.ndarray, np.memmap)
        and array.dtype == dtype
        and array.flags.c_contiguous
        and array.flags.aligned
    )


def _index_dtype(X: Rows) -> Any:
    """Return the dtype in which kernels read both index arrays of a container."""
    given = X.indptr.dtype
    if given == X.indices.dtype and given in (np.int32, np.int64):
        return given
    return np.dtype(np.int32 if max(*X.shape, len(X.indices)) < 2**31 else np.int64)


def _plain(array: Array, dtype: Any) -> Array:
    """Return an array of a dtype, C-contiguous and aligned."""
    return np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED", "ENSUREARRAY"])


class Outputs:
    """The raw outputs of all or of the given rows, as a function of the parameters.

    This is `Network.outputs`, by kernels where they support the network. The outputs
    are computed in blocks of rows, which several threads share if there is much to do.
    The blocks do not depend on the number of threads, nor do the outputs.

    Parameters
    ----------
    network : Network
        The network.
    X : array, or CSR or CSC container, of shape (n, d)
        The rows.
    rows : array of int or None
        The numbers of the rows to use; None is all of them.
    dtype : dtype
        That of the parameters.
    """

    def __init__(self, network: Any, X: Rows, rows: Array | None, dtype: Any):
        self.network, self.X, self.rows, self.dtype = network, X, rows, dtype
        self.shape = X.shape[0] if rows is None else len(rows), network.layer_sizes[-1]
        self.passes: list[Any] = []
        instruction_set = _instruction_set(network, dtype)
        if not instruction_set or _at_once_by_columns(network, X, rows):
            return
        per_row = _work_per_row(network, X)
        size = max(_ROWS_OF_A_BLOCK, _WORK_OF_A_BLOCK // max(per_row, 1))
        self.size = max(1, min(self.shape[0], network.block_rows(X), size))
        n_blocks = max(1, -(-self.shape[0] // self.size))
        n_threads = min(_useful_threads(self.shape[0] * per_row), n_blocks)
        self.uses_blas = self.size * network.largest_product(X) > SMALL_PRODUCT
        self.passes = [
            _passes(network, X, dtype, self.size, instruction_set)
            for _ in range(n_threads)
        ]

    def __call__(self, theta: Array) -> Array:
        """Return the raw outputs, (n, k)."""
        if not self.passes:
            return self.network.outputs(theta, self.X, self.rows)
        z = np.empty(self.shape, dtype=self.dtype)
        X, n = self.X, self.shape[0]
        if issparse(X) and (self.rows is not None or n > self.size):
            X = X.tocsr()
        parts = deque(slice(a, min(a + self.size, n)) for a in range(0, n, self.size))
        own, *others = self.passes
        helpers: list[Thread] = []
        errors: list[BaseException] = []
        with OneThread() if self.uses_blas else nullcontext():
            try:
                for passes in others:
                    job = errors, z, parts, passes, theta, X
                    helper = Thread(target=self._help, args=job, daemon=True)
                    helper.start()
                    helpers.append(helper)
                self._write(z, parts, own, theta, X)
            finally:
                parts.clear()
                for helper in helpers:
                    helper.join()
        if errors:
            raise errors[0]
        return z

    def _help(
        self, errors: list[BaseException], z: Array, parts: deque[slice], *job: Any
    ) -> None:
        """Write parts as `_write` does; an exception ends the prediction."""
        try:
            if self.uses_blas:
                limit_this_thread()
            self._write(z, parts, *job)
        except BaseException as error:
            errors.append(error)
            parts.clear()

    def _write(
        self, z: Array, parts: deque[slice], passes: Any, theta: Array, X: Rows
    ) -> None:
        """Take parts of the rows until none is left, and write their raw outputs."""
        while parts:
            try:
                part = parts.popleft()
            except IndexError:  # another thread was faster
                return
            rows = X
            if self.rows is not None:
                rows = X[self.rows[part]]
            elif len(z) > self.size:
                rows = X[part]
            passes.outputs(theta, readable(rows, self.dtype), z[part])


class MeanLoss:
    """The mean loss of rows, as a function of their raw outputs.

    This is the average of `Loss.value`, by a kernel where `Outputs` uses one.

    Parameters
    ----------
    outputs : Outputs
        Computes the raw outputs.
    Y : array with n rows
        The targets, encoded for the loss.
    w : array of shape (n,) or None
        The weights of the rows; None if all are equal.
    """

    def __init__(self, outputs: Outputs, Y: Array, w: Array | None):
        self.network, self.passes = outputs.network, outputs.passes
        self.Y, self.w = Y, w
        if not self.passes:
            return
        targets = _targets(Y)
        self.Y = _plain(targets, outputs.dtype if Y.ndim == 2 else targets.dtype)
        if w is not None:  # 1 on average: float32 does not hold the sum of all weights
            w = w.astype(np.float64)
            self.w = _plain(w * (len(w) / w.sum()), outputs.dtype)

    def __call__(self, z: Array) -> float:
        """Return the mean loss; z is unchanged."""
        if self.passes:
            return self.passes[0].total_loss(z.copy(), self.Y, self.w) / len(z)
        losses = self.network.loss.value(z, self.Y, self.network.xp)
        return float(np.average(losses.astype(np.float64), weights=self.w))


def outputs(network: Any, theta: Array, X: Rows, rows: Array | None = None) -> Array:
    """Return the raw outputs of all or of the given rows, see `Outputs`."""
    return Outputs(network, X, rows, theta.dtype)(theta)


def hidden_activations(network: Any, theta: Array, X: Rows, layer: int) -> Array:
    """Return the activations of a hidden layer (0 is the first), computed in blocks.

    Besides the result, only `block_rows` rows need memory.
    """
    part = network.up_to(layer)
    a = outputs(part, theta[: part.n_parameters], X)
    size = part.block_rows(X)
    for start in range(0, len(a), size):
        network.activations[layer].forward(a[start : start + size], network.xp)
    return a


def _work_per_row(network: Any, X: Rows) -> int:
    """Return the multiplications of a forward pass, per row."""
    sizes = list(network.layer_sizes)
    if issparse(X):
        sizes[0] = -(-X.nnz // max(1, X.shape[0]))
    return sum(k_in * k_out for k_in, k_out in pairwise(sizes))


def _useful_threads(work: int) -> int:
    """Return the number of threads for this many multiplications."""
    useful = work // _WORK_OF_A_THREAD
    return min(useful, blas_limit()) if useful > 1 else 1


def _at_once_by_columns(network: Any, X: Rows, rows: Array | None) -> bool:
    """Tell whether X is a CSC container that is computed in one block.

    SciPy multiplies by such a matrix in less time than it takes to convert it to CSR.
    """
    by_columns = issparse(X) and X.format == "csc" and rows is None
    return by_columns and X.shape[0] <= network.block_rows(X)


def _instruction_set(network: Any, dtype: Any) -> str | None:
    """Return the instruction set of the kernels for a network.

    None if kernels are disabled, or do not support a part of the network.
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
        network.layout,
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
