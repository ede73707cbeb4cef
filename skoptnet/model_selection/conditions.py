"""Combinations of parameters that a network accepts, without those that do not differ.

The rules are those of the network: each combination is tried on a copy of it, whose
checks refuse the combination or tell which parameters have no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Any

from sklearn.base import clone

from ..estimators.base import MLP
from ..estimators.unused import OF_SOLVERS_AND_SCHEDULES, set_parameters, without_effect

#: Stands for the default of a parameter among its values.
_DEFAULT = -1

#: A combination: for each parameter that it sets, the number of a group of values.
_Combination = dict[str, int]


@dataclass
class Record:
    """What several calls of `conditional_spaces` found.

    Values may be of any type, so they are told apart by their ``id``.

    Attributes
    ----------
    used : set of (str, int)
        The parameters and values in accepted combinations, where they have an effect.
    errors : dict of exceptions
        The first error of each parameter and value.
    reasons : dict of str
        By parameter, why it has no effect in a combination.
    """

    used: set[tuple[str, int]] = field(default_factory=set)
    errors: dict[tuple[str, int], Exception] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def note(
        self,
        members: Mapping[str, list[Any]],
        unread: Mapping[str, str],
        error: Exception | None,
    ) -> None:
        """Note that combinations of these values were tried."""
        for name, values in members.items():
            keys = [(name, id(value)) for value in values]
            if error is not None:
                self.errors = dict.fromkeys(keys, error) | self.errors
            elif name in unread:
                self.reasons.setdefault(name, unread[name])
            else:
                self.used.update(keys)

    def refuse_unused(self, needed: Sequence[str], caller: str) -> None:
        """Refuse values that are never accepted, and parameters without any effect.

        Parameters
        ----------
        needed : sequence of str
            The parameters that must have an effect, with each of their values.
        caller : str
            Name of the function that was called.
        """
        used = {name for name, _ in self.used}
        for (name, value), error in self.errors.items():
            explained = name not in used and name in self.reasons
            if name in needed and (name, value) not in self.used and not explained:
                raise error
        for name in needed:
            if name not in used:
                raise ValueError(
                    f"{name!r} has no effect on any candidate of {caller}:"
                    f" {self.reasons[name]}."
                )


def conditional_spaces(
    network: MLP, options: Mapping[str, Sequence[Any]], record: Record, apart: str = ""
) -> list[dict[str, list[int | None]]]:
    """Return spaces with all combinations of values that are accepted and differ.

    Parameters
    ----------
    network : MLP
        The network; its other parameters stay as they are, except those that are set
        and have no effect in a space. If they have one elsewhere, they are in the space
        with None, which stands for their default.
    options : dict of sequences
        The values of each parameter.
    record : Record
        Notes the values that are accepted and used.
    apart : str, default=""
        A parameter whose values get separate spaces.

    Returns
    -------
    list of dicts
        For each space, the numbers of the values of each parameter.
    """
    is_set = set_parameters(network)
    groups = _groups(network, options, options.keys() | is_set)
    accepted = list(_accepted(network, options, groups, record))
    # Those that neither the network nor a candidate reads; its fit warns of them.
    mistakes = _tried(network, {})[0].keys() - OF_SOLVERS_AND_SCHEDULES
    mistakes = mistakes.intersection(*(unread for _, unread in accepted))
    resettable = sorted(is_set.keys() - mistakes)
    rows: list[_Combination] = []
    for numbers, unread in accepted:
        row = {n: v for n, v in numbers.items() if n not in unread}
        row |= {name: _DEFAULT for name in resettable if name in unread}
        if row not in rows:
            rows.append(row)
    names = [*options, *(name for name in resettable if name not in options)]
    spaces = []
    for ends, rest in _split(rows, apart):
        inner = [
            {name: _members(groups.get(name, []), at) for name, at in space.items()}
            for space in _factored(rest)
        ]
        alone = [{apart: [at]} for at in _members(groups.get(apart, []), ends)]
        spaces += [space | end for end in alone or [{}] for space in inner]
    return [{name: space[name] for name in names if name in space} for space in spaces]


def _accepted(
    network: MLP,
    options: Mapping[str, Sequence[Any]],
    groups: Mapping[str, list[list[int]]],
    record: Record,
) -> Iterator[tuple[_Combination, Mapping[str, str]]]:
    """Yield the accepted combinations of groups, and what has no effect in them."""
    for chosen in product(*(range(len(groups[name])) for name in options)):
        numbers = dict(zip(options, chosen, strict=True))
        members = {
            name: [options[name][at] for at in groups[name][number]]
            for name, number in numbers.items()
        }
        unread, error = _tried(network, {name: v[0] for name, v in members.items()})
        record.note(members, unread, error)
        if error is None:
            yield numbers, unread


def _members(groups: Sequence[list[int]], numbers: Sequence[int]) -> list[int | None]:
    """Return the numbers of the values in groups, in their order; None for defaults."""
    if _DEFAULT in numbers:
        return [None]
    return [*sorted(at for number in numbers for at in groups[number])]


def _groups(
    network: MLP, options: Mapping[str, Sequence[Any]], relevant: Iterable[str]
) -> dict[str, list[list[int]]]:
    """Return the numbers of the values of each parameter, like with like.

    Values are alike if the same parameters have no effect with them, or the same error
    refuses them, whichever kind of value another parameter has. So few combinations
    have to be tried, however many values there are.
    """
    first = {name: values[0] for name, values in options.items()}
    found = {name: [[*range(len(values))]] for name, values in options.items()}
    while True:
        others = [
            (name, options[name][group[0]])
            for name, groups in found.items()
            for group in groups
            if len(groups) > 1
        ]
        finer = {}
        for name, values in options.items():
            contexts = [first, *(first | {n: v} for n, v in others if n != name)]
            by_kind: dict[Any, list[int]] = {}
            for at, value in enumerate(values):
                trials = [_tried(network, c | {name: value}) for c in contexts]
                kind = tuple(
                    (frozenset(unread.keys() & relevant), repr(error))
                    for unread, error in trials
                )
                by_kind.setdefault(kind, []).append(at)
            finer[name] = list(by_kind.values())
        if finer == found:
            return found
        found = finer


def _tried(
    network: MLP, values: Mapping[str, Any]
) -> tuple[dict[str, str], Exception | None]:
    """Return the parameters without effect and why, and the error of the values.

    Two underscores reach a parameter of an object; it has no effect without the object.
    """
    model: Any = object.__new__(type(network))
    vars(model).update(vars(network))
    unread = {}
    for name, value in values.items():
        if "__" not in name:
            setattr(model, name, value)
    try:
        for name, value in values.items():
            part, _, inner = name.partition("__")
            if not inner:
                continue
            holder = getattr(model, part)
            if hasattr(holder, "get_params") and inner in holder.get_params():
                # Not the user's object, which other candidates have, too.
                setattr(model, part, clone(holder).set_params(**{inner: value}))
            else:
                unread[name] = f"{part}={holder!r} is no object with this parameter"
        return unread | without_effect(model), None
    except (ValueError, TypeError) as error:
        return unread, error


def _factored(rows: list[_Combination]) -> list[dict[str, list[int]]]:
    """Write combinations as few full products: values by parameter."""
    values: dict[str, list[int]] = {}
    for row in rows:
        for name, value in row.items():
            if value not in values.setdefault(name, []):
                values[name].append(value)
    for name in values:
        parts = _split(rows, name)
        if len(parts) > 1:
            return [
                ({name: numbers} if numbers else {}) | space
                for numbers, rest in parts
                for space in _factored(rest)
            ]
    assert len(rows) in (0, prod(map(len, values.values())))
    return [values] if rows else []


def _split(
    rows: list[_Combination], name: str
) -> list[tuple[list[int], list[_Combination]]]:
    """Split combinations by a parameter: its values with equal rests together.

    The list of values is empty for combinations that do not set it.
    """
    rests: dict[int | None, list[_Combination]] = {}
    for row in rows:
        rest = {n: v for n, v in row.items() if n != name}
        rests.setdefault(row.get(name), []).append(rest)
    parts: dict[Any, tuple[list[int], list[_Combination]]] = {}
    for value, others in rests.items():
        kind = value if value in (None, _DEFAULT) else "values"
        key = (kind, frozenset(frozenset(row.items()) for row in others))
        numbers, _ = parts.setdefault(key, ([], others))
        if value is not None:
            numbers.append(value)
    return list(parts.values())
