"""Summary of a fitted model: layers, solver, regularisation, and how training ended."""

from __future__ import annotations

import html
import inspect
import reprlib
import textwrap
from functools import lru_cache
from itertools import pairwise
from numbers import Real
from typing import Any

from .._params import Part
from .._sklearn import metric_of
from ..activations import ACTIVATIONS
from ..schedules import FunctionSchedule

#: Strengths of regularisation; those that are not 0 or None are shown.
_PENALTIES = ("alpha", "l1_ratio", "dropout", "label_smoothing", "max_grad_norm")

# Parameters of a fit that the summary shows, besides solver and schedule.
_NUMBERS = ("max_iter", "n_iter_no_change", "tol", "max_fun", *_PENALTIES)

# By the reason why training ended (see `Outcome`): a sentence without its full stop.
_ENDS = {
    "converged": "The training loss did not improve{by_tol} for {patience}",
    "early_stopping": "The {monitored} did not improve{by_tol} for {patience}",
    "max_iter": "Training reached max_iter={max_iter}",
    "callback": "A callback ended training",
    "interrupted": "The user interrupted training",
    "diverged": "Training diverged",
    "failed": "Training failed with an error",
    "partial_fit": "partial_fit trained for one epoch",
    "best_epoch": "A search over epochs set the number of epochs",
    "paused": "Training paused, to be resumed",
    "max_fun": "L-BFGS reached max_fun={max_fun} passes over the training set",
    "line_search": "The line search of L-BFGS found no lower point",
}
#: Reasons after which the kept epoch is named without early stopping, too.
_CUT_SHORT = ("diverged", "interrupted", "failed")


def settings_of(model: Any, parts: Any) -> dict[str, Any]:
    """Return the parameters of a fit that its summary shows, as plain data.

    Parameters may change after the fit, and objects among them cannot always be
    pickled.

    Parameters
    ----------
    model : MLPClassifierX or MLPRegressorX
        The estimator.
    parts : Parts
        The objects that its parameters stand for.
    """
    settings = {name: getattr(model, name, None) for name in _NUMBERS}
    optimizer = parts.optimizer
    return settings | {
        "dropout": parts.dropout,
        "solver": described(optimizer, model.solver),
        "lr_schedule": described(parts.schedule, model.lr_schedule),
        "weight_decay": getattr(optimizer, "weight_decay", 0.0),
        "scoring": _name_of_score(model.scoring),
    }


def _name_of_score(scoring: Any) -> str:
    """Return the name of the score that decides, "" for the estimator's own."""
    if scoring is None:
        return ""
    if isinstance(scoring, str):
        return scoring
    if isinstance(scoring, (dict, list, tuple)):  # the first of several
        return _name_of_score(next(iter(scoring), None))
    metric = metric_of(scoring)
    return getattr(metric, "__name__", type(metric).__name__)


def described(part: Any, given: Any = None) -> str:
    """Return the name of a part, with the parameters that differ from their defaults.

    Parameters
    ----------
    part : Part or LBFGS
        The part.
    given : str or object, optional
        The parameter that it stands for: a name is kept.
    """
    if isinstance(part, FunctionSchedule):
        function = part.function
        return getattr(function, "__name__", type(function).__name__)
    cls: Any = type(part)
    own = vars(part)
    values = {
        name: _value(own[name])
        for name, default in _defaults(cls).items()
        if name in own and not _equal(own[name], default)
    }
    listed = ", ".join(f"{name}={value}" for name, value in values.items())
    if isinstance(given, str):
        return f"{given} ({listed})" if listed else given
    return f"{cls.__name__}({listed})"


@lru_cache(maxsize=256)
def _defaults(cls: Any) -> dict[str, Any]:
    """Return the parameters of a class's constructor, with their defaults."""
    parameters = inspect.signature(cls).parameters.values()
    return {p.name: p.default for p in parameters}


def _equal(value: Any, default: Any) -> bool:
    try:
        return bool(value == default)
    except (TypeError, ValueError):  # an array
        return False


def _value(value: Any) -> str:
    if isinstance(value, Part):
        return described(value)
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    if isinstance(value, float):
        return f"{value:g}"
    return reprlib.repr(value)


class Summary:
    """The summary of a fitted model; `MLPClassifierX.summary` returns it.

    In a notebook it is shown as tables, elsewhere ``print`` shows it as text.

    Parameters
    ----------
    model : MLPClassifierX or MLPRegressorX
        The fitted estimator.

    Attributes
    ----------
    layers : dict of lists
        Name, number of inputs and outputs, activation, dropout and number of parameters
        of each layer, ready for `pandas.DataFrame`.
    n_parameters : int
        Number of parameters of all layers.
    training : dict of str
        How the network was trained, in words.
    """

    def __init__(self, model: Any):
        network, self._settings = model._network, model._settings
        self._model_name = type(model).__name__
        self.layers: dict[str, list[Any]] = _layers(network, self._settings["dropout"])
        self.n_parameters: int = network.n_parameters
        self.training = {
            "network": _network(network, model._run.theta.dtype),
            "solver": self._solver(model),
            "regularisation": self._regularisation(),
            "trained for": _duration(model),
            "loss": _losses(model),
            "validation": _validation(model, self._settings["scoring"]),
            "end": self._end(model),
        }
        self.training = {name: text for name, text in self.training.items() if text}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a dict of plain values.

        Returns
        -------
        dict
            The name of the class as ``model``, ``layers``, ``n_parameters``, and the
            entries of ``training``.
        """
        layers = {name: list(values) for name, values in self.layers.items()}
        begin = {"model": self._model_name, "layers": layers}
        return begin | {"n_parameters": self.n_parameters} | self.training

    def __repr__(self) -> str:
        """Return the summary as text."""
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        last = len(widths) - 1
        lines = [
            "  ".join(
                cell.rjust(width) if place == last else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        rule = "-" * len(lines[0])
        lines = [lines[0], rule, *lines[1:-1], rule, lines[-1], ""]
        indent = max(map(len, self.training)) + 2
        lines += [
            textwrap.fill(name.ljust(indent) + text, 80, subsequent_indent=" " * indent)
            for name, text in self.training.items()
        ]
        return "\n".join([self._model_name, "", *lines])

    def _repr_html_(self) -> str:
        """Return the summary as HTML tables, in the colours of the page."""
        head, *body, foot = self._rows()
        table = "".join(_html_row(row, "td") for row in body)
        training = "".join(
            f'<tr><th scope="row" style="text-align: left">{html.escape(name)}</th>'
            f'<td style="text-align: left">{html.escape(text)}</td></tr>'
            for name, text in self.training.items()
        )
        return (
            f"<div><strong>{html.escape(self._model_name)}</strong>"
            f"<table><thead>{_html_row(head, 'th')}</thead><tbody>{table}</tbody>"
            f"<tfoot>{_html_row(foot, 'th')}</tfoot></table>"
            f"<table><tbody>{training}</tbody></table></div>"
        )

    def _rows(self) -> list[list[str]]:
        """Return the table of the layers: its head, a row for each, and the total."""
        layers = self.layers
        names = [name for name in layers if name not in ("inputs", "outputs")]
        if not any(layers["dropout"]):
            names.remove("dropout")
        columns: list[list[str]] = []
        for name in names:
            columns.append([name, *(_cell(value) for value in layers[name]), ""])
        shapes = zip(layers["inputs"], layers["outputs"], strict=True)
        columns.insert(1, ["shape", *(f"{m} -> {n}" for m, n in shapes), ""])
        columns[0][-1], columns[-1][-1] = "total", _cell(self.n_parameters)
        return [list(row) for row in zip(*columns, strict=True)]

    def _solver(self, model: Any) -> str:
        solver, rate = self._settings["solver"], model.learning_rate_
        if rate is None:
            return solver
        schedule = self._settings["lr_schedule"]
        return f"{solver}, learning rate {rate:g}, schedule {schedule}"

    def _regularisation(self) -> str:
        settings = dict(self._settings)
        rates = settings["dropout"]
        if len(set(rates)) <= 1:  # the same for all layers
            settings["dropout"] = rates[0] if rates else 0
        if not settings["alpha"]:
            settings["l1_ratio"] = 0
        shown = {name: settings[name] for name in (*_PENALTIES, "weight_decay")}
        return ", ".join(f"{n}={_cell(value)}" for n, value in shown.items() if value)

    def _end(self, model: Any) -> str:
        """Return why training ended, as a sentence."""
        settings, reason, unit = self._settings, model.stop_reason_, _unit(model)
        n, scoring = settings["n_iter_no_change"], settings["scoring"]
        score = f"validation score ({scoring})" if scoring else "validation score"
        words = settings | {
            "patience": _count(n, unit),
            "by_tol": f" by {settings['tol']:g} (tol)" if settings["tol"] else "",
            "monitored": "validation loss" if scoring == "loss" else score,
        }
        end = _ENDS[reason].format(**words)
        if reason == "converged" and model.learning_rate_ is None:
            end = "L-BFGS converged"
        if model._history is not None:
            n = _count(model.best_epoch_, unit)
            return f"{end}; a new network was then trained on all rows for {n}."
        chosen = model._kept_best or reason in _CUT_SHORT
        kept = model._run.kept_epoch if chosen else None
        return f"{end}; the weights of {unit} {kept} were kept." if kept else f"{end}."


def _network(network: Any, dtype: Any) -> str:
    """Return the sizes, the dtype and the parametrization of a network."""
    text = f"{' -> '.join(map(str, network.layer_sizes))}, {dtype}"
    name = network.parametrization.name
    return text if name == "standard" else f"{text}, {name} parametrization"


def _layers(network: Any, dropout: tuple[float, ...]) -> dict[str, list[Any]]:
    """Return the attribute ``layers`` of a summary.

    A scaling layer comes first.
    """
    layers = _dense_layers(network, dropout)
    d = network.layer_sizes[0]
    scaling = ["input scaling", d, d, "identity", 0.0, d]
    if network.input_scaling:
        return {
            name: [value, *layers[name]]
            for name, value in zip(layers, scaling, strict=True)
        }
    return layers


def _dense_layers(network: Any, dropout: tuple[float, ...]) -> dict[str, list[Any]]:
    """Return names, shapes, activations, dropout and parameters of the layers."""
    sizes = network.layer_sizes
    pairs = list(pairwise(sizes))
    hidden = [_name_of_activation(a) for a in network.activations[: len(pairs) - 1]]
    return {
        "layer": [f"hidden {k}" for k in range(1, len(pairs))] + ["output"],
        "inputs": [m for m, _ in pairs],
        "outputs": [n for _, n in pairs],
        "activation": [*hidden, network.loss.out_activation],
        "dropout": [*map(float, dropout[: len(pairs) - 1]), 0.0],
        "parameters": [m * n + n for m, n in pairs],
    }


def _name_of_activation(activation: Any) -> str:
    text = described(activation)
    for name, cls in ACTIVATIONS.items():
        if text == f"{cls.__name__}()" and type(activation) is cls:
            return name
    return text


def _duration(model: Any) -> str:
    run = model._run
    unit = _unit(model)
    text = _count(run.epoch, unit)
    if unit == "epoch":
        text = f"{text}, {_count(run.update, 'update')}"
    is_continued = model._history is None and model.n_iter_ < run.epoch
    return f"{text} ({model.n_iter_:,} in the last call)" if is_continued else text


def _losses(model: Any) -> str:
    """Return the loss of the model, and the lowest of all epochs."""
    text = f"{model.loss_:.4g}"
    history = model.history_
    if not history["loss"]:
        return text
    lowest, epoch = min(zip(history["loss"], history["epoch"], strict=True))
    if not model._kept_best and lowest < model.loss_:
        text += f" (lowest: {lowest:.4g} in {_unit(model)} {epoch})"
    return f"{text}, {model._network.loss.label}"


def _validation(model: Any, scoring: str) -> str:
    """Return the best validation score, "" without validation."""
    score = model.best_validation_score_
    if score is None:
        return ""
    name, value = ("loss", -score) if scoring == "loss" else ("score", score)
    named = f"{name} ({scoring})" if scoring not in ("", "loss") else name
    return f"{named} {value:.4g} in {_unit(model)} {model.best_epoch_}"


def _unit(model: Any) -> str:
    """Return the word for an epoch: L-BFGS has iterations."""
    return "iteration" if model.learning_rate_ is None else "epoch"


def _count(n: int, unit: str) -> str:
    return f"{n:,} {unit}{'' if n == 1 else 's'}"


def _cell(value: Any) -> str:
    """Return a value of a table as text."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_cell, value))})"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, Real) else str(value)


def _html_row(row: list[str], tag: str) -> str:
    last = len(row) - 1
    cells = (
        f'<{tag} style="text-align: {"right" if place == last else "left"}">'
        f"{html.escape(cell)}</{tag}>"
        for place, cell in enumerate(row)
    )
    return f"<tr>{''.join(cells)}</tr>"
