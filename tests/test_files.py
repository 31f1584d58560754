"""Files appear whole or not at all, and what a killed process left is cleared away."""

import os
import subprocess
import sys

import pytest

from ecgstudy import files

KILLED = """
import os, signal, sys
from pathlib import Path
from ecgstudy import files
files.write_atomically(Path(sys.argv[1]), lambda path: path.write_text("half") and os.kill(os.getpid(), signal.SIGKILL))
"""


def killed_while_writing(path):
    done = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert done.returncode < 0


def test_a_process_that_is_killed_while_it_writes_leaves_the_old_file(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    killed_while_writing(tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    killed_while_writing(tmp_path / "deep" / "a.txt")
    kept = [tmp_path / ".hidden.txt", tmp_path / "deep" / ".writing-elsewhere-1-a-x.txt"]
    for path in kept:
        path.write_text("kept")
    files.write_atomically(tmp_path / "b.txt", lambda path: files.remove_half_written(tmp_path) or path.write_text("b"))
    left = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert left == sorted([*kept, tmp_path / "b.txt"])


def test_a_writer_that_fails_leaves_nothing_of_its_own(tmp_path):
    with pytest.raises(ZeroDivisionError):
        files.write_atomically(tmp_path / "a.txt", lambda path: 1 / 0)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_files_of_one_name_get_names_that_none_of_them_shares():
    assert files.distinct_names(["x", "x", "y", "x"]) == ["x", "x~2", "y", "x~3"]
    assert len(set(files.distinct_names(["x~2", "x", "x", "x~2", "x~2~2"]))) == 5  # names that look numbered
