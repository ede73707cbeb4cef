"""Every schedule keeps the contract and its closed form, whatever the solver.

``reference/schedules.json`` holds what torch and optax make of the same parameters.
"""

import json
import pickle
import warnings
from copy import copy
from pathlib import Path

import numpy as np
import pytest
from quick_schedules import QUICK, quick
from sklearn.base import clone
from sklearn.datasets import load_iris

import skoptnet
from skoptnet import (
    SGD,
    Adam,
    Adaptive,
    Cosine,
    CosLog,
    InverseScaling,
    InverseSqrt,
    Linear,
    MLPClassifierX,
    MLPRegressorX,
    Momentum,
    Nesterov,
    OneCycle,
    Piecewise,
    Plateau,
    Schedule,
    Warmup,
)
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES, Clock, FunctionSchedule
from skoptnet.schedules.losses import Losses
from skoptnet.schedules.plateaus import _Counting
from skoptnet.testing import check_schedule

X, y = load_iris(return_X_y=True)


def hill(x):
    """One cycle of 8 epochs: from 1/5 up to 1 in two of them, down to nearly 0."""
    if x < 2:
        return 0.2 + 0.8 * np.sin(np.pi * x / 4) ** 2
    return 4e-6 + (1 - 4e-6) * np.cos(np.pi * (x - 2) / 12) ** 2


#: lr0 = 1, decay_rate = 0.3, decay_epochs = 2, power_t = 0.7 and the numbers in
#: quick_schedules.py; together 150 samples per epoch, a plateau in each epoch but the
#: first: the rate of the last update of epoch e (from 0), before which x epochs have
#: been trained and after which e + 1, worked out from the table in the docs.
CLOSED_FORMS = {
    "constant": lambda e, x: 1.0,
    "step": lambda e, x: 0.3 ** np.floor(e / 2),
    "exponential": lambda e, x: 0.3 ** (x / 2),
    "invscaling": lambda e, x: (150 * e + 1) ** -0.7,
    "adaptive": lambda e, x: 5.0 ** -max(0, e - 1),
    "piecewise": lambda e, x: [1, 0.5, 0.5, 0.25, 0.25][e],
    "cosine_restarts": lambda e, x: np.cos(np.pi * [x / 4, (x - 2) / 8][x >= 2]) ** 2,
    "inverse_sqrt": lambda e, x: [0.5, 1, (2 / 3) ** 0.5, 0.5**0.5, 0.4**0.5][e],
    "plateau": lambda e, x: 10.0 ** -max(0, e - 1),
    "cosine": lambda e, x: np.cos(np.pi * x / 16) ** 2,
    "linear": lambda e, x: 1 - 0.9 * x / 8,
    "polynomial": lambda e, x: (1 - x / 8) ** 3,
    "one_cycle": lambda e, x: hill(x),
    "coslog": lambda e, x: np.sin(np.pi * np.log2(1 + 15 * x / 8)) ** 2,
    "warmup": lambda e, x: [2 / 7, 4 / 7, 6 / 7, 1, 1][e],
}


#: No epoch but the first is good enough for this.
NOTHING_IMPROVES = {"tol": 100, "n_iter_no_change": 1}


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_keeps_the_contract(name):
    check_schedule(SCHEDULES[name]())
    check_schedule(SCHEDULES[name](**QUICK.get(name, {})))
    assert getattr(skoptnet, SCHEDULES[name].__name__) is SCHEDULES[name]


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
@pytest.mark.each_value
def test_every_solver_obeys_every_schedule(name, solver):
    def fitted(max_iter, **parameters):
        return MLPClassifierX(
            (3,), solver=solver, learning_rate_init=0.001, batch_size=40, alpha=0,
            max_iter=max_iter, random_state=0, **{"tol": 0, **parameters},
        ).fit(X, y)  # fmt: skip

    parameters = {"decay_rate": 0.3, "decay_epochs": 2, "power_t": 0.7}
    if name == "adaptive":
        parameters |= NOTHING_IMPROVES
    model = fitted(5, lr_schedule=quick(name), **parameters)
    rates = np.array(model.history_["learning_rate"]) / 0.001
    done = 0 if OPTIMIZERS[solver].full_batch else 3 / 4
    expected = [CLOSED_FORMS[name](e, e + done) for e in range(5)]
    np.testing.assert_allclose(rates, expected, rtol=1e-13, atol=1e-15)
    # The rate that is shown is the rate that was used.
    constant = fitted(5)
    same = np.array_equal(model.coefs_[0], constant.coefs_[0])
    assert same == (name == "constant")


@pytest.mark.filterwarnings("ignore:Maximum number of epochs")
@pytest.mark.parametrize("name", sorted(SCHEDULES))
@pytest.mark.parametrize("going_on", ["partial_fit", "warm_start"])
def test_going_on_counts_where_it_stopped(name, going_on):
    parameters = {"lr_schedule": quick(name), "decay_epochs": 2, "batch_size": 40}
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


def test_clock_counts_epochs_with_their_share():
    assert Clock(update=27, epoch=2, updates_per_epoch=10, step=7).epochs == 2.7


# --------------------------------------------------------------- other libraries

RECORD = json.loads(
    (Path(__file__).parents[1] / "reference" / "schedules.json").read_text()
)


def clocks(n=100, per_epoch=10, **more):
    return [
        Clock(t, t // per_epoch, per_epoch, t % per_epoch, **more) for t in range(n)
    ]


@pytest.mark.parametrize(
    "record", RECORD["records"], ids=lambda r: f"{r['schedule']}-{r['library']}"
)
def test_factors_are_those_of_other_libraries(record):
    schedule = SCHEDULES[record["schedule"]](**record["parameters"])
    factors = [schedule(clock) for clock in clocks()]
    np.testing.assert_allclose(factors, record["factors"], rtol=1e-12, atol=1e-14)
    if "momenta" in record:
        momenta = [schedule.momentum(clock) for clock in clocks()]
        np.testing.assert_allclose(momenta, record["momenta"], rtol=1e-12)


@pytest.mark.parametrize("case", RECORD["plateaus"]["cases"], ids=range(3))
@pytest.mark.parametrize("monitor", ["loss", "validation_loss"])
def test_plateaus_are_torchs(case, monitor):
    """Also where epochs without a validation loss lie between the others."""
    names = ("factor", "patience", "threshold", "cooldown")
    schedule = Plateau(
        monitor=monitor, **{k: case[k] for k in names}, min_factor=case["min_lr"]
    )
    losses = RECORD["plateaus"]["losses"]
    assert len(set(case["factors"])) > 5
    for e in range(1, len(losses) + 1):
        seen, other = losses[:e], [1 / n for n in range(1, e + 1)]
        clock = Clock(e, e, 1, 0, losses=seen, validation_losses=other)
        if monitor == "validation_loss":
            gaps = [np.nan] * 5 + [v for loss in seen for v in (loss, np.nan)]
            clock = clock._replace(losses=other, validation_losses=gaps)
        np.testing.assert_allclose(schedule(clock), case["factors"][e - 1], rtol=1e-12)


# ------------------------------------------------------------------ closed forms

FOLLOW_A_PLAN = sorted(
    name for name, Kind in SCHEDULES.items()
    if "epochs" in Kind().get_params() and Kind is not Warmup
)  # fmt: skip


def test_these_follow_a_plan():
    assert FOLLOW_A_PLAN == ["cosine", "coslog", "linear", "one_cycle", "polynomial"]


@pytest.mark.parametrize("name", FOLLOW_A_PLAN)
def test_a_plan_is_followed_to_its_end_and_no_further(name):
    """As of so many epochs, whether they are the plan or the schedule's own."""
    own, planned = SCHEDULES[name](epochs=7), SCHEDULES[name]()
    for clock in clocks():
        assert own(clock) == planned(clock._replace(planned_epochs=7))
        assert own(clock) == own(clock._replace(planned_epochs=3))
        if clock.epoch >= 7:
            assert own(clock) == own(clocks()[70])
            assert own.momentum(clock) == own.momentum(clocks()[70])
    ends = {"one_cycle": 1 / 25e4}
    assert own(clocks()[70]) == pytest.approx(ends.get(name, 0), abs=1e-15)
    assert planned(clocks()[70]) == planned(clocks()[0])  # without a plan


def test_coslog_is_that_of_realmlp():
    """k cycles, each twice as long as the one before: 1, 2, 4, 8 of 15 parts."""
    schedule = CosLog(epochs=15)
    at = {e: schedule(Clock(0, e, 1, 0)) for e in range(16)}
    for zero in (0, 1, 3, 7, 15):
        assert at[zero] == pytest.approx(0, abs=1e-12)
    for k in range(4):  # the peak of cycle k, where log2(1 + 15 t) is k + 1/2
        share = (2 ** (k + 0.5) - 1) / 15
        clock = Clock(0, 15, 1, 0, planned_epochs=15 / share)
        assert CosLog()(clock) == pytest.approx(1, abs=1e-12)
    assert at[2] == pytest.approx(np.sin(np.pi * np.log2(3)) ** 2)


def test_one_cycle_meets_its_corners():
    schedule = OneCycle(epochs=10, pct_start=0.4, div_factor=4, final_div=50)
    start, peak, end = (Clock(0, e, 1, 0) for e in (0, 4, 10))
    assert [schedule(clock) for clock in (start, peak, end)] == [0.25, 1, 0.02]
    assert [schedule.momentum(c) for c in (start, peak, end)] == [0.95, 0.85, 0.95]
    assert schedule(Clock(0, 2, 1, 0)) == pytest.approx((0.25 + 1) / 2)
    assert schedule(Clock(0, 7, 1, 0)) == pytest.approx((1 + 0.02) / 2)
    assert schedule.momentum(Clock(0, 7, 1, 0)) == pytest.approx(0.9)
    still = clone(schedule).set_params(cycle_momentum=False)
    assert still.momentum(peak) is None


def test_inverse_sqrt_is_that_of_transformers():
    """d^-0.5 min(n^-0.5, n w^-1.5), n and w in updates, divided by its peak."""
    w, schedule = 40, InverseSqrt(warmup=4)
    n = np.arange(1, 101)
    published = 512**-0.5 * np.minimum(n**-0.5, n * w**-1.5)
    factors = [schedule(clock) for clock in clocks()]
    np.testing.assert_allclose(factors, published / published.max(), rtol=1e-12)
    assert max(factors) == factors[39] == 1


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"warmup"}))
def test_warmup_is_a_ramp_times_any_other(name):
    """By name, as an object and as a function; names have the classes' defaults."""
    losses = [1.0] * 10
    for inner in (name, SCHEDULES[name](**QUICK.get(name, {}))):
        other = SCHEDULES[name]() if inner is name else inner
        warm = Warmup(inner, epochs=2.5)
        check_schedule(warm)
        behind = Warmup(lambda clock, other=other: other(clock), epochs=2.5)
        for t, plain in enumerate(clocks()):
            clock = plain._replace(
                planned_epochs=10, losses=losses[: plain.epoch], plateaus=plain.epoch
            )
            expected = min((t + 1) / 25, 1) * other(clock)
            assert warm(clock) == pytest.approx(expected, rel=1e-12, abs=1e-300)
            assert behind(clock) == warm(clock)
            assert warm.momentum(clock) == other.momentum(clock)
        for rate in (1e-9, 1e-3):
            assert warm.ends_at_plateau(rate) == other.ends_at_plateau(rate)
        assert warm.needs_validation == other.needs_validation


def test_warmup_is_clonable_and_its_inner_parameters_can_be_set():
    warm = Warmup(Warmup(Cosine(final=0.1), epochs=2), epochs=3)
    warm.set_params(schedule__schedule__epochs=8)
    twin = pickle.loads(pickle.dumps(clone(warm)))
    assert twin(Clock(0, 8, 1, 0)) == pytest.approx(0.1)
    model = MLPClassifierX(lr_schedule=warm)
    model.set_params(lr_schedule__schedule__schedule__final=0.5)
    assert warm(Clock(0, 8, 1, 0)) == pytest.approx(0.5)


# ----------------------------------------------------------------- in the estimators

small = {"batch_size": 50, "random_state": 0, "tol": 0, "n_iter_no_change": np.inf}
uses_up_max_iter = pytest.mark.filterwarnings("ignore:Maximum number of epochs")


def rates_of(model):
    return np.array(model.history_["learning_rate"]) / model.learning_rate_


@uses_up_max_iter
def test_the_plan_of_fit_warm_starts_and_partial_fit():
    """max_iter epochs after those before the call; for partial_fit, in all."""
    model = MLPClassifierX((3,), lr_schedule="linear", **small, warm_start=True)
    model.set_params(max_iter=4).fit(X, y).set_params(max_iter=6).fit(X, y)
    before = np.arange(10) + 2 / 3
    expected = np.concatenate([1 - before[:4] / 4, 1 - before[4:] / 10])
    np.testing.assert_allclose(rates_of(model), expected, rtol=1e-12)
    parts = MLPClassifierX((3,), lr_schedule="linear", **small, max_iter=5)
    for _ in range(7):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    expected = np.maximum(1 - before[:7] / 5, 0)
    np.testing.assert_allclose(rates_of(parts), expected, atol=1e-12)


def test_partial_fit_counts_shares_of_epochs_where_chunks_differ():
    model = MLPClassifierX((3,), lr_schedule=Linear(epochs=4), batch_size=10)
    for chunk in (slice(None), slice(0, None, 10), slice(None)):
        model.partial_fit(X[chunk], y[chunk], classes=[0, 1, 2])
    done = np.array([14 / 15, 1 + 1 / 2, 2 + 14 / 15])
    np.testing.assert_allclose(rates_of(model), 1 - done / 4, rtol=1e-12)


@uses_up_max_iter
def test_a_second_training_on_all_rows_has_the_rates_that_were_validated():
    """It has fewer epochs and no validation, and follows the same plan all the same."""
    seen = []

    def recording(schedule, clock):
        factor = schedule(clock)
        seen.append((clock.epoch, factor))
        return factor

    for schedule in (
        Cosine(),
        Plateau(monitor="validation_loss", patience=0, threshold=0.5),
    ):

        class Recording(type(schedule)):
            constant_within_epoch = True

            def __call__(self, clock):
                return recording(super().__call__, clock)

        model = MLPClassifierX(
            (3,), lr_schedule=Recording(**schedule.get_params()), early_stopping=True,
            refit_all=True, max_iter=30, n_iter_no_change=5, scoring="loss",
            random_state=3,
        )  # fmt: skip
        seen.clear()
        model.fit(X, y)
        n, best = model.n_iter_, model.best_epoch_
        assert 1 < best < n + 1
        assert [e for e, _ in seen] == [*range(n), *range(best)]
        assert seen[n:] == seen[:best]
        assert len({factor for _, factor in seen[:best]}) > 1


@uses_up_max_iter
def test_plateau_watches_training_or_validation_and_ends_nothing():
    losses = {}
    for monitor in ("loss", "validation_loss"):
        schedule = Plateau(monitor=monitor, patience=1, threshold=0.2, factor=0.5)
        model = MLPClassifierX(
            (3,), lr_schedule=schedule, early_stopping=True, max_iter=40,
            n_iter_no_change=np.inf, random_state=0,
        ).fit(X, y)  # fmt: skip
        assert model.n_iter_ == 40
        losses = model.history_[monitor]
        given = [
            schedule(Clock(e, e, 1, 0, losses=losses[:e], validation_losses=losses[:e]))
            for e in range(40)
        ]
        np.testing.assert_allclose(rates_of(model), given)
        assert given[-1] < given[0]


@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
@pytest.mark.parametrize("wrap", [lambda s: s, Warmup], ids=["plain", "warmup"])
def test_plateau_of_a_validation_loss_needs_validation(Estimator, wrap):
    schedule = wrap(Plateau(monitor="validation_loss"))
    model = Estimator((3,), lr_schedule=schedule, random_state=0)
    for fit in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match="early_stopping=True"):
            fit(X, y)
    assert not hasattr(model, "coefs_")
    model.set_params(solver="lbfgs", max_iter=1000).fit(X, y)  # which reads no schedule


# ------------------------------------------------------------------------- momentum


def recording(Solver):
    """Return a solver that notes the momentum wherever it is read."""

    class Recording(Solver):
        seen = []  # noqa: RUF012, of the class: copies share it

        def gradient_point(self, theta, state, xp):
            self.seen.append(("point", getattr(self, self.momentum_name)))
            return super().gradient_point(theta, state, xp)

        def step(self, theta, g, state, rate, xp):
            self.seen.append(("step", getattr(self, self.momentum_name)))
            super().step(theta, g, state, rate, xp)

    return Recording()


@uses_up_max_iter
@pytest.mark.parametrize("Solver", [Momentum, Nesterov, Adam])
@pytest.mark.parametrize("wrap", [lambda s: s, Warmup], ids=["plain", "warmup"])
def test_one_cycle_moves_the_momentum_of_every_update(Solver, wrap):
    solver, schedule = recording(Solver), wrap(OneCycle(epochs=4))
    before = pickle.dumps((vars(solver), schedule))
    settings = {"max_iter": 5, "learning_rate_init": 1e-3, **small}
    MLPClassifierX((3,), solver=solver, lr_schedule=schedule, **settings).fit(X, y)
    expected = [schedule.momentum(clock) for clock in clocks(15, per_epoch=3)]
    assert solver.seen == [(at, m) for m in expected for at in ("point", "step")]
    assert pickle.dumps((vars(solver), schedule)) == before
    assert min(expected) < 0.86 < 0.94 < max(expected)


class OwnAtTimes(Schedule):
    """A momentum of 0.5 in every other epoch, the solver's own in between."""

    def __call__(self, clock):
        return 1.0

    def momentum(self, clock):
        return 0.5 if clock.epoch % 2 else None


@uses_up_max_iter
@pytest.mark.parametrize("solver", ["momentum", "nesterov", "adam"])
def test_a_momentum_of_none_is_the_solvers_own(solver):
    settings = {"solver": solver, "max_iter": 1, **small}
    own = MLPClassifierX((3,), lr_schedule=OwnAtTimes(), **settings)
    own.set_params(max_iter=4).fit(X, y)
    by_hand = MLPClassifierX((3,), warm_start=True, **settings)
    name = OPTIMIZERS[solver].momentum_name
    for momentum in (0.9, 0.5, 0.9, 0.5):
        by_hand.set_params(**{name: momentum}).fit(X, y)
    for W, same in zip(own.coefs_, by_hand.coefs_, strict=True):
        np.testing.assert_allclose(W, same, rtol=1e-9)


@uses_up_max_iter
@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_one_cycle_leaves_alone_who_has_no_momentum(solver):
    """Without one, the rates are all there is; with one, it makes a difference."""
    settings = {"solver": solver, **small, "max_iter": 12, "batch_size": 10}
    settings["learning_rate_init"] = 0.01
    moved, still = (
        MLPClassifierX(
            (3,), lr_schedule=OneCycle(cycle_momentum=cycle), **settings
        ).fit(X, y)
        for cycle in (True, False)
    )
    same = np.array_equal(moved.coefs_[0], still.coefs_[0])
    assert same == (OPTIMIZERS[solver].momentum_name is None)


@pytest.mark.parametrize("momentum", [1.0, -0.1, np.nan, "0.5"])
def test_a_momentum_out_of_range_is_refused(momentum):
    class Odd(OwnAtTimes):
        def momentum(self, clock):
            return momentum

    model = MLPClassifierX((3,), solver=Momentum(), lr_schedule=Odd(), random_state=0)
    with pytest.raises(ValueError, match=r"None or a number in \[0, 1\)"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")
    model.set_params(solver=SGD(), max_iter=2, n_iter_no_change=1, tol=9).fit(X, y)


# ------------------------------------------------------------------------- functions


def falling(clock):
    return 1 / (1 + clock.epochs)


class _Callable:
    def __call__(self, clock):
        return falling(clock)


class _Falling(Schedule):
    def __call__(self, clock):
        return falling(clock)


@uses_up_max_iter
@pytest.mark.parametrize(
    "function", [falling, _Callable(), lambda clock: np.float64(falling(clock))]
)
def test_a_function_is_a_schedule(function):
    settings = {"solver": "sgd", "max_iter": 3, **small}
    theirs = MLPClassifierX((3,), lr_schedule=function, **settings).fit(X, y)
    ours = MLPClassifierX((3,), lr_schedule=_Falling(), **settings).fit(X, y)
    assert theirs.lr_schedule is function
    assert theirs.loss_curve_ == ours.loss_curve_
    assert theirs.history_["learning_rate"] == ours.history_["learning_rate"]
    check_schedule(function) if function is falling else None


@uses_up_max_iter
def test_a_model_with_a_function_is_pickled_and_goes_on():
    model = MLPClassifierX((3,), lr_schedule=falling, max_iter=2, **small)
    model.set_params(warm_start=True).fit(X, y)
    twin = pickle.loads(pickle.dumps(model)).fit(X, y)
    assert twin.loss_curve_ == model.fit(X, y).loss_curve_
    assert clone(model).lr_schedule is falling


@pytest.mark.parametrize("returned", [None, "1", -1, np.inf, [1.0], np.array([1.0])])
@pytest.mark.parametrize("wrap", [lambda s: s, Warmup], ids=["plain", "warmup"])
def test_what_a_function_returns_is_checked(returned, wrap):
    model = MLPClassifierX((3,), lr_schedule=lambda clock: returned)
    with pytest.raises(ValueError, match="finite factor that is not negative"):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


def test_a_parameter_of_a_function_is_refused_with_a_reason():
    model = MLPClassifierX(lr_schedule=falling)
    with pytest.raises(ValueError, match="lr_schedule is a function"):
        model.set_params(lr_schedule__epochs=3)


@pytest.mark.parametrize("inner", ["cosine", falling])
def test_a_parameter_of_a_schedule_within_is_refused_where_that_is_no_object(inner):
    model = MLPClassifierX(lr_schedule=Warmup(inner))
    with pytest.raises(ValueError, match="'schedule__final' is a parameter of"):
        model.set_params(lr_schedule__schedule__final=0.1)
    model.set_params(lr_schedule__schedule=Cosine())
    model.set_params(lr_schedule__schedule__final=0.1)
    assert model.lr_schedule.schedule.final == 0.1
    schedule = Warmup(inner).set_params(schedule=Cosine(), schedule__final=0.2)
    assert schedule.schedule.final == 0.2
    with pytest.raises(ValueError, match="Invalid parameter 'no_such'"):
        schedule.set_params(no_such__final=0.1)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Piecewise(milestones=[3, 1]), "'milestones' .* increasing .* Got \\[3, 1\\]"),
        (Piecewise(milestones=[0, 1]), "'milestones' .* \\(0, inf\\)"),
        (Piecewise(milestones=[[1], [2]]), "'milestones'"),
        (Piecewise(milestones=np.array(3.0)), "'milestones' .* increasing sequence"),
        (
            Piecewise(milestones=[1, 2], factor=[0.1]),
            "'factor' .* each of the 2 milestones",
        ),
        (
            Piecewise(milestones=[1], factor=np.array(0.5)),
            "'factor' .* each of the 1 milestones",
        ),
        (Piecewise(milestones=[1, 2], factor=[0.1, -1]), "'factor' .* \\[0, inf\\)"),
        (
            Warmup("cosin"),
            "Did you mean 'cosine'\\? The 'schedule' parameter of Warmup",
        ),
        (Warmup(Cosine), "Did you mean an object, Cosine\\(\\)\\? .* a function"),
        (Warmup(Cosine(final=2)), "'final' parameter of Cosine"),
        (Warmup(Warmup(OneCycle(pct_start=1))), "'pct_start' parameter of OneCycle"),
    ],
    ids=repr,
)
def test_bad_schedules_are_refused_before_work_starts(schedule, message):
    model = MLPClassifierX((3,), lr_schedule=schedule)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "coefs_")


@pytest.mark.parametrize("given", [(2, 3), [2, 3], np.array([2, 3]), range(2, 4)])
def test_milestones_of_any_kind(given):
    schedule = Piecewise(milestones=given, factor=np.array([0.5, 0.1]))
    schedule.check()
    factors = [schedule(Clock(e, e, 1, 0)) for e in range(5)]
    np.testing.assert_allclose(factors, [1, 1, 0.5, 0.05, 0.05])


def test_a_clock_of_a_long_training_is_short_in_words():
    clock = Clock(3000, 1000, 3, 0, losses=[0.5] * 1000, validation_losses=[1.0] * 1000)
    assert len(repr(clock)) < 150
    assert eval(repr(clock._replace(planned_epochs=7))).planned_epochs == 7


# ------------------------------------------------------------------- what they declare


def declared(cls):
    schedule = cls()
    return schedule.reads_losses, schedule.constant_within_epoch


@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_a_subclass_that_changes_nothing_keeps_what_its_base_declares(name):
    cls = SCHEDULES[name]

    class Named(cls):
        def __init__(self):
            super().__init__()

    class Same(cls):
        """Another docstring."""

        unit: str = "epochs"

    assert declared(Named) == declared(Same) == declared(cls)


@pytest.mark.parametrize("method", ["__call__", "momentum", "at", "_helper"])
@pytest.mark.parametrize("name", sorted(SCHEDULES))
def test_a_subclass_with_a_method_of_its_own_declares_anew(name, method):
    """What it replaces may read losses, or move within an epoch."""

    def own(self, clock):
        return 1.0 + len(clock.losses)

    cls = SCHEDULES[name]
    Other = type("Other", (cls,), {method: own})
    assert declared(Other) == (True, False)
    assert declared(type("Heir", (Other,), {})) == (True, False)
    Mixin = type("Mixin", (), {method: own})
    assert declared(type("Mixed", (Mixin, cls), {})) == (True, False)
    Again = type(
        "Again",
        (cls,),
        {method: own, "reads_losses": False, "constant_within_epoch": True},
    )
    assert declared(Again) == (False, True)
    assert declared(type("Heir", (Again,), {})) == (False, True)
    assert declared(type("Lost", (Mixin, Again), {})) == (True, False)


def test_what_is_declared_is_inherited_and_delegated():
    assert declared(lambda: Warmup("constant")) == (False, False)
    assert declared(lambda: Warmup("plateau")) == (True, False)
    assert declared(lambda: Warmup(Warmup(Cosine()))) == (False, False)
    assert declared(lambda: Warmup(lambda clock: 1.0)) == (True, False)
    assert declared(lambda: FunctionSchedule(lambda clock: 1.0)) == (True, False)


@uses_up_max_iter
def test_a_subclass_that_reads_losses_sees_each_of_them():
    """Derived from a schedule that several epochs are computed ahead for."""
    lengths = []

    class Reading(Cosine):
        def __call__(self, clock):
            lengths.append((clock.epoch, len(clock.losses)))
            return super().__call__(clock)

    model = MLPClassifierX((3,), lr_schedule=Reading(), max_iter=5, batch_size=50)
    model.fit(X, y)
    assert sorted(set(lengths)) == [(e, e) for e in range(5)]


# ---------------------------------------------------- a plateau reads each loss once


def falls(schedule, losses):
    """Return the factor as the formula in the docstring of `Plateau` has it."""
    best, bad, cooling, count = np.inf, 0, 0, 0
    for loss in losses:
        if np.isnan(loss):
            continue
        good = loss < best
        best = loss - schedule.threshold * abs(loss) if good else best
        bad = 0 if good else bad + 1
        if cooling:
            cooling, bad = cooling - 1, 0
        if bad > schedule.patience:
            count, cooling, bad = count + 1, schedule.cooldown, 0
    return max(schedule.factor**count, schedule.min_factor)


def some_losses(n, seed=0):
    rng = np.random.RandomState(seed)
    losses = np.exp(-np.arange(n) / 30) + 0.1 * rng.rand(n)
    losses[rng.rand(n) < 0.1] = np.nan
    return losses.tolist()


def at(losses):
    n = len(losses)
    return Clock(n, n, 1, 0, losses=losses)


PLATEAUS = [
    Plateau(factor=0.9, patience=patience, cooldown=cooldown, threshold=threshold)
    for patience in (0, 2) for cooldown in (0, 3) for threshold in (0.0, 0.2)
]  # fmt: skip


@pytest.mark.parametrize("schedule", PLATEAUS, ids=str)
def test_a_plateau_of_a_growing_training_is_that_of_its_losses(schedule):
    """Whatever other schedules read the same losses, and whoever asks how often."""
    values, results, others = some_losses(200), {}, [Plateau(monitor=0.5), *PLATEAUS]
    for n in range(1, len(values) + 1):
        held = Losses(values, slice(n), results=results)
        expected = falls(schedule, values[:n])
        if n % 7:
            others[n % len(others)](at(held))
            assert schedule(at(held)) == schedule(at(held)) == expected
        assert schedule(at(values[:n])) == expected
    assert expected < 1


def test_calls_that_continue_pass_their_losses_on_without_a_copy():
    """But a second call from the same run must not see those of the first."""
    model = MLPClassifierX((3,), lr_schedule=Plateau(patience=0), random_state=0)
    model.partial_fit(X, y, classes=np.unique(y))
    losses = model._run.history.columns["loss"]
    model.partial_fit(X, y)
    assert model._run.history.columns["loss"] is losses
    twin = copy(model)
    for _ in range(5):
        model.partial_fit(X[:50], y[:50])
    assert model._run.history.columns["loss"] is losses
    twin.partial_fit(X, y)
    seen = twin._run.losses_to_read("loss")
    assert list(seen) == twin.loss_curve_ != model.loss_curve_[:3]
    assert list(model._run.losses_to_read("loss")) == model.loss_curve_ == losses
    assert list(twin._run.losses_to_read("loss")) == twin.loss_curve_


def test_losses_are_read_once_and_results_go_through_a_pickle():
    read = []

    class Counting(tuple):
        def __call__(self, state, losses):
            read.append(len(losses))
            return state + sum(losses)

    values, results = [1.0, 2.0], {}
    assert Losses(values, results=results).fold(Counting(), 0.0) == 3.0
    values.append(4.0)
    held = Losses(values, results=results)
    assert held.fold(Counting(), 0.0) == held.fold(Counting(), 0.0) == 7.0
    assert read == [2, 1]
    assert held == [1.0, 2.0, 4.0]
    pickled = pickle.loads(pickle.dumps(at(Losses(some_losses(90)))))
    assert PLATEAUS[0](pickled) == falls(PLATEAUS[0], pickled.losses)


@pytest.mark.parametrize("how", ["fit", "warm", "partial_fit"])
def test_each_epoch_of_a_training_costs_its_plateau_one_loss(how, monkeypatch):
    read = []
    whole = _Counting.__call__

    def counted(self, counts, losses):
        read.append(len(losses))
        return whole(self, counts, losses)

    monkeypatch.setattr(_Counting, "__call__", counted)
    model = MLPClassifierX(
        (3,), lr_schedule=Plateau(patience=0, threshold=0.5), max_iter=12,
        n_iter_no_change=np.inf, learning_rate_init=0.3, warm_start=True,
        random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if how == "partial_fit":
            for _ in range(12):
                model.partial_fit(X, y, classes=[0, 1, 2])
        elif how == "warm":
            model.set_params(max_iter=6).fit(X, y).fit(X, y)
        else:
            model.fit(X, y)
    assert sum(read) == 11
    assert set(read) == {1}
    rates, losses = model.history_["learning_rate"], model.loss_curve_
    for epoch, rate in enumerate(rates):
        assert rate == 0.3 * falls(model.lr_schedule, losses[:epoch])
    assert rates[-1] < 0.3
