"""Class weights: the same as sample weights, and worth having."""

import inspect

import numpy as np
import pytest
from problems import DIGITS, IRIS, KINDS, LABELS, X, assert_fit_refused, batched, small
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import accuracy_score, balanced_accuracy_score, recall_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.estimators.base import MLP
from skoptnet.estimators.class_weights import ClassWeights, class_counts

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)

W = np.random.RandomState(0).uniform(0.1, 3, len(X))
TWO = np.where(IRIS.target == 1, "yes", "no")
UNEVEN = np.r_[0:50, 50:70, 100:140]  # of the iris rows: 50, 20 and 40 of a class
CASES = {
    "binary": (TWO, {"yes": 3.5, "no": 0.25}),
    "one named": (TWO, {"yes": 3.5}),
    "multiclass": (LABELS, {"setosa": 0.5, "versicolor": 2, "virginica": 7.5}),
    "numbers": (IRIS.target, {np.int64(0): 0.5, 2: np.float32(4)}),
    "multilabel": (KINDS, [{0: 1, 1: 3}, {0: 0.5, 1: 2}]),
    "empty": (LABELS, {}),
    **{
        f"balanced {name}": (y, "balanced")
        for name, y in {
            "binary": TWO,
            "multiclass": LABELS,
            "multilabel": KINDS,
        }.items()
    },
}
cases = pytest.mark.parametrize(("y", "class_weight"), CASES.values(), ids=CASES)


def by_hand(class_weight, y, sample_weight=None):
    """Return the weights that scikit-learn computes from the class weights."""
    w = compute_sample_weight(class_weight, y)
    return w if sample_weight is None else sample_weight * w


def balanced(y):
    """Return the weights that "balanced" stands for, as a dict."""
    classes = np.unique(y)
    weights = compute_class_weight("balanced", classes=classes, y=y)
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


def assert_same(one, other):
    assert one.loss_curve_ == other.loss_curve_
    for a, b in zip(one.coefs_, other.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("sample_weight", [None, W], ids=["alone", "with weights"])
@cases
@pytest.mark.each_value
def test_class_weights_are_sample_weights(y, class_weight, sample_weight, container):
    """Bit for bit, those of scikit-learn's compute_sample_weight."""
    w = None if sample_weight is None else sample_weight[UNEVEN]
    rows, y = container(X[UNEVEN]), y[UNEVEN]
    model = batched(MLPClassifierX)
    weighted = clone(model).set_params(class_weight=class_weight).fit(rows, y, w)
    assert_same(weighted, clone(model).fit(rows, y, by_hand(class_weight, y, w)))
    assert class_weight == {} or (
        weighted.loss_curve_ != clone(model).fit(rows, y, w).loss_curve_
    )


def test_weights_of_a_sparse_multilabel_matrix():
    model = batched(MLPClassifierX, class_weight="balanced")
    assert_same(clone(model).fit(X, csr_array(KINDS)), clone(model).fit(X, KINDS))


@pytest.mark.parametrize(("y", "class_weight"), [CASES[k] for k in list(CASES)[:5]])
def test_partial_fit_takes_dicts(y, class_weight):
    """Also where a call has not all of the classes."""
    classes = np.arange(2) if y.ndim == 2 else np.unique(y)
    model = batched(MLPClassifierX)
    one = clone(model).set_params(class_weight=class_weight)
    other, w = clone(model), by_hand(class_weight, y)
    for rows in (slice(0, 120), slice(30, 70), slice(0, 150)):
        one.partial_fit(X[rows], y[rows], classes)
        other.partial_fit(X[rows], y[rows], classes, sample_weight=w[rows])
    assert_same(one, other)


@pytest.mark.parametrize("fitted", [False, True])
def test_partial_fit_refuses_balanced_and_says_what_to_do(fitted):
    model = small(MLPClassifierX, class_weight="balanced")
    if fitted:
        model.fit(X, TWO)
    classes = np.unique(TWO)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(ValueError, match="not supported for partial_fit") as caught:
        model.partial_fit(X, TWO, classes)
    advice = str(caught.value).split("class_weight=")[-1].removesuffix(".")
    assert advice.startswith("dict(zip(classes, compute_class_weight(")
    names = {
        "compute_class_weight": compute_class_weight, "classes": classes, "y": TWO,
    }  # fmt: skip
    weights = eval(advice, names)
    one = small(MLPClassifierX, max_iter=1, class_weight=weights)
    other = small(MLPClassifierX, max_iter=1, class_weight="balanced")
    one.partial_fit(X, TWO, classes)
    assert_same(one, other.fit(X, TWO))


@pytest.mark.parametrize(
    ("class_weight", "y", "match"),
    [
        ("balansed", LABELS, "Did you mean 'balanced'?"),
        (3.0, LABELS, "The 'class_weight' parameter of MLPClassifierX must be"),
        ({"setosa": -1}, LABELS, "Got -1 for class 'setosa'"),
        ({"setosa": np.nan}, LABELS, "Got nan for class 'setosa'"),
        ({"setosa": np.inf}, LABELS, "Got inf for class 'setosa'"),
        ({"setosa": "2"}, LABELS, "Got '2' for class 'setosa'"),
        ({"setoza": 2}, LABELS, "names the classes ['setoza']"),
        ({"1": 2}, IRIS.target, "names the classes ['1']"),
        ([{"setosa": 2}], LABELS, "one dict, {class label: weight}"),
        ({1: 2}, KINDS, "a list of dicts, one per label"),
        ([{1: 2}], KINDS, "one dict per label: 2. Got 1"),
        ([{1: 2}, None], KINDS, "Got None instead"),
        ([{1: 2}, {5: 2}], KINDS, "names the classes [5]"),
        (dict.fromkeys(IRIS.target_names, 0), LABELS, "every training row"),
    ],
)
def test_weights_that_are_none_are_refused(class_weight, y, match):
    assert_fit_refused(match, small(MLPClassifierX, class_weight=class_weight), X, y)


def test_sample_weights_may_leave_only_classes_of_weight_zero():
    model = small(MLPClassifierX, class_weight={"yes": 0})
    assert_fit_refused(
        "every training row", model, X, TWO, sample_weight=1.0 * (TWO == "yes")
    )


def test_a_class_that_the_data_lack_may_have_a_weight():
    """Parts of the data in a cross-validation may."""
    rows = IRIS.target < 2
    weights = {"setosa": 2, "versicolor": 1, "virginica": 5}
    one = small(MLPClassifierX, class_weight=weights).fit(X[rows], LABELS[rows])
    del weights["virginica"]
    other = small(MLPClassifierX, class_weight=weights).fit(X[rows], LABELS[rows])
    assert_same(one, other)


def test_a_weight_of_zero_leaves_a_class_out():
    y = DIGITS.target[:500]
    rows = DIGITS.data[:500] / 16
    model = MLPClassifierX((20,), class_weight={3: 0}, max_iter=60, random_state=0,
                           learning_rate_init=0.01)  # fmt: skip
    predicted = model.fit(rows, y).predict(rows)
    assert (predicted != 3).all()
    assert (predicted == y)[y != 3].mean() > 0.95


def imbalanced():
    data, y = make_classification(
        2000, 10, n_informative=4, weights=[0.95], class_sep=0.7, random_state=3
    )
    return train_test_split(data, y, stratify=y, random_state=0)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_balanced_weights_find_the_rare_class(early_stopping):
    """Early stopping by default judges as training does, and does not undo it."""
    X_train, X_test, y_train, y_test = imbalanced()
    model = MLPClassifierX(
        (20,), early_stopping=early_stopping, validation_fraction=0.25,
        learning_rate_init=0.001, max_iter=100, random_state=0,
    )  # fmt: skip
    plain, balanced = (
        clone(model).set_params(class_weight=w).fit(X_train, y_train).predict(X_test)
        for w in (None, "balanced")
    )
    assert recall_score(y_test, balanced) > recall_score(y_test, plain) + 0.2
    assert balanced_accuracy_score(y_test, balanced) > (
        balanced_accuracy_score(y_test, plain) + 0.1
    )


@cases
def test_the_validation_loss_and_accuracy_count_class_weights(y, class_weight):
    """They are those of the weights by hand; a scorer sees sample weights alone."""
    X_val, y_val = X[UNEVEN], y[UNEVEN]
    model = small(MLPClassifierX, early_stopping=True, scoring=None, max_iter=8)
    own = {"X_val": X_val, "y_val": y_val, "sample_weight_val": W[UNEVEN]}
    weights = class_weight
    if weights == "balanced":  # of y, not of y_val
        weights = [balanced(column) for column in (y.T if y.ndim == 2 else [y])]
        weights = weights if y.ndim == 2 else weights[0]
    w_val = by_hand(weights, y_val, W[UNEVEN])
    weighted = clone(model).set_params(class_weight=class_weight).fit(X, y, W, **own)
    own["sample_weight_val"] = w_val
    other = clone(model).fit(X, y, by_hand(class_weight, y, W), **own)
    assert_same(weighted, other)
    assert weighted.validation_scores_ == other.validation_scores_
    np.testing.assert_allclose(
        weighted.history_["validation_loss"],
        other.history_["validation_loss"],
        rtol=1e-12,
    )
    assert weighted.best_validation_score_ == pytest.approx(
        accuracy_score(y_val, weighted.predict(X_val), sample_weight=w_val), rel=1e-12
    )
    del own["sample_weight_val"]
    weighted.set_params(scoring="accuracy").fit(X, y, W, **own)
    assert weighted.best_validation_score_ == weighted.score(X_val, y_val)


def test_the_split_counts_class_weights_too():
    X_train, _, y_train, _ = imbalanced()
    settings = {"early_stopping": True, "max_iter": 5}
    one = small(MLPClassifierX, class_weight="balanced", **settings)
    other = small(MLPClassifierX, **settings)
    one.fit(X_train, y_train)
    other.fit(X_train, y_train, compute_sample_weight("balanced", y_train))
    assert_same(one, other)
    assert one.validation_scores_ == other.validation_scores_


def test_class_weights_in_a_grid_search():
    X_train, _, y_train, _ = imbalanced()
    pipeline = make_pipeline(
        StandardScaler(),
        MLPClassifierX((10,), max_iter=15, learning_rate_init=0.01, random_state=0),
    )
    grid = {"mlpclassifierx__class_weight": [None, "balanced", {1: 20}]}
    search = GridSearchCV(pipeline, grid, scoring="recall", cv=3)
    search.fit(X_train, y_train)
    recalls = search.cv_results_["mean_test_score"]
    assert min(recalls[1:]) > recalls[0] + 0.2
    assert search.best_params_["mlpclassifierx__class_weight"] is not None


def rare_labels(n_labels, share=0.1, n=400):
    rng = np.random.RandomState(0)
    return rng.standard_normal((n, 3)), (rng.rand(n, n_labels) < share).astype(int)


def kish(w):
    return sum(w) ** 2 / sum(w * w)


@pytest.mark.parametrize("form", ["balanced", "dicts"])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_weights_of_many_labels_that_leave_few_rows_are_warned_of(container, form):
    rows, Y = rare_labels(12)
    dicts = [balanced(column) for column in Y.T]
    model = small(MLPClassifierX, class_weight=dicts)
    if form == "balanced":
        model.set_params(class_weight="balanced")
    counted = kish(by_hand("balanced", Y))
    assert counted < 0.1 * min(kish(by_hand("balanced", y)) for y in Y.T)
    says = rf"of the 400 rows on a few \(effective number of rows: {counted:.3g}\)"
    with pytest.warns(UserWarning, match=says) as caught:
        model.fit(rows, container(Y))
    assert [w.filename for w in caught if w.category is UserWarning] == [__file__]
    # A call of partial_fit knows only some of the rows.
    if form == "dicts":
        small(MLPClassifierX, class_weight=dicts).partial_fit(rows, Y, np.arange(12))


def test_labels_so_rare_that_even_one_leaves_few_rows():
    rng = np.random.RandomState(0)
    Y = np.zeros((2000, 200), int)
    for column in Y.T:
        column[rng.randint(1, 2000)] = 1
    Y[0] = 1
    counted = kish(by_hand("balanced", Y[:, :50]))
    assert counted < 2 < 5 < min(kish(by_hand("balanced", y)) for y in Y.T) < 10
    labels = [[0, 1]] * 200
    weights = ClassWeights("balanced", class_counts(Y, labels), labels, multilabel=True)
    with pytest.warns(UserWarning, match="effective number of rows: 1"):
        weights.warn_of_few_rows(Y)


def test_weights_that_leave_less_than_a_tenth_of_the_rows_are_warned_of():
    rows, Y = rare_labels(5, n=4000)
    counted = kish(by_hand("balanced", Y))
    assert 10 < counted < 0.1 * min(kish(by_hand("balanced", y)) for y in Y.T)
    with pytest.warns(UserWarning, match=f"number of rows: {counted:.3g}"):
        small(MLPClassifierX, class_weight="balanced").fit(rows, Y)


def test_weights_that_leave_enough_rows_are_not_warned_of():
    """Warnings are errors."""
    rows, Y = rare_labels(2)
    mild = [{0: 1.0, 1: 2.0}] * 12
    cases = [
        (Y, "balanced"),
        (rare_labels(12)[1], mild),
        (rare_labels(12, share=0.5)[1], "balanced"),
        (np.arange(400) % 100 == 0, "balanced"),
        (np.arange(800).reshape(400, 2) % 199 == 0, "balanced"),  # on other rows
        (np.r_[np.zeros(396), 1, 1, 2, 2], {0: 1e-6}),
    ]
    for y, weights in cases:
        small(MLPClassifierX, class_weight=weights).fit(rows, y)


def test_rows_are_counted_where_the_product_of_weights_underflows():
    """It is denormal, or 0 for every row."""
    Y, labels = rare_labels(3000)[1], [[0, 1]] * 3000
    counts = class_counts(Y, labels)
    for given in ("balanced", [{0: 1e-2, 1: 1.0}] * 3000):
        weights = ClassWeights(given, counts, labels, multilabel=True)
        assert np.prod(weights.of(Y), axis=0).max() < np.finfo(np.float64).tiny
        with pytest.warns(UserWarning, match="effective number of rows: 1"):
            weights.warn_of_few_rows(Y)


def test_dicts_are_not_changed():
    weights = {"yes": 3.0}
    model = small(MLPClassifierX, class_weight=weights).fit(X, TWO)
    assert model.class_weight is weights
    assert weights == {"yes": 3.0}


@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
def test_constructors_agree_in_what_both_take(Estimator):
    own = inspect.signature(Estimator).parameters
    shared = inspect.signature(MLP).parameters
    assert [name for name in own if name in shared] == list(shared)
    given = {name: object() for name in own}
    assert Estimator(**given).get_params(deep=False) == given
