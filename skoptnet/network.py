"""The network: layout of theta, forward pass, loss and gradient.

`Network` describes a multilayer perceptron and computes with it; it holds no
parameters. It knows nothing of estimators, optimizers or minibatches: from theta and
rows, it computes the outputs, or the objective and its gradient.

Samples are rows. For layer sizes d = k_0, k_1, ..., k_L the flat vector theta (P,) is
W_1, b_1, W_2, b_2, ..., each raveled in C order, with W_l (k_{l-1}, k_l), b_l (k_l,).
With a scaling layer, its factors s (d,) come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import issparse

from ._types import Array, Namespace, Rows
from .activations import Activation
from .blocks import Block
from .losses import Loss
from .parametrizations import Parametrization, Standard

# Elements of the widest layer that are computed at a time when all rows are: 8 MB in
# float64, far above what keeps matrix products efficient.
_BLOCK_ELEMENTS = 2**20

# Factor of the learning rate of the scaling layer, as in RealMLP.
_SCALING_RATE = 6.0

# The default as an attribute of the class, which pickles of earlier versions find.
_STANDARD = Standard()

Masks = Sequence[Array | None]


@dataclass(eq=False)
class Workspace:
    """Buffers for forward and backward pass of up to ``n_rows`` rows, made once.

    Attributes
    ----------
    a : list of arrays
        a_1, ..., a_{L-1} and z_L, each (n_rows, k_l).
    delta : list of arrays
        delta_1, ..., delta_{L-1}; delta_L takes the place of z_L.
    saved : list of arrays or None
        The argument of ``sigma.backward`` of each hidden layer, if it is not in ``a``:
        z of an activation with ``needs_z``, or a before units were dropped. Otherwise
        None.
    """

    a: list[Array]
    delta: list[Array]
    saved: list[Array | None]

    def head(self, n_rows: int) -> Workspace:
        """Return the first ``n_rows`` rows of every buffer."""
        if n_rows == len(self.a[-1]):
            return self
        return Workspace(
            [a[:n_rows] for a in self.a],
            [delta[:n_rows] for delta in self.delta],
            [None if saved is None else saved[:n_rows] for saved in self.saved],
        )


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron as an objective on one flat vector.

    The objective of m rows is

    .. math::
        C(\\theta) = \\frac{1}{m} \\sum_i w_i L(y_i, \\hat y_i)
        + \\frac{\\lambda}{2} \\sum_l \\lVert W_l \\rVert^2

    A scaling layer multiplies each input column j by a factor s_j that is learnt. It is
    computed as diag(s) W_1 in place of W_1.

    Parameters
    ----------
    layer_sizes : tuple of int
        (k_0, ..., k_L), input and output included.
    activations : tuple of Activation
        sigma of each hidden layer; the last also counts for the draw of the output
        layer, so a network without hidden layers has one, too.
    loss : Loss
        L and the link of the raw output.
    l2 : float, default=0.0
        lambda. The estimators set it to ``alpha / n``, n being the sum of the
        weights of the training rows, so that a minibatch has the same penalty as the
        whole set.
    input_scaling : bool, default=False
        Whether there is a scaling layer.
    parametrization : Parametrization, default=Standard()
        Draws the first theta, and sets the rate factor of each block.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    loss: Loss
    l2: float = 0.0
    input_scaling: bool = False
    parametrization: Parametrization = _STANDARD
    xp: ClassVar[Namespace] = np

    @property
    def n_parameters(self) -> int:
        """P, the length of theta."""
        return self.layout[-1].rows.stop

    def block_rows(self, X: Rows) -> int:
        """Return the number of rows computed at a time when all of X is.

        A sparse row is as wide as it has elements, on average.
        """
        n, width = X.shape
        if issparse(X):
            width = -(-X.nnz // max(1, n))
        return max(1, _BLOCK_ELEMENTS // max(width, *self.layer_sizes[1:]))

    @property
    def gradient_block_rows(self) -> int:
        """The number of rows whose `input_gradients` are computed at a time.

        A row of them is n_outputs times as wide as the widest layer, input included.
        """
        return max(1, _BLOCK_ELEMENTS // (self.layer_sizes[-1] * max(self.layer_sizes)))

    def largest_product(self, X: Rows) -> int:
        """Return the multiplications per row in the largest product of BLAS."""
        sizes = self.layer_sizes[1:] if issparse(X) else self.layer_sizes
        return max((k_in * k_out for k_in, k_out in pairwise(sizes)), default=0)

    @property
    def layout(self) -> list[Block]:
        """The blocks of theta: s if there is a scaling layer, then W_1, b_1, ..."""
        d, scheme = self.layer_sizes[0], self.parametrization
        blocks = [Block(slice(0, d), (d,), False, _SCALING_RATE)]
        at = d if self.input_scaling else 0
        for k_in, k_out in pairwise(self.layer_sizes):
            end = at + k_in * k_out
            rate = scheme.weight_rate(k_in)
            blocks.append(Block(slice(at, end), (k_in, k_out), True, rate))
            at = end + k_out
            blocks.append(Block(slice(end, at), (k_out,), False, scheme.bias_rate))
        return blocks if self.input_scaling else blocks[1:]

    def layers(self, theta: Array) -> list[tuple[Array, Array]]:
        """Return (W_l, b_l) of every layer, as views into theta."""
        blocks = self.layout[1:] if self.input_scaling else self.layout
        views = [theta[block.rows].reshape(block.shape) for block in blocks]
        return list(zip(views[::2], views[1::2], strict=True))

    def scales(self, theta: Array) -> Array | None:
        """Return s of the scaling layer, as a view into theta; None without one."""
        return theta[: self.layer_sizes[0]] if self.input_scaling else None

    def unscaled_layers(self, theta: Array) -> list[tuple[Array, Array]]:
        """Return (W_l, b_l) of the same network without a scaling layer.

        Its W_1 is diag(s) W_1, a new array.
        """
        layers, s = self.layers(theta), self.scales(theta)
        if s is not None:
            W, b = layers[0]
            layers[0] = s[:, None] * W, b
        return layers

    def draw(self, rng: np.random.RandomState, dtype: Any) -> Array:
        """Draw the first theta: per layer weights, then biases; all s are 1."""
        theta = np.empty(self.n_parameters, dtype=dtype)
        s, last = self.scales(theta), len(self.layer_sizes) - 2
        if s is not None:
            s[...] = 1
        for level, (W, b) in enumerate(self.layers(theta)):
            sigma = self.activations[min(level, len(self.activations) - 1)]
            k_in, k_out = W.shape
            weights, b[...] = self.parametrization.draw(
                k_in, k_out, sigma, level == last, rng
            )
            W[...] = weights.reshape(W.shape)
        return theta

    def has_layout_of(self, other: Network) -> bool:
        """Tell whether theta of another network has the same blocks."""
        return (
            self.layer_sizes == other.layer_sizes
            and self.input_scaling == other.input_scaling
        )

    def workspace(
        self, n_rows: int, dtype: Any, backward: bool = True, dropout: bool = False
    ) -> Workspace:
        """Make the buffers for forward and backward pass of up to ``n_rows`` rows.

        Without ``backward`` or ``dropout``, those that only these need are left out.
        """
        shapes = [(n_rows, k) for k in self.layer_sizes[1:]]
        a = [self.xp.empty(shape, dtype=dtype) for shape in shapes]
        hidden = shapes[:-1] if backward else []
        delta = [self.xp.empty(shape, dtype=dtype) for shape in hidden]
        saved = [
            self.xp.empty(shape, dtype=dtype)
            if backward and (sigma.needs_z or dropout)
            else None
            for sigma, shape in zip(self.activations, shapes[:-1], strict=False)
        ]
        return Workspace(a, delta, saved)

    def forward(
        self,
        theta: Array,
        X: Rows,
        work: Workspace | None = None,
        masks: Masks | None = None,
    ) -> Array:
        """Return the raw outputs z_L of some rows.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters.
        X : array or sparse container of shape (m, k_0)
            The rows.
        work : Workspace, optional
            Buffers for exactly m rows; a_1, ..., a_{L-1} and z_L are left in
            ``work.a``.
        masks : list of arrays or None, optional
            See `loss_and_gradient`.

        Returns
        -------
        array of shape (m, k_L)
            z_L, the last buffer of ``work``.
        """
        work = work or self.workspace(X.shape[0], theta.dtype, backward=False)
        a, last = X, len(work.a) - 1
        for level, (W, b) in enumerate(self.unscaled_layers(theta)):
            if issparse(a):
                work.a[level] = a @ W  # SciPy makes an array of its own
            else:
                self.xp.matmul(a, W, out=work.a[level])
            z = work.a[level]
            z += b
            if level < last:
                sigma, saved = self.activations[level], work.saved[level]
                if saved is not None and sigma.needs_z:
                    saved[...] = z
                sigma.forward(z, self.xp)
                if saved is not None and not sigma.needs_z:
                    saved[...] = z
                _drop(z, masks, level)
            a = z
        return a

    def outputs(self, theta: Array, X: Rows, rows: Array | None = None) -> Array:
        """Return the raw outputs of all or of the given rows, computed in blocks.

        Besides the result, memory is needed for `block_rows` rows only. Rows of
        another dtype than theta's are converted block by block.
        """
        n = X.shape[0] if rows is None else len(rows)
        z = self.xp.empty((n, self.layer_sizes[-1]), dtype=theta.dtype)
        size = min(n, self.block_rows(X))
        work = self.workspace(size, theta.dtype, backward=False)
        for part, buffers in self._forward_blocks(theta, X, work, rows):
            z[part] = buffers.a[-1]
        return z

    def _forward_blocks(
        self, theta: Array, X: Rows, work: Workspace, rows: Array | None = None
    ) -> Iterator[tuple[slice, Workspace]]:
        """Make the forward pass block by block, as many rows as ``work`` has at a time.

        Yield which rows, and their buffers.
        """
        for part, block in self.blocks(X, rows, len(work.a[0])):
            if block.dtype != theta.dtype:
                block = block.astype(theta.dtype)
            buffers = work.head(block.shape[0])
            self.forward(theta, block, buffers)
            yield part, buffers

    def blocks(
        self, X: Rows, rows: Array | None = None, size: int | None = None
    ) -> Iterator[tuple[slice, Rows]]:
        """Yield all or the given rows, ``size`` at a time, and which they are.

        The size is `block_rows` if it is not given.
        """
        n, size = X.shape[0] if rows is None else len(rows), size or self.block_rows(X)
        if rows is None and n <= size:  # as they are, without a copy
            yield slice(0, n), X
            return
        if issparse(X):
            X = X.tocsr()
        for start in range(0, n, size):
            part = slice(start, min(start + size, n))
            yield part, X[part if rows is None else rows[part]]

    def up_to(self, layer: int) -> Network:
        """Return the network that ends with z of a hidden layer, 0 being the first.

        Its theta is the beginning of this one's.
        """
        return replace(
            self,
            layer_sizes=self.layer_sizes[: layer + 2],
            activations=self.activations[: max(1, layer)],
        )

    def loss_and_gradient(
        self,
        theta: Array,
        X: Rows,
        Y: Array,
        w: Array | None,
        out: Array,
        work: Workspace | None = None,
        masks: Masks | None = None,
    ) -> float:
        """Return the objective of some rows and write its gradient (BP1 to BP4).

        With a scaling layer, BP4 gives the gradient G of diag(s) W_1. Then dC/ds_j is
        the sum of row j of W_1 * G, and dC/dW_1 is diag(s) G.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters.
        X : array or CSR container of shape (m, k_0)
            The rows.
        Y : array
            The targets, encoded for the loss.
        w : array of shape (m,) or None
            Weight of each row, 1 on average over the training set; None for all 1.
        out : array of shape (P,)
            Output: the gradient.
        work : Workspace, optional
            Buffers for exactly m rows.
        masks : list of arrays or None, optional
            For each hidden layer, the factors of its activations, of shape (m, k_l), or
            None. Dropout passes zeros for the units that it drops.

        Returns
        -------
        float
            C(theta).
        """
        xp, m = self.xp, X.shape[0]
        work = work or self.workspace(m, theta.dtype, dropout=masks is not None)
        z = self.forward(theta, X, work, masks)

        losses = self.loss.value(z, Y, xp)
        delta = self.loss.delta(z, Y, xp)  # BP1
        if w is not None:
            losses = losses * w
            delta *= w[:, None]
        cost = float(xp.sum(losses)) / m
        delta /= m

        weights, gradients = self.layers(theta), self.layers(out)
        s, ds = self.scales(theta), self.scales(out)
        for level in reversed(range(len(weights))):
            W, (dW, db) = weights[level][0], gradients[level]
            a = work.a[level - 1] if level > 0 else X
            xp.sum(delta, axis=0, out=db)  # BP3
            _product(a.T, delta, dW, xp)  # BP4
            if level == 0 and s is not None and ds is not None:
                xp.sum(W * dW, axis=1, out=ds)
                dW *= s[:, None]
            if self.l2:
                cost += 0.5 * self.l2 * float(xp.vdot(W, W))
                dW += self.l2 * W
            if level > 0:
                delta = xp.matmul(delta, W.T, out=work.delta[level - 1])
                _drop(delta, masks, level - 1)
                saved = work.saved[level - 1]
                sigma = self.activations[level - 1]
                sigma.backward(a if saved is None else saved, delta, xp)  # BP2
        return cost

    def input_gradients(self, theta: Array, X: Rows) -> Array:
        """Return the gradients of the raw outputs with respect to the inputs.

        Row j of D_l holds dz_L,j / dz_l. D_L is the identity; BP2 leads from layer to
        layer, and the gradients are D_1 W_1^T:

        .. math::
            D_l = (D_{l+1} W_{l+1}^T) \\odot \\sigma'(z_l), \\qquad
            \\frac{\\partial z_L}{\\partial x} = D_1 W_1^T

        Besides the result, memory is needed for `gradient_block_rows` rows only.

        Parameters
        ----------
        theta : array of shape (P,)
            The parameters.
        X : array or sparse container of shape (n, k_0)
            The rows.

        Returns
        -------
        array of shape (n, k_L, k_0)
            dz_L / dx of each row, in the dtype of theta.
        """
        xp, (n, d), n_outputs = self.xp, X.shape, self.layer_sizes[-1]
        gradients = xp.empty((n, n_outputs, d), dtype=theta.dtype)
        size = min(n, self.gradient_block_rows)
        work = self.workspace(size, theta.dtype)
        weights = [W for W, _ in self.unscaled_layers(theta)]
        for part, buffers in self._forward_blocks(theta, X, work):
            D = weights[-1].T  # D_L W_L^T, the same for all rows
            for level in reversed(range(len(weights) - 1)):
                a, saved = buffers.a[level], buffers.saved[level]
                slope = buffers.delta[level]
                slope[...] = 1
                self.activations[level].backward(
                    a if saved is None else saved, slope, xp
                )
                D = xp.tensordot(D * slope[:, None], weights[level], axes=((2,), (1,)))
            gradients[part] = D
        return gradients


def _drop(values: Array, masks: Masks | None, layer: int) -> None:
    """Multiply a hidden layer's activations, or their errors, by its mask."""
    mask = masks[layer] if masks else None
    if mask is not None:
        values *= mask


def _product(a: Rows, b: Array, out: Array, xp: Namespace) -> None:
    """Write a @ b into ``out``; a may be sparse."""
    if issparse(a):
        out[...] = a @ b
    else:
        xp.matmul(a, b, out=out)
