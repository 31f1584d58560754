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


FILES = {  # what rots, and which runs are trained anew for it
    "pictures": ("cache/pictures-*.npy", set()),
    "list of the pictures": ("cache/pictures-*.json", set()),
    "manifest": ("manifest.csv", set()),
    "splits": ("splits/grouped.csv", set()),
    "answers of a run": ("runs/thumbnail-grouped-s0-f1-*/predictions.csv", {"thumbnail-grouped-s0-f1"}),
    "what a run is": ("runs/majority-grouped-s0-f0-*/run.json", {"majority-grouped-s0-f0"}),
}
ROT = {
    "a flipped byte": lambda content: content[:-40] + bytes([content[-40] ^ 1]) + content[-39:],
    "cut off": lambda content: content[: len(content) // 2],
    "its end is missing": lambda content: content[:-1],
    "empty": lambda content: b"",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path_factory.mktemp("outputs")))
        yield trained(SMALL)[0].folder


@pytest.mark.parametrize("rot", ROT.values(), ids=ROT)
@pytest.mark.parametrize(("pattern", "anew"), FILES.values(), ids=FILES)
def test_a_rotten_file_is_made_anew_and_no_more_than_that(whole, pattern, anew, rot):
    (path,) = whole.glob(pattern)
    content, before = path.read_bytes(), trained(SMALL)[1]
    path.write_bytes(rot(content))
    after = trained(SMALL)[1]
    assert path.read_bytes() == content
    assert {name.rpartition("-clean")[0] for name in after if after[name] != before[name]} == anew
