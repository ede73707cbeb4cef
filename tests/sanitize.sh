#!/usr/bin/env bash
# Runs the tests of the kernels on kernels that are compiled with gcc's AddressSanitizer
# and UndefinedBehaviorSanitizer. Everything is built in a temporary copy, with the packages
# of the Python it is called with (PYTHON=...; setuptools, Cython, NumPy, SciPy, pytest).
#
#     tests/sanitize.sh [arguments of pytest]
#
# Exits with 1 if a sanitizer reports something or a test fails.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
python=${PYTHON:-python}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
say() { printf '\n== %s\n' "$*"; }

say "copy of $root in $place"
mkdir "$place/source" "$place/tests" "$place/reports"
cp -r "$root/skoptnet" "$root/pyproject.toml" "$root/README.md" "$root/LICENSE" \
    "$place/source"
find "$place/source" \( -name '*.so' -o -name __pycache__ \) -prune -exec rm -rf {} +
rm -f "$place"/source/skoptnet/_kernels/{loops,network,shuffles,solver,training}.c
cp -r "$root"/tests/{conftest.py,helpers,agreement} "$place/tests"

sanitizers="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
flags="$sanitizers -fno-omit-frame-pointer -g -O1"
say "kernels with $flags"
# What pyproject.toml asks for comes after CFLAGS, so its -O3 is taken out of the copy.
sed -i 's/"-O3", //' "$place/source/pyproject.toml"
CC=gcc CFLAGS="$flags" LDFLAGS="$sanitizers" "$python" -m pip install --quiet \
    --no-build-isolation --no-deps --target "$place/installed" "$place/source"

# The libraries have to be there before Python is; with its own malloc, Python would
# hide from them what it hands out.
run() {
    (cd "$place" && env \
        LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
        ASAN_OPTIONS="detect_leaks=0:halt_on_error=1:log_path=$place/reports/asan" \
        UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:log_path=$place/reports/ubsan" \
        PYTHONMALLOC=malloc PYTHONPATH="$place/installed" PYTHONDONTWRITEBYTECODE=1 \
        OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" "$python" "$@")
}

say "what is tested"
run - "$place" <<'PY'
import sys
from skoptnet import _kernels

assert _kernels.COMPILED, "the kernels were not compiled"
assert _kernels.loops.__file__.startswith(sys.argv[1]), _kernels.loops.__file__
with open("/proc/self/maps") as maps:
    assert "libasan" in maps.read()
with open(_kernels.training.__file__, "rb") as compiled:
    assert b"__asan_report" in compiled.read(), "compiled without AddressSanitizer"
print(_kernels.training.__file__, *_kernels.INSTRUCTION_SETS)
PY

tests=("$place"/tests/agreement/test_{kernel*,shuffles,epochs_at_once}.py)
say "${tests[@]#"$place/"}"
# What the second sanitizer says goes to the error output, which pytest must not hold.
failed=0
run -m pytest --capture=sys -c "$place/source/pyproject.toml" --rootdir "$place" -p no:cacheprovider \
    -o pythonpath="$place/tests/helpers" -q "${tests[@]}" "$@" || failed=1

say "reports of AddressSanitizer"
if compgen -G "$place/reports/*" > /dev/null; then
    cat "$place"/reports/*
    failed=1
else
    echo none
fi
exit "$failed"
