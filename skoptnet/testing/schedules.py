"""`check_schedule`: conformance checks of a schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np

from ..schedules import Clock, Schedule, as_schedule
from .contract import (
    Check,
    Report,
    clones,
    examine,
    parameters,
    pickles,
    require,
    same,
    unchanged,
)

_PLANNED = 30  # epochs of the plan


def check_schedule(
    schedule: Schedule | Callable[[Clock], float], *, raise_on_failure: bool = True
) -> Report:
    """Check that a schedule keeps the contract of `Schedule`.

    Parameters
    ----------
    schedule : Schedule or callable
        The schedule, with the parameters to check it with, or a function of the clock.
        Only copies of it are used.
    raise_on_failure : bool, default=True
        Whether to raise an error if checks fail. Otherwise, the report has them in
        ``failures``.

    Returns
    -------
    Report
        The result of each check; print it to read it.

    Raises
    ------
    AssertionError
        If checks fail, with a line for each: its name, what was found, and how to fix
        it.

    Examples
    --------
    >>> from skoptnet import StepDecay
    >>> from skoptnet.testing import check_schedule
    >>> check_schedule(StepDecay(decay_rate=0.1))
    <StepDecay(decay_rate=0.1) keeps the contract: 13 checks passed>
    """
    is_class = isinstance(schedule, type)  # callable, too; refused with a hint
    asked = schedule if is_class else as_schedule(schedule)
    report = examine(asked, Schedule, _CHECKS)
    if raise_on_failure:
        report.raise_failures()
    return report


def _clocks(
    epochs: Iterable[int] = range(_PLANNED),
    updates: Callable[[int], int] = lambda e: 10,
    planned: float = _PLANNED,
) -> list[Clock]:
    """Return the clocks of all updates of some epochs.

    Losses fall, rise and stagnate, during the plan and after it.
    """
    losses = [*np.geomspace(3, 1, 8).tolist(), *[1.1] * 12, *[0.9] * 100]
    validation = [math.nan, *losses[1:]]
    clocks, done = [], 0
    for e in epochs:
        n = updates(e)
        clocks += [
            Clock(
                done + j, e, n, j, samples=95 * e, plateaus=e // 4,
                planned_epochs=planned, losses=tuple(losses[:e]),
                validation_losses=tuple(validation[:e]),
            )
            for j in range(n)
        ]  # fmt: skip
        done += n
    return clocks


def _answers(schedule: Schedule, clocks: list[Clock] | None = None) -> list:
    """Return the factor and the momentum at each clock."""
    return [(schedule(c), schedule.momentum(c)) for c in clocks or _clocks()]


def _require_factors(schedule: Schedule, clocks: list[Clock], where: str) -> None:
    for clock in clocks:
        try:
            factor = schedule(clock)
        except Exception as error:
            require(
                False,
                f"{where}, it raised {type(error).__name__}: {error} at {clock}.",
                "It must return a factor at every clock.",
            )
        require(
            _is_number(factor) and 0 <= factor < math.inf,
            f"{where}, it returned {factor!r} at {clock}.",
            "A factor must be a number, finite and not negative.",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) or (hasattr(value, "dtype") and np.ndim(value) == 0)


def _gives_factors(schedule: Schedule) -> None:
    _require_factors(schedule, _clocks(), "Within the plan")


def _gives_momenta(schedule: Schedule) -> str | None:
    if not schedule.moves_momentum:
        return "It does not move the momentum."
    for clock in _clocks():
        momentum = schedule.momentum(clock)
        require(
            momentum is None or (_is_number(momentum) and 0 <= momentum < 1),
            f"It returned the momentum {momentum!r} at {clock}.",
            "A momentum must be None or a number in [0, 1).",
        )
    return None


def _is_pure(schedule: Schedule) -> None:
    clocks = _clocks()
    first = _answers(schedule, clocks)
    again = _answers(schedule, clocks[::-1])[::-1]
    for clock, before, after in zip(clocks, first, again, strict=True):
        require(
            same(before, after),
            f"Called again, in another order, it returned {after} instead of {before}"
            f" (factor and momentum) at {clock}.",
            "A schedule must be a pure function of the clock.",
        )


def _is_steady(schedule: Schedule) -> str | None:
    if not schedule.constant_within_epoch:
        return "constant_within_epoch is False."
    clocks = _clocks()
    for clock in clocks:
        first, now = _answers(
            schedule,
            [clock._replace(step=0, update=clock.update - clock.step), clock],
        )
        require(
            same(first, now),
            f"It moved within an epoch, from {first} to {now} (factor and momentum), at"
            f" {clock}.",
            "constant_within_epoch = True promises that all updates of an epoch have"
            " the same factor: read clock.epoch, not clock.epochs, step or update, or"
            " remove this declaration.",
        )
    return None


def _takes_short_epochs(schedule: Schedule) -> None:
    _require_factors(schedule, _clocks(updates=lambda e: 1), "In epochs of one update")
    _require_factors(
        schedule,
        _clocks(updates=lambda e: (3, 1, 7)[e % 3]),
        "In epochs of 3, 1 and 7 updates in turn",
    )


def _outlives_the_plan(schedule: Schedule) -> None:
    past = range(_PLANNED, 2 * _PLANNED)
    _require_factors(schedule, _clocks(past), "Past the end of the plan")


def _needs_no_plan(schedule: Schedule) -> None:
    _require_factors(schedule, _clocks(planned=math.inf), "Without a plan")


def _needs_no_losses(schedule: Schedule) -> str | None:
    if schedule.reads_losses:
        return "reads_losses is True."
    for field in ("losses", "validation_losses"):
        _require_same_without(
            schedule,
            field,
            "reads_losses = False promises that the rates of several epochs can be"
            " computed before their losses are known: read no losses, or remove this"
            " declaration.",
        )
    return None


def _declares_validation(schedule: Schedule) -> str | None:
    if schedule.needs_validation:
        return "needs_validation is True."
    _require_same_without(
        schedule,
        "validation_losses",
        "A schedule that reads validation_losses must declare needs_validation = True;"
        " the estimators then require validation.",
    )
    return None


def _require_same_without(schedule: Schedule, field: str, advice: str) -> None:
    clocks = _clocks()
    nothing: Any = {field: ()}
    without = [clock._replace(**nothing) for clock in clocks]
    named = field.replace("_", " ")
    try:
        answers = _answers(schedule, without)
    except Exception as error:
        found = f"Without {named} it raised {type(error).__name__}: {error}."
        require(False, found, advice)
    require(
        same(answers, _answers(schedule, clocks)),
        f"Without {named} it gives other factors.",
        advice,
    )


def _answers_at_plateaus(schedule: Schedule) -> None:
    for rate in (1.0, 1e-3, 0.0):
        ends = schedule.ends_at_plateau(rate)
        require(
            isinstance(ends, (bool, np.bool_)),
            f"ends_at_plateau({rate:g}) returned {ends!r}.",
            "It must return True to end training, or False to continue.",
        )


_CHECKS = (
    Check("parameters", parameters),
    Check("clone", clones),
    Check("factors", _gives_factors),
    Check("momentum", _gives_momenta, ("factors",)),
    Check(
        "unchanged",
        unchanged(
            _answers,
            "A schedule must not change when called; the clock has the history.",
        ),
        ("factors",),
    ),
    Check("purity", _is_pure, ("factors",)),
    Check("pickling", pickles(_answers), ("clone", "purity")),
    Check("steadiness", _is_steady, ("purity",)),
    Check("short epochs", _takes_short_epochs, ("factors",)),
    Check("past the plan", _outlives_the_plan, ("factors",)),
    Check("no plan", _needs_no_plan, ("factors",)),
    Check("losses", _needs_no_losses, ("purity",)),
    Check("validation", _declares_validation, ("purity",)),
    Check("plateaus", _answers_at_plateaus),
)
