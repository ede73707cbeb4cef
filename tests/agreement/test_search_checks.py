"""scikit-learn's checks of estimators, as it runs them on its own searches."""

import pytest
from problems import ESTIMATORS, checks_of
from searches import SEARCHES
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytestmark = [
    # The checks train on few rows for few epochs.
    pytest.mark.filterwarnings("ignore:Maximum number of epochs"),
    # Both candidates are all there are.
    pytest.mark.filterwarnings("ignore:The total space of parameters"),
    # From scikit-learn, which asks infinite targets of classes for their type.
    pytest.mark.filterwarnings("ignore:invalid value encountered in cast"),
]


def searches(wraps):
    """Return a search of each kind around each network, perhaps in a pipeline."""
    found = []
    for Search in SEARCHES.values():
        for Estimator in ESTIMATORS:
            model = Estimator((5,), max_iter=30, n_iter_no_change=30, random_state=0)
            prefix = ""
            if wraps:
                prefix = f"{Estimator.__name__.lower()}__"
                model = make_pipeline(StandardScaler(), model)
            rates = {f"{prefix}learning_rate_init": [0.01, 0.1]}
            found.append(Search(model, rates, cv=2, error_score="raise"))
    return found


@checks_of(searches(wraps=False), in_turn=True, exhaustive=searches(wraps=True))
def test_checks(estimator, check):
    check(estimator)
