"""A model that learns for ever: calls cost the same, and its pickle stays as it is."""

import copy
import gc
import pickle
import sys
from collections import Counter

import numpy as np
import pytest
from pages import ROOT
from problems import has_callbacks
from sklearn.exceptions import ConvergenceWarning

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet._sklearn import without_callbacks
from skoptnet.callbacks import Callback
from skoptnet.schedules import SCHEDULES, Plateau, Schedule
from skoptnet.training import curves

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")

rng = np.random.RandomState(0)
X = rng.randn(300, 3)
y = X[:, 0] + 0.1 * rng.randn(300)
KEPT = 20


@pytest.fixture
def kept(monkeypatch):
    """Keep few epochs, so that a short training is a long one."""
    monkeypatch.setattr(curves, "KEPT_EPOCHS", KEPT)


def new(**parameters):
    options = {"random_state": 0, "max_iter": 1, "warm_start": True, "batch_size": 100}
    return MLPRegressorX((3,), **options | parameters)


def fit(model):
    return model.fit(X, y)


def partial_fit(model):
    return model.partial_fit(X, y)


calls = pytest.mark.parametrize("call", [fit, partial_fit])


def counted(function, *arguments):
    """Return the number of calls of each function, of Python and of C, in a call."""
    counts = Counter()

    def note(frame, event, argument):
        if event == "call":
            counts[frame.f_code.co_qualname] += 1
        elif event == "c_call":
            counts[getattr(argument, "__qualname__", str(argument))] += 1

    gc.disable()  # collections, and callbacks at their ends, come at any time
    sys.setprofile(note)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
        gc.enable()
    return counts


@calls
@pytest.mark.parametrize("kernels", ["0", "1"])
@pytest.mark.parametrize("lr_schedule", ["constant", "plateau", "adaptive", "cosine"])
def test_every_call_makes_the_same_calls(call, kernels, lr_schedule, kept, monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    # Whether it asks for a pass over the rows depends on the loss.
    monkeypatch.setattr("skoptnet.estimators.fitting.failure_of", lambda *_: "")
    model = new(lr_schedule=lr_schedule)
    counts = []
    for k in range(1, 4 * KEPT):
        if k in (5, 6, 3 * KEPT, 3 * KEPT + 1):
            counts.append(counted(call, model))
        else:
            call(model)
    assert counts[0] == counts[1]
    # The lists are cut every now and then; else no call is made that was not made.
    assert sum((counts[-1] - counts[0]).values()) <= 3
    assert sum((counts[-2] - counts[0]).values()) <= 3


@calls
@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
def test_the_pickle_stays_as_it_is(call, Estimator, kept):
    model, sizes = Estimator((3,), random_state=0, max_iter=1, warm_start=True), []
    targets = y if Estimator is MLPRegressorX else (y > 0).astype(int)
    model.fit(X, targets)
    for k in range(2, 12 * KEPT):
        getattr(model, call.__name__)(X, targets)
        if k % (2 * KEPT) == 0:
            sizes.append(len(pickle.dumps(model)))
            # In memory, at most twice as many, and copies hold no more than pickles.
            assert len(model._run.history.columns["loss"]) <= 2 * KEPT + 1
            assert len(copy.deepcopy(model)._run.history.columns["loss"]) == KEPT + 1
    # The numbers of epochs and updates take a byte more from 256 on.
    assert max(sizes) - min(sizes) < 3 * KEPT + 20


def test_shuffles_are_repeated_for_one_call_only():
    whole = new(max_iter=40, n_iter_no_change=np.inf, tol=0).fit(X, y)
    model = new(n_iter_no_change=np.inf, tol=0)
    for k in range(40):
        model.fit(X, y)
        assert model._run.shuffles.done == 1
        if k % 7 == 0:
            model = pickle.loads(pickle.dumps(model))
    assert model.loss_curve_ == whole.loss_curve_
    np.testing.assert_array_equal(model._run.theta, whole._run.theta)
    # A model of one call keeps no order of the rows; others have two bytes per row.
    assert whole._run.shuffles.start is None
    assert model._run.shuffles.start.dtype == np.uint16


def test_the_order_of_other_rows_is_one_of_theirs():
    """Early stopping sets other rows aside; their numbers are not those of before."""
    model = new(early_stopping=True, max_iter=2).fit(X, y)
    for rows in (slice(None), slice(None, None, -1)):
        model.fit(X[rows], y[rows])
        assert sorted(model._run.shuffles.order(model._run.rng)) == list(range(270))


@calls
def test_every_epoch_of_the_last_call_and_some_of_those_before_are_kept(call, kept):
    model, losses = new(), []
    for _ in range(3 * KEPT):
        losses.append(call(model).loss_)
    assert model.loss_curve_ == model.history_["loss"] == losses[-KEPT - 1 :]
    assert model.history_["epoch"] == list(range(2 * KEPT, 3 * KEPT + 1))
    assert model.best_loss_ == min(model.loss_curve_)
    assert {len(values) for values in model.history_.values()} == {KEPT + 1}
    n_rows = len(X) * 3 * KEPT
    assert model.t_ == n_rows
    long = 2 * KEPT + 5
    model.set_params(max_iter=long, n_iter_no_change=np.inf).fit(X, y)
    assert model.n_iter_ == long
    assert len(model.loss_curve_) == KEPT + long
    assert model.loss_ == model.loss_curve_[-1]


def test_calls_seldom_copy_the_curves(kept):
    model, n_copies, before = new(), 0, None
    for _ in range(4 * KEPT):
        losses = partial_fit(model)._run.history.columns["loss"]
        n_copies += losses is not before
        before = losses
    assert n_copies <= 4


def test_a_divergence_names_its_epoch_where_earlier_ones_are_forgotten(kept):
    model = new(solver="sgd")
    for _ in range(3 * KEPT):
        model.fit(X, y)
    model.set_params(learning_rate_init=1e9, max_iter=5)
    with pytest.warns(ConvergenceWarning) as caught:
        model.fit(X, y)
    ended, kept_epoch = len(model.loss_curve_), model._run.epoch
    assert ended < kept_epoch
    assert f"Training diverged in epoch {kept_epoch + 1}" in str(caught[0].message)


def test_metrics_that_come_later_are_nan_before(kept):
    model = new()
    for _ in range(2 * KEPT):
        model.fit(X, y)
    model.set_params(early_stopping=True).fit(X, y)
    scores = model.validation_scores_
    assert len(scores) == len(model.loss_curve_) == KEPT + 1
    assert np.isnan(scores[:-1]).all()
    assert np.isfinite(scores[-1])
    model.set_params(early_stopping=False).fit(X, y)
    assert np.isnan(model.history_["validation_score"][-1])


class Falling(Schedule):
    """Reads the losses in its own way, not as `fold` does."""

    def __call__(self, clock):
        return 0.5 ** sum(loss > 0.1 for loss in clock.losses[-5:])


PLATEAU = Plateau(patience=1, threshold=0.05, factor=0.9)
READERS = {**{name: name for name in sorted(SCHEDULES)}, "own": Falling()}


@calls
@pytest.mark.parametrize("lr_schedule", [*READERS.values(), PLATEAU], ids=str)
def test_forgotten_epochs_change_no_training(call, lr_schedule, monkeypatch):
    """Nor where calls fail, and where the model goes through a pickle."""

    def trained():
        model = new(lr_schedule=lr_schedule, learning_rate_init=0.05)
        rates, losses = [], []
        for k in range(5 * KEPT):
            if k % 6 == 5:
                with pytest.raises(ValueError, match="features"):
                    model.partial_fit(X[:, :2], y)
            if k % 11 == 0 and k:
                model = pickle.loads(pickle.dumps(model))
            call(model)
            rates.append(model.history_["learning_rate"][-1])
            losses.append(model.loss_)
        return rates, losses, model._run.theta

    whole = trained()
    monkeypatch.setattr(curves, "KEPT_EPOCHS", KEPT)
    rates, losses, theta = trained()
    assert rates == whole[0]
    assert losses == whole[1]
    np.testing.assert_array_equal(theta, whole[2])
    if lr_schedule is PLATEAU:
        assert len(set(rates)) > 3
        assert len(set(rates[-2 * KEPT :])) > 1


@has_callbacks
def test_estimators_kept_from_callbacks_share_their_curves_unharmed():
    kept, model = [], new(max_iter=6, lr_schedule=PLATEAU)

    class Keeping(Callback):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            if context.task_name == "epoch":
                kept.append(without_callbacks(fitted_estimator))

    model.set_callbacks(Keeping()).fit(X, y)
    columns = [twin._run.history.columns["loss"] for twin in kept]
    assert all(losses is columns[0] for losses in columns)
    kept[2].fit(X, y)
    kept[2].fit(X, y)
    for k, twin in enumerate(kept, start=1):
        if k != 3:
            assert twin.loss_curve_ == model.loss_curve_[:k]
            copied = pickle.loads(pickle.dumps(twin))
            assert copied.loss_curve_ == model.loss_curve_[:k]
            assert len(copied._run.history.columns["loss"]) == k
    again = pickle.loads(pickle.dumps(kept[0])).set_params(max_iter=5)
    assert again.fit(X, y).loss_curve_ == model.loss_curve_


def test_plateaus_of_earlier_calls_are_counted_not_listed():
    class Counting(Schedule):
        reads_losses = False

        def __call__(self, clock):
            return 1 / (1 + clock.plateaus)

        def ends_at_plateau(self, rate):
            return False

    model = new(
        lr_schedule=Counting(), n_iter_no_change=2, tol=1e9, learning_rate_init=0.01
    )
    for k in range(9):
        model.partial_fit(X, y)
        assert len(model._run.stopping.plateaus) <= 1
        # The first epoch is an improvement, and no other is.
        expected = 0.01 / (1 + max(k - 1, 0) // 2)
        assert model.history_["learning_rate"][-1] == pytest.approx(expected)


def test_the_documentation_says_how_many_epochs_are_kept():
    said = f"latest {curves.KEPT_EPOCHS:_} ".replace("_", " ")
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    for text in (page, MLPClassifierX.__doc__, MLPRegressorX.__doc__):
        assert said in " ".join(text.split())
