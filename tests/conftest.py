"""Set what has to be set before SciPy and scikit-learn are imported."""

import os
import signal

import pytest

# Without it scikit-learn's array-API checks are skipped.
os.environ["SCIPY_ARRAY_API"] = "1"
# Pictures are drawn without a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

#: Which cases are run; fixtures of the tests that draw, and of those of the kernels.
pytest_plugins = ["crossing", "drawn", "compiled", "pytester"]


@pytest.fixture
def ctrl_c():
    """Python's own answer to Ctrl-C, which a job in a shell's background is without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
