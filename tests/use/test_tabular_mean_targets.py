"""Target encoding of categories, beside scikit-learn's encoder and for groups."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from preprocessed import fitted, object_array
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.preprocessing import TargetEncoder

from skoptnet import TabularMLPRegressor, TabularPreprocessor
from skoptnet.tabular.folds import Fold
from skoptnet.tabular.mean_targets import MeanTargets, Targets
from skoptnet.tabular.smooth_clip import RobustSmoothClipper

RNG = np.random.RandomState(0)
N = 240
CODES = RNG.randint(0, 30, (N, 2))
CLASSES = np.array(["cat", "dog", "emu"])[(CODES[:, 0] + RNG.randint(0, 3, N)) % 3]
KINDS = {
    "continuous": CODES.sum(axis=1) + RNG.randn(N),
    "binary": CLASSES == "dog",
    "multiclass": CLASSES,
}
ALL = np.ones(N, dtype=bool)
each_kind = pytest.mark.parametrize("kind", list(KINDS))


def folds_of(splitter):
    return [Fold(*split) for split in splitter.split(CODES)]


def by_scikit_learn(kind, train, rows):
    encoder = TargetEncoder(target_type=kind).fit(CODES[train], KINDS[kind][train])
    return encoder.transform(CODES[rows])


@each_kind
@pytest.mark.parametrize("inferred", [False, True])
def test_rows_held_out_are_encoded_by_the_others(kind, inferred):
    folds = folds_of(KFold(4, shuffle=True, random_state=0))
    targets = Targets.of(KINDS[kind], None if inferred else kind, folds)
    encoder = MeanTargets()
    Z = encoder.fit_transform(CODES, targets, ALL)
    expected = np.empty(Z.shape)
    for train, held_out in folds:
        expected[held_out] = by_scikit_learn(kind, train, held_out)
    clipper = RobustSmoothClipper().fit(expected)
    assert_allclose(Z, clipper.transform(expected), rtol=1e-9)
    for new in (CODES, np.array([[99, -1]])):
        whole = TargetEncoder(target_type=kind).fit(CODES, KINDS[kind]).transform(new)
        assert_allclose(encoder.transform(new), clipper.transform(whole), rtol=1e-9)
    names = encoder.names(np.array(["a", "b"]))
    ends = [f"target_{c}" for c in np.unique(CLASSES)]
    ends = ends if kind == "multiclass" else ["target"]
    assert names == [f"{name}_{end}" for name in "ab" for end in ends]


def encoded(y, kind, folds):
    """Return the mean targets before they are scaled and clipped."""
    encoder = MeanTargets()
    Z = encoder.fit_transform(CODES, Targets.of(y, kind, folds), ALL)
    clipper = encoder.clipper
    return Z / np.sqrt(1 - (Z / 3) ** 2) * clipper.scale_ + clipper.center_


@each_kind
def test_the_target_of_a_row_has_no_influence_on_its_columns(kind):
    """Whether or not a fold holds it out."""
    folds = folds_of(ShuffleSplit(2, test_size=0.2, random_state=0))
    held_out = np.unique(np.concatenate([fold.held_out for fold in folds]))
    y = KINDS[kind]
    before = encoded(y, kind, folds)
    for row in (held_out[5], np.setdiff1d(np.arange(N), held_out)[5]):
        changed = y.copy()
        changed[row] = next(other for other in y if other != y[row])
        after = encoded(changed, kind, folds)
        assert_allclose(after[row], before[row], rtol=1e-9)
        assert not np.allclose(after, before)


@each_kind
def test_rows_without_weight_have_no_influence(kind):
    """Not by their targets, and not by values that only they have."""
    has_weight = RNG.uniform(size=N) < 0.7
    y = KINDS[kind].copy()
    folds = folds_of(KFold(3, shuffle=True, random_state=1))
    before, after = MeanTargets(), MeanTargets()
    Z = before.fit_transform(CODES, Targets.of(y, kind, folds), has_weight)
    y[~has_weight] = 50 if kind == "continuous" else y[~has_weight][::-1]
    Z_after = after.fit_transform(CODES, Targets.of(y, kind, folds), has_weight)
    assert_array_equal(Z_after, Z)
    assert_array_equal(after.transform(CODES), before.transform(CODES))


def test_weights_of_zero_in_the_preprocessor():
    X = np.array([f"v{code}" for code in CODES[:, 0]], dtype=object)[:, np.newaxis]
    w = (np.arange(N) % 4 > 0).astype(float)
    settings = {"max_categories": 5, "target_encoding": True, "random_state": 0}
    y = KINDS["continuous"]
    Z = TabularPreprocessor(**settings).fit_transform(X, y, w)
    other = TabularPreprocessor(**settings).fit_transform(X, y + 100 * (w == 0), w)
    assert_array_equal(other, Z)


def test_groups_are_not_known_to_the_networks_that_hold_them_out():
    """Each person has a level, of which nothing is known for new persons."""
    person = np.repeat(np.arange(60), 8)
    level = RNG.randn(120)
    X = np.array([f"p{i}" for i in person], dtype=object)[:, np.newaxis]
    X = np.column_stack([X, RNG.randn(480).astype(object)])
    y = level[person] + 0.1 * RNG.randn(480)
    model = TabularMLPRegressor(
        (16,), cv=GroupKFold(3), max_categories=20, max_iter=15, random_state=0
    ).fit(X, y, groups=person)
    assert "x0_target" in model.preprocessor_.get_feature_names_out()
    new = np.repeat(np.arange(60, 120), 8)
    X_new = X.copy()
    X_new[:, 0] = [f"p{i}" for i in new]
    score = r2_score(level[new], model.predict(X_new))
    assert abs(score) < 0.2
    assert model.oof_score_ < 0.2
    # Folds that ignore the persons know each from its other rows.
    shuffled = model.set_params(cv=3).fit(X, y)
    assert shuffled.oof_score_ > 0.8


@pytest.mark.parametrize(
    ("y", "kind", "says"),
    [
        (CLASSES, "continuous", "Got multiclass targets for target_encoding='contin"),
        (KINDS["continuous"], "multiclass", "Got continuous targets"),
        (np.eye(3, dtype=int), None, "Got multilabel-indicator targets"),
        (np.ones((3, 2)) / 3, None, "Got continuous-multioutput targets"),
        (CLASSES, "binary", "Got 3. Set target_encoding='multiclass'"),
    ],
)
def test_other_targets_are_refused(y, kind, says):
    X = np.arange(len(y), dtype=float)[:, np.newaxis]
    preprocessor = TabularPreprocessor(target_encoding=kind or True)
    with pytest.raises(ValueError, match=says):
        preprocessor.fit(X, y)


# In the preprocessor


def many(n=300):
    codes = np.random.RandomState(1).randint(0, 40, n)
    return object_array({"a": [f"v{c:02}" for c in codes], "b": list(range(n))}), codes


def test_target_encoding_by_hand():
    X, codes = many()
    y = codes + RNG.randn(len(codes))
    settings = {"max_categories": 20, "dtype": "float64"}
    preprocessor = fitted(X, y, target_encoding=True, **settings)
    assert preprocessor.get_feature_names_out()[-1] == "x0_target"
    Z = preprocessor.transform(X)
    encoded = TargetEncoder().fit(X[:, :1], y).transform(X[:, :1])
    found = np.unique(np.column_stack([encoded, Z[:, -1:]]).round(9), axis=0)
    assert len(found) == len(set(codes))  # one rising curve
    assert (np.diff(found[:, 1]) > 0).all()
    plain = fitted(X, **settings)
    assert_array_equal(plain.transform(X), Z[:, :-1])


@pytest.mark.parametrize("kind", [True, "continuous", "binary", "multiclass"])
def test_target_encoding_of_training_rows_is_cross_fitted(kind):
    X, codes = many()
    y = RNG.randint(0, 3 if kind == "multiclass" else 2, len(codes))
    settings = {"target_encoding": kind, "max_categories": 20, "random_state": 0}
    preprocessor = TabularPreprocessor(**settings)
    Z = preprocessor.fit_transform(X, y)
    again = TabularPreprocessor(**settings)
    assert_array_equal(again.fit_transform(X, y), Z)
    same = fitted(X, y, **settings)
    assert_array_equal(same.transform(X), preprocessor.transform(X))
    assert_array_equal(pickle.loads(pickle.dumps(same)).transform(X), same.transform(X))
    width = 3 if kind == "multiclass" else 1
    assert np.abs(Z - same.transform(X))[:, :-width].max() == 0
    names = same.get_feature_names_out()[-width:].tolist()
    assert names == (
        ["x0_target_0", "x0_target_1", "x0_target_2"] if width == 3 else ["x0_target"]
    )
    # Targets that are noise have nothing to do with what is learnt from other rows.
    encoded, naive = Z[:, -1], same.transform(X)[:, -1]
    assert abs(np.corrcoef(encoded, y == y.max())[0, 1]) < 0.2
    assert np.corrcoef(naive, y == y.max())[0, 1] > 0.25


def test_target_encoding_needs_targets():
    X, _ = many()
    with pytest.raises(
        ValueError, match=r"target_encoding=True of Tabular.* requires y"
    ):
        TabularPreprocessor(target_encoding=True).fit(X)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted(X, [1.0, 2.0], target_encoding="continuous", max_categories=20)


def test_target_encoding_of_few_values_does_nothing():
    X = object_array()
    y = np.arange(len(X)) * 1.5
    Z = TabularPreprocessor(target_encoding=True).fit_transform(X, y)
    assert_array_equal(Z, fitted(X).transform(X))


@pytest.mark.parametrize("n", [2, 3, 4])
def test_target_encoding_of_few_rows(n):
    X = object_array({"c": list("abcd")[:n], "d": [1.0, 2.0, 3.0, 4.0][:n]})
    settings = {"max_categories": 2, "target_encoding": "continuous"}
    Z = TabularPreprocessor(**settings, random_state=0).fit_transform(X, np.arange(n))
    assert np.isfinite(Z).all()
