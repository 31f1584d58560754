"""A study killed again and again ends with the same results, and nothing that was finished is trained twice."""

import random
import re
import signal
import subprocess

import pytest

pytestmark = pytest.mark.slow

EVERY, MOST_STARTS = 4, 40


def check_end(project, undisturbed):
    assert project.results() == undisturbed.results()
    book = (project.study / "notebooks" / "tables.ipynb").read_text()
    assert '"output_type": "error"' not in book
    assert project.half_done() == []
    assert [path.name for path in (project.study / "notebooks").glob("*.running.*")] == []


def test_killed_at_every_fourth_write(project, undisturbed, tmp_path):
    """Start after start is killed at its 4th, 8th, 12th ... write, in whatever process that is, until one ends."""
    before, count = {}, tmp_path / "count"
    for start in range(1, MOST_STARTS):
        count.write_bytes(b"")
        done = project.run(FAULT_COUNT=str(count), FAULT_AT=str(EVERY * start))
        finished = project.finished()
        assert before.items() <= finished.items(), "a finished run was trained again"
        before = finished
        if done.returncode == 0:
            break
        said = done.stderr.strip().split("\n")[-1]
        own = done.returncode == -signal.SIGKILL
        assert own or re.search("ended by signal 9; the same command goes on|DeadKernelError", said), done.stderr
    assert done.returncode == 0 and start > 3
    check_end(project, undisturbed)


def test_killed_at_random_moments(project, undisturbed):
    """The first process is killed, as an impatient person or a full memory does it; its children must follow."""
    chance, before = random.Random(0), {}
    for _ in range(20):
        process = project.start()
        try:
            process.communicate(timeout=chance.uniform(0.5, 25))
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=60)  # returns when all that hold its stdout are gone: no child is left
        finished = project.finished()
        assert before.items() <= finished.items(), "a finished run was trained again"
        before = finished
        if process.returncode == 0:
            break
    assert project.run().returncode == 0
    check_end(project, undisturbed)


def test_two_starts_at_once_do_not_mix(project, undisturbed):
    processes = [project.start() for _ in range(2)]
    said = [process.communicate(timeout=600)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1]
    assert "another run is at work here; wait for it, or stop it" in said[codes.index(1)]
    check_end(project, undisturbed)
