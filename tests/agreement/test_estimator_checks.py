"""scikit-learn's estimator checks: every solver, and settings beside the defaults.

A plain run has every check for both estimators with the textbook's solvers and with one
of each other kind, and every check once for the settings beside the defaults.

What is left out for one setting, because it contradicts that setting's meaning, stands
beside its reason and beside the test that holds instead. `early_stopping=True` at its
defaults is what people set, so there the checks that cannot hold are named as expected
failures.
"""

import numpy as np
import pytest
from problems import SOME_SOLVERS, checks_by_name, checks_of, with_checks
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import ShuffleSplit
from sklearn.preprocessing import scale
from sklearn.utils import estimator_checks, get_tags

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.losses import REGRESSION_LOSSES
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.schedules import Warmup

ESTIMATORS = (MLPClassifierX, MLPRegressorX)

# The checks say nothing about convergence: their data are too few rows to converge on,
# or so far from standardised that a default rate is too high, of which a
# ConvergenceWarning tells, as it should.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def each(solvers):
    return [E(solver=solver) for E in ESTIMATORS for solver in solvers]


@checks_of(
    each(SOME_SOLVERS), exhaustive=each(sorted(OPTIMIZERS.keys() - SOME_SOLVERS))
)
def test_every_solver(estimator, check):
    check(estimator)


REAL_TARGETS = sorted(REGRESSION_LOSSES.keys() - {"poisson", "gamma"})
# An L-BFGS follows separable classes until their probabilities are 0 or 1 to the last
# digit, where two checks want more; log-probabilities are finite there, as
# test_sklearn_faults.py has it. And its hundreds of iterations amplify the rounding in
# which weighted rows and repeated rows differ. With a penalty and few iterations there
# is no such thing.
AFTER_MANY_ITERATIONS = (
    "check_classifiers_train",
    "check_classifiers_multilabel_output_format_predict_proba",
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


@checks_of(
    [E(solver="lbfgs") for E in ESTIMATORS], without=AFTER_MANY_ITERATIONS, in_turn=True
)
def test_lbfgs(estimator, check):
    check(estimator)


@checks_of(
    [E(solver="lbfgs", alpha=0.1, max_iter=20) for E in ESTIMATORS], in_turn=True
)
def test_lbfgs_with_a_penalty_and_few_iterations(estimator, check):
    check(estimator)


@checks_of(
    [
        *(MLPRegressorX(loss=loss) for loss in REAL_TARGETS),
        MLPClassifierX(label_smoothing=0.1),
    ],
    in_turn=True,
)
def test_every_loss(estimator, check):
    check(estimator)


# This one has negative targets, whatever the tags say; test_losses.py fits several
# targets of every loss.
@checks_of(
    [
        MLPRegressorX(loss="poisson"),
        # At the default rate the first outputs, of another scale than the targets,
        # leave Adam with large second moments, and R2 does not reach 0.5 in time.
        MLPRegressorX(loss="gamma", learning_rate_init=0.03),
    ],
    without=["check_regressor_multioutput"],
    in_turn=True,
)
def test_losses_of_positive_targets(estimator, check):
    assert get_tags(estimator).target_tags.positive_only
    check(estimator)


SOME_SCHEDULES = ["step", "exponential", "adaptive", "one_cycle"]
SOME_SCHEDULES += [Warmup("plateau", epochs=2)]


@checks_of(
    [
        Estimator(lr_schedule=schedule, learning_rate_init=0.01)
        for Estimator in ESTIMATORS
        for schedule in SOME_SCHEDULES
    ],
    in_turn=True,
)
def test_schedules(estimator, check):
    check(estimator)


# Weighted rows and repeated rows are the same objective, but not the same training
# where rows are drawn: minibatches of 5 hold other rows, and a split of repeated rows
# can put copies of one row on both sides. The tests at the foot hold instead.
ROWS_ARE_DRAWN = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)


# The rate falls with the number of rows seen, whatever their weight, as scikit-learn's
# does: test_sklearn_parity.py has that under sample weights.
@checks_of(
    [
        Estimator(lr_schedule="invscaling", learning_rate_init=0.01)
        for Estimator in ESTIMATORS
    ],
    without=ROWS_ARE_DRAWN,
    in_turn=True,
)
def test_inverse_scaling(estimator, check):
    check(estimator)


@checks_of([E(l1_ratio=0.5, alpha=0.01) for E in ESTIMATORS], in_turn=True)
def test_l1(estimator, check):
    check(estimator)


@checks_of(
    [
        E(input_scaling=True, parametrization="ntk", learning_rate_init=0.05)
        for E in ESTIMATORS
    ],
    in_turn=True,
)
def test_scaling_layer_and_ntk_parametrization(estimator, check):
    check(estimator)


# Of a copy of a row, other units are left out. In test_dropout.py, gradients under
# weights are held to numerical derivatives.
@checks_of([E(dropout=0.2) for E in ESTIMATORS], without=ROWS_ARE_DRAWN, in_turn=True)
def test_dropout(estimator, check):
    check(estimator)


# "balanced" counts rows, so it does not weigh a weighted row as repeated ones; that of
# scikit-learn's other classifiers does neither.
@checks_of([MLPClassifierX(class_weight="balanced")], without=ROWS_ARE_DRAWN)
def test_class_weights(estimator, check):
    check(estimator)


@with_checks(
    [E(early_stopping=True) for E in ESTIMATORS],
    expected_failed_checks=lambda _: dict.fromkeys(
        ROWS_ARE_DRAWN,
        "a row that is repeated may be drawn for training and for validation, a row"
        " with a weight only for one of them",
    ),
)
@pytest.mark.once
def test_early_stopping_at_its_defaults(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("name", ["dense", "sparse"])
def test_repeated_rows_are_drawn_for_both_parts(Estimator, name):
    """The expected failures above are failures, and for the reason that they give.

    With validation rows that are passed to fit, none is drawn, and the checks hold.
    """
    check = f"check_sample_weight_equivalence_on_{name}_data"
    check = getattr(estimator_checks, check)
    with pytest.raises(AssertionError, match="not equivalent to fitting with removed"):
        check(Estimator.__name__, Estimator(early_stopping=True))

    class OnOwnRows(Estimator):
        def fit(self, X, y, sample_weight=None):
            rows = np.linspace(-1, 1, 10 * X.shape[1]).reshape(10, -1)
            truth = np.resize(np.unique(y), 10)
            return super().fit(X, y, sample_weight, X_val=rows, y_val=truth)

    check("OnOwnRows", OnOwnRows(early_stopping=True))


@checks_of(
    [
        *(
            E(early_stopping=True, scoring=None, learning_rate_init=0.03)
            for E in ESTIMATORS
        ),
        *(E(early_stopping=True, validation_fraction=0.3) for E in ESTIMATORS),
        MLPRegressorX(
            early_stopping=True, validation_fraction=ShuffleSplit(2, test_size=0.3)
        ),
        # Few units and epochs, since small batches make many updates.
        *(
            E((20,), batch_size=5, learning_rate_init=0.01, max_iter=40)
            for E in ESTIMATORS
        ),
    ],
    without=ROWS_ARE_DRAWN,
    in_turn=True,
)
def test_early_stopping_and_small_batches(estimator, check):
    check(estimator)


# Some checks fit one object twice and expect equal results, which a warm start gives
# where the first fit has reached the optimum. So: a linear model, whose objective is
# convex and, with alpha, strictly so in the weights; all rows in one batch, so that
# the optimum is a fixed point of the updates; and AdaGrad, whose steps suit features
# of any scale and whose rates settle, so that it gets there to rounding. tol=0 leaves
# no improvement out; ten epochs of rounding noise end the training.
CONVERGING = dict(  # noqa: C408
    hidden_layer_sizes=(),
    solver="adagrad",
    learning_rate_init=0.5,
    alpha=1.0,
    tol=0,
    max_iter=2000,
)


@checks_of([E(warm_start=True, **CONVERGING) for E in ESTIMATORS], in_turn=True)
@pytest.mark.once
def test_warm_start_at_the_optimum(estimator, check):
    check(estimator)


# These two fit the same object again and expect the first results; a warm start that
# has not converged goes on to others, which is what it is for.
FITTED_TWICE = (
    "check_supervised_y_2d",
    "check_classifiers_multilabel_representation_invariance",
)


@checks_of([E(warm_start=True) for E in ESTIMATORS], without=FITTED_TWICE, in_turn=True)
def test_warm_start_with_defaults(estimator, check):
    check(estimator)


def test_the_checks_that_fit_twice_tell_a_warm_start_that_has_not_converged():
    """They are left out above because they fail, not because they might."""
    for name, Estimator in zip(FITTED_TWICE, reversed(ESTIMATORS), strict=True):
        check = getattr(estimator_checks, name)
        with pytest.raises(AssertionError):
            check(Estimator.__name__, Estimator(warm_start=True, max_iter=20))


@checks_by_name([E() for E in ESTIMATORS])
def test_checks_of_scikit_learns_own(estimator, check):
    check(estimator)


@pytest.mark.parametrize("Part", list(OPTIMIZERS.values()), ids=list(OPTIMIZERS))
def test_solver_objects_pass_the_checks_of_parameters(Part):
    """Optimizers are no estimators, but are cloned and searched as such."""
    for name in (
        "check_estimator_repr",
        "check_no_attributes_set_in_init",
        "check_get_params_invariance",
        "check_set_params",
    ):
        getattr(estimator_checks, name)(Part.__name__, Part())


# The tags are claims; these keep them.


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_tags_claim_full_service(Estimator):
    tags = get_tags(Estimator())
    assert tags.input_tags.sparse
    assert not tags.input_tags.allow_nan
    assert tags.target_tags.required
    assert not tags.non_deterministic
    assert not tags.no_validation
    assert not tags._skip_test


def test_classifier_tags_are_true():
    tags = get_tags(MLPClassifierX())
    assert tags.classifier_tags.multi_class
    assert tags.classifier_tags.multi_label
    assert not tags.classifier_tags.poor_score
    assert not tags.target_tags.multi_output
    X, y = load_digits(return_X_y=True)
    X, y = X[:200] / 16, y[:200]
    labels = np.column_stack([y > 4, y % 2 == 0]).astype(int)
    model = MLPClassifierX((20,), learning_rate_init=0.02, max_iter=60, random_state=0)
    assert model.fit(csr_array(X), y).score(csr_array(X), y) > 0.95
    assert model.fit(csr_array(X), labels).score(csr_array(X), labels) > 0.9
    with pytest.raises(ValueError, match="multiclass-multioutput"):
        model.fit(X, np.column_stack([y, y]))


def test_regressor_tags_are_true():
    tags = get_tags(MLPRegressorX())
    assert not tags.regressor_tags.poor_score
    assert tags.target_tags.multi_output
    X, y = load_diabetes(return_X_y=True)
    X, Y = scale(X), scale(np.column_stack([y, X[:, 2] - X[:, 8]]))
    model = MLPRegressorX((), learning_rate_init=0.05, max_iter=200, random_state=0)
    predicted = model.fit(csr_array(X), Y).predict(csr_array(X))
    assert predicted.shape == Y.shape
    assert model.score(X, Y[:, :]) > 0.7


# What holds in place of the weight-equivalence checks.

IN_THE_ROW_SPAN = [
    solver for solver, Solver in TEXTBOOK.items() if "r" not in Solver.memory
]


@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("solver", IN_THE_ROW_SPAN)
@pytest.mark.once
def test_weighted_is_repeated_where_small_batches_reach_one_optimum(solver, container):
    """Minibatches differ, but there is one place for both trainings to end.

    With more features than rows a linear model can meet every target. Solvers without
    an adaptive memory move within the span of the rows, whatever the batches: they end
    in the one point of that span (seen from the first weights) that meets them all.
    """
    X, y = load_digits(return_X_y=True)
    X = scale(X) / 8  # rows of about unit length, nearly orthogonal
    X, y, elsewhere = X[:12], y[:12] / 9, X[100:200]
    counts = np.array([1, 2, 3, 0, 1, 1, 2, 0, 4, 1, 1, 2])
    model = MLPRegressorX(
        (),
        solver=solver,
        batch_size=5,
        learning_rate_init=0.1 if "v" in TEXTBOOK[solver].memory else 0.7,
        alpha=0,
        tol=0,
        n_iter_no_change=np.inf,
        max_iter=6000 if TEXTBOOK[solver].full_batch else 2000,
        random_state=0,
    )
    weighted = clone(model).fit(container(X), y, sample_weight=counts)
    repeated = clone(model).fit(
        container(np.repeat(X, counts, axis=0)), np.repeat(y, counts)
    )
    met = counts > 0
    assert np.allclose(weighted.predict(X)[met], y[met], atol=1e-6)
    assert np.allclose(weighted.predict(X), repeated.predict(X), atol=1e-6)
    assert np.allclose(
        weighted.predict(elsewhere), repeated.predict(elsewhere), atol=1e-6
    )
    # The rows of weight zero took no part, and the two are no mere interpolation of
    # everything: their targets are missed.
    assert not np.allclose(weighted.predict(X)[~met], y[~met], atol=1e-2)


def early_stopping_problem(Estimator):
    if Estimator is MLPClassifierX:
        X, y = load_breast_cancer(return_X_y=True)
    else:
        X, y = load_diabetes(return_X_y=True)
        y = scale(y)
    w = np.random.RandomState(0).randint(0, 4, len(y)).astype(float)
    model = Estimator(
        (10,),
        early_stopping=True,
        validation_fraction=0.3,
        learning_rate_init=0.01,
        alpha=0,
        max_iter=30,
        random_state=0,
    )
    return model, scale(X)[:300], y[:300], w[:300]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("factor", [0.25, 8.0, 3.0])
def test_early_stopping_does_not_see_the_unit_of_the_weights(Estimator, factor):
    model, X, y, w = early_stopping_problem(Estimator)
    one = clone(model).fit(X, y, sample_weight=w)
    other = clone(model).fit(X, y, sample_weight=factor * w)
    none = clone(model).fit(X, y)
    assert np.allclose(one.coefs_[0], other.coefs_[0], rtol=1e-9, atol=1e-12)
    assert one.n_iter_ == other.n_iter_
    assert np.allclose(one.validation_scores_, other.validation_scores_, rtol=1e-12)
    assert not np.allclose(one.coefs_[0], none.coefs_[0], rtol=1e-3)


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_early_stopping_does_not_see_rows_of_weight_zero(Estimator):
    """Neither in training nor in the validation score."""
    model, X, y, w = early_stopping_problem(Estimator)
    X_other = X.copy()
    X_other[w == 0] = 7.0
    one = clone(model).fit(X, y, sample_weight=w)
    other = clone(model).fit(X_other, y, sample_weight=w)
    assert np.allclose(one.coefs_[0], other.coefs_[0], rtol=1e-9, atol=1e-12)
    assert np.allclose(one.validation_scores_, other.validation_scores_, rtol=1e-12)
