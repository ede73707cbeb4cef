"""Parameters without effect, and the warning about those that are set."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .._params import Part
from ..losses import REGRESSION_LOSSES
from ..optimizers import OPTIMIZERS
from ..schedules import SCHEDULES
from ..training import LBFGS
from .convergence_warnings import warn
from .validation import OwnData, check_for_validation, check_settings


@dataclass(frozen=True, eq=False)
class _Choice:
    """A parameter that chooses a class by name; a class ``reads`` other parameters."""

    parameter: str
    classes: Mapping[str, Any]

    def readers(self, name: str) -> list[str]:
        """Return the names of the classes that read a parameter."""
        return sorted(key for key, cls in self.classes.items() if name in cls.reads)

    def unread(self, given: Any) -> Iterable[tuple[str, str]]:
        """Return the parameters that the chosen class does not read, and why."""
        return _unread(self, given) if isinstance(given, str) else self.each(given)

    def each(self, given: Any) -> Iterator[tuple[str, str]]:
        """Yield what `unread` returns."""
        chosen = self.classes[given] if isinstance(given, str) else None
        for name in sorted(
            {name for cls in self.classes.values() for name in cls.reads}
        ):
            if chosen is None:
                yield name, self._of_object(given, name)
            elif name not in chosen.reads:
                yield name, self._of_class(given, chosen, name)

    def _of_object(self, given: Any, name: str) -> str:
        why = f"{self.parameter} is an object"
        if isinstance(given, Part) and hasattr(given, name):
            return f"{why}; set {self.parameter}__{name}"
        return why

    def _of_class(self, given: str, chosen: type, name: str) -> str:
        if hasattr(chosen, name):  # its own, with the value of its source
            return (
                f"{self.parameter}={given!r} has its own {name}; set it on an object,"
                f" {self.parameter}={chosen.__name__}({name}=...)"
            )
        *others, last = map(repr, self.readers(name))
        readers = f"{', '.join(others)} and {last} do" if others else f"{last} does"
        return f"{self.parameter}={given!r} does not read it; {readers}"


@lru_cache(maxsize=64)
def _unread(choice: _Choice, given: str) -> tuple[tuple[str, str], ...]:
    return tuple(choice.each(given))


_CHOICES = (
    _Choice("solver", {**OPTIMIZERS, "lbfgs": LBFGS}),
    _Choice("lr_schedule", SCHEDULES),
    _Choice("loss", REGRESSION_LOSSES),
)
_BATCHES = ("batch_size", "shuffle")

#: Parameters that some solvers and schedules read and others do not.
OF_SOLVERS_AND_SCHEDULES: frozenset[str] = frozenset(
    name
    for registry in (OPTIMIZERS, SCHEDULES, {"lbfgs": LBFGS})
    for cls in registry.values()
    for name in cls.reads
) | {*LBFGS.ignores, *_BATCHES, "n_iter_no_change"}


def set_parameters(model: Any) -> dict[str, Any]:
    """Return the defaults of the parameters that are not at their default."""
    cls: Any = type(model)
    values = vars(model)
    return {
        name: default
        for name, default in _defaults(cls).items()
        if _differs(values[name], default)
    }


def without_effect(model: Any) -> dict[str, str]:
    """Return the parameters that have no effect on ``fit(X, y)``, and why.

    They need not be set. Invalid parameters raise the errors of ``fit``.
    """
    parts, own = model._check_parameters(), OwnData()
    check_settings(model, own)
    if not isinstance(parts.optimizer, LBFGS):
        check_for_validation(model, parts.schedule, own)
    return dict(_unused(model, parts, own))


def warn_of_unused(model: Any, parts: Any, own: OwnData) -> None:
    """Warn once about all parameters that were set and have no effect.

    A parameter counts as set if it is not at its default. The message has no values, so
    it is the same for all candidates of a search that differ only in these, and Python
    shows it once.

    Parameters
    ----------
    model : MLPClassifierX or MLPRegressorX
        The estimator, whose parameters are valid.
    parts : Parts
        The objects that the parameters stand for.
    own : OwnData
        The validation data passed to ``fit``.
    """
    cls: Any = type(model)
    given = set_parameters(model)
    unused = {n: why for n, why in _unused(model, parts, own) if n in given}
    if unused:
        named = "; ".join(f"{name!r} ({why})" for name, why in sorted(unused.items()))
        s, have = ("s", "have") if len(unused) > 1 else ("", "has")
        warn(
            f"Parameter{s} of {cls.__name__} that {have} no effect: {named}.",
            UserWarning,
        )


def _unused(model: Any, parts: Any, own: OwnData) -> Iterator[tuple[str, str]]:
    """Yield the parameters that have no effect, set or not, and why."""
    for choice in _CHOICES:
        if hasattr(model, choice.parameter):
            yield from choice.unread(getattr(model, choice.parameter))
    if isinstance(parts.optimizer, LBFGS):
        for name in LBFGS.ignores:
            yield name, "solver='lbfgs' does not read it"
        if not model.early_stopping:
            yield "n_iter_no_change", "solver='lbfgs' needs early_stopping for it"
    else:
        if parts.optimizer.full_batch:
            for name in _BATCHES:
                yield name, f"solver={_name(model.solver)} uses all rows"
        momentum = parts.optimizer.momentum_name
        if momentum and parts.schedule.moves_momentum and isinstance(model.solver, str):
            yield momentum, f"lr_schedule={_name(model.lr_schedule)} sets it"
    if not model.early_stopping:
        for name in ("validation_fraction", "refit_all"):
            yield name, "it needs early_stopping=True"
        if not (own.given or model.return_train_score):
            yield "scoring", "it needs early_stopping, X_val or return_train_score"
    elif own.given:
        yield "validation_fraction", "the validation rows are those passed to fit"
    if model.alpha == 0:
        yield "l1_ratio", "alpha=0 is no penalty"


def _name(part: Any) -> str:
    return repr(part) if isinstance(part, str) else f"{type(part).__name__}()"


@lru_cache(maxsize=64)
def _defaults(cls: Any) -> dict[str, Any]:
    """Return the defaults of a class's parameters."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _differs(value: Any, default: Any) -> bool:
    """Whether a parameter is not at its default; values may be arrays or objects."""
    if value is default:
        return False
    try:
        return not bool(value == default)
    except ValueError:  # of an array
        return True
