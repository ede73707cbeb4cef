"""The losses that a training hands to its schedule, and results over them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol


class Rule(Hashable, Protocol):
    """What a schedule computes from one loss after another; equal rules compare so."""

    def __call__(self, state: Any, losses: Iterable[float], /) -> Any:
        """Return the state after some more losses."""


class Losses(Sequence[float]):
    """A sequence of losses that a training adds to, and that never changes otherwise.

    So what `fold` has computed from its first losses stays right, and a schedule that
    calls it in every epoch reads each loss once.

    Parameters
    ----------
    values : iterable of float
        The losses so far, which are copied.
    """

    def __init__(self, values: Iterable[float] = ()):
        self._values = list(values)
        self._window = range(len(self._values))
        self._n_before, self._is_mine = 0, True
        self._results: dict[Rule, tuple[int, Any]] = {}

    @classmethod
    def of(
        cls,
        values: list[float],
        window: slice,
        n_before: int,
        results: dict[Rule, tuple[int, Any]],
    ) -> Losses:
        """Return the losses in a part of a list, which is not copied.

        Parameters
        ----------
        values : list of float
            The list, which may only grow.
        window : slice
            The part.
        n_before : int
            Number of losses before these that are no longer kept.
        results : dict
            The results of `fold` so far, over those losses, too; changed in place.
        """
        losses = cls()
        losses._values, losses._n_before, losses._results = values, n_before, results
        losses._window = range(*window.indices(len(values)))
        losses._is_mine = False
        return losses

    def __len__(self) -> int:
        """Return the number of losses."""
        return len(self._window)

    def __getitem__(self, index: Any) -> Any:
        """Return a loss, or a list of losses."""
        place = self._window[index]
        if isinstance(place, range):
            return [self._values[i] for i in place]
        return self._values[place]

    def __iter__(self) -> Iterator[float]:
        """Iterate over the losses."""
        return self._after(0)

    def __eq__(self, other: object) -> bool:
        """Whether the other sequence, of whatever type, has the same losses."""
        return isinstance(other, Sequence) and list(self) == list(other)

    def __repr__(self) -> str:
        """Return the losses as those of a list."""
        return repr(list(self))

    def _after(self, n: int) -> Iterator[float]:
        """Iterate over the losses after the first n."""
        return islice(self._values, self._window.start + n, self._window.stop)

    def add(self, values: Iterable[float]) -> None:
        """Add the losses of the next epochs; a list given to `of` is copied first."""
        if not self._is_mine:
            self._values, self._is_mine = list(self), True
        self._values.extend(values)
        self._window = range(len(self._values))

    def fold(self, rule: Rule, start: Any) -> Any:
        """Return the state that a rule reaches from ``start`` over all losses.

        Losses that are no longer kept count if the rule has read them.
        """
        n, state = self._results.get(rule, (0, start))
        total = self._n_before + len(self)
        if n > total:  # read in an epoch that was undone
            n, state = 0, start
        new = list(self._after(max(n - self._n_before, 0)))
        if new:
            state = rule(state, new)
            self._results[rule] = total, state
        return state


def fold(losses: Iterable[float], rule: Rule, start: Any) -> Any:
    """Return the state that a rule reaches from ``start`` over any losses."""
    if isinstance(losses, Losses):
        return losses.fold(rule, start)
    return rule(start, losses)
