"""Private names of scikit-learn are used in one file, ``skoptnet/_sklearn.py``."""

import ast
import re
from pathlib import Path

import pytest
import sklearn

import skoptnet

PACKAGE = Path(skoptnet.__file__).parent
#: The file itself, and what mypy reads in its place.
ALLOWED = {PACKAGE / "_sklearn.py", PACKAGE / "_sklearn_for_mypy.py"}
FILES = sorted(file for file in PACKAGE.rglob("*.py") if file not in ALLOWED)
PRIVATE = re.compile(r"_[A-Za-z]\w*\Z")
#: Public methods and attributes of every NamedTuple, in spite of their underscore.
NAMEDTUPLE = {"_asdict", "_fields", "_make", "_replace"}


def named_in_scikit_learn():
    """Return the private names in the source of the installed scikit-learn."""
    found = set()
    folder = Path(sklearn.__file__).parent
    for file in folder.rglob("*.py"):
        if "tests" not in file.relative_to(folder).parts:
            text = file.read_text(encoding="utf-8")
            found.update(re.findall(r"\b_[A-Za-z]\w*", text))
    return found


def is_own_attribute(node):
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("self", "cls")
    )


def defined(tree):
    """Return the names that a file defines: functions, variables, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif is_own_attribute(node):
            yield node.attr


def used(tree):
    """Return attributes and strings (as ``getattr`` takes them) that look private."""
    in_texts = {
        part
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.Constant) and node not in in_texts:
            name = node.value
        else:
            continue
        if isinstance(name, str) and PRIVATE.match(name):
            yield node.lineno, name


def private_imports(tree):
    """Return what comes from a private module of scikit-learn, or by a private name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for path in paths:
            parts = path.split(".")
            if parts[0] == "sklearn" and any(map(PRIVATE.match, parts)):
                yield node.lineno, path


@pytest.fixture(scope="module")
def foreign():
    """The private names of scikit-learn that are not ours, too."""
    ours = {
        name
        for file in FILES
        for name in defined(ast.parse(file.read_text(encoding="utf-8")))
    }
    return named_in_scikit_learn() - ours - NAMEDTUPLE


def found_in(source, foreign):
    tree = ast.parse(source)
    names = [(line, name) for line, name in used(tree) if name in foreign]
    return [*private_imports(tree), *names]


def test_no_other_file_uses_them(foreign):
    found = {
        str(file.relative_to(PACKAGE)): uses
        for file in FILES
        if (uses := found_in(file.read_text(encoding="utf-8"), foreign))
    }
    assert not found


def test_that_one_does(foreign):
    found = found_in((PACKAGE / "_sklearn.py").read_text(encoding="utf-8"), foreign)
    assert {
        "sklearn.model_selection._search.BaseSearchCV",
        "sklearn.utils._safe_indexing",
        "_get_param_names",
        "_score_func",
        "_best_coefs",
    } <= {name for _, name in found}


@pytest.mark.parametrize(
    "source",
    [
        "import sklearn.utils._param_validation",
        "from sklearn.utils import _safe_indexing as rows",
        "from sklearn.neural_network._base import ACTIVATIONS",
        "getattr(scorer, '_score_func', scorer)",
        "mlp._best_coefs = coefs",
        "mlp._label_binarizer = binarizer",
        "names = kind._get_param_names()",
    ],
)
def test_every_way_is_seen(source, foreign):
    assert len(found_in(source, foreign)) == 1
