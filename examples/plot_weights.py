r"""
What does a hidden unit look for?
=================================

The incoming weights of a unit are as many as there are features, so those of a network
on images are images. Left alone, they keep the noise they began with; a penalty takes
away what the data do not ask for, and strokes are left. On a table, the same weights
say which columns a network reads at all.
"""

# %%
# Two networks of 16 hidden units learn the handwritten digits, one of them with a
# strong L2 penalty, :math:`\alpha / 2n \cdot \lVert W \rVert^2`.

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
    print(f"{name}: {model.score(X_test, y_test):.1%} of the test digits are read")

# %%
# Each image is a unit: where a pixel is red, ink makes the unit's output larger, where
# it is blue, smaller. Without a penalty there is noise all over, also at the edges,
# which are white in nearly all digits: those weights are the ones they were drawn as,
# since nothing moves them. Some units, such as 1 and 5, have hardly learnt anything.

WeightsDisplay.from_estimator(plain).plot()
plt.show()

# %%
# With the penalty the edges are empty, units that are of no use are gone, and what is
# left are strokes and the gaps between them.

WeightsDisplay.from_estimator(penalised).plot()
plt.show()

# %%
# The same in numbers, for all layers: the penalty draws weights together, and leaves
# the biases alone.

WeightsDisplay.from_estimator(penalised, kind="distributions").plot()
plt.show()

# %%
# A table has names instead of pixels. With an L1 penalty (``l1_ratio=1``) most weights
# are exactly 0: two of the four hidden units are not used, and the network does without
# more than half of the thirty columns.

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
print(f"{read.sum()} of {len(read)} columns are read:")
print(*data.data.columns[read], sep="\n")

WeightsDisplay.from_estimator(model, kind="bars").plot()
plt.show()
