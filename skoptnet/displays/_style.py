"""Matplotlib for all displays: pyplot, axes, colours, line styles and legends.

Only this file imports pyplot, and only when something is drawn, so the package works
without matplotlib.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np

#: Okabe and Ito's palette, which colour-blind readers can distinguish, without yellow.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Dashes, by which lines of different colours also differ in greyscale.
LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (8, 2)))

#: Most rows of a legend beside axes of usual height.
_ROWS_OF_LEGEND = 22

#: Legend entries: a label, and the style of the line or marker beside it.
Entries = list[tuple[str, dict[str, Any]]]


def pyplot(purpose: str) -> ModuleType:
    """Return matplotlib.pyplot.

    Parameters
    ----------
    purpose : str
        The function that needs it, for the error message.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message says how to install it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs matplotlib, which is not installed:"
            ' pip install "skoptnet[plot]"'
        ) from error
    return plt


def axes_for(ax: Any, purpose: str, **subplots: Any) -> Any:
    """Return ``ax``, or the axes of a new figure if it is None."""
    if ax is not None:
        return ax
    return pyplot(purpose).subplots(layout="constrained", **subplots)[1]


def axes_given(ax: Any, n: int, each: str) -> list[Any]:
    """Return the first ``n`` of one or several axes; ``each`` is the use of one.

    Raises
    ------
    ValueError
        If there are fewer.
    """
    given = list(np.ravel(np.array(ax, dtype=object)))
    if len(given) < n:
        raise ValueError(f"ax must be {n} axes, one for each {each}. Got {len(given)}.")
    return given[:n]


def axes_below(ax: Any, purpose: str) -> Any:
    """Return new axes below ``ax``, with the same x axis; both share its place."""
    place = ax.get_subplotspec()
    if place is None:
        raise ValueError(
            f"{purpose} draws losses above scores, and needs an ax from"
            " matplotlib.pyplot.subplots, whose place can be divided. Pass such an ax,"
            " or show losses and scores on axes of their own."
        )
    upper, lower = place.subgridspec(2, 1, height_ratios=(3, 2))
    ax.set_subplotspec(upper)
    ax.tick_params(labelbottom=False)
    return ax.figure.add_subplot(lower, sharex=ax)


def tidy(ax: Any) -> None:
    """Draw a light grid behind the data, and remove the spines at the top and right."""
    ax.grid(color="0.5", alpha=0.25)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def styles(n: int) -> list[dict[str, Any]]:
    """Return colour and dashes of ``n`` lines; the first 49 all differ.

    Black is replaced by the colour of text, which is white in a dark style.
    """
    colors = [*COLORS[:-1], pyplot("A plot").rcParams["text.color"]]
    k = len(colors)
    return [
        {"color": colors[i % k], "linestyle": LINES[(i + i // k) % k]} for i in range(n)
    ]


def log_scale(ax: Any, axis: str = "y") -> None:
    """Make an axis logarithmic, with plain numbers as ticks: 0.05, no power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter

    getattr(ax, f"set_{axis}scale")("log")
    low, high = getattr(ax, f"get_{axis}lim")()
    the_axis = getattr(ax, f"{axis}axis")
    steps = (1, 2, 5) if high < 2000 * low else (1,)
    most = 5 if axis == "x" else 12  # labels side by side take more space
    the_axis.set_major_locator(LogLocator(subs=steps, numticks=most))
    the_axis.set_major_formatter("{x:g}")
    the_axis.set_minor_formatter(NullFormatter())


def check_log(lines: Any) -> None:
    """Raise an error if a logarithmic axis would have no value above 0."""
    if not any(value > 0 for line in lines for value in line.get_ydata()):
        raise ValueError(
            "log must be False here: a logarithmic axis needs numbers above 0, and"
            " there are none. Got log=True."
        )


def spans_decades(*series: Any) -> bool:
    """Return whether values are positive and differ enough for a logarithmic axis."""
    values = [v for numbers in series for v in numbers if math.isfinite(v)]
    return bool(values) and min(values) > 0 and max(values) > 8 * min(values)


def legend_beside(
    ax: Any, entries: Entries | None = None, title: str = "", gap: float = 0.1
) -> Any:
    """Put a legend to the right of the axes, in as many columns as it needs.

    ``gap`` is the distance from the axes in inches.
    """
    from matplotlib.transforms import ScaledTranslation

    off = ScaledTranslation(gap, 0, ax.figure.dpi_scale_trans)
    n_entries = len(ax.get_legend_handles_labels()[1] if entries is None else entries)
    return ax.legend(
        loc="upper left",
        bbox_to_anchor=(1, 1),
        bbox_transform=ax.transAxes + off,
        ncols=max(1, math.ceil(n_entries / _ROWS_OF_LEGEND)),
        **_legend(entries, title),
    )


def legend_right(figure: Any, entries: Entries, title: str = "") -> Any:
    """Put a legend to the right of all axes of a figure."""
    return figure.legend(loc="outside right upper", **_legend(entries, title))


def label_outer(axes: list[Any]) -> None:
    """Remove ticks and labels from all but the leftmost and lowest panels."""
    n_columns = axes[0].get_subplotspec().get_gridspec().ncols
    for i, ax in enumerate(axes):
        is_first, is_last = i % n_columns == 0, i + n_columns >= len(axes)
        ax.tick_params(labelleft=is_first, labelbottom=is_last)
        if not is_first:
            ax.set_ylabel("")
        if not is_last:
            ax.set_xlabel("")


def legend_above(ax: Any, entries: Entries | None = None, title: str = "") -> Any:
    """Put a legend above the axes, in two columns."""
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1.02), "ncols": 2}
    return ax.legend(**place, **_legend(entries, title))


def _legend(entries: Entries | None, title: str) -> dict[str, Any]:
    """Return the options of a legend, with the entries given or those drawn."""
    from matplotlib.lines import Line2D

    options: dict[str, Any] = {
        "borderaxespad": 0,
        "frameon": False,
        "handlelength": 3.2,
        "alignment": "left",
        "fontsize": "small",
        "title": title or None,
    }
    if entries is not None:
        options["handles"] = [
            Line2D([], [], label=text, **look) for text, look in entries
        ]
    return options
