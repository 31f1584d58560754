"""Files that rot, a clock that jumps, a params file that changes: what is wrong is made anew, the rest stays."""

import os

import pytest

from ecgstudy.data.prepare import open_study
from ecgstudy.study import Study
from ecgstudy.training import runs
from ecgstudy.training.grid import run_grid

SMALL = {
    "name": "rot",
    "data": {"source": "synthetic", "synthetic_pages": 48},
    "image": {"height": 32, "width": 56},
    "splits": {"folds": 2, "validation": 0.25, "protocols": ["grouped"]},
    "models": ["majority", "thumbnail"],
}


def trained(content):
    """Train what is missing; gives when each run was finished."""
    study = Study.load(content)
    open_study(study)
    run_grid(study, progress=lambda line: None)
    return study, {path.parent.name: path.stat().st_mtime_ns for path in study.folder.glob("runs/*/done.json")}


@pytest.fixture
def first(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    return trained(SMALL)


def test_rot_a_clock_that_jumps_and_changed_params(first):
    study, before = first
    rotten = next(study.folder.glob("runs/thumbnail*/predictions.csv"))
    whole = rotten.read_bytes()
    rotten.write_bytes(whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:])
    cache = next(study.folder.glob("cache/pictures-*.npy"))
    pictures = cache.read_bytes()
    cache.write_bytes(pictures[:-1] + bytes([pictures[-1] ^ 1]))
    for path in study.folder.rglob("*"):
        os.utime(path, (4e9, 4e9))  # written in the year 2096, as far as the clock can tell
    future = {name: 4_000_000_000_000_000_000 for name in before}
    _, after = trained(SMALL)
    assert {name for name in after if after[name] != future[name]} == {rotten.parent.name}
    assert rotten.read_bytes() == whole and cache.read_bytes() == pictures
    changed, last = trained(SMALL | {"image": {"height": 40, "width": 56}})
    assert after.items() <= last.items()
    assert {name.partition("-")[0] for name in last.keys() - after.keys()} == {"thumbnail"}
    assert {run.name for run in runs.study_runs(changed)} <= last.keys()
