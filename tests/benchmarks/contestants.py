"""Who takes part in the benchmarks, and the problems they are given.

Every contestant trains the same network on the same rows and with the same objective,
from a first draw of its own. `ready` makes those who can for a problem; they then train
as often as they are asked to.
"""

import importlib
import os
import shutil
import tempfile
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skoptnet import MLPClassifierX, MLPRegressorX

#: "base", "avx2", ... measures the kernels with this instruction set, else the highest.
KERNELS = os.environ.get("SKOPTNET_KERNELS", "1")

LEARNING_RATE = 0.001
ALPHA = 1e-4
MOMENTUM = 0.9

#: Fewer epochs than this are never shortened further, so that what a fit costs once
#: (checking the rows, drawing the weights) weighs alike for all.
FEW_EPOCHS = 10


@dataclass(frozen=True)
class Shape:
    """Sizes of a problem; the epochs make a fit last between 0.02 and 2 seconds."""

    rows: int
    columns: int
    hidden: tuple[int, ...]
    batch: int
    classes: int
    epochs: int

    def __str__(self) -> str:
        return f"{self.rows} x {self.columns}, {self.hidden}, {self.batch}"


SHAPES = [
    Shape(150, 4, (100,), 50, 3, epochs=2000),
    Shape(1500, 5, (32, 32), 10, 3, epochs=200),
    Shape(1797, 64, (100,), 200, 10, epochs=200),
    Shape(20_000, 100, (100, 50), 200, 5, epochs=20),
    Shape(60_000, 784, (256,), 200, 10, epochs=2),
    Shape(8192, 1024, (1024, 1024), 256, 10, epochs=2),
]


class Problem:
    """A shape filled with random rows and targets, and how to train on it.

    Random targets cannot be learnt by much, so the training goes on at full work,
    far from zero losses and the subnormal numbers that come with these.
    """

    def __init__(
        self,
        shape: Shape,
        dtype: str,
        solver: str = "adam",
        activation: str = "relu",
        task: str = "classification",
    ):
        self.shape, self.dtype, self.task = shape, np.dtype(dtype), task
        self.solver, self.activation = solver, activation
        rng = np.random.default_rng(0)
        self.X = rng.standard_normal((shape.rows, shape.columns), dtype=self.dtype)
        if task == "classification":
            self.y = rng.integers(0, shape.classes, shape.rows)
        else:
            self.y = rng.standard_normal(shape.rows, dtype=self.dtype)
        outputs = shape.classes if task == "classification" else 1
        self.sizes = (shape.columns, *shape.hidden, outputs)
        self.batch = shape.rows if solver == "gd" else shape.batch
        self.updates_per_epoch = -(-shape.rows // self.batch)

    def epochs(self, share: float) -> int:
        """Return the number of epochs for a contestant's share of the work."""
        return max(min(self.shape.epochs, FEW_EPOCHS), round(share * self.shape.epochs))


class Contestant(ABC):
    """One way of training.

    Attributes
    ----------
    name : str
        What the tables call it.
    module : str
        What has to be importable for it.
    share : float
        The part of the problem's epochs that it makes: figures are per update, and
        with fewer of them the slow ones do not take most of the time. `FEW_EPOCHS`
        are always made.
    """

    name: str
    module: str = "skoptnet"
    share: float = 1.0

    def __init__(self, problem: Problem):
        self.problem = problem
        self.epochs = problem.epochs(self.share)

    @classmethod
    def missing(cls) -> str | None:
        """Return why it cannot take part at all, or None."""
        try:
            importlib.import_module(cls.module)
        except ImportError as error:
            return str(error)
        return None

    @classmethod
    def takes(cls, problem: Problem) -> bool:
        """Tell whether it can train like that."""
        return True

    def fit(self) -> int:
        """Train from the start and return the number of updates made."""
        return self.train(self.epochs)

    @abstractmethod
    def train(self, epochs: int) -> int:
        """Train from the start for some epochs; return the number of updates."""


class Estimator(Contestant):
    """Whole fits of an estimator, which stop at nothing before the last epoch."""

    @abstractmethod
    def model(self, epochs: int) -> Any:
        """Return a new estimator."""

    def parameters(self, epochs: int) -> dict[str, Any]:
        """Return the constructor parameters that both libraries have."""
        problem = self.problem
        return {
            "hidden_layer_sizes": problem.shape.hidden,
            "activation": problem.activation,
            "alpha": ALPHA,
            "batch_size": problem.batch,
            "learning_rate_init": LEARNING_RATE,
            "max_iter": epochs,
            "n_iter_no_change": epochs,
            "tol": 0,
            "random_state": 0,
        }

    def train(self, epochs):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = self.model(epochs).fit(self.problem.X, self.problem.y)
        return model.n_iter_ * self.problem.updates_per_epoch


class Skoptnet(Estimator):
    """This package, with its compiled kernels where they are installed."""

    name = "skoptnet"
    kernels = True

    def model(self, epochs):
        classifies = self.problem.task == "classification"
        estimator = MLPClassifierX if classifies else MLPRegressorX
        return estimator(solver=self.problem.solver, **self.parameters(epochs))

    def train(self, epochs):
        os.environ["SKOPTNET_KERNELS"] = KERNELS if self.kernels else "0"
        return super().train(epochs)


class Readable(Skoptnet):
    """This package without its kernels."""

    name = "readable"
    share = 0.2
    kernels = False


class ScikitLearn(Estimator):
    """scikit-learn's MLP, for the solvers it has."""

    name = "scikit-learn"
    module = "sklearn"
    share = 0.1
    solvers: ClassVar[dict[str, dict[str, Any]]] = {
        "adam": {"solver": "adam"},
        "gd": {"solver": "sgd", "momentum": 0},
        "sgd": {"solver": "sgd", "momentum": 0},
        "momentum": {
            "solver": "sgd",
            "momentum": MOMENTUM,
            "nesterovs_momentum": False,
        },
        "nesterov": {"solver": "sgd", "momentum": MOMENTUM},
    }
    activations = frozenset({"identity", "logistic", "tanh", "relu"})

    @classmethod
    def takes(cls, problem):
        return problem.solver in cls.solvers and problem.activation in cls.activations

    def model(self, epochs):
        classifies = self.problem.task == "classification"
        estimator = MLPClassifier if classifies else MLPRegressor
        return estimator(**self.solvers[self.problem.solver], **self.parameters(epochs))


class Torch(Contestant):
    """An eager PyTorch loop on tensors, without a DataLoader."""

    name = "torch"
    module = "torch"
    share = 0.2
    solvers = frozenset(
        {"adam", "gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop"}
    )
    activations = frozenset({"identity", "logistic", "tanh", "relu"})

    @classmethod
    def takes(cls, problem):
        return problem.solver in cls.solvers and problem.activation in cls.activations

    def __init__(self, problem):
        import torch

        super().__init__(problem)
        self.torch = torch
        self.X, self.y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
        if problem.task == "regression":
            self.y = self.y[:, None]

    def train(self, epochs):
        torch, problem = self.torch, self.problem
        net = self.net()
        optimizer = self.optimizer(net.parameters())
        classifies = problem.task == "classification"
        criterion = torch.nn.CrossEntropyLoss() if classifies else torch.nn.MSELoss()
        for _ in range(epochs):
            order = torch.randperm(problem.shape.rows)
            for rows in order.split(problem.batch):
                optimizer.zero_grad(set_to_none=True)
                loss = criterion(net(self.X[rows]), self.y[rows])
                loss.backward()
                optimizer.step()
            loss.item()
        return epochs * problem.updates_per_epoch

    def net(self):
        """Return a new network."""
        nn = self.torch.nn
        activation = {
            "identity": nn.Identity,
            "logistic": nn.Sigmoid,
            "tanh": nn.Tanh,
            "relu": nn.ReLU,
        }[self.problem.activation]
        layers = []
        for k_in, k_out in pairwise(self.problem.sizes):
            layers += [nn.Linear(k_in, k_out), activation()]
        return nn.Sequential(*layers[:-1]).to(self.X.dtype)

    def optimizer(self, parameters):
        """Return a new optimizer, fused where PyTorch has it."""
        optim = self.torch.optim
        cls, options = {
            "adam": (optim.Adam, {"fused": True}),
            "gd": (optim.SGD, {"fused": True}),
            "sgd": (optim.SGD, {"fused": True}),
            "momentum": (optim.SGD, {"momentum": MOMENTUM, "fused": True}),
            "nesterov": (
                optim.SGD,
                {"momentum": MOMENTUM, "nesterov": True, "fused": True},
            ),
            "adagrad": (optim.Adagrad, {"fused": True}),
            "rmsprop": (optim.RMSprop, {"alpha": 0.9}),
        }[self.problem.solver]
        penalty = ALPHA / self.problem.shape.rows
        return cls(parameters, lr=LEARNING_RATE, weight_decay=penalty, **options)


class Jax(Contestant):
    """JAX: one compiled scan over the minibatches of an epoch.

    A short last minibatch would need a second compilation; its rows are left out,
    and its update is not counted. The order of the rows comes from NumPy, whose
    permutations take less time than JAX's.
    """

    name = "jax"
    module = "jax"
    solvers = frozenset({"adam", "gd", "sgd", "momentum"})
    activations = frozenset({"identity", "logistic", "tanh", "relu"})

    @classmethod
    def takes(cls, problem):
        return problem.solver in cls.solvers and problem.activation in cls.activations

    def __init__(self, problem):
        import jax

        super().__init__(problem)
        # float32 arrays stay float32 under either setting.
        jax.config.update("jax_enable_x64", problem.dtype == np.float64)
        self.jax = jax
        self.updates = problem.shape.rows // problem.batch
        Y = problem.y
        if problem.task == "classification":
            Y = np.eye(problem.shape.classes)[Y]
        else:
            Y = Y[:, None]
        self.X = jax.numpy.asarray(problem.X)
        self.Y = jax.numpy.asarray(Y.astype(problem.dtype))
        # The old parameters and memory make room for the new ones.
        self.epoch = jax.jit(self.epoch_of_updates, donate_argnums=0)

    def train(self, epochs):
        problem, rng = self.problem, np.random.default_rng(0)
        theta = []
        for k_in, k_out in pairwise(problem.sizes):
            bound = np.sqrt(6 / (k_in + k_out))
            theta.append(rng.uniform(-bound, bound, (k_in, k_out)))
            theta.append(rng.uniform(-bound, bound, k_out))
        theta = [self.jax.numpy.asarray(p.astype(problem.dtype)) for p in theta]
        n_vectors = {"adam": 2, "momentum": 1}.get(problem.solver, 0)
        memory = [tuple(p * 0 for _ in range(n_vectors)) for p in theta]
        run = (theta, memory, problem.dtype.type(0))
        used = self.updates * problem.batch
        for _ in range(epochs):
            order = rng.permutation(problem.shape.rows)[:used].astype(np.int32)
            run, loss = self.epoch(run, self.X, self.Y, order.reshape(self.updates, -1))
            float(loss)
        return epochs * self.updates

    def epoch_of_updates(self, run, X, Y, order):
        """Make one update per row of ``order``; return the run and the mean loss."""

        def update(run, rows):
            theta, memory, t = run
            value_and_grad = self.jax.value_and_grad(self.objective)
            loss, gradient = value_and_grad(theta, X[rows], Y[rows])
            t = t + 1
            moved = [
                self.step(*arrays, t)
                for arrays in zip(theta, gradient, memory, strict=True)
            ]
            return ([p for p, _ in moved], [m for _, m in moved], t), loss

        run, losses = self.jax.lax.scan(update, run, order)
        return run, losses.mean()

    def objective(self, theta, X, Y):
        """Return the objective of a minibatch."""
        jax, weights = self.jax, theta[::2]
        activation = {
            "identity": lambda z: z,
            "logistic": jax.nn.sigmoid,
            "tanh": jax.numpy.tanh,
            "relu": jax.nn.relu,
        }[self.problem.activation]
        z = X
        for level, (W, b) in enumerate(zip(weights, theta[1::2], strict=True)):
            z = z @ W + b
            if level < len(weights) - 1:
                z = activation(z)
        if self.problem.task == "classification":
            losses = jax.nn.logsumexp(z, axis=1) - (z * Y).sum(axis=1)
        else:
            losses = 0.5 * ((z - Y) ** 2).sum(axis=1)
        penalty = sum((W * W).sum() for W in weights)
        return losses.mean() + 0.5 * ALPHA / self.problem.shape.rows * penalty

    def step(self, theta, g, memory, t):
        """Return one array of parameters and its memory after an update."""
        if self.problem.solver == "adam":
            s, r = memory
            s, r = 0.9 * s + 0.1 * g, 0.999 * r + 0.001 * g * g
            s_hat, r_hat = s / (1 - 0.9**t), r / (1 - 0.999**t)
            root = self.jax.numpy.sqrt(r_hat)
            return theta - LEARNING_RATE * s_hat / (root + 1e-8), (s, r)
        if self.problem.solver == "momentum":
            (v,) = memory
            v = MOMENTUM * v - LEARNING_RATE * g
            return theta + v, (v,)
        return theta - LEARNING_RATE * g, ()


class Floor(Contestant):
    """The matrix products of the updates alone, in SciPy's BLAS."""

    name = "floor"

    @classmethod
    def missing(cls):
        try:
            compiled("floor")
        except ImportError as error:
            return f"needs Cython and setuptools ({error})"
        except Exception as error:  # setuptools lets its compilers' errors through
            return f"floor.pyx could not be compiled ({error})"
        return None

    def __init__(self, problem):
        super().__init__(problem)
        rng, m, sizes = np.random.default_rng(0), problem.batch, problem.sizes
        layers = list(pairwise(sizes))

        def array(rows, columns):
            """Return random numbers whose memory starts with a cache line."""
            n_bytes = rows * columns * problem.dtype.itemsize
            memory = np.empty(n_bytes + 64, np.uint8)
            start = -memory.ctypes.data % 64
            numbers = memory[start : start + n_bytes].view(problem.dtype)
            numbers[...] = rng.uniform(-0.5, 0.5, rows * columns)
            return numbers.reshape(rows, columns)

        self.arrays = (
            array(m, sizes[0]),
            [array(m, k) for k in sizes[1:]],
            [array(m, k) for k in sizes[1:]],
            [array(*layer) for layer in layers],
            [array(*layer) for layer in layers],
        )

    def train(self, epochs):
        updates = epochs * self.problem.updates_per_epoch
        compiled("floor").products(*self.arrays, updates)
        return updates


CONTESTANTS = {
    cls.name: cls for cls in (Skoptnet, Readable, ScikitLearn, Torch, Jax, Floor)
}


def ready(contestants: list[type[Contestant]], problem: Problem) -> list[Contestant]:
    """Return those who can train like that, converted, compiled and warmed up."""
    able = [cls(problem) for cls in contestants if cls.takes(problem)]
    for contestant in able:
        contestant.train(1)
    return able


@cache
def compiled(name):
    """Compile a .pyx file of this folder elsewhere, and return the module."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    source, root = Path(__file__).with_name(f"{name}.pyx"), Path(__file__).parents[2]
    headers = [str(root / "skoptnet" / "_kernels")]
    # Where a library in use cannot be deleted (Windows), the folder stays.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        copy = shutil.copy(source, folder)
        extension = Extension(name, [str(copy)], include_dirs=headers)
        extensions = cythonize([extension], include_path=[str(root)], quiet=True)
        build = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
        build.build_lib = build.build_temp = folder
        build.ensure_finalized()
        build.run()
        path = build.get_ext_fullpath(name)
        loader = ExtensionFileLoader(name, path)
        module = module_from_spec(spec_from_file_location(name, path, loader=loader))
        loader.exec_module(module)
    return module
