"""Ctrl-C at any point of a training: the model is whole and goes on as if unstopped."""

import os
import pickle
import signal
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import copy
from functools import cache

import numpy as np
import pytest
import sklearn
from interrupts import Interrupts, is_within_package

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule
from skoptnet._files import replace
from skoptnet.callbacks import Callback, Checkpoint

# Each scenario chooses its own kernels.
pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore")]

X = np.random.RandomState(0).randn(40, 3)
Y = (X[:, 0] + X[:, 1] ** 2 > 1).astype(int)

#: Epochs of a training: of what comes before the call, and of that and the call.
BEFORE, ALL = 2, 5


def new(early_stopping=False, shared=False, **parameters):
    """Return an estimator that learns a little in each of a few epochs."""
    return MLPClassifierX(
        (3,),
        **{"batch_size": 10, "learning_rate_init": 0.01, "n_iter_no_change": np.inf}
        | {"random_state": np.random.RandomState(1) if shared else 1}
        | {"early_stopping": early_stopping, "max_iter": ALL}
        | parameters,
    )


def fit(model, n_epochs):
    """Fit once: anew, or on from where a model is."""
    before = model._run.epoch if hasattr(model, "_run") else 0
    if n_epochs > before:
        model.set_params(max_iter=n_epochs - before, warm_start=before > 0).fit(X, Y)
    return model


def fit_in_steps(model, n_epochs):
    """Fit epoch by epoch with warm starts."""
    while not hasattr(model, "_run") or model._run.epoch < n_epochs:
        model.set_params(max_iter=1, warm_start=True).fit(X, Y)
    return model


def partial_fit(model, n_epochs):
    """Train up to an epoch by `partial_fit`."""
    while not hasattr(model, "_run") or model._run.epoch < n_epochs:
        model.partial_fit(X, Y, classes=[0, 1])
    return model


#: What is interrupted, by name: kernels, training, epochs before, parameters.
SCENARIOS = {
    "fit": ("1", fit, 0, {}),
    "fit, formulas": ("0", fit, 0, {}),
    "warm fit": ("1", fit, BEFORE, {}),
    "warm fit, formulas": ("0", fit, BEFORE, {}),
    "warm fit, RandomState": ("1", fit, BEFORE, {"shared": True}),
    "warm fits": ("1", fit_in_steps, BEFORE, {"shared": True}),
    "partial_fit": ("1", partial_fit, 0, {}),
    "partial_fit, formulas": ("0", partial_fit, 0, {}),
    "partial_fit, RandomState": ("1", partial_fit, 1, {"shared": True}),
    "partial_fit, adaptive": (
        "1",
        partial_fit,
        1,
        {"lr_schedule": "adaptive", "n_iter_no_change": 2, "tol": 0.1},
    ),
    "partial_fit, dropout, L1 and clipping": (
        "0",
        partial_fit,
        1,
        {"dropout": 0.2, "l1_ratio": 0.5, "alpha": 0.1, "max_grad_norm": 1.0},
    ),
    "early stopping": ("1", fit, 0, {"early_stopping": True}),
    "early stopping, formulas": ("0", fit, 0, {"early_stopping": True}),
    "warm early stopping": ("1", fit, BEFORE, {"early_stopping": True}),
    "refit_all": ("1", fit, 0, {"early_stopping": True, "refit_all": True}),
    "lbfgs": ("1", fit, 0, {"solver": "lbfgs"}),
    "warm lbfgs": ("1", fit, BEFORE, {"solver": "lbfgs"}),
    "lbfgs, early stopping": ("1", fit, 0, {"solver": "lbfgs", "early_stopping": True}),
}


def state_of(model):
    """Return all that a model goes on from, and its history without times."""
    run = model._run
    history = model.history_
    del history["seconds"]
    state = {
        name: value.tolist() if hasattr(value, "tolist") else value
        for name, value in vars(run.state).items()
    }
    _, keys, *place = run.rng.get_state()
    return {
        "theta": run.theta.tolist(),
        "state": state,
        "history": history,
        "counts": (run.update, run.epoch, run.samples, model.t_),
        "stopping": dict(
            vars(run.stopping), plateaus=run.stopping.n_plateaus, n_plateaus_before=0
        ),
        "random": (keys.tolist(), *place),
        "order": run.shuffles and run.shuffles.order(run.rng).tolist(),
    }


def assert_whole(model):
    """Each list of the history has as many entries as the run has epochs."""
    n_epochs = model._run.epoch
    assert {len(values) for values in model.history_.values()} == {n_epochs}
    assert model.history_["epoch"] == list(range(1, n_epochs + 1))
    assert model._curves[1] == n_epochs
    assert len(model.loss_curve_) == n_epochs
    assert model.t_ == model._run.samples


class Scenario:
    """A training, and what it comes to where nobody interrupts it."""

    def __init__(self, name):
        self.kernels, self.train, self.before, self.parameters = SCENARIOS[name]
        self.name = name
        os.environ["SKOPTNET_KERNELS"] = self.kernels
        # By the last epoch of the call: its end, and the end of going on from there.
        self.ends, self.further, self.refitted = {}, {}, None
        if self.parameters.get("refit_all"):
            self.refitted = state_of(self.train(self.begun(), ALL))
            self.parameters = self.parameters | {"refit_all": False}
        for n_epochs in range(self.before or 1, ALL + 1):
            model = self.train(self.begun(), n_epochs)
            self.ends[n_epochs] = state_of(model)
            self.further[n_epochs] = state_of(self.train(model, ALL + 1))
        if not self.parameters.get("early_stopping") and "lbfgs" not in name:
            goals = [self.further[n] for n in self.ends]
            assert goals == [goals[0]] * len(goals)

    def begun(self):
        """Return the estimator that is to be trained, perhaps with some epochs."""
        model = new(**self.parameters)
        return self.train(model, self.before) if self.before else model

    def interrupt(self, at, only_signals=False, checks_end=True):
        """Train with Ctrl-C at some points, and see that all is as it should be."""
        os.environ["SKOPTNET_KERNELS"] = self.kernels
        model, ended = self.begun(), ""
        if self.refitted:
            model.set_params(refit_all=True)
        before = getattr(model, "_run", None)
        known = set(vars(model))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            interrupts = Interrupts(at, only_signals)
            try:
                interrupts.call(lambda: self.train(model, ALL))
            except KeyboardInterrupt:
                ended = "raised"
        says = [str(warning.message) for warning in caught]
        self.places = places = interrupts.places
        self.reached = interrupts.reached
        if not places or (interrupts.is_lost and not ended):
            return interrupts.n_points
        if not ended and self.train is fit_in_steps:  # the loop went on
            ended = "warned"
        elif not ended:
            assert any("interrupted" in words for words in says), (places, says)
            assert model.stop_reason_ == "interrupted", places
            ended = "warned"
        if not hasattr(model, "_run"):
            assert ended == "raised", places
            assert set(vars(model)) == known, places
        else:
            if self.refitted and state_of(model) == self.refitted:
                return interrupts.n_points
            assert_whole(model)
            n_epochs = model._run.epoch
            state, end = state_of(model), self.ends[n_epochs]
            if len(places) > 1:  # the draws may be undone by the next call only
                state["random"] = end["random"]
            assert state == end, (places, n_epochs)
            if model._run is before:
                assert ended == "raised", places
        if checks_end:
            model.set_params(refit_all=False)
            if not hasattr(model, "_run"):
                self.train(model, ALL)
            n_epochs = model._run.epoch
            assert state_of(self.train(model, ALL + 1)) == self.further[n_epochs], (
                places,
                n_epochs,
            )
        return interrupts.n_points


scenario = cache(Scenario)


@pytest.fixture(autouse=True)
def settings_as_before(monkeypatch):
    """Keep the kernels' switch, which a scenario sets, and scikit-learn's settings.

    Ctrl-C in the context that scikit-learn runs its own functions in, such as
    `train_test_split`, leaves parameters unchecked in the thread.
    """
    monkeypatch.setenv("SKOPTNET_KERNELS", os.environ.get("SKOPTNET_KERNELS", "1"))
    with sklearn.config_context():
        yield


def spread(n_points, n, offset):
    """Return ``n`` of the points of a scenario, at equal distances, from an offset."""
    step = -(-n_points // n)
    return range(offset % step, n_points, step)


def few_and_many(few, many):
    """Run a test at few points of a scenario, and exhaustively at many."""
    many = pytest.param(many, marks=pytest.mark.exhaustive)
    return pytest.mark.parametrize("n", [few, many])


@few_and_many(20, 100)
@pytest.mark.parametrize("name", SCENARIOS)
def test_ctrl_c_at_any_point(name, n):
    interrupted = scenario(name)
    n_points = interrupted.interrupt(())
    assert n_points > 1000
    for i in spread(n_points, n, 7):
        interrupted.interrupt((i,))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("fit", marks=pytest.mark.exhaustive),
        "warm fit",
        pytest.param("partial_fit, RandomState", marks=pytest.mark.whole_product),
        pytest.param("partial_fit", marks=pytest.mark.whole_product),
    ],
)
def test_ctrl_c_at_every_statement_of_the_training_path(name):
    """Where it is reached first, last and, in a fit, in between."""
    interrupted = scenario(name)
    interrupted.interrupt(())
    by_place = {}
    for i, (code, line) in enumerate(interrupted.reached):
        if "training" in code.co_filename or code.co_filename.endswith("fitting.py"):
            by_place.setdefault((code, line), []).append(i)
    assert len(by_place) > 200
    chosen = {i for all_ in by_place.values() for i in (all_[0], all_[-1])}
    if interrupted.train is fit:
        chosen |= {all_[len(all_) // 2] for all_ in by_place.values()}
    for i in sorted(chosen):
        interrupted.interrupt((i,))


@few_and_many(5, 10)
@pytest.mark.parametrize("gap", [1, 3, 13, 40])
@pytest.mark.parametrize("name", SCENARIOS)
def test_ctrl_c_six_times_in_a_row(name, gap, n):
    """All come where signals can arrive: the first, and those while it is dealt with.

    The larger the gap, the deeper in the recovery is the second.
    """
    interrupted = scenario(name)
    n_points = interrupted.interrupt((), only_signals=True)
    for i in spread(n_points, n, 11 * gap):
        interrupted.interrupt(range(i, i + 6 * gap, gap), only_signals=True)


def test_six_interrupts_do_come():
    """Tracing goes on after the first, and training after those in the recovery."""
    interrupted, n_times = scenario("early stopping, formulas"), set()
    n_points = interrupted.interrupt((), only_signals=True)
    for i in range(n_points // 2, n_points // 2 + 20):
        interrupted.interrupt(range(i, i + 6 * 13, 13), only_signals=True)
        n_times.add(len(interrupted.places))
    assert 6 in n_times


# ------------------------------------------------------------------ real signals


class Signals:
    """A context: signals come after some seconds, each as Ctrl-C if training is on."""

    def __init__(self, times, at):
        self.left, self.at = times, at

    def __enter__(self):
        signal.signal(signal.SIGALRM, self.answer)
        signal.setitimer(signal.ITIMER_REAL, self.at)
        return self

    def __exit__(self, *_):
        self.left_over, self.left = self.left, 0
        signal.setitimer(signal.ITIMER_REAL, 0)

    def answer(self, number, frame):
        if not self.left:
            return
        is_training = is_within_package(frame)
        self.left -= is_training
        signal.setitimer(signal.ITIMER_REAL, 3e-5 if self.left else 0)
        if is_training:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def alarms(ctrl_c):
    """The answer to alarms is as before in the end, when the last of them has come."""
    before = signal.getsignal(signal.SIGALRM)
    yield
    time.sleep(0.1)
    signal.signal(signal.SIGALRM, before)


def seconds_of(interrupted):
    model, begun = interrupted.begun(), time.perf_counter()
    interrupted.train(model, ALL)
    return time.perf_counter() - begun


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
@pytest.mark.parametrize("times", [1, 6])
@pytest.mark.parametrize(
    "name",
    [
        "fit",
        "fit, formulas",
        "warm fits",
        "partial_fit",
        "partial_fit, formulas",
        "early stopping",
    ],
)
def test_random_signals(name, times, alarms):
    """At nearly 400 random times in all, of which a half finds training on."""
    interrupted = scenario(name)
    os.environ["SKOPTNET_KERNELS"] = interrupted.kernels
    takes = min(seconds_of(interrupted) for _ in range(3))
    lots = np.random.RandomState(len(name) + times)
    n_hit = 0
    for _ in range(50 if times == 1 else 15):
        model = interrupted.begun()
        try:
            with Signals(times, lots.uniform(0, takes)) as signals:
                interrupted.train(model, ALL)
        except KeyboardInterrupt:
            pass
        n_hit += times - signals.left_over
        ended = getattr(model, "_run", None)
        if ended:
            assert_whole(model)
            state, end = state_of(model), interrupted.ends[ended.epoch]
            assert state["theta"] == end["theta"]
            assert state["state"] == end["state"]
            assert state["history"] == end["history"]
        interrupted.train(model, model._run.epoch if ended else ALL)
        n_epochs = model._run.epoch
        further = state_of(interrupted.train(model, ALL + 1))
        assert further == interrupted.further[n_epochs]
    assert n_hit > 3, n_hit


# -------------------------------------------------------------------- checkpoints


@few_and_many(40, 100)
@pytest.mark.parametrize("n_times", [1, 2, 6])
def test_ctrl_c_while_a_checkpoint_is_written(tmp_path, n_times, n):
    """A whole file, old or new, and no other."""
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
    os.environ["SKOPTNET_KERNELS"] = "1"
    path = tmp_path / "model.pickle"
    ends = {n: state_of(fit(new(), n)) for n in (1, 2, 3)}

    def train(at):
        model = new().set_callbacks(Checkpoint(path, every=1))
        interrupts = Interrupts(at, only_signals=n_times > 1)
        with suppress(KeyboardInterrupt):
            interrupts.call(lambda: fit(model, 3))
        return model, interrupts.n_points

    _, n_points = train(())
    for i in spread(n_points, n, 7):
        path.unlink(missing_ok=True)
        model, _ = train(range(i, i + n_times))
        if hasattr(model, "_run"):
            assert_whole(model)
            assert state_of(model) == ends[model._run.epoch]
        files = [file.name for file in tmp_path.iterdir()]
        assert files in ([], [path.name]) or n_times > 1, files
        if path.exists():
            kept = Checkpoint.load(path)
            assert_whole(kept)
            assert state_of(kept) == ends[kept._run.epoch]


def test_ctrl_c_at_each_point_of_a_save_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "model.pickle"

    def save(at):
        interrupts = Interrupts(at)
        with suppress(KeyboardInterrupt):
            interrupts.call(lambda: replace(path, lambda file: file.write(b"model")))
        return interrupts.n_points

    n_points = save(())
    assert n_points > 20, n_points
    for i in range(n_points):
        path.unlink(missing_ok=True)
        save([i])
        assert [file.name for file in tmp_path.iterdir()] in ([], [path.name]), i


# ------------------------------------------- several trainings of one estimator


class FitsItsOwn(Callback):
    """Trains the estimator that it watches."""

    def __init__(self, how):
        self.how, self.is_busy = how, False

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if self.is_busy or context.task_name != "epoch":
            return
        self.is_busy = True
        twin = estimator if hasattr(estimator, "_run") else fitted_estimator
        if self.how == "partial_fit":
            twin.partial_fit(X, Y, classes=[0, 1])
        else:
            twin.set_params(max_iter=2, warm_start=True).fit(X, Y)
        assert_whole(twin)
        self.is_busy = False


@pytest.mark.parametrize("how", ["partial_fit", "fit"])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_a_callback_that_trains_its_own_estimator(how, is_fitted):
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
    model = fit(new(), BEFORE) if is_fitted else new()
    model.set_callbacks(FitsItsOwn(how))
    for _ in range(3):
        model.set_params(max_iter=3, warm_start=True)
        model.fit(X, Y)
        assert_whole(model)


@pytest.mark.parametrize("kernels", ["0", "1"])
def test_threads_that_train_one_estimator(kernels, monkeypatch):
    """Whichever is last, the model is that of one training."""
    monkeypatch.setenv("SKOPTNET_KERNELS", kernels)
    model = new().partial_fit(X, Y, classes=[0, 1])

    def train(_):
        for _ in range(50):
            model.partial_fit(X, Y)
            seen = copy(model)
            assert_whole(seen)
            assert seen._run.update == 4 * seen._run.epoch == seen._run.state.t

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(train, range(4)))
    assert_whole(model)
    assert 50 <= model._run.epoch <= 201


@pytest.mark.parametrize("train", [fit_in_steps, partial_fit])
def test_shallow_copies_that_both_go_on(train):
    first = train(new(), BEFORE)
    second = copy(first)
    for n_epochs in range(BEFORE + 1, ALL + 1):
        for model in (first, second):
            train(model, n_epochs)
            for each in (first, second):
                assert_whole(each)
    curves = first.loss_curve_, second.loss_curve_
    assert curves[0][:BEFORE] == curves[1][:BEFORE]


class Explode(Schedule):
    """A rate that no training survives."""

    def __call__(self, clock):
        return 1e300


def test_a_warm_start_with_early_stopping_that_diverges_in_its_first_epoch():
    """The epochs before have no score: the weights are those from before."""
    y = X[:, 0]
    model = MLPRegressorX((3,), solver="sgd", max_iter=BEFORE, batch_size=10)
    model.set_params(warm_start=True, random_state=0).fit(X, y)
    before = state_of(model)
    model.set_params(early_stopping=True, lr_schedule=Explode())
    with pytest.warns(UserWarning, match="Training diverged in epoch 3"):
        model.fit(X, y)
    assert_whole(model)
    assert model.stop_reason_ == "diverged"
    assert state_of(model)["theta"] == before["theta"]
    assert state_of(model)["history"] == before["history"]
    assert pickle.loads(pickle.dumps(model)).history_ == model.history_
