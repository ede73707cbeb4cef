"""One thread for every library, and the same instruction set.

The libraries read these variables when they are loaded, so this module is imported
first.
"""

import os

os.environ.update(
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    NPROC="1",  # the size of XLA's thread pools
    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false",
    JAX_PLATFORMS="cpu",
)
if os.environ.get("SKOPTNET_KERNELS") == "avx2":  # no more for the others, either
    os.environ["XLA_FLAGS"] += " --xla_cpu_max_isa=AVX2"
    os.environ.update(
        ATEN_CPU_CAPABILITY="avx2",
        DNNL_MAX_CPU_ISA="AVX2",
        MKL_ENABLE_INSTRUCTIONS="AVX2",
        OPENBLAS_CORETYPE="Haswell",
    )
