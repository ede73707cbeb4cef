"""What the tests of the displays share: trainings, searches, and how to ask artists.

The fixtures are a plugin of the suite; `DRAWN` marks the modules that draw.
"""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from problems import LABELS, X, batched, small
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, Momentum
from skoptnet.displays import OptimizerPathDisplay

#: Trainings end early here, and figures do not outlive their test.
DRAWN = [
    *(
        pytest.mark.filterwarnings(
            f"ignore:{text}:sklearn.exceptions.ConvergenceWarning"
        )
        for text in ("Maximum number", "Training diverged", "Training ended at")
    ),
    pytest.mark.usefixtures("no_figures_left"),
]


@pytest.fixture
def no_figures_left():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def classifier():
    return batched(MLPClassifierX).fit(X, LABELS)


@pytest.fixture(scope="module")
def validated():
    model = batched(MLPClassifierX, early_stopping=True, scoring=None, max_iter=60)
    return model.fit(X, LABELS)


GRID = {
    "mlp__solver": ["sgd", "adam"],
    "mlp__learning_rate_init": [0.1, 0.01, 0.001],
    "mlp__batch_size": [150, 40],
    "mlp__alpha": [0.0, 1.0],
}


def in_a_pipeline():
    return Pipeline([("scale", StandardScaler()), ("mlp", small(MLPClassifierX))])


@pytest.fixture(scope="module")
def search():
    model = in_a_pipeline()
    cv = KFold(3, shuffle=True, random_state=0)
    return GridSearchCV(model, GRID, cv=cv).fit(X, LABELS)


@pytest.fixture(scope="module")
def failing():
    """A search in which one solver fails in one fold, or in all."""
    rows = X.copy()
    rows[0] = 1e100  # in the test rows of the first fold
    grid = {"solver": ["sgd", "adam"], "learning_rate_init": [1e-3, 1e200]}
    splits = [
        (np.arange(50, 150), np.arange(50)),
        (np.arange(100), np.arange(100, 150)),
    ]
    model = small(MLPClassifierX, activation="identity", batch_size=150)
    with pytest.warns(), np.errstate(all="ignore"):
        found = GridSearchCV(model, grid, cv=splits, refit=False).fit(rows, LABELS)
    return found


def curve(line):
    return list(line.get_xdata()), list(line.get_ydata())


@pytest.fixture
def two_paths():
    """The paths of two solvers on a surface."""
    return OptimizerPathDisplay.from_solvers(
        "himmelblau",
        {"slow": "gd", "heavy": Momentum(momentum=0.8)},
        learning_rates={"slow": 0.005, "heavy": 0.004},
        n_updates=20,
    )


def coordinates(line):
    """Return the coordinates of a line in the plane or in space."""
    in_space = hasattr(line, "get_data_3d")
    return np.array(line.get_data_3d() if in_space else line.get_data())


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]
