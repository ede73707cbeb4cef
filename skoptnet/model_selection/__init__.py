"""Searches for hyperparameters: spaces of candidates, ready for any search."""

from .spaces import solver_distributions, solver_grid

__all__ = ["solver_distributions", "solver_grid"]
