"""Loss curves of one training or several: what the display holds and draws.

Artists are asked for their data; what they should have comes from elsewhere.
"""

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import DRAWN, curve, texts
from problems import LABELS, NUMBERS, X, batched, small
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.displays import LossCurveDisplay, SolverGridDisplay
from skoptnet.displays._metrics import looks_of, metrics_in
from skoptnet.losses import LOSSES, REGRESSION_LOSSES

pytestmark = DRAWN


def test_the_curve_of_an_estimator(classifier):
    before = joblib.hash(vars(classifier))
    display = LossCurveDisplay.from_estimator(classifier)
    assert display.plot() is display
    (line,) = display.lines_
    epochs = [*range(1, 6)]
    assert curve(line) == (epochs, classifier.loss_curve_)
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.figure is display.figure_
    assert display.bands_ == display.rate_lines_ == []
    assert display.rate_ax_ is None
    title = display.ax_.get_legend().get_title().get_text()
    assert title == "MLPClassifierX (max_iter)"
    (mark,) = display.marks_
    assert curve(mark) == ([5], [classifier.loss_])
    assert joblib.hash(vars(classifier)) == before
    display.curves["MLPClassifierX"]["loss"].append(0)
    assert len(classifier.loss_curve_) == 5


def test_both_losses_the_best_epoch_and_the_rates(validated):
    display = LossCurveDisplay.from_estimator(validated, name="net").plot(rate=True)
    history = validated.history_
    assert [curve(line)[1] for line in display.lines_] == [
        history["loss"],
        history["validation_loss"],
    ]
    kept = validated.best_epoch_
    assert 1 < kept < len(history["epoch"])
    assert [curve(mark) for mark in display.marks_] == [
        ([kept], [history[name][kept - 1]]) for name in ("loss", "validation_loss")
    ]
    (rates,) = display.rate_lines_
    assert curve(rates) == (history["epoch"], history["learning_rate"])
    assert display.rate_ax_.get_ylabel() == "learning rate"
    assert texts(display.ax_) == [
        "training loss (cross-entropy + L2 penalty)",
        "validation loss (cross-entropy)",
        "weights kept",
        "learning rate",
    ]
    score = LossCurveDisplay.from_estimator(validated).plot(show="validation_score")
    assert curve(score.lines_[0])[1] == validated.validation_scores_
    assert score.ax_.get_ylabel() == "validation score (accuracy)"
    assert pd.DataFrame(display.curves["net"]).shape == (len(history["epoch"]), 6)
    frame = pd.DataFrame(display.stops)
    assert frame.loc[0].tolist() == ["net", kept, "early_stopping"]


@pytest.mark.parametrize(
    ("parameters", "label"),
    [
        ({"alpha": 0}, "half squared error"),
        ({}, "half squared error + L2 penalty"),
        ({"l1_ratio": 1.0}, "half squared error + L1 penalty"),
        ({"l1_ratio": 0.5}, "half squared error + L1 and L2 penalty"),
    ],
)
def test_the_objective_is_named(parameters, label):
    model = small(MLPRegressorX, **parameters).fit(X, NUMBERS)
    display = LossCurveDisplay.from_estimator(model).plot()
    assert display.ax_.get_ylabel() == f"training loss ({label})"


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_each_loss_is_named(loss):
    y = np.exp(NUMBERS)
    model = small(MLPRegressorX, loss=loss, alpha=0, early_stopping=True)
    model.set_params(scoring=None).fit(X, y)
    display = LossCurveDisplay.from_estimator(model)
    assert display.labels["loss"] == REGRESSION_LOSSES[loss].label
    assert display.labels["validation_score"] == (
        "R²" if loss == "squared_error" else "D²"
    )


def test_no_two_losses_share_a_name():
    labels = {cls: cls.label for cls in LOSSES.values()}
    assert len(set(labels.values())) == len(labels)


@pytest.mark.parametrize(
    ("scoring", "label"),
    [
        ("loss", "negative loss"),
        ("balanced_accuracy", "balanced_accuracy"),
        (lambda model, X, y: 0.5, "<lambda>"),
    ],
)
def test_the_score_is_named(scoring, label):
    model = small(MLPClassifierX, early_stopping=True, scoring=scoring).fit(X, LABELS)
    display = LossCurveDisplay.from_estimator(model)
    assert display.labels["validation_score"] == label


def test_a_divergence_is_marked():
    model = small(
        MLPRegressorX, solver="sgd", max_iter=50, lr_schedule=lambda c: 10.0**c.epoch
    ).fit(X, NUMBERS)
    assert model.stop_reason_ == "diverged"
    display = LossCurveDisplay.from_estimator(model).plot()
    marks = {mark.get_marker(): curve(mark) for mark in display.marks_}
    last = len(model.loss_curve_)
    assert marks["X"] == ([last], [model.loss_curve_[-1]])
    ((kept,), (loss,)) = marks["o"]
    assert loss == model.loss_
    assert model.loss_curve_[kept - 1] == model.loss_
    assert "diverged after this epoch" in texts(display.ax_)


def test_lbfgs_counts_iterations_and_has_no_rates():
    model = small(MLPClassifierX, solver="lbfgs", max_iter=8).fit(X, LABELS)
    display = LossCurveDisplay.from_estimator(model).plot()
    assert display.ax_.get_xlabel() == "iteration"
    with pytest.raises(ValueError, match=r"rate must be False here.*lbfgs"):
        display.plot(rate=True)
    adam = batched(MLPClassifierX).fit(X, LABELS)
    both = LossCurveDisplay.from_estimators({"lbfgs": model, "adam": adam})
    both.plot(rate=True)
    assert both.ax_.get_xlabel() == "iteration / epoch"
    assert [curve(line)[1] for line in both.rate_lines_] == [
        adam.history_["learning_rate"]
    ]


def test_several_estimators_share_axes(classifier, validated):
    models = {"plain": classifier, "validated": validated}
    display = LossCurveDisplay.from_estimators(models).plot()
    assert [curve(line)[1] for line in display.lines_] == [
        classifier.loss_curve_,
        validated.loss_curve_,
    ]
    assert texts(display.ax_)[:2] == ["plain (max_iter)", "validated (early_stopping)"]
    looks = {(line.get_color(), line.get_linestyle()) for line in display.lines_}
    assert len(looks) == 2
    _, ax = plt.subplots()
    display.plot(ax, show=["loss", "validation_loss"])
    assert display.ax_ is ax
    assert len(ax.get_lines()) == 3 + len(display.marks_)
    display.plot(show="validation_score")
    assert [curve(line)[1] for line in display.lines_] == [validated.validation_scores_]


def test_scale_of_the_losses(classifier):
    def scale(losses, **options):
        curves = {"a": {"epoch": [1, 2, 3], "loss": losses}}
        return LossCurveDisplay(curves).plot(**options).ax_.get_yscale()

    assert scale([1, 0.5, 0.2]) == "linear"
    assert scale([1, 0.5, 0.01]) == "log"
    assert scale([1, 0.5, 0]) == "linear"
    assert scale([1, 0.5, 0.2], log=True) == "log"
    assert scale([1, 0.5, 0.01], log=False) == "linear"
    ax = LossCurveDisplay({"a": {"epoch": [1, 2], "loss": [2.5, 0.02]}}).plot().ax_
    ax.figure.canvas.draw()
    ticks = [t.get_text() for t in ax.get_yticklabels()]
    assert {"0.05", "0.1", "1", "2"} <= set(ticks)


def test_what_holds_an_mlp_is_looked_into(search):
    regressor = batched(MLPRegressorX)
    pipeline = make_pipeline(StandardScaler(), batched(MLPClassifierX)).fit(X, LABELS)
    scaled = TransformedTargetRegressor(regressor, transformer=StandardScaler())
    scaled.fit(X, NUMBERS)
    for outer, net in [
        (pipeline, pipeline[-1]),
        (scaled, scaled.regressor_),
        (search, search.best_estimator_["mlp"]),
    ]:
        display = LossCurveDisplay.from_estimator(outer).plot()
        assert curve(display.lines_[0])[1] == net.loss_curve_


def test_cross_validate_gives_median_and_spread():
    model = make_pipeline(
        StandardScaler(),
        MLPClassifierX((5,), learning_rate_init=0.05, tol=0.02, random_state=0),
    )
    result = cross_validate(model, X, LABELS, cv=5, return_estimator=True)
    display = LossCurveDisplay.from_cross_validate(result).plot()
    curves = [fold[-1].loss_curve_ for fold in result["estimator"]]
    lengths = [len(c) for c in curves]
    assert len(set(lengths)) > 1
    ended = pd.DataFrame({i: pd.Series(c) for i, c in enumerate(curves)})
    frame = ended.ffill()  # pandas keeps the last figures
    for name, values in {
        "loss": frame.median(axis=1),
        "loss_low": frame.quantile(0.25, axis=1),
        "loss_high": frame.quantile(0.75, axis=1),
        "n_training": ended.notna().sum(axis=1),
    }.items():
        assert np.allclose(display.curves["cross-validation"][name], values), name
    assert np.allclose(display.lines_[0].get_ydata(), frame.median(axis=1))
    (band,) = display.bands_
    low, high = band.get_paths()[0].get_extents().intervaly
    assert np.isclose(low, frame.quantile(0.25, axis=1).min())
    assert np.isclose(high, frame.quantile(0.75, axis=1).max())
    assert display.stops["stop_reason"] == ["5 converged"]
    wide = LossCurveDisplay.from_cross_validate({"a": result}, spread="range")
    assert np.allclose(wide.curves["a"]["loss_high"], frame.max(axis=1))


def test_cross_validate_with_several_scores():
    result = cross_validate(
        small(MLPClassifierX), X, LABELS, cv=3, return_estimator=True,
        scoring=["accuracy", "neg_log_loss"],
    )  # fmt: skip
    display = LossCurveDisplay.from_cross_validate(result)
    assert list(display.curves) == ["cross-validation"]


def test_a_search_over_nothing_is_one_group():
    search = GridSearchCV(small(MLPClassifierX), {}, cv=3).fit(X, LABELS)
    display = LossCurveDisplay.from_cv_results(search, X, LABELS).plot()
    assert list(display.curves) == ["all candidates"]
    folds = cross_validate(
        small(MLPClassifierX), X, LABELS, cv=3, return_estimator=True
    )
    expected = np.median([e.loss_curve_ for e in folds["estimator"]], axis=0)
    assert np.allclose(display.lines_[0].get_ydata(), expected)
    with pytest.raises(ValueError, match="different parameters that were searched"):
        SolverGridDisplay.from_cv_results(search)


def test_a_fold_that_failed_is_counted():
    splits = [
        (np.arange(100), np.arange(100, 150)),
        (np.arange(50, 150), np.arange(50)),
    ]
    rows = X.copy()
    rows[0] = 1e200
    model = small(MLPClassifierX, activation="identity", solver="sgd")
    with pytest.warns(FitFailedWarning), np.errstate(all="ignore"):
        result = cross_validate(
            model, rows, LABELS, cv=splits, return_estimator=True, scoring=lambda *_: 0
        )
    display = LossCurveDisplay.from_cross_validate({"a": result}).plot()
    assert display.stops["stop_reason"] == ["1 failed, 1 max_iter"]
    failed, good = result["estimator"]
    assert curve(display.lines_[0])[1] == good.loss_curve_
    result["estimator"] = [failed]
    with pytest.raises(ValueError, match="all fits failed"):
        LossCurveDisplay.from_cross_validate({"a": result})


@pytest.fixture(scope="module")
def monitored():
    """A training with two scorers and all there is to see; the last epoch is kept."""
    scoring = ["accuracy", "neg_log_loss"]
    model = batched(MLPClassifierX, scoring=scoring, return_train_score=True)
    return model.fit(X[::2], LABELS[::2], X_val=X[1::2], y_val=LABELS[1::2])


def test_monitored_losses_and_scores(monitored):
    """Losses above, scores by their names below; the last epoch is marked."""
    display = LossCurveDisplay.from_estimator(monitored).plot()
    history = monitored.history_
    losses = ["loss", "train_loss", "validation_loss"]
    scores = ["train_accuracy", "train_neg_log_loss"]
    scores += [name.replace("train", "validation") for name in scores]
    drawn = [curve(line)[1] for line in display.lines_]
    assert drawn == [history[name] for name in [*losses, *scores]]
    assert all(line.axes is display.ax_ for line in display.lines_[:3])
    assert all(line.axes is display.score_ax_ for line in display.lines_[3:])
    assert display.ax_.get_ylabel() == "loss"
    assert display.ax_.get_xlabel() == ""
    assert display.score_ax_.get_ylabel() == "score"
    assert display.score_ax_.get_xlabel() == "epoch"
    display.figure_.canvas.draw()
    above, below = (a.get_position() for a in (display.ax_, display.score_ax_))
    assert above.y0 > below.y1
    assert (above.x0, above.x1) == pytest.approx((below.x0, below.x1))
    assert texts(display.ax_) == [
        "training loss (cross-entropy + L2 penalty)",
        "training loss after the epoch (cross-entropy)",
        "validation loss (cross-entropy)",
        "weights kept",
    ]
    assert texts(display.score_ax_) == [
        "training accuracy",
        "training neg_log_loss",
        "validation accuracy",
        "validation neg_log_loss",
    ]
    assert [curve(mark)[0] for mark in display.marks_] == [[5]] * 7
    assert display.stops["kept_epoch"] == [5]
    styles = {(line.get_color(), line.get_linestyle()) for line in display.lines_}
    assert len(styles) == 7


def test_the_first_of_several_scores_is_named(monitored):
    display = LossCurveDisplay.from_estimator(monitored)
    display.plot(show=["train_score", "validation_score"])
    assert texts(display.ax_)[:2] == [
        "training score (accuracy)",
        "validation score (accuracy)",
    ]
    assert display.score_ax_ is None
    assert display.ax_.get_ylabel() == "score"
    assert curve(display.lines_[1])[1] == monitored.validation_scores_
    display.plot(show=["validation_loss", "validation_neg_log_loss"], rate=True)
    assert display.ax_.get_ylabel() == "validation loss (cross-entropy)"
    assert display.score_ax_.get_ylabel() == "validation neg_log_loss"
    assert len(display.rate_lines_) == 1


def test_axes_given_are_divided_only_if_scores_are_asked_for(monitored):
    figure, (ax, other) = plt.subplots(1, 2, layout="constrained", figsize=(16, 6))
    display = LossCurveDisplay.from_estimator(monitored).plot(ax)
    assert display.score_ax_ is None
    assert figure.axes == [ax, other]
    display.plot(other, show=["loss", "train_score"])
    assert figure.axes == [ax, other, display.score_ax_]
    figure.canvas.draw()
    left, upper, lower = (each.get_position() for each in figure.axes)
    assert lower.y1 < upper.y0
    assert lower.x0 > left.x1
    free = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match="whose place can be divided"):
        display.plot(free, show=["loss", "train_score"])
    assert display.plot(free, show=["loss", "train_loss"]).ax_ is free


def test_several_monitored_trainings(monitored):
    plain = batched(MLPClassifierX).fit(X, LABELS)
    display = LossCurveDisplay.from_estimators({"a": monitored, "b": plain})
    (first, second) = display.plot().lines_
    assert curve(first)[1] == monitored.loss_curve_
    assert curve(second)[1] == plain.loss_curve_
    display.plot(show=["loss", "train_loss", "validation_loss"])
    assert len(display.lines_) == 4
    dashes = [line.get_linestyle() for line in display.lines_]
    assert len(set(dashes[:3])) == 3
    assert dashes[0] == dashes[3]


def test_folds_of_monitored_trainings(monitored):
    fit = {"X_val": X[1::2], "y_val": LABELS[1::2]}
    result = cross_validate(monitored, X, LABELS, cv=3, return_estimator=True,
                            params=fit)  # fmt: skip
    display = LossCurveDisplay.from_cross_validate(result).plot()
    losses = [fold.history_["train_loss"] for fold in result["estimator"]]
    np.testing.assert_allclose(curve(display.lines_[1])[1], np.median(losses, axis=0))
    assert len(display.lines_) == len(display.bands_) == 7


@pytest.mark.parametrize(
    ("metric", "hint"),
    [
        ("validation_loss", "early_stopping=True, or X_val in fit"),
        ("train_score", "need return_train_score=True"),
    ],
)
def test_a_missing_metric_says_how_to_get_it(classifier, metric, hint):
    with pytest.raises(ValueError, match=hint):
        LossCurveDisplay.from_estimator(classifier).plot(show=metric)


@pytest.mark.parametrize(
    "metrics",
    [
        ["loss", "train_loss", "validation_loss"],
        ["loss", "validation_loss"],
        ["train_loss", "validation_loss"],
        ["train_score", "validation_score"],
        ["validation_a", "validation_b", "validation_c"],
        ["train_a", "train_b", "validation_a", "validation_b"],
        ["validation_score", "validation_a", "train_a"],
    ],
)
@pytest.mark.parametrize("beside", [False, True])
def test_no_two_metrics_look_alike(metrics, beside):
    looks = looks_of(metrics, beside)
    assert len({repr(look) for look in looks}) == len(metrics)
    solid = [look["linestyle"] == "-" for look in looks]
    assert solid == [
        name.startswith("train") or (name == "loss" and "train_loss" not in metrics)
        for name in metrics
    ]


def test_spreads_are_no_metrics():
    columns = ["epoch", "update", "loss", "loss_low", "loss_high", "learning_rate"]
    columns += ["validation_a", "validation_a_low", "validation_a_high", "n_training"]
    columns += ["train_loss", "validation_is_low"]
    assert metrics_in(columns) == [
        "loss", "train_loss", "validation_a", "validation_is_low",
    ]  # fmt: skip
