"""The documentation site: what is written, drawn and checked when it is built.

The site itself is built by ``python docs/build.py``; these are its parts.
"""

import importlib
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import skoptnet
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.schedules import SCHEDULES
from skoptnet.surfaces.rates import RATES

matplotlib.use("Agg")

from matplotlib import pyplot as plt

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def of_the_site(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    monkeypatch.syspath_prepend(ROOT / "docs")
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


def entry(name, title):
    """What sphinx-gallery writes for an example into its index."""
    return f"""
.. raw:: html

    <div class="sphx-glr-thumbcontainer" tooltip="About {name}.">

.. only:: html

  .. image:: /auto_examples/images/thumb/sphx_glr_plot_{name}_thumb.png
    :alt:

  :doc:`/auto_examples/plot_{name}`

.. raw:: html

      <div class="sphx-glr-thumbnail-title">{title}</div>
    </div>

"""


def test_index_of_the_gallery_has_a_section_for_each_group():
    index = (
        "Examples\n========\n\nHeader.\n\n"
        '.. raw:: html\n\n    <div class="sphx-glr-thumbnails">\n'
        + entry("text_sparse", "Text")
        + entry("ravine", "Ravine")
        + entry("of_tomorrow", "Tomorrow")
        + ".. thumbnail-parent-div-close\n\n.. raw:: html\n\n    </div>\n\n"
        ".. toctree::\n   :hidden:\n\n   /auto_examples/plot_text_sparse\n\n"
        ".. only:: html\n\n  Footer.\n"
    )
    text = part("gallery").grouped(index)
    assert text.startswith("Examples\n========\n\nHeader.\n")
    assert text.endswith(".. only:: html\n\n  Footer.\n")
    assert re.findall(r"^(.+)\n-+$|plot_(\w+)`$", text, re.M) == [
        ("How solvers move", ""),
        ("", "ravine"),
        ("Data", ""),
        ("", "text_sparse"),
        ("More", ""),
        ("", "of_tomorrow"),
    ]
    toctrees = re.findall(r":caption: (.+)\n\n   /auto_examples/plot_(\w+)\n\n", text)
    assert toctrees == [
        ("How solvers move", "ravine"),
        ("Data", "text_sparse"),
        ("More", "of_tomorrow"),
    ]
    assert part("gallery").grouped("No examples") == "No examples"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("    )  # fmt: skip\n", "    )\n"),
        ("    # fmt: off\n    x = 1\n", "    x = 1\n"),
        ("    import y  # noqa: F401\n", "    import y\n"),
        ("    # not for fmt: skip it\n", "    # not for fmt: skip it\n"),
    ],
)
def test_remarks_to_formatters_are_not_shown(line, shown):
    content = [f"    before = 0\n{line}"]
    part("gallery")._mend(None, "auto_examples/plot_x", content)
    assert content == [f"    before = 0\n{shown}"]
    content = [line]
    part("gallery")._mend(None, "training", content)
    assert content == [line]


def test_a_thumbnail_has_the_panels_without_text_at_its_size(tmp_path):
    thumbnails = part("thumbnails")
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
    for i, ax in enumerate(axes):
        ax.plot([0, i], label="line")
        ax.set(title="title", xlabel="x", ylabel="y")
        ax.legend()
    width = axes[2].lines[0].get_linewidth()
    thumbnails.simplify(figure, (0, 2))
    assert figure.axes == [axes[0], axes[2]]
    assert not any(text.get_visible() for text in figure.findobj(matplotlib.text.Text))
    assert axes[2].lines[0].get_linewidth() > width
    left, right = (ax.get_position() for ax in figure.axes)
    assert left.x1 < right.x0
    assert left.width == pytest.approx(right.width)
    assert left.height > 0.9
    file = thumbnails.draw(figure, None, tmp_path / "new" / "thumbnail")
    height, width, _ = plt.imread(file).shape
    assert (width, height) == thumbnails.SIZE
    with pytest.raises(ValueError, match=r"axes \(0, 2\) of a figure that has 2"):
        thumbnails.simplify(figure, (0, 2))


def test_an_example_with_an_unlabelled_figure_ends_the_build():
    plt.close("all")
    figure, (left, right) = plt.subplots(1, 2, sharey=True)
    left.set(xlabel="x", ylabel="y", title="left")
    for ax in (left, right):
        ax.plot([0, 1])
    figure.colorbar(right.scatter([0], [0], c=[1]))
    lines = list(part("labels").missing_labels(figure))
    assert [line.partition("have no ")[2] for line in lines] == [
        "x label", "label, though they are a colour bar",
    ]  # fmt: skip
    block = {"src_file": "plot_x.py", "image_path_iterator": []}
    with pytest.raises(ValueError, match=r"plot_x\.py: axes '' of figure"):
        part("gallery").scrape(None, block, {})
    right.set_xlabel("x")
    figure.axes[-1].set_ylabel("value")
    assert not list(part("labels").missing_labels(figure))


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


@pytest.mark.parametrize("registry", [OPTIMIZERS, SCHEDULES])
def test_the_constructor_shown_of_a_class_makes_it_with_its_defaults(registry):
    pytest.importorskip("sphinx")
    pages = part("method_pages")
    for name, cls in registry.items():
        text = pages.constructor(cls)
        made = eval(text, {cls.__name__: cls})
        assert vars(made) == vars(cls()), name
        assert text.count("=") == len(inspect.signature(cls).parameters), name
        assert max(map(len, text.splitlines())) <= 80, name
    assert pages.constructor(skoptnet.Momentum) == (
        "Momentum(momentum=0.9, weight_decay=0.0, average=0.0)"
    )


def test_the_default_rate_of_a_solver_is_said_once():
    pytest.importorskip("sphinx")
    pages = part("method_pages")
    assert "Default rate: 1, for regression 0.1." in skoptnet.GradientDescent.__doc__
    for cls in OPTIMIZERS.values():
        assert "efault rate" not in pages.description(cls)


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
    nearest = min(RATES, key=lambda r: abs(np.log(r * 26 / 2)))
    i = RATES.index(nearest)
    assert rate in RATES[i - 1 : i + 1]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.once
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
    ("urls", "links"),
    [
        ("", []),
        ('[project.urls]\nDocumentation = "https://x.org/docs"', []),
        (
            '[project.urls]\n"Source Code" = "https://x.org/code"',
            [("https://x.org/code", "fa-solid fa-code-branch")],
        ),
        (
            '[project.urls]\nHomepage = "https://x.org"\n'
            'Repository = "https://github.com/x/y"',
            [("https://github.com/x/y", "fa-brands fa-github")],
        ),
    ],
)
def test_the_link_to_the_repository_is_that_of_pyproject(tmp_path, urls, links):
    file = tmp_path / "pyproject.toml"
    file.write_text(f'[project]\nname = "skoptnet"\n{urls}\n')
    found = part("repository").icon_links(file)
    assert [(link["url"], link["icon"]) for link in found] == links


def test_inventories_hold_what_is_used_at_its_address():
    inventories = part("inventories")
    assert inventories.missing() == []
    held = inventories.shipped()
    learn, numpy = "https://scikit-learn.org/stable", "https://numpy.org/doc/stable"
    for name, address in {
        "sklearn.pipeline.Pipeline": f"{learn}/modules/generated/"
        "sklearn.pipeline.Pipeline.html#sklearn.pipeline.Pipeline",
        "sklearn.base.BaseEstimator.set_params": f"{learn}/modules/generated/"
        "sklearn.base.BaseEstimator.html#sklearn.base.BaseEstimator.set_params",
        "metadata_routing": f"{learn}/metadata_routing.html#metadata-routing",
        "numpy.linspace": f"{numpy}/reference/generated/"
        "numpy.linspace.html#numpy.linspace",
        "numpy.random.default_rng": f"{numpy}/reference/random/"
        "generator.html#numpy.random.default_rng",
        "matplotlib.pyplot.show": "https://matplotlib.org/stable/api/_as_gen/"
        "matplotlib.pyplot.show.html#matplotlib.pyplot.show",
    }.items():
        assert held[name] == address


def test_names_of_other_projects_are_found_in_programs():
    code = """
import os.path
import numpy as np
import scipy.stats
from sklearn.svm import SVC as Machine
from skoptnet import Adam

grid = np.linspace(0, 1).mean()
x = scipy.stats.norm(os.path.sep, np.nan)
Machine(C=1).fit(grid, x)
numpy.arange(3)
"""
    assert set(part("inventories").names_in(code)) == {
        "numpy",
        "numpy.linspace",
        "numpy.nan",
        "scipy",
        "scipy.stats",
        "scipy.stats.norm",
        "sklearn.svm.SVC",
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sklearn.pipeline.Pipeline", "class"),
        ("sklearn.pipeline.make_pipeline", "function"),
        ("sklearn.base.BaseEstimator.set_params", "method"),
        ("numpy.nan", "data"),
        ("numpy.nothing", ""),
        ("numpy.random", ""),
        ("scipy.stats.norm.rvs", ""),
    ],
)
def test_kinds_of_names_in_inventories(name, kind):
    assert part("inventories").kind(name) == kind


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


# -- A small site, built with the settings of docs/conf.py -----------------------------

_CONF = f"""
import sys
sys.path.insert(0, {str(ROOT / "docs")!r})
from conf import *
extensions = [
    name
    for name in extensions
    if name not in ("api_pages", "source_pages", "sphinx.ext.viewcode")
]
sphinx_gallery_conf["examples_dirs"] = ["../programs"]
"""
_PAGE = """
# Page

{doi}`10.1000/182` and {arxiv}`1412.6980`, {obj}`sklearn.pipeline.Pipeline`

```{toctree}
auto_examples/index
```
"""
_RAVINE = '''"""
Ravine
======

Text.
"""

import matplotlib.pyplot as plt
import numpy as np

plt.plot(
    np.linspace(0, 1, 3),
)  # fmt: skip
plt.xlabel("x")
plt.ylabel("y")
plt.show()
'''
_MOVING = '''"""
Moving
======

Text.
"""

import matplotlib.pyplot as plt
from matplotlib.animation import FuncAnimation

for _ in range(5):
    plt.figure()
figure, ax = plt.subplots()
(line,) = ax.plot([0, 1], [0, 1])
ax.set(xlabel="x", ylabel="y")
animation = FuncAnimation(
    figure, lambda i: line.set_data([0, 1], [0, i]), frames=8, interval=100
)
plt.show()
'''
_BROKEN = '"""\nBroken\n======\n\nText.\n"""\n\nraise RuntimeError("out of luck")\n'


@pytest.fixture(scope="module")
def small_site(tmp_path_factory):
    for name in ("myst_parser", "pydata_sphinx_theme", "sphinx_copybutton"):
        pytest.importorskip(name)
    pytest.importorskip("sphinx_gallery")
    folder = tmp_path_factory.mktemp("site") / "docs"
    for part_of_it in ("_static", "_templates", "_inventories"):
        shutil.copytree(ROOT / "docs" / part_of_it, folder / part_of_it)
    folder.with_name("programs").mkdir()
    for name, text in {
        "conf.py": _CONF,
        "index.md": _PAGE,
        "../programs/GALLERY_HEADER.rst": "Examples\n========\n",
        "../programs/plot_ravine.py": _RAVINE,
        "../programs/plot_saddle_and_minima.py": _MOVING,
        "../programs/plot_of_tomorrow.py": _BROKEN,
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    # left by an earlier build
    thumbnail = "auto_examples/images/thumb/sphx_glr_plot_saddle_and_minima_thumb.png"
    (folder / thumbnail).parent.mkdir(parents=True)
    plt.imsave(folder / thumbnail, np.zeros((2, 3)))
    options = ["-W", "--keep-going", "-q", "-b", "html", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(folder / "html")],
        capture_output=True,
        text=True,
        check=False,
    )
    return folder / "html", done


def page(small_site, name):
    return (small_site[0] / name).read_text(encoding="utf-8")


def test_a_failing_example_fails_the_build_and_is_named(small_site):
    _, done = small_site
    assert done.returncode == 1, done.stderr
    assert "plot_of_tomorrow.py" in done.stderr
    assert "RuntimeError: out of luck" in done.stderr
    # when it fails and in the summary; nothing else is wrong
    assert done.stderr.count("WARNING: ") == 2


def test_a_failing_example_leaves_the_site_whole(small_site):
    site, _ = small_site
    assert part("site_faults").faults(site) == []
    styles = re.findall(r'href="(\S+?\.css)', page(small_site, "index.html"))
    assert {"theme.css", "site.css", "copybutton.css"} <= {
        Path(style).name for style in styles
    }
    assert "out of luck" in page(small_site, "auto_examples/plot_of_tomorrow.html")


def test_the_gallery_of_the_small_site_is_in_groups(small_site):
    text = page(small_site, "auto_examples/index.html")
    places = [
        text.index(part_of_it)
        for part_of_it in (
            "<h2>How solvers move",
            'title">Ravine<',
            'title">Moving<',
            "<h2>More",
            'title">Broken<',
        )
    ]
    assert places == sorted(places)


def test_thumbnails_of_the_small_site_have_their_size_and_move(small_site):
    image = pytest.importorskip("PIL.Image")
    text = page(small_site, "auto_examples/index.html")
    files = re.findall(r'src="\.\./(_images/sphx_glr_plot_\S+_thumb\.\w+)"', text)
    assert [Path(file).suffix for file in files] == [".png", ".gif", ".png"]
    with image.open(small_site[0] / files[0]) as still:
        assert still.size == part("thumbnails").SIZE
    with image.open(small_site[0] / files[1]) as moving:
        assert moving.size == part("thumbnails").SIZE
        assert moving.n_frames == 4
        assert moving.info["duration"] == 200
        assert moving.info["loop"] == 0


def test_code_of_an_example_links_to_other_projects(small_site):
    text = page(small_site, "auto_examples/plot_ravine.html")
    assert "fmt: skip" not in text
    assert "numpy.org/doc/stable/reference/generated/numpy.linspace.html" in text
    assert "matplotlib.org/stable/api/_as_gen/matplotlib.pyplot.show.html" in text


def test_version_and_links_to_papers_and_names(small_site):
    text = page(small_site, "index.html")
    for address in (
        "https://doi.org/10.1000/182",
        "https://arxiv.org/abs/1412.6980",
        "https://scikit-learn.org/stable/modules/generated/sklearn.pipeline.Pipeline"
        ".html#sklearn.pipeline.Pipeline",
    ):
        assert f'href="{address}"' in text
    (version,) = re.findall('class="version"[^>]*>([^<]*)<', text)
    assert version == skoptnet.__version__
