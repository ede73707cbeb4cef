"""Tables with numbers, categories and missing values, made ready for networks."""

from .classifier import TabularMLPClassifier
from .preprocessor import TabularPreprocessor
from .regressor import TabularMLPRegressor

__all__ = ["TabularMLPClassifier", "TabularMLPRegressor", "TabularPreprocessor"]
