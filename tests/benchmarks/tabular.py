"""Estimators of tabular data, compared on tables: losses, calibration, CPU time.

    python tests/benchmarks/tabular.py --data DIR --out results.jsonl
    python tests/benchmarks/tabular.py --data DIR --groups small --splits 3 \\
        --models tabular hgb lightgbm --out results.jsonl
    python tests/benchmarks/tabular.py --sets friedman1 hastie --models hgb skoptnet
    python tests/benchmarks/tabular.py --report results.jsonl --reference hgb

Each model fits each split of each set in a process of its own, on one thread, with its
defaults; nothing is tuned, and no test part is seen before the end. The results are
appended to a file of JSON lines: a command that was stopped goes on where it was when
it is given again, and failures and timeouts are recorded as such. At the end come the
tables of these sets and models, which --report makes from recorded results alone.

Sets and groups are described in tabular_data.py, the models in tabular_models.py, the
tables in tabular_report.py. Without --data, only the sets that need no files take
part; models whose packages are not installed are left out. Needs pandas; psutil counts
the CPU time of joblib's workers.

Not a test: nothing is asserted.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import circumstances
from tabular_data import GROUPS, SETS
from tabular_models import MODELS
from tabular_report import DETAILS, METRICS, print_report

THREADS = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")


def measure(
    model: str, data_set: str, split: int, args: argparse.Namespace
) -> dict[str, Any]:
    """Run a model in a new process; return its record, whatever happens."""
    threads = 1 if MODELS[model].processes else args.n_jobs
    environment = {f"{name}_NUM_THREADS": str(threads) for name in THREADS}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)  # relative ones, too
    folder = str(args.data) if args.data else "."
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch, "answer.json")
        job = [model, data_set, str(split), folder, str(args.n_jobs), str(answer)]
        process = subprocess.Popen(
            [sys.executable, __file__, "--job", *job],
            env=os.environ | environment,
            cwd=scratch,  # where some leave logs
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started = time.perf_counter()
        try:
            _, errors = process.communicate(timeout=args.timeout)
        except subprocess.TimeoutExpired:
            return {"status": "timeout", "reason": f"more than {args.timeout:g} s"}
        finally:
            stop(process)
        if process.returncode:
            reason = errors.strip().rpartition("\n")[2][-500:]
            if process.returncode < 0:  # as when there is no memory left
                reason = f"ended by signal {-process.returncode}"
            return {"status": "failed", "reason": reason}
        record = json.loads(answer.read_text(encoding="utf-8"))
        return {"status": "ok", **record, "wall": time.perf_counter() - started}


def stop(process: subprocess.Popen) -> None:
    """End a process and its children, if they run."""
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()


def do_job(
    model: str, data_set: str, split: str, folder: str, n_jobs: str, answer: str
) -> None:
    """Make a single run, in the process that is there for it."""
    from tabular_run import run

    record = run(model, data_set, int(split), Path(folder), int(n_jobs))
    Path(answer).write_text(json.dumps(record), encoding="utf-8")


def read(paths: list[Path]) -> list[dict[str, Any]]:
    """Return the recorded runs; of equal runs, the last."""
    runs = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "model" in record:
                runs[record["model"], record["set"], record["split"]] = record
    return list(runs.values())


def append(path: Path, record: dict[str, Any]) -> None:
    """Write a line at the end of the file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")


def asked_sets(args: argparse.Namespace) -> list[str]:
    """Return the sets named, or those of the groups named."""
    if args.sets:
        return args.sets
    return [name for name, data_set in SETS.items() if data_set.group in args.groups]


def present_models(names: list[str]) -> list[str]:
    """Return the models that can take part; say why others cannot."""
    present = []
    for name in names:
        reason = MODELS[name].missing()
        if reason is None:
            present.append(name)
        else:
            print(f"{name} is left out: {reason}", flush=True)
    return present


def measure_all(args: argparse.Namespace) -> None:
    """Make the runs that are asked for and not yet recorded."""
    known = {
        (record["model"], record["set"], record["split"])
        for record in (read([args.out]) if args.out.exists() else [])
        if record["status"] == "ok" or not args.retry
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # ends the run under way
    append(args.out, circumstances())
    models = present_models(args.models)
    for data_set in asked_sets(args):
        if not SETS[data_set].present(args.data):
            print(f"{data_set} is left out: its file is not in --data", flush=True)
            continue
        for split in range(args.splits):
            for model in models:
                name = f"{model}@{args.tag}" if args.tag else model
                if (name, data_set, split) in known:
                    continue
                key = {"model": name, "set": data_set, "split": split}
                record = {**key, "n_jobs": args.n_jobs}
                record |= measure(model, data_set, split, args)
                record["date"] = datetime.now(UTC).isoformat(timespec="seconds")
                append(args.out, record)
                print(line(record), flush=True)


def line(record: dict[str, Any]) -> str:
    """Return a line about a run, for those who wait."""
    text = f"{record['set']} {record['split']} {record['model']}: "
    if record["status"] != "ok":
        return f"{text}{record['status']}, {record['reason']}"
    shown = [name for name in DETAILS if name in record]
    return text + ", ".join(f"{name} {record[name]:.3f}" for name in shown)


def arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of the files")
    parser.add_argument(
        "--models",
        nargs="+",
        default=list(MODELS),
        choices=MODELS,
        metavar="NAME",
        help=", ".join(MODELS),
    )
    parser.add_argument(
        "--groups", nargs="+", default=GROUPS, choices=GROUPS, help="default: all"
    )
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=SETS,
        metavar="NAME",
        help="instead of groups: " + ", ".join(SETS),
    )
    parser.add_argument("--splits", type=int, default=1, help="default 1")
    parser.add_argument(
        "--n-jobs",
        type=int,
        default=1,
        help="default 1; record others under another --tag or --out",
    )
    parser.add_argument(
        "--timeout", type=float, default=1500, help="seconds per run; default 1500"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("tabular.jsonl"),
        metavar="FILE",
        help="JSON lines; default tabular.jsonl",
    )
    parser.add_argument(
        "--retry", action="store_true", help="repeat recorded failures and timeouts"
    )
    parser.add_argument(
        "--tag", help="record models as NAME@TAG, to tell two states of one apart"
    )
    parser.add_argument(
        "--report",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="make the tables of recorded results, without running",
    )
    parser.add_argument("--reference", default="hgb", metavar="NAME")
    parser.add_argument(
        "--details",
        nargs="*",
        default=DETAILS,
        choices=METRICS,
        metavar="METRIC",
        help="tables of single sets: " + ", ".join(METRICS),
    )
    return parser.parse_args()


def main() -> None:
    """Run what is asked for, then print the tables."""
    if sys.argv[1:2] == ["--job"]:
        do_job(*sys.argv[2:])
        return
    args = arguments()
    if args.data:
        args.data = args.data.resolve()
    if not args.report:
        measure_all(args)
    names = set(asked_sets(args))
    rows = [
        record
        for record in read(args.report or [args.out])
        if record["set"] in names and record["model"].partition("@")[0] in args.models
    ]
    if rows:
        print_report(rows, args.reference, args.details)


if __name__ == "__main__":
    main()
