# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""Whole epochs of updates, and gradients of minibatches, without the GIL.

Several threads share an update. First each takes some rows of the minibatch through
both passes, down to delta_1, or all rows through some units of a large layer. Then each
computes the gradient of some rows of every weight matrix, and the solver updates them
while they are in the cache. Between these phases the threads wait for each other.
Thread 0 is the caller; the others run `worker`.

Cores differ in speed, and some have other work to do. So in a large phase, each thread
first does a large piece, one of each layer; then it takes small pieces while there are
any. Sums are kept by piece, so the results do not depend on which thread takes a piece.
"""

cimport cython

from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport (
    NOWAIT_LOCK,
    WAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
    PyThread_type_lock,
)
from libc.math cimport INFINITY, isfinite
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from .loops cimport address, begin_flushing, end_flushing
from .network cimport Network, Chunk, Rows, rows_of
from .solver cimport AT_ONCE, Solver

# Attempts to get a lock before a thread sleeps: some 20 microseconds, about as long as
# waking up takes.
cdef int SPINS = 2000
# Multiplications between two checks for Ctrl-C.
cdef double WORK_BETWEEN_CHECKS = 1e9

# About 1 / SMALL_SHARE of a large phase is done in small pieces, at most SMALL_PIECES for
# each thread. Products of few rows are slow, so rows are split in multiples of
# ROWS_OF_PIECE, or fewer if there are many threads.
cdef int SMALL_PIECES = 3
cdef int SMALL_SHARE = 4
cdef int ROWS_OF_PIECE = 24

cdef enum Phase:
    ROWS
    COLUMNS
    PACK
    WEIGHTS
    UPDATE
    STOP

# A piece's part of the objective (the sums of the losses, and of the weights' squares
# and absolute values), of the gradient's sum of squares, and of the largest number at the
# end of an epoch (see `Solver.largest`), on a cache line of its own.
cdef struct Sums:
    double loss
    double squares
    double absolute
    double norm
    double largest
    double padding[3]

# What the threads are to do with one chunk of a minibatch: `add` to the gradient of the
# chunks before; if it is the `last` one, let the solver `step`, and after the last step
# of an epoch, `check` the numbers that it leaves, while they are in the cache. If the
# step needs the `whole` gradient, it follows as a phase of its own. `passes` tells whether
# an update has others besides the solver's.
cdef struct Job:
    const char* theta
    char* g
    Chunk chunk
    double scale
    bint add
    bint last
    bint step
    bint whole
    bint passes
    bint check
    # Stages of the two passes, or layers whose gradients are computed.
    int first, end


cdef void acquire(PyThread_type_lock lock) noexcept nogil:
    for _ in range(SPINS):
        if PyThread_acquire_lock(lock, NOWAIT_LOCK):
            return
    PyThread_acquire_lock(lock, WAIT_LOCK)


cdef double larger(double a, double b) noexcept nogil:
    """Return the larger of two numbers, NaN if one of them is NaN."""
    return b if b > a or b != b else a


@cython.final
cdef class Trainer:
    """Updates and gradients of a network on a training set.

    Parameters
    ----------
    network : Network
        With buffers for a chunk of rows.
    solver : Solver or None
        None for gradients only.
    X, Y, w
        The training set.
    g : array of shape (P,)
        Takes the gradients.
    n_threads : int
        Threads that share an update between `start_threads` and `stop_threads`;
        otherwise there is one.
    divisible_work : float
        A phase has small pieces from this many multiplications per thread on.
    """

    cdef Network network
    cdef Solver solver
    cdef Rows data
    cdef Job job
    cdef Phase phase
    cdef Py_ssize_t n
    cdef int n_threads, most_threads
    # Pieces of a layer in a phase; the next small piece of all layers.
    cdef int n_pieces, n_taken
    # The layer whose delta is packed in a thread's workspace in this phase, or -1.
    cdef int* packed
    cdef char* g
    cdef const Py_ssize_t* order
    # Of the next update and of the last one; NULL if no schedule moves the momentum.
    cdef const double* momentum
    cdef const double* last_momentum
    cdef Sums* sums
    cdef PyThread_type_lock taking
    cdef PyThread_type_lock* begin
    cdef PyThread_type_lock* end
    cdef double work, divisible_work
    cdef Py_ssize_t before
    cdef object kept, gradient

    def __cinit__(self, network, solver, X, Y, w, g, int n_threads, divisible_work):
        self.most_threads = n_threads
        self.network, self.n_pieces = network, self.pieces_of(n_threads)
        self.sums = <Sums*>calloc(self.n_sums(), sizeof(Sums))
        self.packed = <int*>calloc(n_threads, sizeof(int))
        self.taking = PyThread_allocate_lock()
        self.begin = <PyThread_type_lock*>calloc(n_threads, sizeof(PyThread_type_lock))
        self.end = <PyThread_type_lock*>calloc(n_threads, sizeof(PyThread_type_lock))
        if not (self.sums and self.packed and self.taking and self.begin and self.end):
            raise MemoryError
        for i in range(n_threads):
            self.begin[i] = PyThread_allocate_lock()
            self.end[i] = PyThread_allocate_lock()
            if not (self.begin[i] and self.end[i]):
                raise MemoryError
            PyThread_acquire_lock(self.begin[i], WAIT_LOCK)
            PyThread_acquire_lock(self.end[i], WAIT_LOCK)
        self.set_threads(1)

    def __dealloc__(self):
        for i in range(self.most_threads):
            if self.begin and self.begin[i]:
                PyThread_free_lock(self.begin[i])
            if self.end and self.end[i]:
                PyThread_free_lock(self.end[i])
        if self.taking:
            PyThread_free_lock(self.taking)
        free(self.packed)
        free(self.sums)
        free(self.begin)
        free(self.end)

    def __init__(self, Network network, Solver solver, X, Y, w, g, int n_threads,
                 double divisible_work):
        self.solver, self.divisible_work = solver, divisible_work
        self.g, self.gradient = address(g), g
        self.read(X, Y, w)

    def read(self, X, Y, w):
        """Take other rows for the coming updates, of the kind and dtypes of the first."""
        self.data = rows_of(X, Y, w)
        self.n, self.kept = X.shape[0], [X, Y, w]

    # What the threads do.

    def worker(self, int i):
        """Do the work of thread i in every update, until `stop_threads` is called."""
        with nogil:
            before = begin_flushing()
            while True:
                acquire(self.begin[i])
                if self.phase == STOP:
                    break
                self.share(i)
                PyThread_release_lock(self.end[i])
            end_flushing(before)

    def start_threads(self):
        """Share updates with the other threads, each of which is to run `worker`."""
        self.set_threads(self.most_threads)

    def stop_threads(self):
        """Let the workers return."""
        self.phase = STOP
        self.set_threads(1)
        for i in range(1, self.most_threads):
            PyThread_release_lock(self.begin[i])

    cdef set_threads(self, int n_threads):
        """Set the number of threads, and with it the pieces of a phase."""
        self.n_threads, self.n_pieces = n_threads, self.pieces_of(n_threads)

    cdef int pieces_of(self, int n_threads) noexcept:
        return n_threads + SMALL_PIECES * n_threads if n_threads > 1 else 1

    cdef int n_sums(self) noexcept nogil:
        return self.network.n_layers * self.n_pieces

    cdef void parallel(self, Phase phase, int first, int end) noexcept nogil:
        """Do a phase of the job in all threads, for some stages or layers."""
        cdef int i
        self.phase, self.job.first, self.job.end, self.n_taken = phase, first, end, 0
        for i in range(1, self.n_threads):
            PyThread_release_lock(self.begin[i])
        self.share(0)
        for i in range(1, self.n_threads):
            acquire(self.end[i])

    cdef void share(self, int i) noexcept nogil:
        """Do the large pieces of thread i, then small pieces until none is left.

        The small ones begin with the layer whose delta was packed last.
        """
        cdef int n_layers = self.job.end - self.job.first if self.phase >= WEIGHTS else 1
        cdef int n_small = self.n_pieces - self.n_threads, number, layer
        self.packed[i] = -1
        for layer in range(self.job.end - 1, self.job.end - 1 - n_layers, -1):
            self.piece(i, layer, i)
        number = self.take() if n_small else 0
        while number < n_small * n_layers:
            layer = self.job.end - n_layers + number // n_small
            self.piece(i, layer, self.n_threads + number % n_small)
            number = self.take()

    cdef int take(self) noexcept nogil:
        """Return the number of the next small piece."""
        cdef int number
        acquire(self.taking)
        number = self.n_taken
        self.n_taken += 1
        PyThread_release_lock(self.taking)
        return number

    cdef bint is_large(self, double work) noexcept nogil:
        """Tell whether a phase of so many multiplications has small pieces."""
        return (self.n_threads > 1
                and work >= self.n_threads * self.divisible_work)

    cdef (Py_ssize_t, Py_ssize_t) bounds(self, int piece, bint large, Py_ssize_t n,
                                         Py_ssize_t unit) noexcept nogil:
        """Return start and stop of a piece of n rows or columns, in multiples of unit.

        The remainder belongs to the last multiple. Without a large phase, small pieces
        are empty.
        """
        cdef Py_ssize_t units = max(n // unit, 1), first = 0, end, start, stop
        cdef int of = self.n_threads
        end = units - units // SMALL_SHARE if large else units
        if piece >= of:
            piece, of = piece - of, self.n_pieces - of
            first, end = end, units
        start = first + (end - first) * piece // of
        stop = first + (end - first) * (piece + 1) // of
        return (start * unit if start < units else n, stop * unit if stop < units else n)

    cdef (Py_ssize_t, Py_ssize_t) rows_of_piece(self, int piece, double work,
                                                Py_ssize_t n) noexcept nogil:
        """Return start and stop of a piece of n rows."""
        cdef bint large = self.is_large(work)
        cdef Py_ssize_t unit = min(n // self.n_pieces, ROWS_OF_PIECE) if large else 1
        return self.bounds(piece, large, n, max(unit, 1))

    cdef void piece(self, int i, int layer, int piece) noexcept nogil:
        """Let thread i do a piece of the phase, of a layer if these have pieces."""
        if self.phase == ROWS:
            self.piece_of_rows(i, piece)
        elif self.phase == COLUMNS:
            self.piece_of_columns(i, piece)
        elif self.phase == PACK:
            self.piece_of_delta(layer, piece)
        elif self.phase == WEIGHTS:
            self.piece_of_weights(i, layer, piece)
        else:
            self.piece_of_update(i, layer, piece)

    cdef void piece_of_rows(self, int i, int piece) noexcept nogil:
        cdef Job* job = &self.job
        cdef Py_ssize_t start, stop
        cdef double work = 0
        cdef int stage
        for stage in range(job.first, job.end):
            work += self.work_of(self.network.layer_of(stage))
        start, stop = self.rows_of_piece(piece, work, job.chunk.size)
        if start < stop:
            self.sums[piece].loss += self.network.rows(
                i, job.theta, &self.data, &job.chunk, start, stop, job.scale, job.first,
                job.end)

    cdef void piece_of_columns(self, int i, int piece) noexcept nogil:
        cdef Job* job = &self.job
        cdef double work = self.work_of(self.network.layer_of(job.first))
        cdef Py_ssize_t n = self.network.k[self.network.level_of(job.first)]
        cdef Py_ssize_t start, stop
        start, stop = self.bounds(
            piece, self.is_large(work), n, self.network.loops.panel)
        if start < stop:
            self.network.columns(
                i, job.theta, &self.data, &job.chunk, start, stop, job.first)

    cdef void piece_of_delta(self, int layer, int piece) noexcept nogil:
        """Pack some columns of a layer's delta, for all threads."""
        cdef Py_ssize_t start, stop
        start, stop = self.bounds(
            piece, False, self.network.k[layer + 1], self.network.loops.panel)
        if start < stop:
            self.network.pack(layer, self.job.chunk.size, 0, start, stop)

    cdef void piece_of_weights(self, int i, int layer, int piece) noexcept nogil:
        cdef Job* job = &self.job
        cdef Py_ssize_t k_in = self.network.k[layer], k_out = self.network.k[layer + 1]
        cdef Sums* sums = &self.sums[layer * self.n_pieces + piece]
        cdef Py_ssize_t start, stop
        start, stop = self.rows_of_piece(piece, self.work_of(layer), k_in)
        if start < stop:
            self.make_weights(i, sums, layer, start, stop)
        if piece == 0:
            self.network.gradient_of_biases(layer, job.chunk.size, job.add, job.g)
            if job.last:
                self.finish(
                    sums, self.network.biases(job.g, layer),
                    self.network.offset[layer] + k_in * k_out, k_out, False,
                    self.network.bias_rates[layer])

    cdef double work_of(self, int layer) noexcept nogil:
        """Return the multiplications of one product of a layer.

        0 for -1, and with sparse rows, all of which a piece of the gradient reads.
        """
        if layer < 0 or layer == 0 and self.data.X == NULL:
            return 0
        return <double>self.job.chunk.size * self.network.k[layer] * (
            self.network.k[layer + 1])

    cdef void make_weights(self, int i, Sums* sums, int layer, Py_ssize_t start,
                           Py_ssize_t stop) noexcept nogil:
        """Compute rows start..stop of a gradient; update the weights block by block."""
        cdef Job* job = &self.job
        cdef Py_ssize_t k_out = self.network.k[layer + 1], at, next
        cdef Py_ssize_t size = self.network.loops.size
        cdef Py_ssize_t rows = self.network.k[layer], m = job.chunk.size
        cdef const char* panels = self.packed_delta(i, layer)
        cdef char* dW
        if panels:
            rows = self.network.rows_of_block(layer, m)
        while start < stop:
            next = min(start + rows, stop)
            at = self.network.offset[layer] + start * k_out
            dW = job.g + at * size
            if job.step and not job.whole and panels and job.last:
                dW = self.network.workspaces[i].block
            self.network.gradient(i, &self.data, &job.chunk, layer, start, next,
                                  job.add, panels, dW)
            if job.last and layer == 0 and self.network.scaled:
                self.make_scales(sums, dW, start, next)
            if job.last:
                self.finish(sums, dW, at, (next - start) * k_out, True,
                            self.network.weight_rates[layer])
            start = next

    cdef const char* packed_delta(self, int i, int layer) noexcept nogil:
        """Return the packed delta of a layer for thread i; NULL if it is not packed."""
        if not self.is_packed(layer):
            self.packed[i] = -1  # our products pack in the same place
            return NULL
        if self.is_packed_in_parallel(layer):
            return self.network.workspaces[0].panels
        if self.packed[i] != layer:
            self.network.pack(
                layer, self.job.chunk.size, i, 0, self.network.k[layer + 1])
            self.packed[i] = layer
        return self.network.workspaces[i].panels

    cdef void make_scales(self, Sums* sums, char* dW, Py_ssize_t start,
                          Py_ssize_t stop) noexcept nogil:
        """Turn rows start..stop of dC/dW_1 into the gradients of W_1 and s; update s."""
        cdef Job* job = &self.job
        self.network.scale_gradient(job.theta, dW, start, stop, job.g)
        self.finish(sums, job.g + start * <Py_ssize_t>self.network.loops.size, start,
                    stop - start, False, self.network.scale_rate)

    cdef void finish(self, Sums* sums, char* g, Py_ssize_t at, Py_ssize_t n, bint weights,
                     double rate_factor) noexcept nogil:
        """Add penalties to the gradient g of n coordinates from ``at`` on; update them.

        They are weights, or biases or scales, which have no penalty.
        """
        cdef Py_ssize_t part
        if self.job.step and not self.job.passes:
            squares = self.solver.step(
                g, at, n, self.network.l2 if weights else 0, weights, rate_factor,
                NULL)
            sums.squares += squares if weights else 0
            self.check(sums, at, n)
            return
        while n > 0:
            part = min(n, AT_ONCE)
            self.finish_part(sums, g, at, part, weights, rate_factor)
            g += part * <Py_ssize_t>self.network.loops.size
            at += part
            n -= part

    cdef void finish_part(self, Sums* sums, char* g, Py_ssize_t at, Py_ssize_t n,
                          bint weights, double rate_factor) noexcept nogil:
        """Do `finish` in several passes, for coordinates that stay in the cache."""
        cdef double l2 = self.network.l2 if weights else 0
        cdef bint step = self.job.step, has_l1 = step and weights and self.solver.l1 > 0
        cdef double[AT_ONCE] orthant
        if has_l1:
            sums.absolute += self.solver.add_penalties(
                g, orthant, at, n, l2, &sums.squares)
            l2 = 0
        if step and not self.job.whole:
            squares = self.solver.step(
                g, at, n, l2, weights, rate_factor, orthant if has_l1 else NULL)
            sums.squares += squares if l2 else 0
            self.check(sums, at, n)
        elif l2:
            sums.squares += self.network.penalty(
                self.job.theta, g, at, n, &sums.norm)
        elif step:
            sums.norm += self.network.loops.sum_of_squares(g, n)

    cdef void piece_of_update(self, int i, int layer, int piece) noexcept nogil:
        """Update a piece of a layer's parameters with the whole gradient."""
        cdef Py_ssize_t k_in = self.network.k[layer], k_out = self.network.k[layer + 1]
        cdef Py_ssize_t at = self.network.offset[layer]
        cdef Sums* sums = &self.sums[layer * self.n_pieces + piece]
        cdef Py_ssize_t start, stop
        start, stop = self.rows_of_piece(piece, 0, k_in)
        if not self.solver.layerwise:
            self.update_part(sums, at + start * k_out, (stop - start) * k_out, True,
                             self.network.weight_rates[layer])
        elif piece == 0:
            self.solver.step_matrix(
                self.job.g + at * <Py_ssize_t>self.network.loops.size, at, <int>k_in,
                <int>k_out, self.network.weight_rates[layer])
            self.check(sums, at, k_in * k_out)
        if piece == 0:
            self.update_part(sums, at + k_in * k_out, k_out, False,
                             self.network.bias_rates[layer])
        if layer == 0 and self.network.scaled:
            self.update_part(sums, start, stop - start, False, self.network.scale_rate)

    cdef void update_part(self, Sums* sums, Py_ssize_t at, Py_ssize_t n, bint weights,
                          double rate_factor) noexcept nogil:
        """Update n coordinates from ``at`` on with the gradient, penalties included."""
        cdef Py_ssize_t size = self.network.loops.size, part
        while n > 0:
            part = min(n, AT_ONCE) if self.job.passes else n
            self.solver.step(
                self.job.g + at * size, at, part, 0, weights, rate_factor, NULL)
            self.check(sums, at, part)
            at += part
            n -= part

    cdef void check(self, Sums* sums, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
        """Note the largest of n coordinates, if an epoch ends here."""
        if self.job.check:
            sums.largest = larger(sums.largest, self.solver.largest(start, n))

    cdef bint is_packed(self, int layer) noexcept nogil:
        return self.network.is_packed(layer, self.job.chunk.size, self.job.add,
                                        layer == 0 and self.data.X == NULL)

    cdef bint is_packed_in_parallel(self, int layer) noexcept nogil:
        return (self.n_threads > 1 and self.is_packed(layer)
                and self.network.is_worth_sharing(layer, self.job.chunk.size))

    # What the caller uses.

    def loss_and_gradient(self, theta, order, Py_ssize_t start, Py_ssize_t stop,
                          Py_ssize_t number, Py_ssize_t before=0):
        """Return the objective of the minibatch start..stop; leave its gradient in g.

        ``order`` is None, or an intp array: the minibatch is then order[start:stop].
        Dropout is that of update ``number``, for rows that have ``before`` others
        before them in the minibatch; if the number is negative, there is none.
        """
        cdef double cost
        self.take_order(order)
        self.before = before
        self.job.theta, self.job.step = address(theta), False
        with nogil:
            flushing = begin_flushing()
            try:
                self.network.begin(number)
                cost = self.update(start, stop)
            finally:
                end_flushing(flushing)
                self.before = 0
        return cost

    cdef take_order(self, order):
        """Set the order of the rows."""
        self.order = <const Py_ssize_t*>address(order) if order is not None else NULL

    def epochs(self, order, rates, momenta, Py_ssize_t size, double t,
               Py_ssize_t number, metrics, between):
        """Make one update per rate, with minibatches of ``size`` rows.

        Stop at the first objective that is not finite.

        Parameters
        ----------
        order : intp array of shape (n_epochs, n) or (n,), or None
            The order of the rows, in each epoch or in all.
        rates : float64 array of shape (n_epochs, n_updates)
            The rate of each update.
        momenta : float64 array of shape (n_epochs, n_updates), or None
            The momentum of each update, if it is not always that of the solver.
        size : int
            Rows per minibatch; the last one may have fewer.
        t : int
            Updates before this call, by the solver.
        number : int
            Updates before this call, by any solver; it selects the dropout masks.
        metrics : float64 array of shape (n_epochs, 2)
            Takes, for each epoch begun, the sum over minibatches of objective times
            rows, added to the number that is there, and the largest absolute value in
            theta at the end (0 if the epoch ends before its last update); NaN if one in
            theta or in the solver's memory is not finite.
        between : array of shape (n_epochs - 1, P)
            Takes theta at the end of each epoch but the last.

        Returns
        -------
        int
            The number of updates made.
        """
        cdef Py_ssize_t n_epochs = rates.shape[0], n_updates = rates.shape[1]
        cdef Py_ssize_t done = 0, epoch, next_order = 0
        cdef Py_ssize_t P = self.network.offset[self.network.n_layers]
        cdef const double* rate = <const double*>address(rates)
        cdef double* metric = <double*>address(metrics)
        cdef char* place = address(between) if n_epochs > 1 else NULL
        cdef size_t bytes = P * self.network.loops.size
        self.take_order(order)
        self.take_momenta(momenta)
        if order is not None:
            self.n = order.shape[order.ndim - 1]
            next_order = self.n if order.ndim == 2 else 0
        self.job.step = True
        self.job.whole = self.solver.layerwise or self.solver.max_norm < INFINITY
        self.job.passes = self.job.whole or self.solver.takes_passes()
        with nogil:
            before = begin_flushing()
            try:
                for epoch in range(n_epochs):
                    done += self.epoch(rate, n_updates, size, t + done, number + done,
                                       metric)
                    metric[1] = self.largest()
                    if not isfinite(metric[0]):
                        break
                    if epoch + 1 < n_epochs:
                        memcpy(place, self.solver.stored(), bytes)
                        place += bytes
                    rate += n_updates
                    metric += 2
                    if next_order:
                        self.order += next_order
            finally:
                end_flushing(before)
        return done

    cdef take_momenta(self, momenta):
        """Set the momenta of the updates of a call."""
        self.momentum = self.last_momentum = NULL
        if momenta is not None:
            self.momentum = <const double*>address(momenta)
            self.last_momentum = self.momentum + <Py_ssize_t>momenta.size - 1
            self.solver.look_ahead(self.momentum[0])

    cdef void next_momentum(self) noexcept nogil:
        """Give the solver the momenta of this update and of the next one, if known."""
        cdef const double* momentum = self.momentum
        if momentum:
            self.momentum = momentum + (momentum < self.last_momentum)
            self.solver.take_momentum(momentum[0], self.momentum[0])

    cdef Py_ssize_t epoch(self, const double* rates, Py_ssize_t n_updates,
                          Py_ssize_t size, double t, Py_ssize_t number,
                          double* total) except -1 nogil:
        """Make the updates of an epoch; return their number."""
        cdef Py_ssize_t done = 0, start, stop
        cdef double cost
        cdef int i
        for i in range(self.n_sums()):
            self.sums[i].largest = 0
        while done < n_updates:
            self.job.check = done + 1 == n_updates
            start = done * size
            stop = min(start + size, self.n)
            self.next_momentum()
            self.solver.begin(rates[done], t + done + 1)
            self.job.theta = self.solver.point()
            self.network.begin(number + done)
            cost = self.update(start, stop)
            if not isfinite(cost):
                total[0] = cost
                break
            total[0] += cost * (stop - start)
            done += 1
        return done

    cdef double largest(self) noexcept nogil:
        """Return the largest number that the threads have noted in an epoch."""
        cdef double largest = 0
        cdef int i
        for i in range(self.n_sums()):
            largest = larger(largest, self.sums[i].largest)
        return largest

    cdef double update(self, Py_ssize_t start, Py_ssize_t stop) except? -1 nogil:
        """Compute a minibatch's gradient into g, chunk by chunk; return its objective.

        If there is a solver, make its update, unless a loss is not finite.
        """
        cdef Job* job = &self.job
        cdef Py_ssize_t m = stop - start, first = start
        cdef double loss = 0, penalty = 0
        cdef int i
        job.g, job.scale, job.add = self.g, 1.0 / m, False
        self.network.scale(job.theta)
        while start < stop:
            job.chunk.size = min(stop - start, self.network.n_rows)
            job.chunk.first = start
            job.chunk.before = self.before + start - first
            job.chunk.order = self.order + start if self.order else NULL
            job.last = start + job.chunk.size == stop
            self.make_deltas()
            for i in range(self.n_pieces):
                loss += self.sums[i].loss
            if not isfinite(loss):
                return INFINITY
            self.make_gradients()
            job.add = True
            start += job.chunk.size
            self.work += <double>job.chunk.size * (
                self.network.offset[self.network.n_layers])
            if self.work > WORK_BETWEEN_CHECKS:
                self.work = 0
                with gil:
                    PyErr_CheckSignals()
        if job.step and job.whole:
            self.update_by_whole_gradient()
        for i in range(self.n_sums()):
            if self.network.l2:  # else they may be infinite
                penalty += 0.5 * self.network.l2 * self.sums[i].squares
            if job.step:
                penalty += self.solver.l1 * self.sums[i].absolute
        return loss / m + penalty

    cdef void update_by_whole_gradient(self) noexcept nogil:
        """Let the solver update all of theta, with the gradient clipped."""
        cdef double squares = 0
        cdef int i
        for i in range(self.n_sums()):
            squares += self.sums[i].norm
        self.solver.clip(squares)
        self.parallel(UPDATE, 0, self.network.n_layers)

    cdef void make_deltas(self) noexcept nogil:
        """Take the chunk through both passes, by rows where that is no slower."""
        cdef int stage = 0, end, n_stages = 2 * self.network.n_layers + 1, i
        for i in range(self.n_pieces):
            self.sums[i].loss = 0
        while stage < n_stages:
            end = stage
            while end < n_stages and not self.splits_columns(end):
                end += 1
            if end > stage:
                self.parallel(ROWS, stage, end)
            if end < n_stages:
                self.parallel(COLUMNS, end, end + 1)
            stage = end + 1

    cdef bint splits_columns(self, int stage) noexcept nogil:
        return self.n_threads > 1 and self.network.splits_columns(
            stage, self.job.chunk.size, self.data.X == NULL, self.n_threads)

    cdef void make_gradients(self) noexcept nogil:
        """Compute the gradients of all layers, one by one where threads pack delta."""
        cdef int end = self.network.n_layers, first, i
        for i in range(self.n_sums()):
            self.sums[i].squares = self.sums[i].absolute = self.sums[i].norm = 0
        while end > 0:
            first = end - 1
            if self.is_packed_in_parallel(first):
                self.parallel(PACK, first, end)
            else:
                while first > 0 and not self.is_packed_in_parallel(first - 1):
                    first -= 1
            self.parallel(WEIGHTS, first, end)
            end = first
