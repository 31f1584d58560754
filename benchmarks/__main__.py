"""`python -m benchmarks [--only NAME] [--list]`: measure, and write outputs/bench/<area>.csv.

Each benchmark runs in a process of its own, so that no library's state is shared; then each of its sides once more in a
process of its own, for its peak memory (memory.csv). What machine it was is in machine.csv.
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

from benchmarks import machine
from benchmarks import measure as measuring
from benchmarks.measure import Row, SkippedError

AREAS = ("pages", "training", "evaluation", "explanation", "predict", "growth", "study")
FOLDER = Path(__file__).parents[1] / "outputs" / "bench"
COLUMNS = [field.name for field in dataclasses.fields(Row)]
SIDES = ("ours", "theirs")


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
    options.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)  # and of it this side alone
    chosen = options.parse_args()
    if chosen.here:
        return run_here(chosen.here, chosen.side)
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
    if wanted:
        write(pd.DataFrame([machine.facts()]), chosen.to / "machine.csv")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def measure(name: str, area: str, folder: Path) -> bool:
    """One benchmark in its own process; its rows replace those of the same names in the area's table."""
    began = time.monotonic()
    said = asked(f"{area}.{name}")
    if said is None:
        return False
    if "skipped" in said:
        print(f"{name}: skipped, {said['skipped']}", flush=True)
        return True
    rows = [Row(**row) for row in said["rows"]]
    memory = [row for row in rows if row.unit == "MB"]  # where it measures that itself
    if not memory and (found := memory_of(name, area, rows, said["memory"])):
        memory = [found]
    rows = [row for row in rows if row.unit != "MB"]
    keep(rows, folder / f"{area}.csv")
    keep(memory, folder / "memory.csv")
    for row in rows + memory:
        ratio = "" if row.ratio is None else f", {row.ratio:.3g} times ({row.low:.3g} to {row.high:.3g})"
        goal = "" if row.goal is None else f", goal {row.goal:g}"
        theirs = "" if row.theirs is None else f" against {row.theirs:.4g}"
        print(f"{row.name}: {row.ours:.4g}{theirs} {row.unit}{ratio}{goal}", flush=True)
    print(f"  ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    return True


def memory_of(name: str, area: str, rows: list[Row], peak: float) -> Row | None:
    """Peak memory of each side, in a process that prepares and does this side alone, once.

    Args:
        peak: of the process that measured `rows`; it is ours where there is no other side.
    """
    if all(row.theirs is None for row in rows):
        return Row(name, peak, None, "MB", None, None, None, None, "peak of the process that did it")
    found = [asked(f"{area}.{name}", "--side", one) for one in SIDES]
    if None in found:
        return None
    pair = (found[0]["memory"], found[1]["memory"])  # type: ignore[index]
    note = "peak of a process that prepares and does this side alone, once, libraries included"
    return measuring.ratio_of(name, [pair], unit="MB", note=note)


def asked(benchmark: str, *more: str) -> dict | None:
    """What a process that runs `benchmark` said in its last line; None where it failed."""
    command = [sys.executable, "-m", "benchmarks", "--here", benchmark, *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return None if done.returncode else json.loads(done.stdout.strip().split("\n")[-1])


def keep(rows: list[Row], path: Path) -> None:
    """Put rows into a table, in place of those of the same names."""
    table = pd.DataFrame([dataclasses.asdict(row) for row in rows], columns=COLUMNS)
    if path.is_file():
        before = pd.read_csv(path).astype(object)
        table = pd.concat([before[~before["name"].isin(table["name"])], table.astype(object)])
    write(table, path)


def write(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False, float_format="%.5g")


def run_here(name: str, side: str | None) -> int:
    area, function = name.split(".")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    measuring.side = side
    try:
        rows = getattr(importlib.import_module(f"benchmarks.{area}"), function)()
    except SkippedError as reason:
        print(json.dumps({"skipped": str(reason)}))
        return 0
    # Of children the system knows the largest alone: right for one side, which has one child at a time.
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print("\n" + json.dumps({"rows": [dataclasses.asdict(row) for row in rows], "memory": peak / 1024}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
