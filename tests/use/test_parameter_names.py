"""A name that is not known is answered with the right one.

It may be misspelt, or that of scikit-learn's MLP, Keras, PyTorch, LightGBM or XGBoost.
"""

import inspect
import pickle
import re
import subprocess
import sys
import textwrap

import pytest
from problems import ESTIMATORS, X, small, target
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skoptnet import (
    ELU,
    SGD,
    Adam,
    Adaptive,
    AMSGrad,
    Constant,
    Cosine,
    CosineRestarts,
    HiddenActivations,
    LeakyReLU,
    MLPClassifierX,
    MLPRegressorX,
    Momentum,
    Muon,
    OneCycle,
    Optimizer,
    Piecewise,
    Plateau,
    Polynomial,
    RMSProp,
    StepDecay,
    TabularMLPClassifier,
    TabularMLPRegressor,
    Warmup,
)
from skoptnet._names import closest
from skoptnet.activations import ACTIVATIONS, ReLU
from skoptnet.estimators.base import MLP
from skoptnet.optimizers import OPTIMIZERS
from skoptnet.optimizers.base import hyperparameters
from skoptnet.schedules import SCHEDULES, Schedule

# Name elsewhere, a value, and what is offered here.
ELSEWHERE = [
    ("learning_rate", "adaptive", "lr_schedule"),
    ("learning_rate", "invscaling", "lr_schedule"),
    ("learning_rate", 0.1, "learning_rate_init"),
    ("lr", 0.1, "learning_rate_init"),
    ("eta", 0.1, "learning_rate_init"),
    ("epochs", 50, "max_iter"),
    ("max_epochs", 50, "max_iter"),
    ("n_estimators", 50, "max_iter"),
    ("optimizer", "adam", "solver"),
    ("lr_scheduler", None, "lr_schedule"),
    ("patience", 5, "n_iter_no_change"),
    ("early_stopping_rounds", 5, "n_iter_no_change"),
    ("min_delta", 1e-3, "tol"),
    ("validation_split", 0.2, "validation_fraction"),
    ("hidden_units", (5,), "hidden_layer_sizes"),
    ("layers", (5,), "hidden_layer_sizes"),
    ("batchsize", 32, "batch_size"),
    ("weight_decay", 0.1, "alpha"),
    ("reg_lambda", 0.1, "alpha"),
    ("reg_alpha", 0.1, "l1_ratio"),
    ("dropout_rate", 0.5, "dropout"),
    ("clipnorm", 1.0, "max_grad_norm"),
    ("seed", 0, "random_state"),
    ("eval_metric", "auc", "scoring"),
    ("metrics", ["accuracy"], "scoring"),
    ("gamma", 0.1, "decay_rate"),
    ("step_size", 10, "decay_epochs"),
    ("betas", (0.9, 0.99), "beta_1"),
    ("eps", 1e-8, "epsilon"),
    ("eval_set", [], "X_val"),
    ("validation_data", (), "X_val"),
    # Misspelt.
    ("momentun", 0.9, "momentum"),
    ("hidden_layers_sizes", (5,), "hidden_layer_sizes"),
    ("activaton", "relu", "activation"),
    ("max_iters", 50, "max_iter"),
    ("earlystopping", True, "early_stopping"),
    ("Solver", "adam", "solver"),
]


class Own(MLPClassifierX):
    """A user's subclass, which inherits the constructor."""


class OwnSmall(MLPClassifierX):
    """A user's subclass with a constructor of its own."""

    def __init__(self, n_units=3, *, solver="adam"):
        super().__init__((n_units,), solver=solver)
        self.n_units = n_units


class OwnWrong(MLPRegressorX):
    """A user's subclass that makes the mistake itself."""

    def __init__(self, lr=0.1):
        super().__init__(lr=lr)


class OwnPassing(MLPClassifierX):
    """A user's subclass that passes on what it does not know."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)


class OwnRaising(MLPClassifierX):
    """A user's subclass whose constructor fails by itself."""

    def __init__(self, solver="adam"):
        super().__init__(solver=solver)
        len(3)


def refused(call, error=TypeError):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize("Estimator", [*ESTIMATORS, Own])
@pytest.mark.parametrize(("name", "value", "offered"), ELSEWHERE)
def test_constructor_and_set_params_offer_the_right_name(
    Estimator, name, value, offered
):
    known = sorted(Estimator().get_params())
    made = refused(lambda: Estimator(**{name: value}))
    begin = f"{Estimator.__name__}() got an unexpected keyword argument {name!r}. "
    assert made.startswith(f"{begin}Did you mean {offered!r}")
    assert made.endswith(f"of {Estimator.__name__} are: {', '.join(known)}.")
    model = Estimator(max_iter=7)
    set_ = refused(lambda: model.set_params(max_iter=8, **{name: value}), ValueError)
    begin = f"Invalid parameter {name!r} for estimator {model!r}. "
    assert set_.startswith(f"{begin}Did you mean {offered!r}")
    assert set_.endswith(f"Valid parameters are: {known!r}.")
    assert model.max_iter == 7


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_every_parameter_of_scikit_learns_mlp_is_known_or_answered(Estimator):
    theirs = {MLPClassifierX: MLPClassifier, MLPRegressorX: MLPRegressor}[Estimator]
    passed, known = theirs().get_params(), Estimator().get_params()
    answers = {
        name: refused(lambda n=name: Estimator(**{n: passed[n]}))
        for name in sorted(passed.keys() - known.keys())
    }
    assert list(answers) == ["learning_rate", "nesterovs_momentum"]
    assert "Did you mean 'lr_schedule'?" in answers["learning_rate"]
    assert "solver='nesterov'" in answers["nesterovs_momentum"]


def test_callbacks_are_no_parameter():
    for call, error in (
        (lambda: MLPClassifierX(callbacks=[]), TypeError),
        (lambda: MLPClassifierX().set_params(callbacks=[]), ValueError),
    ):
        assert "Set callbacks before fit, with set_callbacks(" in refused(call, error)


@pytest.mark.parametrize("name", ["nesterovs_momentum", "nesterov", "use_nesterov"])
def test_nesterov_is_a_solver(name):
    for call, error in (
        (lambda: MLPClassifierX(**{name: True}), TypeError),
        (lambda: MLPClassifierX().set_params(**{name: True}), ValueError),
        (lambda: SGD(**{name: True}), TypeError),
    ):
        assert "solver='nesterov'" in refused(call, error)


PARTS = [*OPTIMIZERS.values(), *SCHEDULES.values(), *ACTIVATIONS.values()]
#: Parameters of objects that stand for one of the estimator, or have an advice.
OTHERWISE = {
    "epochs", "monitor", "patience", "power", "schedule", "warmup_steps",
    "weight_decay",
}  # fmt: skip
OF_PARTS = {name for Part in PARTS for name in Part().get_params(deep=False)}


def offered_object(message):
    """Return class and parameter of the object in a message."""
    offered = re.search(
        r"Set '(\w+)' on an object, .*=(\w+)\((\w+)=\.\.\.\)\)", message
    )
    assert offered[1] == offered[3]
    (Part,) = (Part for Part in PARTS if Part.__name__ == offered[2])
    assert f"{Part.parameter_of}={offered[2]}(" in offered[0]
    return Part, offered[1]


@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_parameters_of_an_object_are_set_on_one(Estimator):
    names = OF_PARTS - OTHERWISE - set(Estimator().get_params())
    assert {"average", "beta_3", "final", "milestones", "slope"} <= names
    for name in sorted(names):
        message = refused(lambda name=name: Estimator(**{name: 1}))
        Part, offered = offered_object(message)
        assert offered == name
        assert name in Part().get_params()


@pytest.mark.parametrize(
    ("name", "Part", "offered"),
    [
        ("T_max", Cosine, "epochs"),
        ("eta_min", Cosine, "final"),
        ("T_0", CosineRestarts, "period"),
        ("T_mult", CosineRestarts, "multiplier"),
        ("boundaries", Piecewise, "milestones"),
        ("final_div_factor", OneCycle, "final_div"),
        ("negative_slope", LeakyReLU, "slope"),
        ("average", Adam, "average"),
    ],
)
def test_the_object_is_the_default_or_the_simplest(name, Part, offered):
    for call, error in (
        (lambda: MLPClassifierX(**{name: 10}), TypeError),
        (lambda: MLPClassifierX().set_params(**{name: 10}), ValueError),
        (lambda: MLPClassifierX().fit([[0]], [0], **{name: 10}), TypeError),
    ):
        assert offered_object(refused(call, error)) == (Part, offered)
    if Part is not Adam:  # a constructor without the parameter that takes the object
        assert "on an object" not in refused(lambda: OwnSmall(**{name: 10}))


def test_what_belongs_to_the_other_task_is_said():
    assert "sample_weight of fit" in refused(lambda: MLPRegressorX(class_weight=None))
    assert "cross-entropy" in refused(lambda: MLPClassifierX(loss="log_loss"))
    assert "Did you mean 'loss'?" in refused(lambda: MLPRegressorX(criterion="mse"))


@pytest.mark.parametrize("Estimator", [TabularMLPClassifier, TabularMLPRegressor])
@pytest.mark.parametrize(
    "name",
    [
        "n_estimators", "n_members", "n_networks", "n_folds", "folds", "n_splits",
        "kfold",
    ],
)  # fmt: skip
def test_the_number_of_networks_is_that_of_the_folds(Estimator, name):
    for call, error in (
        (lambda: Estimator(**{name: 8}), TypeError),
        (lambda: Estimator().set_params(**{name: 8}), ValueError),
    ):
        assert "Did you mean 'cv'?" in refused(call, error)
    message = refused(lambda: Estimator().fit(X, X[:, 0], **{name: 8}))
    assert f"Set 'cv' in the constructor: {Estimator.__name__}(cv=8)." in message


#: The parameters of both plain estimators that both for tables lack.
SET_BY_TABLES = sorted(
    MLPClassifierX().get_params().keys()
    & MLPRegressorX().get_params().keys()
    - TabularMLPClassifier().get_params().keys()
    - {"input_scaling", "parametrization"}
)


@pytest.mark.parametrize("Estimator", [TabularMLPClassifier, TabularMLPRegressor])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("input_scaling", "input_scaling=True and parametrization='ntk'"),
        ("parametrization", "input_scaling=True and parametrization='ntk'"),
        ("target_encoding", "Categories of more than max_categories values always"),
        ("loss", "the squared error for regression, the cross-entropy for classes"),
        ("criterion", "the squared error for regression, the cross-entropy for"),
        ("quantile", "the squared error for regression, the cross-entropy for"),
        *(
            (name, "The networks for tables set it themselves")
            for name in SET_BY_TABLES
        ),
    ],
)
def test_what_is_fixed_for_tables_is_said(Estimator, name, words):
    for call, error in (
        (lambda: Estimator(**{name: 1}), TypeError),
        (lambda: Estimator().set_params(**{name: 1}), ValueError),
    ):
        message = refused(call, error)
        assert words in message
        assert "pass the output of a TabularPreprocessor to MLP" in message
        assert "Did you mean" not in message


def test_several_names_are_answered_one_by_one():
    message = refused(lambda: MLPClassifierX(epochs=3, optimizer="sgd", zigzag=1))
    assert (
        "got unexpected keyword arguments 'epochs', 'optimizer', 'zigzag'." in message
    )
    assert "'epochs': Did you mean 'max_iter'?" in message
    assert "'optimizer': Did you mean 'solver'?" in message
    assert "'zigzag':" not in message


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "value", "offered"),
    [
        ("epochs", 50, "Set 'max_iter' in the constructor: {}(max_iter=50)"),
        ("batch_size", 32, "Set 'batch_size' in the constructor: {}(batch_size=32)"),
        ("verbose", 1, "{}(verbose=1)"),
        ("lr", 0.1, "{}(learning_rate_init=0.1)"),
        ("learning_rate", "adaptive", "{}(lr_schedule='adaptive')"),
        ("optimizer", "sgd", "{}(solver='sgd')"),
        ("patience", 5, "{}(n_iter_no_change=5)"),
        ("validation_split", 0.2, "{}(validation_fraction=0.2)"),
        ("eval_metric", "auc", "{}(scoring='auc')"),
        ("early_stopping_rounds", 5, "{}(n_iter_no_change=5)"),
        ("momentun", 0.9, "{}(momentum=0.9)"),
        ("callbacks", [], "set_callbacks"),
        ("eval_set", [], "Did you mean 'X_val' and 'y_val'"),
        ("validation_data", (), "Did you mean 'X_val' and 'y_val'"),
        ("sample_weights", None, "Did you mean 'sample_weight'?"),
        ("sample_weigth", None, "Did you mean 'sample_weight'?"),
    ],
)
@pytest.mark.parametrize("Estimator", ESTIMATORS)
def test_arguments_of_fit_are_answered(Estimator, method, name, value, offered):
    model = Estimator()
    fit = getattr(model, method)
    message = refused(lambda: fit(X, target(Estimator), **{name: value}))
    called = f"{Estimator.__name__}.{method}"
    assert message.startswith(f"{called}() got an unexpected keyword argument {name!r}")
    if (method, name) == ("partial_fit", "epochs"):
        offered = "A call of partial_fit is one epoch: call it again, or use fit"
    assert offered.format(Estimator.__name__) in message
    assert f"The arguments of {called} are: X, " in message
    assert not hasattr(model, "coefs_")


def test_arguments_of_the_other_method_are_known():
    y = target(MLPClassifierX)
    model = MLPClassifierX()
    message = refused(lambda: model.partial_fit(X, y, X_val=X))
    assert "Did you mean 'X_val' of fit?" in message
    message = refused(lambda: model.fit(X, y, classes=[0, 1]))
    assert "Did you mean 'classes' of partial_fit?" in message
    message = refused(lambda: MLPClassifierX(X_val=X))
    assert "Did you mean 'X_val' of fit?" in message


def test_a_missing_argument_names_the_class_that_was_called():
    message = refused(lambda: Own().fit(X))
    assert message == "Own.fit() missing 1 required positional argument: 'y'"


def test_errors_of_a_fit_itself_stay_as_they_are():
    def score(estimator, rows, y):
        return "high"

    model = small(MLPClassifierX, scoring=score, early_stopping=True)
    with pytest.raises(TypeError, match="must return one number"):
        model.fit(X, target(MLPClassifierX))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: Adam(lr=0.01),
            "MLPClassifierX(solver=Adam(...), learning_rate_init=0.",
        ),
        (lambda: Adam(learning_rate=0.01), "Set 'learning_rate_init' of the estimator"),
        (lambda: Adam(learning_rate_init=0.01), "Set 'learning_rate_init' of the est"),
        (lambda: Adam(learning_rate="step"), "Set 'lr_schedule' of the estimator"),
        (lambda: Adam(clipnorm=1.0), "Set 'max_grad_norm' of the estimator"),
        (lambda: Adam(betas=(0.9, 0.99)), "Did you mean 'beta_1' and 'beta_2'?"),
        (lambda: Adam(beta1=0.9), "Did you mean 'beta_1'?"),
        (lambda: Adam(eps=1e-8), "Did you mean 'epsilon'?"),
        (lambda: Adam(momentum=0.9), "Did you mean 'beta_1'?"),
        (lambda: Adam(amsgrad=True), "solver='amsgrad'"),
        (lambda: Adam(weight_deacy=0.1), "Did you mean 'weight_decay'?"),
        (lambda: SGD(momentum=0.9), "Momentum(momentum=...)"),
        (lambda: RMSProp(alpha=0.99), "Did you mean 'rho'?"),
        (lambda: RMSProp(centered=True), "solver='centered_rmsprop'"),
        (lambda: StepDecay(step_size=10), "Did you mean 'decay_epochs'?"),
        (lambda: StepDecay(gamma=0.1), "Did you mean 'decay_rate'?"),
        (lambda: StepDecay(lr=0.1), "lr_schedule=StepDecay(...), learning_rate_init="),
        (lambda: Piecewise(gamma=0.1), "Did you mean 'factor'?"),
        (lambda: Adaptive(gamma=0.1), "Did you mean 'factor'?"),
        (lambda: Cosine(T_max=10), "Did you mean 'epochs'?"),
        (lambda: Cosine(eta_min=0.1), "Did you mean 'final'?"),
        (lambda: CosineRestarts(T_0=10), "Did you mean 'period'?"),
        (lambda: CosineRestarts(T_mult=2), "Did you mean 'multiplier'?"),
        (lambda: OneCycle(max_lr=0.1), "Set 'learning_rate_init' of the estimator"),
        (lambda: OneCycle(final_div_factor=9), "Did you mean 'final_div'?"),
        (lambda: Polynomial(total_iters=9), "Did you mean 'epochs'?"),
        (lambda: Plateau(min_delta=0.1), "Did you mean 'threshold'?"),
        (lambda: Warmup(warmup_epochs=2), "Did you mean 'epochs'?"),
        (lambda: LeakyReLU(negative_slope=0.2), "Did you mean 'slope'?"),
        (lambda: Constant(lr=0.1), "Set 'learning_rate_init' of the estimator"),
        (lambda: ELU(alfa=0.2), "Did you mean 'alpha'?"),
        (
            lambda: HiddenActivations(MLPClassifierX(), layers=0),
            "Did you mean 'layer'?",
        ),
    ],
)
def test_solvers_schedules_and_activations_answer_too(make, words):
    message = refused(make)
    assert "() got an unexpected keyword argument '" in message
    assert words in message


@pytest.mark.parametrize("Part", PARTS)
def test_set_params_of_a_part_answers(Part):
    part = Part()
    message = refused(lambda: part.set_params(lr=0.1), ValueError)
    assert f"MLPClassifierX({Part.parameter_of}={Part.__name__}(...)," in message
    assert "learning_rate_init=0.1)" in message
    assert repr(sorted(part.get_params())) in message


def test_names_within_a_pipeline_a_search_and_an_object():
    message = refused(
        lambda: make_pipeline(StandardScaler(), MLPClassifierX()).set_params(
            mlpclassifierx__lr=0.1
        ),
        ValueError,
    )
    assert "Did you mean 'learning_rate_init'?" in message
    model = MLPClassifierX(solver=Adam())
    message = refused(lambda: model.set_params(solver__lr=0.1), ValueError)
    assert "Set 'learning_rate_init' of the estimator" in message
    search = GridSearchCV(small(MLPClassifierX), {"epochs": [1]}, cv=2)
    message = refused(lambda: search.fit(X, target(MLPClassifierX)), ValueError)
    assert "Did you mean 'max_iter'?" in message


@pytest.mark.parametrize("Part", [Constant, ReLU])
def test_a_class_without_parameters_says_so(Part):
    assert refused(lambda: Part(0.1)) == f"{Part.__name__} has no parameters. Got 0.1."
    assert Part().get_params() == {}


def test_positional_arguments_beyond_the_first_two_are_named():
    message = refused(lambda: MLPClassifierX((5,), "relu", "sgd", 0.1))
    assert message.startswith(
        "MLPClassifierX takes its parameters by name, except hidden_layer_sizes and"
        " activation. Got 'sgd', 0.1 by position."
    )


def test_subclasses_of_users_are_named_where_they_are_called():
    assert "Own() got an unexpected keyword argument 'lr'" in refused(lambda: Own(lr=1))
    message = refused(lambda: OwnSmall(epochs=3))
    assert message.startswith("OwnSmall() got an unexpected")
    assert message.endswith("The parameters of OwnSmall are: n_units, solver.")
    assert refused(OwnWrong).startswith("MLPRegressorX() got an unexpected keyword")
    assert refused(lambda: OwnPassing(lr=1)).startswith("MLPClassifierX() got an unexp")
    assert "object of type 'int' has no len()" in refused(OwnRaising)


@hyperparameters
class OwnDeclared(Optimizer):
    strength: float = 0.5

    def step(self, theta, g, state, rate, xp):
        theta -= self.strength * rate * g


class OwnWritten(Optimizer):
    def __init__(self, strength=0.5, *, weight_decay=0.0, average=0.0):
        super().__init__(weight_decay=weight_decay, average=average)
        self.strength = strength

    def step(self, theta, g, state, rate, xp):
        theta -= self.strength * rate * g


class OwnSchedule(Schedule):
    def __init__(self, strength=0.5):
        self.strength = strength

    def __call__(self, clock):
        return self.strength


@pytest.mark.parametrize("Part", [OwnDeclared, OwnWritten, OwnSchedule])
def test_parts_of_users_answer(Part):
    assert "Did you mean 'strength'?" in refused(lambda: Part(strenght=0.1))
    assert "learning_rate_init=0.1" in refused(lambda: Part(lr=0.1))


def test_what_a_constructor_declares_is_what_is_seen():
    """Signatures, and with them clone, get_params and editors, are those written."""
    for cls in (*ESTIMATORS, Own, OwnSmall, OwnWritten, OwnSchedule, Momentum, Muon):
        written = inspect.unwrap(cls.__init__)
        assert inspect.signature(cls.__init__) == inspect.signature(written)
        assert cls.__init__.__doc__ == written.__doc__
        assert cls.__init__.__qualname__ == written.__qualname__
        model = cls()
        assert clone(model).get_params() == model.get_params()
    for method in (MLP.fit, MLPClassifierX.partial_fit, MLPRegressorX.partial_fit):
        assert list(inspect.signature(method).parameters)[:3] == ["self", "X", "y"]
    assert not hasattr(inspect.unwrap(AMSGrad.__init__), "__wrapped__")


def test_a_constructor_is_wrapped_once_and_leaves_no_frame_in_a_good_call():
    depth = []

    class Deep(MLPClassifierX):
        def __init__(self, solver="adam"):
            super().__init__(solver=solver)
            frame = sys._getframe()
            while frame:
                depth.append(frame.f_code.co_name)
                frame = frame.f_back

    Deep()
    assert depth.count("explaining") == 1


def test_models_of_users_reach_other_processes():
    """Classes of a script go there by value, with their constructors."""
    script = """
        from joblib import Parallel, delayed
        from skoptnet import MLPClassifierX, Optimizer
        from skoptnet.optimizers.base import hyperparameters

        class Mine(MLPClassifierX):
            def __init__(self, n_units=3):
                super().__init__((n_units,))
                self.n_units = n_units

        @hyperparameters
        class Plain(Optimizer):
            strength: float = 0.5
            def step(self, theta, g, state, rate, xp):
                theta -= rate * g

        def there(cls, name):
            cls()
            try:
                cls(**{name: 1})
            except TypeError as error:
                return str(error)

        if __name__ == "__main__":
            jobs = [delayed(there)(Mine, "epochs"), delayed(there)(Plain, "lr")]
            for message in Parallel(n_jobs=2)(jobs):
                print(message)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=True,
    )
    mine, plain = done.stdout.splitlines()
    assert mine == (
        "Mine() got an unexpected keyword argument 'epochs'. The parameters of Mine"
        " are: n_units."
    )
    assert plain.startswith(
        "Plain() got an unexpected keyword argument 'lr'. Set 'lear"
    )


def test_objects_are_pickled_as_before():
    for thing in (
        MLPClassifierX(max_iter=3),
        OwnSmall(4),
        Adam(beta_1=0.5),
        OwnDeclared(),
    ):
        twin = pickle.loads(pickle.dumps(thing))
        assert twin.get_params() == thing.get_params()


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("cos", ["coslog", "cosine_restarts", "cosine"], "cosine"),
        ("Cosine-Restarts", ["cosine", "cosine_restarts"], "cosine_restarts"),
        ("cosine_annealing", ["cosine", "constant"], "cosine"),
        ("poly", ["piecewise", "polynomial", "plateau"], "polynomial"),
        ("nestrov", ["nesterov", "nadam"], "nesterov"),
        ("sigmoid", ["logistic", "silu"], "logistic"),
        ("mse", ["absolute_error", "squared_error"], "squared_error"),
        ("xyz", ["adam", "sgd"], None),
        ("", ["adam"], None),
    ],
)
def test_the_closest_name_begins_alike_or_has_most_letters_in_common(
    word, known, meant
):
    for order in (known, known[::-1], set(known)):
        assert closest(word, order) == meant
