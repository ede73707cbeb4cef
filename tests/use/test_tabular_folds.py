"""The folds of the tabular estimators: every kind of ``cv``, and those that fail."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    RepeatedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_predict,
)
from tables import (
    BOTH,
    KINDS,
    LABELS,
    NUMBERS,
    X,
    equal_models,
    raw_outputs,
    softmax,
    target,
    tiny,
)

from skoptnet import TabularMLPClassifier, TabularMLPRegressor

GROUPS = np.arange(150) % 5
SPLITS = list(KFold(3, shuffle=True, random_state=0).split(X))
each = pytest.mark.parametrize("Estimator", BOTH)


def assert_refused(match, model, *passed, **keywords):
    """Check that ``fit`` raises, and that the estimator stays as it was."""
    before = dict(vars(model))
    with pytest.raises(ValueError, match=match) as caught:
        model.fit(*passed, **keywords)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is value for name, value in before.items())
    return str(caught.value)


# ------------------------------------------------------------------------ kinds of cv


@each
@pytest.mark.parametrize("n", [2, 3, np.int64(5), 7])
def test_an_int_is_the_number_of_networks(Estimator, n):
    model = tiny(Estimator, cv=n, max_iter=2).fit(X, target(Estimator))
    assert len(model.estimators_) == len(model.best_epochs_) == n
    assert np.isfinite(model.oof_prediction_).all()


SPLITTERS = [
    KFold(3, shuffle=True, random_state=0),
    GroupKFold(5),
    LeaveOneGroupOut(),
    ShuffleSplit(3, test_size=0.2, random_state=0),
    GroupShuffleSplit(2, random_state=0),
    RepeatedKFold(n_splits=2, n_repeats=2, random_state=0),
]


@pytest.mark.parametrize(
    ("Estimator", "splitter"),
    [
        *product(BOTH, SPLITTERS),
        (TabularMLPClassifier, StratifiedKFold(3)),  # which needs classes
    ],
    ids=lambda part: getattr(part, "__name__", type(part).__name__),
)
def test_a_splitter_is_its_splits(Estimator, splitter):
    y = target(Estimator)
    # scikit-learn warns of groups that a splitter has no use for.
    groups = {"groups": GROUPS} if "Group" in type(splitter).__name__ else {}
    one = tiny(Estimator, cv=splitter).fit(X, y, **groups)
    splits = list(splitter.split(X, y, **groups))
    assert len(one.estimators_) == len(splits)
    other = tiny(Estimator, cv=splits).fit(X, y)
    assert equal_models(one, other, X)
    as_lists = [(train.tolist(), held.tolist()) for train, held in splits]
    assert equal_models(one, tiny(Estimator, cv=as_lists).fit(X, y), X)
    masks = [tuple(np.isin(np.arange(150), rows) for rows in split) for split in splits]
    if not isinstance(splitter, (ShuffleSplit, GroupShuffleSplit)):  # no other order
        assert equal_models(one, tiny(Estimator, cv=masks).fit(X, y), X)


@each
def test_rows_held_out_several_times_or_never(Estimator):
    """The mean of the networks that did, NaN where none did."""
    y = target(Estimator)
    splitter = ShuffleSplit(4, test_size=0.3, random_state=1)
    model = tiny(Estimator, cv=splitter, max_iter=6).fit(X, y)
    Z = model.preprocessor_.transform(X)
    found = [[] for _ in range(150)]
    for network, (_, rows) in zip(model.estimators_, splitter.split(X), strict=True):
        for i, z in zip(rows, raw_outputs(network, Z[rows]), strict=True):
            found[i].append(z)
    n_times = np.array([len(z) for z in found])
    assert {0, 1, 2} <= set(n_times)
    never = n_times == 0
    mean = np.array([np.mean(z, axis=0) for z in found if z])
    if Estimator is TabularMLPRegressor:
        expected = np.clip(mean[:, 0], y.min(), y.max())
    else:
        expected = softmax(mean / model.temperature_)
    assert np.isnan(model.oof_prediction_[never]).all()
    assert_allclose(model.oof_prediction_[~never], expected, rtol=1e-5)
    assert np.isfinite(model.oof_score_)


@each
def test_a_splitter_without_a_seed_draws_by_that_of_the_estimator(Estimator):
    y = target(Estimator)
    model = tiny(Estimator, cv=KFold(3, shuffle=True))
    one = clone(model).fit(X, y)
    assert equal_models(one, clone(model).fit(X, y), X)
    other = clone(model).set_params(random_state=1).fit(X, y)
    assert not equal_models(one, other, X)
    assert model.cv.random_state is None is one.cv.random_state


@each
def test_a_generator_is_refused(Estimator):
    """A second fit would have no folds, and it cannot be cloned."""
    cv = (split for split in KFold(3).split(X))
    assert_refused("'cv' parameter", tiny(Estimator, cv=cv), X, target(Estimator))


@each
@pytest.mark.parametrize(
    ("cv", "given"),
    [(4, "cv=4"), (SPLITS, "a list of folds as cv")],
)
def test_groups_without_a_splitter_of_groups(Estimator, cv, given):
    y = target(Estimator)
    says = f"groups have no effect with {given}.*GroupKFold.4"
    with pytest.warns(UserWarning, match=says) as caught:
        model = tiny(Estimator, cv=cv).fit(X, y, groups=GROUPS)
    assert [warning.filename for warning in caught] == [__file__]
    assert equal_models(model, tiny(Estimator, cv=cv).fit(X, y), X)


@each
@pytest.mark.parametrize("cv", [[], (), np.empty((0, 2))], ids=repr)
def test_no_fold_at_all_is_refused(Estimator, cv):
    assert_refused("cv", tiny(Estimator, cv=cv), X, target(Estimator))


@each
@pytest.mark.parametrize(
    "cv", [1, 0, -2, 2.0, 2.5, "4", None, True, False, np.nan, print, KFold]
)
def test_what_is_no_cv_is_refused(Estimator, cv):
    says = f"The 'cv' parameter of {Estimator.__name__} must be"
    assert_refused(says, tiny(Estimator, cv=cv), X, target(Estimator))


@each
@pytest.mark.parametrize("rows", [[0, 150], [-151, 3], [0.5, 1.5], [[0, 1]]])
def test_row_numbers_that_are_none_are_refused(Estimator, rows):
    for split in ((rows, [1, 2]), (np.arange(150), rows)):
        cv = [(np.arange(150), np.arange(150)), split]
        says = assert_refused("cv", tiny(Estimator, cv=cv), X, target(Estimator))
        assert "2 of cv" in says


@each
@pytest.mark.parametrize("cv", [[1, 2, 3], [([1, 2], [3], [4])], [[1, 2], [3]]])
def test_lists_that_hold_no_pairs_are_refused(Estimator, cv):
    assert_refused("cv", tiny(Estimator, cv=cv), X, target(Estimator))


# ----------------------------------------------------------------------------- groups


@each
def test_groups_stay_together(Estimator):
    y = target(Estimator)
    model = tiny(Estimator, cv=GroupKFold(5), max_iter=3).fit(X, y, groups=GROUPS)
    series = pd.Series(GROUPS).map("group {}".format)
    again = tiny(Estimator, cv=GroupKFold(5), max_iter=3).fit(X, y, groups=series)
    assert equal_models(model, again, X)


@each
def test_a_splitter_of_groups_needs_them(Estimator):
    model = tiny(Estimator, cv=GroupKFold(5))
    assert_refused("'groups' parameter should not be None", model, X, target(Estimator))
    assert_refused(
        "inconsistent numbers", model, X, target(Estimator), groups=GROUPS[:-1]
    )


@each
def test_groups_with_metadata_routing(Estimator):
    y = target(Estimator)
    with config_context(enable_metadata_routing=True):
        model = tiny(Estimator, cv=GroupKFold(2), max_iter=3)
        model.set_fit_request(groups=True)
        outer = GroupKFold(3)
        found = cross_val_predict(model, X, y, cv=outer, params={"groups": GROUPS})
        for train, held_out in outer.split(X, y, GROUPS):
            by_hand = clone(model).fit(X[train], y[train], groups=GROUPS[train])
            assert np.array_equal(found[held_out], by_hand.predict(X[held_out]))
        # Unless requested, groups are for the splitter outside alone.
        plain = tiny(Estimator, cv=2, max_iter=2)
        cross_val_predict(plain, X, y, cv=outer, params={"groups": GROUPS})
        weighted = tiny(Estimator, max_iter=2).set_fit_request(sample_weight=True)
        params = {"sample_weight": np.ones(150)}
        cross_val_predict(weighted, X, y, params=params)


# ---------------------------------------------------------------------------- few rows


def test_small_classes_are_always_trained_on():
    y = LABELS.astype(object)
    y[[5, 70]] = "rare"
    y[140] = "rarer"
    model = tiny(TabularMLPClassifier, max_iter=3).fit(X, y)
    assert len(model.estimators_) == 4
    for network in model.estimators_:
        assert network.classes_.tolist() == model.classes_.tolist()
    never = np.isnan(model.oof_prediction_).any(axis=1)
    assert np.flatnonzero(never).tolist() == [5, 70, 140]
    assert model.predict_proba(X).shape == (150, 5)


def test_fewer_rows_than_folds():
    says = r"cv=4 needs as many rows\. Got 3, so 3 net"
    with pytest.warns(UserWarning, match=says) as caught:
        model = tiny(TabularMLPRegressor).fit(X[:3], [1.0, 2.0, 4.0])
    assert {warning.filename for warning in caught} == {__file__}
    assert len(model.estimators_) == 3
    y = [0, 0, 0, 1, 1]
    with pytest.warns(
        UserWarning, match=r"cv=4 needs as many rows of a class. Got 3, so 3"
    ):
        model = tiny(TabularMLPClassifier).fit(X[48:53], y)
    assert len(model.estimators_) == 3
    assert np.isnan(model.oof_prediction_[3:]).all()


def test_too_few_rows_for_two_folds_are_refused():
    assert_refused(
        "cv=4 .* at least 2 rows .*n_samples = 1",
        tiny(TabularMLPRegressor), X[:1], [1.0],
    )  # fmt: skip
    assert_refused(
        "cv=4 .* at least 2 rows of a class .*n_samples = 3",
        tiny(TabularMLPClassifier), X[:3], [0, 1, 2],
    )  # fmt: skip


def test_a_fold_that_lacks_a_class_is_refused():
    """The rows are in the order of the classes."""
    says = assert_refused(
        r"Fold 1 of cv has no row of the class\(es\) \['setosa'\]",
        tiny(TabularMLPClassifier, cv=KFold(3)), X, LABELS,
    )  # fmt: skip
    assert "stratified" in says
    splits = [(np.arange(150), [0, 1]), (np.arange(60), [70, 120])]
    assert_refused(
        r"Fold 2 of cv has no row of the class\(es\) \[2\]",
        tiny(TabularMLPClassifier, cv=splits), X, KINDS,
    )  # fmt: skip
    multilabel = np.eye(3, dtype=int)[KINDS]
    tiny(TabularMLPClassifier, cv=KFold(3), max_iter=2).fit(X, multilabel)


@each
@pytest.mark.parametrize("at", [0, 1])
def test_an_empty_part_is_refused(Estimator, at):
    split = [np.arange(150), np.arange(30)]
    split[at] = np.array([], dtype=int)
    cv = [(np.arange(150), np.arange(30)), tuple(split)]
    says = "Fold 2 has 0 and 30" if at == 0 else "Fold 2 has 150 and 0"
    assert_refused(says, tiny(Estimator, cv=cv), X, target(Estimator))


@each
def test_a_held_out_part_of_one_row(Estimator):
    """There is no R2 of one row, and nothing to warn of."""
    y = target(Estimator)
    order = np.random.RandomState(0).permutation(150)
    cv = [(np.sort(order[1:]), order[:1])]
    model = tiny(Estimator, cv=cv, max_iter=2).fit(X, y)
    assert len(model.estimators_) == 1
    if Estimator is TabularMLPRegressor:
        assert np.isnan(model.oof_score_)
        with pytest.raises(ValueError, match=r"at least 9 .* Got 1"):
            model.predict_interval(X)


def test_weights_of_zero_in_a_whole_fold_are_refused():
    w = np.ones(150)
    w[:50] = 0
    model = tiny(TabularMLPRegressor, cv=KFold(3))
    assert_refused(
        "In fold 1, sample_weight is zero",
        model,
        X,
        NUMBERS,
        sample_weight=w,
    )


@pytest.mark.parametrize("Estimator", [TabularMLPRegressor, TabularMLPClassifier])
def test_rows_of_weight_zero_are_never_held_out(Estimator):
    """So that any bootstrap has folds with weights."""
    y = NUMBERS if Estimator is TabularMLPRegressor else LABELS
    w = np.zeros(150)
    w[::10] = 1
    model = tiny(Estimator).fit(X, y, sample_weight=w)
    held_out = np.isfinite(model.oof_prediction_.reshape(150, -1)[:, 0])
    np.testing.assert_array_equal(held_out, w > 0)


def test_an_earlier_model_survives_bad_folds():
    model = tiny(TabularMLPClassifier).fit(X, LABELS)
    before = model.predict_proba(X)
    for cv in ([], KFold(3), 1, [([], [1])]):
        assert_refused("cv", model.set_params(cv=cv), X, LABELS)
        assert np.array_equal(model.predict_proba(X), before)
