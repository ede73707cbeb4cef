"""Check what a source distribution and the wheel made from it hold.

Run with ``python .ci/contents.py FOLDER`` in a checkout; FOLDER has one of each. The
source distribution is the repository, file by file; the wheel is what runs.
"""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent
#: What setuptools adds to a source distribution.
ADDED = ("PKG-INFO", "setup.cfg", "skoptnet.egg-info/")


def tracked_files() -> set[str]:
    """Return the files that git knows."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    return set(filter(None, names.split("\0")))


def files_of_sdist(archive: Path) -> set[str]:
    """Return the files of a source distribution, without its top folder."""
    with tarfile.open(archive) as tar:
        names = {member.name for member in tar if member.isfile()}
    return {str(PurePosixPath(*PurePosixPath(name).parts[1:])) for name in names}


def sdist_faults(archive: Path) -> list[str]:
    """Return what the source distribution lacks, and what it has too much."""
    tracked, found = tracked_files(), files_of_sdist(archive)
    found = {name for name in found if not name.startswith(ADDED)}
    return [
        *(f"{archive.name} lacks {name}" for name in sorted(tracked - found)),
        *(f"{archive.name} has {name}" for name in sorted(found - tracked)),
    ]


def wheel_faults(wheel: Path) -> list[str]:
    """Return what the wheel lacks, and what it has too much."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    modules = {
        module["name"].replace(".", "/")
        for module in project["tool"]["setuptools"]["ext-modules"]
    }
    expected = {
        name
        for name in tracked_files()
        if name.startswith("skoptnet/") and name.endswith((".py", ".pyi", "py.typed"))
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {
            name
            for name in archive.namelist()
            if ".dist-info/" not in name and not name.endswith("/")
        }
    compiled = {name for name in found if name.endswith((".so", ".pyd"))}
    compiled_modules = {name.partition(".")[0] for name in compiled}
    return [
        *(f"{wheel.name} lacks {name}" for name in sorted(expected - found)),
        *(f"{wheel.name} has {name}" for name in sorted(found - expected - compiled)),
        *(f"{wheel.name} lacks {name}" for name in sorted(modules - compiled_modules)),
    ]


def main() -> None:
    """Print what is wrong and say so in the exit status."""
    folder = Path(sys.argv[1])
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    faults = sdist_faults(sdist) + wheel_faults(wheel)
    print("\n".join(faults) or f"{sdist.name} and {wheel.name} hold what they should.")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
