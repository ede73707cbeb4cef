"""Every schedule keeps the contract and its closed form, whatever the solver."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skoptnet import MLPClassifierX, Schedule
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES, Clock
from skoptnet.testing import check_schedule

X, y = load_iris(return_X_y=True)

#: lr0 = 1, decay_rate = 0.3, decay_epochs = 2, four updates per epoch: the rate of
#: the last update of epoch e (from 0), worked out from the table in the docs.
CLOSED_FORMS = {
    "constant": lambda e: 1.0,
    "step": lambda e: 0.3 ** np.floor(e / 2),
    "exponential": lambda e: 0.3 ** ((4 * e + 3) / (2 * 4)),
}


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_keeps_the_contract(name):
    check_schedule(SCHEDULES[name]())


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_every_solver_obeys_every_schedule(name, solver):
    def fitted(max_iter, **parameters):
        return MLPClassifierX(
            (3,), solver=solver, learning_rate_init=0.01, batch_size=40, alpha=0,
            max_iter=max_iter, tol=0, random_state=0, **parameters,
        ).fit(X, y)  # fmt: skip

    model = fitted(5, lr_schedule=name, decay_rate=0.3, decay_epochs=2)
    rates = np.array(model.history_["learning_rate"]) / 0.01
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
