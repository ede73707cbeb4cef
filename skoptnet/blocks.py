"""Blocks of theta: the W_l, the b_l and the scaling layer s, and their rates."""

from __future__ import annotations

from typing import NamedTuple


class Block(NamedTuple):
    """A part of theta that is an array of its own.

    Attributes
    ----------
    rows : slice
        Its elements in theta.
    shape : tuple of int
        The shape of the array.
    decays : bool
        Whether weight decay shrinks it: weights, but not biases or scales.
    rate_factor : float
        Factor of its learning rate.
    """

    rows: slice
    shape: tuple[int, ...]
    decays: bool
    rate_factor: float = 1.0
