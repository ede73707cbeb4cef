r"""
Calibration: do predicted probabilities come true?
==================================================

Of the rows with a predicted probability of 80%, four in five should be of the class.
`TabularMLPClassifier` chooses one number, the temperature, so that its probabilities
fit rows that its networks have not seen. This example compares its calibration curve
with that of gradient-boosted trees.
"""

# %%
# Labels with errors
# ------------------
#
# A fifth of the labels is drawn at random, so no model can be sure of any row. A model
# that memorises the training labels becomes overconfident. The curve of a single data
# set depends on chance, so there are five, each with 500 training rows.

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import load_breast_cancer, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

from skoptnet import TabularMLPClassifier

models = {
    "trees": HistGradientBoostingClassifier(random_state=0),
    "networks": TabularMLPClassifier(random_state=0),
}
targets, found, temperatures = [], {name: [] for name in models}, []
for seed in range(5):
    X, y = make_classification(
        2500, n_informative=8, flip_y=0.2, class_sep=0.8, random_state=seed
    )
    targets.append(y[500:])
    for name, model in models.items():
        model.fit(X[:500], y[:500])
        found[name].append(model.predict_proba(X[500:])[:, 1])
    temperatures.append(model.temperature_)
y = np.concatenate(targets)


def calibration_error(p, n_bins=10):
    """Return the expected calibration error of probabilities of class 1."""
    bins = np.minimum((p * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=p - y, minlength=n_bins)
    return np.abs(gaps).sum() / len(y)


# %%
# The expected calibration error (ECE) is the distance between predicted and observed
# share, averaged over bins of equal width, weighted by their rows.
#
# Calibration curves
# ------------------
#
# Both models have their default parameters. On the diagonal, probabilities come true.

figure, axes = plt.subplots(
    2, 1, figsize=(6, 6.4), height_ratios=[3, 1], sharex=True, layout="constrained"
)
for name, color, style in [("trees", "#D55E00", "--s"), ("networks", "#0072B2", "-o")]:
    p = np.concatenate(found[name])
    CalibrationDisplay.from_predictions(
        y,
        p,
        n_bins=10,
        name=f"{name} (ECE {calibration_error(p):.3f})",
        ax=axes[0],
        color=color,
        marker=style[-1],
        linestyle=style[:-1],
    )
    axes[1].hist(p, np.linspace(0, 1, 21), histtype="step", color=color, ls=style[:-1])
    print(f"{name:9} accuracy {accuracy_score(y, p > 0.5):.3f}", end="")
    print(f"  log loss {log_loss(y, p):.3f}  ECE {calibration_error(p):.3f}")
axes[0].set(xlabel="", ylabel="observed share of class 1")
axes[1].set(xlabel="predicted probability of class 1", ylabel="rows")
plt.show()

# %%
# Half of the trees' probabilities are below 5% or above 95%, and are wrong far too
# often there: their curve is flatter than the diagonal. The curve of the networks is
# nearer to it, and a little too steep in between. Their log loss, which also depends on
# how many rows are predicted right, is lower, too.
#
# The temperature
# ---------------
#
# The networks are trained on smoothed labels, which pulls probabilities towards the
# middle; overfitting pushes them outwards. Dividing the raw outputs by the temperature
# corrects both together. Above 1, it moves probabilities towards the middle, below 1
# outwards. It has one parameter, so it cannot correct every curve.

print("temperatures", np.round(temperatures, 2))

# %%
# Many of these labels are wrong. Overfitting then changes the probabilities at least as
# much as smoothing does, so the temperatures are 1 or higher. Few labels of the breast
# cancer data are wrong. There, smoothing has the larger effect, and a temperature below
# 1 lowers the log loss:

X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
model = TabularMLPClassifier(random_state=0).fit(X, y)
z = model.decision_function(X_test)
print(f"temperature {model.temperature_:.2f}")
for name, raw in (("with", z), ("without", z * model.temperature_)):
    print(f"{name:8} log loss {log_loss(y_test, expit(raw)):.3f}")
