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
from .class_weights import ClassWeights
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

    with :math:`n` the weight sum of the training set. With ``l1_ratio``, all or part of
    the penalty is L1.

    The parameters come in groups: the network, the classes, the solver, the learning
    rate, regularisation, epochs and minibatches, validation.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units in each hidden layer, each at least 1; ``()`` is a linear model.
    activation : str, Activation or list of these, default='relu'
        Activation of the hidden layers, or a list or tuple with one for each of them:
        ``'identity'``, ``'logistic'``, ``'tanh'``, ``'relu'``, ``'leaky_relu'``,
        ``'elu'``, ``'selu'``, ``'gelu'``, ``'silu'``, ``'mish'``, ``'softplus'``, or an
        `Activation` object such as ``LeakyReLU(slope=0.1)``. An activation of your own
        trains without the compiled kernels.
    class_weight : dict, list of dicts, 'balanced' or None, default=None
        Weight of each class in the training loss, multiplied by ``sample_weight``, as
        in `sklearn.utils.class_weight.compute_sample_weight`. A dict is
        ``{class label: weight}``, with weights in [0, inf), and 1 for classes it does
        not name. ``'balanced'`` is ``n_samples / (n_classes * rows of the class)``,
        from the ``y`` of `fit`; unlike a dict, it rules out `partial_fit`. Multilabel
        targets take a list of dicts, one ``{0: weight, 1: weight}`` per label, or
        ``'balanced'``; the weight of a row is the product over its labels, and `fit`
        warns if that leaves nearly all the weight to a few rows. Class weights apply to
        ``validation_loss``, too, and to the accuracy of ``scoring=None``, so that early
        stopping does not undo them; a scorer sees sample weights only.
    label_smoothing : float in [0, 1), default=0.0
        Share s of each label that is spread evenly over the K classes: the target is
        :math:`(1 - s) y + s / K`, or :math:`(1 - s) y + s / 2` for two classes and for
        each label of multilabel targets. Reported losses are those of these targets.
    solver : str or Optimizer, default='adam'
        One of ``'gd'``, ``'sgd'``, ``'momentum'``, ``'nesterov'``, ``'adagrad'``,
        ``'rmsprop'``, ``'adam'``, ``'adadelta'``, ``'rmsprop_nesterov'``,
        ``'centered_rmsprop'``, ``'adamw'``, ``'amsgrad'``, ``'adamax'``, ``'nadam'``,
        ``'radam'``, ``'yogi'``, ``'adabelief'``, ``'adan'``, ``'lion'``,
        ``'schedule_free_adamw'``, ``'muon'``, ``'lbfgs'``, or an `Optimizer` object. A
        solver chosen by name uses those of the hyperparameters below that name it. An
        object uses none of them; its own can be searched as ``solver__momentum`` and so
        on. ``'lbfgs'`` is SciPy's quasi-Newton method on the whole training set: where
        this page says epochs, read iterations. It chooses its own step sizes and
        ignores ``batch_size``, ``learning_rate_init``, ``lr_schedule``, ``shuffle`` and
        ``momentum``; it has no `partial_fit`.
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
        ``'adam'``. None takes the solver's default: 1e-7, 1e-6 and 1e-8, respectively.
    max_fun : int, default=15000
        Number of passes over the training set after which ``'lbfgs'`` ends; each
        iteration takes one or more.
    learning_rate_init : float in (0, inf) or 'auto', default='auto'
        Initial learning rate; ``'auto'`` takes the solver's default, which may be
        another for regression than for classification (for ``'adam'`` 0.01 and 0.001).
        `MLPRegressorX` with the loss ``'poisson'`` or ``'gamma'`` takes the lower one.
        ``learning_rate_`` is the rate used.
    lr_schedule : str, Schedule or callable, default='constant'
        How the learning rate changes during training, for every solver but ``'lbfgs'``.
        ``'step'`` and ``'exponential'`` decay it by the factor ``decay_rate`` per
        ``decay_epochs`` epochs; ``'invscaling'`` divides it by ``(N + 1) ** power_t``,
        where N is the number of samples seen in finished epochs; ``'adaptive'`` divides
        it by 5 when ``n_iter_no_change`` epochs in a row bring no improvement of
        ``tol``, and ends training there once the rate is 1e-6 or less. Over the planned
        run (see ``max_iter``), ``'cosine'``, ``'linear'`` and ``'polynomial'`` decay to
        0, ``'one_cycle'`` rises to ``learning_rate_init`` and falls, moving the
        momentum the other way, and ``'coslog'`` rises and falls four times. The others
        count epochs from the first: ``'cosine_restarts'``, ``'piecewise'`` (divides by
        10 after 100 epochs, and again after 150), ``'inverse_sqrt'`` and ``'warmup'``
        (both warm up over 5 epochs; then the former decays and the latter stays
        constant). ``'plateau'`` divides by 10 when 6 epochs in a row do not lower the
        training loss, and never ends training. The objects, such as
        ``Cosine(epochs=50)`` or ``Warmup('one_cycle', epochs=2)``, have parameters of
        their own and ignore ``decay_rate``, ``decay_epochs`` and ``power_t``. A
        callable takes a `skoptnet.schedules.Clock` and returns the factor on
        ``learning_rate_init``.
    decay_rate : float in (0, 1], default=0.5
        Factor on the learning rate per ``decay_epochs`` epochs, for ``'step'`` and
        ``'exponential'``.
    decay_epochs : float in (0, inf), default=10
        Number of epochs in which the learning rate falls by ``decay_rate``.
    power_t : float in [0, 1000], default=0.5
        Exponent of ``'invscaling'``.
    alpha : float in [0, inf), default=0.0001
        Strength of the penalty on the weights (not the biases), L2 unless ``l1_ratio``
        says otherwise. It is divided by the weight sum of the training set.
    l1_ratio : float in [0, 1], default=0.0
        L1 share r of the penalty, as in `sklearn.linear_model.ElasticNet`:
        :math:`\alpha / n` times the sum of :math:`r \lvert w \rvert + (1 - r) w^2 / 2`
        over the weights w. L1 makes weights exactly 0: a weight stops at 0 when an
        update would change its sign, and stays there while the gradient of all other
        terms is no larger than :math:`\alpha r / n`. Minibatch gradients are noisy, so
        some weights that belong at 0 only come near it; where exact zeros matter, train
        on full batches (``batch_size=n_samples``) and let the learning rate decay. Not
        available with ``'lbfgs'``.
    dropout : float in [0, 1) or list of these, default=0.0
        Fraction of the units of every hidden layer that each update drops, drawn
        separately for each row (Srivastava et al., 2014); or a list or tuple with one
        number per hidden layer, 0 for no dropout. Inputs and outputs are never dropped,
        so a number has no effect without hidden layers. Activations that stay are
        divided by 1 minus this fraction. Predictions, validation metrics and scores use
        all units; ``loss_curve_`` is the loss with dropout. Not available with
        ``'lbfgs'``.
    max_grad_norm : float in (0, inf) or None, default=None
        Clips the gradient of a minibatch: if its Euclidean norm, over all weights and
        biases, is larger than this, it is scaled down to this before the solver sees it
        (Pascanu, Mikolov and Bengio, 2013). Ignored by ``'lbfgs'``.
    batch_size : int or 'auto', default='auto'
        Samples per update; ``'auto'`` is 200. A number above ``n_samples`` means all of
        them. ``'gd'`` and ``'lbfgs'`` always use all.
    max_iter : int, default=200
        Maximum number of epochs (of iterations, for ``'lbfgs'``) in each call of `fit`.
        It is also the plan that schedules such as ``'cosine'`` follow: they end this
        many epochs after those finished before the call or, for `partial_fit`, after
        this many epochs in all, and then keep their last rate. To let warm starts
        follow one plan, name its length: ``Cosine(epochs=50)``.
    tol : float in [0, inf), default=1e-4
        An epoch counts as an improvement if the training loss falls, or with
        ``early_stopping`` the validation score rises (see ``scoring``), by at least
        this. ``'lbfgs'`` ends when no element of the gradient is larger than this.
    n_iter_no_change : int or inf, default=10
        Number of epochs without an improvement of ``tol`` after which training ends or,
        with ``lr_schedule='adaptive'``, the learning rate falls. ``'lbfgs'`` uses it
        with ``early_stopping`` only.
    shuffle : bool, default=True
        Whether to shuffle the samples before every epoch.
    random_state : int, RandomState instance or None, default=None
        Source of the initial weights, the validation split and the order of the
        samples, drawn in that order, and of the units that ``dropout`` drops. Pass an
        int for reproducible results.
    warm_start : bool, default=False
        Whether `fit` continues from the fitted network: weights, solver memory,
        schedule, random numbers and the order of the rows continue as if the last call
        had not ended. Only the stopping criterion is reset.
    verbose : bool or int, default=False
        Whether to print a line per epoch. 2 shows a progress bar instead, in a
        notebook, or in a terminal if rich is installed (``pip install
        "skoptnet[progress]"``). Elsewhere, and in the workers of a search, it prints a
        line when training ends.
    early_stopping : bool, default=False
        Whether to set aside ``validation_fraction`` of the training data, to stop when
        their loss, or another score (see ``scoring``), stops improving, and to keep the
        weights of the best epoch. The split is random and stratified by class, except
        for multilabel targets. A splitter as ``validation_fraction`` splits otherwise;
        validation data of your own, ``X_val`` and ``y_val`` of `fit`, replace the
        split.
    validation_fraction : float in (0, 1) or splitter, default=0.1
        Fraction of the samples to set aside, and at least 2 samples and 1 of each
        class. Or a splitter of `sklearn.model_selection`, or of your own with the
        methods ``split`` and ``get_n_splits``, whose last split is used:
        ``TimeSeriesSplit()`` sets the latest samples aside, ``GroupShuffleSplit()``
        whole groups (see ``groups`` of `fit`), ``PredefinedSplit(test_fold)`` those
        that you choose. It is given ``X``, ``y`` and ``groups`` as `fit` is. If its
        ``random_state`` is None, that of the estimator decides. The samples in neither
        part have no effect, except with ``refit_all``. Ignored if `fit` is given
        ``X_val``.
    scoring : str, callable, list, dict or None, default='loss'
        Score of the validation rows; higher is better. ``'loss'`` is the negative
        validation loss (see ``validation_loss`` in ``history_``). None is accuracy for
        a classifier and R2 for a regressor or, if its loss is not ``'squared_error'``,
        D2: the fraction by which the model reduces the loss of the best constant
        prediction, averaged over outputs. Any other name is that of a scikit-learn
        scorer; a callable is called as ``scorer(estimator, X, y)``. Several scores are
        a list or tuple of names, ``['accuracy', 'roc_auc']``, or a dict with any of the
        above by names of your own, as in `sklearn.model_selection.cross_validate`.
        ``history_`` has all of them; the first is ``validation_score`` and decides
        early stopping. A scorer is called once per epoch (with early stopping, also
        before the first epoch of a warm start) with arrays, with an estimator that has
        the current weights during the call, and with ``sample_weight`` if there are
        weights and it takes them. Of epochs with equal scores, which accuracy and other
        counts often have, the one with the lowest validation loss is the best, and one
        whose loss is lower by ``tol`` is an improvement. A score that does not decide
        may be NaN. Without validation rows and ``return_train_score`` the parameter has
        no effect, and `fit` warns.
    return_train_score : bool, default=False
        Whether to compute the loss and the scores of ``scoring`` for the training rows,
        too, with the weights at the end of each epoch. Unlike ``loss``, an average over
        the epoch with penalty and dropout, they compare with those of the validation
        rows. Training stays the same, but each epoch takes one more forward pass over
        all training rows, in blocks of rows. Scorers (not ``'loss'`` and None) are
        given a copy of the training rows if early stopping sets others aside.
    refit_all : bool, default=False
        Whether, once early stopping has found the best epoch, to train again on all
        samples, including those set aside. The second training starts from the first
        draw of the same ``random_state`` and runs for ``best_epoch_`` epochs without
        validation, as ``early_stopping=False`` with ``max_iter=best_epoch_`` and
        ``n_iter_no_change=inf`` does, except for schedules: the learning rates are
        those of the first training, with its plan, plateaus and validation losses.
        ``coefs_``, ``intercepts_``, ``loss_`` and ``t_`` are then those of the second
        training, all other attributes those of the first. There is no second training
        if the first diverged or was interrupted; if the second does, the first model is
        kept, with a warning. Not available with ``warm_start`` or ``X_val``; without
        ``early_stopping`` it has no effect, and `fit` warns.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The class labels; 0, 1, ... for multilabel targets.
    coefs_ : list of ndarrays, the l-th of shape (k_{l-1}, k_l)
        Weights W_l of each layer. They may be set, as scikit-learn's: see Notes.
    intercepts_ : list of ndarrays, the l-th of shape (k_l,)
        Biases b_l of each layer, which may be set, too.
    loss_ : float
        Training loss (penalty included) in the epoch whose weights are kept.
    loss_curve_ : list of float
        Training loss of each epoch, averaged over its updates; with ``'lbfgs'``, the
        loss after each iteration. As ``history_``, it has every epoch of the last call
        of `fit` or `partial_fit`, and the latest 10 000 of the calls before.
    best_loss_ : float or None
        Minimum of ``loss_curve_``; None with ``early_stopping``.
    validation_scores_ : list of float or None
        Validation score of each epoch; None without validation rows.
    best_validation_score_ : float or None
        With ``early_stopping``, the score of the kept weights; with ``X_val`` alone,
        the highest of ``validation_scores_``; else None.
    best_epoch_ : int or None
        Epoch (from 1, over all calls) with ``best_validation_score_``. With
        ``early_stopping`` its weights are kept, otherwise those of the last epoch.
    history_ : dict of lists
        One entry per epoch in each list, of as many epochs as ``loss_curve_`` has,
        ready for `pandas.DataFrame`: ``epoch`` (from 1, over all calls), ``update``
        (number made so far), ``loss``, ``learning_rate`` (of the last update; not with
        ``'lbfgs'``), ``train_loss`` and ``train_score`` (with ``return_train_score``),
        ``validation_loss`` and ``validation_score`` (with ``early_stopping`` or
        ``X_val``), ``seconds`` (the same for each of several short epochs that the
        kernels run in one call). ``validation_loss`` and ``train_loss`` are the loss of
        these rows at the end of the epoch, with class weights but without the penalty.
        Several scorers have columns by name, too: ``validation_roc_auc``.
    learning_rate_ : float or None
        Initial learning rate used; None for ``'lbfgs'``, which has none.
    n_iter_ : int
        Number of epochs finished in the last call of `fit` or `partial_fit`.
    t_ : int
        Number of samples seen in training, over all calls.
    stop_reason_ : str
        Why training ended: ``'converged'``, ``'early_stopping'``, ``'max_iter'``,
        ``'callback'`` (one of yours ended it), ``'partial_fit'`` (its one epoch is
        done), ``'diverged'``, ``'interrupted'``, or ``'failed'`` (an error in a solver,
        schedule or callback of your own); with ``'lbfgs'`` also ``'max_fun'``, or
        ``'line_search'`` (it found no lower point, mostly for lack of precision).
    n_layers_ : int
        Number of layers, including input and output.
    n_outputs_ : int
        Number of outputs; a regressor has one per target, or per quantile.
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

    Notes
    -----
    ``model.set_callbacks(...)`` (scikit-learn 1.9 or later) sets callbacks, which are
    notified of each epoch: see `skoptnet.callbacks`.

    The same ``random_state`` draws the same initial weights, validation split and
    minibatches as scikit-learn's MLP does, except for the stratified split of more than
    two classes. Training that diverges stops at once and keeps the best earlier
    weights; Ctrl-C keeps those of the last finished epoch or, with ``early_stopping``,
    of the best.

    ``coefs_[k] = W``, ``coefs_[k] *= c``, ``coefs_ = [...]`` and the same for
    ``intercepts_`` change the model: predictions use these values, the next
    `partial_fit` or warm `fit` begins at them, copies and pickles keep them. Each value
    is copied; it must be finite and have the shape of its layer. Arrays handed out
    before an assignment keep their values. A training makes new arrays: ask for
    ``coefs_`` again after each call. Solvers that report an average of the weights
    begin at the assigned values, too, and average from there. Callbacks can set the
    weights during `fit`, which trains on with them.

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
            All classes that will ever occur. Required in the first call, optional
            later.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : object
            The estimator.

        Raises
        ------
        ValueError
            If ``classes`` is missing in the first call or later differs, ``y`` has
            other classes, ``early_stopping`` is True, ``solver`` is ``'lbfgs'``, or
            ``class_weight`` is ``'balanced'``.
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

        It is computed from the raw outputs, so it stays finite where the probability
        rounds to zero.

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
        The two share nothing. Constructor parameters are set as far as scikit-learn
        has them: ``solver='gd'``, ``'sgd'``, ``'momentum'`` and ``'nesterov'`` become
        its ``'sgd'``; ``'adam'`` and ``'lbfgs'`` stay; other solvers (with their
        learning rate), and schedules other than ``'constant'``, ``'invscaling'`` and
        ``'adaptive'``, are left at its defaults. They matter only if it is trained
        further. It then starts with fresh solver memory, and without ``dropout`` and
        the L1 part of the penalty, which it does not have.

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

    def _class_weights(self, Y, whole):
        if self.class_weight is None:
            return None
        labels = [self.classes_.tolist()]
        if self._multilabel:
            labels = [[0, 1]] * Y.shape[1]
        codes = self._class_numbers(Y)
        weights = ClassWeights(self.class_weight, codes, labels, self._multilabel)
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
            return float(np.average(hits if softmax else hits.all(axis=1), weights=w))

        return accuracy

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _chosen(z: Array, out_activation: str) -> Array:
    """Return the class number of each row or, for multilabel targets, each label."""
    return z.argmax(axis=1) if out_activation == "softmax" else z > 0
