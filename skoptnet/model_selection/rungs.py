"""Rungs of successive halving: how many candidates are trained up to which epoch."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

#: The first epoch at which a candidate past its best can end.
FIRST_CHECK = 20

# Epochs of a checkpoint divided by those of the one before.
_GROWTH = 1.5


class Rung(NamedTuple):
    """A round of successive halving.

    Attributes
    ----------
    n_candidates : int
        Number of candidates that are trained.
    epochs : int
        The epoch up to which they are trained, counted from their start.
    """

    n_candidates: int
    epochs: int


class Halving(NamedTuple):
    """Successive halving of a number of candidates.

    Attributes
    ----------
    rungs : list of Rung
        The rungs. The last one ends with the maximum number of epochs.
    n_required : int
        Number of rungs that leave at most ``factor`` candidates in the last one.
    n_possible : int
        Number of rungs that the range of epochs allows, each longer than the one
        before.
    """

    rungs: list[Rung]
    n_required: int
    n_possible: int

    def checkpoints(self, patience: float | None) -> list[int]:
        """Return the epochs at which candidates pause or end, see `checkpoints`."""
        found, start = [], 0
        for rung in self.rungs:
            found += checkpoints(start, rung.epochs, patience)
            start = rung.epochs
        return found


def halving(
    n_candidates: int,
    min_epochs: int | str,
    max_epochs: int,
    factor: float,
    aggressive: bool = False,
) -> Halving:
    """Return the rungs of successive halving.

    Parameters
    ----------
    n_candidates : int
        Number of candidates at the start.
    min_epochs : int, "exhaust" or "smallest"
        Epochs of the first rung. With "exhaust", the range of epochs is just large
        enough for the required rungs; for "smallest", see `first_epochs`.
    max_epochs : int
        Epochs of the last rung.
    factor : float
        From rung to rung, this share of the candidates remains, rounded up, and the
        number of epochs grows by this factor.
    aggressive : bool
        Whether to add rungs that end at the same epoch as the first one, until the
        remaining candidates fit into the possible rungs.
    """
    n_required = _n_steps(n_candidates, factor)
    if min_epochs == "exhaust":
        min_epochs = max(1, int(max_epochs / factor ** (n_required - 1)))
    first = first_epochs(min_epochs, max_epochs, factor)
    growing = _growing(first, max_epochs, factor)
    n_possible = len(growing)
    n_rungs = n_required if aggressive else min(n_required, n_possible)
    rungs, n = [], n_candidates
    for i in range(n_rungs):
        step = max(0, i - n_required + n_possible) if aggressive else i
        rungs.append(Rung(n, growing[step] if i < n_rungs - 1 else max_epochs))
        n = ceil(n / factor)
    return Halving(rungs, n_required, n_possible)


def first_epochs(min_epochs: int | str, max_epochs: int, factor: float) -> int:
    """Return the epochs of a first rung; "smallest" leaves room for three more."""
    if min_epochs == "smallest":
        return max(1, int(max_epochs / factor**3))
    return int(min_epochs)


def hyperband(min_epochs: int, max_epochs: int, factor: float) -> list[Halving]:
    """Return the brackets of Hyperband, from the one with the most candidates.

    With s + 1 rungs, a bracket begins with :math:`\\lceil \\frac{s_{max} + 1}{s + 1}
    \\eta^s \\rceil` candidates; each bracket takes about the same number of epochs.
    """
    ends = _shrinking(min_epochs, max_epochs, factor)
    most, brackets = len(ends) - 1, []
    for s in range(most, -1, -1):
        n = ceil((most + 1) / (s + 1) * factor**s)
        rungs = [Rung(max(1, int(n / factor**i)), ends[s - i]) for i in range(s + 1)]
        brackets.append(Halving(rungs, s + 1, s + 1))
    return brackets


def checkpoints(start: int, end: int, patience: float | None) -> list[int]:
    """Return the epochs of a rung at which candidates past their best can end.

    Each is half as many again as the one before, and the last is the end of the rung;
    without patience, it is the only one.
    """
    if patience is None:
        return [end]
    found, epoch = [], max(FIRST_CHECK, ceil(start * _GROWTH))
    while epoch * _GROWTH <= end:
        found.append(epoch)
        epoch = ceil(epoch * _GROWTH)
    return [*found, end]


def _growing(first: int, max_epochs: int, factor: float) -> list[int]:
    """Return the epochs of rungs, at least one more in each, up to a maximum."""
    epochs = [first]
    for i in range(1, _n_steps(max_epochs / first, factor)):
        following = max(epochs[-1] + 1, round(first * factor**i))
        if following > max_epochs:
            break
        epochs.append(following)
    return epochs


def _shrinking(min_epochs: int, max_epochs: int, factor: float) -> list[int]:
    """Return the epochs of rungs from the last, at least one less in each."""
    epochs = [max_epochs]
    for i in range(1, _n_steps(max_epochs / min_epochs, factor)):
        before = min(epochs[-1] - 1, round(max_epochs / factor**i))
        if before < min_epochs:
            break
        epochs.append(before)
    return epochs


def _n_steps(ratio: float, factor: float) -> int:
    """Return how many powers of the factor, from the 0th, do not exceed a ratio."""
    n, power = 0, 1.0
    while power <= ratio * (1 + 1e-12):
        n, power = n + 1, power * factor
    return n
