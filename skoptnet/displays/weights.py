"""Weights of a fitted network, as images, bar charts or histograms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import is_classifier

from ..estimators.wrapped import feature_names_of_network, network_in
from ._style import COLORS, axes_for, pyplot

KINDS = ("images", "bars", "distributions")
#: Most units drawn by default.
_UNITS = {"images": 25, "bars": 4}
#: Most features for which bars are labelled.
_NAMED_FEATURES = 60


class WeightsDisplay:
    """The weights of a fitted network, as images, bars or histograms.

    Made by `from_estimator`; the constructor takes the arrays.

    Parameters
    ----------
    coefs : list of ndarrays, the l-th of shape (k_{l-1}, k_l)
        Weights W_l of each layer.
    intercepts : list of ndarrays, the l-th of shape (k_l,)
        Biases b_l of each layer.
    layer : int, default=0
        The index of the layer in ``coefs``: 0 is the layer from the features to the
        first hidden units, -1 that to the outputs.
    kind : {"images", "bars", "distributions"}, default="images"
        How to draw: the incoming weights of each chosen unit as an image; the same as
        bars, one per feature; or histograms of all weights and biases of each layer.
    image_shape : tuple of two int or None, default=None
        Rows and columns of the images; None is a square.
    units : sequence of int or None, default=None
        The units to draw; None is the first 25 for images, 4 for bars.
    feature_names : sequence of str or None, default=None
        Names of the layer's inputs, for the bars.
    unit_names : sequence of str or None, default=None
        Names of the layer's units.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The empty frame around the panels.
    figure_ : matplotlib Figure
        The figure.
    axes_ : list of matplotlib Axes
        The panels.
    images_ : list of matplotlib AxesImage
        The images.
    bars_ : list of matplotlib BarContainer
        The bars of each unit, or of each histogram.
    colorbar_ : matplotlib Colorbar or None
        The colour bar of the images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skoptnet import MLPClassifierX
    >>> from skoptnet.displays import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> model = MLPClassifierX((16,), tol=0.02, random_state=0).fit(X / 16, y)
    >>> display = WeightsDisplay.from_estimator(model).plot()
    >>> len(display.images_), display.images_[0].get_array().shape
    (16, (8, 8))
    """

    # Set by drawing.
    axes_: list[Any]
    figure_: Any
    images_: list[Any]
    bars_: list[Any]
    colorbar_: Any

    def __init__(
        self,
        coefs: Sequence[Any],
        intercepts: Sequence[Any],
        *,
        layer: int = 0,
        kind: str = "images",
        image_shape: tuple[int, int] | None = None,
        units: Sequence[int] | None = None,
        feature_names: Sequence[str] | None = None,
        unit_names: Sequence[str] | None = None,
    ):
        self.coefs = coefs
        self.intercepts = intercepts
        self.layer = layer
        self.kind = kind
        self.image_shape = image_shape
        self.units = units
        self.feature_names = feature_names
        self.unit_names = unit_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        layer: int = 0,
        kind: Literal["images", "bars", "distributions"] = "images",
        image_shape: tuple[int, int] | None = None,
        units: Sequence[int] | None = None,
        feature_names: Sequence[str] | None = None,
    ) -> Self:
        """Take the weights of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted `MLPClassifierX` or `MLPRegressorX`, or a pipeline, search,
            `TransformedTargetRegressor` or `FrozenEstimator` that ends with one. Its
            weights are copied.
        layer : int, default=0
            The index of the layer in ``coefs_``: 0 is the layer from the features to
            the first hidden units, -1 that to the outputs. Not used for distributions,
            which show all layers.
        kind : {"images", "bars", "distributions"}, default="images"
            How to draw: the incoming weights of each chosen unit as an image; the same
            as bars, one per feature; or histograms of all weights and biases of each
            layer.
        image_shape : tuple of two int or None, default=None
            Rows and columns of the images; None is a square, if a unit has a square
            number of weights.
        units : sequence of int or None, default=None
            The units to draw, from 0; None is the first 25 for images, 4 for bars.
        feature_names : sequence of str or None, default=None
            Names of the layer's inputs, for the bars; None takes ``feature_names_in_``,
            or the names that the steps of a pipeline make of them.

        Returns
        -------
        WeightsDisplay
            The display, not yet drawn.

        Raises
        ------
        TypeError, ValueError
            If there is no such estimator, layer, unit or kind, or no image can be made.
        """
        purpose = "WeightsDisplay.from_estimator"
        net = network_in(estimator, purpose)
        n_layers = len(net.coefs_)
        if not isinstance(layer, Integral) or layer not in range(-n_layers, n_layers):
            raise ValueError(
                f"layer must be an int from {-n_layers} to {n_layers - 1}: there are"
                f" {n_layers} layers of weights. Got {layer!r}."
            )
        layer = int(layer) % n_layers
        if feature_names is None and layer == 0:
            feature_names = feature_names_of_network(estimator, purpose)
        display = cls(
            [W.copy() for W in net.coefs_],
            [b.copy() for b in net.intercepts_],
            layer=layer,
            kind=kind,
            image_shape=image_shape,
            units=units,
            feature_names=feature_names,
            unit_names=_output_names(net) if layer == n_layers - 1 else None,
        )
        display._check()
        return display

    def plot(self, ax: Any = None, *, cmap: Any = "RdBu_r") -> Self:
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to draw: the panels share these axes. None makes a figure.
        cmap : str or matplotlib Colormap, default="RdBu_r"
            The colormap of the images, diverging, with a weight of 0 in the middle.

        Returns
        -------
        self : object
            The display, with ``ax_`` and ``figure_``.

        Raises
        ------
        ValueError
            If there is no such layer, unit or kind, or no image can be made.
        """
        self._check()
        self.axes_, self.images_, self.bars_ = [], [], []
        self.colorbar_ = None
        draw = {
            "images": self._draw_images,
            "bars": self._draw_bars,
            "distributions": self._draw_distributions,
        }
        draw[self.kind](ax, cmap)
        return self

    # The kinds of plots.

    def _draw_images(self, ax: Any, cmap: Any) -> None:
        units, W = self._units(), self.coefs[self.layer]
        n_columns = math.ceil(math.sqrt(len(units)))
        n_rows = math.ceil(len(units) / n_columns)
        height, width = self._image_shape()
        side = min(1.25, 5.5 / n_columns)
        self._frame(ax, side * n_columns + 1, (side * height / width + 0.25) * n_rows)
        largest = float(np.abs(W[:, units]).max()) or 1.0
        for place, unit in enumerate(units):
            panel = self._panel(place, n_rows, n_columns, gap=(0.06, 0.28))
            image = W[:, unit].reshape(height, width)
            self.images_.append(
                panel.imshow(image, cmap=cmap, vmin=-largest, vmax=largest)
            )
            panel.set(xticks=[], yticks=[])
            panel.set_title(self._unit_name(unit), fontsize="small", pad=2)
        self.ax_.set_title(self._heading(units))
        self.colorbar_ = self.figure_.colorbar(
            self.images_[0], ax=self.ax_, label="weight", shrink=0.85
        )

    def _draw_bars(self, ax: Any, _: Any) -> None:
        units, W = self._units(), self.coefs[self.layer]
        names = self._input_names()
        named = len(names) <= _NAMED_FEATURES
        height = 0.8 + (0.2 * len(names) if named else 4)
        self._frame(ax, 1.5 + 1.6 * len(units), max(height, 2.5))
        largest = 1.08 * float(np.abs(W[:, units]).max()) or 1.0
        places = np.arange(len(names))
        for place, unit in enumerate(units):
            panel = self._panel(place, 1, len(units), gap=(0.08, 0))
            weights = W[:, unit]
            colors = [COLORS[1] if w > 0 else COLORS[0] for w in weights]
            self.bars_.append(panel.barh(places, weights, color=colors))
            panel.axvline(0, color="0.5", linewidth=0.8)
            panel.set(xlim=(-largest, largest), ylim=(len(names) - 0.5, -0.5))
            panel.set_title(self._unit_name(unit), fontsize="medium")
            panel.set_xlabel("weight")
            panel.spines[["top", "right"]].set_visible(False)
            if place:
                panel.set_yticks([])
            elif named:
                panel.set_yticks(places, names, fontsize="small")
            else:
                panel.set_ylabel("feature" if self.layer == 0 else "unit before")
        self.ax_.set_title(self._heading(units), pad=24)

    def _draw_distributions(self, ax: Any, _: Any) -> None:
        n_layers = len(self.coefs)
        self._frame(ax, 7.4, 0.6 + 1.9 * n_layers)
        pairs = zip(self.coefs, self.intercepts, strict=True)
        for number, (W, b) in enumerate(pairs, 1):
            for place, (values, name) in enumerate(((W, "W"), (b, "b"))):
                panel = self._panel(
                    2 * number - 2 + place, n_layers, 2, gap=(0.16, 0.42)
                )
                values = np.ravel(values)
                self.bars_.append(
                    panel.hist(values, bins=_edges(values), color=COLORS[3 * place])[2]
                )
                shape = " \u00d7 ".join(map(str, np.shape(W if name == "W" else b)))
                panel.set_title(
                    f"${name}_{{{number}}}$: {shape}", fontsize="medium", pad=3
                )
                panel.spines[["top", "right"]].set_visible(False)
                panel.yaxis.get_major_locator().set_params(integer=True)
                panel.axvline(0, color="0.5", linewidth=0.8)
                if number == n_layers:
                    panel.set_xlabel("bias" if place else "weight")
                if not place:
                    panel.set_ylabel("number")

    def _frame(self, ax: Any, width: float, height: float) -> None:
        """Use the axes, or those of a new figure of this size, as an empty frame."""
        if ax is None:
            ax = axes_for(None, "WeightsDisplay.plot", figsize=(width, height))
        else:
            pyplot("WeightsDisplay.plot")
        ax.set_axis_off()
        self.ax_, self.figure_ = ax, ax.figure

    def _panel(
        self, place: int, n_rows: int, n_columns: int, gap: tuple[float, float]
    ) -> Any:
        """Make the axes of a panel; gaps are shares of its width and height."""
        row, column = divmod(place, n_columns)
        width, height = 1 / n_columns, 1 / n_rows
        panel = self.ax_.inset_axes(
            (
                column * width,
                1 - (row + 1) * height,
                width * (1 - gap[0]),
                height * (1 - gap[1]),
            )
        )
        self.axes_.append(panel)
        return panel

    # Units and names.

    def _check(self) -> None:
        """Raise an error if the arguments cannot be drawn."""
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {[*KINDS]}. Got {self.kind!r}.")
        if self.kind == "distributions":
            return
        self._units()
        self._input_names()
        if self.kind == "images":
            self._image_shape()

    def _units(self) -> list[int]:
        n_units = self.coefs[self.layer].shape[1]
        if self.units is None:
            return list(range(min(n_units, _UNITS[self.kind])))
        given: Any = self.units
        units = list(given) if isinstance(given, Iterable) else [given]
        wrong = [
            u for u in units if not isinstance(u, Integral) or u not in range(n_units)
        ]
        if wrong or not units:
            raise ValueError(
                f"units must be ints from 0 to {n_units - 1}, the units of layer"
                f" {self.layer}. Got {self.units!r} instead."
            )
        return [int(unit) for unit in units]

    def _image_shape(self) -> tuple[int, int]:
        n_weights = self.coefs[self.layer].shape[0]
        if self.image_shape is None:
            side = math.isqrt(n_weights)
            if side**2 != n_weights:
                raise ValueError(
                    f"image_shape must be given: the {n_weights} weights of a unit of"
                    f" layer {self.layer} do not make a square. Pass (rows, columns),"
                    " or kind='bars'."
                )
            return side, side
        given: Any = self.image_shape
        shape: Any = tuple(given) if isinstance(given, Iterable) else (given,)
        sound = all(isinstance(n, Integral) and int(n) > 0 for n in shape)
        if len(shape) != 2 or not sound or math.prod(shape) != n_weights:
            raise ValueError(
                f"image_shape must be (rows, columns) of {n_weights} weights, the"
                f" number of a unit of layer {self.layer}. Got {self.image_shape!r}."
            )
        return shape

    def _input_names(self) -> list[str]:
        n_inputs = self.coefs[self.layer].shape[0]
        if self.feature_names is None:
            word = "feature" if self.layer == 0 else "unit"
            return [f"{word} {i}" for i in range(n_inputs)]
        given: Any = self.feature_names
        if not isinstance(given, Iterable):
            raise TypeError(
                "feature_names must be a sequence of names, or None. Got"
                f" {given!r} instead."
            )
        names = [str(name) for name in given]
        if len(names) != n_inputs:
            raise ValueError(
                f"feature_names must be {n_inputs} names, one for each input of layer"
                f" {self.layer}. Got {len(names)}."
            )
        return names

    def _unit_name(self, unit: int) -> str:
        return f"unit {unit}" if self.unit_names is None else self.unit_names[unit]

    def _heading(self, units: list[int]) -> str:
        n_units = self.coefs[self.layer].shape[1]
        shown = f", {len(units)} of {n_units} units" if len(units) < n_units else ""
        return f"$W_{{{self.layer + 1}}}${shown}"


def _edges(values: Any) -> Any:
    """Return the edges of the bins of a histogram."""
    low, high = values.min(), values.max()
    n = min(50, max(5, round(math.sqrt(len(values)))))
    edges = np.linspace(low, high, n + 1)
    if (np.diff(edges) > 0).all():
        return edges
    # The values are equal up to rounding, so there are no edges between them.
    around = max(0.5, 0.01 * abs(low))
    return np.linspace(low - around, high + around, n + 1)


def _output_names(net: Any) -> list[str]:
    """Return the names of the outputs: classes, if each output is one."""
    n_outputs = net.n_outputs_
    if is_classifier(net) and n_outputs == len(net.classes_):
        return [f"class {label}" for label in net.classes_]
    if is_classifier(net) and n_outputs == 1:
        return [f"class {net.classes_[-1]}"]
    return [f"output {i}" for i in range(n_outputs)]
