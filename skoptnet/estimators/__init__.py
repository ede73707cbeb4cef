"""The two estimators: check and encode input, hand over, keep the results.

`base` has what both share, `classifier` and `regressor` what they tell apart, `inputs`
the checks of data, `calls` what a call is and how it fails without a trace, `reports`
what a user is told. What happens between is in `skoptnet.training` (the loop),
`skoptnet.network` (loss and gradient) and `skoptnet.optimizers` (the updates). This
room is the only one that knows scikit-learn's data conventions: labels, feature names,
tags, warnings.
"""

from .classifier import MLPClassifierX
from .regressor import MLPRegressorX

__all__ = ["MLPClassifierX", "MLPRegressorX"]
