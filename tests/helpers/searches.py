"""What the tests of the searches over epochs share: small searches, and folds."""

import warnings

import numpy as np
import pandas as pd
from problems import batched
from scipy.stats import loguniform
from sklearn.model_selection import KFold

from skoptnet import model_selection

#: The searches by name.
SEARCHES = {
    name: getattr(model_selection, name)
    for name in model_selection.__all__
    if name.endswith("SearchCV")
}
#: Epochs of a whole training.
EPOCHS = 9
CV = KFold(3, shuffle=True, random_state=0)
RATES = [0.0003, 0.003, 0.01, 0.03, 0.1]


def network(Estimator, **parameters):
    """Return a network that learns a little in each of a few epochs."""
    return batched(Estimator, max_iter=EPOCHS, **parameters)


def small_search(kind, estimator, prefix="", further=None, **options):
    """Return a search among a few learning rates and values of further parameters."""
    is_grid = "Grid" in kind
    space = {"learning_rate_init": RATES if is_grid else loguniform(3e-4, 0.2)}
    space = {f"{prefix}{name}": values for name, values in space.items()}
    if not is_grid:
        options = {"random_state": 0, "min_resources": 1 if "Band" in kind else 2} | (
            options
        )
    options = {"cv": CV} | options
    return SEARCHES[kind](estimator, space | (further or {}), **options)


def epochs_of(search):
    """Return ``epoch_results_``, by candidate and fold."""
    table = pd.DataFrame(search.epoch_results_)
    return dict(iter(table.groupby(["candidate", "fold"])))


def params_of(search):
    """Return the parameters by candidate."""
    results = search.cv_results_
    return dict(zip(results["candidate"], results["params"], strict=True))


def quietly(function, *arguments, **keywords):
    """Call a function; return its result and the messages of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*arguments, **keywords)
    return result, [str(warning.message) for warning in caught]


def assert_same_results(one, other):
    """Check that two fitted searches differ in nothing but times."""
    for table in ("cv_results_", "epoch_results_"):
        ours, theirs = getattr(one, table), getattr(other, table)
        assert list(ours) == list(theirs)
        for name in ours:
            if "_time" not in name:
                np.testing.assert_array_equal(ours[name], theirs[name], name)
    for name in ("best_index_", "best_epoch_", "best_score_", "best_params_"):
        assert getattr(one, name) == getattr(other, name)
