"""Losses of the finished epochs, as a schedule reads them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Protocol


class Rule(Hashable, Protocol):
    """A function that a schedule folds over the losses, comparable by value."""

    def __call__(self, state: Any, losses: Iterable[float], /) -> Any:
        """Return the state after further losses."""


class Losses(Sequence[float]):
    """The losses of some epochs: a view of a list that only grows.

    Since the first losses never change, `fold` keeps its result for them, and a
    schedule that calls it in every epoch reads each loss once.

    Parameters
    ----------
    values : list of float
        The list.
    window : slice, optional
        The part of the list; by default all of it.
    n_before : int, default=0
        Number of losses before these that are no longer kept.
    results : dict, optional
        The results of `fold` so far, over those earlier losses as well; changed in
        place.
    """

    def __init__(
        self,
        values: list[float],
        window: slice = slice(None),
        n_before: int = 0,
        results: dict[Rule, tuple[int, Any]] | None = None,
    ):
        self._values, self._n_before = values, n_before
        self._window = range(*window.indices(len(values)))
        self._results = {} if results is None else results

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
        """Whether another sequence, of any type, has the same losses."""
        return isinstance(other, Sequence) and list(self) == list(other)

    def __repr__(self) -> str:
        """Return the losses as a list shows them."""
        return repr(list(self))

    def _after(self, n: int) -> Iterator[float]:
        """Iterate over the losses after the first n."""
        return islice(self._values, self._window.start + n, self._window.stop)

    def fold(self, rule: Rule, start: Any) -> Any:
        """Return the state that a rule reaches from ``start`` over all losses.

        Losses that are no longer stored count if the rule has read them.
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
    """Return the state that a rule reaches from ``start`` over the losses."""
    if isinstance(losses, Losses):
        return losses.fold(rule, start)
    return rule(start, losses)
