"""`summary` of a fitted model: layers, parameters, and how training ended."""

import pickle
import re
from functools import partial
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.exceptions import NotFittedError
from sklearn.metrics import f1_score, make_scorer

from skoptnet import Activation, MLPClassifierX, MLPRegressorX, Optimizer
from skoptnet.optimizers import AdamW
from skoptnet.schedules import Cosine, Piecewise, Warmup

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
A, b = load_diabetes(return_X_y=True)
#: Stops early, some epochs after the best one.
EARLY = {"early_stopping": True, "learning_rate_init": 0.3, "max_iter": 500}


def classifier(hidden=(5,), **settings):
    return MLPClassifierX(hidden, **{"random_state": 0, "max_iter": 3} | settings)


def end_of(model):
    return model.summary().training["end"]


# Layers.


@pytest.mark.parametrize("Estimator", [MLPClassifierX, MLPRegressorX])
def test_without_a_fit(Estimator):
    with pytest.raises(NotFittedError, match=Estimator.__name__):
        Estimator().summary()


def test_layers_are_a_table():
    model = classifier((7, 5), activation=["tanh", "silu"], dropout=(0.5, 0.0))
    layers = model.fit(X, y).summary().layers
    frame = pd.DataFrame(layers)
    assert frame["layer"].tolist() == ["hidden 1", "hidden 2", "output"]
    assert frame[["inputs", "outputs"]].to_numpy().tolist() == [[4, 7], [7, 5], [5, 3]]
    assert frame["activation"].tolist() == ["tanh", "silu", "softmax"]
    assert frame["dropout"].tolist() == [0.5, 0.0, 0.0]
    assert frame["parameters"].tolist() == [4 * 7 + 7, 7 * 5 + 5, 5 * 3 + 3]


MULTILABEL = make_multilabel_classification(n_samples=60, n_labels=2, random_state=0)


@pytest.mark.parametrize(
    ("model", "data", "last", "activation"),
    [
        (classifier(), (X, y > 0), 1, "logistic"),
        (classifier(), MULTILABEL, 5, "logistic"),
        (MLPRegressorX((5,), max_iter=3), (A, b), 1, "identity"),
        (MLPRegressorX((5,), max_iter=3), (A, np.c_[b, -b]), 2, "identity"),
        (MLPRegressorX((5,), loss="poisson", max_iter=3), (A, b), 1, "exp"),
        (
            MLPRegressorX((5,), loss="quantile", quantile=[0.1, 0.5, 0.9], max_iter=3),
            (A, b), 3, "cumulative_softplus",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parameters_are_those_of_the_arrays(model, data, last, activation, dtype):
    model.fit(data[0].astype(dtype), data[1])
    summary = model.summary()
    sizes = [
        W.size + b.size for W, b in zip(model.coefs_, model.intercepts_, strict=True)
    ]
    assert summary.layers["parameters"] == sizes
    assert summary.n_parameters == sum(sizes)
    assert summary.layers["outputs"][-1] == last
    assert summary.layers["activation"][-1] == activation
    assert np.dtype(dtype).name in summary.training["network"]


def test_no_hidden_layers():
    summary = classifier((), dropout=0.5).fit(X, y).summary()
    assert summary.layers["layer"] == ["output"]
    assert summary.n_parameters == 4 * 3 + 3
    assert "dropout" not in repr(summary)


def test_parts_of_ones_own_are_named():
    class Mine(Activation):
        def __init__(self, slope=1.0):
            self.slope = slope

        def forward(self, z, xp):
            z *= self.slope

        def backward(self, a, delta, xp):
            delta *= self.slope

    class Sign(Optimizer):
        default_learning_rate = 0.001

        def step(self, theta, g, state, rate, xp):
            theta -= rate * xp.sign(g)

    model = classifier(activation=Mine(2.0), solver=Sign()).fit(X, y)
    assert model.summary().layers["activation"] == ["Mine(slope=2)", "softmax"]
    assert model.summary().training["solver"].startswith("Sign(), learning rate 0.001,")


# Solver, schedule and regularisation.


def halved(clock, factor=0.5):
    return factor


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "adam, learning rate 0.001, schedule constant"),
        ({"solver": "lbfgs"}, "lbfgs"),
        ({"solver": "lbfgs", "max_fun": 99}, "lbfgs (max_fun=99)"),
        (
            {"solver": "momentum", "momentum": 0.5, "learning_rate_init": 0.25},
            "momentum (momentum=0.5), learning rate 0.25, schedule constant",
        ),
        (
            {"solver": AdamW(weight_decay=0.1), "lr_schedule": "cosine"},
            "AdamW(weight_decay=0.1), learning rate 0.001, schedule cosine",
        ),
        (
            {"lr_schedule": "step", "decay_epochs": 2},
            "adam, learning rate 0.001, schedule step (decay_epochs=2)",
        ),
        (
            {"lr_schedule": Warmup(Cosine(epochs=20), epochs=3)},
            "adam, learning rate 0.001, schedule"
            " Warmup(schedule=Cosine(epochs=20), epochs=3)",
        ),
        ({"lr_schedule": halved}, "adam, learning rate 0.001, schedule halved"),
        (
            {"lr_schedule": partial(halved, factor=0.1)},
            "adam, learning rate 0.001, schedule partial",
        ),
    ],
)
def test_solver_and_schedule(settings, text):
    assert classifier(**settings).fit(X, y).summary().training["solver"] == text


def test_long_parameters_are_shortened():
    schedule = Piecewise(milestones=list(range(1, 200)), factor=0.99)
    text = repr(classifier(lr_schedule=schedule).fit(X, y).summary())
    assert "schedule Piecewise(" in " ".join(text.split())
    assert len(text) < 1500


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "alpha=0.0001"),
        ({"alpha": 1, "l1_ratio": 0.5}, "alpha=1, l1_ratio=0.5"),
        ({"alpha": 0.5, "dropout": 0.25}, "alpha=0.5, dropout=0.25"),
        ({"dropout": [0.5, 0.0], "hidden": (3, 3)}, "alpha=0.0001, dropout=(0.5, 0)"),
        (
            {"label_smoothing": 0.1, "max_grad_norm": 5, "alpha": 0},
            "label_smoothing=0.1, max_grad_norm=5",
        ),
        ({"solver": AdamW(weight_decay=0.1), "alpha": 0}, "weight_decay=0.1"),
    ],
)
def test_regularisation(settings, text):
    summary = classifier(**settings).fit(X, y).summary()
    assert summary.training["regularisation"] == text


def test_no_regularisation_has_no_row():
    summary = classifier(alpha=0, solver="adam").fit(X, y).summary()
    assert "regularisation" not in summary.training
    assert "regularisation" not in repr(summary)


# Training and its end.


def test_epochs_updates_and_losses():
    model = classifier(batch_size=50, warm_start=True).fit(X, y).fit(X, y)
    training = model.summary().training
    assert training["trained for"] == "6 epochs, 18 updates (3 in the last call)"
    assert training["loss"].startswith(f"{model.loss_:.4g}, ")
    lbfgs = classifier(solver="lbfgs", max_iter=1).fit(X, y).summary()
    assert lbfgs.training["trained for"] == "1 iteration"


def test_the_lowest_loss_where_it_is_another():
    model = classifier(
        solver="gd",
        lr_schedule=lambda clock: 1e3 if clock.epoch else 1.0,
        learning_rate_init=0.01,
    ).fit(X, y)
    lowest = min(model.loss_curve_)
    assert lowest < model.loss_
    epoch = 1 + model.loss_curve_.index(lowest)
    said = f"{model.loss_:.4g} (lowest: {lowest:.4g} in epoch {epoch}), "
    assert model.summary().training["loss"].startswith(said)


def test_early_stopping_names_the_kept_epoch():
    model = classifier(**EARLY).fit(X, y)
    best, summary = model.best_epoch_, model.summary()
    assert 1 < best < model.n_iter_
    assert end_of(model) == (
        "The validation loss did not improve by 0.0001 (tol) for 10 epochs; the weights"
        f" of epoch {best} were kept."
    )
    loss = f"loss {-model.best_validation_score_:.4g} in epoch {best}"
    assert summary.training["validation"] == loss
    assert "lowest" not in summary.training["loss"]


def test_lbfgs_has_iterations():
    stopping = {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 500}
    model = classifier(solver="lbfgs", **stopping).fit(X, y)
    assert model.stop_reason_ == "early_stopping"
    training = model.summary().training
    assert training["validation"].endswith(f" in iteration {model.best_epoch_}")
    assert training["end"].endswith(
        f"for 3 iterations; the weights of iteration {model.best_epoch_} were kept."
    )
    assert "epoch" not in repr(model.summary())


def test_monitored_validation_keeps_no_epoch():
    model = classifier(learning_rate_init=1.0, max_iter=100, tol=0.0)
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    assert model.best_epoch_ < model.n_iter_
    training = model.summary().training
    best = f"loss {-model.best_validation_score_:.4g} in epoch {model.best_epoch_}"
    assert training["validation"] == best
    assert "kept" not in training["end"]


@pytest.mark.parametrize(
    ("scoring", "monitored"),
    [
        (None, "validation score"),
        ("neg_log_loss", "validation score (neg_log_loss)"),
        ("accuracy", "validation score (accuracy)"),
        (make_scorer(f1_score, average="macro"), "validation score (f1_score)"),
    ],
)
def test_scores_are_named(scoring, monitored):
    model = classifier(scoring=scoring, n_iter_no_change=1, tol=0.5, **EARLY).fit(X, y)
    begin = f"The {monitored} did not improve by 0.5 (tol) for 1 epoch; the weights"
    assert end_of(model).startswith(begin)
    best = f" {model.best_validation_score_:.4g} in epoch {model.best_epoch_}"
    assert model.summary().training["validation"].endswith(best)


def test_without_a_tolerance():
    model = classifier(tol=0, **EARLY).fit(X, y)
    assert end_of(model).startswith(
        "The validation loss did not improve for 10 epochs;"
    )


def test_refit_all():
    model = classifier(refit_all=True, **EARLY).fit(X, y)
    n = model.best_epoch_
    assert end_of(model).endswith(
        f"; a new network was then trained on all rows for {n} epochs."
    )
    assert model.summary().training["trained for"] == f"{n} epochs, {n} updates"


def ended_by(reason):
    """Return a model whose training ended for a reason."""
    if reason == "partial_fit":
        return classifier().partial_fit(X, y, classes=[0, 1, 2])
    settings = {
        "converged": {"n_iter_no_change": 2, "tol": 10, "max_iter": 50},
        "max_iter": {},
        "max_fun": {"solver": "lbfgs", "max_fun": 2, "max_iter": 50},
        "interrupted": {"lr_schedule": interrupts},
        "failed": {"lr_schedule": fails},
        "diverged": {"lr_schedule": explodes, "solver": "gd"},
    }[reason]
    model = classifier(**settings)
    try:
        model.fit(X, y)
    except RuntimeError:
        assert reason == "failed"
    assert model.stop_reason_ == reason
    return model


def interrupts(clock):
    if clock.epoch == 2:
        raise KeyboardInterrupt
    return 1.0


def fails(clock):
    if clock.epoch == 2:
        raise RuntimeError
    return 1.0


def explodes(clock):
    return 1e300 if clock.epoch == 2 else 0.01


@pytest.mark.filterwarnings("ignore:Training interrupted:UserWarning")
@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (
            "converged",
            r"The training loss did not improve by 10 \(tol\) for 2 epochs\.",
        ),
        ("max_iter", "Training reached max_iter=3."),
        ("max_fun", "L-BFGS reached max_fun=2 passes over the training set."),
        (
            "interrupted",
            "The user interrupted training; the weights of epoch 2 were kept.",
        ),
        (
            "failed",
            "Training failed with an error; the weights of epoch 2 were kept.",
        ),
        ("diverged", r"Training diverged; the weights of epoch \d were kept."),
        ("partial_fit", "partial_fit trained for one epoch."),
    ],
)
def test_the_end_is_a_sentence(reason, sentence):
    assert re.fullmatch(sentence, end_of(ended_by(reason)))


def test_later_parameters_are_not_those_of_the_fit():
    solver = AdamW(weight_decay=0.1)
    model = classifier(solver=solver, lr_schedule=lambda clock: 1.0).fit(X, y)
    before = repr(model.summary())
    solver.weight_decay = 0.5
    model.set_params(max_iter=77, alpha=5, lr_schedule="constant", dropout=0.5)
    assert repr(model.summary()) == before
    assert repr(pickle.loads(pickle.dumps(model)).summary()) == before


def test_with_weights_that_were_set():
    model = classifier().fit(X, y)
    before = model.summary().to_dict()
    model.coefs_ = [2 * W for W in model.coefs_]
    assert model.summary().to_dict() == before


# How it looks.


def test_as_text():
    model = classifier((20,), solver="lbfgs", max_iter=500, alpha=0.01).fit(X, y)
    text = repr(model.summary())
    assert text == str(model.summary())
    layers, training = text.replace(f"{model.loss_:.4g}", "LOSS").split("\n\n")[1:]
    assert layers.splitlines() == [
        "layer     shape    activation  parameters",
        "-----------------------------------------",
        "hidden 1  4 -> 20  relu               100",
        "output    20 -> 3  softmax             63",
        "-----------------------------------------",
        "total                                 163",
    ]
    assert training.splitlines() == [
        "network         4 -> 20 -> 3, float64",
        "solver          lbfgs",
        "regularisation  alpha=0.01",
        f"trained for     {model.n_iter_} iterations",
        "loss            LOSS, cross-entropy",
        "end             L-BFGS converged.",
    ]


def test_lines_are_no_longer_than_a_terminal():
    model = classifier(scoring="balanced_accuracy", refit_all=True, **EARLY).fit(X, y)
    assert max(map(len, repr(model.summary()).splitlines())) <= 80


def test_as_html():
    model = classifier(lr_schedule=lambda clock: 1.0).fit(X, y)
    text = model.summary()._repr_html_()
    assert "<lambda>" not in text
    assert "schedule &lt;lambda&gt;" in text
    assert "4 -&gt; 5" in text
    assert "color" not in text  # the page's own, light or dark
    _, layers, training = ElementTree.fromstring(text)
    cells = [[cell.text for cell in row] for row in layers.iter("tr")]
    assert cells == [
        ["layer", "shape", "activation", "parameters"],
        ["hidden 1", "4 -> 5", "relu", "25"],
        ["output", "5 -> 3", "softmax", "18"],
        ["total", None, None, "43"],
    ]
    rows = {name.text: value.text for name, value in training.iter("tr")}
    assert rows == model.summary().training


def test_as_a_dict():
    summary = classifier().fit(X, y).summary()
    values = summary.to_dict()
    assert values["model"] == "MLPClassifierX"
    assert values["n_parameters"] == 43
    assert values["layers"] == summary.layers
    assert values["end"] == "Training reached max_iter=3."
    values["layers"]["layer"].clear()
    assert summary.layers["layer"] == ["hidden 1", "output"]


def test_the_estimators_own_html_is_sound():
    """scikit-learn's diagram, which shows fitted attributes from release 1.9 on."""
    model = classifier(lr_schedule=lambda clock: 1.0).fit(X, y)
    text = model._repr_html_()
    assert "MLPClassifierX" in text
    assert "_settings" not in text
