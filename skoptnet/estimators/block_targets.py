"""Targets of all blocks together: classes or extremes, gathered block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import issparse

from .._types import Array
from .fitting import Fit
from .label_kinds import checked_kind, is_multilabel
from .target_scaling import Moments


class Labels:
    """The classes of all blocks, and the number of rows of each.

    Attributes
    ----------
    is_sparse : bool
        Whether multilabel targets are sparse.
    """

    def __init__(self, fit: Fit):
        self.fit, self.is_sparse = fit, False
        self._multilabel: bool | None = None
        # Numbers of rows by label; of multilabel targets, of ones by column.
        self._counts: dict[Any, int] = {}
        self._trained: set[Any] = set()
        self._labels = np.empty(0)
        self._n_rows = 0

    def add(self, y: Array, w: Array | None, kept: Array) -> None:
        """Count the labels of a block; ``kept`` are the rows to train on."""
        multilabel = is_multilabel(checked_kind(y, "y"))
        if self._multilabel is None:
            self._multilabel = multilabel
        elif multilabel != self._multilabel:
            names = {True: "a 0/1 matrix (multilabel)", False: "one label per row"}
            raise ValueError(
                f"y must be {names[self._multilabel]}, as in the blocks before. Got"
                f" {names[multilabel]}."
            )
        self._n_rows += y.shape[0]
        if multilabel:
            self._add_columns(y)
        else:
            self._add_labels(y, kept)

    def _add_columns(self, y: Any) -> None:
        self.is_sparse = issparse(y)
        ones = np.asarray(y.sum(axis=0)).ravel().astype(int)
        if self._counts and len(ones) != len(self._counts):
            raise ValueError(
                f"y must have {len(self._counts)} columns, as in the blocks before."
                f" Got {len(ones)}."
            )
        for column, count in enumerate(ones.tolist()):
            self._counts[column] = self._counts.get(column, 0) + count

    def _add_labels(self, y: Array, kept: Array) -> None:
        labels, counts = np.unique(y, return_counts=True)
        both = [len(a) and a.dtype.kind in "OU" for a in (labels, self._labels)]
        if len(self._labels) and both[0] != both[1]:
            raise ValueError(
                "y must have labels of one type in all blocks. Got labels of type"
                f" {labels.dtype} now, and {self._labels.dtype} in the blocks before."
                " Convert them, for instance by y.astype(str)."
            )
        self._labels = np.union1d(self._labels, labels) if self._counts else labels
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True):
            self._counts[label] = self._counts.get(label, 0) + count
        if len(kept) < len(y):
            labels = np.unique(y[kept])
        self._trained.update(labels.tolist())

    def learn(self) -> Array:
        """Give the model its classes; return encoded targets of its form."""
        fit, model = self.fit, self.fit.model
        if self._multilabel:
            Y = np.zeros((1, len(self._counts)))
            model._set_classes(Y, True, fit)
            model._sparse_y = self.is_sparse
            return Y
        model._set_classes(self._labels, False, fit)
        if fit.continues:
            model._check_classes(self._labels, fit)
        return np.arange(len(model.classes_))

    def counts(self) -> list[Array]:
        """Return the number of rows of each class, per column of labels."""
        if self._multilabel:
            ones = self._counts.values()
            return [np.array([self._n_rows - count, count]) for count in ones]
        classes = self.fit.model.classes_.tolist()
        return [np.array([self._counts[label] for label in classes])]

    def check_trained(self) -> None:
        """Refuse to train without a class, all of whose rows are held out."""
        lacking = [label for label in self._counts if label not in self._trained]
        if lacking and not self._multilabel:
            raise ValueError(
                f"The rows to train on lack the classes {lacking}: all their rows are"
                " held out for early stopping. Decrease 'validation_fraction', change"
                " 'random_state', or pass X_val and y_val."
            )

    def check_scaled(self, dtype: Any) -> None:
        """Labels have no scale."""

    def moments(self) -> Moments:
        """Return the moments of targets, which labels do not have."""
        raise TypeError("labels have no moments")


class Numbers:
    """The extremes of a regressor's targets over all blocks, and their moments."""

    def __init__(self, fit: Fit):
        self.fit = fit
        self._ends: Array | None = None
        self._moments: Moments | None = None

    def add(self, y: Array, w: Array | None, kept: Array) -> None:
        """Take the targets of a block; ``kept`` are the rows to train on."""
        Y = self.fit.model._columns(y, whole=False)
        ends = np.stack([Y.min(axis=0), Y.max(axis=0)])
        if self._ends is None:
            self._ends = ends
        elif ends.shape != self._ends.shape:
            raise ValueError(
                f"y must have {self._ends.shape[1]} column(s), as in the blocks before."
                f" Got {Y.shape[1]}."
            )
        else:
            both = np.concatenate([self._ends, ends])
            self._ends = np.stack([both.min(axis=0), both.max(axis=0)])
        Y, w = Y[kept], None if w is None else w[kept]
        if len(Y) and (w is None or w.any()):
            moments = Moments.of(Y, w)
            self._moments = self._moments.plus(moments) if self._moments else moments

    @property
    def _extremes(self) -> Array:
        assert self._ends is not None  # there is a block with a row
        return self._ends

    def learn(self) -> Array:
        """Check the targets together; return targets of the model's form."""
        model = self.fit.model
        return model._encode(self._extremes, np.float64, self.fit)

    def counts(self) -> None:
        """There are no classes."""

    def check_trained(self) -> None:
        """There are no classes."""

    def check_scaled(self, dtype: Any) -> None:
        """Refuse targets that the dtype of the network cannot hold."""
        self.fit.model._network_targets(self._extremes, dtype, None)

    def moments(self) -> Moments:
        """Return the moments of the targets of the rows to train on."""
        assert self._moments is not None  # there is a row with a weight
        return self._moments
