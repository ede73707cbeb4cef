"""The parameters of an estimator: its own and those it shares."""

from inspect import Parameter, signature
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)


def with_shared_parameters(cls: _Class) -> _Class:
    """Name the base class' parameters in the signature of a class.

    The class has an ``__init__`` with ``**shared``, which go to the ``__init__`` of its
    last base. scikit-learn finds parameters by the signature, and so do users.
    """
    init, base = cls.__init__, cls.__bases__[-1].__init__  # type: ignore[misc]
    own, shared = (signature(f).parameters for f in (init, base))
    taken = [p for p in own.values() if p.kind is not Parameter.VAR_KEYWORD]
    taken += [p for name, p in shared.items() if name not in own]
    init.__signature__ = signature(init).replace(parameters=taken)
    return cls
