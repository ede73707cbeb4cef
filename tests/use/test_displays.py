"""What all displays share."""

import sys

import joblib
import matplotlib.pyplot as plt
import pytest
from drawn import DRAWN

import skoptnet.displays
from skoptnet.displays import (
    LossCurveDisplay,
    ScheduleDisplay,
    SolverGridDisplay,
    WeightsDisplay,
)
from skoptnet.displays._style import COLORS, styles

pytestmark = DRAWN


@pytest.mark.parametrize("name", ["LossCurveDisplay", "WeightsDisplay"])
def test_without_matplotlib_the_message_says_what_to_install(
    name, classifier, monkeypatch
):
    display = getattr(skoptnet.displays, name).from_estimator(
        classifier, **({"image_shape": (2, 2)} if name == "WeightsDisplay" else {})
    )
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skoptnet\[plot\]"'):
        display.plot()


def test_black_is_white_on_a_dark_background():
    assert styles(7)[-1]["color"] == "black"
    assert COLORS[-1] == "#000000"
    with plt.style.context("dark_background"):
        assert styles(7)[-1]["color"] == "white"


def test_displays_can_be_stored(tmp_path, validated, search):
    for display in (
        LossCurveDisplay.from_estimator(validated),
        SolverGridDisplay.from_cv_results(search),
        ScheduleDisplay.from_estimator(validated),
        WeightsDisplay.from_estimator(validated),
    ):
        joblib.dump(display, tmp_path / "display")
        again = joblib.load(tmp_path / "display")
        assert joblib.hash(vars(again)) == joblib.hash(vars(display))
        again.plot()
