"""Label smoothing: against torch, closed forms, and none at all."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import CANCER, KINDS, LABELS, X, assert_same_state, small
from sklearn.base import clone
from sklearn.preprocessing import scale

from skoptnet import MLPClassifierX
from skoptnet.losses import LOSSES

pytestmark = pytest.mark.filterwarnings("ignore:Maximum number of epochs")

RECORD = json.loads(
    (Path(__file__).parents[1] / "reference" / "label_smoothing.json").read_text()
)


def _name(run):
    return f"{run['task']}-{run['smoothing']}"


@pytest.mark.parametrize("run", RECORD["runs"], ids=_name)
def test_label_smoothing_is_torchs(run):
    z = np.array(RECORD["z"])
    if run["task"] == "multiclass":
        y = np.array(RECORD["classes"])
    else:
        y = np.array(RECORD["labels"], dtype=float)
    rule = LOSSES[f"smoothed_{run['task']}"](run["smoothing"])
    assert_allclose(rule.value(z, y, np), run["losses"], rtol=1e-12)
    assert_allclose(rule.delta(z, y, np), run["gradient"], rtol=1e-10, atol=1e-13)


SMOOTHED = {"binary": (scale(CANCER.data)[:200], CANCER.target[:200])}
SMOOTHED |= {"multiclass": (X, LABELS), "multilabel": (X, KINDS)}


@pytest.mark.parametrize("task", SMOOTHED)
def test_smoothed_labels_are_what_a_free_network_learns(task):
    """An intercept alone goes to the mean of the smoothed labels."""
    _, y = SMOOTHED[task]
    model = MLPClassifierX(
        (),
        label_smoothing=0.4,
        learning_rate_init=0.1,
        lr_schedule="exponential",
        decay_epochs=50,
        max_iter=500,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(np.zeros((len(y), 1)), y)
    probabilities = model.predict_proba([[0]])[0]
    if task == "multilabel":
        expected = 0.6 * y.mean(axis=0) + 0.2
    else:
        shares = np.unique(y, return_counts=True)[1] / len(y)
        expected = 0.6 * shares + 0.4 / len(shares)
    assert_allclose(probabilities, expected, atol=1e-4)
    entropy = -np.sum(expected * np.log(expected))
    if task == "multilabel":
        entropy -= np.sum((1 - expected) * np.log(1 - expected))
    assert model.loss_ == pytest.approx(entropy, abs=1e-3)


@pytest.mark.parametrize("task", SMOOTHED)
def test_label_smoothing_tempers_a_network_that_separates(task):
    rows, y = SMOOTHED[task]
    plain = MLPClassifierX((20,), learning_rate_init=0.03, random_state=0)
    smoothed = clone(plain).set_params(label_smoothing=0.2).fit(rows, y)
    plain.fit(rows, y)
    assert smoothed.score(rows, y) > 0.93
    assert np.abs(smoothed.decision_function(rows)).max() < 0.7 * (
        np.abs(plain.decision_function(rows)).max()
    )


@pytest.mark.parametrize("task", SMOOTHED)
def test_without_smoothing_nothing_changes(task):
    rows, y = SMOOTHED[task]
    plain = small(MLPClassifierX).fit(rows, y)
    none = small(MLPClassifierX, label_smoothing=0).fit(rows, y)
    least = small(MLPClassifierX, label_smoothing=1e-12).fit(rows, y)
    assert_same_state(plain, none)
    assert type(none._network.loss) is type(plain._network.loss)
    assert type(least._network.loss) is not type(plain._network.loss)
    assert_allclose(least.loss_curve_, plain.loss_curve_, rtol=1e-9)
