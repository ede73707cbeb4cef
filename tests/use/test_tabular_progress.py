"""What the tabular estimators tell of a fit: lines, a bar, scikit-learn's callbacks."""

import re
import sys
import threading
from collections import Counter

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from tables import BOTH, LABELS, X, equal_models, target, tiny

from skoptnet import TabularMLPClassifier, TabularMLPRegressor
from skoptnet.estimators import verbose as verbose_module

each = pytest.mark.parametrize("Estimator", BOTH)
jobs = pytest.mark.parametrize("n_jobs", [1, 2])


# ------------------------------------------------------------------------------ lines


@each
@jobs
@pytest.mark.parametrize("verbose", [1, True])
def test_a_line_per_network(Estimator, n_jobs, verbose, capsys):
    model = tiny(Estimator, verbose=verbose, n_jobs=n_jobs)
    model.fit(X, target(Estimator))
    lines = capsys.readouterr().out.splitlines()
    pattern = r"Network (\d) of 4: epoch (\d) of 4 kept, validation loss = ([\d.]+)"
    found = {int(m[1]): m for m in (re.fullmatch(pattern, line) for line in lines)}
    assert sorted(found) == [1, 2, 3, 4]
    for number, (network, epoch) in enumerate(
        zip(model.estimators_, model.best_epochs_, strict=True), start=1
    ):
        assert int(found[number][2]) == epoch
        loss = network.history_["validation_loss"][epoch - 1]
        assert float(found[number][3]) == pytest.approx(loss, abs=1e-7)
    if n_jobs == 1:
        assert list(found) == [1, 2, 3, 4]


@each
@pytest.mark.parametrize("verbose", [0, False])
def test_silence(Estimator, verbose, capsys):
    tiny(Estimator, verbose=verbose).fit(X, target(Estimator)).predict(X)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------------------- the bar


@each
@jobs
def test_a_bar_counts_the_epochs_of_all_networks(Estimator, n_jobs, capsys):
    """Where the output is no terminal, it is a line at the end."""
    model = tiny(Estimator, verbose=2, n_jobs=n_jobs, max_iter=5)
    model.fit(X, target(Estimator))
    out = capsys.readouterr().out
    assert out.startswith("20/20")
    assert "Network" not in out
    assert equal_models(model, tiny(Estimator, max_iter=5).fit(X, target(Estimator)), X)


class Terminal:
    """An output that says it is a terminal, and keeps what it gets."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass

    def isatty(self):
        return True


def test_without_rich_there_is_a_hint(monkeypatch, capsys):
    """As for a single network: the hint comes once, and training goes on."""
    for name in [name for name in sys.modules if name.split(".")[0] == "rich"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr(verbose_module, "_printed", set())
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    for _ in range(2):
        tiny(TabularMLPClassifier, verbose=2).fit(X, LABELS)
    hint = 'The progress bar needs rich: pip install "skoptnet[progress]"'
    assert terminal.text.count(hint) == 1


# -------------------------------------------------------------------------- callbacks

sk = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
from skoptnet.callbacks import (  # noqa: E402
    Callback,
    Checkpoint,
    History,
    StopOnPlateau,
    TimeBudget,
)


class Noting(Callback):
    """Notes what it is told, in whatever thread."""

    def __init__(self):
        self.events, self.fitted, self.lock = [], [], threading.Lock()

    def note(self, what, estimator, context):
        with self.lock:
            event = (what, type(estimator).__name__, context.task_name, context.task_id)
            self.events.append(event)

    def setup(self, estimator, context):
        self.note("setup", estimator, context)

    def teardown(self, estimator, context):
        self.note("teardown", estimator, context)

    def on_fit_task_begin(self, estimator, context):
        self.note("begin", estimator, context)

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.note("end", estimator, context)
        if context.task_name == "fit":
            self.fitted.append((X, y, metadata, fitted_estimator))


class NotingAll(Noting):
    """The same, also of the networks inside."""

    max_propagation_depth = None


@each
@jobs
def test_each_network_is_a_task(Estimator, n_jobs):
    noting, name = Noting(), Estimator.__name__
    model = tiny(Estimator, n_jobs=n_jobs).set_callbacks(noting)
    model.fit(X, target(Estimator))
    assert noting.events[:2] == [("setup", name, "fit", 0), ("begin", name, "fit", 0)]
    assert noting.events[-2:] == [("end", name, "fit", 0), ("teardown", name, "fit", 0)]
    inside = noting.events[2:-2]
    for k in range(4):
        begin = inside.index(("begin", name, "fit-network", k))
        assert begin < inside.index(("end", name, "fit-network", k))
    assert len(inside) == 8
    assert not [key for key in vars(model) if "callback_" in key]
    assert equal_models(model, tiny(Estimator).fit(X, target(Estimator)), X)


@each
@jobs
def test_propagated_callbacks_see_the_epochs(Estimator, n_jobs):
    noting = NotingAll()
    model = tiny(Estimator, n_jobs=n_jobs, max_iter=3).set_callbacks(noting)
    model.fit(X, target(Estimator))
    counts = Counter((what, task) for what, _, task, _ in noting.events)
    assert counts["begin", "epoch"] == counts["end", "epoch"] == 4 * 3
    assert not [n for n in model.estimators_ if hasattr(n, "_skl_callbacks")]
    assert not [n for n in model.estimators_ if "callback" in " ".join(vars(n))]


@each
@jobs
def test_the_end_has_the_fitted_estimator(Estimator, n_jobs):
    noting, y, w = Noting(), target(Estimator), np.ones(150)
    model = tiny(Estimator, n_jobs=n_jobs).set_callbacks(noting)
    model.fit(X, y, sample_weight=w)
    rows, targets, metadata, fitted = noting.fitted[0]
    assert rows is X
    assert np.array_equal(targets, y)
    assert metadata["sample_weight"] is w
    assert equal_models(fitted, model, X)


@each
@jobs
def test_scoring_monitor(Estimator, n_jobs):
    y = target(Estimator)
    name = "accuracy" if Estimator is TabularMLPClassifier else "r2"
    monitor = sk.ScoringMonitor(scoring=name)
    model = tiny(Estimator, n_jobs=n_jobs).set_callbacks(monitor).fit(X, y)
    entries = [entry for entry in monitor.get_logs().data if name in entry]
    own = [e for e in entries if e["estimator_name"] == Estimator.__name__]
    assert own[-1][name] == pytest.approx(model.score(X, y))


@each
@jobs
def test_progress_bar_of_scikit_learn(Estimator, n_jobs, capsys):
    pytest.importorskip("rich")
    model = tiny(Estimator, n_jobs=n_jobs)
    model.set_callbacks(sk.ProgressBar(max_propagation_depth=None))
    model.fit(X, target(Estimator))
    out = capsys.readouterr().out
    assert Estimator.__name__ in out
    assert out.count("fit #") == 4


def test_a_bar_over_a_search(capsys):
    pytest.importorskip("rich")
    grid = {"alpha": [0, 1]}
    search = GridSearchCV(tiny(TabularMLPRegressor, max_iter=2), grid, cv=2)
    search.set_callbacks(sk.ProgressBar(max_propagation_depth=None))
    search.fit(X, target(TabularMLPRegressor))
    assert "TabularMLPRegressor" in capsys.readouterr().out


@each
def test_ours_are_for_a_single_network(Estimator, tmp_path):
    ours = [
        TimeBudget(1), StopOnPlateau(), History(tmp_path / "h.csv"),
        Checkpoint(tmp_path / "model"),
    ]  # fmt: skip
    for callback in ours:
        model = tiny(Estimator).set_callbacks(callback)
        says = f"{type(callback).__name__} must be set on .*{Estimator.__name__}"
        with pytest.raises(TypeError, match=says):
            model.fit(X, target(Estimator))
        assert not hasattr(model, "estimators_")
    assert not list(tmp_path.iterdir())


class Failing(Callback):
    """Fails at a task, and notes that it was told of the end."""

    def __init__(self, task):
        self.task, self.ended = task, False

    def teardown(self, estimator, context):
        self.ended = True

    def on_fit_task_end(self, estimator, context):
        if context.task_name == self.task:
            raise RuntimeError("on purpose")


@jobs
@pytest.mark.parametrize("task", ["fit", "fit-network"])
def test_an_error_in_a_callback(n_jobs, task):
    failing = Failing(task)
    model = tiny(TabularMLPClassifier, n_jobs=n_jobs).set_callbacks(failing)
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(X, LABELS)
    assert failing.ended
    assert not hasattr(model, "estimators_")
    assert not [key for key in vars(model) if "callback_" in key]
    again = clone(model).set_callbacks().fit(X, LABELS)
    assert equal_models(again, tiny(TabularMLPClassifier).fit(X, LABELS), X)


@pytest.mark.parametrize("bad", [{"max_iter": 0}, {"cv": []}])
def test_bad_parameters_tear_callbacks_down(bad):
    noting = Noting()
    model = tiny(TabularMLPClassifier, **bad).set_callbacks(noting)
    with pytest.raises(ValueError, match=next(iter(bad))):
        model.fit(X, LABELS)
    kinds = [what for what, *_ in noting.events]
    assert kinds.count("setup") == kinds.count("teardown")
    assert not [key for key in vars(model) if "callback_" in key]
