"""scikit-learn's checks of estimators, as it runs them on its own searches."""

import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skoptnet import MLPClassifierX, MLPRegressorX, model_selection

SEARCHES = [
    getattr(model_selection, n)
    for n in model_selection.__all__
    if n.endswith("SearchCV")
]


def searches():
    for search in SEARCHES:
        for network in (MLPClassifierX, MLPRegressorX):
            model = network((5,), max_iter=30, n_iter_no_change=30, random_state=0)
            for prefix, estimator in (
                ("", model),
                (
                    f"{network.__name__.lower()}__",
                    make_pipeline(StandardScaler(), model),
                ),
            ):
                yield search(
                    estimator,
                    {f"{prefix}learning_rate_init": [0.01, 0.1]},
                    cv=2,
                    error_score="raise",
                )


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(list(searches()))
def test_checks(estimator, check):
    check(estimator)
