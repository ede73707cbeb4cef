"""
Class weights or another threshold for a rare class?
====================================================

One row in twenty is of the class that matters. ``class_weight="balanced"`` finds far
more of these rows than the default does, but pays for it with its probabilities, which
are then much too high. Moving the threshold of an unweighted model finds about as many,
and leaves the probabilities as they should be.
"""

# %%
# Two models, and one threshold
# -----------------------------
#
# The two networks differ in ``class_weight`` only. With ``"balanced"`` a row of the
# rare class counts about 18 times as much as another, in training and in validation.
# Both stop where the loss of their validation rows is least. The third model is the
# first once more, with a threshold that `TunedThresholdClassifierCV` chooses by
# cross-validation: that of the best balanced accuracy, the mean of the shares that are
# found of either class.

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
print(f"{'':28} found  right  balanced accuracy  log loss")
for name, model in models.items():
    predicted = model.fit(X, y).predict(X_test)
    print(
        f"{name:28} {recall_score(y_test, predicted):5.0%}"
        f" {precision_score(y_test, predicted):6.0%}"
        f" {balanced_accuracy_score(y_test, predicted):18.2f}"
        f" {log_loss(y_test, model.predict_proba(X_test)):9.3f}"
    )
threshold = models["no weights, threshold tuned"].best_threshold_
print(f"the threshold tuned: {threshold:.3f}; rare rows: {y.mean():.1%}")

# %%
# *Found* is recall, the share of the rare rows that are named; *right* is precision,
# the share of the named rows that are rare. With a threshold of 0.5 the plain network
# names few rows, mostly right. That is no fault: it says "rare" where that is more
# likely than not, and there are few such places. Weights and threshold both trade
# precision for recall.
#
# The same trade at all thresholds
# --------------------------------
#
# A row that counts k times is a row that is there k times. So the weighted network
# predicts odds that are k times too high, and divided by k they are those of the data
# again: :math:`p = p_w / (p_w + k (1 - p_w))`, k being the ratio of the weights.

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

right.plot([0, 1], [0, 1], ":", color="0.5", label="what is said, happens")
for name, p_rare, color, style in [
    ("no weights", p, blue, "-o"),
    ("balanced", p_w, red, "--s"),
    ("balanced, odds / k", corrected, green, "-.^"),
]:
    share, mean = calibration_curve(y_test, p_rare, n_bins=5)
    label = f"{name} (log loss {log_loss(y_test, p_rare):.2f})"
    right.plot(mean, share, style, color=color, label=label)
right.set(xlabel="probability of the rare class, predicted", ylim=(0, 1.4))
right.set_ylabel("share of rare rows among those")
right.set_yticks([0, 0.25, 0.5, 0.75, 1])
right.legend(loc="upper left")
plt.show()

# %%
# On the left, the plain network has the better precision at nearly every recall: here,
# weights bring nothing that a threshold does not, since they make the gradient hang on
# few rows. On the right, the weighted network says 90% where it should say 30%;
# dividing the odds repairs most of it. Weights are of use where a model has no
# threshold to move, as in a comparison by accuracy, or where rows of one class do
# matter more to the shape of the boundary. Where probabilities are needed, leave the
# weights out.
