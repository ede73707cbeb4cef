"""The tabular estimators: what they compute, against networks fitted by hand."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import checks_by_name, with_checks
from scipy.sparse import csr_array, issparse
from sklearn.base import clone
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils import get_tags
from tables import (
    BOTH,
    KINDS,
    LABELS,
    MANY_X,
    MANY_Y,
    NUMBERS,
    TWO,
    X,
    best_epoch,
    equal_models,
    frame,
    frame_target,
    raw_outputs,
    softmax,
    target,
    tiny,
)

from skoptnet import (
    Adam,
    MLPClassifierX,
    MLPRegressorX,
    TabularMLPClassifier,
    TabularMLPRegressor,
)

SPLITS = list(KFold(3, shuffle=True, random_state=1).split(X))
MULTILABEL = np.column_stack([KINDS == 0, X[:, 1] > 3, X[:, 2] > 4]).astype(int)
MULTIOUTPUT = np.column_stack([NUMBERS, 100 * X[:, 2]])


# ---------------------------------------------------------------- scikit-learn's checks

# Networks may diverge or be few where a check has a handful of rows.
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@quiet
@with_checks(
    [
        TabularMLPClassifier((10,), max_iter=25),
        TabularMLPRegressor((10,), max_iter=40),
    ]
)
@pytest.mark.once
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


# The columns of a data frame may come in any order, which one check forbids;
# test_names_and_order_of_columns in test_tabular_workflows.py has what holds instead.
@quiet
@checks_by_name(
    [tiny(Estimator) for Estimator in BOTH],
    without=["check_dataframe_column_names_consistency"],
)
def test_checks_of_scikit_learns_own(estimator, check):
    check(estimator)


@pytest.mark.exhaustive
@quiet
@with_checks([TabularMLPClassifier(), TabularMLPRegressor()])
def test_checks_of_scikit_learn_at_defaults(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", BOTH)
def test_tags(Estimator):
    tags = get_tags(Estimator())
    assert tags.input_tags.sparse
    assert tags.input_tags.allow_nan
    assert tags.input_tags.categorical
    assert tags.input_tags.string
    assert tags.target_tags.required
    if Estimator is TabularMLPClassifier:
        assert tags.classifier_tags.multi_class
        assert tags.classifier_tags.multi_label
    else:
        assert tags.target_tags.multi_output


# ------------------------------------------------------------------ networks by hand


def by_hand(model, rows, y, splits, w=None):
    """Return networks like those of a model, each fitted by its own ``fit``."""
    Z = model.preprocessor_.transform(rows)
    networks = []
    for network, (train, held_out) in zip(model.estimators_, splits, strict=True):
        weights = {}
        if w is not None:
            weights = {"sample_weight": w[train], "sample_weight_val": w[held_out]}
        networks.append(
            clone(network).fit(
                Z[train], y[train], X_val=Z[held_out], y_val=y[held_out], **weights
            )
        )
    return networks, Z


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("y", [NUMBERS, MULTIOUTPUT], ids=["one", "two"])
def test_a_regressor_is_the_mean_of_networks(y, weighted):
    w = np.random.RandomState(0).uniform(0.1, 3, len(y)) if weighted else None
    model = tiny(TabularMLPRegressor, cv=SPLITS, max_iter=8).fit(X, y, w)
    networks, Z = by_hand(model, X, y, SPLITS, w)
    columns = y.reshape(len(y), -1)
    each = [raw_outputs(network, Z) for network in networks]
    mean = sum(each) / 3
    expected = np.clip(mean, columns.min(axis=0), columns.max(axis=0))
    assert model.predict(X).shape == y.shape
    assert_allclose(model.predict(X).reshape(len(y), -1), expected, rtol=1e-6)
    assert model.n_outputs_ == columns.shape[1]
    held_out = np.empty_like(columns)
    for z, (_, rows) in zip(each, SPLITS, strict=True):
        held_out[rows] = np.clip(z[rows], columns.min(axis=0), columns.max(axis=0))
    assert model.oof_prediction_.shape == y.shape
    assert_allclose(model.oof_prediction_.reshape(len(y), -1), held_out, rtol=1e-6)
    assert model.oof_score_ == pytest.approx(r2_score(y, held_out, sample_weight=w))
    for network, kept, epoch in zip(
        networks, model.estimators_, model.best_epochs_, strict=True
    ):
        losses = kept.history_["validation_loss"]
        assert_allclose(losses, network.history_["validation_loss"], rtol=1e-6)
        assert epoch == np.argmin(losses) + 1 == kept.best_epoch_
        assert len(losses) == model.n_iter_ == 8


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("class_weight", [None, "balanced", "dict"])
@pytest.mark.parametrize("y", [LABELS, TWO], ids=["three", "two"])
def test_a_classifier_is_the_mean_of_raw_outputs(y, class_weight, weighted):
    if class_weight == "dict":
        class_weight = {name: i + 0.5 for i, name in enumerate(np.unique(y))}
    w = np.random.RandomState(0).uniform(0.1, 3, len(y)) if weighted else None
    model = tiny(TabularMLPClassifier, cv=SPLITS, class_weight=class_weight)
    model.fit(X, y, w)
    networks, Z = by_hand(model, X, y, SPLITS, w)
    each = [raw_outputs(network, Z) for network in networks]
    assert all(network.class_weight == class_weight for network in networks)

    def log_odds(z):
        z = z / model.temperature_
        return np.hstack([np.zeros_like(z), z]) if z.shape[1] == 1 else z

    z = log_odds(sum(each) / 3)
    assert_array_equal(model.classes_, np.unique(y))
    assert_allclose(model.predict_proba(X), softmax(z), rtol=1e-5)
    assert_allclose(model.predict_log_proba(X), np.log(softmax(z)), rtol=1e-5)
    assert_array_equal(model.predict(X), model.classes_[z.argmax(axis=1)])
    decision = model.decision_function(X)
    assert decision.shape == ((150,) if y is TWO else (150, 3))
    assert_allclose(decision, z[:, 1] if y is TWO else z, rtol=1e-5, atol=1e-6)
    held_out = np.empty_like(z)
    for raw, (_, rows) in zip(each, SPLITS, strict=True):
        held_out[rows] = softmax(log_odds(raw[rows]))
    assert_allclose(model.oof_prediction_, held_out, rtol=1e-5)
    chosen = model.classes_[held_out.argmax(axis=1)]
    assert model.oof_score_ == pytest.approx(accuracy_score(y, chosen, sample_weight=w))
    for network, epoch in zip(networks, model.best_epochs_, strict=True):
        assert epoch == best_epoch(network)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_a_multilabel_classifier(container):
    y = container(MULTILABEL)
    model = tiny(TabularMLPClassifier, cv=SPLITS).fit(X, y)
    networks, Z = by_hand(model, X, MULTILABEL, SPLITS)
    z = sum(raw_outputs(network, Z) for network in networks) / 3 / model.temperature_
    assert_array_equal(model.classes_, [0, 1, 2])
    assert_allclose(model.decision_function(X), z, rtol=1e-5, atol=1e-6)
    assert_allclose(model.predict_proba(X), 1 / (1 + np.exp(-z)), rtol=1e-5)
    assert_allclose(model.predict_log_proba(X), -np.log1p(np.exp(-z)), rtol=1e-5)
    predicted = model.predict(X)
    assert issparse(predicted) == issparse(y)
    predicted = predicted.toarray() if issparse(predicted) else predicted
    assert_array_equal(predicted, z > 0)
    assert model.oof_prediction_.shape == (150, 3)
    assert model.oof_score_ == accuracy_score(MULTILABEL, model.oof_prediction_ > 0.5)


def test_networks_have_the_parameters_of_the_model():
    shared = {
        "activation": "relu",
        "learning_rate_init": 0.03,
        "lr_schedule": "cosine",
        "alpha": 0.01,
        "dropout": 0.1,
        "batch_size": 50,
        "max_iter": 2,
        "hidden_layer_sizes": (4, 3),
    }
    fixed = {
        "input_scaling": True, "parametrization": "ntk", "early_stopping": True,
        "tol": 0, "n_iter_no_change": np.inf,
    }  # fmt: skip
    for Estimator, kind in zip(BOTH, (MLPClassifierX, MLPRegressorX), strict=True):
        model = tiny(Estimator, solver="nadam", **shared).fit(X, target(Estimator))
        for network in model.estimators_:
            assert type(network) is kind
            parameters = network.get_params()
            for name, value in (shared | fixed | {"solver": "nadam"}).items():
                assert parameters[name] == value, name
        seeds = {network.random_state for network in model.estimators_}
        assert len(seeds) == 4
        adam = tiny(Estimator, max_iter=1).fit(X, target(Estimator)).estimators_[0]
        assert isinstance(adam.solver, Adam)
        assert adam.solver.beta_2 == 0.95
    model = tiny(TabularMLPClassifier, label_smoothing=0.3).fit(X, LABELS)
    assert {network.label_smoothing for network in model.estimators_} == {0.3}


@pytest.mark.parametrize(
    ("n_rows", "smoothing"), [(100, 0.1), (900, 0.1), (3600, 0.05), (10_000, 0.03)]
)
@pytest.mark.parametrize("without_weight", [0, 500])
def test_labels_are_smoothed_less_with_more_rows(n_rows, smoothing, without_weight):
    """Rows of weight 0 do not count."""
    x = np.arange(n_rows + without_weight) % 7
    w = np.arange(len(x)) >= without_weight
    model = TabularMLPClassifier((), max_iter=1, cv=2, random_state=0)
    model.fit(x[:, np.newaxis], x > 3, w if without_weight else None)
    for network in model.estimators_:
        assert_allclose(network.label_smoothing, smoothing)


def test_predictions_stay_within_the_range_of_the_targets():
    """Far outside of the training data, a network would go on and on."""
    x = np.linspace(0, 1, 80)[:, None]
    model = TabularMLPRegressor((), max_iter=60, random_state=0).fit(x, 3 * x[:, 0] - 1)
    far = np.array([[-1e6], [1e6]])
    Z = model.preprocessor_.transform(far)
    mean = np.mean([network.predict(Z) for network in model.estimators_], axis=0)
    assert mean[0] < -1
    assert mean[1] > 2
    assert model.predict(far).tolist() == [-1, 2]
    assert model.oof_prediction_.min() >= -1
    assert model.oof_prediction_.max() <= 2


@pytest.mark.parametrize("Estimator", BOTH)
def test_an_int_makes_shuffled_folds(Estimator):
    """Each row is left out once; which network did so shows in its prediction."""
    y = target(Estimator)
    model = tiny(Estimator, max_iter=5).fit(X, y)
    Z = model.preprocessor_.transform(X)
    if Estimator is TabularMLPRegressor:
        each = [np.clip(n.predict(Z), y.min(), y.max()) for n in model.estimators_]
        left_out = model.oof_prediction_[:, None]
    else:
        T = model.temperature_
        each = [softmax(raw_outputs(n, Z) / T)[:, 0] for n in model.estimators_]
        left_out = model.oof_prediction_[:, :1]
    fits = np.abs(np.column_stack(each) - left_out)
    fold = fits.argmin(axis=1)
    assert fits.min(axis=1).max() < 1e-5
    assert sorted(np.bincount(fold)) in ([37, 37, 38, 38], [36, 38, 38, 38])
    assert len(set(fold[:20])) == 4  # shuffled
    if Estimator is TabularMLPClassifier:
        for kind in range(3):
            assert set(np.bincount(fold[kind == KINDS])) <= {12, 13}


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("lr_schedule", ["coslog", "cosine"])
def test_early_stopping_is_the_same_training_cut_short(Estimator, lr_schedule):
    """It ends with the first cycle that has no better loss than those before.

    Four cycles, each twice as long as the one before.
    """
    y = target(Estimator)
    model = Estimator(
        (20,), max_iter=45, cv=SPLITS, lr_schedule=lr_schedule, random_state=0
    )
    model.set_params(learning_rate_init=3.0)
    whole = clone(model).set_params(early_stopping=False).fit(X, y)
    short = clone(model).set_params(early_stopping=True).fit(X, y)
    ends, n_cut = (3, 9, 21, 45), 0
    for network, other in zip(whole.estimators_, short.estimators_, strict=True):
        losses = network.history_["validation_loss"]
        expected = 45
        for begin, end in pairwise(ends):
            kept = best_epoch(network, begin), best_epoch(network, end)
            is_long = end - begin >= 10
            if lr_schedule == "coslog" and is_long and kept[0] == kept[1]:
                expected = end
                break
        assert other.n_iter_ == expected
        n_cut += expected < 45
        assert other.history_["validation_loss"] == losses[:expected]
        assert other.best_epoch_ == best_epoch(network, expected)
    assert short.n_iter_ == max(network.n_iter_ for network in short.estimators_)
    assert (n_cut > 0) == (lr_schedule == "coslog")


# --------------------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("convert", "classes"),
    [
        (lambda y: y, ["setosa", "versicolor", "virginica"]),
        (lambda y: y.astype(object), ["setosa", "versicolor", "virginica"]),
        (list, ["setosa", "versicolor", "virginica"]),
        (lambda y: KINDS + 5, [5, 6, 7]),
        (lambda y: KINDS.astype(float), [0.0, 1.0, 2.0]),
        (lambda y: y[:, None] == "setosa", [False, True]),
        (lambda y: y == "setosa", [False, True]),
        (lambda y: np.where(y == "setosa", -1, 1), [-1, 1]),
    ],
    ids=["str", "object", "list", "int", "float", "column", "bool", "minus"],
)
def test_labels_come_back_as_they_were(convert, classes):
    y = convert(LABELS)
    model = tiny(TabularMLPClassifier, max_iter=20)
    if np.ndim(y) == 2:
        with pytest.warns(UserWarning, match="column-vector y"):
            model.fit(X, y)
    else:
        model.fit(X, y)
    assert model.classes_.tolist() == classes
    assert set(model.predict(X).tolist()) <= set(classes)
    assert accuracy_score(np.ravel(y), model.predict(X)) > 0.7


def test_the_order_of_labels_does_not_matter():
    """Which class a probability belongs to is a matter of its name alone."""
    model = tiny(TabularMLPClassifier, cv=SPLITS, max_iter=20).fit(X, LABELS)
    proba = dict(zip(model.classes_, model.predict_proba(X).T, strict=True))
    for name, p in proba.items():
        own, rest = p[name == LABELS], p[name != LABELS]
        assert own.mean() > rest.mean() + 0.3


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.int64, object])
def test_kinds_of_numbers(Estimator, dtype):
    rows = np.round(10 * X)
    y = target(Estimator)
    expected = tiny(Estimator).fit(rows, y)
    model = tiny(Estimator).fit(rows.astype(dtype), y)
    if dtype is object:
        assert_allclose(model.oof_prediction_, expected.oof_prediction_, rtol=1e-5)
    else:
        assert equal_models(model, expected, rows)
    assert model.oof_prediction_.dtype == np.float64


def test_kinds_of_numbers_as_targets():
    y = np.round(10 * NUMBERS)
    expected = tiny(TabularMLPRegressor).fit(X, y)
    for convert in (list, lambda y: y.astype(np.int32), lambda y: y.astype(object)):
        assert equal_models(tiny(TabularMLPRegressor).fit(X, convert(y)), expected, X)
    with pytest.warns(UserWarning, match="column-vector y"):
        column = tiny(TabularMLPRegressor).fit(X, y[:, None])
    assert equal_models(column, expected, X)


# --------------------------------------------------------------------------- weights


@pytest.mark.parametrize("Estimator", BOTH)
def test_the_unit_of_weights_does_not_matter(Estimator):
    w = np.random.RandomState(0).randint(1, 4, 150).astype(float)
    y = target(Estimator)
    one = tiny(Estimator, cv=SPLITS).fit(X, y, w)
    other = tiny(Estimator, cv=SPLITS).fit(X, y, sample_weight=8 * w)
    none = tiny(Estimator, cv=SPLITS).fit(X, y)
    equal = tiny(Estimator, cv=SPLITS).fit(X, y, np.ones(150))
    assert_allclose(outputs(one), outputs(other), rtol=1e-4)
    assert_allclose(outputs(none), outputs(equal), rtol=1e-4)
    assert not np.allclose(outputs(none), outputs(one), rtol=1e-3)


def outputs(model):
    """Return the mean raw outputs; the temperature also asks for how many rows."""
    if isinstance(model, TabularMLPRegressor):
        return model.predict(X)
    return model.decision_function(X) * model.temperature_


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("unit", [1e-300, 1e307])
def test_weights_whose_sum_is_no_number(Estimator, unit):
    """They count as rows do, one each in the mean."""
    w, y = np.random.RandomState(0).uniform(0.5, 1.5, 150), target(Estimator)
    w /= w.mean()
    one = tiny(Estimator, cv=SPLITS).fit(X, y, w)
    other = tiny(Estimator, cv=SPLITS).fit(X, y, unit * w)
    assert_allclose(other.oof_prediction_, one.oof_prediction_, rtol=1e-4)
    assert other.oof_score_ == pytest.approx(one.oof_score_, rel=1e-4)
    if Estimator is TabularMLPRegressor:
        intervals = one.predict_interval(X), other.predict_interval(X)
        assert_allclose(*intervals, rtol=1e-4)


@pytest.mark.parametrize(
    ("w", "says"),
    [
        (np.ones(149), "inconsistent numbers of samples"),
        (-np.ones(150), "sample_weight must not be negative"),
        (np.zeros(150), "sample_weight must not be zero for all rows"),
        (np.full(150, np.nan), "Input sample_weight contains NaN"),
        (np.ones((150, 2)), "sample_weight must have shape"),
    ],
    ids=["short", "negative", "zero", "nan", "2-D"],
)
@pytest.mark.parametrize("Estimator", BOTH)
def test_weights_that_are_none_are_refused(Estimator, w, says):
    with pytest.raises(ValueError, match=says):
        tiny(Estimator).fit(X, target(Estimator), w)


def test_a_heavy_class_is_predicted_more_often():
    y = np.where(np.random.RandomState(0).uniform(size=150) < 0.5, "a", "b")
    model = tiny(TabularMLPClassifier, max_iter=10)
    often = model.set_params(class_weight={"a": 5, "b": 1}).fit(X, y)
    assert (often.predict(X) == "a").mean() > 0.8
    assert often.predict_proba(X)[:, 0].mean() > 0.65
    seldom = clone(model).set_params(class_weight={"a": 1, "b": 5}).fit(X, y)
    assert (seldom.predict(X) == "a").mean() < 0.2


# ---------------------------------------------------------------------- random state


@pytest.mark.parametrize("Estimator", BOTH)
def test_a_seed_determines_the_model(Estimator):
    y = target(Estimator)
    one = tiny(Estimator, random_state=3).fit(X, y)
    assert equal_models(one, clone(one).fit(X, y), X)
    assert equal_models(one, tiny(Estimator, random_state=3).fit(X, y).fit(X, y), X)
    other = tiny(Estimator, random_state=4).fit(X, y)
    assert not equal_models(one, other, X)
    assert not equal_models(*(clone(one).set_params(random_state=None).fit(X, y)
                              for _ in range(2)), X)  # fmt: skip


@pytest.mark.parametrize("Estimator", BOTH)
def test_a_random_state_object_goes_on(Estimator):
    y = target(Estimator)
    rng = np.random.RandomState(3)
    model = tiny(Estimator, random_state=rng)
    first = clone(model).set_params(random_state=rng).fit(X, y)
    assert equal_models(first, tiny(Estimator, random_state=3).fit(X, y), X)
    second = clone(model).set_params(random_state=rng).fit(X, y)
    assert not equal_models(first, second, X)


@pytest.mark.parametrize("Estimator", BOTH)
@pytest.mark.parametrize("random_state", [3, np.random.RandomState(3), None])
def test_networks_have_seeds_of_their_own(Estimator, random_state):
    model = tiny(Estimator, random_state=random_state).fit(X, target(Estimator))
    seeds = [network.random_state for network in model.estimators_]
    assert all(isinstance(seed, int) for seed in seeds)
    assert len(set(seeds)) == 4


# ------------------------------------------------------------------------- defaults


@pytest.mark.once
def test_defaults_do_well():
    model = TabularMLPClassifier(random_state=0).fit(X, LABELS)
    assert model.oof_score_ > 0.93
    model = TabularMLPRegressor(random_state=0).fit(MANY_X, MANY_Y)
    assert model.oof_score_ > 0.42  # linear regression has 0.49


@pytest.mark.parametrize("Estimator", BOTH)
def test_a_table_of_mixed_columns_is_learnt(Estimator):
    model = Estimator((20,), max_iter=40, random_state=0)
    model.fit(frame(), frame_target(Estimator))
    assert model.oof_score_ > 0.75
    assert model.preprocessor_.is_categorical_.tolist() == [
        False, True, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("Estimator", BOTH)
def test_columns_can_be_named_as_categories(Estimator):
    table, y = frame(), frame_target(Estimator)
    model = tiny(Estimator, categorical_features=["rooms", "city", "smokes", "size"])
    model.fit(table, y)
    assert "rooms_3" in model.preprocessor_.get_feature_names_out()
    few = tiny(Estimator, max_categories=2).fit(table, y)
    names = few.preprocessor_.get_feature_names_out()
    assert "city_infrequent" in names


def test_stratified_folds_are_those_of_scikit_learn_in_size():
    """A splitter without shuffling, as a reference for a splitter as ``cv``."""
    splitter = StratifiedKFold(3)
    one = tiny(TabularMLPClassifier, cv=splitter).fit(X, LABELS)
    other = tiny(TabularMLPClassifier, cv=list(splitter.split(X, LABELS)))
    assert equal_models(one, other.fit(X, LABELS), X)


def test_rows_of_weight_zero_do_not_widen_the_range():
    y = np.r_[target(TabularMLPRegressor), 1e9]
    rows, w = np.vstack([X, X[:1]]), np.r_[np.ones(len(X)), 0]
    model = tiny(TabularMLPRegressor, learning_rate_init=1.0).fit(rows, y, w)
    assert model.predict(100 * rows).max() <= y[:-1].max()


@pytest.mark.parametrize("Estimator", BOTH)
def test_sparse_rows_predict_as_dense_ones(Estimator):
    model = tiny(Estimator).fit(X, target(Estimator))
    for rows, other in ((X, csr_array(X)), (csr_array(X), X)):
        model.fit(rows, target(Estimator))
        assert_array_equal(model.predict(other), model.predict(rows))
