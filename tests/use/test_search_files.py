"""Searches over epochs exchange arrays with processes of this machine by files."""

import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from processes import environment
from scipy.sparse import csr_array
from searches import RATES
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX
from skoptnet.model_selection import EpochHalvingGridSearchCV, stored
from skoptnet.model_selection.stored import Stored
from skoptnet.model_selection.study import Study

pytestmark = pytest.mark.once

X, y = load_iris(return_X_y=True)


def search(**options):
    """Return a search with two rungs in two processes."""
    network = MLPClassifierX((5,), max_iter=9, n_iter_no_change=99, random_state=0)
    model = make_pipeline(StandardScaler(), network)
    grid = {"mlpclassifierx__learning_rate_init": RATES}
    return EpochHalvingGridSearchCV(model, grid, cv=3, n_jobs=2, **options)


def assert_equal(found, expected):
    for name, values in expected.epoch_results_.items():
        np.testing.assert_array_equal(found.epoch_results_[name], values, name)
    assert np.array_equal(found.predict_proba(X), expected.predict_proba(X))


# ---------------------------------------------------------------------- stored values

VALUES = {
    "C order": np.arange(6.0).reshape(2, 3),
    "Fortran order": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "every other": np.arange(10)[::2],
    "bytes between": [np.arange(3, dtype=np.int8), np.arange(2.0)],
    "empty": np.empty((0, 3)),
    "empty and others": {"a": np.ones(3), "b": np.empty(0)},
    "objects": np.array(["a", None], dtype=object),
    "text": np.array(["ab", "c"]),
    "sparse": csr_array([[0, 1.0], [2, 0]]),
    "no array": (1, "two"),
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_stored_value_comes_back(tmp_path, value):
    loaded = Stored(value, tmp_path / "value").load()
    if isinstance(value, csr_array):
        value, loaded = value.toarray(), loaded.toarray()
    if isinstance(value, np.ndarray):
        assert loaded.dtype == value.dtype
        assert loaded.flags.c_contiguous or value.flags.f_contiguous
    np.testing.assert_equal(loaded, value)


def test_a_stored_frame_comes_back(tmp_path):
    frame = pd.DataFrame({"a": [1.5, 2], "b": ["x", "y"], "c": [1, 2]})
    pd.testing.assert_frame_equal(Stored(frame, tmp_path / "frame").load(), frame)


def test_loaded_arrays_are_aligned_and_changes_stay_in_the_process(tmp_path):
    given = [np.arange(3, dtype=np.int8), np.arange(5.0), np.arange(2.0)]
    stored = Stored(given, tmp_path / "value")
    for array in stored.load():
        assert array.ctypes.data % 64 == 0
        array[...] = 7
    np.testing.assert_equal(stored.load(), given)


def test_arrays_are_in_the_file_only(tmp_path):
    value = np.random.RandomState(0).uniform(size=10_000)
    stored = Stored(value, tmp_path / "value")
    assert (tmp_path / "value").read_bytes() == value.tobytes()
    assert stored.value is stored.value
    assert len(pickle.dumps(stored)) < 1000


# --------------------------------------------------------------------------- searches


def test_files_of_dropped_and_earlier_states_are_removed(tmp_path, monkeypatch):
    """And all of them at the end."""
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path))
    promote, n_files = Study._promote, []

    def counting(study, numbers, n):
        promoted = promote(study, numbers, n)
        n_files.append(sum(1 for path in tmp_path.rglob("*-*-*") if path.is_file()))
        return promoted

    monkeypatch.setattr(Study, "_promote", counting)
    found = search().fit(X, y)
    assert found.n_candidates_ == [5, 2]
    # The trainings of the second rung have ended: there is nothing to resume.
    assert n_files == [5 * 3, 0]
    assert not list(tmp_path.glob("search-*"))


def test_without_room_for_files(tmp_path, monkeypatch):
    expected = search().set_params(n_jobs=1).fit(X, y)
    full = tmp_path / "full"

    def write(self, value, path):
        path.touch()
        raise OSError("No space left on device")

    monkeypatch.setattr(Stored, "__init__", write)
    value = np.arange(3)
    assert stored.stored(value, full) is value
    assert not full.exists()
    assert_equal(search().fit(X, y), expected)


@pytest.mark.parametrize(
    ("folder", "made"), [("a/b c", "a/b c"), ("~/d", "d"), ("file/a", ""), ("", "")]
)
def test_a_folder_is_made_or_done_without(folder, made, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", folder)
    expected = search().set_params(n_jobs=1).fit(X, y)
    assert_equal(search().fit(X, y), expected)
    assert not list(tmp_path.rglob("search-*"))
    assert (tmp_path / made).is_dir()


KILLED = """
import os, signal
from joblib import parallel_config
from sklearn.datasets import load_iris
from skoptnet import MLPClassifierX
from skoptnet.model_selection import EpochHalvingGridSearchCV, study

promote = study.Study._promote

def killing(*arguments):
    print(*os.listdir(os.environ["JOBLIB_TEMP_FOLDER"]), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

study.Study._promote = killing
network = MLPClassifierX((5,), max_iter=9, random_state=0)
search = EpochHalvingGridSearchCV(network, {"alpha": [0, 1, 2, 3]}, cv=2, n_jobs=2)
with parallel_config("loky", idle_worker_timeout=0.5):
    search.fit(*load_iris(return_X_y=True))
"""


@pytest.mark.exhaustive
@pytest.mark.skipif(os.name != "posix", reason="a signal that kills")
def test_files_of_a_killed_search_are_removed(tmp_path):
    """Once its workers have ended."""
    killed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KILLED], stdout=subprocess.PIPE,
        env=environment(JOBLIB_TEMP_FOLDER=str(tmp_path)), cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert b"search-" in killed.stdout
    deadline = time.monotonic() + 60
    while list(tmp_path.glob("search-*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(tmp_path.glob("search-*"))


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_other_backends_of_joblib(backend):
    expected = search().set_params(n_jobs=1).fit(X, y)
    with parallel_config(backend=backend):
        assert_equal(clone(expected).set_params(n_jobs=2).fit(X, y), expected)


SCRIPT = """
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from skoptnet import MLPClassifierX, Optimizer
from skoptnet.model_selection import EpochHalvingGridSearchCV


class SignDescent(Optimizer):
    def step(self, theta, g, state, rate, xp):
        theta -= rate * xp.sign(g)


class Half(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        return X / 2


if __name__ == "__main__":
    network = MLPClassifierX((5,), solver=SignDescent(), max_iter=9, random_state=0)
    rates = {"mlpclassifierx__learning_rate_init": [0.1, 0.03, 0.01, 0.003]}
    search = EpochHalvingGridSearchCV(make_pipeline(Half(), network), rates, cv=2)
    X, y = load_iris(return_X_y=True)
    expected = search.fit(X, y).epoch_results_
    found = clone(search).set_params(n_jobs=2).fit(X, y).epoch_results_
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    print("equal")
"""


def test_classes_that_a_script_defines(tmp_path):
    script = tmp_path / "search.py"
    script.write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        env=environment(), cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert ended.stdout.endswith("equal\n"), ended.stderr
