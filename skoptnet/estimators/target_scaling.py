"""Normalisation of a regressor's targets, from the unit of y to that of training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from .._types import Array

#: The smallest scale, which is above 0.
_SMALLEST = np.nextafter(0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Moments:
    """Weighted mean and variance of each target, of rows that come all at once or not.

    Attributes
    ----------
    weight : float
        The sum of the weights of the rows.
    mean, variance : float64 arrays of shape (n_targets,)
        In units of 2^exponent and of its square, so that neither overflows.
    exponent : int array of shape (n_targets,)
        The exponent of the unit of each target.
    """

    weight: float
    mean: Array
    variance: Array
    exponent: Array

    @classmethod
    def of(cls, Y: Array, w: Array | None) -> Self:
        """Return the moments of some rows.

        Parameters
        ----------
        Y : float64 array of shape (n, n_targets)
            The targets.
        w : array of shape (n,) or None
            The weight of each row, not all 0; None if all are 1.
        """
        weight = float(len(Y) if w is None else w.sum())
        U, w, exponent = _near_one(Y, w)
        # Distances from one of the rows: exactly 0 for a constant target, and precise
        # for a target that varies little around a large mean.
        D = U - U[0]
        distance = np.average(D, axis=0, weights=w)
        variance = np.average((D - distance) ** 2, axis=0, weights=w)
        return cls(weight, U[0] + distance, variance, exponent)

    def plus(self, other: Moments) -> Moments:
        """Return the moments of the rows of both.

        Source: `Chan, Golub and LeVeque (1983)
        <https://doi.org/10.1080/00031305.1983.10483115>`__.
        """
        exponent = np.maximum(self.exponent, other.exponent)
        weight = self.weight + other.weight
        shares = self.weight / weight, other.weight / weight
        (a, variance_a), (b, variance_b) = (
            (np.ldexp(m.mean, by), np.ldexp(m.variance, 2 * by))
            for m in (self, other)
            for by in [m.exponent - exponent]
        )
        variance = shares[0] * variance_a + shares[1] * variance_b
        variance += shares[0] * shares[1] * (b - a) ** 2
        return Moments(weight, a + shares[1] * (b - a), variance, exponent)

    def distance(self, point: Array) -> Array:
        """Return the root mean square of the distances from a point, per target."""
        _, exponent = np.frexp(point)
        exponent = np.maximum(self.exponent, exponent)
        by = self.exponent - exponent
        shift = np.ldexp(self.mean, by) - np.ldexp(point, -exponent)
        squares = np.ldexp(self.variance, 2 * by) + shift**2
        return np.ldexp(np.sqrt(squares), exponent)


@dataclass(frozen=True, eq=False)
class TargetScaling:
    """The map between targets in the unit of y and the network's targets.

    A target y becomes (y - mean) / scale; a prediction yhat of the network becomes
    mean + scale yhat.

    Attributes
    ----------
    mean, scale : float64 arrays of shape (n_targets,)
        The shift and the unit of each target.
    is_constant : bool array of shape (n_targets,) or None
        Which targets have been constant so far; None means none of them.
    """

    mean: Array
    scale: Array
    is_constant: Array | None = None

    @classmethod
    def none(cls, n_targets: int) -> Self:
        """Return the map that changes nothing."""
        return cls(np.zeros(n_targets), np.ones(n_targets))

    @classmethod
    def standardizing(cls, moments: Moments, are_all: bool, dtype: Any) -> Self:
        """Return the map to a weighted mean of 0 and a weighted deviation of 1.

        A constant target has no deviation. If there are no other targets, its scale is
        below the precision of its value, so that all predictions are that value;
        otherwise, its scale is its value.

        Parameters
        ----------
        moments : Moments
            The moments of the targets.
        are_all : bool
            Whether these are all the targets of the training.
        dtype : dtype
            That of the network's predictions.
        """
        mean, exponent = moments.mean, moments.exponent
        precision = np.finfo(dtype).eps
        scale = np.sqrt(moments.variance)
        size = np.where(mean == 0, 1, np.abs(mean)) * (precision / 8 if are_all else 1)
        constant = scale == 0
        scale = np.ldexp(np.where(constant, size, scale), exponent)
        return cls(np.ldexp(mean, exponent), np.maximum(scale, _SMALLEST), constant)

    @classmethod
    def dividing(cls, moments: Moments) -> Self:
        """Return the map that divides targets, none of them negative, by their mean.

        It suits a logarithmic link, where dividing shifts the raw outputs.
        """
        scale = np.ldexp(moments.mean, moments.exponent)
        return cls(np.zeros(len(scale)), np.where(scale > 0, scale, 1.0))

    def updated(self, moments: Callable[[], Moments]) -> Self:
        """Return the map for further targets, whose moments the function returns.

        It is the same, except for targets that were constant: their scale becomes the
        root mean square of the distances from that constant. So their predictions
        continue from the constant.
        """
        if self.is_constant is None or not self.is_constant.any():
            return self
        distance = moments().distance(self.mean)
        changes = self.is_constant & (distance > 0)
        scale = np.where(changes, distance, self.scale)
        return replace(self, scale=scale, is_constant=self.is_constant & ~changes)

    @cached_property
    def changes_nothing(self) -> bool:
        """Whether both units are the same."""
        return not self.mean.any() and bool((self.scale == 1).all())

    def apply(self, Y: Array, dtype: Any, w: Array | None = None) -> Array:
        """Return targets in the unit of y as targets of the network.

        Rows of weight zero get a target that suits every loss and dtype: theirs may
        stand for a missing value, whose loss would be infinite.

        Raises
        ------
        ValueError
            If the dtype of the network cannot hold them, or predictions of them.
        """
        if w is not None and (unused := w == 0).any():
            typical = np.where(self.mean == 0, self.scale, self.mean)
            Y = np.where(unused[:, np.newaxis], typical, Y)
        if np.dtype(dtype) != Y.dtype:
            self._check_fits(Y, dtype)
        if not self.changes_nothing:
            Y = (Y - self.mean) / self.scale
        return np.ascontiguousarray(Y, dtype=dtype)

    def invert(self, yhat: Array) -> Array:
        """Return the network's predictions in the unit of y and in their own dtype."""
        if self.changes_nothing:
            return yhat
        return (self.mean + self.scale * yhat).astype(yhat.dtype, copy=False)

    def _check_fits(self, Y: Array, dtype: Any) -> None:
        limits = np.finfo(dtype)
        largest = np.abs(Y).max()
        smallest = np.maximum(np.abs(self.mean), self.scale).min()
        if largest > limits.max or smallest < limits.tiny:
            raise ValueError(
                f"y or y_val has values that {limits.dtype} cannot hold, the dtype of"
                f" X: the largest magnitude is {largest:g}, the smallest mean or"
                f" deviation {smallest:g}. Choose another unit for y, or pass X as"
                " float64."
            )


def _near_one(Y: Array, w: Array | None) -> tuple[Array, Array | None, Array]:
    """Return the rows that count, their targets divided by powers of 2, and the powers.

    Sums of such targets and weights neither overflow nor underflow.
    """
    if w is not None:
        Y, w = Y[w > 0], w[w > 0] / w.max()
    _, exponent = np.frexp(np.abs(Y).max(axis=0))
    return np.ldexp(Y, -exponent), w, exponent
