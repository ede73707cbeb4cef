"""The documentation site: what is written, drawn and checked when it is built.

The site itself is built by ``python docs/build.py``; these are its parts.
"""

import importlib
import inspect
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import skoptnet
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES

matplotlib.use("Agg")

from matplotlib import pyplot as plt

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def of_the_site(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    yield
    plt.close("all")


def part(name):
    return importlib.import_module(name)


# -- Gallery ------------------------------------------------------------------------


def test_every_example_has_one_place_in_the_gallery():
    gallery = part("gallery")
    files = [path.name for path in (ROOT / "examples").glob("plot_*.py")]
    ordered = [f"plot_{name}.py" for name in gallery.ORDER]
    assert sorted(files, key=gallery.place) == ordered
    assert gallery.place("plot_of_tomorrow.py") > gallery.place(ordered[-1])


# -- API ----------------------------------------------------------------------------


def test_every_public_name_has_one_place_in_the_api():
    api = part("api_pages")
    names = [name for section in api.sections() for name in section.names]
    assert len(names) == len(set(names))
    for module in filter(None, map(api._imported, ("skoptnet", *api.MODULES))):
        for name in set(getattr(module, "__all__", ())) - {"__version__"}:
            if not isinstance(getattr(module, name), api._ALIASES):
                assert f"{module.__name__}.{name}" in names
    assert set(api.HANDED) <= set(names)


def test_sections_of_the_api_follow_the_registries():
    sections = {
        section.title: section.names for section in part("api_pages").sections()
    }
    solvers = [f"skoptnet.{cls.__name__}" for cls in OPTIMIZERS.values()]
    schedules = [f"skoptnet.{cls.__name__}" for cls in SCHEDULES.values()]
    assert sections["Solvers"] == ["skoptnet.Optimizer", *solvers]
    assert sections["Schedules"] == ["skoptnet.Schedule", *schedules]
    assert sections["Estimators"][0] == "skoptnet.MLPClassifierX"


def test_a_new_public_name_is_found(monkeypatch):
    class Steepest(skoptnet.SGD):
        pass

    monkeypatch.setattr(skoptnet, "Steepest", Steepest, raising=False)
    monkeypatch.setattr(skoptnet, "__all__", [*skoptnet.__all__, "Steepest"])
    sections = {
        section.title: section.names for section in part("api_pages").sections()
    }
    assert sections["Solvers"][-1] == "skoptnet.Steepest"
    assert ".. autoclass:: skoptnet.Steepest" in part("api_pages").page_of(
        "skoptnet.Steepest"
    )


def test_pages_of_the_api_are_written_and_old_ones_removed(tmp_path):
    api = part("api_pages")
    (tmp_path / "skoptnet.Gone.rst").write_text("Gone")
    api.write(tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert "skoptnet.Gone.rst" not in before
    assert {"index.rst", "skoptnet.Adam.rst", "skoptnet.show_versions.rst"} <= set(
        before
    )
    text = (tmp_path / "skoptnet.show_versions.rst").read_text()
    assert ".. autofunction:: skoptnet.show_versions" in text
    assert (
        ":inherited-members:" in (tmp_path / "skoptnet.MLPRegressorX.rst").read_text()
    )
    assert ":inherited-members:" not in (tmp_path / "skoptnet.Adam.rst").read_text()
    api.write(tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


# -- Solvers and schedules ------------------------------------------------------------


@pytest.mark.parametrize(
    ("directive", "page", "registry"),
    [("solver", "solvers.md", OPTIMIZERS), ("schedule", "schedules.md", SCHEDULES)],
)
def test_each_has_its_section(directive, page, registry):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for name in registry:
        heading = re.search(rf'^### .*`"{name}"`$(.*?)(?=^##)', text, re.M | re.S)
        assert heading, name
        assert f"```{{{directive}}} {name}\n" in heading[1], name
        assert "*Use it*" in heading[1], name


@pytest.mark.parametrize(
    "registry", [OPTIMIZERS, SCHEDULES], ids=["solvers", "schedules"]
)
def test_what_is_shown_of_a_class_is_its_formula_and_its_code(registry):
    pytest.importorskip("sphinx")
    pages = part("method_pages")
    for name, cls in registry.items():
        text, code = pages.description(cls), pages.code(cls)
        assert ".. math::" in text, name
        assert ">>>" not in text, name
        assert "Parameters" not in text, name
        for line in filter(None, code.splitlines()):
            assert line.strip() in inspect.getsource(cls), name
    assert pages.code(skoptnet.SGD) == (
        "def step(self, theta, g, state, rate, xp):\n    theta -= rate * g\n"
    )


def test_path_of_gradient_descent_is_the_closed_form():
    pictures = part("method_pictures")
    points = pictures.path(skoptnet.SGD(), 0.03).points
    step = np.eye(2) - 0.03 * pictures.HESSIAN
    for t in (0, 1, 7, pictures.UPDATES):
        expected = np.linalg.matrix_power(step, t) @ pictures.START
        np.testing.assert_allclose(points[t], expected, rtol=1e-9, atol=1e-12)


def test_best_rate_of_gradient_descent_is_near_the_best_there_is():
    # 2 / (m + M), for curvatures between m = 1 and M = 25
    pictures = part("method_pictures")
    rate = pictures.best_rate(skoptnet.SGD())
    nearest = min(pictures.RATES, key=lambda r: abs(np.log(r * 26 / 2)))
    i = pictures.RATES.index(nearest)
    assert rate in pictures.RATES[i - 1 : i + 1]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_solver_gets_down_the_ravine(name):
    pictures = part("method_pictures")
    solver = OPTIMIZERS[name]()
    before = repr(vars(solver))
    losses = pictures.path(solver, pictures.best_rate(solver)).values
    assert losses.min() < losses[0] / 4
    assert repr(vars(solver)) == before


def test_picture_of_paths_shows_these_paths():
    pictures = part("method_pictures")
    solvers = {name: OPTIMIZERS[name]() for name in ("sgd", "adam")}
    left, right = pictures.paths(solvers, noise=0.5).axes
    for i, solver in enumerate(solvers.values()):
        shown = pictures.path(solver, pictures.best_rate(solver, 0.5), 0.5)
        np.testing.assert_array_equal(left.lines[i].get_xydata(), shown.points)
        np.testing.assert_array_equal(right.lines[i].get_ydata(), shown.values)
    assert right.get_yscale() == "log"


@pytest.mark.parametrize("name", SCHEDULES)
def test_picture_of_a_schedule_shows_its_factors(name):
    pictures = part("method_pictures")
    schedule = SCHEDULES[name]()
    axes, *other = pictures.factors(schedule).axes
    clocks = pictures.clocks()
    drawn = [schedule(clock) for clock in clocks]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), drawn)
    assert min(drawn) >= 0
    assert max(drawn) <= 1.01  # as far as the axis goes
    assert len(other) == schedule.moves_momentum
    if other:
        momentum = [schedule.momentum(clock) for clock in clocks]
        np.testing.assert_array_equal(other[0].lines[0].get_ydata(), momentum)


def test_a_picture_is_saved_for_light_and_dark_and_not_written_twice(tmp_path):
    pictures = part("method_pictures")
    light, dark = tmp_path / "light.svg", tmp_path / "dark.svg"
    for file in (light, dark):
        schedule = skoptnet.StepDecay()
        draw = lambda schedule=schedule: pictures.factors(schedule)  # noqa: E731
        pictures.save(draw, file, dark=file is dark)
        written = file.stat().st_mtime_ns
        pictures.save(draw, file, dark=file is dark)
        assert file.stat().st_mtime_ns == written
    assert "#ffffff" in dark.read_text()
    assert "#ffffff" not in light.read_text()


# -- Links ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "page"),
    [
        ("skoptnet/network.py", "_modules/skoptnet/network"),
        ("skoptnet/schedules/__init__.py", "_modules/skoptnet/schedules"),
        ("skoptnet/optimizers", "_modules/skoptnet/optimizers"),
        ("skoptnet/gone.py", None),
        ("docs/which_solver.csv.gz", None),
        ("examples/grid_search.py", None),
        ("../elsewhere.py", None),
    ],
)
def test_links_to_source_lead_to_its_page(file, page):
    pytest.importorskip("sphinx")
    assert part("source_pages").page_of((ROOT / file).resolve()) == page


def test_ways_back_from_the_source_name_what_is_documented():
    pytest.importorskip("sphinx")
    context = {
        "body": '<a href="../api/skoptnet.optimizers.State.html#skoptnet.State.copy">'
        '<a href="../api/skoptnet.Adam.html#skoptnet.Adam.step">'
    }
    part("source_pages").mend_ways_back(None, "_modules/x", "page.html", context, None)
    assert re.findall('#([^"]+)', context["body"]) == [
        "skoptnet.optimizers.State.copy",
        "skoptnet.Adam.step",
    ]


def test_a_site_in_order_has_no_faults(tmp_path):
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="sub/b.html#one two">b</a><a href="#top">up</a>'
        '<a href="https://example.org/gone">elsewhere</a><a href="mailto:x@y.z">x</a>'
        '<img src="data:image/png;base64,AA"><script src="sub/s.js?v=1"></script>'
    )
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.html").write_text(
        '<p id="one two"></p><a href="../a.html">a</a>'
    )
    (tmp_path / "sub" / "s.js").write_text("")
    (tmp_path / "s.css").write_text("p {background: url(data:image/png;base64,AA)}")
    assert part("site_faults").faults(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<a href="gone.html">', "no such file: gone.html"),
        ('<img src="gone.png">', "no such file: gone.png"),
        ('<img srcset="a.html, gone.png 2x">', "no such file: gone.png"),
        ('<a href="#gone">', "no such anchor: #gone"),
        ('<a href="a.html#gone">', "no such anchor: a.html#gone"),
        ('<script src="https://cdn.org/x.js">', "fetches from elsewhere: https"),
        ('<link href="//fonts.org/x.css">', "fetches from elsewhere: //fonts"),
        ('<a href=".">', "no such file: ."),
    ],
)
def test_a_fault_of_a_site_is_found(tmp_path, text, fault):
    (tmp_path / "a.html").write_text(text)
    (found,) = part("site_faults").faults(tmp_path)
    assert found.startswith(f"a.html: {fault}")


def test_styles_that_fetch_are_found(tmp_path):
    for i, text in enumerate(
        ['@import "https://fonts.org/a.css";', "p {src: url('//fonts.org/a.woff')}"]
    ):
        (tmp_path / f"{i}.css").write_text(text)
    assert len(part("site_faults").faults(tmp_path)) == 2


def test_an_example_that_warns_fails_and_only_that(recwarn):
    gallery = part("gallery")
    with pytest.warns(UserWarning, match="before"):
        skoptnet_warns("before")
    gallery.warnings_are_errors({}, "plot_x.py", "before")
    try:
        with pytest.raises(UserWarning, match="within"):
            skoptnet_warns("within")
    finally:
        gallery.warnings_are_errors({}, "plot_x.py", "after")
    with pytest.warns(UserWarning, match="after"):
        skoptnet_warns("after")


def skoptnet_warns(text):
    import warnings

    warnings.warn(text, UserWarning, stacklevel=2)
