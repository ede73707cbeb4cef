"""The losses that a training hands to its schedule, and results over them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
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
        self._results: dict[Rule, tuple[int, Any]] = {}

    def __len__(self) -> int:
        """Return the number of losses."""
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        """Return a loss, or a list of losses."""
        return self._values[index]

    def __iter__(self) -> Iterator[float]:
        """Iterate over the losses."""
        return iter(self._values)

    def __eq__(self, other: object) -> bool:
        """Whether the other sequence, of whatever type, has the same losses."""
        return isinstance(other, Sequence) and self._values == list(other)

    def __repr__(self) -> str:
        """Return the losses as those of a list."""
        return repr(self._values)

    def add(self, values: Iterable[float]) -> None:
        """Add the losses of the next epochs."""
        self._values.extend(values)

    def fold(self, rule: Rule, start: Any) -> Any:
        """Return the state that a rule reaches from ``start`` over all losses."""
        n, state = self._results.get(rule, (0, start))
        new = self._values[n:]
        if new:
            state = rule(state, new)
            self._results[rule] = n + len(new), state
        return state


def fold(losses: Iterable[float], rule: Rule, start: Any) -> Any:
    """Return the state that a rule reaches from ``start`` over any losses."""
    if isinstance(losses, Losses):
        return losses.fold(rule, start)
    return rule(start, losses)
