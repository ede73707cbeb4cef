"""The helper that chooses which cases of a crossing every run has."""

import re
from itertools import combinations, product

import pytest
from crossing import cover


def held(rows, strength):
    return {
        (where, tuple(row[c] for c in where))
        for row in rows
        for where in combinations(range(len(row)), strength)
    }


@pytest.mark.parametrize("sizes", [(1,), (4,), (5, 3), (21, 10, 2), (3, 2, 4, 2, 3)])
@pytest.mark.parametrize("strength", [1, 2])
def test_a_cover_holds_everything_and_little_more(sizes, strength):
    rows = list(product(*map(range, sizes)))
    kept = cover(rows, strength)
    assert kept == sorted(set(kept)) == cover(rows, strength)
    some, strength = [rows[at] for at in kept], min(strength, len(sizes))
    assert held(some, strength) == held(rows, strength)
    largest = sorted(sizes)[-strength:]
    least = largest[0] * largest[-1] ** (strength - 1)
    assert least <= len(kept) <= 1.5 * least
    assert strength == len(sizes) or len(kept) < len(rows) or 1 in sizes


def test_what_is_covered_already_goes_on_varying():
    rows = list(product(range(30), range(30), range(2)))
    third = [rows[at][2] for at in cover(rows, 2)]
    assert 300 < sum(third) < 600


def test_factors_that_are_not_fully_crossed_are_covered_as_they_come():
    rows = [(a, b) for a, b in product(range(5), range(5)) if a + b > 3]
    assert cover(rows, 2) == list(range(len(rows)))
    assert {a for a, _ in (rows[at] for at in cover(rows, 1))} == set(range(5))


@pytest.fixture(autouse=True)
def _no_other_plugins(monkeypatch):
    """Which would be imported in every run within these tests."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


TESTS = """
import pytest

a = pytest.mark.parametrize("a", range(4))
b = pytest.mark.parametrize("b", "xyz")

@pytest.fixture(params=[1.5, 2.5])
def c(request):
    return request.param

@a
@b
def test_all(a, b): ...

@a
@b
@pytest.mark.each_value
def test_values(a, b): ...

@a
@b
@pytest.mark.each_pair
def test_pairs(a, b, c): ...
"""


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ([], {"all": 12, "values": 4, "pairs": 12}),
        (["-m", "exhaustive"], {"values": 8, "pairs": 12}),
        (["-m", "whole_product"], {}),
        (["-m", ""], {"all": 12, "values": 12, "pairs": 24}),
        (["-k", "pairs and x"], {"pairs": 4}),
    ],
)
def test_the_marks(pytester, options, counts):
    pytester.makepyfile(TESTS)
    pytester.makeini(
        "[pytest]\naddopts = -m 'not exhaustive' --strict-markers\n"
        "markers = exhaustive\n each_pair\n each_value\n whole_product\n once\n"
    )
    show = ["--collect-only", "-q", "-p", "crossing"]
    shown = pytester.runpytest_inprocess(*show, *options)
    lines = [line for line in shown.outlines if "::" in line]
    for name, n in counts.items():
        assert sum(f"::test_{name}[" in line for line in lines) == n, name
    assert len(lines) == sum(counts.values())


def test_an_exhaustive_run_has_one_factor_more(pytester):
    pytester.makepyfile(
        """
import pytest

@pytest.mark.each_value
@pytest.mark.parametrize("a", range(4))
@pytest.mark.parametrize("b", range(3))
@pytest.mark.parametrize("c", range(2))
def test_values(a, b, c): ...
"""
    )
    found = {}
    for marks in ("not exhaustive and not whole_product", "exhaustive", ""):
        show = ["--collect-only", "-q", "-p", "crossing", "-m", marks]
        lines = pytester.runpytest_inprocess(*show).outlines
        cases = [re.findall(r"\d+", line) for line in lines if "::" in line]
        found[marks] = [tuple(map(int, case)) for case in cases]
    values, more, whole = found.values()
    assert len(values) == 4
    assert held(values + more, 2) == held(whole, 2)
    assert not set(values) & set(more)
    assert len(values + more) < len(whole) == 24


@pytest.mark.parametrize("chosen", [False, True])
def test_tests_that_run_once(chosen, pytester, monkeypatch):
    monkeypatch.setattr("crossing.OTHER_KERNELS", chosen)
    pytester.makepyfile("import pytest\n@pytest.mark.once\ndef test_it(): ...")
    show = ["-q", "-p", "crossing", "-m", "not exhaustive"]
    done = pytester.runpytest_inprocess(*show)
    done.assert_outcomes(passed=not chosen, deselected=chosen)


def test_a_case_that_is_named_is_run(pytester):
    file = pytester.makepyfile(TESTS)
    pytester.makeini(
        "[pytest]\naddopts = -m 'not exhaustive'\n"
        "markers = exhaustive\n each_pair\n each_value\n whole_product\n once\n"
    )
    for case in ("y-3", "z-0"):
        where = f"{file.name}::test_values[{case}]"
        pytester.runpytest_inprocess(where, "-p", "crossing").assert_outcomes(passed=1)
