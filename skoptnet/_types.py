"""Names for the types that every room shares; nothing here runs."""

from typing import Any, TypeAlias

import numpy as np

#: A dense array. NumPy's today; the code keeps to operations that other array
#: libraries with in-place arithmetic offer too.
Array: TypeAlias = np.ndarray

#: Rows of features: a dense array or a SciPy CSR container.
Rows: TypeAlias = Any

#: The module that the arrays come from (``numpy``), called ``xp`` everywhere.
Namespace: TypeAlias = Any
