"""A study killed again and again ends with the same results, and nothing that was finished is trained twice."""

import collections
import random
import re
import signal
import time
from pathlib import Path

import pytest

from ecgstudy import workflow

pytestmark = pytest.mark.slow

EVERY, MOST_STARTS = 6, 40
KILLS = 20
KILLED = "ended by signal 9; the same command goes on|process was killed; the same command goes on|DeadKernelError"
STEPS = {  # which step is killed; what it says when it is at work; what is deleted of it, so that it has work to do
    "data and splits": ("  data and splits ...", ("manifest.csv", "splits/*.csv", "cache/pictures-*")),
    "frozen prefix": ("frozen prefix: page 0", ("cache/prefix-*/*", "runs/efficientnet_lite0-*/*.*")),
    "runs of the grid": ("  runs of the grid ...", ("runs/*/*.*",)),
    "model handed out": ("  model handed out ...", ("models/best/release.json", "models/best/*")),
    "report": ("  report ...", ("report.html",)),
} | {f"notebook {name}": (f"  notebook {name} ...", (f"notebooks/{name}.*",)) for name in workflow.NOTEBOOKS}


def check_end(project, undisturbed):
    assert project.results() == undisturbed.results()
    books = [project.study / "notebooks" / f"{name}.ipynb" for name in workflow.NOTEBOOKS]
    assert not [book.name for book in books if '"output_type": "error"' in book.read_text()]
    assert (project.study / "report.html").is_file()
    assert project.half_done() == []


def test_killed_at_every_sixth_write(project, undisturbed, tmp_path):
    """Each start is killed where it makes the 6th, 12th, 18th ... file that no start made before, until one ends."""
    before, fatal, seen = {}, [], tmp_path / "seen"
    seen.touch()
    for _ in range(MOST_STARTS):
        killed = len(fatal)
        done = project.run(FAULT_SEEN=str(seen), FAULT_EVERY=str(EVERY))
        fatal = seen.read_text().splitlines()[EVERY - 1 :: EVERY]
        finished = project.finished()
        assert before.items() <= finished.items(), "a finished run was trained again"
        assert (len(fatal) > killed) == (done.returncode != 0), done.stderr  # nothing but our kills ends a start
        before = finished
        if done.returncode == 0:
            break
        said = done.stderr.strip().split("\n")[-1]
        own = done.returncode == -signal.SIGKILL
        assert own or re.search(KILLED, said), done.stderr
    assert done.returncode == 0
    killed_at = [Path(line).relative_to(project.study).parts[0] for line in fatal]
    assert set(killed_at) >= {"runs", "models"} and set(killed_at) & {"notebooks", "tables", "figures"}
    check_end(project, undisturbed)


def delete_some(project, patterns, chance):
    """Delete a random part, at least one, of the files of each pattern."""
    for pattern in patterns:
        found = sorted(path for path in project.study.glob(pattern) if path.is_file())
        for path in chance.sample(found, chance.randint(1, len(found)) if found else 0):
            path.unlink()


def killed_in(project, sign, seconds) -> bool:
    """Start, wait for the step's sign and so many seconds more, kill; whether there was still something to kill.

    The first process is killed, as an impatient person or a full memory does it; its children must follow.
    """
    process, said = project.start(), []
    for line in process.stderr:
        said.append(line)
        if line.startswith(sign):
            time.sleep(seconds)
            break
    process.kill()
    process.communicate(timeout=60)  # returns when all that hold its stdout are gone: no child is left
    assert process.returncode in (0, -signal.SIGKILL), "".join(said)
    return process.returncode == -signal.SIGKILL


def test_killed_at_twenty_random_moments(project, undisturbed):
    """Every step twice, in random order, each time with a random part of what it had left deleted."""
    chance, kills, tries = random.Random(0), collections.Counter(), 0
    while kills.total() < KILLS and tries < 3 * KILLS:
        step = chance.choice([name for name in STEPS if kills[name] < KILLS // len(STEPS)])
        sign, left = STEPS[step]
        delete_some(project, left, chance)
        before = project.finished()
        kills[step] += killed_in(project, sign, chance.uniform(0, 0.7 * undisturbed.seconds.get(step, 1)))
        assert before.items() <= project.finished().items(), "a finished run was trained again"
        tries += 1
    assert kills == dict.fromkeys(STEPS, KILLS // len(STEPS))
    before = project.finished()
    assert project.run().returncode == 0
    assert before.items() <= project.finished().items(), "a finished run was trained again"
    check_end(project, undisturbed)


def test_two_starts_at_once_do_not_mix(project, undisturbed):
    processes = [project.start() for _ in range(2)]
    said = [process.communicate(timeout=600)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [0, 1]
    assert "another run is at work here; wait for it, or stop it" in said[codes.index(1)]
    check_end(project, undisturbed)
