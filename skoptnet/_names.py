"""Unknown parameter names: errors that suggest the right one.

Users of scikit-learn's MLP, Keras, PyTorch, LightGBM or XGBoost know the names of these
libraries. The error about such a name gives its counterpart here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import SequenceMatcher
from functools import wraps
from operator import itemgetter
from typing import Any, ClassVar, TypeVar, cast

from ._sklearn import BaseEstimator

__all__ = ["Parametrized", "closest", "explains_names"]

_Method = TypeVar("_Method", bound=Callable)

# The names of each parameter in other libraries. A name may be in several rows: then
# the first parameter that the class has is suggested.
_PARAMETERS = {
    "decay_epochs": "step_size decay_steps epochs_drop",
    "learning_rate_init": "lr eta eta0 lr0 base_lr max_lr init_lr initial_lr step_size"
    " initial_learning_rate learning_rate_initial rate",
    "lr_schedule": "scheduler schedule lr_scheduler learning_rate_schedule"
    " learning_rate_scheduler lr_policy",
    "solver": "optimizer optimiser optim opt algorithm optimizer_class",
    "cv": "n_estimators n_members n_networks n_folds folds n_splits kfold",
    "max_iter": "epochs epoch max_epoch n_epoch n_epochs num_epochs max_epochs"
    " nb_epoch nb_epochs n_iter num_iter iterations n_iterations num_iterations"
    " n_estimators num_boost_round num_boost_rounds num_rounds steps",
    "n_iter_no_change": "patience early_stopping_rounds early_stopping_round"
    " early_stopping_patience n_iter_no_improvement",
    "tol": "min_delta tolerance early_stopping_min_delta",
    "validation_fraction": "validation_split validation_size val_split val_fraction"
    " valid_fraction train_split val_size valid_size test_size",
    "scoring": "metric metrics eval_metric monitor",
    "hidden_layer_sizes": "hidden_units hidden_layers hidden_sizes hidden_size hidden"
    " hidden_dim hidden_dims layers layer_sizes units n_hidden n_units num_units"
    " n_layers num_layers dense_layers width depth",
    "activation": "activation_function activation_fn activations act nonlinearity",
    "batch_size": "batchsize minibatch_size mini_batch_size bs",
    "dropout": "dropout_rate drop_rate dropout_p p_dropout dropouts",
    "alpha": "l2 l2_reg l2_regularization l2_regularisation reg_lambda lambda_l2"
    " lambda_ penalty regularization weight_decay kernel_regularizer"
    " l2_penalty regularizer C",
    "l1_ratio": "l1 l1_reg reg_alpha lambda_l1",
    "max_grad_norm": "clipnorm clip_norm clipvalue global_clipnorm grad_clip max_norm"
    " gradient_clip gradient_clip_val gradient_clipping gradient_clip_norm",
    "random_state": "seed random_seed rng generator",
    "verbose": "verbosity",
    "class_weight": "class_weights scale_pos_weight is_unbalance pos_weight",
    "label_smoothing": "smoothing label_smooth",
    "loss": "criterion objective loss_fn loss_function",
    "huber_delta": "delta huber_slope",
    "quantile": "quantiles tau quantile_alpha",
    "momentum": "beta mu",
    "rho": "alpha smoothing_constant decay_rate",
    "beta_1": "beta1 betas b1 momentum",
    "beta_2": "beta2 betas b2 rho",
    "beta_3": "beta3 betas b3",
    "epsilon": "eps delta",
    "decay_rate": "gamma lr_decay decay drop_factor",
    "factor": "gamma decay_rate factors",
    "milestones": "boundaries",
    "final": "eta_min alpha end_factor min_lr end_value end_learning_rate",
    "min_rate": "eta_min min_lr",
    "min_factor": "min_lr",
    "period": "T_0 first_decay_steps",
    "multiplier": "T_mult t_mul",
    "epochs": "T_max total_steps total_iters decay_steps warmup_epochs warmup_steps",
    "warmup": "warmup_epochs warmup_steps",
    "threshold": "min_delta tol",
    "power_t": "power",
    "div_factor": "start_div",
    "final_div": "final_div_factor",
    "slope": "negative_slope leakiness",
    "X_val": "validation_data eval_set eval_X X_valid X_validation X_eval valid_sets",
    "y_val": "eval_y y_valid y_validation y_eval",
    "sample_weight_val": "eval_sample_weight sample_weight_eval_set",
    "sample_weight": "sample_weights weights weight",
}

# Additions to a suggested name.
_WITH = {
    "early_stopping_rounds": " (with early_stopping=True)",
    "early_stopping_round": " (with early_stopping=True)",
    "validation_data": " and 'y_val'",
    "eval_set": " and 'y_val'",
    "valid_sets": " and 'y_val'",
    "betas": " and 'beta_2'",
    "l1": " (the share of alpha that is L1)",
    "reg_alpha": " (the share of alpha that is L1)",
    "lambda_l1": " (the share of alpha that is L1)",
    "weight_decay": " (or an object, solver=AdamW(weight_decay=...))",
}

# Names without a counterpart, and what to do instead.
_NESTEROV = (
    "Nesterov's momentum is a separate solver: solver='nesterov'; 'momentum' is the"
    " classical one."
)
_FIRST_WEIGHTS = (
    "The first weights are drawn with random_state, as 'parametrization' says; coefs_"
    " and intercepts_ can be set after fit."
)
_WARMUP = (
    "A warm-up is a schedule: lr_schedule='warmup', or Warmup(schedule, epochs=...)."
)
_ADVICE = {
    "nesterovs_momentum": _NESTEROV,
    "nesterov": _NESTEROV,
    "use_nesterov": _NESTEROV,
    "amsgrad": "AMSGrad is a separate solver: solver='amsgrad'.",
    "centered": "Centered RMSProp is a separate solver: solver='centered_rmsprop'.",
    "callbacks": "Set callbacks before fit, with set_callbacks(...); this requires"
    " scikit-learn 1.9.",
    "callback": "Set callbacks before fit, with set_callbacks(...); this requires"
    " scikit-learn 1.9.",
    "restore_best_weights": "early_stopping=True always keeps the best weights.",
    "momentum": "Solvers with momentum are 'momentum' and 'nesterov', as objects"
    " Momentum(momentum=...) and Nesterov(momentum=...).",
    "class_weight": "Weight the rows with sample_weight of fit.",
    "loss": "The loss of a classifier is the cross-entropy, with label_smoothing.",
    "init": _FIRST_WEIGHTS,
    "weight_init": _FIRST_WEIGHTS,
    "kernel_initializer": _FIRST_WEIGHTS,
    "warmup_epochs": _WARMUP,
    "warmup_steps": _WARMUP,
    "device": "Training always runs on the CPU.",
    "n_jobs": "Training uses one process; a search runs its candidates in parallel.",
}

# Parameters of the estimator that other libraries have in the solver or schedule.
_OF_THE_ESTIMATOR = {
    "learning_rate_init", "lr_schedule", "max_grad_norm", "max_iter", "batch_size",
    "random_state", "verbose", "tol", "n_iter_no_change",
}  # fmt: skip

# Values of parameters in other libraries, and their names here.
_VALUES = {
    "sigmoid": ("logistic",),
    "linear": ("identity",),
    "none": ("identity", "constant"),
    "swish": ("silu",),
    "heavyball": ("momentum",),
    "sgdmomentum": ("momentum",),
    "nag": ("nesterov",),
    "batch": ("gd",),
    "multistep": ("piecewise",),
    "multisteplr": ("piecewise",),
    "reducelronplateau": ("plateau",),
    "reduceonplateau": ("plateau",),
    "sgdr": ("cosine_restarts",),
    "cosineannealingwarmrestarts": ("cosine_restarts",),
    "mse": ("squared_error", "neg_mean_squared_error"),
    "l2": ("squared_error",),
    "mae": ("absolute_error", "neg_mean_absolute_error"),
    "l1": ("absolute_error",),
    "pinball": ("quantile",),
    "auc": ("roc_auc",),
}

_TARGETS: dict[str, list[str]] = {}
for _target, _names in _PARAMETERS.items():
    for _name in _names.split():
        _TARGETS.setdefault(_name, []).append(_target)


def _letters(word: str) -> str:
    return re.sub(r"[\W_]+", "", word.lower())


def closest(word: str, known: Iterable[str]) -> str | None:
    """Return the known name that is closest to a word, if there is one.

    A name that begins with the word, or is the beginning of it, comes before one that
    has letters in common with it; between equally close names, the alphabet decides.
    """
    known, word = sorted(known), _letters(word)
    for name in _VALUES.get(word, ()):
        if name in known:
            return name
    ranked = []
    for name in known:
        letters = _letters(name)
        begins = letters.startswith(word) or word.startswith(letters)
        begins = begins and min(len(letters), len(word)) >= 3
        ratio = SequenceMatcher(None, word, letters).ratio()
        if begins or ratio >= 0.6:
            ranked.append((not begins, -ratio, name))
    return min(ranked)[-1] if ranked else None


class Parametrized(BaseEstimator):
    """Base class of everything with parameters, with errors that explain unknown names.

    `inspect`, scikit-learn and editors see the signatures as they are written.

    Attributes
    ----------
    parameter_of : str
        The parameter of the estimators that takes objects of the class, "" for the
        estimators themselves.
    parts : dict of dicts
        For each parameter that takes an object, the classes to choose from, by name.
    advice : dict of str
        What to do instead of setting parameters that the class lacks, by their names.
    """

    parameter_of: ClassVar[str] = ""
    parts: ClassVar[Mapping[str, Mapping[str, type]]] = {}
    advice: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        """Take no parameters, unless a subclass has some."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Let the constructor explain unknown names."""
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            # Editors would take a plain assignment for the constructor's definition.
            setattr(cls, "__init__", explains_names(cls.__init__))  # noqa: B010

    def set_params(self, **params: Any) -> Any:
        """Set parameters, as `sklearn.base.BaseEstimator.set_params`."""
        given = {name.partition("__")[0]: value for name, value in params.items()}
        if not given.keys() <= vars(self).keys():
            call = _Call(type(self), "__init__")
            unknown = {n: given[n] for n in given if n not in call.known}
            if unknown:
                raise ValueError(
                    f"Invalid parameter {_listed(unknown)} for estimator {self!r}."
                    f"{call.hints(unknown)} Valid parameters are: {call.known!r}."
                )
        return super().set_params(**params)


def explains_names(method: _Method) -> _Method:
    """Let a method raise its own error about unknown keywords, instead of Python's.

    A valid call costs one more function call.
    """
    if hasattr(method, "_explains_names"):
        return method

    @wraps(method)
    def explaining(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except TypeError as error:
            message = _refusal(self, method, args, kwargs, error)
            if not message:
                raise
        raise TypeError(message)

    explaining._explains_names = True  # type: ignore[attr-defined]
    return cast(_Method, explaining)


# Its subclasses are wrapped as they are made; it is the constructor of those without
# parameters.
setattr(Parametrized, "__init__", explains_names(Parametrized.__init__))  # noqa: B010


class _Call:
    """A call of the constructor, or of `fit` or `partial_fit`, of a class.

    Parameters
    ----------
    cls : type
        The class.
    place : str
        The name of the method.

    Attributes
    ----------
    known : list of str
        The names of its arguments, sorted.
    """

    def __init__(self, cls: Any, place: str):
        self.cls, self.place = cls, place
        self.is_constructor = place == "__init__"
        self.known = _names_of(getattr(cls, place))

    def hints(self, unknown: Mapping[str, Any]) -> str:
        """Return the hints for arguments that are not known."""
        hints = {name: self._hint(name, value) for name, value in unknown.items()}
        return "".join(
            f" {name!r}: {hint}" if len(unknown) > 1 else f" {hint}"
            for name, hint in hints.items()
            if hint
        )

    def _hint(self, name: str, value: Any) -> str:
        """Return the hint for one argument, "" if there is none."""
        targets = _targets(name, value)
        cls, note = self.cls, _WITH.get(name, "")
        for target in targets:
            if target in self.known:
                return f"Did you mean {target!r}{note}?"
        for target in targets:
            if cls.parameter_of and target in _OF_THE_ESTIMATOR:
                example = _on_the_estimator(cls, target, value)
                return f"Set {target!r} of the estimator: {example}."
        for place in ("__init__", "fit", "partial_fit"):
            theirs = _names_of(getattr(cls, place, None))
            for target in targets:
                if target in theirs and place != "__init__":
                    return f"Did you mean {target!r}{note} of {place}?"
                if target in theirs:
                    return self._in_constructor(target, value)
        advice = {**_ADVICE, **cls.advice}
        for target in targets:
            if target in advice:
                return advice[target]
        return self._on_a_part(targets) or self._nearest(name, value)

    def _on_a_part(self, targets: list[str]) -> str:
        """Return the hint for a parameter of an object, such as a schedule.

        The object is the default of the class or, if that has no such parameter, the
        one with the fewest parameters.
        """
        own = inspect.signature(self.cls.__init__).parameters
        for target in targets:
            owners = [
                (own[place].default != name, len(names), f"{place}={Part.__name__}")
                for place in own if place in self.cls.parts
                for name, Part in self.cls.parts[place].items()
                if target in (names := _names_of(Part.__init__))
            ]  # fmt: skip
            if owners:
                *_, chosen = min(owners, key=itemgetter(0, 1))
                such_as = "such as " if len(owners) > 1 else ""
                example = f"{self.cls.__name__}({chosen}({target}=...))"
                return f"Set {target!r} on an object, {such_as}{example}."
        return ""

    def _in_constructor(self, name: str, value: Any) -> str:
        if (self.place, name) == ("partial_fit", "max_iter"):
            return (
                "A call of partial_fit is one epoch: call it again, or use fit with"
                f" max_iter={_short(value)}."
            )
        example = f"{self.cls.__name__}({name}={_short(value)})"
        return f"Set {name!r} in the constructor: {example}."

    def _nearest(self, name: str, value: Any) -> str:
        """Return the hint for what may be a misspelling."""
        near = closest(name, self.known)
        if near:
            return f"Did you mean {near!r}?"
        near = closest(name, _names_of(self.cls.__init__))
        return self._in_constructor(near, value) if near else ""


def _refusal(
    owner: Any, method: Callable, args: tuple, kwargs: dict, error: TypeError
) -> str:
    """Return the error message for the arguments of a call, "" if they are valid."""
    signature = inspect.signature(method)
    try:
        signature.bind(owner, *args, **kwargs)
    except TypeError:
        pass
    else:
        return ""
    call = _Call(_class_of(owner, method), method.__name__)
    name = call.cls.__name__
    called = name if call.is_constructor else f"{name}.{call.place}"
    unknown = {n: value for n, value in kwargs.items() if n not in call.known}
    if unknown:
        noun = "parameters" if call.is_constructor else "arguments"
        s = "s" if len(unknown) > 1 else ""
        return (
            f"{called}() got {'' if s else 'an '}unexpected keyword argument{s}"
            f" {_listed(unknown)}."
            f"{call.hints(unknown)} {_all(called, noun, call.known)}"
        )
    by_position = [
        p.name
        for p in signature.parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ][1:]
    if call.is_constructor and len(args) > len(by_position):
        return _by_name(call, by_position, args)
    return str(error).replace(f"{method.__qualname__}()", f"{called}()")


def _by_name(call: _Call, by_position: list[str], args: tuple) -> str:
    """Return the message for parameters that were passed by position."""
    name = call.cls.__name__
    surplus = ", ".join(map(_short, args[len(by_position) :]))
    if not call.known:
        return f"{name} has no parameters. Got {surplus}."
    other = f", except {' and '.join(by_position)}" if by_position else ""
    message = f"{name} takes its parameters by name{other}. Got {surplus} by position."
    if call.cls.parameter_of == "solver":
        message += (
            " A learning rate is set on the estimator:"
            f" {_on_the_estimator(call.cls, 'learning_rate_init', args[0])}."
        )
    return f"{message} {_all(name, 'parameters', call.known)}"


def _class_of(owner: Any, method: Callable) -> type:
    """Return the class whose method was called.

    It is the class of the object, unless its constructor called that of a base class.
    """
    constructors = [
        (base, inspect.unwrap(vars(base)["__init__"]))
        for base in type(owner).__mro__
        if "__init__" in vars(base)
    ]
    if method.__name__ == "__init__" and constructors[0][1] is not method:
        return next(
            (base for base, init in constructors if init is method), type(owner)
        )
    return type(owner)


def _names_of(method: Callable | None) -> list[str]:
    """Return the names of the arguments of a method, without self, sorted."""
    if method is None:
        return []
    parameters = list(inspect.signature(method).parameters.values())[1:]
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return sorted(p.name for p in parameters if p.kind not in several)


def _targets(name: str, value: Any) -> list[str]:
    """Return the parameters that a name may stand for, itself included."""
    if name == "learning_rate":  # scikit-learn's schedule; elsewhere the rate
        return ["lr_schedule" if isinstance(value, str) else "learning_rate_init"]
    return [name, *_TARGETS.get(name, ())]


def _on_the_estimator(cls: Any, name: str, value: Any) -> str:
    part = f"{cls.parameter_of}={cls.__name__}(...)"
    return f"MLPClassifierX({part}, {name}={_short(value)})"


def _all(called: str, noun: str, known: list[str]) -> str:
    if not known:
        return f"{called} has no {noun}."
    return f"The {noun} of {called} are: {', '.join(known)}."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def _short(value: Any) -> str:
    """Return the representation of a value, "..." if it is long."""
    is_short = isinstance(value, (str, float, bool)) or (
        isinstance(value, int) and value.bit_length() < 64
    )
    text = repr(value) if is_short else "..."
    return text if len(text) <= 30 else "..."
