"""Searches over epochs in bad luck: failures, divergence, Ctrl-C and bad input."""

import json
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from interrupts import Interrupts
from problems import LABELS, NUMBERS, X
from processes import environment
from scipy.stats import loguniform
from searches import CV, EPOCHS, SEARCHES, epochs_of, network, quietly, small_search
from sent_to_workers import FailsIn
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skoptnet import MLPClassifierX, MLPRegressorX, Schedule, TabularMLPClassifier
from skoptnet import model_selection as of_package
from skoptnet.model_selection import EpochHalvingGridSearchCV, EpochHyperbandSearchCV

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
    pytest.mark.filterwarnings("ignore:Training diverged"),
]

GRID = "EpochHalvingGridSearchCV"
kinds = pytest.mark.parametrize("kind", SEARCHES)


with_step = "mlpclassifierx__learning_rate_init"


def failing_search(folds, **options):
    model = make_pipeline(FailsIn(), network(MLPClassifierX))
    grid = {"failsin__fold": folds, with_step: [0.003, 0.03]}
    return EpochHalvingGridSearchCV(model, grid, cv=CV, **{"factor": 2} | options)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("error_score", [np.nan, -3.0])
@pytest.mark.parametrize("scoring", [None, ["accuracy", "neg_log_loss"]])
@pytest.mark.each_value
def test_a_candidate_that_fails_in_a_fold_is_not_promoted(n_jobs, error_score, scoring):
    refit = "accuracy" if scoring else True
    search = failing_search(
        [-1, 1, None], error_score=error_score, n_jobs=n_jobs, scoring=scoring,
        refit=refit, return_train_score=bool(scoring),
    )  # fmt: skip
    search, messages = quietly(search.fit, X, LABELS)
    assert any("8 fits failed out of a total of 18" in text for text in messages)
    results = pd.DataFrame(search.cv_results_)
    first = results[results["iter"] == 0].set_index("candidate")
    name = scoring[0] if scoring else "score"
    failed = {0: set(), 1: set(), 2: set()}
    for candidate, row in first.iterrows():
        for fold in range(3):
            if row[f"split{fold}_stop_reason"] == "failed":
                failed[fold].add(candidate)
                assert "RuntimeError: no such step" in row[f"split{fold}_error"]
                np.testing.assert_equal(row[f"split{fold}_test_{name}"], error_score)
            else:
                assert row[f"split{fold}_error"] == ""
    # In the order of the grid: fold -1, 1 and None, each with two rates.
    assert failed == {0: {4, 5}, 1: {2, 3, 4, 5}, 2: {4, 5}}
    later = set(results.loc[results["iter"] > 0, "candidate"])
    assert later == {0, 1}
    assert search.best_params_["failsin__fold"] == -1
    assert {candidate for candidate, _ in epochs_of(search)} == {0, 1, 2, 3}
    alone = failing_search([-1]).fit(X, LABELS)
    assert np.array_equal(search.predict(X), alone.predict(X))


def test_if_all_fail_there_is_no_result():
    with pytest.raises(ValueError, match=r"(?s)All the 6 fits failed.*no such step"):
        failing_search([None]).fit(X, LABELS)


def test_if_each_fails_in_some_fold_there_is_none_to_refit():
    search = failing_search([0, 1, 2])
    with pytest.raises(ValueError, match="Every candidate failed, diverged or has no"):
        quietly(search.fit, X, LABELS)
    assert not hasattr(search, "best_estimator_")
    assert len(search.cv_results_["params"]) == 6
    assert len(epochs_of(search)) == 12
    search, _ = quietly(search.set_params(refit=False).fit, X, LABELS)
    assert np.isnan(search.best_score_)
    with pytest.raises(ValueError, match="The chosen candidate failed"):
        quietly(search.set_params(refit=lambda results: 0).fit, X, LABELS)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_is_raised_on_demand(n_jobs):
    with pytest.raises(RuntimeError, match="no such step"):
        failing_search([-1, 1], error_score="raise", n_jobs=n_jobs).fit(X, LABELS)


class BadFrom(Schedule):
    """Fails (or makes training diverge) from an epoch on."""

    reads_losses = False

    def __init__(self, epoch, rate=None):
        self.epoch, self.rate = epoch, rate

    def __call__(self, clock):
        if clock.epoch < self.epoch:
            return 1.0
        if self.rate is None:
            raise ArithmeticError("no rate")
        return self.rate


@kinds
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("rate", [None, 1e200])
@pytest.mark.parametrize("at", [0, 5])
@pytest.mark.each_pair
def test_what_goes_wrong_in_any_rung_is_in_the_results(kind, at, rate, early_stopping):
    """Epochs before are there; a candidate that went wrong is never the best."""
    model = network(
        MLPRegressorX, solver="sgd", activation="identity", learning_rate_init=0.01,
        early_stopping=early_stopping,
    )  # fmt: skip
    schedules = [BadFrom(at, rate), "constant", "constant", "constant"]
    options = {"random_state": 0} if "Grid" not in kind else {}
    if "Random" in kind:
        options |= {"n_candidates": 6}
    # In the order in which rows are ranked, those that go wrong come first.
    space = {"lr_schedule": schedules, "alpha": [0.0, 0.1, 1.0]}
    if "Grid" not in kind:
        space["alpha"] = list(np.linspace(0, 1, 30))
    options |= {"min_resources": 3, "cv": CV}
    search = SEARCHES[kind](model, space, **options)
    search, messages = quietly(search.fit, X, NUMBERS)
    results = pd.DataFrame(search.cv_results_)
    is_bad = np.array([p["lr_schedule"] != "constant" for p in results["params"]])
    assert is_bad.any()
    reason = "failed" if rate is None else "diverged"
    wrong = results[results["split0_stop_reason"] == reason]
    assert len(wrong) == len(results[is_bad & (results["n_resources"] > at)])
    for number, row in wrong.iterrows():
        assert is_bad[number]
        assert np.isnan(row["mean_test_score"])
        error = "no rate" if rate is None else "Training diverged|non-finite"
        assert re.search(error, row["split0_error"])
        later = results[results["candidate"] == row["candidate"]]
        assert later.index.max() == number
        n_epochs = len(epochs_of(search).get((row["candidate"], 0), ()))
        assert at - 1 <= n_epochs <= at + 2
    if len(wrong):
        assert any("fits failed out of a total" in text for text in messages)
    assert not is_bad[search.best_index_] or at
    assert np.isfinite(search.best_score_)


def test_divergence_is_an_error_on_demand():
    model = network(MLPRegressorX, solver="sgd", activation="identity")
    search = EpochHalvingGridSearchCV(
        model, {"lr_schedule": [BadFrom(5, 1e200)]}, cv=CV, error_score="raise"
    )
    with pytest.raises(ValueError, match="Training diverged, with solver='sgd'"):
        search.fit(X, NUMBERS)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_large_rates_do_not_end_a_search(n_jobs):
    model = network(MLPRegressorX, solver="sgd", activation="identity")
    rates = {"learning_rate_init": [0.01, 1e6, 1e200, 0.03]}
    search = EpochHalvingGridSearchCV(model, rates, cv=CV, n_jobs=n_jobs)
    search, _ = quietly(search.fit, X, NUMBERS)
    reasons = search.cv_results_["split0_stop_reason"]
    assert list(reasons) == ["paused", "diverged", "diverged", "paused"] + (
        ["max_iter"] * 2
    )
    errors = search.cv_results_["split0_error"]
    assert "1e+06" in errors[1]
    assert "1e+200" in errors[2]
    assert search.best_params_ == {"learning_rate_init": 0.03}


# Ctrl-C.


class InterruptedAt:
    """A score during whose n-th call Ctrl-C comes."""

    def __init__(self, n):
        self.n, self.calls = n, 0

    def __call__(self, estimator, X, y):
        self.calls += 1
        if self.calls == self.n:
            raise KeyboardInterrupt
        return estimator.score(X, y)


#: Calls of a score in the first rung of `small_search`, and in all.
FIRST, ALL = 5 * 3 * 3, 5 * 3 * 3 + 2 * 3 * 6


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("n", [10, 13, FIRST, FIRST + 1, FIRST + 20, ALL])
@pytest.mark.each_value
def test_ctrl_c_ends_a_search_with_the_results_so_far(n, refit):
    scorer = InterruptedAt(n)
    search = small_search(GRID, network(MLPClassifierX), scoring=scorer, refit=refit)
    search, messages = quietly(search.fit, X, LABELS)
    assert scorer.calls == n
    assert sum("search was interrupted by the user" in text for text in messages) == 1
    assert not any("Training interrupted" in text for text in messages)
    whole = small_search(GRID, network(MLPClassifierX)).fit(X, LABELS)
    n_rows = min((n - 1) // 9, 5) + max(n - 1 - FIRST, 0) // 18
    for name in ("candidate", "iter", "best_epoch", "mean_test_score"):
        assert list(search.cv_results_[name]) == list(whole.cv_results_[name][:n_rows])
    expected = epochs_of(whole)
    for key, rows in epochs_of(search).items():
        assert list(rows["score"]) == list(expected[key]["score"][: len(rows)])
    scores = [
        score
        for score, params in zip(
            search.cv_results_["mean_test_score"], search.cv_results_["params"],
            strict=True,
        )
        if params == search.best_params_
    ]  # fmt: skip
    assert search.best_score_ == scores[-1]
    assert hasattr(search, "best_estimator_") == refit
    if refit:
        alone = clone(search.estimator).set_params(
            **search.best_params_, max_iter=search.best_epoch_
        )
        assert np.array_equal(search.predict(X), alone.fit(X, LABELS).predict(X))


@pytest.mark.parametrize("scoring", ["one", "several"])
@pytest.mark.parametrize("n", [1, 2, 9])
def test_ctrl_c_before_there_are_results_is_passed_on(n, scoring):
    score = InterruptedAt(n)
    options = {"scoring": score}
    if scoring == "several":
        options = {
            "scoring": lambda *arguments: {"a": score(*arguments), "b": 0.0},
            "refit": "a",
        }
    search = small_search(GRID, network(MLPClassifierX), **options)
    with pytest.raises(KeyboardInterrupt):
        quietly(search.fit, X, LABELS)
    assert not hasattr(search, "cv_results_")
    assert not hasattr(search, "best_estimator_")


def test_ctrl_c_in_a_search_by_several_scores():
    score = InterruptedAt(15)
    search = small_search(
        GRID, network(MLPClassifierX), refit="a",
        scoring=lambda *arguments: {"a": score(*arguments), "b": 0.0},
    )  # fmt: skip
    search, _ = quietly(search.fit, X, LABELS)
    assert list(search.cv_results_["candidate"]) == [0]
    assert search.multimetric_
    assert search.best_score_ == search.cv_results_["mean_test_a"][0]


def test_ctrl_c_in_a_later_bracket():
    score = InterruptedAt(3 * (3 * 1 + 8) + 1)  # the first one has [3, 1] candidates
    search = small_search(
        "EpochHyperbandSearchCV", network(MLPClassifierX), scoring=score,
        min_resources=1, factor=9,
    )  # fmt: skip
    whole = clone(search).set_params(scoring=None).fit(X, LABELS)
    n_first = sum(whole.n_candidates_[0])
    score.n = 3 * (whole.n_candidates_[0][0] + 8 * whole.n_candidates_[0][1]) + 1
    search, _ = quietly(search.fit, X, LABELS)
    assert list(search.cv_results_["bracket"]) == [0] * n_first
    assert search.best_epoch_ <= EPOCHS


PACKAGE = str(Path(of_package.__file__).parent)


@pytest.mark.parametrize(
    "n_trials", [12, pytest.param(100, marks=pytest.mark.exhaustive)]
)
def test_ctrl_c_at_any_point_of_the_code(n_trials):
    """Either it is passed on, or the results are whole and have a best estimator."""

    def has_points(frame):
        return frame.f_code.co_filename.startswith(PACKAGE)

    def fit():
        quietly(search.fit, X[::5], LABELS[::5])

    grid = {"learning_rate_init": [0.01, 0.02, 0.03]}
    new = EpochHalvingGridSearchCV(network(MLPClassifierX), grid, cv=2, max_resources=3)
    search = clone(new)
    counter = Interrupts(has_points=has_points)
    counter.call(fit)
    ends = []
    for at in np.linspace(0, counter.n_points - 1, n_trials).astype(int):
        search, interrupts = clone(new), Interrupts(at=[at], has_points=has_points)
        try:
            interrupts.call(fit)
        except KeyboardInterrupt:
            ends.append("passed on")
            if hasattr(search, "best_estimator_"):  # just before the end
                search.predict(X)
            continue
        place = interrupts.places
        assert interrupts.is_lost or place
        ends.append("complete")
        rows = search.cv_results_
        assert len(rows["params"]) >= 1, place
        table = epochs_of(search)
        for candidate, n in zip(rows["candidate"], rows["n_resources"], strict=True):
            assert all(len(table[candidate, fold]) >= n for fold in (0, 1)), place
        assert search.best_estimator_.n_iter_ <= search.best_epoch_, place
        assert search.predict(X).shape == LABELS.shape, place
    assert set(ends) == {"passed on", "complete"}


SCRIPT = """
import json, os, warnings
from sklearn.datasets import load_iris
from skoptnet import MLPClassifierX
from skoptnet.model_selection import EpochHalvingGridSearchCV

def write(line):
    os.write(1, line.encode() + b"\\n")  # at once: the processes share the pipe

def score(estimator, X, y):
    if estimator.n_iter_ == AWAITED:
        write("awaited")
    return estimator.score(X, y)

X, y = load_iris(return_X_y=True)
search = EpochHalvingGridSearchCV(
    MLPClassifierX((4,), max_iter=10**7, n_iter_no_change=10**7, random_state=0),
    {"learning_rate_init": [0.001, 0.01, 0.02, 0.03]},
    min_resources=FIRST, n_jobs=2, cv=2, scoring=score,
)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    try:
        search.fit(X, y)
    except KeyboardInterrupt:
        write(f"result: passed on {hasattr(search, 'cv_results_')}")
        raise SystemExit
write("result: " + json.dumps({
    "iter": search.cv_results_["iter"].tolist(), "epochs": search.best_epoch_,
    "fitted": search.best_estimator_.n_iter_,
    "warnings": [str(w.message) for w in caught],
}))
"""


@pytest.mark.skipif(os.name != "posix", reason="a signal to a group of processes")
@pytest.mark.parametrize(
    ("to_all", "first"),
    [
        (True, 3),
        pytest.param(False, 3, marks=pytest.mark.exhaustive),
        pytest.param(True, 10**7, marks=pytest.mark.exhaustive),
        pytest.param(False, 10**7, marks=pytest.mark.exhaustive),
    ],
)
def test_ctrl_c_with_worker_processes(to_all, first, tmp_path):
    """A terminal sends it to the workers, too; a notebook only to the main process."""
    code = SCRIPT.replace("FIRST", str(first)).replace("AWAITED", "5")
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    try:
        assert "awaited" in next(process.stdout)  # an epoch of the rung has ended
        send = os.killpg if to_all else os.kill
        send(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err
    result = out.splitlines()[-1].removeprefix("result: ")
    if first != 3:
        assert result == "passed on False"
        return
    found = json.loads(result)
    assert found["iter"] == [0] * 4
    assert found["epochs"] == found["fitted"] <= 3
    assert any("search was interrupted by the user" in w for w in found["warnings"])


# Bad input.


@pytest.mark.parametrize(
    "estimator",
    [
        SVC(),
        TabularMLPClassifier(),
        make_pipeline(StandardScaler(), SVC()),
        make_pipeline(network(MLPClassifierX), "passthrough"),
        GridSearchCV(network(MLPClassifierX), {"alpha": [1]}),
        EpochHalvingGridSearchCV(network(MLPClassifierX), {"alpha": [1]}),
        BaggingClassifier(network(MLPClassifierX)),
        MLPClassifierX,
        "MLPClassifierX",
        None,
    ],
    ids=lambda estimator: str(estimator)[:20],
)
def test_other_estimators_are_refused(estimator):
    search = EpochHalvingGridSearchCV(estimator, {"alpha": [1.0]})
    error = r"(EpochHalvingGridSearchCV needs an MLPClassifierX|'estimator' parameter)"
    with pytest.raises((TypeError, ValueError), match=error):
        search.fit(X, LABELS)


def never(estimator, X, y):
    raise AssertionError("training has begun")


@pytest.mark.parametrize(
    ("grid", "match"),
    [
        ({"alhpa": [1.0]}, "Invalid parameter 'alhpa'"),
        ([{"alpha": [1.0]}, {"alhpa": [1.0]}], "Invalid parameter 'alhpa'"),
        ({"max_iter": [3, 9]}, "'max_iter' cannot be searched: it is the resource"),
        ({"alpha": []}, "non-empty sequence"),
        ({"alpha": 1.0}, "must be an iterable|needs to be a list"),
        ([], "EpochHalvingGridSearchCV needs at least one candidate. Got none"),
        ("alpha", "'param_grid' parameter"),
    ],
)
def test_bad_grids_are_refused_before_training(grid, match):
    search = EpochHalvingGridSearchCV(network(MLPClassifierX), grid, scoring=never)
    with pytest.raises((ValueError, TypeError), match=match):
        search.fit(X, LABELS)
    assert not hasattr(search, "cv_results_")


def test_the_candidates_of_every_bracket_are_checked_before_training():
    spaces = [{"alpha": loguniform(0.1, 1)}] * 3 + [{"alhpa": loguniform(0.1, 1)}]
    # With some of these seeds, it is among the candidates of a later bracket only.
    for seed in (0, 1, 3, 4, 5, 7, 8, 9):
        search = EpochHyperbandSearchCV(
            network(MLPClassifierX), spaces, scoring=never, random_state=seed,
            min_resources=3, error_score="raise",
        )  # fmt: skip
        with pytest.raises(ValueError, match="Invalid parameter 'alhpa'"):
            quietly(search.fit, X, LABELS)


@pytest.mark.parametrize("value", ["passthrough", SVC(), None])
def test_candidates_without_a_network_are_refused_before_training(value):
    model = make_pipeline(StandardScaler(), network(MLPClassifierX))
    grid = {"mlpclassifierx": [model[-1], value]}
    search = EpochHalvingGridSearchCV(model, grid, scoring=never)
    with pytest.raises(TypeError, match="needs an MLPClassifierX or MLPRegressorX"):
        search.fit(X, LABELS)


@kinds
@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"min_resources": 10}, "min_resources must be at most .*max_resources=9"),
        ({"max_resources": 0}, "'max_resources' parameter"),
        ({"max_resources": 2.5}, "'max_resources' parameter"),
        ({"max_resources": "all"}, "'max_resources' parameter"),
        ({"min_resources": 0}, "'min_resources' parameter"),
        ({"min_resources": "some"}, "'min_resources' parameter"),
        ({"factor": 1}, "'factor' parameter"),
        ({"error_score": "ignore"}, "'error_score' parameter"),
        ({"scoring": "accuraccy"}, "'scoring' parameter|not a valid scoring"),
        ({"cv": []}, "at least one split"),
        ({"cv": 1000}, "n_splits=1000"),
        ({"n_jobs": 0}, "n_jobs == 0"),
        ({"refit": 1.5}, "'refit' parameter"),
    ],
)
@pytest.mark.each_value
def test_bad_parameters_are_refused(kind, options, match):
    search = small_search(kind, network(MLPClassifierX), **options)
    with pytest.raises(ValueError, match=match):
        search.fit(X, LABELS)


def test_two_exhaustive_numbers_are_refused():
    search = small_search(
        "EpochHalvingRandomSearchCV", network(MLPClassifierX), min_resources="exhaust"
    )
    with pytest.raises(ValueError, match="cannot both be 'exhaust'"):
        search.fit(X, LABELS)


@kinds
def test_bad_data_are_refused(kind):
    search = small_search(kind, network(MLPClassifierX))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        search.fit(X, LABELS[:-1])
    with pytest.raises(ValueError, match=r"(?s)fits failed.*contains NaN"):
        search.fit(np.full_like(X, np.nan), LABELS)


class OfNoModule(StandardScaler):
    """A step of a module that worker processes cannot import."""


def test_a_step_that_workers_cannot_import_is_an_error_at_once(monkeypatch):
    module = ModuleType("a_module_of_this_process_only")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    module.OfNoModule = OfNoModule
    monkeypatch.setattr(OfNoModule, "__module__", module.__name__)
    model = make_pipeline(OfNoModule(), network(MLPClassifierX))
    search = EpochHalvingGridSearchCV(model, {with_step: [0.01, 0.1]}, n_jobs=2)
    with pytest.raises(BrokenExecutor, match="un-serialize"):
        search.fit(X, LABELS)


@pytest.mark.parametrize("max_iter", ["many", 0, 2.5])
def test_a_bad_number_of_epochs_is_refused_by_its_name(max_iter):
    model = make_pipeline(StandardScaler(), network(MLPClassifierX))
    model.set_params(mlpclassifierx__max_iter=max_iter)
    search = EpochHalvingGridSearchCV(model, {with_step: [0.01, 0.1]})
    named = f"The 'max_iter' parameter of MLPClassifierX .* Got {max_iter!r} instead"
    with pytest.raises(ValueError, match=named):
        search.fit(X, LABELS)
