"""The code of a fit stays readable: functions are short, flat and of few parameters."""

import ast
import tokenize
from io import StringIO
from pathlib import Path
from textwrap import dedent

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "skoptnet"
ROOMS = ("training", "estimators", "tabular", "model_selection")
FILES = sorted(file for room in ROOMS for file in (PACKAGE / room).glob("*.py"))
MOST_LINES, DEEPEST, MOST_PARAMETERS = 45, 4, 8
#: Constructors may be long; they and the public fits may have any number of parameters.
CONSTRUCTOR, MANY_PARAMETERS = "__init__", {"__init__", "fit", "partial_fit"}

NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
BLOCKS = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith,
    ast.Try, ast.TryStar, ast.Match,
)  # fmt: skip
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def code_lines(source):
    """Return the numbers of the lines that have more than a comment or docstring."""
    lines = set()
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type not in NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and ast.get_docstring(node):
            text = node.body[0]
            lines -= set(range(text.lineno, text.end_lineno + 1))
    return lines


def depth(node):
    """Return how deep blocks are nested below a node; elif is no level of its own."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTIONS, ast.Lambda)):
            continue
        is_elif = (
            isinstance(node, ast.If)
            and isinstance(child, ast.If)
            and node.orelse == [child]
        )
        level = isinstance(child, BLOCKS) and not is_elif
        deepest = max(deepest, level + depth(child))
    return deepest


def n_parameters(function):
    """Return the number of parameters, without ``self`` or ``cls``."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args]
    bound = bool(named) and named[0].arg in ("self", "cls")
    more = [arguments.vararg, arguments.kwarg]
    return len(named) + len(arguments.kwonlyargs) - bound + sum(map(bool, more))


def over_the_limits(source):
    """Return the functions that are too long, too deep or have too many parameters."""
    lines, found = code_lines(source), []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, FUNCTIONS):
            continue
        n_lines = len(lines & set(range(node.lineno, node.end_lineno + 1)))
        if node.name != CONSTRUCTOR and n_lines > MOST_LINES:
            found.append(f"{node.name}: {n_lines} lines of code")
        if depth(node) > DEEPEST:
            found.append(f"{node.name}: {depth(node)} levels of nesting")
        if node.name not in MANY_PARAMETERS and n_parameters(node) > MOST_PARAMETERS:
            found.append(f"{node.name}: {n_parameters(node)} parameters")
    return found


@pytest.mark.parametrize(
    "file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}"
)
def test_functions_stay_within_the_limits(file):
    assert over_the_limits(file.read_text(encoding="utf-8")) == []


def test_there_are_files():
    assert {file.parent.name for file in FILES} == set(ROOMS)


def test_too_long_a_function_is_found():
    body = "".join(f"    x = {i}\n\n    # {i}\n" for i in range(43))
    source = f'def f(\n    x,\n):\n    """One\n\n    two."""\n{body}'
    assert over_the_limits(source) == ["f: 46 lines of code"]
    shorter = source.replace("    x = 0\n", "")
    assert over_the_limits(shorter) == []
    assert over_the_limits(source.replace("def f", "def __init__")) == []


def test_too_deep_a_function_is_found():
    source = dedent("""
        def f(x):
            for i in x:
                if i:
                    pass
                elif not i:
                    with x:
                        try:
                            while x: pass
                        finally:
                            pass
    """)
    assert over_the_limits(source) == ["f: 5 levels of nesting"]
    assert over_the_limits(source.replace("while x: pass", "lambda: 0")) == []


def test_too_many_parameters_are_found():
    source = "class A:\n    def f(self, a, b, /, c, d, *, e, f, g, h, i): pass\n"
    assert over_the_limits(source) == ["f: 9 parameters"]
    assert over_the_limits(source.replace(", i", "")) == []
    assert over_the_limits(source.replace("def f", "def partial_fit")) == []
