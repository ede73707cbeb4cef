"""Set what has to be set before SciPy and scikit-learn are imported."""

import os

# Without it scikit-learn's array-API checks are skipped.
os.environ["SCIPY_ARRAY_API"] = "1"
# Pictures are drawn without a screen.
os.environ.setdefault("MPLBACKEND", "Agg")

#: Fixtures of the tests that draw, and of those of the kernels; which cases are run.
pytest_plugins = ["drawn", "compiled", "crossing", "pytester"]
