"""A whole small study through the command that users type: cold, with its runs at hand, and with nothing to do."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks import machine
from benchmarks.measure import Row, alone, seconds

SMALL = {
    "name": "small",
    "data": {"source": "synthetic", "synthetic_pages": 72},
    "image": {"height": 64, "width": 112},
    "splits": {"folds": 2},
    "models": ["majority", "heart_rate", "thumbnail", "efficientnet_lite0"],
    "training": {"epochs": 4, "batch_size": 16, "learning_rate": 1e-3},
    "evaluation": {"resamples": 200},
    "explanation": {"pages": 4},
}
ABOUT = (
    "not the default study: 72 drawn pages of 64 x 112 pixels, 2 folds, three simple models and one network of 4 "
    "epochs, 200 resamples; all its notebooks, the released model and the report, through the command"
)


def whole_study() -> list[Row]:
    """Five notebooks, four models, drawn pages."""
    place = Path(tempfile.mkdtemp(prefix="ecgstudy-bench-"))
    params = place / "small.yaml"
    params.write_text(yaml.safe_dump({"study": SMALL}))
    command = [sys.executable, "-m", "ecgstudy", "run", str(params)]
    how = {
        "env": os.environ | {"ECGSTUDY_OUTPUTS": str(place / "outputs")}, "cwd": Path(__file__).parents[1],
        "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
    }  # fmt: skip
    peaks: list[float | None] = []

    def run() -> float:
        return seconds(lambda: peaks.append(machine.peak_of_tree(command, **how)))

    cold = alone("a small drawn study, cold", run, repeats=1, note=f"once; {ABOUT}")
    folder = place / "outputs" / "small"
    for name in ("notebooks", "tables", "figures"):
        shutil.rmtree(folder / name, ignore_errors=True)
    warm = alone("a small drawn study, its runs at hand", run, repeats=1, note="once; the same, without its notebooks")
    idle = alone("a small drawn study with nothing to do", run, note="the same again")
    summed = "all its processes together at one moment; what they share counts in each"
    memory = [
        Row(row.name, peak, None, "MB", None, None, None, None, summed)
        for row, peak in zip((cold, warm, idle), peaks[:3], strict=True) if peak
    ]  # fmt: skip
    shutil.rmtree(place)
    return [cold, warm, idle, *memory]


BENCHMARKS = (whole_study,)
