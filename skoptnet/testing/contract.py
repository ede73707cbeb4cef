"""Reports of conformance checks, and the checks that all kinds of objects share."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from copy import deepcopy
from pathlib import Path
from traceback import extract_tb
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.base import clone

from .._params import Part
from .._sklearn import parameter_names


class Broken(Exception):
    """A violation of the contract: what was found, and how to fix it."""


def require(kept: Any, found: str, to_do: str) -> None:
    """Raise `Broken` unless ``kept`` is true."""
    if not kept:
        raise Broken(f"{found} {to_do}")


class Check(NamedTuple):
    """A check of one part of a contract.

    Parameters
    ----------
    name : str
        Its name in reports.
    ask : callable
        Takes a copy of the subject. Raises `Broken` if the contract is broken; returns
        a reason if there is nothing to check.
    needs : tuple of str
        Checks that have to pass first, because they explain the same fault better.
    """

    name: str
    ask: Callable[[Any], str | None]
    needs: tuple[str, ...] = ()


class Result(NamedTuple):
    """The result of a check.

    Parameters
    ----------
    check : str
        Its name.
    status : {"kept", "broken", "not asked", "does not apply"}
        "not asked" if an earlier check has to pass first.
    text : str
        What was found and how to fix it, or why there was nothing to check.
    error : Exception or None
        The exception that the code under test raised, if any.
    """

    check: str
    status: Literal["kept", "broken", "not asked", "does not apply"]
    text: str = ""
    error: Exception | None = None

    def __str__(self) -> str:
        """Return a line of a report."""
        status = "BROKEN" if self.status == "broken" else self.status
        return f"- {self.check}: {status}{self.text and '. ' + self.text}"


class Report(NamedTuple):
    """The results of all checks; `print` it to read it.

    Parameters
    ----------
    subject : str
        The representation of the object that was checked.
    results : tuple of Result
        The result of each check, in their order.
    """

    subject: str
    results: tuple[Result, ...]

    @property
    def failures(self) -> tuple[Result, ...]:
        """Results of the checks that failed."""
        return tuple(r for r in self.results if r.status == "broken")

    def __str__(self) -> str:
        """Return the summary, and a line for each check."""
        return "\n".join([self._summary(), *map(str, self.results)])

    def __repr__(self) -> str:
        """Return the summary in one line."""
        return f"<{self._summary()}>"

    def _summary(self) -> str:
        asked = [r for r in self.results if r.status in ("kept", "broken")]
        if not self.failures:
            return f"{self.subject} keeps the contract: {len(asked)} checks passed"
        failed = f"{len(self.failures)} of {len(asked)} checks failed"
        return f"{self.subject} breaks the contract: {failed}"

    def raise_failures(self) -> None:
        """Raise an AssertionError with a line for each check that failed, if any."""
        if self.failures:
            causes = [r.error for r in self.failures if r.error]
            text = "\n".join([self._summary(), *map(str, self.failures)])
            raise AssertionError(text) from (causes[0] if causes else None)


def examine(part: Any, kind: type[Part], checks: Iterable[Check]) -> Report:
    """Run all checks, each on a copy of an object."""
    if not isinstance(part, kind):
        hint = f" Did you mean {part.__name__}()?" if isinstance(part, type) else ""
        raise TypeError(
            f"Only {kind.__name__} objects can be checked. Got {part!r}.{hint}"
        )
    results: dict[str, Result] = {}
    for check in checks:
        first = [n for n in check.needs if results[n].status in ("broken", "not asked")]
        if first:
            result = Result(check.name, "not asked", f"See {first[0]!r} first.")
        else:
            result = _asked(check, part)
        results[check.name] = result
    return Report(_name(part), tuple(results.values()))


def _asked(check: Check, part: Any) -> Result:
    try:
        with np.errstate(all="ignore"):
            reason = check.ask(twin_of(part))
    except Broken as broken:
        return Result(check.name, "broken", str(broken))
    except Exception as error:
        frame = extract_tb(error.__traceback__)[-1]
        place = f"line {frame.lineno} of {Path(frame.filename).name}, in {frame.name}"
        text = f"It raised {type(error).__name__}: {error} ({place})."
        return Result(check.name, "broken", text, error)
    if reason:
        return Result(check.name, "does not apply", reason)
    return Result(check.name, "kept")


def twin_of(part: Any) -> Any:
    """Return a copy, made without pickling, which has a check of its own."""
    twin = object.__new__(type(part))
    for name, value in vars(part).items():
        try:
            vars(twin)[name] = deepcopy(value)
        except Exception:  # an open file, for example
            vars(twin)[name] = value
    return twin


def _name(part: Any) -> str:
    try:
        return " ".join(repr(part).split())
    except Exception:  # where the hyperparameters cannot be read
        return type(part).__name__


# ---------------------------------------------------- the checks that all objects share


def parameters(part: Any) -> None:
    """Check that values are in the declared ranges, which are those of parameters."""
    try:
        part.check()
    except ValueError as error:
        require(
            False, str(error), "Give other values, or correct _parameter_constraints."
        )
    declared = vars(type(part)).get("_parameter_constraints", {})
    # Parameters that only a base class takes may be declared, too.
    taken = {name for base in type(part).__mro__ for name in _names(base)}
    unknown = sorted(set(declared) - taken)
    require(
        not unknown,
        f"_parameter_constraints has ranges of {', '.join(unknown)}, which __init__"
        " does not take.",
        "Name the parameters there as in __init__.",
    )


def _names(base: type) -> list[str]:
    return parameter_names(base) if issubclass(base, Part) else []


def clones(part: Any) -> None:
    """Check that `clone` makes an equal object: __init__ only stores its arguments."""
    to_do = (
        "__init__ must store each of its arguments, unchanged, under the argument's"
        " name, or pass it on to super().__init__."
    )
    missing = [n for n in _names(type(part)) if n not in vars(part)]
    require(not missing, f"__init__ does not store {', '.join(missing)}.", to_do)
    try:
        twin = clone(part)
    except Exception as error:
        require(False, f"clone() raised {type(error).__name__}: {error}.", to_do)
    given, got = repr(part.get_params()), repr(twin.get_params())
    require(given == got, f"clone() turned {given} into {got}.", to_do)


def unchanged(use: Callable[[Any], Any], advice: str) -> Callable[[Any], None]:
    """Return the check that using an object does not change it."""

    def ask(part):
        before = {name: repr(value) for name, value in vars(part).items()}
        use(part)
        after = {name: repr(value) for name, value in vars(part).items()}
        changed = sorted(
            n for n in before.keys() | after.keys() if before.get(n) != after.get(n)
        )
        found = f"Use changed its attributes {', '.join(changed)}."
        require(not changed, found, advice)

    return ask


def pickles(use: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return the check that a cloned and pickled object gives the same results."""

    def ask(part):
        try:
            twin = pickle.loads(pickle.dumps(clone(part)))
        except Exception as error:
            require(
                False,
                f"It cannot be pickled: {error}.",
                "Define its class, or the function, by name at the top level of a"
                " module (no lambda), and store only objects that can be pickled."
                " Otherwise models with it cannot be saved or sent to another process.",
            )
        require(
            same(use(part), use(twin)),
            "A cloned and pickled copy gives other results.",
            "It must depend on the arguments of __init__ only.",
        )

    return ask


def same(first: Any, second: Any) -> bool:
    """Return whether arrays, or lists of numbers, are equal; NaN equals NaN."""
    if isinstance(first, np.ndarray):
        return np.array_equal(first, second, equal_nan=True)
    return repr(first) == repr(second)
