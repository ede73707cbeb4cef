"""Animations of paths: their frames, files, and players in notebooks."""

import base64
import io
import re

import matplotlib
import numpy as np
import pytest
from drawn import coordinates
from PIL import Image
from processes import execute

from skoptnet.displays import OptimizerPathDisplay

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.animation import AbstractMovieWriter

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("no_figures_left")]

KINDS = ("contour", "3d")


class Recorder(AbstractMovieWriter):
    """Writes nothing, remembers what was drawn."""

    def __init__(self, display):
        super().__init__()
        self.display, self.frames = display, []

    def setup(self, fig, outfile, dpi=None):
        self.fig = fig

    def grab_frame(self, **settings):
        data = {label: coordinates(line) for label, line in self.display.lines_.items()}
        words = [text.get_text() for text in self.display.ax_.texts]
        self.frames.append((data, words))

    def finish(self):
        pass


@pytest.mark.parametrize("kind", KINDS)
def test_frames_show_the_paths_up_to_an_update(two_paths, kind):
    recorder = Recorder(two_paths)
    two_paths.animate(kind=kind, frames=6).save("nowhere", writer=recorder)
    assert len(recorder.frames) == 6
    for (data, words), update in zip(recorder.frames, range(0, 21, 4), strict=True):
        assert f"update {update}" in words
        for label, points in two_paths.points.items():
            np.testing.assert_array_equal(data[label][:2].T, points[: update + 1])


@pytest.mark.parametrize(
    ("n_updates", "frames"),
    [(7, 8), pytest.param(300, 50, marks=pytest.mark.exhaustive)],
)
def test_a_frame_per_update_unless_there_are_many(n_updates, frames):
    many = OptimizerPathDisplay.from_solvers(
        "ravine", "adam", n_updates=n_updates, resolution=5
    )
    recorder = Recorder(many)
    many.animate().save("nowhere", writer=recorder)
    assert len(recorder.frames) == frames
    assert len(recorder.frames[-1][0]["adam"].T) == n_updates + 1


def test_a_short_path_waits_for_the_others():
    both = OptimizerPathDisplay.from_solvers(
        "rosenbrock", ["gd", "adam"], learning_rates={"gd": 1.0, "adam": 0.1},
        n_updates=10, resolution=5,
    )  # fmt: skip
    assert len(both.points["gd"]) < 11
    recorder = Recorder(both)
    both.animate().save("nowhere", writer=recorder)
    assert recorder.frames[-1][0]["gd"].shape[1] == len(both.points["gd"])


def test_a_gif_has_the_frames(two_paths, tmp_path):
    two_paths.animate(tmp_path / "path.gif", frames=3, fps=20, dpi=40)
    with Image.open(tmp_path / "path.gif") as gif:
        assert gif.n_frames == 3
        assert gif.info["duration"] == 50
    assert not plt.get_fignums()


def test_a_page_has_all_in_it(two_paths, tmp_path):
    file = tmp_path / "path.html"
    two_paths.animate(str(file), frames=3, dpi=40)
    html = file.read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert len(re.findall(r'frames\[\d+\] = "data:image/png;base64', html)) == 3
    assert not re.search(r'(src|href)\s*=\s*"?http', html)
    buttons = set(re.findall(r'<i class="fa fa-([\w-]+)', html))
    assert buttons
    assert all(f".fa-{button}::before" in html for button in buttons)


def frames_of(html):
    """The frames in an HTML player, as arrays."""
    found = re.findall(r'frames\[\d+\] = "data:image/png;base64,([^"]+)"', html)
    images = [base64.b64decode(text.replace("\\\n", "")) for text in found]
    return [np.array(Image.open(io.BytesIO(i)).convert("RGB"), int) for i in images]


@pytest.mark.parametrize("kind", KINDS)
def test_frames_of_the_player_are_the_figure_saved(two_paths, kind):
    """But for the palette, and where markers of several artists meet."""
    animation = two_paths.animate(kind=kind, frames=3, dpi=50)
    frames = frames_of(animation.player())
    assert len(frames) == 3
    for frame, update in zip(frames, (0, 10, 20), strict=True):
        animation._func(update)
        file = io.BytesIO()
        two_paths.figure_.savefig(file, dpi=50)
        saved = np.array(Image.open(file).convert("RGB"), int)
        assert frame.shape == saved.shape
        different = abs(frame - saved).max(axis=2) > 25
        assert different.mean() < 0.002
    assert (abs(frames[2] - frames[0]).max(axis=2) > 25).mean() > 0.002
    assert all(line.get_visible() for line in two_paths.lines_.values())
    assert two_paths.figure_.dpi == 100


def test_a_notebook_shows_the_player_and_not_the_figure(two_paths):
    animation = two_paths.animate(frames=3, dpi=40)
    html = animation._repr_html_()
    assert len(frames_of(html)) == 3
    assert re.search(r"anim\w+ = new Animation\([^)]*\); anim\w+\.play_animation", html)
    assert "http" not in re.sub("http://www.w3.org", "", html)
    assert not plt.get_fignums()
    assert len(frames_of(animation._repr_html_())) == 3  # again, in another cell


def test_a_notebook_shows_the_player_and_not_the_figure_in_a_figure_of_ones_own(
    two_paths,
):
    axes = plt.subplots(1, 2)[1]
    assert len(frames_of(two_paths.animate(ax=axes[0], frames=2)._repr_html_())) == 2
    assert not plt.get_fignums()


def test_an_animation_can_be_saved_after_a_notebook_showed_it(two_paths, tmp_path):
    animation = two_paths.animate(frames=3, dpi=40)
    animation._repr_html_()
    animation.save(tmp_path / "path.gif", writer="pillow", dpi=40)
    with Image.open(tmp_path / "path.gif") as gif:
        assert gif.n_frames == 3


def test_a_player_keeps_within_the_limit_of_matplotlib(two_paths):
    animation = two_paths.animate(frames=3, dpi=200)
    free = animation.player()
    with matplotlib.rc_context({"animation.embed_limit": 0.2}):
        html = animation._repr_html_()
    assert len(free) > 0.21 * 2**20
    assert len(html) <= 0.2 * 2**20
    assert len(frames_of(html)) == 3
    assert frames_of(html)[0].shape < frames_of(free)[0].shape


def test_a_transparent_figure_is_white_in_the_player(two_paths):
    with matplotlib.rc_context({"figure.facecolor": "none"}):
        animation = two_paths.animate(frames=2, dpi=40)
    assert (frames_of(animation.player())[0][0, 0] == 255).all()


def test_where_the_figure_itself_moves_there_is_no_player(two_paths, monkeypatch):
    animation = two_paths.animate(frames=2)
    monkeypatch.setattr(
        matplotlib, "get_backend", lambda: "module://ipympl.backend_nbagg"
    )
    assert animation._repr_html_() is None
    assert plt.get_fignums()
    animation._draw_was_started = True  # else matplotlib warns that none saw it


@pytest.mark.filterwarnings("ignore")  # of the packages for notebooks
def test_a_cell_of_a_notebook_has_one_output_the_player(monkeypatch, tmp_path):
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the notebook's own is inline
    cell = (
        "from skoptnet.displays import OptimizerPathDisplay\n"
        "display = OptimizerPathDisplay.from_solvers('ravine', 'sgd', n_updates=3)\n"
        "display.animate()"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)])
    execute(notebook, tmp_path)
    (output,) = notebook.cells[0].outputs
    assert output.output_type == "execute_result"
    assert len(frames_of(output.data["text/html"])) == 4


def test_html_is_a_fragment(two_paths):
    html = two_paths.to_html(frames=2, dpi=40, kind="3d")
    assert html.count("data:image/png;base64") == 2
    assert "<html" not in html
    assert not plt.get_fignums()


def test_a_film_needs_ffmpeg(two_paths, tmp_path, monkeypatch):
    from matplotlib.animation import writers

    if writers.is_available("ffmpeg"):
        two_paths.animate(tmp_path / "path.mp4", frames=3, dpi=40)
        assert (tmp_path / "path.mp4").stat().st_size > 1000
    monkeypatch.setattr(type(writers), "is_available", lambda self, name: False)
    with pytest.raises(RuntimeError, match=r"ffmpeg .* save as '.gif' or '.html'"):
        two_paths.animate(tmp_path / "other.mp4")
    assert not (tmp_path / "other.mp4").exists()
