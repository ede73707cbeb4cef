"""Rungs of successive halving and Hyperband: published tables, properties, peers."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

from skoptnet.model_selection.rungs import first_epochs, halving, hyperband

FACTORS = st.sampled_from([1.1, 1.5, 2, 2.5, 3, 4, 10]) | st.floats(1.05, 20)
quickly = settings(max_examples=100, deadline=None, derandomize=True)


@st.composite
def ranges(draw):
    """Draw the smallest and the largest number of epochs."""
    longest = draw(st.integers(1, 2000))
    return draw(st.integers(1, longest)), longest


@quickly
@given(st.integers(1, 500), ranges(), FACTORS, st.booleans(), st.booleans())
def test_rungs_of_halving(n, epochs, factor, aggressive, exhaust):
    shortest, longest = epochs
    plan = halving(n, "exhaust" if exhaust else shortest, longest, factor, aggressive)
    counts, ends = zip(*plan.rungs, strict=True)
    assert counts[0] == n
    assert all(after == ceil(before / factor) for before, after in pairwise(counts))
    assert ends[-1] == longest
    assert 1 <= ends[0] <= longest
    if not (exhaust or aggressive) and len(ends) > 1:
        assert ends[0] == shortest
    for before, after in pairwise(ends):
        assert before <= after if aggressive else before < after
    expected = plan.n_required
    if not aggressive:
        expected = min(expected, plan.n_possible)
    assert len(plan.rungs) == expected


@quickly
@given(st.integers(1, 500), st.sampled_from([2, 3, 4]), st.integers(1, 2000))
def test_the_last_rung_has_fewer_than_factor_where_the_range_allows(n, factor, longest):
    plan = halving(n, "exhaust", longest, factor)
    if plan.n_possible >= plan.n_required:
        # Rounding up may leave one more.
        assert plan.rungs[-1].n_candidates <= factor
    aggressive = halving(n, 1, longest, factor, aggressive=True)
    assert aggressive.rungs[-1].n_candidates <= factor


@quickly
@given(st.integers(1, 10**6), st.sampled_from([1.5, 2, 3]))
def test_smallest_leaves_three_further_rungs(longest, factor):
    first = first_epochs("smallest", longest, factor)
    assert first == max(1, int(longest / factor**3))
    if longest >= factor**3:
        assert first * factor**3 <= longest < (first + 1) * factor**3


#: Li et al. (2018), Table 1: candidates and epochs for R = 81, eta = 3.
TABLE = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(8, 27), (2, 81)],
    [(5, 81)],
]


def test_published_table_of_hyperband():
    brackets = hyperband(1, 81, 3)
    assert [[tuple(rung) for rung in plan.rungs] for plan in brackets] == TABLE


def test_a_larger_first_rung_leaves_out_the_longest_brackets():
    ends = [[rung.epochs for rung in plan.rungs] for plan in hyperband(9, 81, 3)]
    assert ends == [[9, 27, 81], [27, 81], [81]]


@quickly
@given(ranges(), FACTORS)
def test_rungs_of_hyperband(epochs, factor):
    shortest, longest = epochs
    brackets = hyperband(shortest, longest, factor)
    lengths = [len(plan.rungs) for plan in brackets]
    assert lengths == list(range(len(brackets), 0, -1))
    for plan in brackets:
        counts, ends = zip(*plan.rungs, strict=True)
        assert ends[-1] == longest
        assert ends[0] >= shortest
        assert all(before < after for before, after in pairwise(ends))
        assert all(1 <= after <= before for before, after in pairwise(counts))
        for i, count in enumerate(counts):
            assert count == max(1, int(counts[0] / factor**i))
    # All brackets meet at the same epochs.
    longest_bracket = [rung.epochs for rung in brackets[0].rungs]
    for plan in brackets:
        ends = [rung.epochs for rung in plan.rungs]
        assert longest_bracket[-len(ends) :] == ends


@quickly
@given(st.sampled_from([2, 3, 4]), st.integers(0, 6))
def test_brackets_of_hyperband_have_about_the_same_budget(factor, most):
    """Of (s_max + 1) R epochs each; by how much more, rounding up decides."""
    longest = factor**most
    brackets = hyperband(1, longest, factor)
    assert len(brackets) == most + 1
    whole = (most + 1) * longest
    for s, plan in zip(range(most, -1, -1), brackets, strict=True):
        n = ceil(Fraction(most + 1, s + 1) * factor**s)
        assert plan.rungs[0].n_candidates == n
        spent = sum(rung.n_candidates * rung.epochs for rung in plan.rungs)
        # Each rung takes n R / eta^s at most, but for a last candidate.
        assert spent <= (s + 1) * max(n * Fraction(longest, factor**s), longest)
        assert spent >= whole / 2


class Idle(ClassifierMixin, BaseEstimator):
    """Learns nothing, in no time."""

    def __init__(self, max_iter=1, alpha=0):
        self.max_iter, self.alpha = max_iter, alpha

    def fit(self, X, y):
        self.classes_ = [0, 1]
        return self


@pytest.mark.parametrize("aggressive", [False, True])
@pytest.mark.parametrize(
    ("n", "longest", "shortest"),
    [(27, 81, "exhaust"), (9, 9, 1), (20, 243, 9), (30, 27, 9), (4, 5, 5)],
)
def test_scikit_learn_halves_alike(n, longest, shortest, aggressive):
    """Where the longest training is a power of the factor, so that nothing is rounded.

    scikit-learn's last rung is shorter otherwise.
    """
    peer = HalvingGridSearchCV(
        Idle(), {"alpha": [i / n for i in range(n)]}, resource="max_iter", factor=3,
        max_resources=longest, min_resources=shortest, cv=2, refit=False,
        aggressive_elimination=aggressive, scoring=lambda *_: 0.0,
    ).fit([[0]] * 8, [0, 1] * 4)  # fmt: skip
    plan = halving(n, shortest, longest, 3, aggressive)
    assert [rung.n_candidates for rung in plan.rungs] == peer.n_candidates_
    if peer.n_resources_[-1] == longest:
        assert [rung.epochs for rung in plan.rungs] == peer.n_resources_
    assert plan.n_required == peer.n_required_iterations_
    assert plan.n_possible == peer.n_possible_iterations_
