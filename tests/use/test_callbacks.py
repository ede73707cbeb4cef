"""Callbacks in scikit-learn's protocol, ours and scikit-learn's own."""

import csv
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet._sklearn import without_callbacks
from skoptnet.callbacks import (
    Callback,
    Checkpoint,
    History,
    StopOnPlateau,
    TimeBudget,
)
from skoptnet.optimizers import OPTIMIZERS

sk = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of (epochs|iterations)")

X, y = load_iris(return_X_y=True)
X = scale(X)


class Noting(Callback):
    """Notes what it is told."""

    def __init__(self):
        self.events, self.models = [], []

    def setup(self, estimator, context):
        self.events.append(("setup", context.task_name))

    def teardown(self, estimator, context):
        self.events.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(("end", context.task_name, context.task_id))
        self.models.append((X, y, metadata, fitted_estimator))


class Failing(Callback):
    def __init__(self, at):
        self.at, self.ended = at, False

    def teardown(self, estimator, context):
        self.ended = True

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.at:
            raise RuntimeError("on purpose")


def model(**parameters):
    return MLPClassifierX((5,), **{"random_state": 0, "max_iter": 4, **parameters})


def test_every_epoch_is_a_task_of_the_fit():
    noting = Noting()
    fitted = model().set_callbacks(noting).fit(X, y)
    epochs = [(what, "epoch", k) for k in range(4) for what in ("begin", "end")]
    assert noting.events == [
        ("setup", "fit"), ("begin", "fit", 0), *epochs,
        ("end", "fit", 0), ("teardown", "fit"),
    ]  # fmt: skip
    assert not [name for name in vars(fitted) if "callback_" in name]


@pytest.mark.parametrize("solver", sorted(OPTIMIZERS))
def test_the_fitted_estimator_is_that_of_a_fit_that_ended_there(solver):
    noting = Noting()
    model(solver=solver).set_callbacks(noting).fit(X, y)
    for k, (*_, fitted) in enumerate(noting.models[:-1], start=1):
        short = model(solver=solver, max_iter=k).fit(X, y)
        np.testing.assert_array_equal(
            fitted.predict_proba(X), short.predict_proba(X), strict=True
        )
        assert fitted.loss_curve_ == short.loss_curve_
        assert fitted.n_iter_ == k


def test_the_fitted_estimator_can_be_trained_without_harm():
    class Training(Callback):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator):
            fitted_estimator.partial_fit(X, y)

    watched = model().set_callbacks(Training()).fit(X, y)
    np.testing.assert_array_equal(
        watched.predict_proba(X), model().fit(X, y).predict_proba(X)
    )
    assert len(watched.loss_curve_) == 4


def test_rows_are_those_that_are_trained_on():
    noting, w = Noting(), np.arange(len(y)) % 3 + 0.5
    regressor = MLPRegressorX((3,), max_iter=2, early_stopping=True, random_state=0)
    regressor.set_callbacks(noting).fit(X, X[:, 0], sample_weight=w)
    rows, targets, metadata, _ = noting.models[0]
    assert len(rows) == len(targets) == len(metadata["sample_weight"]) == 135
    np.testing.assert_array_equal(rows[:, 0], targets)
    noting.models.clear()
    clone(regressor).set_params(early_stopping=False).fit(X, X[:, 0])
    assert noting.models[0][0] is X
    assert noting.models[0][2] is None


def test_frames_keep_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    monitor = sk.ScoringMonitor(scoring="accuracy")
    fitted = model().set_callbacks(monitor).fit(frame, y)
    scores = [
        entry["accuracy"] for entry in monitor.get_logs().data if "accuracy" in entry
    ]
    assert scores[-1] == fitted.score(frame, y)


def test_scoring_monitor_scores_every_epoch():
    monitor = sk.ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    fitted = model().set_callbacks(monitor).fit(X, y)
    log = [entry for entry in monitor.get_logs().data if entry["task_name"] == "epoch"]
    assert len(log) == 4
    assert log[-1]["accuracy"] == fitted.score(X, y)
    assert np.diff([entry["neg_log_loss"] for entry in log]).min() > 0


def test_progress_bar_shows_search_fold_and_epoch(capsys):
    pytest.importorskip("rich")
    pipe = make_pipeline(StandardScaler(), model(max_iter=3))
    search = GridSearchCV(pipe, {"mlpclassifierx__solver": ["sgd", "adam"]}, cv=2)
    search.set_callbacks(sk.ProgressBar(max_propagation_depth=None)).fit(X, y)
    out = capsys.readouterr().out
    assert "GridSearchCV" in out
    assert "MLPClassifierX" in out
    assert not hasattr(search.best_estimator_[-1], "_skl_callbacks")


@pytest.mark.parametrize("early_stopping", [False, True])
def test_true_ends_the_training(early_stopping):
    class Second(Callback):
        def on_fit_task_end(self, estimator, context):
            return context.task_id == 1

    fitted = model(early_stopping=early_stopping).set_callbacks(Second()).fit(X, y)
    assert (fitted.stop_reason_, len(fitted.loss_curve_)) == ("callback", 2)


def test_an_error_in_a_callback_keeps_the_epochs_before():
    failing = Failing(at=2)
    fitted = model().set_callbacks(failing)
    with pytest.raises(RuntimeError, match="on purpose"):
        fitted.fit(X, y)
    assert failing.ended
    assert fitted.stop_reason_ == "failed"
    np.testing.assert_array_equal(
        fitted.predict_proba(X), model(max_iter=3).fit(X, y).predict_proba(X)
    )
    assert not [name for name in vars(fitted) if "callback_" in name]


@pytest.mark.parametrize("bad", [{"solver": "nestrov"}, {"max_iter": 0}])
def test_bad_parameters_tear_callbacks_down(bad):
    failing = Failing(at=0)
    with pytest.raises(ValueError, match=next(iter(bad))):
        model(**bad).set_callbacks(failing).fit(X, y)
    assert failing.ended


def test_partial_fit_has_no_tasks():
    noting = Noting()
    model().set_callbacks(noting).partial_fit(X, y, classes=[0, 1, 2])
    assert noting.events == []


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="FitCallback protocol"):
        model().set_callbacks(print)


@pytest.mark.parametrize("refit_all", [False, True])
def test_the_last_task_ends_with_the_model_that_the_user_gets(refit_all):
    noting = Noting()
    options = {"early_stopping": True, "refit_all": refit_all, "max_iter": 8}
    fitted = model(**options, learning_rate_init=0.3).set_callbacks(noting).fit(X, y)
    last = noting.models[-1][-1]
    np.testing.assert_array_equal(last.predict_proba(X), fitted.predict_proba(X))
    for name in ("stop_reason_", "best_epoch_", "best_validation_score_", "loss_"):
        assert getattr(last, name) == getattr(fitted, name)
    weights = fitted.coefs_[0].copy()
    last.set_params(early_stopping=False).partial_fit(X, y)
    np.testing.assert_array_equal(fitted.coefs_[0], weights)


def test_scores_of_a_model_under_way_are_those_of_its_weights():
    noting = Noting()
    options = {"early_stopping": True, "max_iter": 8, "learning_rate_init": 0.3}
    fitted = model(**options).set_callbacks(noting).fit(X, y)
    for k, (*_, so_far) in enumerate(noting.models[:-1], start=1):
        assert so_far.best_epoch_ == k
        assert so_far.best_validation_score_ == fitted.validation_scores_[k - 1]


# Our own.


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_history_is_in_the_file_after_each_epoch(tmp_path, suffix, early_stopping):
    class Reading(Callback):
        def on_fit_task_end(self, estimator, context):
            lengths.append(len(read()))

    def read():
        if suffix == ".jsonl":
            return [json.loads(line) for line in path.read_text().splitlines()]
        with path.open(newline="") as file:
            return [
                {k: float(v) for k, v in row.items()} for row in csv.DictReader(file)
            ]

    path, lengths = tmp_path / f"log{suffix}", []
    fitted = model(early_stopping=early_stopping)
    fitted.set_callbacks(History(path), Reading())
    for _ in range(2):  # the second begins anew
        lengths.clear()
        fitted.fit(X, y)
        assert lengths == [1, 2, 3, 4, 4]
        assert list(fitted.history_)[:3] == ["epoch", "update", "loss"]
        for name, values in fitted.history_.items():
            assert [row[name] for row in read()] == values


def test_history_wants_to_know_the_kind_of_file():
    with pytest.raises(ValueError, match=r"must end in .*jsonl.*'log\.txt'"):
        History("log.txt")


def test_stop_on_plateau_counts_epochs_without_improvement():
    options = {"max_iter": 500, "n_iter_no_change": 500}
    plateau = StopOnPlateau(patience=4, tol=0.01)
    fitted = model(**options).set_callbacks(plateau).fit(X, y)
    losses = fitted.loss_curve_
    assert fitted.stop_reason_ == "callback"
    best, idle, ended = np.inf, 0, None
    for epoch, loss in enumerate(losses, start=1):
        idle = 0 if loss <= best - 0.01 else idle + 1
        best = min(best, loss)
        ended = ended or (epoch if idle == 4 else None)
    assert ended == len(losses)
    assert clone(fitted).fit(X, y).loss_curve_ == losses  # nothing is left from before


def half(model, X, y):
    return 0.5


def test_of_equal_scores_a_checkpoint_keeps_the_lowest_loss(tmp_path):
    """As early stopping does: the file holds the best epoch."""
    checkpoint = Checkpoint(tmp_path / "best")
    fitted = model(
        max_iter=60, early_stopping=True, scoring=half,
        learning_rate_init=0.05, n_iter_no_change=5,
    )  # fmt: skip
    noise = np.random.RandomState(0).permutation(y)  # is soon overfitted
    fitted.set_callbacks(checkpoint).fit(X, noise)
    kept = Checkpoint.load(tmp_path / "best")
    assert fitted.best_epoch_ < fitted.n_iter_
    assert len(kept.loss_curve_) == fitted.best_epoch_ > 1
    np.testing.assert_array_equal(kept.coefs_[0], fitted.coefs_[0])


def test_stop_on_plateau_watches_scores_and_names_what_there_is():
    plateau = StopOnPlateau("validation_score", patience=2)
    fitted = model(max_iter=50, early_stopping=True, scoring=None)
    fitted.set_callbacks(plateau).fit(X, y)
    assert fitted.stop_reason_ == "callback"
    with pytest.raises(ValueError, match=r"one of .*'loss'.* Got 'validation_score'"):
        model().set_callbacks(plateau).fit(X, y)


def test_time_budget_ends_after_the_epoch_it_runs_out_in():
    fitted = model(max_iter=10**6).set_callbacks(TimeBudget(1e-9)).fit(X, y)
    assert (fitted.stop_reason_, len(fitted.loss_curve_)) == ("callback", 1)
    assert model().set_callbacks(TimeBudget(1e6)).fit(X, y).stop_reason_ == "max_iter"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (TimeBudget, {"max_time": 0}),
        (TimeBudget, {"max_time": "1 min"}),
        (StopOnPlateau, {"patience": 0}),
        (StopOnPlateau, {"tol": -1}),
        (Checkpoint, {"path": "x", "every": 0}),
    ],
)
def test_values_out_of_range_are_named(kind, options):
    name, value = list(options.items())[-1]
    message = f"'{name}' parameter of {kind.__name__}.*{value!r}"
    with pytest.raises(ValueError, match=message):
        kind(**options)


@pytest.mark.parametrize("value", [2.5, 2.0, True, np.True_, np.float64(2), "2", None])
@pytest.mark.parametrize(
    ("kind", "options"), [(StopOnPlateau, {"patience": 1}), (Checkpoint, {"every": 1})]
)
def test_what_is_no_count_is_refused(kind, options, value):
    name = next(iter(options))
    required = {"path": "x"} if kind is Checkpoint else {}
    if kind is Checkpoint and value is None:
        return  # an allowed value of its own
    with pytest.raises(ValueError, match=f"'{name}' parameter of {kind.__name__} must"):
        kind(**required, **{name: value})


@pytest.mark.parametrize("value", [True, np.True_, np.nan, "1", None, 1j])
@pytest.mark.parametrize(
    ("kind", "name"), [(TimeBudget, "max_time"), (StopOnPlateau, "tol")]
)
def test_what_is_no_number_is_refused(kind, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter of {kind.__name__} must"):
        kind(**{name: value})


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int32, np.uint64])
def test_counts_of_numpy_are_counts(tmp_path, kind):
    """Those of few bits, too, in trainings of more epochs than they can count."""
    path = tmp_path / "model.pickle"
    plateau = StopOnPlateau(patience=kind(100), tol=1e9)
    fitted = model(max_iter=300, n_iter_no_change=np.inf)
    fitted.set_callbacks(Checkpoint(path, every=kind(100)), plateau).fit(X[::5], y[::5])
    assert len(fitted.loss_curve_) == 101
    assert Checkpoint.load(path).n_iter_ == 100
    fitted.set_callbacks(Checkpoint(path, every=kind(100))).fit(X[::5], y[::5])
    assert Checkpoint.load(path).n_iter_ == 300


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.int64, int])
def test_numbers_of_numpy_are_numbers(kind):
    fitted = model(max_iter=50, n_iter_no_change=np.inf)
    fitted.set_callbacks(TimeBudget(kind(1000)), StopOnPlateau(patience=3, tol=kind(2)))
    assert len(fitted.fit(X, y).loss_curve_) == 4
    fitted.set_callbacks(TimeBudget(np.inf), StopOnPlateau(patience=np.inf))
    assert fitted.fit(X, y).stop_reason_ == "max_iter"


@pytest.mark.parametrize("kind", ["pipeline", "search"])
def test_a_callback_that_would_see_no_epoch_is_refused(tmp_path, kind):
    """scikit-learn does not pass ours on to the estimators inside another."""
    path = tmp_path / "history.csv"
    callbacks = [
        Checkpoint(tmp_path / "model.pickle"), History(path), TimeBudget(1),
        StopOnPlateau(),
    ]  # fmt: skip
    for callback in callbacks:
        if kind == "search":
            outer = GridSearchCV(model(), {"alpha": [1e-4]}, cv=2)
            inner = outer.estimator
        else:
            outer = make_pipeline(StandardScaler(), model())
            inner = outer[-1]
        name = type(callback).__name__
        with pytest.raises(TypeError, match=f"{name} must be set on .*{kind}"):
            outer.set_callbacks(callback).fit(X, y)
        outer.set_callbacks()
        inner.set_callbacks(callback)
        outer.fit(X, y)
    assert {file.name for file in tmp_path.iterdir()} == {"model.pickle", path.name}
    assert len(path.read_text().splitlines()) == 5


def test_checkpoint_of_every_second_epoch(tmp_path):
    path = tmp_path / "model.pickle"
    model(max_iter=5).set_callbacks(Checkpoint(path, every=2)).fit(X, y)
    kept = Checkpoint.load(path)
    np.testing.assert_array_equal(
        kept.predict_proba(X), model(max_iter=4).fit(X, y).predict_proba(X)
    )
    assert not hasattr(kept, "_skl_callbacks")


def test_checkpoint_of_the_best_epoch(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    path = tmp_path / "model.pickle"
    fitted = MLPRegressorX(
        (20,), learning_rate_init=0.1, max_iter=60, early_stopping=True, random_state=0
    )
    fitted.set_callbacks(Checkpoint(path)).fit(scale(X), scale(y))
    best = int(np.argmax(fitted.validation_scores_)) + 1
    assert best < len(fitted.validation_scores_)
    kept = Checkpoint.load(path)
    assert kept.history_["epoch"][-1] == best
    np.testing.assert_array_equal(kept.predict(scale(X)), fitted.predict(scale(X)))


def test_callbacks_survive_clone_and_pickle(tmp_path):
    callbacks = [Checkpoint(tmp_path / "m"), StopOnPlateau(patience=1), TimeBudget(60)]
    first = clone(model(max_iter=50).set_callbacks(*callbacks)).fit(X, y)
    again = pickle.loads(pickle.dumps(first)).fit(X, y)
    assert again.loss_curve_ == first.loss_curve_


def test_without_the_protocol_the_estimators_are_the_same(tmp_path):
    code = """
import sys
import sklearn.model_selection, sklearn.pipeline  # which need it themselves
from sklearn.datasets import load_iris
sys.modules["sklearn.callback"] = None
from skoptnet import MLPClassifierX
model = MLPClassifierX(random_state=0, max_iter=3, early_stopping=True)
import warnings
warnings.simplefilter("ignore")
print(model.fit(*load_iris(return_X_y=True)).loss_, hasattr(model, "set_callbacks"))
"""
    # Elsewhere than in the repository, whose sources are without their kernels.
    call, options = [sys.executable, "-c", code], {"text": True, "cwd": tmp_path}
    out = subprocess.run(call, capture_output=True, check=True, **options).stdout
    fitted = MLPClassifierX(random_state=0, max_iter=3, early_stopping=True)
    loss = fitted.fit(*load_iris(return_X_y=True)).loss_
    assert out.split() == [str(loss), "False"]


def test_metrics_of_an_earlier_call_are_none_of_this_one(tmp_path):
    """Validation scores of a first call do not rank the epochs of one without."""
    from skoptnet.callbacks import Checkpoint, History, StopOnPlateau

    settings = {"early_stopping": True, "warm_start": True, "max_iter": 3}
    fitted = model(**settings).fit(X, y)
    path, log = tmp_path / "kept.pickle", tmp_path / "log.jsonl"
    fitted.set_params(early_stopping=False)
    fitted.set_callbacks(Checkpoint(path), History(log)).fit(X, y)
    assert Checkpoint.load(path).n_iter_ == 3
    assert "NaN" not in log.read_text()
    assert '"validation_loss"' not in log.read_text()
    fitted.set_callbacks(StopOnPlateau("validation_loss", patience=1))
    with pytest.raises(ValueError, match="with early_stopping=True"):
        fitted.fit(X, y)


# What is printed.


def test_lines_are_aligned_and_say_what_there_is(capsys):
    model(max_iter=11, verbose=1, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    assert len({line.index("loss = ") for line in lines}) == 1
    for said in ("validation loss = ", "learning rate = ", " s"):
        assert all(said in line for line in lines)
    assert "score" not in lines[0]
    model(max_iter=2, verbose=1, early_stopping=True, scoring=None).fit(X, y)
    for line in capsys.readouterr().out.splitlines():
        assert "validation score = " in line


@pytest.mark.parametrize("early_stopping", [False, True])
def test_iterations_of_lbfgs_are_tasks(early_stopping):
    options = {"solver": "lbfgs", "max_iter": 6, "early_stopping": early_stopping}
    noting = Noting()
    fitted = model(**options).set_callbacks(noting).fit(X, y)
    ended = [event for event in noting.events if event[:2] == ("end", "epoch")]
    assert len(ended) == len(fitted.loss_curve_)
    for k, (*_, so_far) in enumerate(noting.models[:-1], start=1):
        assert so_far.loss_curve_ == fitted.loss_curve_[:k]
        assert so_far.learning_rate_ is None


def test_true_ends_lbfgs():
    class Second(Callback):
        def on_fit_task_end(self, estimator, context):
            return context.task_id == 1

    fitted = model(solver="lbfgs", max_iter=50).set_callbacks(Second()).fit(X, y)
    assert (fitted.stop_reason_, len(fitted.loss_curve_)) == ("callback", 2)


class KeepsAll(Callback):
    """Keeps the estimator as of each epoch, without a pickle."""

    def __init__(self):
        self.kept = []

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        if context.task_name == "epoch":
            self.kept.append(fitted_estimator)


def test_an_estimator_kept_from_a_callback_goes_on_from_its_own_epoch():
    """What the training has done since then, plateaus included, does not show in it."""
    keeps = KeepsAll()
    settings = {"lr_schedule": "adaptive", "n_iter_no_change": 2, "tol": 0.5}
    model = MLPClassifierX((5,), random_state=0, max_iter=12, **settings)
    model.set_callbacks(keeps).fit(X, y)
    assert len(set(model.history_["learning_rate"])) > 2
    for epoch, kept in enumerate(keeps.kept, start=1):
        passed = [e for e in model._run.stopping.plateaus if e <= epoch]
        assert list(kept._run.stopping.plateaus) == passed
    early = without_callbacks(keeps.kept[2])
    early.partial_fit(X, y)
    assert early.history_["learning_rate"] == model.history_["learning_rate"][:4]
