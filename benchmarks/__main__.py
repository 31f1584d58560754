"""`python -m benchmarks [--only NAME] [--list]`: measure, and write outputs/bench/<area>.csv.

Each benchmark runs in a process of its own, so that its peak memory is its own and no library's state is shared.
"""

import argparse
import dataclasses
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from benchmarks.measure import Row, SkippedError

AREAS = ("pages", "training", "evaluation", "explanation", "growth", "study")
FOLDER = Path(__file__).parents[1] / "outputs" / "bench"
COLUMNS = [field.name for field in dataclasses.fields(Row)]


def benchmarks() -> dict[str, str]:
    """Name of each benchmark -> its area; the functions listed in an area's `BENCHMARKS`."""
    found = {}
    for area in AREAS:
        for function in importlib.import_module(f"benchmarks.{area}").BENCHMARKS:
            found[function.__name__] = area
    return found


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n")[0])
    options.add_argument("--only", action="append", help="a benchmark or an area; may be repeated")
    options.add_argument("--to", type=Path, default=FOLDER, help="where the tables go")
    options.add_argument("--list", action="store_true", help="name the benchmarks")
    options.add_argument("--here", help=argparse.SUPPRESS)  # one benchmark, in this very process
    chosen = options.parse_args()
    if chosen.here:
        return run_here(chosen.here)
    known = benchmarks()
    if chosen.list:
        print("\n".join(f"{area:12} {name}" for name, area in known.items()))
        return 0
    wanted = {n: a for n, a in known.items() if not chosen.only or n in chosen.only or a in chosen.only}
    unknown = set(chosen.only or ()) - {*known, *known.values()}
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; --list names them", file=sys.stderr)
        return 2
    failed = [name for name, area in wanted.items() if not measure(name, area, chosen.to)]
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def measure(name: str, area: str, folder: Path) -> bool:
    """One benchmark in its own process; its rows replace those of the same names in the area's table."""
    began = time.monotonic()
    command = [sys.executable, "-m", "benchmarks", "--here", f"{area}.{name}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return False
    said = json.loads(done.stdout.strip().split("\n")[-1])
    if "skipped" in said:
        print(f"{name}: skipped, {said['skipped']}", flush=True)
        return True
    keep(pd.DataFrame(said["rows"], columns=COLUMNS), folder / f"{area}.csv")
    memory = Row(name, said["memory"], None, "MB", None, None, None, None, "peak of the whole process")
    keep(pd.DataFrame([dataclasses.asdict(memory)], columns=COLUMNS), folder / "memory.csv")
    for row in said["rows"]:
        ratio = "" if row["ratio"] is None else f", {row['ratio']:.3g} times ({row['low']:.3g} to {row['high']:.3g})"
        goal = "" if row["goal"] is None else f", goal {row['goal']:g}"
        theirs = "" if row["theirs"] is None else f" against {row['theirs']:.4g}"
        print(f"{row['name']}: {row['ours']:.4g}{theirs} {row['unit']}{ratio}{goal}", flush=True)
    print(f"  ({name}: {time.monotonic() - began:.0f} s, {said['memory']:.0f} MB)", flush=True)
    return True


def keep(rows: pd.DataFrame, path: Path) -> None:
    """Put rows into a table, in place of those of the same names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file():
        before = pd.read_csv(path).astype(object)
        rows = pd.concat([before[~before["name"].isin(rows["name"])], rows.astype(object)])
    rows.to_csv(path, index=False, float_format="%.5g")


def run_here(name: str) -> int:
    area, function = name.split(".")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        rows = getattr(importlib.import_module(f"benchmarks.{area}"), function)()
    except SkippedError as reason:
        print(json.dumps({"skipped": str(reason)}))
        return 0
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print("\n" + json.dumps({"rows": [dataclasses.asdict(row) for row in rows], "memory": peak / 1024}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
