"""Answers for pictures of one's own, as a person waits for them: `ecgstudy predict` in a process of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import PIL.Image

from benchmarks.measure import Row, alone, seconds

MANY = 21  # pages; all but the first are what one page more takes
GOAL, GOAL_MORE = 15.0, 1.0  # seconds


def predicting() -> list[Row]:
    """The first answer from a cold start, and one page more, with the model that comes with ecgstudy."""
    from ecgstudy.data import shipped

    place = Path(tempfile.mkdtemp(prefix="ecgstudy-bench-"))
    pages = shipped.load_pages("selected", unseen=True)
    rows = pages.distinct
    for page in rows.loc[~rows["selected"].astype(bool) & (rows["layout"] == "3x4"), "page_id"].iloc[:MANY]:
        PIL.Image.fromarray(pages.picture(page)).save(place / f"{page}.png")
    paths = sorted(place.iterdir())

    def asked(number: int) -> float:
        command = [sys.executable, "-m", "ecgstudy", "predict", *map(str, paths[:number]), "--json"]
        environment = os.environ | {"ECGSTUDY_OUTPUTS": str(place / "none")}
        return seconds(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))

    return [
        alone("predict, the first answer", lambda: asked(1), note=f"all from a cold start; goal {GOAL:g} s"),
        alone(
            "predict, one page more", lambda: (asked(MANY) - asked(1)) / (MANY - 1),
            note=f"{MANY} pages less one, by page, leads included; goal {GOAL_MORE:g} s",
        ),
    ]  # fmt: skip


BENCHMARKS = (predicting,)
