"""Dropout of hidden units.

A mask is a function of the seed of the run, the number of the update, the layer, the
row's position in the minibatch, and the unit. So there is no state to keep or to
restore, and the masks of a minibatch can be computed in any order, in any chunks and on
any number of threads.

The random numbers are those of SplitMix64 (Steele, Lea and Flood, 2014,
https://doi.org/10.1145/2660193.2660195): number i of a stream is
``mix(key + i * 0x9E3779B97F4A7C15)``, i = 1, 2, ..., modulo 2^64. The key of an update
is number update + 1 of the seed's stream, the key of a layer is number layer + 1 of the
update's stream (both counted from 0), and the layer's stream gives its mask. Each
number serves four units, 16 bits each from the lowest on; a row of k units takes ceil(k
/ 4) numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._types import Array

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_UNITS_PER_NUMBER = 4


def numbers(key: int, indices: range) -> Array:
    """Return numbers of the SplitMix64 stream of a key, the first having index 1."""
    z = np.arange(indices.start, indices.stop, dtype=np.uint64)
    z *= _GOLDEN
    z += np.uint64(key)
    return _mix(z)


def _mix(z: Array) -> Array:
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout (Srivastava et al., 2014).

    Source: https://jmlr.org/papers/v15/srivastava14a.html. Each update drops each unit
    of each row with probability p and divides the others by 1 - p. The mean over all
    masks is then the activation, and predictions use all units without scaling.

    Parameters
    ----------
    rates : tuple of float
        p of each hidden layer, in [0, 1).
    seed : int in [0, 2**64)
        Different for each run.
    """

    rates: tuple[float, ...]
    seed: int

    def threshold(self, layer: int) -> int:
        """Return the least 16-bit number with which a unit is kept."""
        p = self.rates[layer]
        return min(max(1, round(p * 2**16)), 2**16 - 1) if p else 0

    def mask(
        self, update: int, layer: int, rows: range, n_units: int, dtype: Any
    ) -> Array:
        """Return the factors of a layer's activations: 0 or 1 / (1 - p).

        Parameters
        ----------
        update : int
            Number of updates made before, over all calls.
        layer : int
            The hidden layer, from 0 at the input.
        rows : range
            Positions of the rows in the minibatch.
        n_units : int
            Width k of the layer.
        dtype : dtype
            The type of the factors.

        Returns
        -------
        array of shape (len(rows), k)
            The mask.
        """
        key = self.seed
        for index in (update + 1, layer + 1):
            (key,) = numbers(key, range(index, index + 1)).tolist()
        per_row = -(-n_units // _UNITS_PER_NUMBER)
        own = range(rows.start * per_row + 1, rows.stop * per_row + 1)
        bits = numbers(key, own).astype("<u8", copy=False).view("<u2")
        bits = bits.reshape(len(rows), per_row * _UNITS_PER_NUMBER)[:, :n_units]
        scale = np.dtype(dtype).type(1 / (1 - self.rates[layer]))
        return (bits >= self.threshold(layer)) * scale

    def masks(
        self, update: int, rows: range, widths: Sequence[int], dtype: Any
    ) -> list[Array | None]:
        """Return the mask of each hidden layer, None for one without dropout."""
        return [
            self.mask(update, layer, rows, k, dtype) if self.rates[layer] else None
            for layer, k in enumerate(widths)
        ]
