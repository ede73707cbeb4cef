"""The table of loops.h, for the other kernels."""

from libc.stdint cimport uint64_t


cdef extern from "loops.h" nogil:
    uint64_t random_number(uint64_t key, uint64_t index)

    enum:
        N_FUNCTIONS
        N_ACTIVATIONS
        N_LOSSES
        N_SOLVERS
        N_INSTRUCTION_SETS
        MOST_VECTORS
        SHORTEST_PACKED
        ACTIVATION_identity
        LOSS_quantile
        LOSS_several_quantiles
        SOLVER_descent
        SOLVER_adam
        SOLVER_muon
        SOLVER_nadam
        SOLVER_radam
        SOLVER_adan
        SOLVER_schedule_free_adamw
        NUMBER_PER_OUTPUT
        ONE_NUMBER
        CLASS_NUMBER

    ctypedef struct StepNumbers:
        double rate, clip, momentum, momentum_ahead, rho_1, rho_2, rho_3, epsilon
        double corrected_rate, correction_2, correction_3, weight_1, weight_2
        int ready

    ctypedef struct Vectors:
        void* theta
        void* memory[MOST_VECTORS]
        void* ahead

    ctypedef struct SparseRows:
        const void* data
        const void* indices
        const void* indptr
        int wide

    ctypedef struct Loops:
        size_t size
        void (*apply[N_FUNCTIONS])(void*, Py_ssize_t) noexcept nogil
        void (*gather)(void*, const void*, const Py_ssize_t*, Py_ssize_t,
                       Py_ssize_t) noexcept nogil
        char makes_slopes[N_ACTIVATIONS]
        void (*forward[N_ACTIVATIONS])(void*, void*, const void*, Py_ssize_t, Py_ssize_t,
                                       double) noexcept nogil
        void (*backward[N_ACTIVATIONS])(void*, const void*, Py_ssize_t,
                                        double) noexcept nogil
        void (*drop)(void*, uint64_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, int,
                     double) noexcept nogil
        char targets[N_LOSSES]
        double (*loss[N_LOSSES])(void*, const void*, const void*, const void*,
                                 const Py_ssize_t*, Py_ssize_t, Py_ssize_t, double,
                                 const double*) noexcept nogil
        void (*sum_rows)(void*, const void*, Py_ssize_t, Py_ssize_t,
                         int) noexcept nogil
        double (*penalise)(void*, const void*, double, Py_ssize_t,
                           double*) noexcept nogil
        void (*scale_weights)(void*, const void*, const void*, Py_ssize_t,
                              Py_ssize_t) noexcept nogil
        void (*scale_gradient)(void*, void*, const void*, const void*, Py_ssize_t,
                               Py_ssize_t) noexcept nogil
        double (*step[N_SOLVERS])(const Vectors*, const void*, Py_ssize_t, double, double,
                                  const StepNumbers*) noexcept nogil
        void (*look_ahead[N_SOLVERS])(const Vectors*, Py_ssize_t,
                                const StepNumbers*) noexcept nogil
        double (*subgradient)(void*, void*, const void*, const void*, double, double,
                              Py_ssize_t, double*) noexcept nogil
        void (*find_orthant)(void*, const void*, const void*, Py_ssize_t) noexcept nogil
        void (*keep_in_orthant)(void*, const void*, const void*,
                                Py_ssize_t) noexcept nogil
        double (*sum_of_squares)(const void*, Py_ssize_t) noexcept nogil
        double (*norm_of)(double) noexcept nogil
        void (*divide)(void*, double, Py_ssize_t) noexcept nogil
        void (*average)(void*, const void*, double, Py_ssize_t) noexcept nogil
        void (*sparse_forward)(void*, const SparseRows*, const Py_ssize_t*, Py_ssize_t,
                               Py_ssize_t, const void*, Py_ssize_t) noexcept nogil
        void (*sparse_backward)(void*, const SparseRows*, const Py_ssize_t*, Py_ssize_t,
                                Py_ssize_t, const void*, Py_ssize_t, Py_ssize_t,
                                Py_ssize_t) noexcept nogil
        double (*largest)(const void*, Py_ssize_t) noexcept nogil
        void (*product)(void*, Py_ssize_t, const void*, Py_ssize_t, Py_ssize_t,
                        const void*, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                        Py_ssize_t, const void*, void*) noexcept nogil
        void (*pack_panels)(void*, const void*, Py_ssize_t, Py_ssize_t,
                            Py_ssize_t) noexcept nogil
        void (*pack_tiles)(void*, const void*, Py_ssize_t, Py_ssize_t,
                           Py_ssize_t) noexcept nogil
        void (*product_of_packed)(void*, const void*, const void*, Py_ssize_t,
                                  Py_ssize_t, Py_ssize_t) noexcept nogil
        Py_ssize_t vector, panel, packed_columns
        Py_ssize_t narrowest_product
        double large_product, largest_product
        Py_ssize_t large_gradient

cdef unsigned long long begin_flushing() noexcept nogil
cdef void end_flushing(unsigned long long before) noexcept nogil
cdef const Loops* loops_of(str dtype, str instruction_set) except NULL
cdef char* address(array) except? NULL
