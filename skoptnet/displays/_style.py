"""What all displays share: matplotlib where it is there, axes, colours and lines.

The one place that imports matplotlib's pyplot; without matplotlib the package imports
and trains all the same.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

#: Okabe and Ito's colours, which the colour-blind can tell apart, without the yellow.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Dashes in which lines differ besides their colour, also where printed in grey.
LINES = ("-", "--", "-.", (0, (1, 1)), (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (8, 2)))


def pyplot(purpose: str) -> ModuleType:
    """Return matplotlib.pyplot.

    Parameters
    ----------
    purpose : str
        What needs it, for the message.

    Raises
    ------
    ImportError
        If matplotlib is not installed, with the command that installs it.
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
    """Return the given axes, or those of a new figure if that is None."""
    if ax is not None:
        return ax
    return pyplot(purpose).subplots(layout="constrained", **subplots)[1]


def tidy(ax: Any) -> None:
    """Light grid behind the data, no frame at the top and on the right."""
    ax.grid(color="0.5", alpha=0.25)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def styles(n: int) -> list[dict[str, Any]]:
    """Return colour and dashes of ``n`` lines, none of the first 49 alike."""
    k = len(COLORS)
    return [
        {"color": COLORS[i % k], "linestyle": LINES[(i + i // k) % k]} for i in range(n)
    ]
