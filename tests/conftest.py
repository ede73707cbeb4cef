"""Set what has to be set before SciPy and scikit-learn are imported."""

import os
import signal

import pytest

# Without it scikit-learn's array-API checks are skipped.
os.environ["SCIPY_ARRAY_API"] = "1"
# Pictures are drawn without a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

#: Fixtures of the tests that draw, and of those of the kernels; which cases are run.
pytest_plugins = ["drawn", "compiled", "crossing", "pytester"]


@pytest.fixture
def ctrl_c():
    """Python's own answer to Ctrl-C, which a job in a shell's background is without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
