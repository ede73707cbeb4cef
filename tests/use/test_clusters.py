"""Searches and scores on clusters of Dask and Ray equal those of one process."""

import pickle
import subprocess
import sys
from itertools import chain

import numpy as np
import pytest
from clusters import (
    Dask,
    Death,
    KillingScorer,
    KillsItsWorker,
    Ray,
    on,
    predict_and_train_on,
    speed,
)
from joblib import parallel_config
from problems import CANCER, DIABETES, LABELS, X, has_callbacks, small
from processes import environment
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skoptnet
from skoptnet import Adam, Cosine, MLPClassifierX, MLPRegressorX, Momentum, Warmup
from skoptnet.model_selection import EpochHalvingGridSearchCV

pytestmark = pytest.mark.filterwarnings(
    "ignore:Maximum number of epochs:sklearn.exceptions.ConvergenceWarning"
)


@pytest.fixture(scope="module")
def dask():
    """Return a cluster of Dask."""
    with Dask.start() as started:
        yield started


@pytest.fixture(scope="module")
def ray():
    """Return a cluster of Ray."""
    with Ray.start() as started:
        yield started


@pytest.fixture(params=["dask", "ray"])
def cluster(request):
    """Return one of them."""
    return request.getfixturevalue(request.param)


dask_and_exhaustively_ray = pytest.mark.parametrize(
    "cluster",
    ["dask", pytest.param("ray", marks=pytest.mark.exhaustive)],
    indirect=True,
)


def assert_equal_searches(found, expected):
    """Compare all results but the times, bit for bit."""
    assert str(found.cv_results_["params"]) == str(expected.cv_results_["params"])
    for name, values in expected.cv_results_.items():
        if name.startswith(("split", "mean_test", "std_test", "rank")):
            np.testing.assert_array_equal(found.cv_results_[name], values, name)
    assert found.best_index_ == expected.best_index_


# ------------------------------------------------------------------------ equal results


@dask_and_exhaustively_ray
def test_a_grid_of_solver_and_schedule_objects(cluster):
    model = make_pipeline(StandardScaler(), small(MLPClassifierX, dropout=0.1))
    grid = {
        "mlpclassifierx__solver": ["adagrad", Adam(beta_2=0.99), Momentum(average=0.9)],
        "mlpclassifierx__lr_schedule": ["step", Cosine(), Warmup("cosine", epochs=1)],
    }
    search = GridSearchCV(model, grid, cv=3, scoring="neg_log_loss")
    expected = clone(search).fit(CANCER.data, CANCER.target)
    with on(cluster):
        search.fit(CANCER.data, CANCER.target)
    assert_equal_searches(search, expected)
    assert np.array_equal(
        search.predict_proba(CANCER.data), expected.predict_proba(CANCER.data)
    )


@dask_and_exhaustively_ray
def test_scores_of_float32_and_weighted_rows(cluster):
    rows, y = DIABETES.data.astype(np.float32), DIABETES.target
    weights = np.linspace(0, 2, len(rows))
    model = small(MLPRegressorX, early_stopping=True, batch_size=50)

    def scores():
        return cross_val_score(model, rows, y, cv=4, params={"sample_weight": weights})

    expected = scores()
    with on(cluster):
        assert np.array_equal(scores(), expected)


def test_a_worker_predicts_and_trains_on(cluster):
    """A pickle of k epochs here and k epochs there are 2 k epochs."""
    model = small(MLPClassifierX, warm_start=True).fit(X, LABELS)
    predicted, further = cluster.call(
        predict_and_train_on, pickle.dumps(model), X, LABELS
    )
    assert np.array_equal(predicted, model.predict_proba(X))
    both = clone(model).set_params(max_iter=2 * model.max_iter).fit(X, LABELS)
    assert pickle.loads(further).loss_curve_ == both.loss_curve_


def test_workers_have_the_kernels_and_one_thread_for_blas(cluster):
    compiled, threads, path = cluster.call(speed)
    assert compiled == skoptnet._kernels.COMPILED
    assert threads == 1
    assert path == skoptnet.__file__


SCRIPT = """
import numpy as np
from joblib import parallel_config
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from skoptnet import MLPClassifierX, Optimizer, Schedule


class SignDescent(Optimizer):
    def step(self, theta, g, state, rate, xp):
        theta -= rate * xp.sign(g)


class Half(Schedule):
    def __call__(self, clock):
        return 1 / 2


if __name__ == "__main__":
    {connect}
    network = MLPClassifierX((5,), max_iter=3, learning_rate_init=0.01, random_state=0)
    grid = {{"solver": [SignDescent(), "sgd"], "lr_schedule": [Half(), "constant"]}}
    X, y = load_iris(return_X_y=True)
    search = GridSearchCV(network, grid, cv=3, error_score="raise")
    with parallel_config(**{backend}):
        found = search.fit(X, y).cv_results_["mean_test_score"]
    expected = search.fit(X, y).cv_results_["mean_test_score"]
    assert np.array_equal(found, expected), (found, expected)
    print("equal")
"""


def test_classes_that_a_script_defines(cluster, tmp_path):
    connect = cluster.connect.replace("\n", "\n    ")
    script = tmp_path / "search.py"
    script.write_text(SCRIPT.format(connect=connect, backend=cluster.backend))
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    # Ray adds messages about the workers of earlier tests.
    assert "equal" in ended.stdout.splitlines(), ended.stderr


# ------------------------------------------------------------------- data is sent once


def test_dask_gets_each_array_of_a_grid_search_once(dask, monkeypatch):
    sent = counted(monkeypatch, dask.client, "scatter")
    search = GridSearchCV(small(MLPClassifierX), {"alpha": [0, 1, 2, 3]}, cv=2)
    with on(dask):
        search.fit(CANCER.data, CANCER.target)
    sizes = sorted(array.nbytes for array in sent)
    rows, y = CANCER.data.nbytes, CANCER.target.nbytes
    assert len(sent) == 2 + 2 * 2  # and the rows for training and testing of each fold
    assert sizes[-2:] == [y, rows]
    assert sum(sizes[:-2]) == 2 * y


def test_workers_get_rows_and_folds_of_a_search_over_epochs_once(cluster, monkeypatch):
    sent = counted(monkeypatch, *cluster.sends)
    search = EpochHalvingGridSearchCV(
        make_pipeline(StandardScaler(), small(MLPClassifierX, max_iter=9)),
        {"mlpclassifierx__alpha": [0, 0.1, 1, 2, 3, 10, 20, 30, 100]},
        cv=2,
    )
    with on(cluster):
        search.fit(CANCER.data, CANCER.target)
    assert search.n_iterations_ == 3
    assert len(sent) == 1 + 2


def counted(monkeypatch, owner, name):
    """Return the list of what a method is called with from now on."""
    sent, send = [], getattr(owner, name)

    def counting(thing, *arguments, **options):
        sent.append(thing)
        return send(thing, *arguments, **options)

    monkeypatch.setattr(owner, name, counting)
    return sent


# --------------------------------------------------------------- warnings and callbacks


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_candidates_that_fail_are_reported_as_in_one_process(dask):
    """A rate that diverges at once, and one that the estimator refuses."""
    search = GridSearchCV(
        small(MLPRegressorX, solver="sgd"),
        {"learning_rate_init": [1e-3, 1e300, -1]},
        cv=2,
    )
    expected = clone(search)
    with pytest.warns(FitFailedWarning, match="fits failed"):
        expected.fit(DIABETES.data, DIABETES.target)
    with on(dask), pytest.warns(FitFailedWarning, match="fits failed"):
        search.fit(DIABETES.data, DIABETES.target)
    assert_equal_searches(search, expected)
    assert np.isnan(search.cv_results_["mean_test_score"][-1])


@pytest.mark.filterwarnings("error:.* no effect:UserWarning")
def test_warnings_that_are_errors_are_so_in_workers(dask):
    model = small(MLPClassifierX, solver="adam", momentum=0.5)
    with on(dask), pytest.raises(UserWarning, match="no effect: 'momentum'"):
        cross_val_score(model, X, LABELS, cv=2, error_score="raise")


@has_callbacks
def test_callbacks_of_candidates_run_in_workers(dask):
    from skoptnet.callbacks import StopOnPlateau

    network = small(MLPClassifierX, max_iter=50, learning_rate_init=0.5)
    network.set_callbacks(StopOnPlateau("loss", patience=1))
    search = GridSearchCV(network, {"alpha": [0, 1]}, cv=2)
    stopped = clone(search).fit(X, LABELS)
    with on(dask):
        search.fit(X, LABELS)
    assert_equal_searches(search, stopped)
    assert search.best_estimator_.stop_reason_ == "callback"


# ------------------------------------------------------------------------- dead workers


def test_a_search_outlives_a_worker(cluster, tmp_path):
    """The worker of the fourth of six candidates is killed."""
    death = Death(tmp_path / "death")
    model = make_pipeline(KillsItsWorker(), small(MLPClassifierX))
    grid = [
        {"mlpclassifierx__alpha": [0, 0.01, 0.1]},
        {"mlpclassifierx__alpha": [1], "killsitsworker__death": [death]},
        {"mlpclassifierx__alpha": [2, 3]},
    ]
    y = CANCER.target
    splits = list(StratifiedKFold(3).split(CANCER.data, y))
    search = GridSearchCV(model, grid, cv=splits, refit=False)
    with on(cluster, **cluster.surviving(CANCER.data, y, *chain.from_iterable(splits))):
        search.fit(CANCER.data, y)
    assert death.path.exists()
    cluster.wait_for_workers()
    assert_equal_searches(search, clone(search).fit(CANCER.data, y))


@pytest.mark.filterwarnings("ignore:A worker was lost:RuntimeWarning")
def test_a_search_over_epochs_outlives_a_worker_without_settings(cluster, tmp_path):
    """It is killed in the second rung."""
    death = Death(tmp_path / "death")
    model = make_pipeline(StandardScaler(), small(MLPClassifierX, max_iter=9))
    search = EpochHalvingGridSearchCV(
        model,
        {"mlpclassifierx__alpha": [0, 0.01, 0.1, 1, 2, 3, 10, 20, 30]},
        cv=3,
        scoring=KillingScorer(death, epoch=3),
    )
    with on(cluster):
        search.fit(CANCER.data, CANCER.target)
    assert death.path.exists()
    cluster.wait_for_workers()
    expected = clone(search).fit(CANCER.data, CANCER.target)
    assert_equal_searches(search, expected)
    assert search.best_epoch_ == expected.best_epoch_
    for name, values in expected.epoch_results_.items():
        np.testing.assert_array_equal(search.epoch_results_[name], values, name)
    assert np.array_equal(
        search.predict_proba(CANCER.data), expected.predict_proba(CANCER.data)
    )


def test_a_search_over_epochs_on_one_worker_with_one_thread():
    """There joblib runs tasks in the calling process."""
    distributed = pytest.importorskip("distributed")
    search = EpochHalvingGridSearchCV(
        small(MLPClassifierX, max_iter=9), {"alpha": [0, 1, 10]}, cv=2
    )
    expected = clone(search).fit(X, LABELS)
    with (
        distributed.LocalCluster(
            n_workers=1,
            threads_per_worker=1,
            processes=False,  # which needs no port
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster),
        parallel_config(backend="dask"),
    ):
        search.fit(X, LABELS)
    assert_equal_searches(search, expected)


# ------------------------------------------------------------------------------ dask-ml


def test_incremental_trains_on_the_blocks_of_a_dask_array(dask):
    pytest.importorskip("dask_ml")
    from dask.array import from_array
    from dask_ml.wrappers import Incremental, ParallelPostFit

    rows, labels = from_array(X, chunks=(50, -1)), from_array(LABELS, chunks=50)
    network = small(MLPClassifierX, batch_size=10)
    classes = np.unique(LABELS)
    model = Incremental(network, shuffle_blocks=False, scoring="accuracy")
    model.fit(rows, labels, classes=classes)
    expected = clone(network)
    for start in (0, 50, 100):
        block = slice(start, start + 50)
        expected.partial_fit(X[block], LABELS[block], classes=classes)
    assert np.array_equal(
        model.predict_proba(rows).compute(), expected.predict_proba(X)
    )
    whole = ParallelPostFit(small(MLPClassifierX).fit(X, LABELS))
    assert np.array_equal(whole.predict(rows).compute(), whole.estimator.predict(X))
