"""Set what has to be set before SciPy and scikit-learn are imported."""

import os
import signal

import pytest

# Without it scikit-learn's array-API checks are skipped.
os.environ["SCIPY_ARRAY_API"] = "1"
# Pictures are drawn without a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

#: Which cases are run; fixtures of the tests that draw, and of those of the kernels.
pytest_plugins = ["crossing", "drawn", "compiled", "kernel_trainings", "pytester"]


@pytest.fixture
def ctrl_c():
    """Python's own answer to Ctrl-C, which a job in a shell's background is without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def by_score_alone(monkeypatch):
    """Of equal scores the first is the best, as in scikit-learn: no loss decides."""
    from skoptnet.training import Stopping  # not before what is set above

    see = Stopping.see
    monkeypatch.setattr(Stopping, "see", lambda self, score, loss: see(self, score))
