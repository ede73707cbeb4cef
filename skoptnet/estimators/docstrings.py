"""Parameters, attributes and notes, as the estimators' docstrings have them."""

from textwrap import indent
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)

_LAYERS = """\
Parameters
----------
hidden_layer_sizes : int or array-like of int, default=(100,)
    Number of units of each hidden layer, each at least 1; () is a linear model.
activation : str, Activation or list of these, default='relu'
    Activation of the hidden layers, or a list or tuple with one for each of them:
    ``'identity'``, ``'logistic'``, ``'tanh'``, ``'relu'``, ``'leaky_relu'``,
    ``'elu'``, ``'selu'``, ``'gelu'``, ``'silu'``, ``'mish'``, ``'softplus'``, or an
    `Activation` object (``LeakyReLU(slope=0.1)``, or of a class of your own, which
    trains without the compiled kernels)."""

_SOLVER = """\
solver : str or Optimizer, default='adam'
    One of ``'gd'``, ``'sgd'``, ``'momentum'``, ``'nesterov'``, ``'adagrad'``,
    ``'rmsprop'``, ``'adam'``, ``'adadelta'``, ``'rmsprop_nesterov'``,
    ``'centered_rmsprop'``, ``'adamw'``, ``'amsgrad'``, ``'adamax'``, ``'nadam'``,
    ``'radam'``, ``'yogi'``, ``'adabelief'``, ``'adan'``, ``'lion'``,
    ``'schedule_free_adamw'``, ``'muon'``, ``'lbfgs'``, or an `Optimizer` object.
    The hyperparameters below that belong to solvers are read by those that are named
    there only; with an object, none of them is, and those of the object can be searched
    as ``solver__momentum`` and so on. ``'lbfgs'`` is
    SciPy's quasi-Newton method on the whole training set: where this page speaks of
    epochs, read iterations; it chooses its steps itself, so ``batch_size``,
    ``learning_rate_init``, ``lr_schedule``, ``shuffle`` and ``momentum`` are not
    read; there is no `partial_fit`.
momentum : float in [0, 1], default=0.9
    Share of the velocity kept per update, for ``'momentum'`` and ``'nesterov'``. Not
    read while ``lr_schedule='one_cycle'`` moves it.
rho : float in [0, 1), default=0.9
    Decay rate of the average of squared gradients, for ``'rmsprop'``.
beta_1 : float in [0, 1), default=0.9
    Decay rate of the first moment, for ``'adam'``. Not read while
    ``lr_schedule='one_cycle'`` moves it.
beta_2 : float in [0, 1), default=0.999
    Decay rate of the second moment, for ``'adam'``.
epsilon : float in (0, inf) or None, default=None
    Small constant for numerical stability, for ``'adagrad'``, ``'rmsprop'`` and
    ``'adam'``. None takes the solver's default: 1e-7, 1e-6, 1e-8.
max_fun : int, default=15000
    Passes over the training set after which ``'lbfgs'`` ends; each iteration takes
    one or more."""

_RATE = """\
learning_rate_init : float in (0, inf) or 'auto', default='auto'
    Initial learning rate; ``'auto'`` takes the solver's default.
lr_schedule : str, Schedule or callable, default='constant'
    How the rate changes during training, for every solver but ``'lbfgs'``.
    ``'step'`` and ``'exponential'`` fall by ``decay_rate`` per ``decay_epochs``;
    ``'invscaling'`` divides by ``(N + 1) ** power_t``, N being the samples seen in
    finished epochs; ``'adaptive'`` divides by 5 where ``n_iter_no_change`` epochs in
    a row bring no improvement of ``tol``, and ends training there once the rate is
    1e-6 or less. Over the planned run (see ``max_iter``), ``'cosine'``, ``'linear'``
    and ``'polynomial'`` fall to 0, ``'one_cycle'`` rises to ``learning_rate_init`` and
    falls, moving a momentum the other way, and ``'coslog'`` rises and falls four
    times. Others count epochs from the first: ``'cosine_restarts'``,
    ``'piecewise'`` (a tenth after 100, and after 150), ``'inverse_sqrt'``
    and ``'warmup'`` (both rise over 5 epochs; then the one falls, the other
    stays). ``'plateau'`` divides by 10 where 6 epochs in a row bring no lower training
    loss, and ends nothing. The objects (``Cosine(epochs=50)``,
    ``Warmup('one_cycle', epochs=2)``) have parameters of their own. With one,
    ``decay_rate``, ``decay_epochs`` and ``power_t`` are not read. A callable takes a
    `skoptnet.schedules.Clock` and returns the factor on ``learning_rate_init``.
decay_rate : float in (0, 1], default=0.5
    Factor on the rate per ``decay_epochs`` epochs, for ``'step'`` and
    ``'exponential'``.
decay_epochs : float in (0, inf), default=10
    Epochs in which the rate falls by ``decay_rate``.
power_t : float in [0, inf), default=0.5
    Exponent of ``'invscaling'``."""

_REGULARISATION = """\
alpha : float in [0, inf), default=0.0001
    Strength of the penalty on the weights (not the biases), L2 unless ``l1_ratio``
    says otherwise. It is divided by the weight sum of the training set.
l1_ratio : float in [0, 1], default=0.0
    Share r of the penalty that is L1, as in `sklearn.linear_model.ElasticNet`: the
    sum of :math:`r \\lvert w \\rvert + (1 - r) w^2 / 2` over the weights w, times
    :math:`\\alpha / n`. L1 makes weights exactly 0: a weight stops at 0 where an update
    would change its sign, and stays there while the gradient of all else is no larger
    than :math:`\\alpha r / n`. Gradients of minibatches scatter, so some weights that
    belong at 0 are only near it; where the zeros count, take all rows at a time
    (``batch_size=n_samples``) and let the rate decay. Not with ``'lbfgs'``.
dropout : float in [0, 1) or list of these, default=0.0
    Share of the units of every hidden layer that each update leaves out, drawn anew
    for each row (Srivastava et al., 2014); or a list or tuple with one number per
    hidden layer, 0 for those that stay whole. Inputs and outputs are never left out,
    so without hidden layers a number has no effect. What stays is divided by 1 less
    this share; predictions, validation metrics and scores are those of all units,
    ``loss_curve_`` is that of the units that stayed. Not with ``'lbfgs'``.
max_grad_norm : float in (0, inf) or None, default=None
    Gradients of a minibatch whose Euclidean norm, over all weights and biases, is
    larger are shortened to this before the solver sees them (Pascanu, Mikolov and
    Bengio, 2013). Not read by ``'lbfgs'``."""

_EPOCHS = """\
batch_size : int or 'auto', default='auto'
    Samples per update; ``'auto'`` is 200. A number above ``n_samples`` means all of
    them. ``'gd'`` and ``'lbfgs'`` always take all.
max_iter : int, default=200
    Maximum number of epochs (of iterations, for ``'lbfgs'``). Each call of `fit`
    has as many. It is also the plan that schedules as ``'cosine'`` follow: they end so
    many epochs after those finished before the call, or for `partial_fit`, after so
    many in all, to stay at their last rate. To have warm starts follow one plan, name
    its epochs: ``Cosine(epochs=50)``.
tol : float in [0, inf), default=1e-4
    An epoch counts as an improvement if the training loss falls, or with
    ``early_stopping`` the validation score rises, by at least this. ``'lbfgs'``
    ends where no element of the gradient is larger than this.
n_iter_no_change : int or inf, default=10
    Epochs without an improvement of ``tol`` after which training ends, or the rate
    falls with ``lr_schedule='adaptive'``. ``'lbfgs'`` reads it with
    ``early_stopping`` only.
shuffle : bool, default=True
    Whether to draw a new order of the samples in every epoch.
random_state : int, RandomState instance or None, default=None
    Source of the first weights, the validation split and the order of the samples,
    drawn in that order, and of what ``dropout`` leaves out. Pass an int for
    reproducible results.
warm_start : bool, default=False
    Whether `fit` goes on with the fitted network: weights, solver memory, schedule,
    random numbers and the order of the rows continue, as if the last call had not
    ended, while stopping is judged anew.
verbose : bool or int, default=False
    Whether to print a line per epoch; 2 shows a bar instead, where rich is installed
    (``pip install "skoptnet[progress]"``)."""

_VALIDATION = """\
early_stopping : bool, default=False
    Whether to set ``validation_fraction`` of the training data aside, to stop when
    their score (see ``scoring``) stops improving, and to keep the weights of the
    best epoch. The split is stratified by class, but for multilabel targets.
    Validation data of your own, ``X_val`` and ``y_val`` of `fit`, take the place of
    the split.
validation_fraction : float in (0, 1), default=0.1
    Share of the samples to set aside; at least 2 samples, and 1 per class. Not read
    where `fit` is given ``X_val``.
scoring : str, callable or None, default=None
    The score of the validation rows, of which higher is better. None is accuracy, or
    of a regressor R2; for another loss than ``'squared_error'`` D2, the share that is
    saved of the loss of the best constant prediction, averaged over outputs.
    ``'loss'`` is the negative of their loss (see ``validation_loss`` in
    ``history_``); another name is that of a scikit-learn scorer; a callable is called
    as ``scorer(estimator, X, y)``. A scorer is called once per epoch (and once
    before the first of a warm start), with arrays, with an estimator that has the
    weights of the moment during the call, and with ``sample_weight`` where there are
    weights and it takes them. Without ``early_stopping`` it has no effect, of which
    `fit` warns.
refit_all : bool, default=False
    Whether, once early stopping has found the best epoch, to train again on all
    samples, those set aside included: from a first draw of the same ``random_state``,
    for ``best_epoch_`` epochs without validation, as ``early_stopping=False`` with
    ``max_iter=best_epoch_`` and ``n_iter_no_change=inf`` does, but for schedules: the
    rates are those of the first training, whose plan, plateaus and validation losses
    count. ``coefs_``, ``intercepts_``, ``loss_`` and ``t_`` are then those of the
    second training, all other attributes those of the first. There is no second where
    the first diverged or was interrupted; where the second does, the first model is
    kept, with a warning. Not with ``warm_start`` or ``X_val``; without
    ``early_stopping`` it has no effect, of which `fit` warns."""

_REGRESSION = """\
loss : str, default='squared_error'
    What is minimised. Of :math:`e = \\hat y - y`: ``'squared_error'``,
    :math:`e^2 / 2`; ``'absolute_error'``, :math:`|e|`, for medians; ``'huber'``, the
    first where :math:`|e|` is at most ``huber_delta``, linear beyond;
    ``'quantile'``, the pinball loss, for quantiles. Half the deviance, with
    :math:`\\hat y = e^z` for the raw output z: ``'poisson'``, for counts and rates
    (y is not negative, and not 0 in all rows of a `fit`); ``'gamma'``, for amounts
    whose spread grows with their mean (y is above 0).
huber_delta : float in (0, inf), default=1.0
    Error from which ``'huber'`` is linear, in the unit of y.
quantile : float in (0, 1) or increasing sequence of them, default=0.5
    The quantile that ``'quantile'`` is to predict. For several, of a single target,
    `predict` returns a column each, in order, which never cross. A sequence of one
    is that one."""

_CLASSIFICATION = """\
class_weight : dict, list of dicts, 'balanced' or None, default=None
    Weight of each class in the training loss, multiplied with ``sample_weight``;
    as `sklearn.utils.class_weight.compute_sample_weight` has it. A dict is
    ``{class label: weight}``, weights in [0, inf), 1 for classes it does not
    name. ``'balanced'`` is ``n_samples / (n_classes * rows of the class)``, from
    the ``y`` of `fit`; there is no `partial_fit` then, as there is with a dict.
    Multilabel targets take a list of dicts, one ``{0: weight, 1: weight}`` per label,
    or ``'balanced'``; a row weighs the product over its labels. Early stopping counts
    class weights in ``validation_loss`` and in the accuracy, its default score, so
    that it does not undo them; a ``scoring`` of your own sees sample weights only.
label_smoothing : float in [0, 1), default=0.0
    Share s of each label that is spread evenly over the K classes: the target is
    :math:`(1 - s) y + s / K`, and :math:`(1 - s) y + s / 2` for two classes and for
    each label of multilabel targets. The loss that is reported is that of these
    targets."""

_ATTRIBUTES = """\
coefs_ : list of ndarrays, the l-th of shape (k_{l-1}, k_l)
    Weights W_l of each layer.
intercepts_ : list of ndarrays, the l-th of shape (k_l,)
    Biases b_l of each layer.
loss_ : float
    Training loss (penalty included) in the epoch whose weights are kept.
loss_curve_ : list of float
    Training loss of each epoch, the average over its updates; of ``'lbfgs'``, the
    loss that each iteration reached.
best_loss_ : float or None
    Least of ``loss_curve_``; None with ``early_stopping``.
validation_scores_ : list of float or None
    Score of each epoch with ``early_stopping``, else None.
best_validation_score_ : float or None
    Score of the weights that are kept with ``early_stopping``, else None.
best_epoch_ : int or None
    Number of the epoch (from 1, over all calls) that ended with these weights, with
    ``early_stopping``, else None.
history_ : dict of lists
    One entry per epoch in each list, ready for `pandas.DataFrame`: ``epoch`` (from
    1), ``update`` (made so far), ``loss``, ``learning_rate`` (of the last update,
    not with ``'lbfgs'``), ``validation_loss`` and ``validation_score`` (with
    ``early_stopping``), ``seconds`` (the same for each of several small epochs that
    the kernels made at once). ``validation_loss`` is the training loss, class
    weights included but without the penalty, of the validation samples at the end of
    the epoch.
learning_rate_ : float or None
    The initial learning rate that was used; None for ``'lbfgs'``, which has none.
n_iter_ : int
    Epochs finished in the last call of `fit` or `partial_fit`.
t_ : int
    Samples seen in training, over all calls.
stop_reason_ : str
    Why training ended: ``'converged'``, ``'early_stopping'``, ``'max_iter'``,
    ``'callback'`` (one of yours said so), ``'partial_fit'`` (its one epoch is done),
    ``'diverged'``, ``'interrupted'``, or ``'failed'`` (an error in a solver, schedule
    or callback of your own); for ``'lbfgs'`` also
    ``'max_fun'``, or ``'line_search'`` (no lower point was found, mostly for want of
    precision).
n_layers_ : int
    Number of layers, input and output included.
n_outputs_ : int
    Number of outputs: of a regressor one per target, or per quantile.
out_activation_ : str
    Link of the outputs: ``'logistic'``, ``'softmax'``, ``'identity'``, ``'exp'``, or
    for several quantiles ``'cumulative_softplus'``.
n_features_in_ : int
    Number of features seen in `fit`.
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the features, where all are strings."""

_NOTES = """\
Notes
-----
The same ``random_state`` draws the same first weights, validation split and
minibatches as scikit-learn's MLP does (but for the stratified split of more than two
classes). Training that diverges stops at once and keeps the best earlier weights;
Ctrl-C keeps those of the last finished epoch (with ``early_stopping``, of the best)."""


def with_shared_docs(cls: _Class) -> _Class:
    """Put these parts into a class' docstring."""
    doc = cls.__doc__ or ""
    parts = {
        "layers": _LAYERS,
        "classification": _CLASSIFICATION,
        "regression": _REGRESSION,
        "training": "\n".join((_SOLVER, _RATE, _REGULARISATION, _EPOCHS, _VALIDATION)),
        "attributes": _ATTRIBUTES,
        "notes": _NOTES,
    }
    for name, text in parts.items():
        doc = doc.replace(f"{{{name}}}", indent(text, "    ").lstrip())
    cls.__doc__ = doc
    return cls
