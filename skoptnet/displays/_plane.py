"""Principal plane (PCA) of paths through weight space (Li et al., 2018).

Source: https://arxiv.org/abs/1712.09913.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .._types import Array


@dataclass(frozen=True)
class Plane:
    """The plane through an origin that is closest to the points of some paths.

    Attributes
    ----------
    origin : array of shape (P,)
        The mean of the paths' end points; with one path, its end point.
    directions : array of shape (2, P)
        Two orthonormal vectors, the principal directions of all points about the
        origin (Li et al., 2018). Their signs are such that the first path starts at
        coordinates that are not positive.
    shares : array of shape (2,)
        Share of the squared distances from the origin along each direction.
    """

    origin: Array
    directions: Array
    shares: Array

    @classmethod
    def through(cls, paths: Sequence[Array]) -> Plane:
        """Return the plane of some paths, each of shape (n_points, P)."""
        origin = np.mean([path[-1] for path in paths], axis=0, dtype=float)
        away = np.concatenate([path - origin for path in paths])
        if len(away) < 2:  # only one point
            away = np.vstack([away, away])
        _, s, directions = np.linalg.svd(away, full_matrices=False)
        directions = directions[:2]
        directions[(paths[0][0] - origin) @ directions.T > 0] *= -1
        total = np.sum(s**2)
        return cls(origin, directions, s[:2] ** 2 / total if total else np.zeros(2))

    def coordinates(self, path: Array) -> Array:
        """Return the coordinates of a path in the plane, of shape (n_points, 2)."""
        return (path - self.origin) @ self.directions.T

    def points(self, first: Array, second: Array) -> Iterator[Array]:
        """Yield the points of a grid in the plane, ``first`` varying fastest."""
        for b in second:
            for a in first:
                yield self.origin + a * self.directions[0] + b * self.directions[1]
