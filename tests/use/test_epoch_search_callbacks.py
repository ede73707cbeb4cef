"""Callbacks of searches over epochs: one tree of tasks, over all processes."""

import io
from contextlib import redirect_stdout

import numpy as np
import pytest
from problems import LABELS, X
from searches import CV, EPOCHS, SEARCHES, epochs_of, network, quietly, small_search
from sent_to_workers import Noting, StopsAt
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX
from skoptnet.callbacks import Callback

sk = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
]

GRID = "EpochHalvingGridSearchCV"
jobs = pytest.mark.parametrize("n_jobs", [1, 2])


def noted(path, event):
    lines = path.read_text().splitlines()
    return [line.split(": ", 1)[1] for line in lines if line.partition(":")[0] == event]


@jobs
@pytest.mark.parametrize("kind", SEARCHES)
@pytest.mark.each_value
def test_epochs_are_in_candidates_in_rungs(kind, n_jobs, tmp_path):
    path = tmp_path / "tasks"
    model = make_pipeline(StandardScaler(), network(MLPClassifierX))
    search = small_search(kind, model, "mlpclassifierx__", n_jobs=n_jobs)
    search.set_callbacks(Noting(path)).fit(X, LABELS)
    begun, ended = noted(path, "begin"), noted(path, "end")
    assert sorted(begun) == sorted(ended)
    assert len(set(begun)) == len(begun)
    counts, ends = search.n_candidates_, search.n_resources_
    if "Halving" in kind:
        counts, ends = [counts], [ends]
    expected, rung = ["fit 0", "fit 0 / search 0"], 0
    for bracket in zip(counts, ends, strict=True):
        before = 0
        for n, end in zip(*bracket, strict=True):
            inside = f"fit 0 / search 0 / halving-iteration {rung}"
            expected.append(inside)
            for task in range(n * CV.n_splits):
                expected.append(f"{inside} / fit {task}")
                expected += [
                    f"{inside} / fit {task} / epoch {i}" for i in range(end - before)
                ]
            before, rung = end, rung + 1
    expected.append("fit 0 / fit 1")
    expected += [f"fit 0 / fit 1 / epoch {i}" for i in range(search.best_epoch_)]
    assert sorted(begun) == sorted(expected)
    assert noted(path, "setup") == noted(path, "teardown") == ["fit 0"]
    assert begun[:2] == expected[:2]
    assert ended[-1] == "fit 0"


def test_tasks_are_named_as_in_the_halving_search_of_scikit_learn(tmp_path):
    grid = {"alpha": [0.1, 0.2, 0.3]}
    ours = SEARCHES[GRID](network(MLPClassifierX), grid, cv=CV)
    theirs = HalvingGridSearchCV(
        network(MLPClassifierX), grid, cv=CV, resource="max_iter", max_resources=9,
        min_resources=3,
    )  # fmt: skip
    for search, name in ((ours, "ours"), (theirs, "theirs")):
        quietly(search.set_callbacks(Noting(tmp_path / name)).fit, X, LABELS)

    def names(name):
        return [t for t in noted(tmp_path / name, "end") if "epoch" not in t]

    assert names("ours") == names("theirs")


@jobs
def test_callbacks_of_the_network_are_part_of_the_tree(n_jobs):
    """They stay the same objects, though the networks come back from workers."""
    monitor = sk.ScoringMonitor(scoring="accuracy")
    model = make_pipeline(
        StandardScaler(), network(MLPClassifierX).set_callbacks(monitor)
    )
    search = small_search(GRID, model, "mlpclassifierx__", n_jobs=n_jobs)
    search.fit(X, LABELS)
    (log,) = monitor.get_logs(select="all")
    assert log.estimator_name == GRID
    n_epochs = sum(map(len, epochs_of(search).values())) + search.best_epoch_
    n_fits = 3 * sum(search.n_candidates_) + 1
    epochs = [row for row in log.data if row["task_name"] == "epoch"]
    assert len(epochs) == n_epochs
    assert len(log.data) == n_epochs + n_fits
    refit = [row["accuracy"] for row in epochs if row["task_id_path"][:2] == (0, 1)]
    scaled = StandardScaler().fit_transform(X)
    rate = search.best_params_["mlpclassifierx__learning_rate_init"]
    for n, score in enumerate(refit, 1):
        alone = clone(model[-1]).set_params(max_iter=n, learning_rate_init=rate)
        vars(alone).pop("_skl_callbacks")
        assert score == alone.fit(scaled, LABELS).score(scaled, LABELS)


@jobs
def test_a_callback_of_the_network_ends_its_trainings(n_jobs):
    model = network(MLPClassifierX).set_callbacks(StopsAt(5))
    search = small_search(GRID, model, n_jobs=n_jobs).fit(X, LABELS)
    last = search.cv_results_["iter"] == 1
    assert set(search.cv_results_["split0_stop_reason"][last]) == {"callback"}
    assert max(map(len, epochs_of(search).values())) == 5
    assert search.best_epoch_ <= 5


def test_results_are_the_same_with_callbacks(tmp_path):
    plain = small_search(GRID, network(MLPClassifierX)).fit(X, LABELS)
    watched = small_search(GRID, network(MLPClassifierX))
    watched.set_callbacks(Noting(tmp_path / "tasks")).fit(X, LABELS)
    for name, values in plain.epoch_results_.items():
        assert np.array_equal(values, watched.epoch_results_[name])
    assert np.array_equal(plain.predict_proba(X), watched.predict_proba(X))


class Remembering(Callback):
    def __init__(self):
        self.arguments = []

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None,
        fitted_estimator=None,
    ):  # fmt: skip
        self.arguments.append((type(estimator).__name__, context.task_name, X, y,
                               metadata))  # fmt: skip


def test_callbacks_get_the_data_of_the_search():
    callback, weights = Remembering(), np.linspace(1, 2, len(X))
    search = small_search(GRID, network(MLPClassifierX)).set_callbacks(callback)
    search.fit(X, LABELS, sample_weight=weights)
    name, task, rows, y, metadata = callback.arguments[-1]
    assert (name, task) == (GRID, "fit")
    assert rows is X
    assert y is LABELS
    assert np.array_equal(metadata["sample_weight"], weights)
    assert {name for name, *_ in callback.arguments} == {GRID}


def test_a_failing_training_and_ctrl_c_end_the_callbacks_too(tmp_path):
    path = tmp_path / "tasks"
    search = small_search(
        GRID, network(MLPClassifierX, solver="sgd", activation="identity"),
        scoring=lambda estimator, X, y: estimator.score(X, y),
    )  # fmt: skip
    search.set_params(param_grid={"learning_rate_init": [1e200, 0.01, 0.02]})
    search.set_callbacks(Noting(path))
    quietly(search.fit, X, LABELS)
    assert noted(path, "teardown") == ["fit 0"]
    assert noted(path, "end")[-1] == "fit 0"

    class Interrupted(Callback):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 2:
                self.n = getattr(self, "n", 0) + 1
                if self.n == 6:
                    raise KeyboardInterrupt

    path.unlink()
    model = network(MLPClassifierX).set_callbacks(Interrupted())
    search = small_search(GRID, model).set_callbacks(Noting(path))
    _, messages = quietly(search.fit, X, LABELS)
    assert any("search was interrupted by the user" in text for text in messages)
    assert noted(path, "teardown") == ["fit 0"]
    assert noted(path, "end")[-1] == "fit 0"
    assert search.best_estimator_.n_iter_ == search.best_epoch_


def depth(context):
    return 0 if context.parent is None else 1 + depth(context.parent)


def test_a_second_ctrl_c_ends_the_refit():
    """It keeps the last finished epoch, with a warning of its own."""

    class InterruptedTwice(Callback):
        n = 0

        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                self.n += 1
                # The refit is a task of the search, its epochs are tasks of that.
                if self.n == 20 or (depth(context) == 2 and context.task_id == 1):
                    raise KeyboardInterrupt

    model = network(MLPClassifierX).set_callbacks(InterruptedTwice())
    search = small_search(GRID, model)
    _, messages = quietly(search.fit, X, LABELS)
    assert any("search was interrupted by the user" in text for text in messages)
    assert any("Training interrupted by user" in text for text in messages)
    assert search.best_epoch_ > 2
    assert search.best_estimator_.stop_reason_ == "interrupted"
    assert search.best_estimator_.n_iter_ == 2


@jobs
def test_a_progress_bar(n_jobs):
    pytest.importorskip("rich")
    search = small_search(GRID, network(MLPClassifierX), n_jobs=n_jobs)
    out = io.StringIO()
    with redirect_stdout(out):
        search.set_callbacks(sk.ProgressBar()).fit(X, LABELS)
    lines = out.getvalue().splitlines()
    assert sum("candidate-split-evaluation" in line for line in lines) >= 3
    assert any("halving-iteration #1" in line for line in lines)
    assert search.max_resources_ == EPOCHS
