"""The labels that every figure of an example has."""

from __future__ import annotations


def missing_labels(figure):
    """Yield a line for each label that the axes of a figure lack."""
    for ax in figure.axes:
        where = f"axes {ax.get_title()!r} of figure {figure.number} have no"
        if ax.get_label() == "<colorbar>":
            if not (ax.get_xlabel() or ax.get_ylabel() or ax.get_title()):
                yield f"{where} label, though they are a colour bar"
            continue
        has_three = ax.name == "3d"  # whose axison is always False
        if (ax.axison or has_three) and ax.has_data():
            for which in "xyz" if has_three else "xy":
                if not _is_named(ax, which):
                    yield f"{where} {which} label"


def _is_named(ax, which):
    # Axes that share a direction share its label; that of a figure is for all.
    shared = getattr(ax, f"get_shared_{which}_axes", None)  # z only in some releases
    sharing = shared().get_siblings(ax) if shared else [ax]
    labels = [getattr(one, f"get_{which}label")() for one in sharing]
    if which != "z":
        labels.append(getattr(ax.figure, f"get_sup{which}label")())
    return any(labels)
