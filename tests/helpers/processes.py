"""Processes and notebooks that import the package that the tests have imported.

The tests run in the repository, whose source may not be compiled, while the package
under test is installed elsewhere.
"""

import os
from pathlib import Path

import skoptnet


def environment(**variables):
    """Return the environment of a process, which does not import from its folder."""
    paths = [str(Path(skoptnet.__file__).parent.parent), os.environ.get("PYTHONPATH")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONSAFEPATH": "1",
        **variables,
    }


def execute(notebook, folder):
    """Execute a notebook in a folder."""
    from nbclient import NotebookClient

    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env=environment())
