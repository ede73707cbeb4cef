"""Small tables, and tabular estimators that are fitted to them in a moment."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_iris

from skoptnet import TabularMLPClassifier, TabularMLPRegressor

BOTH = (TabularMLPClassifier, TabularMLPRegressor)
X, KINDS = load_iris(return_X_y=True)
LABELS = np.array(["setosa", "versicolor", "virginica"])[KINDS]
NUMBERS = X[:, 3] * X[:, 0]
TWO = np.where(X[:, 0] > 5.8, "long", "short")
MANY_X, MANY_Y = load_diabetes(return_X_y=True)
#: Every kind of column; whether the rows are more than a batch does not matter.
N = 120


def frame():
    """Return a data frame with gaps, categories, booleans and numbers."""
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"age": rng.uniform(20, 80, N)})
    table["city"] = rng.choice(["Rome", "Oslo", "Bern"], N).astype(object)
    table["smokes"] = rng.uniform(size=N) < 0.4
    table["size"] = pd.Categorical(rng.choice(["S", "M", "L"], N))
    table["rooms"] = rng.randint(1, 6, N)
    table.loc[::7, "age"] = np.nan
    table.loc[3::9, "city"] = None
    return table


def frame_target(Estimator):
    """Return labels or numbers that the columns of the frame tell."""
    table = frame()
    y = table["age"].fillna(50) / 20 + 2 * table["smokes"] + table["rooms"]
    y = y.to_numpy(dtype=float)
    if Estimator is TabularMLPRegressor:
        return y
    return np.where(y > np.median(y), "high", "low")


def target(Estimator):
    """Return the targets of the iris flowers."""
    return LABELS if Estimator is TabularMLPClassifier else NUMBERS


def tiny(Estimator, **parameters):
    """Return a model of few units that is trained for a few epochs."""
    settings = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}
    settings["early_stopping"] = False
    return Estimator(**settings | parameters)


def raw_outputs(network, Z):
    """Return the raw outputs of a network from its weights alone, in float64."""
    if not hasattr(network, "classes_"):
        return np.asarray(network.predict(Z), dtype=float).reshape(Z.shape[0], -1)
    z = np.asarray(network.decision_function(Z), dtype=float)
    return z.reshape(len(z), -1)


def best_epoch(network, n_epochs=None):
    """Return the epoch that is to be kept, of some: a regressor's of lowest loss.

    A classifier's is that of highest accuracy, and of these that of lowest loss.
    """
    losses = network.history_["validation_loss"][:n_epochs]
    scores = np.zeros(len(losses))
    if hasattr(network, "classes_"):
        scores = np.array(network.history_["validation_score"][:n_epochs])
    return int(np.lexsort([losses, -scores])[0]) + 1


def softmax(z):
    """Return probabilities, the plain way."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def equal_models(one, other, rows):
    """Tell whether two models predict the same to the last bit."""
    methods = ["predict", "predict_proba", "decision_function"]
    found = [m for m in methods if hasattr(one, m)]
    return all(
        np.array_equal(getattr(one, m)(rows), getattr(other, m)(rows)) for m in found
    ) and np.array_equal(one.oof_prediction_, other.oof_prediction_, equal_nan=True)
