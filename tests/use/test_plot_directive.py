"""``{plot}`` in Markdown pages of the site: code that is run, and its figures."""

import io
from pathlib import Path

import pytest

pytest.importorskip("myst_parser")
pytest.importorskip("sphinx")

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
PAGE = """# A page

```{plot}
:context: reset
:include-source:

import matplotlib.pyplot as plt
heights = [1, 2, 4]
```

```{plot}
:context: close-figs
:include-source:
:alt: A rising line

plt.plot(heights)
```

```{plot}
:context: close-figs
:include-source: no

for _ in range(2):
    plt.figure()
```
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_ext")
    messages = io.StringIO()

    def build(page):
        source = tmp_path / "source"
        source.mkdir()
        (source / "index.md").write_text(page)
        conf = {
            "extensions": ["myst_parser", "plots"],
            "plot_formats": [("png", 30)],
            "plot_html_show_formats": False,
            "plot_html_show_source_link": False,
        }
        places = [tmp_path / name for name in ("html", "doctrees")]
        app = Sphinx(source, None, *places, "html", conf, status=None, warning=messages)
        app.build()
        return tmp_path / "html" / "index.html", messages.getvalue()

    return build


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the packages
def test_figures_follow_their_code(build):
    file, messages = build(PAGE)
    html = file.read_text()
    assert messages == ""
    images = ["index-1.png", "index-2_00.png", "index-2_01.png"]
    assert sorted(p.name for p in (file.parent / "_images").iterdir()) == images
    places = [html.index(f"_images/{name}") for name in images]
    assert places == sorted(places)
    assert html.index("heights") < html.rindex("heights") < places[0]
    assert 'alt="A rising line"' in html
    assert "range" not in html


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the packages
def test_code_that_fails_is_a_warning(build):
    _, messages = build("# A page\n\n```{plot}\n:context: reset\n\nno_such_name\n```\n")
    assert "NameError: name 'no_such_name' is not defined" in messages
