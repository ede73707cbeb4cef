r"""
Weights of a hidden layer: L2 and L1 penalties
==============================================

A hidden unit has one incoming weight per feature, so the weights of a network on images
can be drawn as images. Without a penalty they keep their random start. An L2 penalty
removes this noise and leaves pen strokes. On a table, an L1 penalty selects the columns
that the network uses.
"""

# %%
# Two networks of 16 hidden units learn handwritten digits, the second with a strong L2
# penalty, :math:`\alpha / 2n \cdot \lVert W \rVert^2`.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import MLPClassifierX
from skoptnet.displays import WeightsDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.25, stratify=y, random_state=0
)
settings = {"learning_rate_init": 0.01, "max_iter": 500, "random_state": 0}
plain = MLPClassifierX((16,), alpha=0, **settings).fit(X_train, y_train)
penalised = MLPClassifierX((16,), alpha=3, **settings).fit(X_train, y_train)
for name, model in {"alpha=0": plain, "alpha=3": penalised}.items():
    print(f"{name}: test accuracy {model.score(X_test, y_test):.1%}")

# %%
# Each image is a unit. Ink on a red pixel raises the unit's output, ink on a blue pixel
# lowers it. Without a penalty there is noise all over, even at the edges, which are
# empty in nearly all digits: those weights still have their random first values, since
# no gradient moves them. Some units, such as 1 and 5, have hardly learnt anything.

WeightsDisplay.from_estimator(plain).plot()
plt.show()

# %%
# With the penalty the edges are empty and useless units are gone. The other units show
# strokes and the gaps between them.

WeightsDisplay.from_estimator(penalised).plot()
plt.show()

# %%
# The distributions of the weights of all layers: the penalty draws the weights towards
# zero and does not apply to the biases.

WeightsDisplay.from_estimator(penalised, kind="distributions").plot()
plt.show()

# %%
# Feature selection by an L1 penalty
# ----------------------------------
#
# With an L1 penalty (``l1_ratio=1``) most weights are exactly 0. On a table of thirty
# columns, two of the four hidden units and more than half of the columns are unused.

data = load_breast_cancer(as_frame=True)
model = make_pipeline(
    StandardScaler().set_output(transform="pandas"),
    MLPClassifierX(
        (4,),
        alpha=8,
        l1_ratio=1,
        batch_size=10_000,
        learning_rate_init=0.01,
        max_iter=2000,
        random_state=0,
    ),
).fit(data.data, data.target)
network = model[-1]
read = (network.coefs_[0] != 0).any(axis=1)
print(f"the network uses {read.sum()} of {len(read)} columns:")
print(*data.data.columns[read], sep="\n")

WeightsDisplay.from_estimator(model, kind="bars").plot()
plt.show()
