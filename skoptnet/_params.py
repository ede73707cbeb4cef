"""Constructor parameters: their ranges, and the check in scikit-learn's wording.

Additions to scikit-learn's messages: if a wrong value is close to an allowed one, the
message suggests it first; allowed names are sorted; and numbers that neither a float
nor a 64-bit integer can hold are refused like others out of range.
"""

import math
import sys
from collections.abc import Iterable
from functools import lru_cache
from numbers import Integral, Real
from typing import Any, ClassVar, Self

from sklearn import get_config

from ._names import Parametrized, closest
from ._sklearn import (
    HasMethods,
    Interval,
    InvalidParameterError,
    Options,
    validate_parameter_constraints,
)
from ._sklearn import StrOptions as UnsortedStrOptions

__all__ = [
    "AT_LEAST_ONE",
    "COUNT",
    "COUNT_FROM_ZERO",
    "DECAY",
    "EXPONENT",
    "FACTOR",
    "FACTOR_OR_ONE",
    "NOT_NEGATIVE",
    "POSITIVE",
    "SHARE",
    "Function",
    "HasMethods",
    "Interval",
    "InvalidParameterError",
    "Object",
    "Options",
    "StrOptions",
    "brief",
    "check_argument",
    "check_params",
    "check_value",
    "described",
    "satisfies",
]


# The ranges that several parameters share.
POSITIVE = [Interval(Real, 0, None, closed="neither")]
NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
AT_LEAST_ONE = [Interval(Real, 1, None, closed="left")]
COUNT = [Interval(Integral, 1, None, closed="left")]
COUNT_FROM_ZERO = [Interval(Integral, 0, None, closed="left")]
SHARE = [Interval(Real, 0, 1, closed="both")]
DECAY = [Interval(Real, 0, 1, closed="left")]
FACTOR = [Interval(Real, 0, 1, closed="neither")]
FACTOR_OR_ONE = [Interval(Real, 0, 1, closed="right")]
EXPONENT = [Interval(Real, 0, 1000, closed="both")]


class StrOptions(UnsortedStrOptions):
    """A constraint: one of some strings, sorted in the message."""

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"


class Function(HasMethods):
    """A constraint: a callable that is not a class, which would make objects."""

    def __init__(self) -> None:
        super().__init__("__call__")

    def is_satisfied_by(self, val: Any) -> bool:
        return callable(val) and not isinstance(val, type)

    def __str__(self) -> str:
        return "a function"


class Object(HasMethods):
    """A constraint: an object with these methods, not a class that would make it."""

    def is_satisfied_by(self, val: Any) -> bool:
        return super().is_satisfied_by(val) and not isinstance(val, type)


_PLAIN = {str, int, float, bool, type(None)}


def check_params(owner: Any) -> None:
    """Check every parameter of ``owner`` against its ``_parameter_constraints``.

    Parameters
    ----------
    owner : object with ``get_params`` and ``_parameter_constraints``
        An estimator, optimizer, schedule or activation. Parameters without a
        constraint are not checked.

    Raises
    ------
    InvalidParameterError
        (a ``ValueError`` and a ``TypeError``) with the parameter, the allowed values,
        the value given and, if there is one, the nearest allowed value.
    """
    if get_config()["skip_parameter_validation"]:
        return
    kind: Any = type(owner)
    values = vars(owner)
    given = [
        (name, type(values[name]), values[name])
        for name in owner._parameter_constraints
        if name in values
    ]
    if all(_is_plain(value) for _, _, value in given):
        _check_plain(kind, tuple(given))
    else:
        _check_each(kind, given)


def _check_each(owner: Any, given: Iterable[tuple[str, type, Any]]) -> None:
    for name, _, value in given:
        check_argument(owner.__name__, name, value, owner._parameter_constraints[name])


# The checks take longer than a small `partial_fit`, so those of the last few objects
# are cached, if their values are immutable and valid.
_check_plain = lru_cache(maxsize=512)(_check_each)


def check_value(owner: Any, name: str, value: Any, constraints: list) -> None:
    """Check the value of a parameter, or an item of it, as `check_params` does."""
    check_argument(type(owner).__name__, name, value, constraints)


def check_argument(caller: str, name: str, value: Any, constraints: list) -> None:
    """Check an argument of a function, as `check_params` does those of an object."""
    limit = _limit_passed(value, constraints)
    shown = _Long(value) if limit else value
    try:
        validate_parameter_constraints({name: constraints}, {name: shown}, caller)
    except InvalidParameterError as error:
        message = f"{_nearest(value, constraints)}{error}{limit}"
        raise InvalidParameterError(message) from None


def satisfies(value: Any, constraints: list) -> bool:
    """Return whether a value is in a range and fits into a float or 64-bit integer."""
    in_range = any(c.is_satisfied_by(value) for c in constraints)
    return in_range and not _limit_passed(value, constraints)


# The largest count that is allowed, and the largest float, exactly, so that integers of
# any size compare with it.
_LARGEST_INT = 2**63 - 1
_LARGEST_FLOAT = int(sys.float_info.max)


def _limit_passed(value: Any, constraints: list) -> str:
    """Return a sentence about the limit that a number exceeds, "" for none."""
    if isinstance(value, Integral):
        counts = any(
            isinstance(c, Interval) and c.type is Integral for c in constraints
        )
        if counts and abs(int(value)) > _LARGEST_INT:
            return f" The largest integer allowed is {_LARGEST_INT}."
        beyond = abs(int(value)) > _LARGEST_FLOAT
    elif isinstance(value, Real) and not isinstance(value, float):
        try:
            beyond = math.isinf(float(value)) and value not in (math.inf, -math.inf)
        except OverflowError:
            beyond = True
    else:
        beyond = False
    return f" The largest float is {sys.float_info.max:.4g}." if beyond else ""


class _Long:
    """Stands for a number that no range contains, and that may be long to print."""

    def __init__(self, value: Any):
        self.value = value

    def __repr__(self) -> str:
        return brief(self.value)


def brief(value: Any) -> str:
    """Return the representation of a value, with long integers shortened."""
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        items = ", ".join(map(brief, value))
        if isinstance(value, list):
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"
    if not isinstance(value, int) or value.bit_length() < 128:
        return repr(value)
    sign = "a negative integer" if value < 0 else "an integer"
    digits = math.floor((value.bit_length() - 1) * math.log10(2))
    return f"{sign} of more than {digits} digits"


def described(thing: Any) -> str:
    """Describe an object of a wrong type, for an error message."""
    if isinstance(thing, type):
        return f"the class {thing.__name__}"
    return f"an object of class {type(thing).__name__}"


def _is_plain(value: Any) -> bool:
    """Return whether a value cannot change, and equals only the same value."""
    if type(value) is tuple:
        return all(type(item) in (int, str) for item in value)
    return type(value) in _PLAIN


def _nearest(value: Any, constraints: list) -> str:
    """Return "Did you mean ...? " where an allowed value is close, else ""."""
    if isinstance(value, type):
        meant = [
            c
            for c in constraints
            if (isinstance(c, type) and issubclass(value, c))
            or (isinstance(c, Object) and HasMethods.is_satisfied_by(c, value))
        ]
        return f"Did you mean an object, {value.__name__}()? " if meant else ""
    if not isinstance(value, str):
        return ""
    allowed = [o for c in constraints if isinstance(c, StrOptions) for o in c.options]
    near = closest(value, allowed)
    return f"Did you mean {near!r}? " if near else ""


class Part(Parametrized):
    """A part of an estimator that has parameters of its own.

    When it is chosen by name, it takes over the estimator's parameters that it
    ``reads``.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    _parameter_constraints: ClassVar[dict] = {}

    def check(self) -> None:
        """Refuse parameters outside their range.

        Raises
        ------
        ValueError
            With the parameter, the allowed values and the value given.
        """
        check_params(self)

    def set_params(self, **params: Any) -> Self:
        """Set parameters; ``schedule__final`` is one of a nested object.

        Parameters
        ----------
        **params : dict
            Values by name.

        Returns
        -------
        self : object
            This object.

        Raises
        ------
        ValueError
            If there is no such parameter, or no nested object.
        """
        for name in params:
            part, _, inner = name.partition("__")
            held = params.get(part, getattr(self, part, None))
            if inner and hasattr(self, part) and not hasattr(held, "set_params"):
                raise ValueError(
                    f"{name!r} is a parameter of the {part!r} of {type(self).__name__},"
                    f" which is {held!r} and has no parameters. Pass {part!r} as an"
                    " object."
                )
        return super().set_params(**params)
