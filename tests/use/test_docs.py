"""What the documentation shows runs: docstrings, README, pages and scripts in docs."""

import doctest
import importlib.util
import pkgutil
import re
import tomllib

import matplotlib.pyplot as plt
import pytest
from clusters import keep_ray_private
from pages import ROOT, blocks_of, pages, run, run_python_blocks

import skoptnet.displays
import skoptnet.model_selection
from skoptnet.optimizers import OPTIMIZERS, TEXTBOOK
from skoptnet.schedules import SCHEDULES

pytestmark = [
    pytest.mark.filterwarnings("error:.* no effect:UserWarning"),
    pytest.mark.filterwarnings("error:The network predicts its training rows"),
]

ALL_PAGES = PAGES = pages()


def modules():
    found = pkgutil.walk_packages(skoptnet.__path__, "skoptnet.")
    return [skoptnet, *(importlib.import_module(module.name) for module in found)]


# What is about callbacks needs scikit-learn 1.9.
WITH_CALLBACKS = importlib.util.find_spec("sklearn.callback") is not None
if not WITH_CALLBACKS:
    PAGES = [page for page in PAGES if page.name != "callbacks.md"]

DOCTESTS = [
    test
    for module in modules()
    if WITH_CALLBACKS or not module.__name__.startswith("skoptnet.callbacks")
    for test in doctest.DocTestFinder().find(module)
    if test.examples
]


@pytest.fixture(autouse=True)
def _no_figures_left():
    yield
    plt.close("all")


@pytest.mark.parametrize("test", DOCTESTS, ids=lambda test: test.name)
def test_docstring_examples(test):
    if any(example.source == "import optuna\n" for example in test.examples):
        pytest.importorskip("optuna", reason="Optuna is not installed")
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
    assert results.failed == 0


@pytest.mark.once
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.runs for block in blocks_of(page))],
    ids=lambda page: page.name,
)
def test_python_blocks_of_a_page_run_in_order(page, monkeypatch):
    """They print what the page shows, no less and no more, and do not warn."""
    run_python_blocks(page, monkeypatch)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the other packages
@pytest.mark.parametrize(
    ("page", "number"),
    [
        pytest.param(page, number, id=f"{page.name}-{number}")
        for page in PAGES
        for number, block in enumerate(blocks_of(page))
        if block.kind == "py"
    ],
)
def test_blocks_for_other_packages_run_where_these_are(
    page, number, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    keep_ray_private(monkeypatch)
    *before, block = blocks_of(page)[: number + 1]
    for package in block.needs:
        pytest.importorskip(package)
    if "skoptnet.callbacks" in block.text and not WITH_CALLBACKS:
        pytest.skip("scikit-learn before 1.9")
    run(page, [*(b for b in before if b.runs), block], monkeypatch)


@pytest.mark.parametrize("page", ALL_PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_is_run_or_output_or_a_command_that_can_be_given(page):
    outputs = [block.output for block in blocks_of(page) if block.output]
    for block in blocks_of(page):
        if block.runs or block.kind == "py" or re.match(r"\{\w+\}", block.kind):
            continue
        assert block.kind in ("", "text"), f"{page.name}, line {block.line}"
        if block.kind == "text":
            assert block.text in outputs, f"{page.name}, line {block.line}"
        else:
            check_commands(block.text)


def check_commands(text):
    """Check that the extras and scripts that commands name are there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = set(project["project"]["optional-dependencies"])
    for named in re.findall(r"pip install .*\[([\w,]+)\]", text):
        assert set(named.split(",")) <= extras, text
    for script in re.findall(r"(?:python|bash|pytest) ([\w./-]+\.(?:py|sh))", text):
        assert (ROOT / script).is_file(), script


def test_every_public_name_shows_an_example():
    for module in (skoptnet, skoptnet.displays, skoptnet.model_selection):
        for name in set(module.__all__) - {"__version__"}:
            assert ">>> " in getattr(module, name).__doc__, name


@pytest.mark.parametrize("Estimator", [skoptnet.MLPClassifierX, skoptnet.MLPRegressorX])
def test_every_parameter_is_documented(Estimator):
    sections = Estimator.__doc__.split("Attributes\n")
    for name in Estimator().get_params():
        assert re.search(rf"^    {name} : ", sections[0], re.MULTILINE), name
    assert not re.search(r"^ *\{\w+\}$", Estimator.__doc__, re.MULTILINE)


@pytest.mark.once
def test_which_solver_measures_all_there_are(monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "docs")
    script, family = map(importlib.import_module, ("which_solver", "family"))
    rows = script.measure_all(script.QUICK_DATA, 1, 1, script.QUICK_RATES)
    monkeypatch.setattr(script, "measure_all", lambda *args: rows)
    monkeypatch.setattr("sys.argv", ["which_solver.py", "--quick"])
    script.main()
    seven = capsys.readouterr().out
    for name in [*TEXTBOOK, "lbfgs", *set(SCHEDULES) - {"constant"}]:
        assert re.search(rf"\| {name} \|", seven), name
    results = family.Results(rows)
    ranks, table = family.rank_table(results), family.family_table(results)
    for name in OPTIMIZERS:
        assert f"| `{name}` |" in table
        assert f"| `{name}` |" in ranks
    assert not re.search(r"\bnan\b", seven + ranks + table)
