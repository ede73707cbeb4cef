"""Why there are no compiled kernels, said in one line at import.

The logger ``skoptnet`` says it, and it is no warning: nothing is wrong in the program
that imports skoptnet, and one that turns warnings into errors should still run.
"""

import logging
import multiprocessing
import os
from pathlib import Path

FOLDER = Path(__file__).parent


def reason(error: ImportError) -> str:
    """Return why the kernels could not be imported, and what to do."""
    if not (error.name or "").startswith(__package__):
        return f"the kernels cannot be loaded: {error}"
    if (FOLDER / "loops.pyx").exists():
        return (
            f"the source in {FOLDER.parent.parent} is not compiled: run pip install"
            " -e . there, or start Python elsewhere to use an installed copy"
        )
    return (
        "the kernels could not be compiled at installation: install again with a C"
        " compiler (pip install -v shows its messages)"
    )


def report(why: str) -> None:
    """Log why there are no kernels, unless they are off or the parent has said it."""
    if os.environ.get("SKOPTNET_KERNELS") != "0" and not _in_worker_process():
        logging.getLogger("skoptnet").warning(
            "skoptnet runs without compiled kernels, slower: %s"
            " (SKOPTNET_KERNELS=0 silences this line)",
            why,
        )


def _in_worker_process() -> bool:
    """Tell whether multiprocessing or joblib has started this process."""
    starting = getattr(multiprocessing.current_process(), "_inheriting", False)
    return starting or multiprocessing.parent_process() is not None
