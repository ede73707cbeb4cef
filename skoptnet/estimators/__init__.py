"""The estimators: scikit-learn's classifier and regressor around the training.

- ``base``: `MLP`, parameters, `fit` and abstract methods of both estimators
- ``classifier``, ``regressor``: `MLPClassifierX` and `MLPRegressorX`
- ``labels``: the classes of a classifier, and the encoding of its labels
- ``label_kinds``: one label per row, or a 0/1 matrix
- ``fitting``: `Fit`, one call of `fit` or `partial_fit`
- ``fit_blocks``: `BlocksFit`, one call of `fit_blocks`, whose rows come in blocks
- ``block_sources``: `ArrayBlocks` and `ParquetBlocks`, blocks of arrays and files
- ``block_reading``, ``block_targets``: checks of the blocks, and their targets together
- ``parts``: `Parts`, the objects that the parameters stand for
- ``partial_fit``: the conditions under which an estimator has `partial_fit`
- ``prediction``: `Fitted`, fitted attributes and raw outputs
- ``summary``: `Summary`, the layers and the training of a fitted model
- ``weights``: `Weights`, behind ``coefs_`` and ``intercepts_``, which users may set
- ``arrays``: rows, labels and targets of any library as NumPy arrays
- ``inputs``: checks of parameters, rows and targets
- ``unused``: the warning about parameters that have no effect
- ``target_scaling``: `TargetScaling`, the normalisation of a regressor's targets
- ``class_weights``: `ClassWeights`, the weight of each row by its class
- ``validation``: loss and scores of validation and training rows after each epoch
- ``validation_split``: the rows that early stopping holds out
- ``validation_units``: a warning where validation data are in another unit
- ``baseline``: comparison with the best constant, and reasons for a failure
- ``sample_weights``: checks, products and sums of sample weights
- ``convergence_warnings``: warnings about the end of a training
- ``verbose``: printed lines, or a display of the progress
- ``progress``, ``progress_displays``: its state, its bars and its lines
- ``sklearn_callbacks``: scikit-learn's callbacks
- ``to_sklearn``: conversion to scikit-learn's own estimators
- ``hidden_activations``: `HiddenActivations`, a transformer
- ``wrapped``: `network_in`, the network inside a pipeline, a search and the like

Only this package knows scikit-learn's data conventions: labels, feature names, tags,
warnings. The training itself is in `skoptnet.training` (the loop), `skoptnet.network`
(loss and gradient) and `skoptnet.optimizers` (the updates).
"""

from .block_sources import ArrayBlocks, ParquetBlocks
from .classifier import MLPClassifierX
from .hidden_activations import HiddenActivations
from .regressor import MLPRegressorX

__all__ = [
    "ArrayBlocks",
    "HiddenActivations",
    "MLPClassifierX",
    "MLPRegressorX",
    "ParquetBlocks",
]
