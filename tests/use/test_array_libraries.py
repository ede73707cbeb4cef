"""Arrays of other libraries, with scikit-learn's array API dispatch on and off.

scikit-learn looks at an environment variable when SciPy is imported, so each library
has a process of its own.
"""

import subprocess
import sys

import numpy as np
import pytest
from problems import ESTIMATORS, assert_refused, small, target

SCRIPT = """
import os
os.environ["SCIPY_ARRAY_API"] = "1"
import sys
import numpy as np
from sklearn import config_context
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from skoptnet import MLPClassifierX, MLPRegressorX

name, dispatch = sys.argv[1], sys.argv[2] == "on"
library = __import__(name)
convert = library.asarray
X, codes = scale(load_iris().data), load_iris().target
w = np.linspace(0.5, 1.5, 150)
targets = [
    (MLPClassifierX, codes),
    (MLPClassifierX, codes > 0),
    (MLPClassifierX, np.column_stack([codes == 0, X[:, 0] > 0]).astype(int)),
    (MLPRegressorX, X[:, 0] * X[:, 1]),
    (MLPRegressorX, X[:, :2] * X[:, 2:]),
]
methods = ("predict", "predict_proba", "decision_function", "hidden_activations")


def results(Estimator, X, y, w):
    model = Estimator(3, max_iter=2, n_iter_no_change=2, random_state=0)
    yield from model.fit(X, y, sample_weight=w).coefs_
    yield from (getattr(model, m)(X) for m in methods if hasattr(model, m))
    yield np.asarray(model.score(X, y, sample_weight=w))
    classes = {}
    if Estimator is MLPClassifierX:
        classes["classes"] = model.classes_
        if not isinstance(X, np.ndarray):
            classes["classes"] = convert(model.classes_)
    yield from Estimator(3, random_state=0).partial_fit(X, y, **classes).coefs_
    for scoring in (None, "accuracy" if classes else "r2"):
        model.set_params(early_stopping=True, scoring=scoring)
        model.fit(X, y, X_val=X, y_val=y, sample_weight_val=w)
        yield np.asarray(model.validation_scores_)


try:
    config_context(array_api_dispatch=dispatch).__enter__()
except ImportError as error:  # older releases need a package for it
    print("unavailable:", error)
    raise SystemExit

n = 0
for Estimator, y in targets:
    for dtype in (np.float32, np.float64):
        rows = X.astype(dtype)
        plain = list(results(Estimator, rows, y, w))
        foreign = list(results(Estimator, convert(rows), convert(y), convert(w)))
        assert len(plain) == len(foreign)
        for ours, theirs in zip(plain, foreign):
            assert type(theirs) is np.ndarray, type(theirs)
            assert theirs.dtype == ours.dtype, (theirs.dtype, ours.dtype)
            assert np.array_equal(theirs, ours)
            n += 1
print(n, "equal results")
"""


@pytest.mark.parametrize("dispatch", ["on", "off"])
@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_arrays_of_other_libraries_give_the_same_model(library, dispatch):
    """In their dtype, and the results are NumPy's."""
    pytest.importorskip(library)
    call = [sys.executable, "-W", "ignore", "-c", SCRIPT, library, dispatch]
    done = subprocess.run(call, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    if done.stdout.startswith("unavailable"):
        pytest.skip(done.stdout)
    n_results = 3 * (2 + 4 + 1 + 2 + 2) + 2 * (2 + 2 + 1 + 2 + 2)
    assert done.stdout == f"{2 * n_results} equal results\n"


class Distant:
    """An array that NumPy cannot read, as those on a GPU."""

    shape, ndim, dtype = (150, 4), 2, np.dtype(np.float64)

    def __array_namespace__(self, api_version=None):
        return np

    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_arrays_that_numpy_cannot_read_are_refused(Estimator):
    X, y = np.linspace(-1, 1, 600).reshape(150, 4), target(Estimator)
    model, far = small(Estimator), Distant()
    message = assert_refused(
        "X must be an array that NumPy can read", "fit", far, y, model=model,
        error=TypeError,
    )  # fmt: skip
    assert f"Got a {__name__}.Distant instead" in message
    assert message.endswith("can't convert cuda:0 device type tensor to numpy")
    for name, passed in {
        "y": {"y": far},
        "sample_weight": {"y": y, "sample_weight": far},
    }.items():
        assert_refused(
            f"{name} must be an array that NumPy can read", "fit", X, model=model,
            error=TypeError, **passed,
        )  # fmt: skip
    model.fit(X, y)
    for call in ("predict", "hidden_activations"):
        assert_refused(
            "X must be an array that NumPy can read", call, far, model=model,
            error=TypeError,
        )  # fmt: skip
