"""What editors and type checkers see: constructors, names, docstrings, attributes.

Two scripts in typed_scripts are checked by mypy and basedpyright, where these are
installed (``pip install ".[dev]"``): in right.py there is nothing to report, in
wrong.py each line that ends in ``# wrong: ...``.
"""

import inspect
import json
import os
import re
import runpy
import subprocess
import sys
import typing
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import skoptnet
from skoptnet import HiddenActivations, MLPClassifierX, MLPRegressorX
from skoptnet.activations import ACTIVATIONS
from skoptnet.estimators.base import MLP
from skoptnet.estimators.prediction import computed
from skoptnet.losses import REGRESSION_LOSSES
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES
from skoptnet.typing import ActivationName, LossName, ScheduleName, SolverName

SCRIPTS = Path(__file__).resolve().parent / "typed_scripts"
#: Where the checkers find the package if it is not installed beside the others.
PACKAGES = Path(skoptnet.__file__).resolve().parent.parent
ESTIMATORS = [MLPClassifierX, MLPRegressorX]
NAMES = {
    "solver": (SolverName, [*OPTIMIZERS, "lbfgs"]),
    "lr_schedule": (ScheduleName, list(SCHEDULES)),
    "activation": (ActivationName, list(ACTIVATIONS)),
    "loss": (LossName, list(REGRESSION_LOSSES)),
}


def section(Estimator, title):
    """Return the entries of a section of a class' docstring, by name, as written."""
    parts = re.split(r"^(\w.*)\n-+\n", inspect.cleandoc(Estimator.__doc__), flags=re.M)
    body = parts[parts.index(title) + 1].strip()
    entries = re.findall(r"^(\w+) : (.*(?:\n+    .*)*)", body, re.M)
    assert "\n".join(f"{name} : {text}" for name, text in entries) == body
    return dict(entries)


# The source.


@pytest.mark.parametrize("parameter", NAMES)
def test_names_for_type_checkers_are_those_of_the_registry(parameter):
    literal, registered = NAMES[parameter]
    assert list(typing.get_args(literal)) == registered


@pytest.mark.parametrize("Estimator", ESTIMATORS)
@pytest.mark.parametrize("parameter", NAMES)
def test_docstrings_have_every_registered_name(Estimator, parameter):
    described = section(Estimator, "Parameters").get(parameter)
    if described is None:
        assert (Estimator, parameter) == (MLPClassifierX, "loss")
        return
    assert [name for name in NAMES[parameter][1] if f"'{name}'" not in described] == []


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_docstrings_have_the_parameters_of_the_constructor_in_order(Estimator):
    assert list(section(Estimator, "Parameters")) == list(
        inspect.signature(Estimator).parameters
    )


@pytest.mark.parametrize("title", ["Parameters", "Attributes"])
def test_both_docstrings_describe_in_the_same_words_what_both_have(title):
    classifier, regressor = (section(E, title) for E in ESTIMATORS)
    shared = [name for name in classifier if name in regressor]
    assert shared == [name for name in regressor if name in classifier]
    assert {n: classifier[n] for n in shared} == {n: regressor[n] for n in shared}
    own = {"class_weight", "label_smoothing", "loss", "huber_delta", "quantile"}
    own |= {"normalize_y", "classes_", "y_mean_", "y_scale_"}
    assert classifier.keys() ^ regressor.keys() <= own


def test_both_constructors_are_alike_in_what_both_take():
    classifier, regressor = (inspect.signature(E).parameters for E in ESTIMATORS)
    base = inspect.signature(MLP).parameters
    for name, parameter in base.items():
        assert classifier[name] == regressor[name], name
        assert classifier[name].annotation == parameter.annotation, name
        assert classifier[name].kind == parameter.kind, name
    for own in (classifier, regressor):
        assert [name for name in own if name in base] == list(base)


@pytest.mark.parametrize("Estimator", [*ESTIMATORS, HiddenActivations])
def test_every_parameter_has_a_type(Estimator):
    types = typing.get_type_hints(Estimator.__init__)
    assert types.pop("return") is type(None)
    assert list(types) == list(inspect.signature(Estimator).parameters)


def annotations_of(value):
    """Return the annotations of the function of a property, {} for anything else."""
    if isinstance(value, computed):
        return value.function.__annotations__
    return value.fget.__annotations__ if isinstance(value, property) else {}


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_fitted_attributes_are_declared_and_have_no_value_before_a_fit(Estimator):
    declared = {name for c in Estimator.__mro__ for name in inspect.get_annotations(c)}
    properties = {
        name
        for name, value in inspect.getmembers(Estimator)
        if "return" in annotations_of(value)
    }
    documented = section(Estimator, "Attributes").keys()
    assert documented - properties <= declared
    assert {name for name in declared if re.fullmatch("[a-z].*_", name)} <= documented
    assert not [name for name in documented if hasattr(Estimator(), name)]


# Type checkers and editors.


def marked():
    """Return the lines of wrong.py in which there is a mistake."""
    lines = (SCRIPTS / "wrong.py").read_text(encoding="utf-8").splitlines()
    return {i for i, line in enumerate(lines, 1) if "# wrong: " in line}


def test_the_right_script_runs(tmp_path, monkeypatch):
    pytest.importorskip("sklearn.callback", reason="callbacks need scikit-learn 1.9")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(str(SCRIPTS / "right.py"))
    assert (tmp_path / "curve.png").exists()
    plt.close("all")


@pytest.fixture(scope="module")
def by_mypy(tmp_path_factory):
    """Return the lines of each script that ``mypy --strict`` reports."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    folder = tmp_path_factory.mktemp("mypy")
    settings = folder / "mypy.ini"
    settings.write_text(
        # scikit-learn has no types; what lies within skoptnet is not the user's.
        "[mypy]\nstrict = True\nfollow_imports = silent\n"
        "[mypy-sklearn.*]\nignore_missing_imports = True\n"
    )
    environment = dict(os.environ)
    if not is_installed_for_checkers():
        environment["MYPYPATH"] = str(PACKAGES)
    command = [sys.executable, "-m", "mypy", "--config-file", settings]
    command += ["--cache-dir", folder / "cache", "--no-pretty", "--show-absolute-path"]
    run = subprocess.run(
        [*command, SCRIPTS / "right.py", SCRIPTS / "wrong.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    found = re.findall(r"^(.*?):(\d+): error: (.*)$", run.stdout, re.MULTILINE)
    assert found, run.stdout
    return [(Path(path).name, int(line), message) for path, line, message in found]


@pytest.fixture(scope="module")
def by_basedpyright(tmp_path_factory):
    """Return the lines of each script that basedpyright reports."""
    pytest.importorskip("basedpyright", reason="basedpyright is not installed")
    folder = tmp_path_factory.mktemp("basedpyright")
    settings = {
        # The stricter modes report each use of what scikit-learn has no types for.
        "typeCheckingMode": "standard",
        "include": [str(SCRIPTS)],
        "extraPaths": [] if is_installed_for_checkers() else [str(PACKAGES)],
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "--outputjson"]
    run = subprocess.run(
        [*command, "--project", folder, "--pythonpath", sys.executable],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    return [
        (Path(d["file"]).name, d["range"]["start"]["line"] + 1, d["message"])
        for d in json.loads(run.stdout)["generalDiagnostics"]
    ]


def is_installed_for_checkers():
    """Tell whether the package lies where checkers look by themselves."""
    return PACKAGES.name in ("site-packages", "dist-packages")


@pytest.mark.parametrize("checker", ["by_mypy", "by_basedpyright"])
def test_a_right_script_is_clean(checker, request):
    found = request.getfixturevalue(checker)
    assert [each for each in found if each[0] == "right.py"] == []


@pytest.mark.parametrize("checker", ["by_mypy", "by_basedpyright"])
def test_each_mistake_in_a_script_is_reported(checker, request):
    found = request.getfixturevalue(checker)
    lines = {line for name, line, _ in found if name == "wrong.py"}
    assert lines == marked()
    assert len(lines) > 20


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_editors_show_every_parameter(Estimator):
    jedi = pytest.importorskip("jedi", reason="jedi is not installed")
    name = Estimator.__name__
    calls = {
        f"{name}(": Estimator,
        f"{name}().fit(": Estimator.fit,
        f"{name}().partial_fit(": Estimator.partial_fit,
        f"{name}().predict(": Estimator.predict,
    }
    for call, function in calls.items():
        script = jedi.Script(f"from skoptnet import {name}\n{call}")
        shown = [
            [parameter.name for parameter in found.params if parameter.name != "self"]
            for found in script.get_signatures()
        ]
        wanted = [p for p in inspect.signature(function).parameters if p != "self"]
        assert shown, call
        assert all(names == wanted for names in shown), call


def test_editors_complete_fitted_attributes():
    jedi = pytest.importorskip("jedi", reason="jedi is not installed")
    # jedi does not see what stands in for a decorator that cannot be imported.
    pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")
    code = "from skoptnet import MLPClassifierX\nMLPClassifierX().fit(X, y)."
    completed = {found.name for found in jedi.Script(code).complete()}
    assert section(MLPClassifierX, "Attributes").keys() <= completed
