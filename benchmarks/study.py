"""A whole small study through the command that users type: cold, with its runs at hand, and with nothing to do."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

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


def whole_study() -> list[Row]:
    """Five notebooks, four models, drawn pages."""
    place = Path(tempfile.mkdtemp(prefix="ecgstudy-bench-"))
    params = place / "small.yaml"
    params.write_text(yaml.safe_dump({"study": SMALL}))

    def run() -> float:
        return seconds(
            lambda: subprocess.run(
                [sys.executable, "-m", "ecgstudy", "run", str(params)],
                env=os.environ | {"ECGSTUDY_OUTPUTS": str(place / "outputs")},
                cwd=Path(__file__).parents[1], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip

    cold = alone("a small study, cold", run, repeats=1)
    folder = place / "outputs" / "small"
    for name in ("notebooks", "tables", "figures"):
        shutil.rmtree(folder / name, ignore_errors=True)
    warm = alone("a small study, its runs at hand", run, repeats=1)
    idle = alone("a small study with nothing to do", run)
    return [cold, warm, idle]


BENCHMARKS = (whole_study,)
