"""Checking of constructor parameters, in scikit-learn's wording.

The one place that touches scikit-learn's private parameter validation. What this
file adds to it: where a wrong value is close to a right one, the message offers it.
"""

from difflib import get_close_matches
from typing import Any

from sklearn import get_config
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

__all__ = ["Interval", "InvalidParameterError", "Options", "StrOptions", "check_params"]


def check_params(owner: Any) -> None:
    """Check every parameter of ``owner`` against its ``_parameter_constraints``.

    Parameters
    ----------
    owner : object with ``get_params`` and ``_parameter_constraints``
        An estimator, optimizer or schedule. Parameters without a constraint are
        taken as they are.

    Raises
    ------
    InvalidParameterError
        (a ``ValueError`` and a ``TypeError``) naming the parameter, what is
        allowed, what came and, where there is one, the nearest allowed value.
    """
    if get_config()["skip_parameter_validation"]:
        return
    constraints = owner._parameter_constraints
    for name, value in owner.get_params(deep=False).items():
        if name not in constraints:
            continue
        try:
            validate_parameter_constraints(
                {name: constraints[name]}, {name: value}, type(owner).__name__
            )
        except InvalidParameterError as error:
            hint = _nearest(value, constraints[name])
            raise InvalidParameterError(f"{error}{hint}") from None


def _nearest(value: Any, constraints: list) -> str:
    """Return ' Did you mean ...?' where an allowed value is near, else ''."""
    if isinstance(value, type):
        meant = [c for c in constraints if isinstance(c, type) and issubclass(value, c)]
        return f" Did you mean an object, {value.__name__}()?" if meant else ""
    if not isinstance(value, str):
        return ""
    allowed = [o for c in constraints if isinstance(c, StrOptions) for o in c.options]
    near = get_close_matches(value.lower(), allowed, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
