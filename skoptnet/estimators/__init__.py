"""The two estimators: check and encode input, hand over, keep the results.

`base` has what both share, `classifier` and `regressor` what they tell apart, `fitted`
what both have once they are fitted, `inputs` the checks of data, `class_weights` and
`validation` what their names say, `calls` what a call of fit is and how it fails,
`jobs` what it trains, `watchers` what looks on, `reports` what a user is told,
`convert` the way to scikit-learn's own, `hidden` the transformer that takes rows to a
hidden layer. What happens between is in `skoptnet.training` (the loop),
`skoptnet.network` (loss and gradient) and `skoptnet.optimizers` (the updates).
This room is the only one that knows scikit-learn's data conventions: labels, feature
names, tags, warnings.
"""

from .classifier import MLPClassifierX
from .hidden_activations import HiddenActivations
from .regressor import MLPRegressorX

__all__ = ["HiddenActivations", "MLPClassifierX", "MLPRegressorX"]
