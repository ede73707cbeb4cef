"""Weights as images, bars and distributions.

Artists are asked for their data; what they should have comes from elsewhere.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import DRAWN
from problems import DIGITS, LABELS, NUMBERS, X, small
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skoptnet import MLPClassifierX, MLPRegressorX
from skoptnet.displays import WeightsDisplay

pytestmark = DRAWN


@pytest.fixture(scope="module")
def of_digits():
    rows = DIGITS.data[:200] / 16
    return small(MLPClassifierX).fit(rows, DIGITS.target[:200])


def test_images_are_the_weights_of_units(of_digits):
    display = WeightsDisplay.from_estimator(of_digits).plot()
    W = of_digits.coefs_[0]
    assert len(display.images_) == 5
    for unit, image in enumerate(display.images_):
        assert np.array_equal(image.get_array(), W[:, unit].reshape(8, 8))
        assert image.get_clim() == (-np.abs(W).max(), np.abs(W).max())
    assert display.colorbar_.ax.get_ylabel() == "weight"
    assert [ax.get_title() for ax in display.axes_] == [f"unit {i}" for i in range(5)]
    chosen = WeightsDisplay.from_estimator(
        of_digits, units=[4, 1], image_shape=(4, 16)
    ).plot()
    assert np.array_equal(chosen.images_[0].get_array(), W[:, 4].reshape(4, 16))
    display.coefs[0][:] = 0
    assert W.any()


def test_no_more_than_25_images_unless_chosen():
    model = MLPClassifierX((30,), max_iter=1, random_state=0)
    model.fit(DIGITS.data[:100], DIGITS.target[:100])
    display = WeightsDisplay.from_estimator(model).plot()
    assert len(display.images_) == 25
    assert display.ax_.get_title() == "$W_{1}$, 25 of 30 units"
    all_of_them = WeightsDisplay.from_estimator(model, units=range(30)).plot()
    assert len(all_of_them.images_) == 30


def test_bars_have_the_names_of_features():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    plain = small(MLPClassifierX).fit(frame, LABELS)
    pipeline = make_pipeline(StandardScaler(), small(MLPClassifierX))
    pipeline.fit(frame, LABELS)
    for model, net in ((plain, plain), (pipeline, pipeline[-1])):
        display = WeightsDisplay.from_estimator(model, kind="bars", units=[2, 0]).plot()
        ticks = [tick.get_text() for tick in display.axes_[0].get_yticklabels()]
        assert ticks == ["a", "b", "c", "d"]
        widths = [bar.get_width() for bar in display.bars_[0]]
        assert np.array_equal(widths, net.coefs_[0][:, 2])
    nameless = make_pipeline(FunctionTransformer(np.asarray), small(MLPClassifierX))
    display = WeightsDisplay.from_estimator(nameless.fit(frame, LABELS), kind="bars")
    assert display._input_names() == [f"feature {i}" for i in range(4)]
    outputs = WeightsDisplay.from_estimator(plain, layer=-1, kind="bars").plot()
    assert [ax.get_title() for ax in outputs.axes_] == [
        f"class {label}" for label in plain.classes_
    ]
    assert outputs.axes_[0].get_yticklabels()[0].get_text() == "unit 0"
    renamed = WeightsDisplay.from_estimator(plain, kind="bars", feature_names="wxyz")
    assert renamed._input_names() == ["w", "x", "y", "z"]


def test_distributions_count_every_weight(of_digits):
    _, ax = plt.subplots()
    display = WeightsDisplay.from_estimator(of_digits, kind="distributions").plot(ax)
    counts = [sum(bar.get_height() for bar in bars) for bars in display.bars_]
    assert counts == [64 * 5, 5, 5 * 10, 10]
    assert display.ax_ is ax
    assert display.axes_[0].get_title() == "$W_{1}$: 64 \u00d7 5"


def test_many_bars_and_regression_outputs(of_digits):
    display = WeightsDisplay.from_estimator(of_digits, kind="bars").plot()
    assert display.axes_[0].get_ylabel() == "feature"
    two = small(MLPRegressorX).fit(X, np.column_stack([NUMBERS, X[:, 0]]))
    outputs = WeightsDisplay.from_estimator(two, layer=1, kind="bars").plot()
    assert [ax.get_title() for ax in outputs.axes_] == ["output 0", "output 1"]
    binary = small(MLPClassifierX).fit(X, LABELS == "setosa")
    (one,) = WeightsDisplay.from_estimator(binary, layer=1, kind="bars").plot().axes_
    assert one.get_title() == "class True"


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, r"image_shape must be given: the 5 weights"),
        ({"layer": 2}, r"layer must be an int from -2 to 1"),
        ({"layer": 0, "image_shape": (3, 3)}, r"must be \(rows, columns\) of 64"),
        ({"layer": 0, "units": [5]}, r"units must be ints from 0 to 4"),
        ({"layer": 0, "units": []}, r"units must be ints from 0 to 4"),
        ({"layer": 0, "kind": "pies"}, r"kind must be one of"),
        ({"layer": 0, "kind": "bars", "feature_names": ["a"]}, r"must be 64 names"),
    ],
)
def test_refusals_of_weights(of_digits, options, match):
    with pytest.raises(ValueError, match=match):
        WeightsDisplay.from_estimator(of_digits, **{"layer": 1, **options})
