"""The rows that early stopping sets aside: by a fraction, or by a splitter."""

from typing import ClassVar

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from problems import (
    ESTIMATORS,
    IRIS,
    KINDS,
    LABELS,
    NUMBERS,
    X,
    assert_fit_refused,
    batched,
    small,
)
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.estimators.validation_split import Given, split
from skoptnet.training import TrainingSet

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

both = pytest.mark.parametrize("Estimator", ESTIMATORS)

# Iris in a random order, so that each part of the rows has all classes.
MIXED = np.random.RandomState(0).permutation(150)
X, LABELS, KINDS, NUMBERS = X[MIXED], LABELS[MIXED], KINDS[MIXED], NUMBERS[MIXED]
GROUPS = np.random.RandomState(1).randint(0, 12, 150)
W = np.random.RandomState(2).uniform(0.1, 3, 150)
TARGETS = {
    "binary": (MLPClassifierX, np.where(LABELS == "virginica", "yes", "no")),
    "multiclass": (MLPClassifierX, LABELS),
    "multilabel": (MLPClassifierX, KINDS),
    "regression": (MLPRegressorX, NUMBERS),
    "multi-output": (MLPRegressorX, np.column_stack([NUMBERS, X[:, 1]])),
}
tasks = pytest.mark.parametrize(("Estimator", "y"), TARGETS.values(), ids=TARGETS)


def y_of(Estimator):
    return LABELS if Estimator is MLPClassifierX else NUMBERS


class Masks:
    """A splitter of one's own; the last of its three splits sets the first rows aside.

    It gives masks, and its methods take no groups.
    """

    def split(self, X, y):
        for size in (60, 50, 40):
            first = np.arange(len(y)) < size
            yield ~first, first

    def get_n_splits(self, X=None, y=None):
        return 3


class ByDay:
    """A splitter that reads a column of a table."""

    def split(self, X, y=None, groups=None):
        days = X["day"].to_numpy()
        yield np.flatnonzero(days < 8), np.flatnonzero(days >= 8)

    def get_n_splits(self, X=None, y=None, groups=None):
        return 1


SPLITTERS = {
    "time": TimeSeriesSplit(5),
    "time with a gap": TimeSeriesSplit(4, gap=10, max_train_size=60),
    "groups": GroupShuffleSplit(3, test_size=0.25, random_state=1),
    "one group": LeaveOneGroupOut(),
    "predefined": PredefinedSplit(np.where(np.arange(150) % 4 == 1, 0, -1)),
    "repeated": RepeatedStratifiedKFold(n_splits=4, n_repeats=2, random_state=0),
    "own": Masks(),
}
TAKE_GROUPS = ("groups", "one group")


def stopping(Estimator, **parameters):
    settings = {"early_stopping": True, "max_iter": 8, **parameters}
    return batched(Estimator, **settings)


def groups_for(name):
    return {"groups": GROUPS} if name in TAKE_GROUPS else {}


def last_split(splitter, y, **groups):
    *_, (train, val) = splitter.split(X, y, **groups)
    return np.arange(150)[train], np.arange(150)[val]


def assert_same_training(one, other):
    for name in ("loss", "validation_loss", "validation_score"):
        assert one.history_[name] == other.history_[name], name
    for mine, theirs in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert one.best_epoch_ == other.best_epoch_


# ------------------------------------------------------------------- by a splitter


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (task, name)
        for task in TARGETS
        for name in SPLITTERS
        if name != "repeated" or task in ("binary", "multiclass")  # with strata
    ],
)
def test_the_last_split_is_used_as_if_its_parts_were_passed(task, name):
    """Bit for bit: the same first weights, minibatches, losses and scores."""
    Estimator, y = TARGETS[task]
    groups = groups_for(name)
    train, val = last_split(SPLITTERS[name], y, **groups)
    assert not np.intersect1d(train, val).size
    own = {"X_val": X[val], "y_val": y[val], "sample_weight_val": W[val]}
    by_hand = stopping(Estimator).fit(X[train], y[train], W[train], **own)
    model = stopping(Estimator, validation_fraction=SPLITTERS[name])
    assert_same_training(model.fit(X, y, W, **groups), by_hand)
    assert model.loss_curve_[0] != stopping(Estimator).fit(X, y, W).loss_curve_[0]


@both
@pytest.mark.parametrize("form", [csr_array, np.ndarray.tolist, pd.DataFrame])
def test_a_splitter_takes_rows_in_any_form(Estimator, form):
    y, splitter = y_of(Estimator), TimeSeriesSplit()
    model = stopping(Estimator, validation_fraction=splitter).fit(form(X), y.tolist())
    dense = stopping(Estimator, validation_fraction=splitter).fit(X, y)
    np.testing.assert_allclose(
        model.history_["validation_loss"], dense.history_["validation_loss"], rtol=1e-9
    )


@both
def test_a_splitter_is_given_the_table_that_fit_is_given(Estimator):
    y = y_of(Estimator)
    table = pd.DataFrame(X, columns=list("abcd")).assign(day=GROUPS)
    model = stopping(Estimator, validation_fraction=ByDay()).fit(table, y)
    late = GROUPS >= 8
    by_hand = stopping(Estimator).fit(
        table[~late], y[~late], X_val=table[late], y_val=y[late]
    )
    assert_same_training(model, by_hand)


@both
def test_the_random_state_of_the_estimator_decides_where_a_splitter_has_none(Estimator):
    y = y_of(Estimator)

    def curve(seed, **parameters):
        splitter = ShuffleSplit(1, test_size=0.3, **parameters)
        model = stopping(Estimator, validation_fraction=splitter, random_state=seed)
        return model.fit(X, y).history_["validation_loss"]

    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert curve(3) == curve(3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert curve(3) != curve(3, random_state=3)
    # The first weights are those of the estimator's seed; only the split differs.
    one = ShuffleSplit(1, test_size=0.3, random_state=0)
    two = ShuffleSplit(1, test_size=0.3, random_state=1)
    model = stopping(Estimator, validation_fraction=one, max_iter=1,
                     learning_rate_init=1e-300)  # fmt: skip
    weights = clone(model).fit(X, y).coefs_[0]
    other = clone(model).set_params(validation_fraction=two).fit(X, y)
    np.testing.assert_array_equal(weights, other.coefs_[0])
    assert other.loss_curve_ != clone(model).fit(X, y).loss_curve_


@both
@pytest.mark.parametrize("random_state", [None, 0, np.random.RandomState])
def test_a_splitter_is_never_changed(Estimator, random_state):
    """Not even the generator that it draws from."""
    if random_state is np.random.RandomState:
        random_state = np.random.RandomState(0)
    splitter = ShuffleSplit(3, random_state=random_state)
    before = joblib.hash(splitter)
    model = stopping(Estimator, validation_fraction=splitter)
    one = model.fit(X, y_of(Estimator)).history_["validation_loss"]
    assert model.validation_fraction is splitter
    assert joblib.hash(splitter) == before
    assert model.fit(X, y_of(Estimator)).history_["validation_loss"] == one


@both
def test_an_estimator_with_a_splitter_is_cloned_pickled_and_shown(Estimator, tmp_path):
    model = stopping(Estimator, validation_fraction=TimeSeriesSplit(3))
    assert "validation_fraction=TimeSeriesSplit(" in repr(model)
    assert clone(model).validation_fraction is not model.validation_fraction
    assert clone(model).validation_fraction.n_splits == 3
    model.fit(X, y_of(Estimator))
    joblib.dump(model, tmp_path / "model")
    again = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert_same_training(clone(again).fit(X, y_of(Estimator)), model)


@both
def test_the_twin_of_scikit_learn_has_its_default_in_place_of_a_splitter(Estimator):
    model = stopping(Estimator, validation_fraction=TimeSeriesSplit(3))
    twin = model.fit(X, y_of(Estimator)).to_sklearn()
    assert twin.validation_fraction == 0.1
    np.testing.assert_allclose(twin.coefs_[0], model.coefs_[0])


# ------------------------------------------------------ warm starts, and all rows


@both
@pytest.mark.parametrize(
    "splitter",
    [
        ShuffleSplit(2, test_size=0.3),
        ShuffleSplit(2, test_size=0.3, random_state=0),
        ShuffleSplit(2, test_size=0.3, random_state=np.random.RandomState(0)),
        GroupShuffleSplit(2, test_size=0.3),
        TimeSeriesSplit(),
    ],
    ids=["free", "int", "generator", "groups", "time"],
)
@pytest.mark.parametrize("random_state", [0, None])
def test_a_warm_start_repeats_the_split(Estimator, splitter, random_state, monkeypatch):
    """So that no validation row has been trained on before."""
    parts = []

    def noted(*args):
        both = split(*args)
        parts.append(tuple(part.rows for part in both))
        return both

    monkeypatch.setattr("skoptnet.estimators.fitting.split", noted)
    model = stopping(Estimator, validation_fraction=splitter, warm_start=True,
                     max_iter=3, random_state=random_state)  # fmt: skip
    groups = {"groups": GROUPS} if isinstance(splitter, GroupShuffleSplit) else {}
    for _ in range(3):
        model.fit(X, y_of(Estimator), **groups)
    first, *later = parts
    assert len(later) == 2
    for again in later:
        for mine, theirs in zip(first, again, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    # A new training, without a seed, has a split of its own.
    if (
        random_state is None
        and splitter.random_state is None
        and "Shuffle" in str(splitter)
    ):
        model.set_params(warm_start=False).fit(X, y_of(Estimator), **groups)
        assert not np.array_equal(first[1], parts[-1][1])


@tasks
@pytest.mark.parametrize("name", ["time with a gap", "groups", "own"])
def test_refit_all_trains_on_all_rows(Estimator, y, name):
    """Also on those that a gap leaves in neither part."""
    settings = {"validation_fraction": SPLITTERS[name], "n_iter_no_change": 3,
                "max_iter": 30, "learning_rate_init": 0.05}  # fmt: skip
    groups = groups_for(name)
    validated = stopping(Estimator, **settings).fit(X, y, W, **groups)
    model = stopping(Estimator, **settings, refit_all=True).fit(X, y, W, **groups)
    plain = batched(Estimator, learning_rate_init=0.05, max_iter=model.best_epoch_,
                    n_iter_no_change=np.inf).fit(X, y, W)  # fmt: skip
    for one, other in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.validation_scores_ == validated.validation_scores_
    assert model.t_ == 150 * model.best_epoch_


@both
def test_a_split_without_weight_on_one_side_is_refused(Estimator):
    weights = (np.arange(150) < 100).astype(float)
    model = stopping(Estimator, validation_fraction=TimeSeriesSplit(2))
    assert_fit_refused(
        "All validation rows of the early-stopping split have sample_weight zero",
        model, X, y_of(Estimator), sample_weight=weights,
    )  # fmt: skip


# ------------------------------------------------------- searches, groups, routing


class Noting:
    """A splitter of groups that notes in a list what it is asked, and answers."""

    seen: ClassVar[list] = []

    def split(self, X, y=None, groups=None):
        inner = GroupShuffleSplit(2, test_size=0.3, random_state=0)
        for train, val in inner.split(X, y, groups):
            self.seen.append((np.asarray(groups), train, val))
            yield train, val

    def get_n_splits(self, X=None, y=None, groups=None):
        return 2

    def __deepcopy__(self, memo):
        return self


@pytest.fixture
def noting():
    Noting.seen.clear()
    return Noting()


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def assert_no_group_on_both_sides(n_fits):
    assert len(Noting.seen) == 2 * n_fits
    for groups, train, val in Noting.seen:
        assert len(groups) == len(train) + len(val)
        assert not np.intersect1d(groups[train], groups[val]).size


@both
@pytest.mark.usefixtures("routing")
def test_groups_are_routed_through_a_search_and_a_pipeline(Estimator, noting):
    """Each fold's rows are split by their own groups; so are all rows in the end."""
    y = y_of(Estimator)
    mlp = stopping(Estimator, validation_fraction=noting)
    pipeline = make_pipeline(StandardScaler(), mlp.set_fit_request(groups=True))
    name = Estimator.__name__.lower()
    search = GridSearchCV(pipeline, {f"{name}__alpha": [0.0, 1e-3]}, cv=GroupKFold(3),
                          error_score="raise")  # fmt: skip
    search.fit(X, y, groups=GROUPS)
    assert_no_group_on_both_sides(2 * 3 + 1)
    sizes = [len(groups) for groups, *_ in Noting.seen]
    assert max(sizes[:-2]) < 150
    assert sizes[-2:] == [150, 150]
    train, val = Noting.seen[-1][1:]
    rows = StandardScaler().fit(X).transform(X)
    by_hand = clone(search.best_estimator_[-1]).set_params(validation_fraction=0.1).fit(
        rows[train], y[train], X_val=rows[val], y_val=y[val]
    )  # fmt: skip
    assert_same_training(search.best_estimator_[-1], by_hand)


@both
@pytest.mark.usefixtures("routing")
def test_groups_are_routed_by_cross_validate(Estimator, noting):
    mlp = stopping(Estimator, validation_fraction=noting).set_fit_request(groups=True)
    out = cross_validate(mlp, X, y_of(Estimator), cv=KFold(3), error_score="raise",
                         params={"groups": GROUPS})  # fmt: skip
    assert len(out["test_score"]) == 3
    assert_no_group_on_both_sides(3)


@both
def test_groups_without_routing(Estimator, noting):
    y = y_of(Estimator)
    mlp = stopping(Estimator, validation_fraction=noting)
    direct = clone(mlp).fit(X, y, groups=GROUPS)
    inside = Pipeline([("scale", "passthrough"), ("mlp", mlp)])
    inside.fit(X, y, mlp__groups=GROUPS)
    assert_same_training(direct, inside["mlp"])
    assert_no_group_on_both_sides(2)


@both
@pytest.mark.usefixtures("routing")
def test_groups_for_the_folds_of_a_search_are_no_matter_of_a_network(Estimator):
    """Which did not request them, and splits by a fraction: no error, no warning."""
    search = GridSearchCV(stopping(Estimator), {"alpha": [0.0]}, cv=GroupKFold(3),
                          error_score="raise")  # fmt: skip
    search.fit(X, y_of(Estimator), groups=GROUPS)
    assert search.best_estimator_.best_epoch_ >= 1


@both
def test_a_search_uses_the_last_split_of_each_fold(Estimator):
    y = y_of(Estimator)
    grid = {"validation_fraction": [0.2, TimeSeriesSplit(3)]}
    search = GridSearchCV(stopping(Estimator), grid, cv=TimeSeriesSplit(2),
                          error_score="raise", refit=False)  # fmt: skip
    search.fit(X, y)
    for fold, (train, test) in enumerate(TimeSeriesSplit(2).split(X)):
        *_, (rows, val) = TimeSeriesSplit(3).split(train)
        by_hand = stopping(Estimator).fit(
            X[train][rows], y[train][rows], X_val=X[train][val], y_val=y[train][val]
        )
        score = search.cv_results_[f"split{fold}_test_score"][1]
        assert score == by_hand.score(X[test], y[test])


# ------------------------------------------------------------- what cannot be used


class Fixed:
    """A splitter that answers what it is told."""

    def __init__(self, *splits):
        self.splits = splits

    def split(self, X, y=None, groups=None):
        return iter(self.splits)

    def get_n_splits(self, X=None, y=None, groups=None):
        return len(self.splits)

    def __repr__(self):
        return "Fixed(...)"


ALL = np.arange(150)


@both
@pytest.mark.parametrize(
    ("splitter", "match"),
    [
        (Fixed(), "validation_fraction=Fixed(...) makes no split"),
        (Fixed((ALL[:100], [])), "leaves no validation rows in its last split"),
        (Fixed(([], ALL[:100])), "leaves no training rows in its last split"),
        (Fixed((ALL < 0, ALL < 50)), "leaves no training rows"),
        (Fixed((ALL[:100], ALL[90:])), "10 rows in both, row 90 among them"),
        (Fixed((ALL[:100], ALL[100:] + 1)), "from 0 to 149. Got 150 among the valid"),
        (Fixed((ALL[:100] - 2, ALL[100:])), "from 0 to 149. Got -2 among the train"),
        (Fixed((ALL[:100], [120])), "set aside at least 2 rows. Its last split has 1"),
        (LeaveOneOut(), "set aside at least 2 rows. Its last split has 1"),
        (Fixed((ALL[:100], ALL[100:] / 1.0)), "of dtype float64 and shape (50,)"),
        (Fixed((ALL[:100, None], ALL[100:])), "of dtype int64 and shape (100, 1)"),
        (Fixed((ALL[:100], (ALL > 99)[1:])), "of dtype bool and shape (149,)"),
        (Fixed((ALL[:100], list("ab"))), "as a mask of 150 booleans. Got an array of"),
        (Fixed((ALL[:90], ALL[90:120], ALL[120:])), "must make splits that are pairs"),
        (Fixed(7), "must make splits that are pairs"),
        (TimeSeriesSplit(200), "cannot split X: Cannot have number of folds=201"),
        (PredefinedSplit([0, 0, -1]), "PredefinedSplit(...) describes 3 rows, but X"),
        (PredefinedSplit(np.r_[ALL, 0]), "describes 151 rows, but X has 150"),
        (GroupShuffleSplit(), "should not be None. Pass groups to fit; a search or"),
    ],
    ids=repr,
)
def test_splits_that_cannot_be_used_are_refused(Estimator, splitter, match):
    model = stopping(Estimator, validation_fraction=splitter)
    assert_fit_refused(match, model, X, y_of(Estimator))


@pytest.mark.parametrize(
    ("y", "match"),
    [
        (ALL >= 100, "training rows lack the classes [True]"),
        (np.where(ALL < 50, "a", "b"), "all validation rows are of class 'b'"),
        (ALL // 30, "training rows lack the classes [4]"),
        (np.digitize(ALL, [50, 110]), "training rows lack the classes [2]"),
    ],
)
def test_parts_without_the_classes_they_need_are_refused(y, match):
    """Time goes from one class to the next; its last 50 rows are set aside."""
    model = stopping(MLPClassifierX, validation_fraction=TimeSeriesSplit(2))
    assert_fit_refused(match, model, X, y)


def test_validation_rows_of_a_splitter_may_lack_a_class_of_several():
    """As those that are passed to fit may: loss and accuracy need no more."""
    val = np.flatnonzero(LABELS != "setosa")[:30]
    train = np.setdiff1d(ALL, val)
    model = stopping(MLPClassifierX, validation_fraction=Fixed((train, val)))
    assert model.fit(X, LABELS).best_epoch_ >= 1


@both
@pytest.mark.parametrize(
    "wrong", [5, "group", [1, 2], KFold, object(), 1.0, -0.1, None]
)
def test_what_is_neither_a_fraction_nor_a_splitter_is_refused(Estimator, wrong):
    message = assert_fit_refused(
        "The 'validation_fraction' parameter of",
        stopping(Estimator, validation_fraction=wrong), X, y_of(Estimator),
    )  # fmt: skip
    assert "'split' and 'get_n_splits'" in message
    assert ("Did you mean an object, KFold()?" in message) == (wrong is KFold)


@both
def test_groups_that_a_fraction_would_tear_apart_are_refused(Estimator):
    message = assert_fit_refused(
        "groups are passed to fit, but validation_fraction=0.1", stopping(Estimator),
        X, y_of(Estimator), groups=GROUPS,
    )  # fmt: skip
    assert "GroupShuffleSplit(test_size=0.1)" in message


@both
def test_groups_of_other_rows_are_refused(Estimator):
    assert_fit_refused(
        "groups must have one entry for each of the 150 rows of X. Got 149",
        stopping(Estimator, validation_fraction=GroupShuffleSplit()),
        X, y_of(Estimator), groups=GROUPS[1:],
    )  # fmt: skip


@both
def test_groups_that_cannot_be_compared_are_named(Estimator):
    message = assert_fit_refused(
        "must have no missing values",
        stopping(Estimator, validation_fraction=GroupShuffleSplit()),
        X, y_of(Estimator), groups=[None if g == 3 else str(g) for g in GROUPS],
    )  # fmt: skip
    assert "groups must have no missing values, and be of one type" in message


@both
def test_groups_without_effect_are_warned_of(Estimator):
    y = y_of(Estimator)
    with pytest.warns(UserWarning, match="no effect without early_stopping=True"):
        one = batched(Estimator).fit(X, y, groups=GROUPS)
    assert one.loss_curve_ == batched(Estimator).fit(X, y).loss_curve_
    own = {"X_val": X[:50], "y_val": y[:50]}
    with pytest.warns(UserWarning, match="no effect with X_val"):
        one = stopping(Estimator).fit(X, y, groups=GROUPS, **own)
    assert_same_training(one, stopping(Estimator).fit(X, y, **own))


# ------------------------------------------------------------------- by a fraction


def parts_of(y, fraction, seed=0, strata=True):
    """Return the numbers of the training and validation rows of a fraction."""
    y = np.asarray(y)
    data = TrainingSet(np.zeros((len(y), 1)), y)
    both = split(
        data, fraction, Given(None, None), y if strata else None,
        np.random.RandomState(seed),
    )  # fmt: skip
    return tuple(part.rows for part in both)


@pytest.mark.parametrize("strata", [False, True])
@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 1 / 3])
@pytest.mark.parametrize("n", [40, 97, 1000])
def test_a_fraction_that_is_large_enough_is_scikit_learns_split(strata, fraction, n):
    y = np.arange(n) % 3
    for seed in range(3):
        ours = parts_of(y, fraction, seed, strata)
        theirs = train_test_split(
            np.arange(n), test_size=fraction, random_state=np.random.RandomState(seed),
            stratify=y if strata else None,
        )  # fmt: skip
        for mine, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.3])
@pytest.mark.parametrize(
    "counts",
    [[2, 2], [18, 2], [7, 7, 6], [16, 2, 2], [2] * 9, [500, 3], [600, 5, 4, 3, 2]],
    ids=str,
)
def test_each_class_has_rows_in_both_parts(counts, fraction):
    """However rare it is, and no more rows than needed are set aside for it."""
    y = np.repeat(np.arange(len(counts)), counts)
    n = len(y)
    for seed in range(20):
        train, val = parts_of(y, fraction, seed)
        assert sorted([*train, *val]) == list(range(n))
        assert set(y[train]) == set(y[val]) == set(range(len(counts)))
        asked = max(int(np.ceil(fraction * n)), 2)
        assert asked <= len(val) <= asked + len(counts)
        assert len(val) >= len(counts)


def test_the_row_of_a_rare_class_is_drawn():
    y = np.r_[np.zeros(500, int), np.ones(6, int)]
    drawn = {int(row) for seed in range(40) for row in parts_of(y, 0.05, seed)[1]
             if y[row]}  # fmt: skip
    assert len(drawn) > 3


@pytest.mark.parametrize("n", [3, 4, 10, 19])
def test_few_rows_set_two_aside(n):
    train, val = parts_of(np.arange(n), 0.1, strata=False)
    assert (len(train), len(val)) == (n - 2, 2)


@both
@pytest.mark.parametrize("per_class", [2, 3, 5, 7])
@pytest.mark.parametrize("scoring", ["loss", None])
def test_small_data_are_fitted_at_the_defaults(Estimator, per_class, scoring):
    of_class = [np.flatnonzero(name == LABELS) for name in IRIS.target_names]
    some = np.concatenate([rows[:per_class] for rows in of_class])
    model = small(Estimator, early_stopping=True, scoring=scoring)
    model.fit(X[some], y_of(Estimator)[some])
    assert np.isfinite(model.validation_scores_).all()
    assert len(set(model.history_["validation_loss"])) > 1
