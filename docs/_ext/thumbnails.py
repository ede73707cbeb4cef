"""Thumbnails of the gallery: some panels of a figure, drawn again for a small size.

A figure that is only scaled down has unreadable letters and very thin curves. Here its
text is hidden and its lines are thicker; the thumbnail of an animation moves.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

from matplotlib.animation import Animation, PillowWriter
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

#: Width and height in pixels; pages show thumbnails at half this size or less.
SIZE = (480, 320)
_DPI = 160
_MARGINS = {"left": 0.02, "right": 0.98, "bottom": 0.03, "top": 0.97}
_GAPS = {"wspace": 0.05, "hspace": 0.05}
#: Colours of a GIF, and the step from one frame that is kept to the next.
_COLOURS, _EVERY = 128, 2


class Thumbnail(NamedTuple):
    """The figure of an example, counted from 1, and the axes of it that are shown."""

    figure: int = 1
    panels: tuple[int, ...] = (0,)


def simplify(figure: Figure, panels: tuple[int, ...]) -> None:
    """Keep some axes of a figure, in a grid, without text and with thicker lines."""
    if max(panels) >= len(figure.axes):
        raise ValueError(
            f"The thumbnail is to show the axes {panels} of a figure that has"
            f" {len(figure.axes)}; see GROUPS in docs/_ext/gallery.py."
        )
    kept = [figure.axes[i] for i in panels]
    for axes in set(figure.axes) - set(kept):
        axes.remove()
    for legend in [*figure.legends, *(axes.get_legend() for axes in kept)]:
        if legend is not None:
            legend.set_visible(False)
    figure.set_layout_engine("none")
    figure.set_size_inches(SIZE[0] / _DPI, SIZE[1] / _DPI)
    columns = math.ceil(math.sqrt(len(kept)))
    rows = math.ceil(len(kept) / columns)
    grid = figure.add_gridspec(rows, columns, **_MARGINS, **_GAPS)
    for axes, cell in zip(kept, grid, strict=False):
        axes.set_subplotspec(cell)
        axes.set(xlabel="", ylabel="", anchor="C")
        axes.tick_params(which="both", labelcolor="none", length=0)
        for line in axes.lines:
            line.set_linewidth(1.4 * line.get_linewidth())
        for dots in axes.collections:
            if isinstance(dots, PathCollection):
                dots.set_sizes(0.6 * dots.get_sizes())
    for text in figure.findobj(Text):
        text.set_visible(False)


def draw(figure: Figure, animation: Animation | None, stem: Path) -> Path:
    """Save a simplified figure or its animation and return the file."""
    stem.parent.mkdir(exist_ok=True)
    for old in stem.parent.glob(f"{stem.name}.*"):
        old.unlink()
    if animation is None:
        file = stem.with_suffix(".png")
        figure.savefig(file, dpi=_DPI)
        return file
    file = stem.with_suffix(".gif")
    fps = 1000 / animation.event_source.interval
    animation.save(file, writer=PillowWriter(fps=fps), dpi=_DPI)
    shrink(file)
    return file


def shrink(file: Path) -> None:
    """Reduce the frames of a GIF, and its colours to a palette for all frames."""
    with Image.open(file) as gif:
        frames, pause = [], gif.info["duration"]
        for i in range(0, gif.n_frames, _EVERY):
            gif.seek(i)
            frames.append(gif.convert("RGB"))
    palette = frames[-1].quantize(_COLOURS)
    frames = [
        frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames
    ]
    frames[0].save(
        file,
        save_all=True,
        append_images=frames[1:],
        duration=pause * _EVERY,
        loop=0,
        optimize=True,
    )
