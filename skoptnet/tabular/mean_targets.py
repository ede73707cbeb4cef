"""Target encoding: categories as the mean targets of their values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.preprocessing import TargetEncoder
from sklearn.utils.multiclass import type_of_target

from .._types import Array
from .folds import Fold
from .smooth_clip import RobustSmoothClipper

_CLASSES = ("binary", "multiclass")


@dataclass
class Targets:
    """The targets that encode categories, and the folds for it.

    Attributes
    ----------
    Y : float64 array of shape (n, n_columns)
        A column of numbers, or 1 for the rows of a class: a column per class, and one
        for two classes.
    suffixes : list of str
        The ends of the names of encoded columns, one per column of Y.
    folds : list of Fold
        The rows held out are encoded by the training rows. Rows that no fold holds out
        are encoded by all other rows, in as many parts as there are folds.
    """

    Y: Array
    suffixes: list[str]
    folds: list[Fold]

    @classmethod
    def of(cls, y: Array, kind: str | None, folds: list[Fold]) -> Targets:
        """Return the targets for a y of a kind; None infers the kind.

        Raises
        ------
        ValueError
            If y is not of one of the kinds "continuous", "binary" and "multiclass".
        """
        found = str(type_of_target(y, input_name="y"))
        kind = kind or found
        is_numeric = y.ndim == 1 and y.dtype.kind in "biuf"
        if kind == "continuous" and is_numeric:
            return cls(y[:, np.newaxis].astype(np.float64), ["target"], folds)
        if kind not in _CLASSES or found not in _CLASSES:
            raise ValueError(
                f"target_encoding needs y to be a column of numbers or classes. Got"
                f" {found} targets for target_encoding={kind!r}. Set"
                " target_encoding=False, or pass other targets."
            )
        classes = np.unique(y)
        if kind == "multiclass":
            suffixes = [f"target_{label}" for label in classes]
            return cls((y[:, np.newaxis] == classes).astype(float), suffixes, folds)
        if len(classes) > 2:
            raise ValueError(
                "target_encoding='binary' needs y to have two classes. Got"
                f" {len(classes)}. Set target_encoding='multiclass'."
            )
        return cls((y[:, np.newaxis] == classes[-1:]).astype(float), ["target"], folds)

    def parts(self) -> list[Fold]:
        """Return folds that hold out every row."""
        n = len(self.Y)
        rest = np.ones(n, dtype=bool)
        for fold in self.folds:
            rest[fold.held_out] = False
        parts = np.array_split(np.flatnonzero(rest), len(self.folds))
        others = [Fold(np.setdiff1d(np.arange(n), part), part) for part in parts]
        return [fold for fold in (*self.folds, *others) if len(fold.held_out)]


class MeanTargets:
    """Smoothed mean targets of categories, from other rows for training rows.

    They are those of scikit-learn's TargetEncoder, scaled and clipped like numbers.
    """

    def fit_transform(self, codes: Array, targets: Targets, has_weight: Array) -> Array:
        """Learn from codes of categories; return the training rows.

        Parameters
        ----------
        codes : int array of shape (n, n_features)
            The categories.
        targets : Targets
            Their targets.
        has_weight : bool array of shape (n,)
            The rows to learn from.
        """
        self.suffixes = targets.suffixes
        self.encoders = _encoders(codes[has_weight], targets.Y[has_weight])
        encoded = _encoded(codes, self.encoders)
        for train, held_out in targets.parts():
            rows = train[has_weight[train]]
            if len(rows):
                encoders = _encoders(codes[rows], targets.Y[rows])
                encoded[held_out] = _encoded(codes[held_out], encoders)
        self.clipper = RobustSmoothClipper().fit(encoded[has_weight])
        return self.clipper.transform(encoded)

    def transform(self, codes: Array) -> Array:
        """Return other rows."""
        return self.clipper.transform(_encoded(codes, self.encoders))

    def names(self, names: Array) -> list[str]:
        """Return the names of the columns that `transform` returns."""
        return [f"{name}_{suffix}" for name in names for suffix in self.suffixes]


def _encoders(codes: Array, Y: Array) -> list[Any]:
    """Return an encoder for each column of the targets."""
    return [TargetEncoder(target_type="continuous").fit(codes, y) for y in Y.T]


def _encoded(codes: Array, encoders: list[Any]) -> Array:
    """Return a column per category and target, those of a category side by side."""
    columns = [encoder.transform(codes) for encoder in encoders]
    return np.stack(columns, axis=2).reshape(len(codes), -1)
