"""The benchmark names what it measures, measures it, and writes what the documentation reads."""

import ast
import importlib
import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from benchmarks import __main__ as bench
from benchmarks import growth, machine, measure

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def written_down(path: Path) -> set[str]:
    """Functions without arguments that give rows: what a benchmark looks like."""
    functions = [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    return {f.name for f in functions if f.returns and ast.unparse(f.returns) == "list[Row]" and not f.args.args}


def test_every_benchmark_that_is_written_down_is_listed():
    listed = {line.split()[1] for line in run("--list").stdout.splitlines()}
    assert listed == set().union(*(written_down(path) for path in (ROOT / "benchmarks").glob("*.py")))


def test_one_benchmark_runs_and_writes_its_table_its_memory_and_the_machine(tmp_path):
    done = run("--only", "copy_search", "--to", str(tmp_path))
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(tmp_path / "pages.csv")
    assert list(rows.columns) == bench.COLUMNS
    assert (rows.low <= rows.ratio).all() and (rows.ratio <= rows.high).all()
    assert rows.ratio.to_numpy() == pytest.approx(rows.theirs / rows.ours, rel=1e-3)
    memory = pd.read_csv(tmp_path / "memory.csv").iloc[0]
    assert memory["name"] == "copy_search" and min(memory.ours, memory.theirs) > 50
    assert pd.read_csv(tmp_path / "machine.csv").loc[0, "cores"] > 0


def test_a_benchmark_that_does_not_exist_is_named(tmp_path):
    done = run("--only", "coffee", "--to", str(tmp_path))
    assert (done.returncode, done.stderr.strip()) == (2, "no benchmark coffee; --list names them")


def test_the_ratio_is_the_middle_one_and_rates_are_better_when_higher():
    times = measure.ratio_of("a", [(1.0, 10.0), (2.0, 10.0), (1.0, 30.0)])
    assert (times.ours, times.theirs, times.ratio, times.low, times.high) == (1.0, 10.0, 10.0, 5.0, 30.0)
    assert measure.ratio_of("a", [(20.0, 10.0)], unit="steps per second").ratio == 2


def test_only_one_side_is_run_where_its_memory_is_looked_at(monkeypatch):
    monkeypatch.setattr(measure, "side", "ours")
    row = measure.against("a", lambda: 7.0, lambda: pytest.fail("the other side was run"))
    assert (row.ours, row.theirs, row.ratio) == (7.0, None, None)
    monkeypatch.setattr(measure, "side", "theirs")
    assert measure.against("a", lambda: pytest.fail("our side was run"), lambda: 9.0).ours == 9
    assert math.isnan(measure.alone("a", lambda: pytest.fail("our side was run")).ours)


def test_a_series_that_ends_early_says_so(monkeypatch):
    monkeypatch.setattr(growth, "seconds", lambda action: action() / 1000)  # a millisecond for each row
    rows = growth.series("rows", lambda size: lambda: size)
    assert [row.name for row in rows] == ["rows, 100", "rows, 1,000", "rows, 10,000"]
    assert rows[-1].note == "once; the series ends here: 100,000 would take more than 45 s"
    assert rows[0].note == "once"


def test_a_second_measurement_takes_the_place_of_the_first(tmp_path):
    row = measure.ratio_of("a", [(1.0, 2.0)])
    bench.keep([row, measure.ratio_of("b", [(1.0, 3.0)])], tmp_path / "area.csv")
    bench.keep([measure.ratio_of("a", [(1.0, 4.0)])], tmp_path / "area.csv")
    assert pd.read_csv(tmp_path / "area.csv").set_index("name").ratio.to_dict() == {"b": 3, "a": 4}


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="the system has no /proc")
def test_memory_of_a_child_counts_with_its_parent():
    held = "bytearray(1) * 200_000_000; import time; time.sleep(1.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', 'kept = {held}'], check=True)"
    assert machine.peak_of_tree([sys.executable, "-c", parent]) > 200


@pytest.mark.parametrize("name", bench.AREAS)
def test_every_area_gives_benchmarks(name):
    assert importlib.import_module(f"benchmarks.{name}").BENCHMARKS
