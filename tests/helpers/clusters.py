"""Clusters of Dask and Ray: worker processes that are reached by loopback only."""

import os
import pickle
import secrets
import signal
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest
from joblib import parallel_config
from processes import environment
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning

N_WORKERS = 2
#: Ray keeps the first that it reads, for as long as the process lives.
_TOKEN = secrets.token_hex(32)
_HELPERS = str(Path(__file__).parent)


class Dask:
    """A cluster of Dask, and a client of it."""

    def __init__(self, client):
        self.client = client
        #: For ``parallel_config``.
        self.backend = {"backend": "dask"}

    @classmethod
    @contextmanager
    def start(cls):
        distributed = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=N_WORKERS,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield cls(client)

    @property
    def connect(self):
        """Return the lines of a script that connect to the cluster."""
        address = self.client.scheduler.address
        return f"from distributed import Client\nclient = Client({address!r})\n"

    @property
    def sends(self):
        """Return the owner and the name of the function that sends shared data."""
        return self.client, "scatter"

    def call(self, function, *arguments):
        """Return the result of a call in a worker."""
        return self.client.submit(function, *arguments, pure=False).result(60)

    def surviving(self, *shared):
        """Return the options of a search that outlives a worker with its data."""
        self.client.amm.stop()
        return {"scatter": list(shared)}

    def wait_for_workers(self):
        self.client.wait_for_workers(N_WORKERS, timeout=60)


class Ray:
    """A cluster of Ray."""

    def __init__(self):
        self.backend = {"backend": "ray", "n_jobs": -1}

    @classmethod
    @contextmanager
    def start(cls):
        with pytest.MonkeyPatch.context() as monkeypatch:
            keep_ray_private(monkeypatch)
            ray = pytest.importorskip("ray")
            from ray.util.joblib import register_ray

            register_ray()
            path = os.pathsep.join([environment()["PYTHONPATH"], _HELPERS])
            # Workers import from the current folder first. That is not the repository,
            # whose source may not be compiled.
            with pytest.MonkeyPatch.context() as elsewhere:
                elsewhere.chdir(_HELPERS)
                ray.init(
                    num_cpus=N_WORKERS,
                    include_dashboard=False,
                    log_to_driver=False,
                    runtime_env={"env_vars": {"PYTHONPATH": path}},
                )
            try:
                yield cls()
            finally:
                ray.shutdown()

    @property
    def connect(self):
        """Return the lines of a script that connect to the cluster."""
        import ray

        address = ray.get_runtime_context().gcs_address
        return (
            "import ray\nfrom ray.util.joblib import register_ray\n"
            f"ray.init({address!r}, log_to_driver=False)\nregister_ray()\n"
        )

    @property
    def sends(self):
        """Return the owner and the name of the function that sends shared data."""
        import ray

        return ray, "put"

    def call(self, function, *arguments):
        """Return the result of a call in a worker."""
        import ray

        return ray.get(ray.remote(function).remote(*arguments))

    def surviving(self, *shared):
        """Return the options of a search that outlives a worker."""
        return {"ray_remote_args": {"max_restarts": -1, "max_task_retries": -1}}

    def wait_for_workers(self):
        """Do nothing: Ray starts a process for each task that finds none."""


def keep_ray_private(monkeypatch):
    """Set what Ray reads when it is imported first, and when it is started."""
    # Else its processes listen on all interfaces, on Linux.
    monkeypatch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    # Else it writes one into the home folder.
    monkeypatch.setenv("RAY_AUTH_TOKEN", _TOKEN)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")


class Death:
    """Kills the first process but this one that calls it.

    Parameters
    ----------
    path : Path
        A file that is made before.
    """

    def __init__(self, path):
        self.path, self.spared = path, os.getpid()

    def __repr__(self):
        return f"Death({self.path})"

    def __call__(self):
        if not self.path.exists():
            assert os.getpid() != self.spared, "The task runs in the calling process."
            self.path.touch()
            os.kill(os.getpid(), signal.SIGKILL)


class KillsItsWorker(TransformerMixin, BaseEstimator):
    """Leaves rows as they are; a death comes in ``fit``."""

    def __init__(self, death=None):
        self.death = death

    def fit(self, X, y=None):
        if self.death is not None:
            self.death()
        return self

    def transform(self, X):
        return X

    def __sklearn_is_fitted__(self):
        return True


class KillingScorer:
    """The estimator's own score, from an epoch on with a death."""

    def __init__(self, death, epoch):
        self.death, self.epoch = death, epoch

    def __call__(self, estimator, X, y):
        if estimator[-1].n_iter_ >= self.epoch:
            self.death()
        return estimator.score(X, y)


def on(cluster, **options):
    """Return the context in which joblib uses the cluster."""
    return parallel_config(**cluster.backend, **options)


def speed():
    """Return whether there are compiled kernels, and the most threads of a library."""
    import threadpoolctl

    import skoptnet

    threads = max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
    return skoptnet._kernels.COMPILED, threads, skoptnet.__file__


def predict_and_train_on(pickled, rows, y):
    """Return predictions of a pickled model, and a pickle of it trained further."""
    model = pickle.loads(pickled)
    predicted = model.predict_proba(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return predicted, pickle.dumps(model.fit(rows, y))
