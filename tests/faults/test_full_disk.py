"""A full disk, and an output folder that may not be written: an error by name, the old file intact, nothing half done.

Each writing stage is tried with a limit on the size of files; where file systems can be mounted (root), notebooks and a
whole study on a small one too.
"""

import contextlib
import functools
import os
import re
import resource
import shutil
import subprocess

import keras
import nbformat
import numpy as np
import pandas as pd
import pytest

from ecgstudy import execution, files
from ecgstudy.data import images, manifest, prepare, splits
from ecgstudy.data.synthetic import synthetic
from ecgstudy.release import load, write
from ecgstudy.report import html, style, tables
from ecgstudy.study import Study
from ecgstudy.training import grid, prefix, runs, weights_file
from ecgstudy.vocabulary import PREDICTION_COLUMNS

LIMIT = 2_000  # bytes that still fit


@contextlib.contextmanager
def full_disk(limit=LIMIT):
    """No file can grow beyond `limit` bytes; the system answers as for a full disk, with an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


PAGES = synthetic(48, seed=0)
SPLIT = splits.make_splits(PAGES.manifest, protocols=("grouped",), folds=2)


def cache(folder):
    images.cached_pictures(PAGES, region="grid", height=32, width=56, folder=folder)


def run_folder(folder):
    run = runs.Run("majority", "grouped", 0, 0)
    answers = pd.DataFrame({name: ["0.25"] * 500 for name in PREDICTION_COLUMNS})
    runs.finish(folder, run, answers, {})


def network():
    """Of its own first weights each time, so that what was kept for another is not taken for its own."""
    layers = [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(64)]
    return keras.Sequential(layers)


def frozen_prefix(folder):
    model = network()
    pages = np.zeros((40, 8, 8, 3), "uint8")
    prefix.features(model.inputs, model.outputs, [pages], key="pages", folder=folder)


def weights(folder):
    files.write_atomically(
        folder / "weights.npz", functools.partial(weights_file.write_weights, layers=network().layers)
    )


def figure(folder):
    ax = style.new_axes(3, 2)
    ax.plot([1, 2, 4])
    style.save_figure(ax, folder / "curve")


def report(folder):
    tables.save_table(PAGES.manifest.head(3), folder / "tables" / "pages")  # small enough for any disk
    html.write_report(folder)


STAGES = {
    "manifest": lambda folder: manifest.write_manifest(PAGES.manifest, folder / "manifest.csv"),
    "splits": lambda folder: splits.write_splits(SPLIT, folder),
    "pictures": cache,
    "a frozen prefix": frozen_prefix,
    "weights of a run": weights,
    "answers of a run": run_folder,
    "a table": lambda folder: tables.save_table(PAGES.manifest, folder / "table.csv"),
    "a figure": figure,
    "the report": report,
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_on_a_full_disk_a_stage_fails_and_leaves_what_was_there(tmp_path, stage):
    stage(tmp_path)
    for path in tmp_path.rglob("*.npy"):
        path.unlink()  # a cache that is there is not written again
    before = contents(tmp_path)
    with full_disk(), pytest.raises(OSError, match=r"File too large|requested and .* written|No space"):
        stage(tmp_path)
    assert contents(tmp_path) == before
    stage(tmp_path)  # and once there is room again, it works


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_on_a_full_disk_nothing_half_done_appears(tmp_path, stage):
    with full_disk(), pytest.raises(OSError):
        stage(tmp_path)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in left if path.name.startswith(".")]
    assert not runs.is_finished(tmp_path)


def test_on_a_full_disk_the_model_handed_out_before_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    study = Study.load({
        "name": "full",
        "data": {"source": "synthetic", "synthetic_pages": 48},
        "image": {"height": 32, "width": 56},
        "splits": {"protocols": ["grouped"], "folds": 2},
        "models": ["thumbnail"],
    })  # fmt: skip
    prepare.open_study(study)
    grid.run_grid(study, progress=lambda line: None)
    folder = write.release(study)
    before = contents(folder)
    largest = max(map(len, before.values()))
    assert largest > max(path.stat().st_size for path in study.folder.rglob("*.csv")), "nothing else would fail first"
    with full_disk(largest - 1), pytest.raises(OSError, match=r"File too large|requested and .* written"):
        write.release(study)
    assert contents(folder) == before
    assert load.load_release(folder).record["model"] == "thumbnail"
    assert write.release(study) == folder


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB, mounted at a folder; `remount` and `leave` make it larger or fuller."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("file systems can be mounted by root alone")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", place], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def remount(place, option):
    subprocess.run(["mount", "-o", f"remount,{option}", place], check=True)


def leave(place, room):
    """Fill what a small disk has, but for so many kilobytes."""
    free = os.statvfs(place)
    (place / "filler").write_bytes(b"x" * (free.f_bavail * free.f_frsize - 1024 * room))


def test_a_notebook_on_a_full_disk_leaves_the_one_before(tmp_path, monkeypatch, small_disk):
    """Full from the start, after a cell with much to say, and when the page that goes with it is written."""
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(small_disk))
    study = Study.load({"name": "full", "models": ["majority"]})
    parameters = nbformat.v4.new_code_cell('study = "nothing"', metadata={"tags": ["parameters"]})
    book = nbformat.v4.new_notebook(cells=[parameters, nbformat.v4.new_code_cell("print('much ' * 10_000)")])
    nbformat.write(book, tmp_path / "words.ipynb")
    remount(small_disk, "size=2m")
    execution.execute(study, tmp_path / "words.ipynb")
    before = contents(study.folder)
    assert len(before) == 2
    for room in (0, 24, 120):
        leave(small_disk, room)
        with pytest.raises(OSError, match="No space left on device"):
            execution.execute(study, tmp_path / "words.ipynb")
        (small_disk / "filler").unlink()
        assert contents(study.folder) == before
    execution.execute(study, tmp_path / "words.ipynb")
    assert contents(study.folder).keys() == before.keys()


@pytest.mark.slow
def test_a_study_on_a_disk_that_fills_up_says_so_and_goes_on_when_there_is_room(project, undisturbed, small_disk):
    """Three times: among the data, the runs, and the notebooks."""
    project.outputs, project.study = small_disk, small_disk / "tiny"
    steps = []
    for size in ("120k", "700k", "1200k"):
        remount(small_disk, f"size={size}")
        done = project.run()
        assert done.returncode == 1
        assert "No space left on device" in done.stderr.strip().split("\n")[-1]
        steps.append(re.findall(r"^  (\w+).* \.\.\.$", done.stderr, re.MULTILINE)[-1])
    assert steps == ["data", "runs", "notebook"]
    remount(small_disk, "size=100m")
    assert project.run().returncode == 0
    assert project.results() == undisturbed.results()
    assert project.half_done() == []
    remount(small_disk, "ro")
    done = project.run()
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr.strip().split("\n")[-1]


def test_a_read_only_folder_is_an_error_by_name(small_disk):
    remount(small_disk, "ro")
    with pytest.raises(OSError, match="Read-only file system"):
        manifest.write_manifest(PAGES.manifest, small_disk / "manifest.csv")
