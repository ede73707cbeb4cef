"""The network inside other estimators: what takes one, takes it there, all alike."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from skoptnet import MLPRegressorX, learning_rate_range_test
from skoptnet.displays import (
    LossCurveDisplay,
    OptimizerPathDisplay,
    ScheduleDisplay,
    WeightsDisplay,
)

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")

X, y = load_diabetes(return_X_y=True, as_frame=True)
X, y = X.iloc[:60, :4], y.iloc[:60]
NETWORK = MLPRegressorX((3,), max_iter=4, batch_size=20, random_state=0)
PIPELINE = make_pipeline(StandardScaler(), NETWORK)


def search(estimator, **options):
    return GridSearchCV(estimator, {}, cv=2, **options)


def of_targets(regressor):
    return TransformedTargetRegressor(regressor, transformer=StandardScaler())


#: Estimators by name, whether they scale rows, and whether they scale targets.
WRAPPED = {
    "network": (NETWORK, False, False),
    "pipeline": (PIPELINE, True, False),
    "pipeline of one": (make_pipeline(NETWORK), False, False),
    "pipeline in pipeline": (
        make_pipeline(MinMaxScaler(), make_pipeline(StandardScaler(), NETWORK)),
        True,
        False,
    ),
    "search": (search(NETWORK), False, False),
    "search over a pipeline": (search(PIPELINE), True, False),
    "search in a pipeline": (
        make_pipeline(StandardScaler(), search(NETWORK)),
        True,
        False,
    ),
    "targets": (of_targets(NETWORK), False, True),
    "pipeline in targets": (of_targets(PIPELINE), True, True),
    "targets in a pipeline": (
        make_pipeline(StandardScaler(), of_targets(NETWORK)),
        True,
        True,
    ),
    "pipeline in a search in targets": (of_targets(search(PIPELINE)), True, True),
    "search in a pipeline in targets": (
        of_targets(make_pipeline(StandardScaler(), search(NETWORK))),
        True,
        True,
    ),
    "targets in a search": (search(of_targets(PIPELINE)), True, True),
}


def _quietly(call, *args, **options):
    with warnings.catch_warnings(action="ignore"):
        return call(*args, **options)


@pytest.fixture(scope="module", params=WRAPPED)
def wrapped(request):
    """A fitted estimator, the network alone fitted to what it got, and these rows."""
    estimator, scales_rows, scales_targets = WRAPPED[request.param]
    outer = _quietly(clone(estimator).fit, X, y)
    rows = StandardScaler().fit_transform(X) if scales_rows else X
    targets = y
    if request.param == "pipeline in pipeline":
        rows = StandardScaler().fit_transform(MinMaxScaler().fit_transform(X))
    if scales_targets:
        targets = StandardScaler().fit_transform(y.to_numpy()[:, None])[:, 0]
    return outer, _quietly(clone(NETWORK).fit, rows, targets), rows, targets


@pytest.mark.parametrize("frozen", [False, True])
def test_what_reads_a_fitted_network_finds_it(wrapped, frozen):
    outer, network, *_ = wrapped
    outer = FrozenEstimator(outer) if frozen else outer
    name = type(network).__name__
    curves = LossCurveDisplay.from_estimator(outer).curves[name]
    assert curves["loss"] == network.loss_curve_
    assert LossCurveDisplay.from_estimators({"a": outer}).curves["a"] == curves
    rates = ScheduleDisplay.from_estimator(outer).curves["training"]["rate"]
    assert rates == network.history_["learning_rate"]
    display = WeightsDisplay.from_estimator(outer, kind="bars")
    for found, expected in zip(display.coefs, network.coefs_, strict=True):
        assert_array_equal(found, expected)
    assert display.feature_names == [*X.columns]


def test_what_trains_a_network_trains_it_on_what_it_gets(wrapped):
    outer, _, rows, targets = wrapped
    options = {"n_updates": 10, "n_seeds": 2, "random_state": 0}
    result = learning_rate_range_test(outer, X, y, **options)
    alone = learning_rate_range_test(NETWORK, rows, targets, **options)
    assert_array_equal(result.losses, alone.losses)
    paths = [
        _quietly(OptimizerPathDisplay.from_estimator, *given, resolution=2)
        for given in ((outer, X, y), (NETWORK, rows, targets))
    ]
    assert_array_equal(*(path.values["adam"] for path in paths))


def test_what_trains_a_network_needs_no_fit_without_a_search():
    for name, (estimator, *_) in WRAPPED.items():
        options = {"n_updates": 10, "n_seeds": 1}
        if "search" not in name:
            learning_rate_range_test(estimator, X, y, **options)
            continue
        with pytest.raises(NotFittedError):
            learning_rate_range_test(estimator, X, y, **options)


def test_what_trains_a_network_follows_parameters_that_were_set_after_fit():
    outer = _quietly(of_targets(PIPELINE).fit, X, y)
    options = {"n_updates": 10, "n_seeds": 1, "random_state": 0}
    before = learning_rate_range_test(outer, X, y, **options)
    outer.set_params(regressor__mlpregressorx__alpha=100.0)
    after = learning_rate_range_test(outer, X, y, **options)
    assert (before.losses < after.losses).all()


def test_features_without_names_on_the_way_have_none():
    nameless = FunctionTransformer(np.asarray)
    for estimator in (
        make_pipeline(nameless, NETWORK),
        make_pipeline(StandardScaler(), make_pipeline(nameless, NETWORK)),
    ):
        outer = _quietly(clone(estimator).fit, X, y)
        assert WeightsDisplay.from_estimator(outer, kind="bars").feature_names is None
    outer = _quietly(clone(PIPELINE).fit, X.to_numpy(), y)
    assert WeightsDisplay.from_estimator(outer, kind="bars").feature_names is None


#: All that takes an estimator; whether it has to be fitted.
TAKERS = {
    "LossCurveDisplay.from_estimator": True,
    "ScheduleDisplay.from_estimator": True,
    "WeightsDisplay.from_estimator": True,
    "learning_rate_range_test": False,
    "OptimizerPathDisplay.from_estimator": False,
}


def take(name, estimator):
    if name == "learning_rate_range_test":
        return learning_rate_range_test(estimator, X, y, n_updates=10)
    display, _, method = name.partition(".")
    data = () if TAKERS[name] else (X, y)
    return getattr(globals()[display], method)(estimator, *data)


@pytest.mark.parametrize("taker", TAKERS)
def test_the_same_is_refused_everywhere(taker):
    needs = f"^{re.escape(taker)} needs an? (fitted )?MLPClassifierX or MLPRegressorX"
    for estimator in (
        Ridge(),
        make_pipeline(StandardScaler(), Ridge()),
        make_pipeline(StandardScaler(), "passthrough"),
        search(Ridge()).fit(X, y),
        of_targets(Ridge()).fit(X, y),
        MLPRegressorX,
        pd.DataFrame(),
        None,
    ):
        with pytest.raises(TypeError, match=f"{needs}.*Got (an object|the class) "):
            take(taker, estimator)
    with pytest.raises(NotFittedError, match="no best_estimator_; fit it with refit"):
        take(taker, search(NETWORK))
    without = _quietly(search(NETWORK, refit=False).fit, X, y)
    with pytest.raises(ValueError, match="GridSearchCV that has no best_estima") as e:
        take(taker, without)
    assert not isinstance(e.value, NotFittedError)
    with pytest.raises(NotFittedError, match="TransformedTargetRegressor instance"):
        take(taker, of_targets(search(NETWORK)))


@pytest.mark.parametrize("taker", [name for name in TAKERS if TAKERS[name]])
def test_what_is_read_has_to_be_fitted(taker):
    for estimator in (NETWORK, PIPELINE, of_targets(NETWORK), FrozenEstimator(NETWORK)):
        with pytest.raises(NotFittedError, match="instance is not fitted yet"):
            take(taker, estimator)


@pytest.mark.parametrize("taker", [name for name in TAKERS if not TAKERS[name]])
def test_what_is_frozen_does_not_train(taker):
    frozen = FrozenEstimator(_quietly(clone(NETWORK).fit, X, y))
    for estimator in (frozen, make_pipeline(StandardScaler(), frozen)):
        with pytest.raises(TypeError, match=r"does not train; pass its \.estimator"):
            take(taker, estimator)


def test_an_estimator_of_several_is_named():
    with pytest.raises(TypeError, match="from_estimator, for 'b', needs an MLPClass"):
        OptimizerPathDisplay.from_estimator({"a": NETWORK, "b": Ridge()}, X, y)
