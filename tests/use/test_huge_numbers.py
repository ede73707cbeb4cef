"""Numbers that no float or no 64-bit integer holds are refused as out of range."""

import warnings
from fractions import Fraction
from numbers import Integral

import numpy as np
import pytest
from problems import ESTIMATORS, LABELS, NUMBERS, PARTS, X, small, target

from skoptnet import (
    Adam,
    InverseScaling,
    MLPClassifierX,
    MLPRegressorX,
    NAdam,
    Piecewise,
    StepDecay,
    Warmup,
    learning_rate_range_test,
)
from skoptnet._params import brief
from skoptnet._sklearn import Interval
from skoptnet.estimators import inputs
from skoptnet.schedules import Clock

HUGE = [10**400, -(10**400), 10**5000, Fraction(10**400, 3)]
LARGE = [2**63 - 1, 10**18, 1e300, np.finfo(float).max, 5e-324]

#: Rows and labels on which training converges at once.
OF_TWO_CLASSES = np.array([[-1.0], [1.0]] * 20), np.array([0, 1] * 20)


def numbers_of(owner):
    """Yield the parameters that take numbers, and whether these are counts."""
    for name, constraints in owner._parameter_constraints.items():
        intervals = [c for c in constraints if isinstance(c, Interval)]
        if intervals and name in owner().get_params():
            yield name, any(c.type is Integral for c in intervals)


OWNERS = [owner for owner in (*ESTIMATORS, *PARTS) if list(numbers_of(owner))]


def model_with(owner, name, value, **parameters):
    """Return a model with a number in one of its parameters, or of one's object."""
    parameters = {"hidden_layer_sizes": (3,), "random_state": 0, **parameters}
    if owner not in PARTS:
        return owner(**{**parameters, name: value})
    return MLPRegressorX(**parameters, **{PARTS[owner]: owner(**{name: value})})


def refusal_of(model):
    """Return why a model does not train, "" if it does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model.fit(X, target(type(model)))
        except (ValueError, MemoryError) as error:
            assert not hasattr(model, "coefs_")
            return str(error)
    return ""


NUMBERS_OF_ALL = [
    pytest.param(owner, name, counts, id=f"{owner.__name__}-{name}")
    for owner in OWNERS
    for name, counts in numbers_of(owner)
]


@pytest.mark.parametrize(("owner", "name", "counts"), NUMBERS_OF_ALL)
def test_huge_numbers_are_refused_naming_the_range(owner, name, counts):
    for value in HUGE:
        if isinstance(value, Fraction) and counts and name != "n_iter_no_change":
            continue  # refused as no integer
        model = model_with(owner, name, value)
        message = refusal_of(model)
        begin = f"The {name!r} parameter of {owner.__name__} must be "
        assert message.startswith(begin)
        assert "in the range " in message
        if isinstance(value, int):
            digits = {10**400: 399, -(10**400): 399, 10**5000: 4999}[value]
            assert f"integer of more than {digits} digits instead." in message
            largest = "9223372036854775807" if counts else "1.798e+308"
            assert message.endswith(f" is {largest}.")


@pytest.mark.parametrize(("owner", "name", "counts"), NUMBERS_OF_ALL)
def test_numbers_at_the_ends_of_a_range_end_in_no_other_error(owner, name, counts):
    """They train, diverge, or are refused in words about a parameter."""
    for value in LARGE:
        if counts and not isinstance(value, int):
            continue
        if name in ("max_iter", "max_fun"):
            model = model_with(owner, name, value, solver="lbfgs", tol=1e9)
        else:
            model = model_with(owner, name, value, max_iter=2)
        if name == "verbose":
            continue
        refusal = refusal_of(model)
        begins = (f"The {name!r} parameter of", "Solver produced non-finite")
        if name == "hidden_layer_sizes":
            begins = "hidden_layer_sizes="
        assert refusal == "" or refusal.startswith(begins)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("sizes", [(10**100,), (3, 10**100), [2**63], 10**100])
def test_huge_layers_are_refused(Estimator, sizes):
    message = refusal_of(Estimator(hidden_layer_sizes=sizes))
    begin = f"The 'hidden_layer_sizes' parameter of {Estimator.__name__} must be"
    assert message.startswith(begin)
    assert "in the range [1, inf)" in message


@pytest.mark.parametrize("sizes", [(10**6, 10**7), (10**9, 10**18), 10**14])
def test_a_network_larger_than_the_memory_is_refused(sizes):
    model = MLPClassifierX(sizes)
    with pytest.raises(MemoryError) as caught:
        model.fit(X, LABELS)
    message = str(caught.value)
    assert message.startswith(f"hidden_layer_sizes={sizes!r} makes a network too large")
    assert f"{X.shape[1]} features" in message
    assert not hasattr(model, "n_features_in_")


def test_what_a_network_needs_is_theta_gradient_and_the_solvers_memory(monkeypatch):
    """12 inputs and outputs of 1000 units; each vector is of float32 or float64."""
    rng = np.random.RandomState(0)
    rows, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    n_parameters = (4 + 1) * 1000 + (1000 + 1) * 1

    def fits(solver, n_bytes, dtype=np.float64):
        monkeypatch.setattr(inputs, "memory_of_machine", lambda: n_bytes)
        model = MLPRegressorX(
            (1000,), solver=solver, max_iter=1, n_iter_no_change=1, tol=1e9
        )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit(rows.astype(dtype), y)
        except MemoryError:
            return False
        return True

    for solver, vectors in (("sgd", 2), ("momentum", 3), ("adam", 4), ("lbfgs", 2)):
        for dtype in (np.float32, np.float64):
            needed = n_parameters * vectors * np.dtype(dtype).itemsize
            assert fits(solver, needed, dtype)
            assert not fits(solver, needed - 1, dtype)


@pytest.mark.parametrize(
    ("model", "y", "words"),
    [
        (
            MLPRegressorX(loss="quantile", quantile=[0.1, 10**400]),
            NUMBERS,
            r"'quantile' .* \(0, 1\)",
        ),
        (MLPRegressorX((3,), dropout=[10**400]), NUMBERS, r"'dropout\[0\]' .* range"),
        (
            MLPRegressorX(lr_schedule=Piecewise(milestones=[1, 10**400])),
            NUMBERS,
            r"'milestones' .* \(0, inf\)",
        ),
        (
            MLPRegressorX(lr_schedule=Piecewise(milestones=[1], factor=[10**400])),
            NUMBERS,
            r"'factor' .* \[0, inf\)",
        ),
        (
            MLPRegressorX(lr_schedule=Warmup(StepDecay(decay_epochs=10**400))),
            NUMBERS,
            r"'decay_epochs' parameter of StepDecay .* range",
        ),
        (MLPClassifierX(class_weight={0: 10**400, 1: 1}), LABELS, "finite weights"),
        (MLPClassifierX(random_state=10**5000), LABELS, "'random_state' .* 4294967295"),
        (MLPClassifierX(verbose=-(10**5000)), LABELS, "'verbose'"),
    ],
)
def test_huge_items_are_refused(model, y, words):
    with pytest.raises(ValueError, match=words) as caught:
        model.fit(X, y)
    assert "more than" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_functions_refuse_huge_numbers():
    model = small(MLPRegressorX)
    with pytest.raises(ValueError, match=r"'max_rate' .* range \(0.*more than 399 dig"):
        learning_rate_range_test(model, X, NUMBERS, max_rate=10**400)


@pytest.mark.parametrize("owner", [MLPClassifierX, InverseScaling])
def test_exponents_have_a_range(owner):
    kind = "" if owner is MLPClassifierX else "InverseScaling"
    model = model_with(owner, "power_t", 1e300)
    words = rf"'power_t' parameter of {kind}.* in the range \[0\.0, 1000\.0\]"
    with pytest.raises(ValueError, match=words):
        model.fit(X, target(type(model)))


@pytest.mark.parametrize("power", [0.5, 100, 1000])
def test_inverse_scaling_falls_to_zero_where_no_float_is_as_small(power):
    schedule = InverseScaling(power_t=power)
    for samples in (0, 99, 10**6, 10**12):
        log10 = -power * np.log10(samples + 1)
        found = schedule(Clock(10, 1, 10, 0, samples=samples))
        if log10 < -310:
            assert found == 0.0
        else:
            assert found == pytest.approx(10**log10, rel=1e-9)


def test_long_integers_are_described():
    assert brief(12) == "12"
    assert brief(10**20) == "100000000000000000000"
    assert brief([1, 10**100, "a"]) == "[1, an integer of more than 99 digits, 'a']"
    assert brief((10**100,)) == "(an integer of more than 99 digits,)"
    assert brief(-(10**5000)) == "a negative integer of more than 4999 digits"
    assert brief(()) == "()"


def test_what_a_float_holds_is_allowed():
    for solver in (Adam(epsilon=10**300), NAdam(momentum_decay=np.float64(1e300))):
        solver.check()
    MLPClassifierX(n_iter_no_change=np.inf)._check_parameters()
    for kind in (np.float16, np.float32, np.float64, np.longdouble, np.int8, np.uint64):
        MLPClassifierX(
            alpha=kind(1),
            class_weight={0: kind(2), 1: kind(3)},
            learning_rate_init=0.01,
        ).fit(*OF_TWO_CLASSES)


def test_what_only_a_wider_float_holds_is_refused():
    wide = np.longdouble("1e400")
    if not np.isfinite(wide):
        pytest.skip("long double is double")
    with pytest.raises(ValueError, match=r"'alpha' .* The largest float is 1\.798e"):
        MLPClassifierX(alpha=wide).fit(*OF_TWO_CLASSES)
