"""Bad input is refused before work starts; bad luck leaves a model one can use.

Whatever is refused, nothing changes: not the estimator, not the model it held, not
what was passed in.
"""

from numbers import Integral

import numpy as np
import pandas as pd
import pytest
from problems import (
    ESTIMATORS,
    IRIS,
    KINDS,
    LABELS,
    NUMBERS,
    PARTS,
    X,
    assert_fit_refused,
    assert_refused,
    small,
    target,
)
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import Interval

from skoptnet import Adam, MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


# ------------------------------------------------------------------- parameters


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("parameter", "wrong", "right"),
    [
        ("solver", "nestrov", "nesterov"),
        ("solver", "RMSprop", "rmsprop"),
        ("activation", "sigmoid_", "logistic"),
        ("activation", "swish", "silu"),
        ("activation", "zigzag", None),
        ("lr_schedule", "cos", "cosine"),
        ("lr_schedule", "cosine_annealing", "cosine"),
        ("lr_schedule", "ReduceLROnPlateau", "plateau"),
        ("lr_schedule", "warm", "warmup"),
        ("solver", "ada", "adam"),
        ("solver", "rms", "rmsprop"),
        ("activation", "reLu", "relu"),
        ("lr_schedule", "exponentail", "exponential"),
        ("lr_schedule", "inverse-scaling", "invscaling"),
        ("lr_schedule", "zigzag", None),
        ("solver", "L-BFGS", "lbfgs"),
        *(
            (parameter, name.upper(), name)
            for parameter, registry in (
                ("solver", OPTIMIZERS),
                ("activation", ACTIVATIONS),
                ("lr_schedule", SCHEDULES),
            )
            for name in registry
        ),
    ],
)
@pytest.mark.each_value
def test_unknown_names_are_refused_and_the_nearest_is_offered(
    Estimator, parameter, wrong, right
):
    model = small(Estimator, **{parameter: wrong})
    message = assert_fit_refused(
        f"The {parameter!r} parameter of {Estimator.__name__} must be",
        model,
        X,
        target(Estimator),
    )
    assert f"Got {wrong!r} instead." in message
    if right is None:
        assert "Did you mean" not in message
    else:
        assert message.startswith(f"Did you mean {right!r}? The {parameter!r} ")
    registry = {
        "solver": OPTIMIZERS,
        "activation": ACTIVATIONS,
        "lr_schedule": SCHEDULES,
    }
    for name in registry[parameter]:
        assert repr(name) in message


@pytest.mark.parametrize(
    ("parameter", "Part"),
    [
        *(("solver", Part) for Part in OPTIMIZERS.values()),
        *(("lr_schedule", Part) for Part in SCHEDULES.values()),
        *(("activation", Part) for Part in ACTIVATIONS.values()),
    ],
)
def test_a_class_in_place_of_an_object_is_refused(parameter, Part):
    model = small(MLPRegressorX, **{parameter: Part})
    assert_fit_refused(f"Did you mean an object, {Part.__name__}()?", model, X, NUMBERS)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("rate", [-0.1, 0, 0.0, np.nan, np.inf, -np.inf, "atuo", None])
def test_rates_that_are_none_are_refused(Estimator, rate):
    message = assert_fit_refused(
        "The 'learning_rate_init' parameter of",
        small(Estimator, learning_rate_init=rate),
        X,
        target(Estimator),
    )
    assert "in the range (0.0, inf)" in message
    assert f"Got {rate!r} instead." in message


def outside(constraints):
    """Return values beside the allowed, for parameters that take numbers."""
    intervals = [c for c in constraints if isinstance(c, Interval)]
    for interval in intervals:
        yield np.nan
        yield "12"
        if list not in constraints:
            yield [1]
        if interval.left is not None:
            yield interval.left - 1
            if interval.closed not in ("left", "both"):
                yield interval.left
        if interval.right is not None:
            yield interval.right + 1
            if interval.closed not in ("right", "both"):
                yield interval.right
        if interval.type is Integral:
            yield 2.5
        elif interval.closed in ("left", "neither"):
            yield np.inf


def out_of_range(owner):
    taken = owner().get_params()  # ScheduleFreeAdamW takes no average
    for name, constraints in owner._parameter_constraints.items():
        if name in taken and name != "hidden_layer_sizes":  # which has its own test
            yield from ((name, value) for value in outside(constraints))


def refusal(owner, name, value):
    said = f"The {name!r} parameter of {owner.__name__} must be"
    return said, f"Got {value!r} instead.", "in the range"


OWNERS = [owner for owner in (*ESTIMATORS, *PARTS) if list(out_of_range(owner))]


@pytest.mark.parametrize("owner", OWNERS)
def test_numbers_out_of_range_are_refused(owner):
    """In the estimator, and in the solver and schedule objects it is given."""
    for name, value in out_of_range(owner):
        thing = owner(**{name: value})
        with pytest.raises(ValueError, match="parameter of") as caught:
            thing.check() if owner in PARTS else thing.fit(X, target(owner))
        for words in refusal(owner, name, value):
            assert words in str(caught.value)


def in_a_fit():
    """Yield one number of each part, and of each parameter of the estimators."""
    for owner in OWNERS:
        seen = set()
        for name, value in out_of_range(owner):
            what = owner if owner in PARTS else name
            marks = [pytest.mark.exhaustive] if what in seen else []
            seen.add(what)
            called = f"{owner.__name__}-{name}-{value}"
            yield pytest.param(owner, name, value, id=called, marks=marks)


@pytest.mark.parametrize(("owner", "name", "value"), [*in_a_fit()])
def test_a_fit_with_a_number_out_of_range_does_not_begin(owner, name, value):
    if owner in PARTS:
        model = small(MLPRegressorX, **{PARTS[owner]: owner(**{name: value})})
    else:
        model = small(owner, **{name: value})
    said, *more = refusal(owner, name, value)
    message = assert_fit_refused(said, model, X, target(type(model)))
    for words in more:
        assert words in message


def test_the_range_test_reaches_every_number():
    """It is drawn from the constraints; these are the parameters that have some."""
    reached = {name for E in ESTIMATORS for name, _ in out_of_range(E)}
    reached |= {"hidden_layer_sizes"}
    settings = {"activation", "solver", "lr_schedule", "random_state"}
    settings |= {"shuffle", "warm_start", "early_stopping", "verbose", "loss"}
    settings |= {
        "scoring",
        "return_train_score",
        "refit_all",
        "class_weight",
        "normalize_y",
        "input_scaling",
        "parametrization",
    }
    parameters = {name for E in ESTIMATORS for name in E().get_params()}
    assert reached == parameters - settings


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    "sizes",
    [(10, 0), (10.0,), "100", (-5,), [[10]], [10, "5"], 0, -3, 2.0, None, (np.nan,)],
    ids=repr,
)
def test_layer_sizes_that_are_none_are_refused(Estimator, sizes):
    message = assert_fit_refused(
        f"The 'hidden_layer_sizes' parameter of {Estimator.__name__} must be",
        small(Estimator).set_params(hidden_layer_sizes=sizes),
        X,
        target(Estimator),
    )
    assert "int" in message
    assert "in the range [1, inf)" in message
    assert f"Got {sizes!r} instead." in message


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("sizes", "layers"),
    [
        ((), []),
        ([], []),
        (7, [7]),
        (np.int64(7), [7]),
        ([3, 2], [3, 2]),
        (np.array([4]), [4]),
    ],
    ids=repr,
)
def test_layer_sizes_that_can_be_used(Estimator, sizes, layers):
    """No hidden layer is a linear model."""
    model = small(Estimator).set_params(hidden_layer_sizes=sizes)
    model.fit(X, target(Estimator))
    assert [W.shape[1] for W in model.coefs_[:-1]] == layers
    assert model.n_layers_ == len(layers) + 2
    if not layers and Estimator is MLPRegressorX:
        linear = X @ model.coefs_[0][:, 0] + model.intercepts_[0]
        assert np.allclose(model.predict(X), linear, rtol=1e-12)


def test_unknown_parameter_names_are_refused():
    model = small(MLPClassifierX, solver=Adam())
    for name in ("learning_rate", "solver__momentum", "nesterovs_momentum"):
        message = assert_refused(
            "Invalid parameter", "set_params", model=model, **{name: 0.1}
        )
        assert repr(name.split("__")[-1]) in message
    with pytest.raises(TypeError, match="learning_rate"):
        MLPClassifierX(learning_rate=0.1)
    with pytest.raises(TypeError, match="beta_3"):
        Adam(beta_3=0.1)


def test_nested_parameters_of_a_named_solver_are_refused():
    """A name has no hyperparameters of its own; the flat ones are meant."""
    model = small(MLPClassifierX, solver="adam")
    message = assert_refused(
        "'solver__beta_2' is a parameter of a solver object, but solver is the name"
        " 'adam'. Set 'beta_2' of MLPClassifierX itself",
        "set_params",
        model=model,
        solver__beta_2=0.9,
    )
    assert "as an object" in message
    model.set_params(solver=Adam(), solver__beta_2=0.9)
    assert model.solver.beta_2 == 0.9


# ------------------------------------------------------------------------- data


def with_one(array, value):
    array = np.array(array, dtype=float)
    array[3, ...] = value
    return array


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("container", [np.asarray, csr_array, pd.DataFrame])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite_are_refused(Estimator, container, value):
    bad = X.copy()
    bad[7, 1] = value
    message = assert_fit_refused(
        "Input X contains",
        small(Estimator),
        container(bad),
        target(Estimator),
    )
    assert ("NaN" if np.isnan(value) else "infinity") in message
    y = target(Estimator)
    model = small(Estimator).fit(X, y)
    assert_refused("Input X contains", "predict", bad, model=model)
    assert_refused("Input X contains", "partial_fit", bad, y, model=model)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_targets_that_are_not_finite_are_refused(value):
    found = "NaN" if np.isnan(value) else "infinity"
    for y in (with_one(NUMBERS, value), with_one(X[:, :2], value)):
        message = assert_fit_refused("Input y contains", small(MLPRegressorX), X, y)
        assert found in message
    message = assert_fit_refused(
        "Input y contains",
        small(MLPClassifierX),
        X,
        with_one(IRIS.target, value),
    )
    assert found in message


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.empty((0, 4)), "Found array with 0 sample(s)"),
        (np.empty((150, 0)), "Found array with 0 feature(s)"),
        (X[:, 0], "Expected 2D array, got 1D array instead"),
        (X[:, :, None], "Found array with dim 3"),
        (X[:149], "inconsistent numbers of samples: [149, 150]"),
        (X.astype(str).astype(object) + "a", "could not convert string to float"),
    ],
    ids=["no rows", "no columns", "1-D", "3-D", "one short", "strings"],
)
def test_rows_of_another_shape_are_refused(Estimator, rows, says):
    y = target(Estimator)[: len(rows)] if len(rows) == 0 else target(Estimator)
    assert_fit_refused(says, small(Estimator), rows, y)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predicting_from_other_columns_is_refused(Estimator):
    named = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = small(Estimator).fit(named, target(Estimator))
    methods = [m for m in ("predict", "predict_proba") if hasattr(model, m)]
    for method in methods:
        message = assert_refused(
            "feature names should match",
            method,
            named.rename(columns={"d": "e"}),
            model=model,
        )
        assert "- e" in message
        assert "- d" in message
        assert_refused(
            "Feature names must be in the same order",
            method,
            named[["b", "a", "c", "d"]],
            model=model,
        )
    unnamed = small(Estimator).fit(X, target(Estimator))
    for method in methods:
        assert_refused(
            f"X has 3 features, but {Estimator.__name__} is expecting 4 features",
            method,
            X[:, :3],
            model=unnamed,
        )


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_predicting_before_fitting_is_refused(Estimator):
    model = small(Estimator)
    for method in ("predict", "predict_proba", "predict_log_proba", "score"):
        if not hasattr(model, method):
            continue
        passed = (X, target(Estimator)) if method == "score" else (X,)
        assert_refused(
            f"This {Estimator.__name__} instance is not fitted yet",
            method,
            *passed,
            model=model,
            error=NotFittedError,
        )
    for name in ("coefs_", "intercepts_"):
        assert not hasattr(model, name)


def test_one_class_is_refused_unless_others_are_declared():
    one = np.full(len(X), "only")
    message = assert_fit_refused(
        "MLPClassifierX needs at least 2 classes; y has 1 class",
        small(MLPClassifierX),
        X,
        one,
    )
    assert "only" in message
    assert_refused(
        "at least 2 classes",
        "partial_fit",
        X,
        one,
        classes=["only"],
        model=small(MLPClassifierX),
    )
    model = small(MLPClassifierX).partial_fit(X, one, classes=["only", "other"])
    assert model.predict_proba(X).shape == (150, 2)
    assert set(model.predict(X)) <= {"only", "other"}


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (NUMBERS, "Unknown label type: continuous"),
        (np.column_stack([IRIS.target, IRIS.target]), "multiclass-multioutput"),
        (np.column_stack([NUMBERS, NUMBERS]), "continuous-multioutput"),
    ],
    ids=["continuous", "multiclass-multioutput", "continuous-multioutput"],
)
def test_targets_that_are_no_classes_are_refused(y, says):
    assert_fit_refused(says, small(MLPClassifierX), X, y)


def test_labels_are_no_numbers():
    assert_fit_refused("could not convert string", small(MLPRegressorX), X, LABELS)


# ---------------------------------------------------------------------- weights


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.zeros(150), "sample_weight must not be zero for all rows"),
        (np.r_[-1.5, np.ones(149)], "sample_weight must not be negative. Got -1.5"),
        (np.ones(149), "inconsistent numbers of samples: [150, 149]"),
        (np.ones((150, 1)), "sample_weight must have shape (150,). Got (150, 1)"),
        (np.r_[np.nan, np.ones(149)], "Input sample_weight contains NaN"),
        (np.r_[np.inf, np.ones(149)], "Input sample_weight contains infinity"),
        (2.0, "sample_weight"),
    ],
    ids=["zero", "negative", "short", "2-D", "nan", "inf", "scalar"],
)
def test_weights_that_are_none_are_refused(Estimator, weights, says):
    y = target(Estimator)
    kinds = {"error": (ValueError, TypeError), "sample_weight": weights}
    assert_fit_refused(says, small(Estimator), X, y, **kinds)
    model = small(Estimator).fit(X, y)
    assert_refused(says, "partial_fit", X, y, model=model, **kinds)


def test_columns_of_a_multilabel_target_may_have_any_names():
    """They are given again in later calls, as many as in the first."""
    model = small(MLPClassifierX)
    for _ in range(2):
        model.partial_fit(X, KINDS, classes=["wide", "long"])
    assert_refused("is not the same", "partial_fit", X, KINDS, ["wide"], model=model)


# ------------------------------------------------------------- early stopping


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(("n", "fraction"), [(2, 0.1), (1, 0.5), (2, 0.9), (150, 0.0)])
def test_validation_sets_that_are_too_small_are_refused(Estimator, n, fraction):
    """There are too few rows for any fraction, or none are to be set aside."""
    model = small(Estimator, early_stopping=True, validation_fraction=fraction)
    y = KINDS if Estimator is MLPClassifierX else NUMBERS
    some = np.linspace(0, 149, n).astype(int)
    message = assert_fit_refused(
        "The validation set is too small. Increase 'validation_fraction' or the size"
        " of your dataset",
        model,
        X[some],
        y[some],
    )
    assert "at least 2 validation and 1 training rows. Got" in message
    assert f"validation_fraction={fraction} of n_samples={n}" in message


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize(("n", "fraction"), [(3, 0.9), (75, 0.97)])
def test_fractions_that_leave_too_few_training_rows_are_refused(Estimator, n, fraction):
    few = n == 3
    some = np.linspace(0, 149, n).astype(int)
    y = (KINDS if few else LABELS) if Estimator is MLPClassifierX else NUMBERS
    if few or Estimator is MLPClassifierX:
        message = assert_fit_refused(
            "The training set is too small. Decrease 'validation_fraction'",
            small(Estimator, early_stopping=True, validation_fraction=fraction),
            X[some], y[some],
        )  # fmt: skip
        assert f"of n_samples={n}, which leaves {0 if few else 2}." in message
        assert ("a row of each of the 3 classes" in message) != few


def test_a_class_with_one_member_cannot_be_split():
    rare = LABELS.astype(object)
    rare[5] = "rara avis"
    message = assert_fit_refused(
        "have only 1 member", small(MLPClassifierX, early_stopping=True), X, rare
    )
    assert "rara avis" in message
    assert "versicolor" not in message


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("row", [0, 60, 110])
def test_a_part_of_the_split_without_weight_is_refused(Estimator, row):
    """One row with weight is on one side only."""
    weights = np.zeros(150)
    weights[row] = 1
    message = assert_fit_refused(
        "rows of the early-stopping split have sample_weight zero",
        small(Estimator, early_stopping=True),
        X,
        target(Estimator),
        sample_weight=weights,
    )
    assert "'validation_fraction' or 'random_state'" in message


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_partial_fit_is_absent_under_early_stopping(Estimator):
    model = small(Estimator, early_stopping=True)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(ValueError, match="does not support early_stopping=True"):
        model.partial_fit(X, target(Estimator))


# ------------------------------------------------------------------ going on


def test_partial_fit_without_classes_is_refused():
    model = small(MLPClassifierX)
    assert_refused("classes must be passed", "partial_fit", X, LABELS, model=model)
    assert_refused("classes must be passed", "partial_fit", X, KINDS, model=model)


@pytest.mark.parametrize(
    "classes",
    [["setosa", "versicolor"], ["setosa", "versicolor", "virginica", "iris"], [0, 1]],
    ids=["fewer", "more", "other"],
)
def test_partial_fit_with_other_classes_is_refused(classes):
    model = small(MLPClassifierX).partial_fit(X, LABELS, classes=np.unique(LABELS))
    message = assert_refused(
        "is not the same as on the first call to partial_fit",
        "partial_fit",
        X,
        LABELS,
        classes=classes,
        model=model,
    )
    assert "virginica" in message


def test_partial_fit_with_labels_outside_the_classes_is_refused():
    classes = ["setosa", "versicolor"]
    model = small(MLPClassifierX)
    says = "`y` has classes not in `self.classes_`"
    assert_refused(says, "partial_fit", X, LABELS, classes=classes, model=model)
    model.partial_fit(X[:100], LABELS[:100], classes=classes)
    message = assert_refused(says, "partial_fit", X, LABELS, model=model)
    assert "virginica" in message


def test_partial_fit_names_each_column_of_a_multilabel_target():
    message = assert_refused(
        "classes must name each of the 2 columns",
        "partial_fit",
        X,
        KINDS,
        classes=[0, 1, 2],
        model=small(MLPClassifierX),
    )
    assert "[0, 1, 2]" in message


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_other_columns_is_refused(Estimator, method):
    model = small(Estimator, warm_start=True).fit(X, target(Estimator))
    says = f"X has 2 features, but {Estimator.__name__} is expecting 4 features"
    assert_refused(says, method, X[:, :2], target(Estimator), model=model)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_other_layers_is_refused(Estimator, method):
    model = small(Estimator, warm_start=True).fit(X, target(Estimator))
    model.set_params(hidden_layer_sizes=(6,))
    message = assert_refused(
        "'hidden_layer_sizes'", method, X, target(Estimator), model=model
    )
    assert "(4, 5, " in message
    assert "(4, 6, " in message


def test_warm_start_with_other_classes_is_refused():
    model = small(MLPClassifierX, warm_start=True).fit(X, LABELS)
    for y in (IRIS.target, np.where(LABELS == "setosa", "lily", LABELS)):
        assert_refused("warm_start can only be used where", "fit", X, y, model=model)
    message = assert_refused(
        "warm_start can only be used where", "fit", X[:100], LABELS[:100], model=model
    )
    assert "virginica" in message


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("Estimator", "first", "second", "says"),
    [
        (
            MLPClassifierX,
            LABELS,
            KINDS,
            "training a model for one label per row, but y is now",
        ),
        (
            MLPClassifierX,
            KINDS,
            LABELS,
            "training a model for multilabel, but y is now",
        ),
        (MLPClassifierX, KINDS, np.c_[KINDS, KINDS], "(4, 5, 2)"),
        (MLPRegressorX, NUMBERS, X[:, :2], "(4, 5, 1)"),
        (MLPRegressorX, X[:, :2], NUMBERS, "(4, 5, 2)"),
    ],
)
def test_going_on_with_another_kind_of_target_is_refused(
    method, Estimator, first, second, says
):
    model = small(Estimator, warm_start=True).fit(X, first)
    assert_refused(says, method, X, second, model=model)
