# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Forward and backward pass, as in `skoptnet.network`.

Small matrix products are those of products.h, large ones those of SciPy's BLAS. Several
threads can share a minibatch: `rows` takes some of its rows through both passes, down
to delta_1; `columns` takes all rows through some units of one layer; `gradient` then
computes some rows of a dC/dW_l from all rows of the minibatch.
"""

cimport cython

from libc.math cimport NAN
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from scipy.linalg.cython_blas cimport dgemm, sgemm

import numpy as np

from . cimport loops
from .loops cimport (
    address,
    begin_flushing,
    end_flushing,
    loops_of,
    random_number,
)

from .loops import ACTIVATIONS, LOSSES

# Buffers begin at multiples of this, the size of a cache line.
cdef size_t ALIGNMENT = 64

# Limits of our own products, see `has_own_product`: the rows of a panel; the bytes of
# all panels where a is transposed; where b is, the rows of a, unless a has few columns.
cdef Py_ssize_t LONGEST_PANEL = 2048
cdef Py_ssize_t LARGEST_PANELS = 1 << 21
cdef Py_ssize_t MIN_ROWS_OF_TRANSPOSED = 8
cdef Py_ssize_t MAX_COLUMNS_OF_FEW_ROWS = 8
# A large gradient is computed in blocks of about BLOCK numbers and at least
# MIN_BLOCK_ROWS rows, a multiple of the rows of any tile of packed rows.
cdef Py_ssize_t BLOCK = 1 << 14
cdef Py_ssize_t MIN_BLOCK_ROWS = 48
cdef Py_ssize_t TILE_ROWS = 24
# From this many numbers on, threads pack a matrix together: that saves more than they
# lose by waiting for each other.
cdef Py_ssize_t LARGE_MATRIX = 1 << 17


cdef Rows rows_of(X, Y, w) except *:
    """Return pointers to the rows of X (dense or CSR), their targets and weights.

    The caller has to keep the arrays alive.
    """
    cdef Rows data
    data.X = NULL
    if isinstance(X, np.ndarray):
        data.X = address(X)
    else:
        data.sparse.data = address(X.data)
        data.sparse.indices = address(X.indices)
        data.sparse.indptr = address(X.indptr)
        data.sparse.wide = X.indices.itemsize == 8
    data.Y = NULL if Y is None else address(Y)
    data.w = NULL if w is None else address(w)
    return data


cdef double parameter_of(activation) except? -1:
    """Return the number that an activation's kernel reads, NaN if there is none."""
    if not activation.kernel_numbers:
        return NAN
    (name,) = activation.kernel_numbers
    return getattr(activation, name)


cdef parameters_of(loss):
    """Return the numbers that a loss' kernel reads, NaN if there are none."""
    numbers = [getattr(loss, name) for name in loss.kernel_numbers]
    return np.array(numbers or [NAN], dtype=np.float64).ravel()


def activate(activation, z, str instruction_set):
    """Turn z, (m, k), into sigma(z) and return sigma'(z): for tests."""
    cdef const loops.Loops* table = loops_of(z.dtype.char, instruction_set)
    cdef int sigma = ACTIVATIONS[activation.kernel]
    cdef double parameter = parameter_of(activation)
    slopes, delta, b = np.empty_like(z), np.ones_like(z), np.zeros_like(z[0])
    before = begin_flushing()
    table.forward[sigma](address(z), address(slopes), address(b), len(z), z.shape[1],
                         parameter)
    table.backward[sigma](
        address(delta), address(slopes if table.makes_slopes[sigma] else z), z.size,
        parameter)
    end_flushing(before)
    return delta


@cython.final
cdef class Network:
    """Both passes through a network, with buffers for up to ``n_rows`` rows.

    Parameters
    ----------
    layer_sizes : tuple of int
        (k_0, ..., k_L).
    layout : list of Block
        The blocks of theta, see `skoptnet.network.Network`.
    activations, loss
        Those of the hidden layers, and the loss: of classes that have a kernel. Their
        parameters are read once.
    l2 : float
        Factor of the penalty, see `skoptnet.network.Network`.
    dtype : dtype
        float32 or float64.
    n_rows : int
        The most rows per call.
    n_threads : int
        Threads that share the backward pass; 0 for `outputs` only.
    sparse : bool
        Whether the rows are sparse; then no buffer is as wide as they are.
    instruction_set : str
        One of loops.INSTRUCTION_SETS.
    dropout : Dropout, optional
        Drops hidden units in updates whose number `begin` gets.
    """

    def __cinit__(self, tuple layer_sizes, list layout, tuple activations, loss,
                  double l2, dtype, Py_ssize_t n_rows, int n_threads, bint sparse,
                  str instruction_set, dropout=None):
        self.n_layers = len(layer_sizes) - 1
        self.k = <int*>calloc(len(layer_sizes), sizeof(int))
        self.offset = <Py_ssize_t*>calloc(len(layer_sizes), sizeof(Py_ssize_t))
        self.weight_rates = <double*>calloc(len(layer_sizes), sizeof(double))
        self.bias_rates = <double*>calloc(len(layer_sizes), sizeof(double))
        self.a = <char**>calloc(len(layer_sizes), sizeof(char*))
        self.delta = <char**>calloc(len(layer_sizes), sizeof(char*))
        self.hidden = <Hidden*>calloc(len(layer_sizes), sizeof(Hidden))
        self.workspaces = <Workspace*>calloc(max(n_threads, 1), sizeof(Workspace))
        if not (self.k and self.offset and self.weight_rates and self.bias_rates
                and self.a and self.delta and self.hidden and self.workspaces):
            raise MemoryError

    def __dealloc__(self):
        free(self.k)
        free(self.offset)
        free(self.weight_rates)
        free(self.bias_rates)
        free(self.a)
        free(self.delta)
        free(self.hidden)
        free(self.workspaces)

    def __init__(self, tuple layer_sizes, list layout, tuple activations, loss,
                 double l2, dtype, Py_ssize_t n_rows, int n_threads, bint sparse,
                 str instruction_set, dropout=None):
        cdef int level
        self.loops = loops_of(dtype.char, instruction_set)
        self.l2, self.n_rows, self.memory = l2, n_rows, []
        for level in range(self.n_layers + 1):
            self.k[level] = layer_sizes[level]
        self.take_layout(layout)
        for level in range(self.n_layers + 1):
            if level or (n_threads and not sparse):
                self.a[level] = self.buffer(n_rows * self.k[level])
            if 0 < level < self.n_layers and n_threads:
                self.delta[level] = self.buffer(n_rows * self.k[level])
        self.delta[self.n_layers] = self.a[self.n_layers]
        self.take_hidden(activations, dropout, n_threads > 0)
        self.take_loss(loss)
        if self.loops.product:
            self.make_workspaces(max(n_threads, 1), 1 if sparse else 0)

    cdef take_layout(self, layout):
        """Set the places and rate factors of the blocks of theta."""
        cdef int level
        blocks = iter(layout)
        if len(layout) > 2 * self.n_layers:
            self.scale_rate = next(blocks).rate_factor
            self.scaled = self.buffer(<size_t>self.k[0] * self.k[1])
        for level in range(self.n_layers):
            W, b = next(blocks), next(blocks)
            self.offset[level] = W.rows.start
            self.weight_rates[level] = W.rate_factor
            self.bias_rates[level] = b.rate_factor
            self.offset[level + 1] = b.rows.stop

    cdef take_hidden(self, activations, dropout, bint backward):
        """Set each hidden layer's activation and dropout."""
        cdef int level
        cdef Hidden* layer
        if dropout is not None:
            self.seed, self.has_masks = dropout.seed, True
        for level in range(1, self.n_layers):
            layer = &self.hidden[level]
            layer.sigma = ACTIVATIONS[activations[level - 1].kernel]
            layer.parameter = parameter_of(activations[level - 1])
            if dropout is not None:
                layer.threshold = dropout.threshold(level - 1)
                layer.scale = 1 / (1 - dropout.rates[level - 1])
            if backward and (layer.threshold or self.loops.makes_slopes[layer.sigma]):
                layer.saved = self.buffer(self.n_rows * self.k[level])

    cdef take_loss(self, loss):
        """Set the loss, its parameters and the bytes of a row's targets."""
        parameters = parameters_of(loss)
        self.memory.append(parameters)
        self.parameters = <const double*>address(parameters)
        self.loss = LOSSES[loss.kernel]
        if self.loss == loops.LOSS_quantile and len(parameters) > 1:
            self.loss = loops.LOSS_several_quantiles
        self.target_bytes = {
            loops.NUMBER_PER_OUTPUT: self.k[self.n_layers] * self.loops.size,
            loops.ONE_NUMBER: self.loops.size,
            loops.CLASS_NUMBER: sizeof(Py_ssize_t),
        }[self.loops.targets[self.loss]]

    cdef make_workspaces(self, int n_threads, int first):
        """Allocate each thread's workspace for our products, from a layer on."""
        cdef int level, thread
        cdef Py_ssize_t rows = min(self.n_rows, LONGEST_PANEL)
        cdef Py_ssize_t longest = max(rows, loops.SHORTEST_PACKED)
        cdef Py_ssize_t widest = 0, largest = 0
        for level in range(first, self.n_layers + 1):
            longest = max(longest, min(self.k[level], LONGEST_PANEL))
            if level > first:
                widest = max(widest, self.k[level])
                largest = max(
                    largest, <Py_ssize_t>self.k[level - 1] * self.k[level])
        for thread in range(n_threads):
            self.workspaces[thread].panels = self.buffer(max(
                longest * self.loops.packed_columns,
                rows * (widest + self.loops.vector)))
            if largest > self.loops.large_gradient:
                self.workspaces[thread].block = self.buffer(
                    max(BLOCK, MIN_BLOCK_ROWS * widest))
                self.workspaces[thread].tiles = self.buffer(
                    max(BLOCK, MIN_BLOCK_ROWS * rows))

    cdef char* buffer(self, size_t n) except NULL:
        """Allocate n numbers, on a cache line."""
        cdef size_t begin
        memory = np.empty(n * self.loops.size + ALIGNMENT, dtype=np.uint8)
        self.memory.append(memory)
        begin = <size_t>address(memory)
        return <char*>(begin + (-begin) % ALIGNMENT)

    def outputs(self, theta, X, z):
        """Write the raw outputs of at most ``n_rows`` rows into z."""
        cdef Rows data = rows_of(X, None, None)
        cdef Chunk chunk = Chunk(NULL, 0, X.shape[0], 0)
        cdef const char* at = address(theta)
        cdef char* own = self.a[self.n_layers]
        if chunk.size > self.n_rows:
            raise ValueError("more rows than the buffers hold")
        self.a[self.n_layers] = address(z)
        with nogil:
            self.scale(at)
            self.rows(0, at, &data, &chunk, 0, chunk.size, 1, 0, self.n_layers + 1)
            self.loops.forward[loops.ACTIVATION_identity](
                self.a[self.n_layers], NULL, self.biases(at, self.n_layers - 1),
                chunk.size, self.k[self.n_layers], 0)
        self.a[self.n_layers] = own

    def total_loss(self, z, Y, w):
        """Return the weighted sum of the losses of raw outputs, and overwrite z.

        The arrays are C-contiguous. z and w have the dtype of the network, as has a Y
        of two axes; w is None if all weights are 1.
        """
        b = np.zeros(z.shape[1], z.dtype)
        cdef void* outputs = address(z)
        cdef const char* biases = address(b)
        cdef const char* targets = address(Y)
        cdef const char* weights = NULL if w is None else address(w)
        cdef Py_ssize_t m = z.shape[0]
        cdef double total
        with nogil:
            flushing = begin_flushing()
            total = self.loops.loss[self.loss](
                outputs, biases, targets, weights, NULL, m, self.k[self.n_layers], 1,
                self.parameters)
            end_flushing(flushing)
        return total

    cdef void scale(self, const char* theta) noexcept nogil:
        """Compute diag(s) W_1, if there is a scaling layer."""
        if self.scaled:
            self.loops.scale_weights(
                self.scaled, theta + self.offset[0] * <Py_ssize_t>self.loops.size,
                theta, self.k[0], self.k[1])

    cdef void scale_gradient(self, const char* theta, char* dW, Py_ssize_t start,
                             Py_ssize_t stop, char* g) noexcept nogil:
        """Turn rows start..stop of the gradient of diag(s) W_1 into that of W_1.

        Write the gradient of s into g.
        """
        cdef Py_ssize_t size = self.loops.size
        self.loops.scale_gradient(
            g + start * size, dW,
            theta + (self.offset[0] + start * self.k[1]) * size,
            theta + start * size, stop - start, self.k[1])

    cdef const char* weights(self, const char* theta, int layer) noexcept nogil:
        """Return the weights that a layer's inputs are multiplied by."""
        if layer == 0 and self.scaled:
            return self.scaled
        return theta + self.offset[layer] * <Py_ssize_t>self.loops.size

    cdef char* biases(self, const char* theta, int layer) noexcept nogil:
        """Return the place of a layer's biases in theta or g."""
        return <char*>theta + self.loops.size * (
            self.offset[layer] + <Py_ssize_t>self.k[layer] * self.k[layer + 1])

    cdef const char* input(self, int layer, const Rows* data, const Chunk* chunk,
                           Py_ssize_t start) noexcept nogil:
        """Return the place of a layer's input for a chunk, from row ``start`` on."""
        cdef Py_ssize_t row = self.k[layer] * <Py_ssize_t>self.loops.size
        if layer == 0 and not chunk.order:
            return data.X + (chunk.first + start) * row
        return self.a[layer] + start * row

    cdef void begin(self, Py_ssize_t update) noexcept nogil:
        """Use the dropout masks of an update; none if its number is negative."""
        cdef uint64_t key
        cdef int level
        self.drops = self.has_masks and update >= 0
        if self.drops:
            key = random_number(self.seed, update + 1)
            for level in range(1, self.n_layers):
                self.hidden[level].key = random_number(key, level)

    # The two passes have stages: 0 gathers the rows, 1 to L are the forward pass to
    # a_1, ..., z_L, L + 1 is the loss (BP1), L + 2 to 2 L are the backward pass to
    # delta_1 (BP2).

    cdef double rows(self, int thread, const char* theta, const Rows* data,
                     const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                     double scale, int stage, int end) noexcept nogil:
        """Take some rows of the chunk through some stages; return their losses' sum.

        z_L is without its bias until the loss replaces it by delta_L, multiplied by
        ``scale`` and the rows' weights.
        """
        cdef double total = 0
        for stage in range(stage, end):
            if stage == 0:
                self.gather(data, chunk, start, stop)
            elif stage <= self.n_layers:
                self.forward(thread, stage, theta, data, chunk, start, stop, 0,
                             self.k[stage])
            elif stage == self.n_layers + 1:
                total = self.delta_of_loss(theta, data, chunk, start, stop, scale)
            else:
                self.backward(thread, self.level_of(stage), theta, chunk, start, stop,
                              0, self.k[self.level_of(stage)])
        return total

    cdef void columns(self, int thread, const char* theta, const Rows* data,
                      const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                      int stage) noexcept nogil:
        """Compute some columns of a stage for all rows of the chunk."""
        if stage <= self.n_layers:
            self.forward(thread, stage, theta, data, chunk, 0, chunk.size, start, stop)
        else:
            self.backward(thread, self.level_of(stage), theta, chunk, 0, chunk.size,
                          start, stop)

    cdef int level_of(self, int stage) noexcept nogil:
        """Return the l of the a_l or delta_l that a stage computes."""
        return stage if stage <= self.n_layers else 2 * self.n_layers + 1 - stage

    cdef int layer_of(self, int stage) noexcept nogil:
        """Return the layer whose weights a stage multiplies by, counted from 0, or -1."""
        if stage == 0 or stage == self.n_layers + 1:
            return -1
        return stage - 1 if stage <= self.n_layers else self.level_of(stage)

    cdef bint splits_columns(self, int stage, Py_ssize_t m, bint sparse,
                              int n_threads) noexcept nogil:
        """Tell whether threads had better share the columns of a stage than the rows.

        With rows, each thread packs all of a large W for its product.
        """
        cdef int level = self.level_of(stage)
        cdef bint back = stage > level
        cdef Py_ssize_t n = self.k[level] // n_threads, k
        if stage == 0 or stage == self.n_layers + 1 or (stage == 1 and sparse):
            return False
        if self.drops_of(level):  # masks are made by rows
            return False
        k = self.k[level + 1] if back else self.k[level - 1]
        return (k * self.k[level] >= LARGE_MATRIX and n >= self.loops.panel
                and self.has_own_product(False, back, m, n, k))

    cdef void gather(self, const Rows* data, const Chunk* chunk, Py_ssize_t start,
                     Py_ssize_t stop) noexcept nogil:
        """Copy dense rows that are not contiguous."""
        if data.X and chunk.order:
            self.loops.gather(
                self.a[0] + start * self.k[0] * <Py_ssize_t>self.loops.size, data.X,
                chunk.order + start, stop - start, self.k[0])

    cdef void forward(self, int thread, int level, const char* theta, const Rows* data,
                      const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                      Py_ssize_t left, Py_ssize_t right) noexcept nogil:
        """Compute columns left..right of a_l, or of z_L without its bias."""
        cdef Py_ssize_t size = self.loops.size, k = self.k[level], m = stop - start
        cdef Py_ssize_t k_in = self.k[level - 1]
        cdef const char* a
        cdef const char* W = self.weights(theta, level - 1) + left * size
        cdef const char* b = self.biases(theta, level - 1) + left * size
        cdef char* z = self.a[level] + (start * k + left) * size
        if level == 1 and not data.X:
            self.loops.sparse_forward(
                z, &data.sparse, chunk.order + start if chunk.order else NULL,
                chunk.first + start, m, W, k)
        else:
            a = self.input(level - 1, data, chunk, start)
            if self.product(thread, b"NN", <int>m, <int>(right - left), <int>k_in,
                            a, <int>k_in, W, <int>k, False, z, <int>k,
                            b if level < self.n_layers else NULL):
                b = NULL
        if level < self.n_layers:
            self.activate(level, z, b, start, m, left, right)
            self.drop(level, z, m, chunk.before + start)

    cdef void activate(self, int level, char* z, const char* b, Py_ssize_t start,
                       Py_ssize_t m, Py_ssize_t left, Py_ssize_t right) noexcept nogil:
        """Replace columns left..right of z by a, after adding the bias b if given."""
        cdef const Hidden* layer = &self.hidden[level]
        cdef Py_ssize_t row = self.k[level] * <Py_ssize_t>self.loops.size, done = 0
        # Rows are contiguous where all of their columns are taken.
        cdef Py_ssize_t at_once = m if right - left == self.k[level] else 1
        cdef size_t n_bytes = at_once * (right - left) * self.loops.size
        cdef char* saved = NULL
        if layer.saved:
            saved = layer.saved + start * row + left * <Py_ssize_t>self.loops.size
        while done < m:
            self.loops.forward[layer.sigma](
                z + done * row, saved + done * row if saved else NULL, b, at_once,
                right - left, layer.parameter)
            if saved and not self.loops.makes_slopes[layer.sigma]:
                memcpy(saved + done * row, z + done * row, n_bytes)
            done += at_once

    cdef bint drops_of(self, int level) noexcept nogil:
        """Tell whether the update drops units of a layer."""
        return self.drops and self.hidden[level].threshold

    cdef void drop(self, int level, char* rows, Py_ssize_t m,
                   Py_ssize_t place) noexcept nogil:
        """Multiply whole rows of a hidden layer by their masks, if it has any."""
        cdef const Hidden* layer = &self.hidden[level]
        if self.drops_of(level):
            self.loops.drop(rows, layer.key, place, m, self.k[level], layer.threshold,
                            layer.scale)

    cdef double delta_of_loss(self, const char* theta, const Rows* data,
                              const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                              double scale) noexcept nogil:
        """Replace z_L by delta_L for some rows (BP1); return their losses' sum."""
        cdef Py_ssize_t size = self.loops.size, first
        cdef const Py_ssize_t* order = chunk.order + start if chunk.order else NULL
        cdef int level = self.n_layers
        first = 0 if order else chunk.first + start
        return self.loops.loss[self.loss](
            self.delta[level] + start * self.k[level] * size,
            self.biases(theta, level - 1), data.Y + first * self.target_bytes,
            data.w + first * size if data.w else NULL, order, stop - start,
            self.k[level], scale, self.parameters)

    cdef void backward(self, int thread, int level, const char* theta,
                       const Chunk* chunk, Py_ssize_t start, Py_ssize_t stop,
                       Py_ssize_t left, Py_ssize_t right) noexcept nogil:
        """Compute columns left..right of delta_l from delta_{l+1} (BP2)."""
        cdef Py_ssize_t size = self.loops.size, k = self.k[level], m = stop - start
        cdef Py_ssize_t k_out = self.k[level + 1], at = (start * k + left) * size
        cdef char* delta = self.delta[level] + at
        cdef const Hidden* layer = &self.hidden[level]
        cdef const char* saved = (layer.saved if layer.saved else self.a[level]) + at
        cdef Py_ssize_t at_once = m if right - left == k else 1
        self.product(thread, b"NT", <int>m, <int>(right - left), <int>k_out,
                     self.delta[level + 1] + start * k_out * size, <int>k_out,
                     theta + (self.offset[level] + left * k_out) * size, <int>k_out,
                     False, delta, <int>k, NULL)
        self.drop(level, delta, m, chunk.before + start)
        while m > 0:
            self.loops.backward[layer.sigma](
                delta, saved, at_once * (right - left), layer.parameter)
            delta += at_once * k * size
            saved += at_once * k * size
            m -= at_once

    cdef bint is_packed(self, int layer, Py_ssize_t m, bint add,
                          bint sparse) noexcept nogil:
        """Tell whether a layer's dC/dW is computed in blocks, from a packed delta.

        That pays if there are several blocks.
        """
        cdef Py_ssize_t k_in = self.k[layer], k_out = self.k[layer + 1]
        return (not add and not sparse and k_in * k_out > self.loops.large_gradient
                and self.has_own_product(True, False, k_in, k_out, m))

    cdef bint is_worth_sharing(self, int layer, Py_ssize_t m) noexcept nogil:
        """Tell whether threads pack a delta together rather than each its own copy."""
        return m * self.k[layer + 1] >= LARGE_MATRIX

    cdef void pack(self, int layer, Py_ssize_t m, int thread, Py_ssize_t start,
                   Py_ssize_t stop) noexcept nogil:
        """Pack columns start..stop of a layer's delta, for `gradient`.

        They go to the workspace of a thread, and hold whole panels; the last ones of
        several parts have the remainder, too.
        """
        cdef Py_ssize_t size = self.loops.size
        self.loops.pack_panels(
            self.workspaces[thread].panels + start * m * size,
            self.delta[layer + 1] + start * size, self.k[layer + 1], stop - start, m)

    cdef Py_ssize_t rows_of_block(self, int layer, Py_ssize_t m) noexcept nogil:
        """Return the number of rows in a block of a dC/dW."""
        cdef Py_ssize_t rows = BLOCK // max(<Py_ssize_t>self.k[layer + 1], m)
        return max(MIN_BLOCK_ROWS, rows // TILE_ROWS * TILE_ROWS)

    cdef void gradient(self, int thread, const Rows* data, const Chunk* chunk,
                       int layer, Py_ssize_t start, Py_ssize_t stop, bint add,
                       const char* panels, char* dW) noexcept nogil:
        """Compute (or add to) rows start..stop of a layer's dC/dW (BP4).

        ``panels`` is the packed delta, or NULL.
        """
        cdef Py_ssize_t size = self.loops.size, k_in = self.k[layer]
        cdef Py_ssize_t k_out = self.k[layer + 1], m = chunk.size
        cdef Workspace* workspace = &self.workspaces[thread]
        cdef const char* delta = self.delta[layer + 1]
        cdef const char* a
        if layer == 0 and not data.X:
            if not add:
                memset(dW, 0, (stop - start) * k_out * size)
            self.loops.sparse_backward(dW, &data.sparse, chunk.order, chunk.first,
                                       chunk.size, delta, k_out, start, stop)
            return
        a = self.input(layer, data, chunk, 0) + start * size
        if panels:
            self.loops.pack_tiles(workspace.tiles, a, k_in, stop - start, m)
            self.loops.product_of_packed(dW, workspace.tiles, panels, stop - start,
                                         k_out, m)
        else:
            self.product(thread, b"TN", <int>(stop - start), <int>k_out, <int>m,
                         a, <int>k_in, delta, <int>k_out, add, dW, <int>k_out, NULL)

    cdef void gradient_of_biases(self, int layer, Py_ssize_t m, bint add,
                                 char* g) noexcept nogil:
        """Compute (or add to) a layer's dC/db (BP3)."""
        self.loops.sum_rows(self.biases(g, layer), self.delta[layer + 1], m,
                            self.k[layer + 1], add)

    cdef double penalty(self, const char* theta, char* g, Py_ssize_t at, Py_ssize_t n,
                        double* g_squares) noexcept nogil:
        """Add the L2 penalty to the gradient g of n weights from ``at`` on.

        Return the sum of their squares, and add that of g to ``g_squares``.
        """
        return self.loops.penalise(
            g, theta + at * <Py_ssize_t>self.loops.size, self.l2, n, g_squares)

    cdef bint product(self, int thread, const char* kind, int m, int n, int k,
                      const char* a, int lda, const char* b, int ldb, bint add,
                      char* c, int ldc, const char* start) noexcept nogil:
        """c (m, n) <- a (m, k) b (k, n), or add to c; return whether start was added.

        lda, ldb and ldc are the distances between rows. With kind "TN", a is given as
        a^T (k, m); with kind "NT", b as b^T (n, k).
        """
        cdef bint ta = kind[0] == c"T", tb = kind[1] == c"T"
        cdef double one = 1, zero = 0
        cdef float one_f = 1, zero_f = 0
        if self.has_own_product(ta, tb, m, n, k) and not add:
            self.loops.product(c, ldc, a, 1 if ta else lda, lda if ta else 1,
                               b, 1 if tb else ldb, ldb if tb else 1, m, n, k,
                               start, self.workspaces[thread].panels)
            return True
        # BLAS wants columns to be contiguous, so it gets c^T = b^T a^T.
        elif self.loops.size == sizeof(double):
            dgemm(b"T" if tb else b"N", b"T" if ta else b"N", &n, &m, &k,
                  &one, <double*>b, &ldb, <double*>a, &lda,
                  &one if add else &zero, <double*>c, &ldc)
        else:
            sgemm(b"T" if tb else b"N", b"T" if ta else b"N", &n, &m, &k,
                  &one_f, <float*>b, &ldb, <float*>a, &lda,
                  &one_f if add else &zero_f, <float*>c, &ldc)
        return False

    cdef bint has_own_product(self, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n,
                              Py_ssize_t k) noexcept nogil:
        """Tell whether our own product is no slower than BLAS.

        As measured (tests/benchmarks). It is slower with so few columns that most of a
        vector is empty, unless the product is large; with a panel, or for a^T a whole
        b, that does not fit into the cache; and where few rows share the cost of
        transposing b^T.
        """
        cdef double work = <double>m * n * k
        return (
            self.loops.product
            and work <= self.loops.largest_product
            and (n >= self.loops.narrowest_product or work > self.loops.large_product)
            and k <= LONGEST_PANEL
            and not (ta and n * k * <Py_ssize_t>self.loops.size > LARGEST_PANELS)
            and not (tb and m < MIN_ROWS_OF_TRANSPOSED and k > MAX_COLUMNS_OF_FEW_ROWS)
        )
