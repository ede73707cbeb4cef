"""Searches over epochs."""

from .halving import EpochHalvingGridSearchCV, EpochHalvingRandomSearchCV
from .hyperband import EpochHyperbandSearchCV

__all__ = [
    "EpochHalvingGridSearchCV",
    "EpochHalvingRandomSearchCV",
    "EpochHyperbandSearchCV",
]
