"""The models of the tabular benchmark: a registry of factories.

`MODELS` has an entry per model: the modules it needs, and functions that return a new
classifier and a new regressor, which take data frames with columns of dtype
"category". All have their defaults, but for the seed, the device and the number of
threads. To add a model, write two such functions and an entry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

MOST_BINS = 255  # values of a category that HistGradientBoosting takes
MOST_ONE_HOT = 20  # values of a category that are one-hot encoded for the forest

CATEGORICAL = make_column_selector(dtype_include="category")


@dataclass(frozen=True)
class Model:
    """Two factories, called with a seed and a number of jobs.

    Attributes
    ----------
    classifier, regressor : callables
        Return a new estimator.
    modules : tuple of str
        What has to be importable ("module" or "module:attribute"); imported before
        the clock starts.
    processes : bool
        Whether its jobs are processes, each with one thread.
    """

    classifier: Callable[[int, int], Any]
    regressor: Callable[[int, int], Any]
    modules: tuple[str, ...] = ()
    processes: bool = False

    def missing(self) -> str | None:
        """Return why the model cannot take part, or None; torch is not imported."""
        for name in self.modules:
            module, _, attribute = name.partition(":")
            if find_spec(module) is None:
                return f"No module named {module!r}"
            if attribute and not hasattr(import_module(module), attribute):
                return f"{module} has no {attribute}"
        return None

    def load(self) -> None:
        """Import the modules."""
        for name in self.modules:
            import_module(name.partition(":")[0])


# Columns


def columns_of_many_values(most: int) -> Callable[[Any], list[str]]:
    """Return a function that names the categories of more values than that."""
    return lambda X: [name for name in CATEGORICAL(X) if X[name].nunique() > most]


def columns_of_few_values(most: int) -> Callable[[Any], list[str]]:
    """Return a function that names the categories of up to that many values."""
    return lambda X: [name for name in CATEGORICAL(X) if X[name].nunique() <= most]


def ordinal() -> OrdinalEncoder:
    """Return an encoder that gives values new at predict the code -1."""
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def one_hot() -> OneHotEncoder:
    """Return an encoder that gives values new at predict a row of zeros."""
    return OneHotEncoder(handle_unknown="ignore", sparse_output=False)


def scaled(estimator: Any) -> Any:
    """Return the estimator behind StandardScaler for numbers, one-hot for the rest."""
    columns = make_column_transformer(
        (one_hot(), CATEGORICAL), remainder=StandardScaler()
    )
    return make_pipeline(columns, estimator)


# skoptnet


def skoptnet(name: str) -> Callable[[int, int], Any]:
    """Return a factory of a plain estimator of skoptnet."""

    def make(seed, n_jobs):
        import skoptnet

        return scaled(getattr(skoptnet, name)(random_state=seed))

    return make


def tabular(name: str) -> Callable[[int, int], Any]:
    """Return a factory of a tabular estimator of skoptnet."""

    def make(seed, n_jobs):
        import skoptnet

        model = getattr(skoptnet, name)(random_state=seed)
        return model.set_params(n_jobs=n_jobs) if n_jobs > 1 else model

    return make


# scikit-learn


def mlp(cls: type) -> Callable[[int, int], Any]:
    """Return a factory of a scikit-learn MLP."""
    return lambda seed, n_jobs: scaled(cls(random_state=seed))


def hgb(cls: type) -> Callable[[int, int], Any]:
    """Return a factory of HistGradientBoosting, with long categories as numbers."""

    def make(seed, n_jobs):
        columns = make_column_transformer(
            (ordinal(), columns_of_many_values(MOST_BINS)),
            remainder="passthrough",
            verbose_feature_names_out=False,
        ).set_output(transform="pandas")
        model = cls(categorical_features="from_dtype", random_state=seed)
        return make_pipeline(columns, model)

    return make


def forest(cls: type) -> Callable[[int, int], Any]:
    """Return a factory of a random forest: short categories one-hot, long as codes."""

    def make(seed, n_jobs):
        columns = make_column_transformer(
            (one_hot(), columns_of_few_values(MOST_ONE_HOT)),
            (ordinal(), columns_of_many_values(MOST_ONE_HOT)),
            remainder="passthrough",
        )
        return make_pipeline(columns, cls(random_state=seed, n_jobs=n_jobs))

    return make


# Peers


def lightgbm(name: str) -> Callable[[int, int], Any]:
    """Return a factory of a LightGBM estimator, which reads the dtypes itself."""

    def make(seed, n_jobs):
        import lightgbm

        cls = getattr(lightgbm, name)
        return cls(random_state=seed, n_jobs=n_jobs, verbose=-1)

    return make


class CatBoost:
    """A CatBoost estimator that reads its categories off the dtypes."""

    def __init__(self, name: str, **parameters: Any):
        import catboost

        self.model = getattr(catboost, name)(**parameters)

    def fit(self, X, y):
        """Fit, with the columns of dtype "category" as categories."""
        self.model.fit(X, y, cat_features=CATEGORICAL(X))
        return self

    def predict(self, X):
        """Predict, without the column that CatBoost adds for several classes."""
        return np.ravel(self.model.predict(X))

    def predict_proba(self, X):
        """Predict the classes' probabilities."""
        return self.model.predict_proba(X)

    @property
    def classes_(self):
        """The classes, in the order of the probabilities."""
        return self.model.classes_


def catboost(name: str) -> Callable[[int, int], Any]:
    """Return a factory of a CatBoost estimator that writes no files."""

    def make(seed, n_jobs):
        return CatBoost(
            name,
            random_seed=seed,
            thread_count=n_jobs,
            verbose=False,
            allow_writing_files=False,
        )

    return make


def pytabkit(name: str) -> Callable[[int, int], Any]:
    """Return a factory of a network of pytabkit, behind the conversion it needs."""

    def make(seed, n_jobs):
        import pytabkit

        cls = getattr(pytabkit, name)
        model = cls(device="cpu", random_state=seed, n_threads=n_jobs)
        return make_pipeline(FunctionTransformer(with_floats), model)

    return make


def with_floats(X):
    """Return the frame with its numbers in single precision."""
    numbers = X.columns[X.dtypes != "category"]
    return X.astype(dict.fromkeys(numbers, "float32"))


TORCH = ("torch", "pytorch_lightning", "pytabkit")

#: name -> factories, in the order of the tables.
MODELS = {
    "tabular": Model(
        tabular("TabularMLPClassifier"),
        tabular("TabularMLPRegressor"),
        ("skoptnet:TabularMLPClassifier", "skoptnet:TabularMLPRegressor"),
        processes=True,
    ),
    "skoptnet": Model(
        skoptnet("MLPClassifierX"), skoptnet("MLPRegressorX"), ("skoptnet",)
    ),
    "sklearn_mlp": Model(mlp(MLPClassifier), mlp(MLPRegressor)),
    "hgb": Model(
        hgb(HistGradientBoostingClassifier), hgb(HistGradientBoostingRegressor)
    ),
    "forest": Model(forest(RandomForestClassifier), forest(RandomForestRegressor)),
    "lightgbm": Model(
        lightgbm("LGBMClassifier"), lightgbm("LGBMRegressor"), ("lightgbm",)
    ),
    "catboost": Model(
        catboost("CatBoostClassifier"), catboost("CatBoostRegressor"), ("catboost",)
    ),
    "realmlp_td_s": Model(
        pytabkit("RealMLP_TD_S_Classifier"), pytabkit("RealMLP_TD_S_Regressor"), TORCH
    ),
    "realmlp_td": Model(
        pytabkit("RealMLP_TD_Classifier"), pytabkit("RealMLP_TD_Regressor"), TORCH
    ),
    "tabm_d": Model(pytabkit("TabM_D_Classifier"), pytabkit("TabM_D_Regressor"), TORCH),
}
