"""Fitting to blocks of rows, which are read again in every epoch: `fit_blocks`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np
from scipy.sparse import issparse, vstack
from sklearn.base import is_regressor

from .._types import Array, Rows
from ..compiled import readable
from ..training import LBFGS, Stream, TrainingSet
from .block_reading import Block, BlockReader, error_in_block
from .block_targets import Labels, Numbers
from .fitting import Fit
from .sample_weights import is_usable_sum
from .validation import OwnData

# The sample has at most this many rows, and this many bytes (but not too few rows).
_SAMPLE_ROWS, _SAMPLE_BYTES, _FEW_ROWS = 100_000, 2**25, 2000

# Fewer validation rows have no R2.
_LEAST_VALIDATION = 2


class BlocksFit(Fit):
    """One call of `fit_blocks`: a `Fit` to rows that are not in memory together.

    In place of all rows, ``data`` has a sample of those to train on: rows at equal
    distances, which serve for warnings about the data and about the end of training.
    `training_set` reads the blocks.

    Parameters
    ----------
    estimator : MLPClassifierX or MLPRegressorX
        The estimator.
    n_mixed : int
        Number of blocks whose rows are shuffled together.
    has_callbacks : bool
        Whether callbacks are set on the estimator.

    Attributes
    ----------
    reader : BlockReader
        Reads the blocks.
    targets : Labels or Numbers
        The targets of all blocks.
    seed : int
        The seed of the shuffles, and of the rows that are held out.
    fraction : float
        The fraction of rows that are held out, 0 for none.
    starts, sizes : intp arrays of shape (n_blocks,)
        The number of the first row of each block, and of its rows to train on.
    sample : TrainingSet
        The sample, with targets in their own unit.
    """

    reader: BlockReader
    targets: Labels | Numbers
    seed: int
    fraction: float
    starts: Array
    sizes: Array
    sample: TrainingSet

    def __init__(self, estimator: Any, n_mixed: int, has_callbacks: bool):
        super().__init__(estimator, has_callbacks=has_callbacks)
        self.n_mixed = n_mixed

    # Reading.

    def _read(
        self, X: Any, y: Any, sample_weight: Any, own: OwnData
    ) -> tuple[TrainingSet, TrainingSet | None]:
        """Read all blocks once; X are the blocks, y and weights are among them.

        Return the sample, and the validation rows, if any.
        """
        model, before = self.model, self.run_before if self.continues else None
        self._refuse_settings(own)
        self.reader = BlockReader(model, X, before.theta.dtype if before else None)
        self.targets = Numbers(self) if is_regressor(model) else Labels(self)
        self.seed = self._seed()
        holds_out = model.early_stopping and not own.given
        self.fraction = float(model.validation_fraction) if holds_out else 0.0
        chosen, held = self._first_pass()
        dtype = before.theta.dtype if before else chosen.dtype
        self._set_network(self.targets.learn())
        self.sample = self._encoded(chosen.rows(), dtype)
        Y, counts = self.sample.Y, self.targets.counts()
        self.by_class = model._class_weights(Y, whole=True, counts=counts)
        if holds_out:
            return self.sample, self._held_out_set(held, dtype)
        return self.sample, self.read_held_out(own, dtype) if own.given else None

    def _refuse_settings(self, own: OwnData) -> None:
        """Refuse parameters for which all rows would have to be in memory."""
        model = self.model
        if isinstance(self.parts.optimizer, LBFGS):
            raise ValueError(
                "fit_blocks is not available with solver='lbfgs': each iteration of"
                " L-BFGS would read all blocks several times. Use another solver, or"
                " fit."
            )
        for name, why in (
            ("return_train_score", "it would read all blocks again in every epoch"),
            ("refit_all", "it would train a second time"),
        ):
            if getattr(model, name) and (name != "refit_all" or model.early_stopping):
                raise ValueError(
                    f"fit_blocks is not available with {name}=True: {why}. Set"
                    f" {name}=False, or use fit."
                )
        how = model.validation_fraction
        if model.early_stopping and not own.given and not isinstance(how, Real):
            raise ValueError(
                "fit_blocks needs a number as validation_fraction: a splitter needs all"
                f" rows. Got {how!r}. Set a number in (0, 1), or pass X_val and y_val."
            )

    def _seed(self) -> int:
        """Return the seed of the run; a warm start has that of the first call.

        It is drawn from a copy of the generator, so that the initial weights are those
        of `fit`.
        """
        before = self.run_before
        if self.continues and before and before.stream_seed is not None:
            return before.stream_seed
        return int(deepcopy(self._rng()).randint(2**64, dtype=np.uint64))

    def _first_pass(self) -> tuple[_Sample, _Rows]:
        """Read and check all blocks; return a sample and the rows that are held out."""
        chosen, held = _Sample(), _Rows()
        sizes, start, n_weights, total = {}, 0, 0, 0.0
        for block in self.reader.first_pass():
            n = self.reader.sizes[block.number]
            out = self._held_out(start, n)
            start += n
            kept = np.arange(n) if out is None else np.flatnonzero(~out)
            try:
                self.targets.add(block.y, block.w, kept)
            except ValueError as error:
                raise error_in_block(block.number, error) from error
            if out is not None:
                held.add(block, np.flatnonzero(out))
            chosen.add(block, kept)
            sizes[block.number] = len(kept)
            if block.w is not None:
                n_weights += 1
                total += float(block.w[kept].sum())
            del block
        all_sizes = self.reader.sizes
        self.starts = np.cumsum([0, *all_sizes[:-1]])
        self.sizes = np.array([sizes.get(i, 0) for i in range(len(all_sizes))])
        self.total_weight = total if n_weights else float(self.sizes.sum())
        self._check_parts(held)
        return chosen, held

    def _check_parts(self, held: _Rows) -> None:
        """Refuse to train or to validate on too few rows, or on weights of zero."""
        n, n_held = int(self.sizes.sum()), held.n
        if self.fraction and (n_held < _LEAST_VALIDATION or n < 1):
            raise ValueError(
                f"Early stopping needs at least {_LEAST_VALIDATION} validation rows and"
                f" 1 to train on. Got validation_fraction={self.fraction} of"
                f" {n + n_held} rows, which holds out {n_held}. Change"
                " 'validation_fraction', or pass X_val and y_val."
            )
        if self.fraction:
            self.targets.check_trained()
        if self.total_weight == 0:
            raise ValueError(
                "sample_weight must not be zero for all rows: there is nothing to"
                " learn."
            )

    def _held_out(self, start: int, n: int) -> Array | None:
        """Tell which of n rows are held out; None if none ever are.

        The number of a row decides, so other blocks of the same rows, and a warm start,
        hold out the same ones.
        """
        if not self.fraction:
            return None
        numbers = np.random.Generator(np.random.PCG64(self.seed).advance(start))
        return numbers.random(n) < self.fraction

    def _held_out_set(self, held: _Rows, dtype: Any) -> TrainingSet:
        data = self._encoded(held.rows(), dtype)
        if data.w is not None and not data.w.any():
            raise ValueError(
                "All validation rows of the early-stopping split have sample_weight"
                " zero. Change 'validation_fraction' or 'random_state'."
            )
        return data

    def _encoded(self, block: Block, dtype: Any) -> TrainingSet:
        """Return rows with targets encoded for the loss, in their own unit."""
        try:
            Y = self.model._encode_further(block.y, dtype, "y")
        except ValueError as error:
            raise error_in_block(block.number, error) from error
        return TrainingSet(readable(block.X, dtype), Y, block.w)

    def _start(self, whole: TrainingSet, rng: np.random.RandomState) -> None:
        super()._start(whole, rng)
        self.run.stream_seed = self.seed

    def _set_rows(self, data: TrainingSet) -> None:
        dtype = data.X.dtype
        if self.by_class:
            self.total_weight = self._sum_of_weights(dtype)
        if not is_usable_sum(self.total_weight):
            raise ValueError(
                "The products of class weights and sample weights must have a sum in"
                f" [1e-100, 1e100]. Got {self.total_weight:g}. Divide sample_weight by"
                " its mean."
            )
        self.model._set_target_scaling(data.Y, self.targets.moments, self)
        self.targets.check_scaled(dtype)
        self.data = self._in_training(data)
        if self.data.w is not None and not self.data.w.any():
            self.data = replace(self.data, w=np.ones_like(self.data.w))
        self._set_penalty()

    def _sum_of_weights(self, dtype: Any) -> float:
        """Read all blocks again, and return the sum of the weights of their rows."""
        total = 0.0
        for block in self.reader.next_pass():
            w, rows = self._product(self._encoded(block, dtype)), self._kept(block)
            if w is not None:
                total += float((w if rows is None else w[rows]).sum())
            del block
        if total == 0:
            raise ValueError(
                "class_weight and sample_weight make the weight of every training row"
                " zero."
            )
        return total

    def _product(self, data: TrainingSet) -> Array | None:
        """Return the product of class weights and sample weights of each row."""
        factors = self.by_class(data.Y) if self.by_class else []
        factors += [] if data.w is None else [data.w]
        with np.errstate(over="ignore", under="ignore"):
            return reduce(np.multiply, factors) if factors else None

    def _in_training(self, data: TrainingSet) -> TrainingSet:
        """Return rows with their final weights, 1 on average, and network targets."""
        w = self._product(data)
        data = self._in_trained_unit(replace(data, w=w))
        if w is None:
            return data
        factor = self.sizes.sum() / self.total_weight
        return replace(data, w=(w * factor).astype(data.X.dtype))

    def _kept(self, block: Block) -> Array | None:
        """Return the rows of a block to train on, None for all."""
        out = self._held_out(int(self.starts[block.number]), block.X.shape[0])
        return None if out is None else np.flatnonzero(~out)

    # Training.

    @property
    def training_set(self) -> Stream:
        return Stream(
            self._blocks, self.sizes, self.data,
            seed=self.seed, n_mixed=self.n_mixed, any_order=self.reader.any_order,
        )  # fmt: skip

    def _blocks(self, numbers: Sequence[int] | None) -> Iterator[TrainingSet]:
        """Yield blocks to train on, see `Stream`."""
        for block in self.reader.next_pass(numbers):
            if self.sizes[block.number]:
                data = self._encoded(block, self.data.X.dtype)
                yield replace(self._in_training(data), rows=self._kept(block))
                del data
            del block

    def _callbacks(self, X: Any, y: Any, w: Any, rows: Array | None) -> list:
        """Return the watcher of callbacks, which get the sample as their rows."""
        sample = self.sample
        y = self.model._decode(sample.Y)
        return super()._callbacks(sample.X, y, sample.w, None)


class _Rows:
    """Copies of some rows of several blocks."""

    def __init__(self) -> None:
        self.n = 0
        self.blocks: list[Block] = []

    def add(self, block: Block, rows: Array) -> None:
        """Copy rows of a block."""
        self.n += len(rows)
        self.blocks.append(_selected(block, rows))

    def rows(self) -> Block:
        """Return all of them as one block."""
        parts, last = self.blocks, self.blocks[-1]
        w = None if last.w is None else np.concatenate([part.w for part in parts])
        X, y = ([getattr(part, name) for part in parts] for name in ("X", "y"))
        return Block(last.number, _stacked(X), _stacked(y), w)


class _Sample(_Rows):
    """Rows at equal distances, from a stream whose length is not known before.

    As soon as the sample is too large, every second row of it is dropped.

    Attributes
    ----------
    dtype : dtype
        That of the rows of all blocks.
    """

    def __init__(self) -> None:
        super().__init__()
        self.dtype: Any = None
        self._seen, self._step, self._most = 0, 1, 0
        self._numbers: list[Array] = []

    def add(self, block: Block, rows: Array) -> None:
        dtype = block.X.dtype
        self.dtype = np.result_type(self.dtype, dtype) if self.blocks else dtype
        if not self._most:
            X = block.X.data if issparse(block.X) else block.X
            width = math.ceil(X.nbytes / block.X.shape[0]) or 1
            self._most = min(_SAMPLE_ROWS, max(_FEW_ROWS, _SAMPLE_BYTES // width))
        numbers = np.arange(self._seen, self._seen + len(rows))
        self._seen += len(rows)
        chosen = numbers % self._step == 0
        self._numbers.append(numbers[chosen])
        super().add(block, rows[chosen])
        while self.n > self._most:
            self._thin()

    def _thin(self) -> None:
        self._step *= 2
        blocks, self.blocks, self.n = self.blocks, [], 0
        for i, block in enumerate(blocks):
            chosen = np.flatnonzero(self._numbers[i] % self._step == 0)
            self._numbers[i] = self._numbers[i][chosen]
            super().add(block, chosen)


def _selected(block: Block, rows: Array) -> Block:
    w = None if block.w is None else block.w[rows]
    return Block(block.number, block.X[rows], block.y[rows], w)


def _stacked(parts: list[Rows]) -> Rows:
    return vstack(parts, format="csr") if issparse(parts[0]) else np.concatenate(parts)
