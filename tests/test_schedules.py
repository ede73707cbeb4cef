"""Every schedule keeps the contract and its closed form, whatever the solver."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skoptnet import Adaptive, InverseScaling, MLPClassifierX, Schedule
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES, Clock
from skoptnet.testing import check_schedule

X, y = load_iris(return_X_y=True)

#: lr0 = 1, decay_rate = 0.3, decay_epochs = 2, power_t = 0.7, four updates of together
#: 150 samples per epoch, a plateau in each epoch but the first: the rate of the last
#: update of epoch e (from 0), worked out from the table in the docs.
CLOSED_FORMS = {
    "constant": lambda e: 1.0,
    "step": lambda e: 0.3 ** np.floor(e / 2),
    "exponential": lambda e: 0.3 ** ((4 * e + 3) / (2 * 4)),
    "invscaling": lambda e: (150 * e + 1) ** -0.7,
    "adaptive": lambda e: 5.0 ** -max(0, e - 1),
}


#: No epoch but the first is good enough for this.
NOTHING_IMPROVES = {"tol": 100, "n_iter_no_change": 1}


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_keeps_the_contract(name):
    check_schedule(SCHEDULES[name]())


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_every_solver_obeys_every_schedule(name, solver):
    def fitted(max_iter, **parameters):
        return MLPClassifierX(
            (3,), solver=solver, learning_rate_init=0.001, batch_size=40, alpha=0,
            max_iter=max_iter, random_state=0, **{"tol": 0, **parameters},
        ).fit(X, y)  # fmt: skip

    parameters = {"decay_rate": 0.3, "decay_epochs": 2, "power_t": 0.7}
    if name == "adaptive":
        parameters |= NOTHING_IMPROVES
    model = fitted(5, lr_schedule=name, **parameters)
    rates = np.array(model.history_["learning_rate"]) / 0.001
    if OPTIMIZERS[solver].full_batch and name == "exponential":
        expected = [0.3 ** (e / 2) for e in range(5)]
    else:
        expected = [CLOSED_FORMS[name](e) for e in range(5)]
    np.testing.assert_allclose(rates, expected, rtol=1e-14)
    # The rate that is shown is the rate that was used.
    constant = fitted(5)
    same = np.array_equal(model.coefs_[0], constant.coefs_[0])
    assert same == (name == "constant")


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("going_on", ["partial_fit", "warm_start"])
def test_going_on_counts_where_it_stopped(name, going_on):
    parameters = {"lr_schedule": name, "decay_epochs": 2, "batch_size": 40}
    model = MLPClassifierX(
        (3,), warm_start=True, max_iter=1, random_state=0, **parameters
    )
    for _ in range(6):
        if going_on == "partial_fit":
            model.partial_fit(X, y, classes=[0, 1, 2])
        else:
            model.fit(X, y)
    whole = MLPClassifierX((3,), max_iter=6, random_state=0, **parameters).fit(X, y)
    assert model.history_["learning_rate"] == whole.history_["learning_rate"]
    assert model.history_["epoch"] == [1, 2, 3, 4, 5, 6]
    reasons = {"partial_fit": "partial_fit", "warm_start": "max_iter"}
    assert model.stop_reason_ == reasons[going_on]
    assert model.history_["update"] == whole.history_["update"]


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"adaptive"}))
def test_without_adaptive_the_first_plateau_ends_training(name):
    model = MLPClassifierX((3,), lr_schedule=name, **NOTHING_IMPROVES).fit(X, y)
    assert model.stop_reason_ == "converged"
    assert model.n_iter_ == 2


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_adaptive_ends_at_a_plateau_of_a_tiny_rate(solver):
    """0.003 is divided by five until it is at most 1e-6; that rate is used, too."""
    model = MLPClassifierX((3,), solver=solver, lr_schedule="adaptive",
                           learning_rate_init=0.003, **NOTHING_IMPROVES)  # fmt: skip
    model.fit(X, y)
    used = 0.003 * 5.0 ** -np.array([0, 0, 1, 2, 3, 4, 5])
    assert used[-1] < 1e-6 < used[-2]
    np.testing.assert_allclose(model.history_["learning_rate"], used, rtol=1e-13)
    assert model.stop_reason_ == "converged"


def test_adaptive_watches_the_validation_score_with_early_stopping():
    """The training loss falls in every epoch, the score cannot rise by 2."""
    model = MLPClassifierX(
        (3,), lr_schedule=Adaptive(factor=0.5, min_rate=0.003), early_stopping=True,
        learning_rate_init=0.01, tol=2, n_iter_no_change=3, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert (np.diff(model.loss_curve_) < 0).all()
    used = 0.01 * 0.5 ** np.repeat([0, 1, 2], [4, 3, 3])
    np.testing.assert_allclose(model.history_["learning_rate"], used, rtol=1e-13)
    assert model.stop_reason_ == "early_stopping"


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
def test_adaptive_goes_on_with_the_rate_in_a_warm_start():
    """Plateaus stay passed; the patience with new epochs is judged anew."""
    model = MLPClassifierX((3,), lr_schedule="adaptive", learning_rate_init=0.01,
                           tol=100, n_iter_no_change=2, warm_start=True, max_iter=6,
                           random_state=0)  # fmt: skip
    model.fit(X, y).fit(X, y)
    # A first epoch is always good, so it takes three to a plateau; then two.
    plateaus = [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 4]
    np.testing.assert_allclose(
        model.history_["learning_rate"], 0.01 * 5.0 ** -np.array(plateaus), rtol=1e-13
    )


def test_adaptive_counts_over_calls_of_partial_fit():
    """Many calls are one training, here as for scikit-learn."""
    model = MLPClassifierX((3,), lr_schedule="adaptive", learning_rate_init=0.01,
                           tol=100, n_iter_no_change=2, random_state=0)  # fmt: skip
    for _ in range(8):
        model.partial_fit(X, y, classes=[0, 1, 2])
        assert model.stop_reason_ == "partial_fit"
    plateaus = [0, 0, 0, 1, 1, 2, 2, 3]
    np.testing.assert_allclose(
        model.history_["learning_rate"], 0.01 * 5.0 ** -np.array(plateaus), rtol=1e-13
    )


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
def test_adaptive_improves_where_a_constant_rate_no_longer_does():
    """Minibatches of 10 at a high rate hover above the minimum."""
    settings = {"solver": "sgd", "batch_size": 10, "learning_rate_init": 0.3,
                "tol": 0, "max_iter": 300, "random_state": 0}  # fmt: skip
    constant = MLPClassifierX((), n_iter_no_change=np.inf, **settings).fit(X, y)
    adaptive = MLPClassifierX((), lr_schedule="adaptive", **settings).fit(X, y)
    assert adaptive.loss_ < 0.9 * constant.loss_


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
def test_inverse_scaling_counts_samples_over_chunks_of_any_size():
    model = MLPClassifierX((3,), lr_schedule=InverseScaling(power_t=1), max_iter=1,
                           batch_size=10, learning_rate_init=1e-3)  # fmt: skip
    for chunk in (slice(None), slice(0, None, 10), slice(None)):
        model.partial_fit(X[chunk], y[chunk], classes=[0, 1, 2])
    np.testing.assert_allclose(
        model.history_["learning_rate"], 1e-3 / np.array([1, 151, 166]), rtol=1e-12
    )
    assert model.t_ == 315


def test_exponential_decay_does_not_jump_when_chunks_change_size():
    """What counts is the share of epochs done, not the raw number of updates."""
    model = MLPClassifierX((3,), lr_schedule="exponential", decay_epochs=2,
                           batch_size=10, learning_rate_init=1e-3)  # fmt: skip
    for chunk in (slice(None), slice(0, None, 10), slice(None)):
        model.partial_fit(X[chunk], y[chunk], classes=[0, 1, 2])
    last_shares = np.array([14 / 15, 1 + 1 / 2, 2 + 14 / 15])
    np.testing.assert_allclose(
        model.history_["learning_rate"], 1e-3 * 0.5 ** (last_shares / 2), rtol=1e-12
    )


class _Forgetful(Schedule):
    def __call__(self, clock):
        self.calls = getattr(self, "calls", 0) + 1
        return 1 / self.calls


class _Negative(Schedule):
    def __call__(self, clock):
        return 1 - clock.epoch


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [(_Forgetful, "pure function"), (_Negative, "not negative")],
)
def test_the_check_finds_what_is_broken(broken, complaint):
    with pytest.raises(AssertionError, match=complaint):
        check_schedule(broken())


def test_clock_counts_epochs_with_their_share():
    assert Clock(update=27, epoch=2, updates_per_epoch=10, step=7).epochs == 2.7
