"""Pictures of the solvers' paths and of the schedules, for light and dark pages."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from skoptnet.displays._style import styles, tidy
from skoptnet.schedules import Clock, Schedule
from skoptnet.surfaces import Surface, best_learning_rate, descend

UPDATES = 60
START = np.array([-4.13, 1.57])
#: Curvatures along and across the ravine, and its angle.
_CURVATURES, _ANGLE = np.array([1.0, 25.0]), np.deg2rad(-15)
_TURN = np.array([[np.cos(_ANGLE), -np.sin(_ANGLE)], [np.sin(_ANGLE), np.cos(_ANGLE)]])
HESSIAN = _TURN @ np.diag(_CURVATURES) @ _TURN.T

EPOCHS, UPDATES_PER_EPOCH, SAMPLES = 60, 20, 1000
#: The epoch after which the loss is constant, for schedules that read it.
STANDSTILL, PATIENCE = 15, 10


def loss(points):
    """Return half of x^T H x at each point of shape (..., 2)."""
    return 0.5 * np.einsum("...i,ij,...j", points, HESSIAN, points)


RAVINE = Surface(
    lambda x, y: loss(np.stack([x, y], axis=-1)),
    lambda x, y: HESSIAN @ [x, y],
    name="ravine",
    start=START,
    limits=((-4.6, 2.2), (-1.8, 2.3)),
)


def path(optimizer, rate, noise=0.0):
    """Return the path of a solver through the ravine.

    Noise of this standard deviation is added to each gradient, as a minibatch does.
    """
    return descend(
        RAVINE.with_noise(noise),
        optimizer,
        learning_rate=rate,
        n_updates=UPDATES,
        random_state=1,
    )


def best_rate(optimizer, noise=0.0):
    """Return the rate of a grid at which the solver goes down the ravine fastest."""
    return best_learning_rate(
        RAVINE.with_noise(noise), optimizer, n_updates=UPDATES, random_state=1
    )


def paths(optimizers, noise=0.0):
    """Draw paths through the ravine, and the loss at every update beside them."""
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(8.4, 3.1), width_ratios=[1.45, 1], layout="constrained"
    )
    x, y = (np.linspace(*ends, 120) for ends in RAVINE.limits)
    left.contour(
        x, y, RAVINE(*np.meshgrid(x, y)),
        levels=0.04 * 2.6 ** np.arange(9), colors="0.5", linewidths=0.7, alpha=0.6,
    )  # fmt: skip
    for (name, optimizer), style in zip(
        optimizers.items(), styles(len(optimizers)), strict=True
    ):
        rate = best_rate(optimizer, noise)
        shown = path(optimizer, rate, noise)
        label = f"{name}, rate {rate:g}"
        line = {"color": style["color"], "linewidth": 1.6}
        left.plot(*shown.points.T, "o-", markersize=2.8, **line)
        right.plot(shown.values, linestyle=style["linestyle"], label=label, **line)
    left.plot(*START, "o", color="0.5", markersize=6, zorder=0)
    left.plot(0, 0, "+", color="0.5", markersize=11, markeredgewidth=1.8)
    left.set(aspect="equal", xlabel=r"$\theta_1$", ylabel=r"$\theta_2$")
    left.set(xlim=x[[0, -1]], ylim=y[[0, -1]])
    right.set(yscale="log", xlabel="update", ylabel="loss")
    right.set(ylim=(1e-6, 1e2), yticks=10.0 ** np.arange(-6, 3, 2))
    if len(optimizers) == 1:
        right.legend(frameon=False, loc="lower left")
    else:
        figure.legend(frameon=False, loc="outside lower center", ncols=len(optimizers))
    right.minorticks_off()
    tidy(right)
    left.spines[["top", "right"]].set_visible(False)
    return figure


def clocks():
    """Return the clock of every update of a planned run.

    Its loss falls for some epochs, and then stays the same.
    """
    losses = [0.9 ** min(epoch, STANDSTILL) for epoch in range(EPOCHS)]
    return [
        Clock(
            update=epoch * UPDATES_PER_EPOCH + step,
            epoch=epoch,
            updates_per_epoch=UPDATES_PER_EPOCH,
            step=step,
            samples=epoch * SAMPLES,
            plateaus=max(0, (epoch - STANDSTILL - 1) // PATIENCE),
            planned_epochs=EPOCHS,
            losses=losses[:epoch],
            validation_losses=losses[:epoch],
        )
        for epoch in range(EPOCHS)
        for step in range(UPDATES_PER_EPOCH)
    ]


def factors(schedule: Schedule):
    """Draw the factor of a schedule on the rate, and the momentum if it moves it."""
    figure, axes = plt.subplots(figsize=(6.4, 2.1), layout="constrained")
    run = clocks()
    epochs = [clock.epochs for clock in run]
    rate, momentum = styles(2)
    axes.plot(epochs, [schedule(clock) for clock in run], **rate)
    axes.set(xlabel="epoch", ylabel="factor on the rate", xlim=(0, EPOCHS))
    axes.set_ylim(-0.04, 1.08)
    axes.set_title(repr(schedule), fontsize="medium", family="monospace")
    tidy(axes)
    if schedule.moves_momentum:
        other = axes.twinx()
        other.plot(epochs, [schedule.momentum(clock) for clock in run], **momentum)
        other.set_ylabel("momentum", color=momentum["color"])
        other.set_ylim(0.5, 1)
        other.spines[["top", "left"]].set_visible(False)
    return figure


def save(draw, file: Path, dark: bool) -> None:
    """Draw a figure for light or dark pages, without a background, as SVG."""
    look = {"svg.hashsalt": "skoptnet", "font.size": 10, "svg.fonttype": "path"}
    with plt.style.context(["default", *(["dark_background"] if dark else []), look]):
        figure = draw()
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
        plt.close(figure)
    if not file.exists() or file.read_text(encoding="utf-8") != text.getvalue():
        file.write_text(text.getvalue(), encoding="utf-8")


mpl.use("Agg")
