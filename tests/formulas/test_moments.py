"""Moments of targets: of parts put together, of any size, and of constants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skoptnet.estimators.label_kinds import class_numbers
from skoptnet.estimators.target_scaling import Moments, TargetScaling

RNG = np.random.RandomState(0)
Y = np.c_[RNG.normal(3, 2, 60), RNG.normal(-1e6, 1e-2, 60), RNG.exponential(size=60)]
W = RNG.uniform(size=60) * (RNG.uniform(size=60) < 0.8)


def together(Y, w, ends):
    parts = [
        np.split(values, ends) for values in (Y, np.ones(len(Y)) if w is None else w)
    ]
    moments = None
    for rows, weights in zip(*parts, strict=True):
        if weights.any():
            new = Moments.of(rows, None if w is None else weights)
            moments = moments.plus(new) if moments else new
    return moments


@given(
    ends=st.lists(st.integers(0, 60), max_size=9).map(sorted), weighted=st.booleans()
)
def test_parts_have_the_moments_of_the_whole(ends, weighted):
    w = W if weighted else None
    found = TargetScaling.standardizing(together(Y, w, ends), True, np.float64)
    np.testing.assert_allclose(found.mean, np.average(Y, axis=0, weights=w))
    deviation = np.sqrt(np.average((Y - found.mean) ** 2, axis=0, weights=w))
    np.testing.assert_allclose(found.scale, deviation, rtol=1e-6)
    divided = TargetScaling.dividing(together(Y[:, [2]], w, ends))
    np.testing.assert_allclose(divided.scale, np.average(Y[:, [2]], axis=0, weights=w))


@pytest.mark.parametrize("unit", [1e-300, 1e-160, 1e160, 1e301])
def test_huge_and_tiny_targets(unit):
    of_one = TargetScaling.standardizing(together(Y, None, [7, 30]), True, np.float64)
    found = TargetScaling.standardizing(
        together(Y * unit / 1e6, None, [7, 30]), True, np.float64
    )
    np.testing.assert_allclose(found.mean / unit, of_one.mean / 1e6)
    np.testing.assert_allclose(found.scale / unit, of_one.scale / 1e6, rtol=1e-6)


def test_parts_of_very_different_sizes():
    Z = np.r_[np.full(30, 1e-200), np.full(30, 1e200)][:, np.newaxis]
    found = TargetScaling.standardizing(together(Z, None, [30]), True, np.float64)
    np.testing.assert_allclose([found.mean, found.scale], 5e199)


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e300, 5e-324])
def test_constants_stay_exact(constant):
    Z = np.full((50, 1), constant)
    moments = together(Z, W[:50], [3, 20])
    found = TargetScaling.standardizing(moments, True, np.float64)
    assert (found.mean, found.is_constant) == ([constant], [True])
    assert moments.distance(found.mean) == 0
    assert found.updated(lambda: moments).is_constant


def test_distances_from_a_constant():
    constant = TargetScaling.standardizing(Moments.of(np.full((9, 3), 2.0), None),
                                           True, np.float64)  # fmt: skip
    found = constant.updated(lambda: together(Y, W, [10, 11]))
    expected = np.sqrt(np.average((Y - 2) ** 2, axis=0, weights=W))
    np.testing.assert_allclose(found.scale, expected)


@pytest.mark.parametrize(
    "classes",
    [
        np.array([False, True]),
        np.array([-128, 3, 127], np.int8),
        np.array([0, 1, 2]),
        np.array([7, 10_000_000]),
        np.array([2**62, 2**63 - 1]),
        np.array([0, 2**64 - 1], np.uint64),
        np.array([0.5, 2.5]),
        np.array(["a", "bc"]),
    ],
    ids=lambda classes: str(classes.dtype),
)
def test_numbers_of_classes(classes):
    y = RNG.choice(classes, 50)
    numbers = class_numbers(y, classes)
    np.testing.assert_array_equal(classes[numbers], y)
    assert numbers.dtype == np.intp
    if classes.dtype == int:  # a label that is no class
        y[0] = classes[0] + 1 if classes[1] > classes[0] + 1 else classes[-1] + 1
        expected = np.searchsorted(classes, y)
        np.testing.assert_array_equal(class_numbers(y, classes), expected)
