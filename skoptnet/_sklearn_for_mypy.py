"""What mypy is to know of scikit-learn's base classes; nothing here runs."""

# mypy: disable-error-code="empty-body"

from collections.abc import Callable
from typing import Any, Self, TypeVar

from ._types import Array, ArrayLike, Data

_Method = TypeVar("_Method", bound=Callable)


class BaseEstimator:
    @classmethod
    def _get_param_names(cls) -> list[str]: ...

    def get_params(self, deep: bool = True) -> dict[str, Any]: ...

    def set_params(self, **params: Any) -> Self: ...

    def get_metadata_routing(self) -> Any: ...

    def __sklearn_clone__(self) -> Self: ...

    def __setstate__(self, state: dict[str, Any]) -> None: ...

    def __sklearn_tags__(self) -> Any: ...


class ClassifierMixin:
    def score(
        self, X: Data, y: Data, sample_weight: ArrayLike | None = None
    ) -> float: ...


class RegressorMixin:
    def score(
        self, X: Data, y: Data, sample_weight: ArrayLike | None = None
    ) -> float: ...


class TransformerMixin:
    def fit_transform(self, X: Data, y: Data = None, **fit_params: Any) -> Array: ...

    def set_output(self, *, transform: str | None = None) -> Self: ...


class ClassNamePrefixFeaturesOutMixin:
    def get_feature_names_out(self, input_features: Data = None) -> Array: ...


class MetaEstimatorMixin: ...


class CallbackSupportMixin:
    def set_callbacks(self, *callbacks: Any) -> Self: ...


def with_callbacks(method: _Method) -> _Method: ...
