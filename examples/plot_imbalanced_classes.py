"""
Imbalanced classes: class weights, recall and precision
=======================================================

One row in twenty is of the positive class. ``class_weight="balanced"`` has a far higher
recall than the default, but its probabilities are much too high. Tuning the decision
threshold of an unweighted model gives about the same recall, and the probabilities stay
calibrated.
"""

# %%
# Class weights and a tuned threshold
# -----------------------------------
#
# The two networks differ in ``class_weight`` only. With ``"balanced"`` a row of the
# rare class counts about 18 times as much as another, in training and in validation.
# Both stop at the lowest validation loss. The third model is the first one with a
# threshold that `TunedThresholdClassifierCV` chooses by cross-validation. It maximises
# the balanced accuracy, which is the mean recall of the two classes.

import matplotlib.pyplot as plt
from sklearn.calibration import calibration_curve
from sklearn.datasets import make_classification
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    log_loss,
    precision_recall_curve,
    precision_score,
    recall_score,
)
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from skoptnet import MLPClassifierX

X, y = make_classification(
    12_000,
    n_informative=6,
    n_clusters_per_class=3,
    weights=[0.95],
    class_sep=0.9,
    random_state=0,
)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
settings = {"early_stopping": True, "random_state": 0}
plain = MLPClassifierX((50,), **settings)
weighted = MLPClassifierX((50,), class_weight="balanced", **settings)
models = {
    "no weights": plain,
    "balanced": weighted,
    "no weights, threshold tuned": TunedThresholdClassifierCV(
        plain, scoring="balanced_accuracy"
    ),
}
print(f"{'':28} recall  precision  balanced accuracy  log loss")
for name, model in models.items():
    predicted = model.fit(X, y).predict(X_test)
    print(
        f"{name:28} {recall_score(y_test, predicted):6.0%}"
        f" {precision_score(y_test, predicted):10.0%}"
        f" {balanced_accuracy_score(y_test, predicted):18.2f}"
        f" {log_loss(y_test, model.predict_proba(X_test)):9.3f}"
    )
threshold = models["no weights, threshold tuned"].best_threshold_
print(f"tuned threshold: {threshold:.3f}; rare rows: {y.mean():.1%}")

# %%
# Recall is the share of the rare rows that the model predicts as rare; precision is the
# share of these predictions that are correct. With a threshold of 0.5 the unweighted
# network has a low recall and a high precision. That is correct: it predicts "rare"
# where that is more likely than not, which is seldom. Weights and a lower threshold
# both trade precision for recall.
#
# Precision-recall curve and calibration
# --------------------------------------
#
# A row of weight k counts like k equal rows. So the odds that the weighted network
# predicts are k times too high, k being the ratio of the weights. Dividing them by k
# corrects the probabilities: :math:`p = p_w / (p_w + k (1 - p_w))`.

p = plain.fit(X, y).predict_proba(X_test)[:, 1]
p_w = weighted.predict_proba(X_test)[:, 1]
k = (1 - y.mean()) / y.mean()
corrected = p_w / (p_w + k * (1 - p_w))

blue, red, green = "#0072B2", "#D55E00", "#009E73"
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained")
for name, p_rare, color, style in [
    ("no weights", p, blue, "-o"),
    ("balanced", p_w, red, "--s"),
]:
    precision, recall, _ = precision_recall_curve(y_test, p_rare)
    area = average_precision_score(y_test, p_rare)
    label = f"{name} (average precision {area:.2f})"
    left.plot(recall, precision, style[:-1], color=color, label=label)
    named = p_rare > 0.5
    point = recall_score(y_test, named), precision_score(y_test, named)
    left.plot(*point, style[-1], color=color, markersize=8)
named = p > threshold
point = recall_score(y_test, named), precision_score(y_test, named)
left.plot(*point, "*", color=blue, markersize=14)
left.set(xlabel="recall", ylabel="precision", ylim=(0, 1.4))
left.set_yticks([0, 0.25, 0.5, 0.75, 1])
left.legend(title="marker: threshold 0.5; star: tuned", loc="upper right")

right.plot([0, 1], [0, 1], ":", color="0.5", label="perfectly calibrated")
for name, p_rare, color, style in [
    ("no weights", p, blue, "-o"),
    ("balanced", p_w, red, "--s"),
    ("balanced, odds / k", corrected, green, "-.^"),
]:
    share, mean = calibration_curve(y_test, p_rare, n_bins=5)
    label = f"{name} (log loss {log_loss(y_test, p_rare):.2f})"
    right.plot(mean, share, style, color=color, label=label)
right.set(xlabel="predicted probability of the rare class", ylim=(0, 1.4))
right.set_ylabel("observed share of rare rows")
right.set_yticks([0, 0.25, 0.5, 0.75, 1])
right.legend(loc="upper left")
plt.show()

# %%
# On the left, the unweighted network has the better precision at nearly every recall.
# Here weights have no advantage over a threshold, since they make the gradient depend
# on few rows. On the right, the weighted network predicts 90% where 30% would be
# correct; dividing the odds repairs most of this. Weights help where the threshold
# cannot be changed, as in a comparison by accuracy, or where one class matters more for
# the shape of the boundary. If you need probabilities, use no weights.
