"""Arguments of the functions that make search spaces: the network, solvers, values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from .._names import Parametrized
from .._params import Function, Part, StrOptions, check_argument, described
from ..estimators.base import MLP
from ..estimators.wrapped import prefix_of_network
from ..optimizers import OPTIMIZERS, TEXTBOOK, Optimizer
from ..schedules import SCHEDULES, Schedule

_SOLVER = [StrOptions({*OPTIMIZERS, "lbfgs"}), Optimizer]
_SOLVERS = [StrOptions({*OPTIMIZERS, "lbfgs", "textbook", "all"}), Optimizer]
_MANY = [*_SOLVERS, list, tuple, dict]
_SCHEDULE = [StrOptions(set(SCHEDULES)), Schedule, Function()]


def target_of(caller: str, estimator: Any, prefix: str | None) -> tuple[str, MLP]:
    """Return the prefix of the network's parameters, and the network."""
    if prefix is None:
        try:
            return prefix_of_network(estimator, caller)
        except TypeError as error:
            raise TypeError(f"{error}{_hint_for_tables(estimator)}") from None
        except ValueError as error:
            raise ValueError(f"{error} Pass one of them as prefix.") from None
    check_argument(caller, "prefix", prefix, [str, None])
    name = prefix.removesuffix("__")
    if isinstance(estimator, MLP):
        return (f"{name}__" if name else ""), estimator
    inside: Mapping[str, Any] = getattr(estimator, "get_params", dict)()
    network = inside.get(name)
    if not isinstance(network, MLP):
        raise ValueError(
            f"The 'prefix' parameter of {caller} must lead to an MLPClassifierX or"
            f" MLPRegressorX in the estimator. Got {prefix!r}, which leads to"
            f" {'nothing' if network is None else described(network)}."
        )
    return f"{name}__", network


def _hint_for_tables(estimator: Any) -> str:
    """Return a sentence if the networks in an estimator are those of a tabular one."""
    inside = estimator.get_params() if isinstance(estimator, BaseEstimator) else {}
    for part in (estimator, *inside.values()):
        if isinstance(part, Parametrized) and hasattr(part, "learning_rate_init"):
            return (
                " The solvers have no default rates for the networks for tables: search"
                f" learning_rate_init of {type(part).__name__} around its own,"
                f" {part.learning_rate_init!r}."
            )
    return ""


def chosen_solvers(caller: str, solvers: Any) -> list[tuple[Any, Any]]:
    """Return the solvers, each once, and the rates passed for each, None if none."""
    if isinstance(solvers, str) and solvers in ("textbook", "all"):
        solvers = TEXTBOOK if solvers == "textbook" else OPTIMIZERS
        return [(name, None) for name in solvers]
    if isinstance(solvers, (str, Optimizer)) or not isinstance(solvers, Iterable):
        check_argument(caller, "solvers", solvers, _MANY)
        return [(solvers, None)]
    rates: Mapping[Any, Any] = solvers if isinstance(solvers, Mapping) else {}
    chosen = _unique(solvers)
    for solver in chosen:
        check_argument(caller, "solvers", solver, _SOLVER)
    if not chosen:
        raise ValueError(f"The 'solvers' parameter of {caller} must not be empty.")
    if rates.get("lbfgs") is not None:
        raise ValueError(
            "solver='lbfgs' has no learning rate: it chooses its own steps. Write"
            f" {{'lbfgs': None}} in the solvers of {caller}."
        )
    return [(solver, rates.get(solver)) for solver in chosen]


def chosen_schedules(caller: str, schedules: Any) -> list[Any]:
    """Return the schedules, each once; none for those of the estimator."""
    if schedules is None:
        return []
    if isinstance(schedules, str) or not isinstance(schedules, Iterable):
        schedules = [schedules]
    chosen = _unique(schedules)
    for schedule in chosen:
        check_argument(caller, "schedules", schedule, _SCHEDULE)
    if not chosen:
        raise ValueError(
            f"The 'schedules' parameter of {caller} must not be empty. None leaves the"
            " schedule of the estimator."
        )
    return chosen


def values_of(caller: str, name: str, given: Any, may_draw: bool = False) -> Any:
    """Return the values of a parameter, each once, or its distribution."""
    if is_distribution(given):
        if may_draw:
            return given
        raise TypeError(
            f"{name} of {caller} must be a list of values. Got a distribution; a"
            " random search draws from it, see solver_distributions."
        )
    given = given.tolist() if isinstance(given, np.ndarray) else given
    if not isinstance(given, Iterable) or isinstance(given, (str, bytes, Mapping)):
        raise TypeError(
            f"{name} of {caller} must be a list of values"
            f"{' or a distribution' if may_draw else ''}. Got {given!r}; for a single"
            " value, pass a list of one."
        )
    values = _unique(given)
    if not values:
        raise ValueError(f"{name} of {caller} must have at least one value.")
    return values


def is_distribution(values: Any) -> bool:
    return hasattr(values, "rvs") and not isinstance(values, type)


def sample_of(values: Any) -> list[Any]:
    """Return the values themselves, or one that a distribution draws."""
    return [values.rvs(random_state=0)] if is_distribution(values) else values


def _unique(values: Iterable[Any]) -> list[Any]:
    """Return values in their order, each once."""
    found: list[Any] = []
    for value in values:
        if not any(_same(value, other) for other in found):
            found.append(value)
    return found


def _same(a: Any, b: Any) -> bool:
    """Return whether two values are equal; objects are if their parameters are."""
    if isinstance(a, Part) and type(a) is type(b):
        ours, theirs = (part.get_params(deep=False) for part in (a, b))
        return all(_same(value, theirs[name]) for name, value in ours.items())
    try:
        return a is b or bool(a == b)
    except ValueError:  # of arrays
        return type(a) is type(b) and bool(np.array_equal(a, b))
