"""What several test files share: small problems, small models, comparisons."""

import re
import tracemalloc
from functools import partial

import joblib
import numpy as np
import pytest
from crossing import OTHER_KERNELS, cover
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import scale
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skoptnet import MLPClassifierX, MLPRegressorX, Optimizer
from skoptnet.activations import ACTIVATIONS
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.schedules import SCHEDULES

ESTIMATORS = (MLPClassifierX, MLPRegressorX)
has_callbacks = pytest.mark.skipif(
    not hasattr(MLPRegressorX, "set_callbacks"), reason="scikit-learn before 1.9"
)
CANCER = load_breast_cancer()
DIABETES = load_diabetes()
DIGITS = load_digits()
IRIS = load_iris()
X = scale(IRIS.data)
LABELS = IRIS.target_names[IRIS.target]
NUMBERS = scale(IRIS.data[:, 3] * IRIS.data[:, 0])
#: The classes of solvers, schedules and activations, and the parameter that takes each.
PARTS = {
    Part: parameter
    for parameter, registry in (
        ("solver", OPTIMIZERS),
        ("lr_schedule", SCHEDULES),
        ("activation", ACTIVATIONS),
    )
    for Part in registry.values()
}
KINDS = np.column_stack([IRIS.target == 0, X[:, 0] > 0]).astype(int)


def target(Estimator):
    return LABELS if Estimator is MLPClassifierX else NUMBERS


def small(Estimator, **parameters):
    """A model that is fitted in a moment."""
    settings = {"max_iter": 3, "learning_rate_init": 0.01, "random_state": 0}
    return Estimator((5,), **{**settings, **parameters})


def layered(Estimator, **parameters):
    """The same with two hidden layers."""
    return small(Estimator, **parameters).set_params(hidden_layer_sizes=(7, 4))


def batched(Estimator, **parameters):
    """A model that makes several updates per epoch on the iris data."""
    settings = {"max_iter": 5, "batch_size": 40, "learning_rate_init": 0.02}
    return Estimator((6,), **{**settings, "random_state": 0, **parameters})


def peak_of(call, *passed, **keywords):
    """Return the most memory that a call takes at a time, in bytes."""
    tracemalloc.start()
    try:
        call(*passed, **keywords)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


#: How much higher than Adam's a solver's rates are, in the few epochs of a test.
SCALES = {
    "adadelta": 100,
    "rmsprop_nesterov": 0.1,
    "centered_rmsprop": 0.1,
    "adamax": 3,
    "nadam": 0.3,
    "adan": 3,
    "lion": 0.3,
}


def rate_for(solver, rate):
    """Return the rate that is to this solver what ``rate`` is to Adam.

    The textbook's seven take the same, which tests have found to suit them all.
    """
    return rate * SCALES.get(solver, 1)


def assert_refused(
    match, call, *passed, model, error=ValueError, exact=True, **keywords
):
    """Check that ``call`` raises and that model and arguments stay as they were."""
    before = joblib.hash(model), joblib.hash((passed, keywords))
    pattern = re.escape(match) if exact else match
    with pytest.raises(error, match=pattern) as caught:
        getattr(model, call)(*passed, **keywords)
    assert joblib.hash(model) == before[0], "the estimator was changed"
    assert joblib.hash((passed, keywords)) == before[1], "the input was changed"
    return str(caught.value)


def assert_fit_refused(match, estimator, rows, y, **keywords):
    """As assert_refused, for a new estimator and for one that holds a model.

    The second held a model of good data under good parameters; it predicts as before.
    """
    new = clone(estimator)
    message = assert_refused(match, "fit", rows, y, model=new, **keywords)
    with pytest.raises(NotFittedError):
        new.predict(X)
    good = target(type(estimator))
    fitted = small(type(estimator)).fit(X, good)
    predicted = fitted.predict(X)
    fitted.set_params(**estimator.get_params(deep=False))
    assert_refused(match, "fit", rows, y, model=fitted, **keywords)
    assert np.array_equal(fitted.predict(X), predicted)
    return message


def assert_same_state(one, other):
    """Check that two fitted models are equal, down to the solver's memory."""
    assert np.array_equal(one._run.theta, other._run.theta)
    assert vars(one._run.state).keys() == vars(other._run.state).keys()
    for name, value in vars(one._run.state).items():
        assert np.array_equal(value, getattr(other._run.state, name)), name
    assert one.loss_curve_ == other.loss_curve_
    assert one.t_ == other.t_


def kind_of(Solver):
    """Return what the rest of the package asks a solver, beside its formula."""
    flags = ("full_batch", "elementwise", "layerwise", "proximal")
    parts = ("points", "numbers", "momentum_name")
    hooks = ("go_on", "move", "gradient_point")
    return (
        *(getattr(Solver, flag) for flag in flags),
        *(bool(getattr(Solver, part)) for part in parts),
        *(getattr(Solver, hook) is getattr(Optimizer, hook) for hook in hooks),
    )


#: The textbook's seven, and the first solver of each kind that is not among them.
SOME_SOLVERS = list(TEXTBOOK)
for _name, _Solver in OPTIMIZERS.items():
    if kind_of(_Solver) not in {kind_of(OPTIMIZERS[name]) for name in SOME_SOLVERS}:
        SOME_SOLVERS.append(_name)


#: As a factor: the others among the solvers are exhaustive.
some_solvers = pytest.mark.parametrize(
    "solver",
    [
        *SOME_SOLVERS,
        *(
            pytest.param(name, marks=pytest.mark.exhaustive)
            for name in OPTIMIZERS
            if name not in SOME_SOLVERS
        ),
    ],
)


def name_of(check):
    while isinstance(check, partial):
        check = check.func
    return check.__name__


def with_checks(estimators, **options):
    """As parametrize_with_checks, of which pytest gets a list whatever the release."""
    mark = parametrize_with_checks(estimators, **options).mark
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)


#: Checks that scikit-learn runs on its own estimators and does not hand out.
CHECKS_OF_ITS_OWN = (
    "check_param_validation",
    "check_dataframe_column_names_consistency",
    "check_inplace_ensure_writeable",
    "check_estimator_cloneable",
)


def checks_by_name(estimators, names=CHECKS_OF_ITS_OWN, without=()):
    """Return a parametrization by estimator and check, for checks that are named.

    Those that the installed release of scikit-learn does not have yet are no cases, nor
    are those in ``without``.
    """
    assert set(without) <= set(names)
    cases = [
        pytest.param(
            estimator,
            partial(getattr(estimator_checks, name), type(estimator).__name__),
            id=f"{type(estimator).__name__}-{name}",
        )
        for estimator in estimators
        for name in names
        if name not in without and hasattr(estimator_checks, name)
    ]
    return pytest.mark.parametrize(("estimator", "check"), cases)


def checks_of(estimators, without=(), in_turn=False, exhaustive=()):
    """Return parametrize_with_checks(estimators) less the checks named.

    With ``in_turn``, and where other kernels are chosen, a plain run has each check
    once, and each estimator; of the estimators in ``exhaustive``, it has none.
    """
    mark = with_checks([*estimators, *exhaustive]).mark
    names, pairs = mark.args
    found = {name_of(check) for _, check in pairs}
    assert set(without) <= found, "a check that is left out has another name now"
    pairs = [pair for pair in pairs if name_of(pair[1]) not in without]
    plain = [pair for pair in pairs if not any(pair[0] is e for e in exhaustive)]
    if in_turn or OTHER_KERNELS:
        rows = [
            (id(e), name_of(check), str(getattr(check, "keywords", "")))
            for e, check in plain
        ]
        plain = [plain[at] for at in cover(rows, 1, str(estimators))]
    kept = {id(pair) for pair in plain}
    cases = [
        pytest.param(*pair, marks=[] if id(pair) in kept else pytest.mark.exhaustive)
        for pair in pairs
    ]
    return pytest.mark.parametrize(names, cases, **mark.kwargs)
