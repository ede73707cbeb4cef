"""HTML player of an animation that shows itself in a notebook.

It is imported only when something is animated, so the package works without matplotlib.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.animation import FuncAnimation, HTMLWriter
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from ._animation import self_playing
from ._style import pyplot

# Minimum resolution of a player whose size is limited.
_LEAST_DPI = 20
# Parts of the names of backends that show a moving figure in a notebook.
_LIVE = ("ipympl", "nbagg", "notebook", "widget")


class PathAnimation(FuncAnimation):
    """A FuncAnimation that a notebook shows as a player.

    Parameters
    ----------
    figure : Figure
        The figure.
    draw : callable
        Draws a frame and returns the artists that change.
    steps : array of int
        The argument of ``draw`` for each frame.
    fps, dpi : float
        Frames per second, and resolution of the player.
    still : sequence of Artist, default=()
        Artists that never change, but lie above some that do.
    """

    def __init__(
        self,
        figure: Any,
        draw: Callable[[Any], list[Any]],
        steps: Any,
        fps: float,
        dpi: float,
        still: Sequence[Any] = (),
    ):
        self._figure, self._still = figure, still
        self._draw_step, self._steps = draw, steps
        self._fps, self._dpi = fps, dpi
        super().__init__(
            figure,
            draw,
            frames=steps,
            interval=1000 / fps,
            init_func=lambda: draw(steps[0]),
        )

    def player(self, embed_limit: float | None = None) -> str:
        """Return matplotlib's HTML player with all frames embedded.

        Parameters
        ----------
        embed_limit : float, default=None
            Maximum size in megabytes; the resolution of a larger player is reduced.
            None means no limit.
        """
        html = self._player(self._dpi)
        size = len(html) / 2**20
        if embed_limit is not None and size > embed_limit:
            # The size of plots of lines is about proportional to the resolution.
            html = self._player(max(_LEAST_DPI, 0.9 * self._dpi * embed_limit / size))
        return html

    def _player(self, dpi: float) -> str:
        # By default matplotlib drops the last frames of a large player.
        with (
            TemporaryDirectory() as folder,
            mpl.rc_context({"animation.embed_limit": 2**20}),
        ):
            file = Path(folder, "player.html")
            fps: Any = self._fps  # a number, though annotated as an int
            writer = HTMLWriter(fps=fps, embed_frames=True, default_mode="loop")
            frames: Any = _Frames(self._figure, dpi)
            with frames, writer.saving(frames, file, dpi):
                frames.keep_background(self._draw_step(self._steps[0]))
                for step in self._steps:
                    frames.draw([*self._draw_step(step), *self._still])
                    writer.grab_frame()
            self._draw_was_started = True  # prevents matplotlib's warning
            return file.read_text(encoding="utf-8")

    def _repr_html_(self) -> str | None:  # type: ignore[override]
        """Return the player; close the figure, which the notebook would show, too."""
        backend = mpl.get_backend().lower()
        if any(name in backend for name in _LIVE):
            return None
        if mpl.rcParams["animation.html"] == "html5":
            html = super()._repr_html_()
        else:
            html = self_playing(self.player(mpl.rcParams["animation.embed_limit"]))
        pyplot("An animation").close(self._figure)
        return html


class _Frames:
    """Frames of a figure in which few artists change, drawn over a kept background.

    It stands in for the figure where matplotlib's writer saves it: a contour plot is
    drawn once, not once per frame.

    Parameters
    ----------
    figure : Figure
        The figure; its canvas and resolution are as before at the end.
    dpi : float
        Pixels per inch.
    """

    def __init__(self, figure: Any, dpi: float):
        self.figure, self.wanted = figure, dpi

    def __getattr__(self, name: str) -> Any:
        return getattr(self.figure, name)

    def __enter__(self) -> _Frames:
        self._before = self.figure.canvas, self.figure.dpi
        self.canvas = FigureCanvasAgg(self.figure)  # becomes that of the figure
        self.figure.dpi = self.wanted
        return self

    def __exit__(self, *error: Any) -> None:
        canvas, self.figure.dpi = self._before
        self.figure.set_canvas(canvas)

    def keep_background(self, moving: Sequence[Any]) -> None:
        """Draw the figure without the artists that change."""
        for artist in moving:
            artist.set_visible(False)
        self.canvas.draw()
        self._background = self.canvas.copy_from_bbox(self.figure.bbox)
        for artist in moving:
            artist.set_visible(True)

    def draw(self, artists: Sequence[Any]) -> None:
        """Draw some artists over the background."""
        self.canvas.restore_region(self._background)
        for artist in sorted(artists, key=lambda artist: artist.get_zorder()):
            artist.axes.draw_artist(artist)

    def savefig(self, file: Any, **settings: Any) -> None:
        """Write the frame as a PNG with a palette, a quarter of the size."""
        frame = Image.fromarray(np.asarray(self.canvas.buffer_rgba()))
        page = Image.new("RGBA", frame.size, "white")  # under a transparent figure
        frame = Image.alpha_composite(page, frame).convert("RGB")
        frame.quantize(256, Image.Quantize.MAXCOVERAGE).save(file, format="png")
