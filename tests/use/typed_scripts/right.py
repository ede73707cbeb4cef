"""A user's script in which type checkers find nothing wrong."""

from typing import Any

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV, GroupShuffleSplit, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import (
    Adam,
    Cosine,
    HiddenActivations,
    LeakyReLU,
    MLPClassifierX,
    MLPRegressorX,
    Optimizer,
    Schedule,
    Warmup,
    learning_rate_range_test,
)
from skoptnet.callbacks import Callback, Checkpoint, StopOnPlateau, TimeBudget
from skoptnet.displays import (
    EpochSearchDisplay,
    LearningRateRangeDisplay,
    LossCurveDisplay,
    OptimizerPathDisplay,
    ScheduleDisplay,
    SolverGridDisplay,
    WeightsDisplay,
)
from skoptnet.model_selection import EpochHalvingGridSearchCV
from skoptnet.optimizers import State
from skoptnet.schedules import Clock
from skoptnet.typing import ScheduleName, SolverName


class SignDescent(Optimizer):
    """A solver of one's own, with a hyperparameter and a memory."""

    memory = ("v",)
    default_learning_rate = 0.001

    def __init__(self, keep: float = 0.9) -> None:
        self.keep = keep

    def step(
        self, theta: np.ndarray, g: np.ndarray, state: State, rate: float, xp: Any
    ) -> None:
        state.v *= self.keep
        state.v += g
        theta -= rate * xp.sign(state.v)


class Halves(Schedule):
    """A schedule of one's own."""

    def __call__(self, clock: Clock) -> float:
        return 0.5 if clock.epoch > 10 else 1.0


class StopBelow(Callback):
    """A callback of one's own."""

    def on_fit_task_end(
        self,
        estimator: MLPClassifierX,
        context: Any,
        *,
        fitted_estimator: MLPClassifierX | None = None,
    ) -> bool:
        return fitted_estimator is not None and fitted_estimator.loss_ < 0.2


def inverse_root(clock: Clock) -> float:
    """Return the factor on the rate: a schedule as a function."""
    return float((1 + clock.update) ** -0.5)


X = np.random.default_rng(0).normal(size=(100, 4))
y = (X.sum(axis=1) > 0).astype(int)
classifier = MLPClassifierX(
    (20, np.int64(10)),
    ["relu", LeakyReLU(slope=0.1)],
    solver="nesterov",
    lr_schedule="one_cycle",
    class_weight={0: 1, 1: 2.5},
    dropout=[0.1, 0],
    alpha=np.float32(0.01),
    n_iter_no_change=np.inf,
    random_state=np.random.RandomState(0),
)
regressor = MLPRegressorX(
    hidden_layer_sizes=np.array([20, 10]),
    loss="quantile",
    quantile=(0.1, 0.5, 0.9),
    solver=Adam(beta_1=0.8, weight_decay=0.01),
    lr_schedule=Warmup(Cosine(epochs=50), epochs=2),
    early_stopping=True,
    validation_fraction=GroupShuffleSplit(test_size=0.2),
    scoring="loss",
)
MLPRegressorX(scoring=["loss", "r2"], return_train_score=True)
MLPClassifierX(scoring={"mine": None, "accuracy": "accuracy"})
own = MLPClassifierX(10, solver=SignDescent(0.5), lr_schedule=Halves())
schedules: list[ScheduleName] = ["step", "cosine"]
for name in schedules:
    MLPClassifierX(lr_schedule=name)
solver: SolverName = "gd"
by_function = MLPRegressorX(solver=solver, lr_schedule=inverse_root)

# Methods return the estimator's own class, and attributes have types.
fitted: MLPClassifierX = classifier.fit(X, y, sample_weight=np.ones(len(y)))
also: MLPClassifierX = own.fit(X.tolist(), y.tolist()).set_params(max_iter=20)
classes: np.ndarray = fitted.classes_
predictions: np.ndarray = fitted.predict(X)
probabilities: np.ndarray = fitted.predict_proba(X)[:, 1]
logarithms: np.ndarray = fitted.predict_log_proba(X)
odds: np.ndarray = fitted.decision_function(X)
hidden: np.ndarray = fitted.hidden_activations(X, layer=-1)
gradients: np.ndarray = fitted.input_gradients(X)
n_parameters: int = fitted.summary().n_parameters
accuracy: float = fitted.score(X, y)
losses: list[float] = fitted.history_["loss"]
curve: list[float] = fitted.loss_curve_
first_weights: np.ndarray = fitted.coefs_[0]
first_biases: np.ndarray = fitted.intercepts_[0]
best: int | None = fitted.best_epoch_
reason: str = fitted.stop_reason_
epochs: int = fitted.n_iter_ + fitted.t_ + fitted.n_layers_ + fitted.n_outputs_
rate: float = fitted.learning_rate_ or 0.0
parameters: dict[str, Any] = fitted.get_params(deep=False)
regressor.fit(X, y, X_val=X, y_val=y).score(X, y)
regressor.fit(X, y, groups=np.arange(len(y)) // 2)
MLPRegressorX(validation_fraction=TimeSeriesSplit(3))
theirs = own.fit(X, y).to_sklearn()

for start in range(0, len(X), 10):
    rows = slice(start, start + 10)
    own = own.partial_fit(X[rows], y[rows], classes=[0, 1])
    by_function.partial_fit(X[rows], y[rows])
if hasattr(own, "partial_fit"):
    own.partial_fit(X, y, sample_weight=np.ones(len(y)))

# scikit-learn's tools take the estimators.
with sklearn.config_context(enable_metadata_routing=True):
    own.set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    regressor.set_fit_request(groups=True, X_val=False)
model = make_pipeline(StandardScaler(), HiddenActivations(fitted, layer=0), classifier)
model.fit(X, y).predict(X)
units: list[str] = HiddenActivations(fitted).fit(X, y).get_feature_names_out().tolist()
search = GridSearchCV(classifier, {"solver": ["adam", SignDescent()]}, cv=2)
search.fit(X, y)
copied = clone(classifier)


def describe(estimator: BaseEstimator) -> str:
    """Return a text from whatever scikit-learn calls an estimator."""
    return repr(estimator)


describe(classifier)
describe(Adam())

# Callbacks and displays.
classifier.set_callbacks(
    StopBelow(), TimeBudget(60), StopOnPlateau("loss", patience=3), Checkpoint("m.p")
).fit(X, y)
restored = Checkpoint.load("m.p")
found = learning_rate_range_test(classifier, X, y)
suggested: float = found.suggested_rate
LearningRateRangeDisplay.from_result(found).plot()
display: LossCurveDisplay = LossCurveDisplay.from_estimator(fitted, name="mine").plot(
    show="loss", rate=True
)
LossCurveDisplay.from_estimators({"one": fitted, "two": also})
display.ax_.set_title("mine")
display.figure_.savefig("curve.png")
SolverGridDisplay.from_cv_results(search, panels="solver").plot(cmap="magma")
by_rung = EpochHalvingGridSearchCV(own, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)
EpochSearchDisplay.from_search(by_rung, y="loss", group_by=[]).plot(brackets=[0])
ScheduleDisplay.from_schedules(["cosine", Halves(), inverse_root]).plot(log=True)
ScheduleDisplay.from_estimator(classifier, unit="epochs")
WeightsDisplay.from_estimator(fitted, layer=0).plot()
OptimizerPathDisplay.from_solvers("beale", ["gd", SignDescent()]).plot_values()
