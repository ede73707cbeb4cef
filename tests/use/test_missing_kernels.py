"""A copy of skoptnet without compiled kernels says so once, in one line, and works."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import skoptnet
from skoptnet._kernels import missing

SILENCED = "SKOPTNET_KERNELS=0 silences this line"
NOT_COPIED = shutil.ignore_patterns("*.so", "*.pyd", "*.pyx", "*.[ch]", "__pycache__")

pytestmark = pytest.mark.once  # whatever kernels this process has

#: Shows what runs, and fits.
FIT = """
import numpy as np
import skoptnet

skoptnet.show_versions()
X = np.eye(6)
model = skoptnet.MLPRegressorX((3,), max_iter=1000, random_state=0)
assert model.fit(X, X[:, 0]).loss_ < 0.1
"""

#: Starts processes that import skoptnet, by every method that there is.
IN_PROCESSES = """
import multiprocessing
import joblib
import skoptnet

def version(i):
    import skoptnet
    return skoptnet.__version__

if __name__ == "__main__":
    for method in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert len(pool.map(version, range(4))) == 4
    calls = [joblib.delayed(version)(i) for i in range(4)]
    assert len(joblib.Parallel(2)(calls)) == 4
"""


def copy_without_kernels(folder, is_source):
    """Put a copy of skoptnet there: as its source lies there, or as installed."""
    package = folder / "skoptnet"
    shutil.copytree(Path(skoptnet.__file__).parent, package, ignore=NOT_COPIED)
    if is_source:
        (package / "_kernels" / "loops.pyx").touch()


def run(folder, *arguments):
    """Run Python with the copy, warnings as errors, and return what it wrote."""
    kept = {k: v for k, v in os.environ.items() if k != "SKOPTNET_KERNELS"}
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("is_source", [True, False], ids=["source", "installed"])
def test_missing_kernels_are_told_in_one_line_and_fits_work(tmp_path, is_source):
    copy_without_kernels(tmp_path, is_source)
    done = run(tmp_path, "-c", FIT)
    (line,) = done.stderr.splitlines()
    assert SILENCED in line
    assert (f"the source in {tmp_path} is not compiled" in line) == is_source
    assert ("pip install -e ." in line) == is_source
    assert ("with a C compiler" in line) == (not is_source)
    reason = line.partition("slower: ")[2].partition(f" ({SILENCED}")[0]
    assert f"runs on: readable formulas ({reason})" in done.stdout


def test_line_is_said_by_the_first_process_only(tmp_path):
    copy_without_kernels(tmp_path, is_source=False)
    script = tmp_path / "script.py"
    script.write_text(IN_PROCESSES)
    # Starting processes makes warnings of its own in some releases.
    errors = run(tmp_path, "-W", "default", str(script)).stderr
    assert errors.count(SILENCED) == 1


def test_line_is_silenced_by_the_choice_of_no_kernels(caplog, monkeypatch):
    monkeypatch.setenv("SKOPTNET_KERNELS", "0")
    missing.report("why")
    assert not caplog.records
    monkeypatch.delenv("SKOPTNET_KERNELS")
    missing.report("why")
    assert [record.name for record in caplog.records] == ["skoptnet"]


def test_kernels_that_cannot_be_loaded_say_why():
    error = ImportError("built for another NumPy", name="numpy")
    assert missing.reason(error).endswith("cannot be loaded: built for another NumPy")
