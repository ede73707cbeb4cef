"""Cases of several factors: values or pairs in every run, all of them on demand.

A test that `pytest.mark.parametrize` crosses keeps all its cases. Marked with
``each_pair``, it runs as many of them as it takes for every two factors to meet in all
pairs of values; with ``each_value``, for every value to occur. Of the others, those
that it takes for one factor more (all triples or pairs) get the mark ``exhaustive``,
the rest ``whole_product``. A plain run leaves out both: ``pytest -m exhaustive`` and
``pytest -m whole_product`` run them, and ``pytest -m ""`` everything.

Tests with the mark ``once`` are exhaustive, too, where SKOPTNET_KERNELS chooses other
kernels. A plugin of pytest, named in conftest.py.
"""

import os
import random
from collections.abc import Hashable, Sequence
from heapq import heapify, heappop, heappush
from itertools import combinations

import pytest

STRENGTH = {"each_value": 1, "each_pair": 2}

#: Whether the run is one of those that come on top, with other kernels or without.
OTHER_KERNELS = "SKOPTNET_KERNELS" in os.environ


def cover(
    cases: Sequence[Sequence[Hashable]], strength: int, seed: str = ""
) -> list[int]:
    """Return the places of cases that hold all there is in any ``strength`` columns.

    Greedily, always the case with most that is new; among equals, one by lot (the same
    in every process), so that a factor that is covered already goes on varying, and
    that tests of other names (the seed) cross the same factors in other ways.
    """
    columns = range(len(cases[0]))
    held = [
        {
            (where, tuple(case[c] for c in where))
            for where in combinations(columns, min(strength, len(columns)))
        }
        for case in cases
    ]
    lots = random.Random(seed).sample(range(len(cases)), len(cases))
    heap = [(-len(held[at]), lot, at) for lot, at in enumerate(lots)]
    heapify(heap)
    covered: set = set()
    chosen = []
    while heap:
        _, lot, at = heappop(heap)
        new = len(held[at] - covered)
        if not new:
            continue
        if heap and (-new, lot) > heap[0][:2]:  # it was worth more when it was put in
            heappush(heap, (-new, lot, at))
            continue
        chosen.append(at)
        covered |= held[at]
    return sorted(chosen)


def strength_of(item: pytest.Item) -> int | None:
    """Return what the mark nearest to the test asks for."""
    marks = [mark.name for mark in item.iter_markers() if mark.name in STRENGTH]
    return STRENGTH[marks[0]] if marks else None


def known(value: object) -> Hashable:
    """Return what tells a value of a factor from the others."""
    plain = isinstance(value, str | int | float | type(None))
    return (type(value), value if plain else id(value))


# Before the option -m chooses.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    crossed: dict[str, list] = {}
    for item in items:
        if OTHER_KERNELS and item.get_closest_marker("once"):
            item.add_marker("exhaustive")
        if hasattr(item, "callspec") and strength_of(item):
            crossed.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for test, cases in crossed.items():
        names = sorted(cases[0].callspec.params)
        rows = [[known(case.callspec.params[name]) for name in names] for case in cases]
        strength, seed = strength_of(cases[0]), test.rpartition("::")[2]
        kept = set(cover(rows, strength, seed))
        more = set(cover(rows, strength + 1, seed)) if len(kept) < len(rows) else kept
        for place, case in enumerate(cases):
            if place not in kept:
                case.add_marker("exhaustive" if place in more else "whole_product")
