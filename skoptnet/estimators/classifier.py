"""Classifier: `MLPClassifierX`, with its loss, class weights and predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from scipy.special import log_expit, log_softmax
from sklearn.neural_network import MLPClassifier

from .._names import explains_names
from .._params import DECAY, StrOptions
from .._sklearn import ClassifierMixin
from .._types import (
    ActivationName,
    Array,
    ArrayLike,
    Bool,
    ClassWeight,
    Data,
    Float,
    Int,
    LayerSizes,
    ParametrizationName,
    RandomState,
    Request,
    ScheduleName,
    Scoring,
    SolverName,
    Splitter,
)
from ..activations import Activation
from ..losses import LOSSES
from ..optimizers import Optimizer
from ..schedules import Clock, Schedule
from .arrays import as_labels, as_numpy
from .base import MLP
from .class_weights import ClassWeights, class_counts
from .fitting import Fit
from .labels import LabelEncoding
from .partial_fit import if_incremental
from .sample_weights import weights_of_score
from .to_sklearn import as_classifier


class MLPClassifierX(ClassifierMixin, LabelEncoding):
    r"""Multi-layer perceptron classifier with a choice of solvers.

    Minimises the cross-entropy over the weights of a network whose outputs are a
    sigmoid (two classes, or one per label of multilabel targets) or a softmax (more
    classes):

    .. math::
        C(\theta) = \frac{\sum_i w_i L(y_i, \hat y_i)}{\sum_i w_i}
        + \frac{\alpha}{2 n} \sum_l \lVert W_l \rVert^2

    with :math:`n` the sum of the weights of the training rows. With ``l1_ratio``, all
    or part of the penalty is L1.

    The parameters come in groups: the network, the classes, the solver, the learning
    rate, regularisation, epochs and minibatches, validation.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units in each hidden layer, each at least 1; ``()`` is a linear model.
    activation : str, Activation or list of these, default='relu'
        Activation of the hidden layers: ``'identity'``, ``'logistic'``, ``'tanh'``,
        ``'relu'``, ``'leaky_relu'``, ``'elu'``, ``'selu'``, ``'gelu'``, ``'silu'``,
        ``'mish'``, ``'softplus'``, or an `Activation` object such as
        ``LeakyReLU(slope=0.1)``. A list or tuple has one for each hidden layer. Your
        own activations train without the compiled kernels.
    input_scaling : bool, default=False
        Whether to multiply each feature by a factor that is learnt, ``input_scale_``.
        The factors start at 1, and have 6 times the learning rate. The network can thus
        learn which features matter; this often helps on tables.
    parametrization : {'standard', 'ntk'}, default='standard'
        The initial weights, and the learning rate of each layer.

        - ``'standard'``: uniform initial weights, by the rule of the activation
          (Glorot's for relu), and one learning rate.
        - ``'ntk'``: normal initial weights with standard deviation 1 / sqrt(k_{l-1}),
          and biases with standard deviation 1; the output layer starts at zero. The
          learning rate of W_l is divided by sqrt(k_{l-1}), that of the biases by 10.
          ``'lbfgs'`` only uses the initial weights.
    class_weight : dict, list of dicts, 'balanced' or None, default=None
        Weight of each class in the training loss, multiplied by ``sample_weight``.

        - A dict, ``{class label: weight}``: weights in [0, inf), and 1 for classes that
          it does not name.
        - ``'balanced'``: ``n_samples / (n_classes * rows of the class)``, from the
          ``y`` of `fit`. Not available with `partial_fit`.
        - For multilabel targets, ``'balanced'`` or a list of dicts, one
          ``{0: weight, 1: weight}`` per label. The weight of a row is the product over
          its labels; `fit` warns if a few rows then have nearly all the weight.

        Class weights also apply to the validation loss and to the accuracy of
        ``scoring=None``. Scorers use sample weights only.
    label_smoothing : float in [0, 1), default=0.0
        Share s of each label that is spread evenly over the K classes: the target is
        :math:`(1 - s) y + s / K`. For each label of multilabel targets, K is 2.
        Reported losses use the smoothed targets.
    solver : str or Optimizer, default='adam'
        The optimizer.

        - A name: ``'gd'``, ``'sgd'``, ``'momentum'``, ``'nesterov'``, ``'adagrad'``,
          ``'rmsprop'``, ``'adam'``, ``'adadelta'``, ``'rmsprop_nesterov'``,
          ``'centered_rmsprop'``, ``'adamw'``, ``'amsgrad'``, ``'adamax'``, ``'nadam'``,
          ``'radam'``, ``'yogi'``, ``'adabelief'``, ``'adan'``, ``'lion'``,
          ``'schedule_free_adamw'``, ``'muon'``, ``'lbfgs'``. It uses the
          hyperparameters below whose descriptions name it.
        - An `Optimizer` object, such as ``Adam(beta_2=0.99)``. It has hyperparameters
          of its own, which a search sets as ``solver__beta_2``.

        ``'lbfgs'`` is SciPy's quasi-Newton method on the whole training set. Its
        iterations count as epochs. It chooses its own step sizes, so it ignores
        ``batch_size``, ``shuffle`` and the parameters of the learning rate; it has no
        `partial_fit`.
    momentum : float in [0, 1], default=0.9
        Fraction of the velocity kept per update, for ``'momentum'`` and ``'nesterov'``.
        Ignored with ``lr_schedule='one_cycle'``, which sets it.
    rho : float in [0, 1), default=0.9
        Decay rate of the average of squared gradients, for ``'rmsprop'``.
    beta_1 : float in [0, 1), default=0.9
        Decay rate of the first moment, for ``'adam'``. Ignored with
        ``lr_schedule='one_cycle'``, which sets it.
    beta_2 : float in [0, 1), default=0.999
        Decay rate of the second moment, for ``'adam'``.
    epsilon : float in (0, inf) or None, default=None
        Small constant for numerical stability, for ``'adagrad'``, ``'rmsprop'`` and
        ``'adam'``. None is the solver's default: 1e-7, 1e-6 and 1e-8, respectively.
    max_fun : int, default=15000
        Maximum number of passes over the training set, for ``'lbfgs'``; each iteration
        takes one or more. The iteration that reaches it is the last.
    learning_rate_init : float in (0, inf) or 'auto', default='auto'
        Initial learning rate. ``'auto'`` is the solver's default, which may differ
        between classification and regression (for ``'adam'`` 0.001 and 0.01).
        `MLPRegressorX` with the loss ``'poisson'`` or ``'gamma'`` uses the lower one.
        ``learning_rate_`` is the rate used.
    lr_schedule : str, Schedule or callable, default='constant'
        How the learning rate changes during training; ``'lbfgs'`` ignores it.

        - ``'constant'``: stays at ``learning_rate_init``.
        - ``'step'``, ``'exponential'``: decay by the factor ``decay_rate`` per
          ``decay_epochs`` epochs, in steps or smoothly.
        - ``'invscaling'``: divides by ``(N + 1) ** power_t``, where N is the number of
          samples seen in finished epochs.
        - ``'piecewise'``: divides by 10 after 100 epochs, and again after 150.
        - ``'cosine_restarts'``: decays to 0 and restarts, after 10, 30, 70, 150, ...
          epochs.
        - ``'warmup'``, ``'inverse_sqrt'``: warm up over 5 epochs; the former then stays
          constant, the latter decays.
        - ``'cosine'``, ``'linear'``, ``'polynomial'``: decay to 0 over the planned run
          (see ``max_iter``).
        - ``'one_cycle'``: rises to ``learning_rate_init`` and falls, over the planned
          run; the momentum moves the other way.
        - ``'coslog'``: rises and falls four times over the planned run.
        - ``'adaptive'``: divides by 5 when ``n_iter_no_change`` epochs in a row bring
          no improvement of ``tol``, and ends training there once the rate is 1e-6 or
          less.
        - ``'plateau'``: divides by 10 when 6 epochs in a row do not lower the training
          loss; never ends training.
        - A `Schedule` object, such as ``Cosine(epochs=50)`` or
          ``Warmup('one_cycle', epochs=2)``. It has parameters of its own, and ignores
          ``decay_rate``, ``decay_epochs`` and ``power_t``.
        - A callable that takes a `skoptnet.schedules.Clock` and returns the factor on
          ``learning_rate_init``.
    decay_rate : float in (0, 1], default=0.5
        Factor on the learning rate per ``decay_epochs`` epochs, for ``'step'`` and
        ``'exponential'``.
    decay_epochs : float in (0, inf), default=10
        Number of epochs in which ``'step'`` and ``'exponential'`` multiply the learning
        rate by ``decay_rate``.
    power_t : float in [0, 1000], default=0.5
        Exponent of ``'invscaling'``.
    alpha : float in [0, inf), default=0.0001
        Strength of the penalty on the weights (not the biases): L2, unless ``l1_ratio``
        is above 0. It is divided by the sum of the weights of the training rows.
    l1_ratio : float in [0, 1], default=0.0
        L1 share r of the penalty, as in `sklearn.linear_model.ElasticNet`:
        :math:`\alpha / n` times the sum of :math:`r \lvert w \rvert + (1 - r) w^2 / 2`
        over the weights w. L1 makes weights exactly 0: a weight stops at 0 when an
        update would change its sign, and stays there while the gradient of all other
        terms is no larger than :math:`\alpha r / n`. Minibatch gradients are noisy, so
        some weights only come near 0. For exact zeros, train on full batches
        (``batch_size=n_samples``) with a decaying learning rate. Not available with
        ``'lbfgs'``.
    dropout : float in [0, 1) or list of these, default=0.0
        Fraction of the units of each hidden layer that an update drops, drawn
        separately for each row (`Srivastava et al., 2014
        <https://jmlr.org/papers/v15/srivastava14a.html>`__). A list or tuple has one
        number per hidden layer. Activations that stay are divided by 1 minus the
        fraction; inputs and outputs are never dropped. Predictions, validation metrics
        and scores use all units; ``loss_curve_`` is the loss with dropout. Not
        available with ``'lbfgs'``.
    max_grad_norm : float in (0, inf) or None, default=None
        Maximum Euclidean norm of the gradient of a minibatch, over all weights and
        biases: a longer gradient is scaled down to it before the solver uses it
        (`Pascanu, Mikolov and Bengio, 2013 <https://arxiv.org/abs/1211.5063>`__). None
        does not clip. Ignored by ``'lbfgs'``.
    batch_size : int or 'auto', default='auto'
        Number of samples per update; ``'auto'`` is 200. A number above ``n_samples``
        means all samples. ``'gd'`` and ``'lbfgs'`` always use all.
    max_iter : int, default=200
        Maximum number of epochs (of iterations, for ``'lbfgs'``) in each call of `fit`.
        It is also the length of the planned run, which schedules such as ``'cosine'``
        follow. The plan of a `fit` ends this many epochs after those of earlier calls,
        that of `partial_fit` after this many epochs in all; then the last rate is kept.
        To let warm starts follow one plan, set its length: ``Cosine(epochs=50)``.
    tol : float in [0, inf), default=1e-4
        Smallest change that counts as an improvement. An epoch is an improvement if it
        beats the best one so far by at least this: by a lower training loss or, with
        ``early_stopping``, a higher validation score (see ``scoring``). ``'lbfgs'``
        converges when no element of the gradient is larger than this.
    n_iter_no_change : int or inf, default=10
        Patience: number of epochs in a row without an improvement of ``tol`` after
        which training ends or, with ``lr_schedule='adaptive'``, the learning rate
        falls. ``inf`` switches this off. ``'lbfgs'`` uses it with ``early_stopping``
        only.
    shuffle : bool, default=True
        Whether to shuffle the samples in every epoch.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the validation split and the order of the
        samples, drawn in this order, and of the units that ``dropout`` drops. Pass an
        int for reproducible results.
    warm_start : bool, default=False
        Whether `fit` continues from the fitted network: the weights, the solver's
        state, the schedule, the random numbers and the order of the samples continue as
        if the last call had not ended. Only the stopping criterion is reset.
    verbose : bool or int, default=False
        Progress output.

        - False: none.
        - True: a line per epoch.
        - 2: a progress bar, in a notebook, or in a terminal if rich is installed
          (``pip install "skoptnet[progress]"``; without it, a line per epoch).
          Elsewhere, and in the workers of a search, a line when training ends, and one
          a minute until then.
    early_stopping : bool, default=False
        Whether to stop when the validation loss, or another score (see ``scoring``), no
        longer improves, and to keep the weights of the best epoch. The validation rows
        are held out of the training data, as ``validation_fraction`` says, or are
        ``X_val`` and ``y_val`` of `fit`.
    validation_fraction : float in (0, 1) or splitter, default=0.1
        How early stopping splits the training data. Ignored if `fit` is given
        ``X_val``.

        - A fraction: holds out that share of the samples at random, at least 2 samples.
          A classifier's split is stratified by class, with at least 1 sample of each
          class, except for multilabel targets.
        - A splitter of `sklearn.model_selection`, or of your own with the methods
          ``split`` and ``get_n_splits``: the last split is used. ``TimeSeriesSplit()``
          holds out the latest samples, ``GroupShuffleSplit()`` whole groups,
          ``PredefinedSplit(test_fold)`` those that you choose.

        A splitter gets ``X``, ``y`` and ``groups`` as `fit` does. If its
        ``random_state`` is None, that of the estimator is used. Samples in neither part
        are left out, except by ``refit_all``.
    scoring : str, callable, list, dict or None, default='loss'
        Score of the validation rows; higher is better.

        - ``'loss'``: the negative validation loss.
        - None: the accuracy of a classifier; R2 of a regressor or, if its loss is not
          ``'squared_error'``, D2: the fraction by which the model reduces the loss of
          the best constant prediction, averaged over outputs.
        - The name of a scikit-learn scorer, or a callable ``scorer(estimator, X, y)``.
        - Several scores: a list or tuple of names, ``['accuracy', 'roc_auc']``, or a
          dict with any of the above by names of your own. All of them are in
          ``history_``. The first is ``validation_score`` and decides early stopping;
          the others may be NaN.

        A scorer is called once per epoch for each part, validation rows and training
        rows, and with early stopping also before the first epoch of a warm start. It
        gets arrays, ``sample_weight`` if there are weights and it takes them, and an
        estimator that has the current weights during the call only. Of epochs with
        equal scores, the one with the lowest validation loss is the best, and a loss
        that is lower by ``tol`` is an improvement. Without validation rows and
        ``return_train_score`` the parameter has no effect, and `fit` warns.
    return_train_score : bool, default=False
        Whether to compute the loss and the scores of the training rows, too, with the
        weights at the end of each epoch. They are comparable with those of the
        validation rows; ``loss`` is not, as it is an average over the epoch, with
        penalty and dropout. Training stays the same, but each epoch takes one more
        forward pass over the training rows. Scorers get a copy of these rows if early
        stopping holds out others.
    refit_all : bool, default=False
        Whether to train again on all samples once early stopping has found the best
        epoch. The second training starts from the same initial weights, runs for
        ``best_epoch_`` epochs without validation, and uses the learning rates of the
        first. It sets ``coefs_``, ``intercepts_``, ``loss_``, ``t_`` and, for the
        regressor, ``y_mean_`` and ``y_scale_``; all other attributes are those of the
        first training. There is no second training if the first diverged or was
        interrupted; if the second ends in one of these ways, the first model is kept,
        with a warning. Not available with ``warm_start`` or ``X_val``. Without
        ``early_stopping`` it has no effect, and `fit` warns.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; 0, 1, ... for multilabel targets.
    coefs_ : list of ndarrays, the l-th of shape (k_{l-1}, k_l)
        Weights W_l of each layer. They can be set, as in scikit-learn: see Notes.
    intercepts_ : list of ndarrays, the l-th of shape (k_l,)
        Biases b_l of each layer. They can be set, too.
    input_scale_ : ndarray of shape (n_features,)
        Factors s of the features, with ``input_scaling``: the first layer computes
        ``(X * input_scale_) @ coefs_[0] + intercepts_[0]``. They can be set, too.
    loss_ : float
        Training loss (penalty included) in the epoch whose weights are kept.
    loss_curve_ : list of float
        Training loss of each epoch, averaged over its updates; with ``'lbfgs'``, the
        loss after each iteration. It has every epoch of the last call of `fit` or
        `partial_fit`, and the latest 10 000 epochs of earlier calls.
    best_loss_ : float or None
        Minimum of ``loss_curve_``; None with ``early_stopping``.
    validation_scores_ : list of float or None
        Validation score of each epoch; None without validation rows.
    best_validation_score_ : float or None
        With ``early_stopping``, the score of the kept weights; with ``X_val`` alone,
        the highest of ``validation_scores_``; else None.
    best_epoch_ : int or None
        Epoch (from 1, over all calls) of ``best_validation_score_``. With
        ``early_stopping`` its weights are kept, otherwise those of the last epoch.
    history_ : dict of lists
        Metrics of each epoch in ``loss_curve_``, in lists of equal length, ready for
        `pandas.DataFrame`.

        - ``epoch``: its number (from 1, over all calls).
        - ``update``: the number of updates so far.
        - ``loss``: as in ``loss_curve_``.
        - ``learning_rate``: that of the last update; not with ``'lbfgs'``.
        - ``train_loss``, ``train_score``: with ``return_train_score``.
        - ``validation_loss``, ``validation_score``: with ``early_stopping`` or
          ``X_val``.
        - ``validation_roc_auc`` and so on: each of several scorers, by name.
        - ``seconds``: the duration, the same for each of several short epochs that the
          kernels run in one call.

        ``train_loss`` and ``validation_loss`` are the losses at the end of the epoch,
        with class weights but without the penalty.
    learning_rate_ : float or None
        Initial learning rate used; None for ``'lbfgs'``, which has none.
    n_iter_ : int
        Number of epochs finished in the last call of `fit` or `partial_fit`.
    t_ : int
        Number of samples seen in training, over all calls.
    stop_reason_ : str
        Why training ended.

        - ``'max_iter'``: it reached ``max_iter``.
        - ``'converged'``: the training loss stopped improving.
        - ``'early_stopping'``: the validation score stopped improving.
        - ``'callback'``: a callback ended it.
        - ``'partial_fit'``: its one epoch is done.
        - ``'best_epoch'``: a search over epochs has set the number of epochs.
        - ``'diverged'``: a loss, score or weight became infinite or NaN.
        - ``'interrupted'``: you pressed Ctrl-C.
        - ``'failed'``: a solver, schedule or callback of your own raised an error.
        - ``'max_fun'``, ``'line_search'``: of ``'lbfgs'`` only; ``'line_search'`` found
          no lower point, mostly for lack of precision.
    n_layers_ : int
        Number of layers, including input and output.
    n_outputs_ : int
        Number of outputs. A regressor has one per target or per quantile.
    out_activation_ : str
        Activation of the outputs: ``'logistic'``, ``'softmax'``, ``'identity'``,
        ``'exp'`` or, for several quantiles, ``'cumulative_softplus'``.
    n_features_in_ : int
        Number of features seen in `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if all are strings.

    See Also
    --------
    MLPRegressorX : The same network for regression.
    skoptnet.callbacks.History : A callback that writes ``history_`` to a file.
    skoptnet.callbacks.Checkpoint : A callback that saves the model during training.
    skoptnet.callbacks.StopOnPlateau : A callback that stops on any metric.
    skoptnet.callbacks.TimeBudget : A callback that stops when the time is used up.
    skoptnet.callbacks.OptunaPruning : A callback that prunes trials of Optuna.

    Notes
    -----
    ``model.set_callbacks(...)`` (scikit-learn 1.9 or later) sets callbacks, which are
    notified of each epoch: see `skoptnet.callbacks`.

    The same ``random_state`` draws the same initial weights, validation split and
    minibatches as scikit-learn's MLP does, except for the stratified split of more than
    two classes.

    If training diverges, it stops at once, and the best earlier weights are kept; if
    none are better than the untrained network, `fit` raises a ValueError. After Ctrl-C,
    the weights of the last finished epoch are kept; with ``early_stopping``, those of
    the best epoch.

    ``coefs_[k] = W``, ``coefs_[k] *= c``, ``coefs_ = [...]``, and the same for
    ``intercepts_``, set the weights:

    - Predictions use the new values, the next `partial_fit` or warm `fit` starts from
      them, and copies and pickles keep them.
    - Each value is copied. It must be finite, and have the shape of its layer.
    - Arrays read before keep their values. Each training makes new arrays, so read
      ``coefs_`` again after it.
    - Solvers that report an average of the weights start it from the new values.
    - Callbacks can set the weights during `fit`, which continues with them.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skoptnet import MLPClassifierX
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(),
    ...     MLPClassifierX(solver="momentum", lr_schedule="step", random_state=0),
    ... )
    >>> bool(cross_val_score(model, X, y).mean() > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **MLP._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
        "label_smoothing": DECAY,
    }

    if TYPE_CHECKING:  # scikit-learn makes this one from the signature

        def set_partial_fit_request(
            self, *, classes: Request = ..., sample_weight: Request = ...
        ) -> Self: ...

    def __init__(
        self,
        hidden_layer_sizes: LayerSizes = (100,),
        activation: ActivationName
        | Activation
        | Sequence[ActivationName | Activation] = "relu",
        *,
        # The network.
        input_scaling: Bool = False,
        parametrization: ParametrizationName = "standard",
        # The classes.
        class_weight: ClassWeight = None,
        label_smoothing: Float = 0.0,
        # The solver and its hyperparameters.
        solver: SolverName | Optimizer = "adam",
        momentum: Float = 0.9,
        rho: Float = 0.9,
        beta_1: Float = 0.9,
        beta_2: Float = 0.999,
        epsilon: Float | None = None,
        max_fun: Int = 15000,
        # The learning rate and its schedule.
        learning_rate_init: Float | Literal["auto"] = "auto",
        lr_schedule: ScheduleName | Schedule | Callable[[Clock], float] = "constant",
        decay_rate: Float = 0.5,
        decay_epochs: Float = 10,
        power_t: Float = 0.5,
        # Regularisation.
        alpha: Float = 0.0001,
        l1_ratio: Float = 0.0,
        dropout: Float | Sequence[Float] = 0.0,
        max_grad_norm: Float | None = None,
        # Epochs and minibatches.
        batch_size: Int | Literal["auto"] = "auto",
        max_iter: Int = 200,
        tol: Float = 1e-4,
        n_iter_no_change: Float = 10,
        shuffle: Bool = True,
        random_state: RandomState = None,
        warm_start: Bool = False,
        verbose: Bool | Int = False,
        # Validation.
        early_stopping: Bool = False,
        validation_fraction: Float | Splitter = 0.1,
        scoring: Scoring = "loss",
        return_train_score: Bool = False,
        refit_all: Bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            input_scaling=input_scaling,
            parametrization=parametrization,
            solver=solver,
            momentum=momentum,
            rho=rho,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            max_fun=max_fun,
            learning_rate_init=learning_rate_init,
            lr_schedule=lr_schedule,
            decay_rate=decay_rate,
            decay_epochs=decay_epochs,
            power_t=power_t,
            alpha=alpha,
            l1_ratio=l1_ratio,
            dropout=dropout,
            max_grad_norm=max_grad_norm,
            batch_size=batch_size,
            max_iter=max_iter,
            tol=tol,
            n_iter_no_change=n_iter_no_change,
            shuffle=shuffle,
            random_state=random_state,
            warm_start=warm_start,
            verbose=verbose,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            scoring=scoring,
            return_train_score=return_train_score,
            refit_all=refit_all,
        )
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    @if_incremental
    @explains_names
    def partial_fit(
        self,
        X: Data,
        y: Data,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Start or continue training with one epoch on the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The class labels, or a 0/1 matrix for multilabel targets.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever occur; required in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If ``classes`` is missing in the first call or differs in a later one, if
            ``y`` has other classes, if ``early_stopping`` is True, if ``solver`` is
            ``'lbfgs'``, if ``class_weight`` is ``'balanced'``, or if the first call
            diverges.
        """
        classes = as_numpy(classes, "classes")
        Fit(self, partial=True, classes=classes).run_on(X, y, sample_weight)
        return self

    def predict(self, X: Data) -> Array:
        """Predict the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Class labels; a 0/1 matrix for multilabel targets, sparse if ``y`` was.
        """
        return self._decode(_chosen(self._raw_outputs(X), self.out_activation_))

    def decision_function(self, X: Data) -> Array:
        """Return the raw outputs, before sigmoid or softmax.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,), (n_samples, n_classes) or (n_samples, n_labels)
            One value per row for two classes: the log-odds of ``classes_[1]``.
        """
        z = self._raw_outputs(X)
        return z[:, 0] if z.shape[1] == 1 else z

    def predict_proba(self, X: Data) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Columns in the order of ``classes_``. For multilabel targets, the
            probability of each label.
        """
        z = self._raw_outputs(X)
        if z.shape[1] == 1:
            z = np.hstack([-z, z])
        return self._network.loss.link(z, np)

    def predict_log_proba(self, X: Data) -> Array:
        """Return the logarithm of the probability of each class.

        It is computed from the raw outputs, so it is finite even if the probability
        rounds to 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            Columns as in `predict_proba`.
        """
        z = self._raw_outputs(X)
        if self.out_activation_ == "softmax":
            return log_softmax(z, axis=1)
        return log_expit(np.hstack([-z, z]) if z.shape[1] == 1 else z)

    def score(self, X: Data, y: Data, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy, the fraction of rows with the right prediction.

        A multilabel row is right if all its labels are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; only their ratios count.

        Returns
        -------
        float
            Between 0 and 1.
        """
        return super().score(X, as_labels(y), weights_of_score(sample_weight))

    def to_sklearn(self) -> MLPClassifier:
        """Return scikit-learn's own classifier, fitted, with the same predictions.

        For tools that know only scikit-learn's classes, such as converters to ONNX.
        The two models share no arrays.

        Parameters of the constructor matter only if the new model is trained further:

        - ``solver='gd'``, ``'sgd'``, ``'momentum'`` and ``'nesterov'`` become
          ``'sgd'``; ``'adam'`` and ``'lbfgs'`` stay; other solvers, with their learning
          rate, are left at scikit-learn's default.
        - Schedules other than ``'constant'``, ``'invscaling'`` and ``'adaptive'`` are
          left at the default, too.
        - ``dropout`` and the L1 part of the penalty are missing.

        Further training starts with a new solver state.

        Returns
        -------
        sklearn.neural_network.MLPClassifier
            With a float32 network, it predicts float64 rows in float64; probabilities
            may round to 0, and their logarithm is then -inf.

        Raises
        ------
        ValueError
            If scikit-learn has no such activation or loss.
        """
        return as_classifier(self)

    def _class_weights(self, Y, whole, counts=None):
        if self.class_weight is None:
            return None
        labels = [self.classes_.tolist()]
        if self._multilabel:
            labels = [[0, 1]] * Y.shape[1]
        codes = self._class_numbers(Y)
        counts = counts or class_counts(codes, labels)
        weights = ClassWeights(self.class_weight, counts, labels, self._multilabel)
        if whole:
            weights.warn_of_few_rows(codes)
        return lambda Y: weights.of(self._class_numbers(Y))

    def _task(self, Y):
        name, n_outputs = "multiclass", len(self.classes_)
        if self._multilabel:
            name, n_outputs = "multilabel", Y.shape[1]
        elif n_outputs == 2:
            name, n_outputs = "binary", 1
        own: dict[str, Any] = {}
        if self.label_smoothing > 0:
            name, own = f"smoothed_{name}", {"s": float(self.label_smoothing)}
        return LOSSES[name](**own), n_outputs

    def _default_score(self, Y, w):
        softmax = Y.ndim == 1
        truth = Y if softmax else Y > 0.5

        def accuracy(z: Array, loss: float) -> float:
            hits = _chosen(z, "softmax" if softmax else "logistic") == truth
            if not softmax:
                hits = hits.all(axis=1)
            if w is None:  # faster than np.average
                return float(np.count_nonzero(hits) / len(hits))
            return float(np.average(hits, weights=w))

        return accuracy

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _chosen(z: Array, out_activation: str) -> Array:
    """Return the class number of each row or, for multilabel targets, each label."""
    return z.argmax(axis=1) if out_activation == "softmax" else z > 0
