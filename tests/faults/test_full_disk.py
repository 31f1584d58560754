"""A full disk, and an output folder that may not be written: an error by name, the old file intact, nothing half done.

Each writing stage is tried with a limit on the size of files; where file systems can be mounted (root), a whole study
on a small one too.
"""

import contextlib
import os
import resource
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from ecgstudy import files
from ecgstudy.data import images, manifest, splits
from ecgstudy.data.synthetic import synthetic
from ecgstudy.report import tables
from ecgstudy.training import runs
from ecgstudy.vocabulary import PREDICTION_COLUMNS

LIMIT = 2_000  # bytes that still fit


@contextlib.contextmanager
def full_disk():
    """No file can grow beyond `LIMIT`; the system answers as for a full disk, with an OSError."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


PAGES = synthetic(48, seed=0)
SPLIT = splits.make_splits(PAGES.manifest, protocols=("grouped",), folds=2)


def cache(folder):
    images.cached_pictures(PAGES, region="grid", height=32, width=56, folder=folder)


def run_folder(folder):
    run = runs.Run("majority", "grouped", 0, 0)
    answers = pd.DataFrame({name: ["0.25"] * 500 for name in PREDICTION_COLUMNS})
    runs.finish(folder, run, answers, {})


STAGES = {
    "manifest": lambda folder: manifest.write_manifest(PAGES.manifest, folder / "manifest.csv"),
    "splits": lambda folder: splits.write_splits(SPLIT, folder),
    "pictures": cache,
    "answers of a run": run_folder,
    "a prefix or weights": lambda folder: files.write_atomically(
        folder / "a.npz", lambda path: np.savez(path, values=np.zeros(10_000))
    ),
    "a table": lambda folder: tables.save_table(PAGES.manifest, folder / "table.csv"),
    "a notebook or report": lambda folder: files.write_atomically(
        folder / "page.html", lambda path: path.write_text("x" * 10_000)
    ),
}


@pytest.mark.parametrize("write", STAGES.values(), ids=STAGES)
def test_on_a_full_disk_a_stage_fails_and_leaves_what_was_there(tmp_path, write):
    write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for path in before:
        if path.suffix == ".npy":
            path.unlink()  # a cache that is there is not written again
    before = {path: content for path, content in before.items() if path.exists()}
    with full_disk(), pytest.raises(OSError, match=r"File too large|requested and .* written|No space"):
        write(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    write(tmp_path)  # and once there is room again, it works


@pytest.mark.parametrize("write", STAGES.values(), ids=STAGES)
def test_on_a_full_disk_nothing_half_done_appears(tmp_path, write):
    with full_disk(), pytest.raises(OSError):
        write(tmp_path)
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in left if path.name.startswith(".")]
    assert not runs.is_finished(tmp_path)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB, mounted at a folder."""
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


@pytest.mark.slow
def test_a_study_on_a_disk_that_fills_up_says_so_and_goes_on_when_there_is_room(project, undisturbed, small_disk):
    project.outputs, project.study = small_disk, small_disk / "tiny"
    done = project.run()
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.strip().split("\n")[-1]
    remount(small_disk, "size=100m")
    assert project.run().returncode == 0
    assert project.results() == undisturbed.results()
    remount(small_disk, "ro")
    shutil.copy(project.folder / "tiny.yaml", project.folder / "again.yaml")
    done = project.run()
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr.strip().split("\n")[-1]


def test_a_read_only_folder_is_an_error_by_name(small_disk):
    remount(small_disk, "ro")
    with pytest.raises(OSError, match="Read-only file system"):
        manifest.write_manifest(PAGES.manifest, small_disk / "manifest.csv")
