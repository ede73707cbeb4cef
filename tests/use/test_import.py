"""The import of the package: some modules wait until one of their names is used."""

import pickle
import subprocess
import sys

import pytest
from processes import environment

import skoptnet

LATER = ("skoptnet.tabular", "skoptnet.rate_range", "skoptnet._versions")
BEGIN = f"""
import sys, skoptnet
later = {LATER}
assert not any(name in sys.modules for name in later)
"""


def run_alone(statements):
    """Run statements after the import, in a new process."""
    subprocess.run(
        [sys.executable, "-c", BEGIN + statements], check=True, env=environment()
    )


def test_names_come_with_their_modules():
    run_alone(
        """
for name in ("tabular", "rate_range"):
    assert name in dir(skoptnet)
assert skoptnet.tabular is sys.modules["skoptnet.tabular"]
assert skoptnet.rate_range is sys.modules["skoptnet.rate_range"]
assert skoptnet.TabularPreprocessor is skoptnet.tabular.TabularPreprocessor
"""
    )


def test_all_names_are_there():
    run_alone(
        """
assert {*skoptnet.__all__} <= {*dir(skoptnet)}
own = {}
exec("from skoptnet import *", own)
assert {*skoptnet.__all__} <= {*own}
assert all(name in sys.modules for name in later)
"""
    )
    assert all(hasattr(skoptnet, name) for name in skoptnet.__all__)


def test_pickles_find_their_classes():
    stored = pickle.dumps(skoptnet.TabularMLPClassifier(random_state=3))
    run_alone(
        f"""
import pickle
model = pickle.loads({stored!r})
assert type(model) is skoptnet.TabularMLPClassifier
assert model.random_state == 3
"""
    )


def test_unknown_names_are_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'skoptnet' has no attribute 'x'"):
        skoptnet.x  # noqa: B018
    with pytest.raises(ImportError, match="cannot import name 'x' from 'skoptnet'"):
        from skoptnet import x  # noqa: F401
