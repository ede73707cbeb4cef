"""refit_all: after early stopping, a training on all rows."""

from copy import deepcopy

import numpy as np
import pytest
import sklearn
from held_out import W, both, stopping, tasks
from problems import DIGITS, LABELS, X, assert_fit_refused, batched, target
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import Adaptive, MLPClassifierX, Schedule
from skoptnet.optimizers import OPTIMIZERS

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


@pytest.mark.parametrize("solver", OPTIMIZERS)
@tasks
@pytest.mark.each_value
def test_refit_all_is_a_training_of_so_many_epochs(Estimator, y, solver):
    """Bit for bit; and the curves are those of the training that was validated."""
    settings = {
        "solver": solver, "lr_schedule": "exponential", "decay_epochs": 3,
        "learning_rate_init": 0.02, "n_iter_no_change": 3, "max_iter": 30,
    }  # fmt: skip
    validated = stopping(Estimator, **settings).fit(X, y, W)
    model = stopping(Estimator, **settings, refit_all=True).fit(X, y, W)
    settings |= {"max_iter": model.best_epoch_, "n_iter_no_change": np.inf}
    plain = batched(Estimator, **settings).fit(X, y, W)
    for one, other in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (model.loss_, model.t_) == (plain.loss_, plain.t_)
    assert not np.array_equal(model.coefs_[0], validated.coefs_[0])
    for name in (
        "loss_curve_", "validation_scores_", "best_validation_score_", "best_epoch_",
        "n_iter_", "stop_reason_",
    ):  # fmt: skip
        assert getattr(model, name) == getattr(validated, name), name


@both
@pytest.mark.parametrize("random_state", [3, np.random.RandomState, None])
def test_refit_all_draws_the_same_first_weights(Estimator, random_state):
    """Whatever the source; a shared one is left as the first training leaves it."""
    y = target(Estimator)
    np.random.seed(5)  # noqa: NPY002
    if random_state is np.random.RandomState:
        random_state = random_state(5)
    at_first = deepcopy(sklearn.utils.check_random_state(random_state))
    model = stopping(Estimator, refit_all=True, random_state=random_state)
    model.fit(X, y)
    drawn = sklearn.utils.check_random_state(random_state).uniform()
    plain = batched(Estimator, random_state=at_first, max_iter=model.best_epoch_)
    np.testing.assert_array_equal(plain.fit(X, y).coefs_[0], model.coefs_[0])
    if not isinstance(random_state, int):
        np.random.seed(5)  # noqa: NPY002
        if random_state is not None:
            random_state.seed(5)
        stopping(Estimator, random_state=random_state).fit(X, y)
        assert drawn == sklearn.utils.check_random_state(random_state).uniform()


class Recorded(Schedule):
    """Gives the factors it was told, epoch by epoch."""

    def __init__(self, factors=(1.0,)):
        self.factors = factors

    def __call__(self, clock):
        return self.factors[clock.epoch]


@pytest.mark.parametrize("solver", OPTIMIZERS)
@pytest.mark.parametrize("lr_schedule", ["adaptive", Adaptive(factor=0.5)])
@tasks
@pytest.mark.each_value
def test_refit_all_follows_the_adaptive_rates(Estimator, y, lr_schedule, solver):
    """It sees no plateaus itself: those of the validated training count."""
    factor = 0.2 if lr_schedule == "adaptive" else 0.5
    rate = OPTIMIZERS[solver].default_learning_rate / 5
    settings = {
        "solver": solver, "lr_schedule": lr_schedule, "n_iter_no_change": 1,
        "learning_rate_init": rate, "tol": 5.0, "max_iter": 12, "scoring": "loss",
    }  # fmt: skip
    validated = stopping(Estimator, **settings).fit(X, y, W)
    model = stopping(Estimator, **settings, refit_all=True).fit(X, y, W)
    all_rates = model.history_["learning_rate"]
    assert all_rates == validated.history_["learning_rate"]
    rates = all_rates[: model.best_epoch_]
    assert len(set(rates)) > 1, "no plateau was passed: this test tells nothing"
    assert model._run.metrics()["learning_rate"] == rates
    passed = np.rint(np.log(np.divide(rates, model.learning_rate_)) / np.log(factor))
    recorded = Recorded(tuple(factor**p for p in passed))
    plain = batched(
        Estimator, solver=solver, lr_schedule=recorded, learning_rate_init=rate,
        max_iter=len(rates), n_iter_no_change=np.inf,
    ).fit(X, y, W)  # fmt: skip
    np.testing.assert_allclose(plain.history_["learning_rate"], rates, rtol=1e-15)
    for one, other in zip(model.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
    # What goes on from there has the rate that came next.
    onward = model.set_params(early_stopping=False)
    onward.partial_fit(X, y, sample_weight=W)
    rate, following = onward.history_["learning_rate"][-1], all_rates[len(rates) :]
    possible = following[:1] or [rates[-1], factor * rates[-1]]
    assert np.isclose(rate, possible, rtol=1e-12).any()


def test_refit_all_counts_class_weights():
    model = stopping(MLPClassifierX, refit_all=True, class_weight="balanced")
    model.fit(X[:110], LABELS[:110])
    plain = batched(MLPClassifierX, class_weight="balanced", max_iter=model.best_epoch_)
    np.testing.assert_array_equal(
        plain.fit(X[:110], LABELS[:110]).coefs_[0], model.coefs_[0]
    )


@both
def test_refit_all_goes_on_with_partial_fit(Estimator):
    y = target(Estimator)
    model = stopping(Estimator, refit_all=True).fit(X, y)
    epochs = model.best_epoch_
    model.set_params(early_stopping=False).partial_fit(X, y)
    plain = batched(Estimator, max_iter=epochs).fit(X, y).partial_fit(X, y)
    np.testing.assert_array_equal(plain.coefs_[0], model.coefs_[0])
    assert model.loss_curve_ == plain.loss_curve_


@both
def test_refit_all_with_what_it_cannot_go_with_is_refused(Estimator):
    y = target(Estimator)
    assert_fit_refused(
        "Set one of them to False", stopping(Estimator, refit_all=True,
                                             warm_start=True), X, y,
    )  # fmt: skip
    message = assert_fit_refused(
        "refit_all=True", stopping(Estimator, refit_all=True), X, y, X_val=X, y_val=y
    )
    assert "stack them" in message


class FailsIn(Schedule):
    """Constant, until the given epoch of the second training comes."""

    def __init__(self, event, epoch):
        self.event, self.epoch = event, epoch

    def __call__(self, clock):
        seen.append(clock.update)
        second = seen.count(0) > 1
        if second and clock.epoch == self.epoch:
            if isinstance(self.event, type):
                raise self.event("now")
            return self.event
        return 1.0


seen: list = []


@both
@pytest.mark.parametrize("epoch", [0, 2])
@pytest.mark.parametrize("event", [1e300, KeyboardInterrupt, ZeroDivisionError])
def test_a_refit_that_fails_leaves_the_first_model(Estimator, event, epoch):
    y = target(Estimator)
    seen.clear()
    validated = stopping(Estimator, scoring="loss").fit(X, y)
    model = stopping(Estimator, scoring="loss", refit_all=True,
                     lr_schedule=FailsIn(event, epoch))  # fmt: skip
    if event is ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            model.fit(X, y)
        reason = validated.stop_reason_
    else:
        with pytest.warns(ConvergenceWarning, match="ended early"):
            model.fit(X, y)
        reason = "interrupted" if event is KeyboardInterrupt else "diverged"
    assert model.stop_reason_ == reason
    assert model.loss_ == validated.loss_
    for one, other in zip(model.coefs_, validated.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@both
@pytest.mark.filterwarnings("ignore:Training diverged")
def test_after_a_divergence_nothing_is_trained_again(Estimator):
    def jump(clock):
        return 1e300 if clock.epoch == 3 else 1.0

    y = target(Estimator)
    validated = stopping(Estimator, lr_schedule=jump).fit(X, y)
    assert validated.stop_reason_ == "diverged"
    model = stopping(Estimator, lr_schedule=jump, refit_all=True).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], validated.coefs_[0])


def test_refit_all_uses_what_was_held_out():
    """More rows make a better model, on data where rows are scarce."""
    data, y = DIGITS.data / 16, DIGITS.target
    pairs = []
    for seed in range(5):
        rows, test, truth, answers = train_test_split(
            data, y, train_size=150, stratify=y, random_state=seed
        )
        model = make_pipeline(
            StandardScaler(with_std=False),
            MLPClassifierX((30,), early_stopping=True, validation_fraction=0.4,
                           scoring="loss", max_iter=300, learning_rate_init=0.01,
                           random_state=seed),
        )  # fmt: skip
        one = clone(model).fit(rows, truth)
        other = clone(model).set_params(mlpclassifierx__refit_all=True)
        pairs.append([one.score(test, answers),
                      other.fit(rows, truth).score(test, answers)])  # fmt: skip
    without, with_all = np.mean(pairs, axis=0)
    assert with_all > without + 0.01
