"""Several processes on one machine: the answers of one process, each run once, and nothing left behind."""

import importlib
import multiprocessing
import os
import signal
import threading

import pytest

from ecgstudy.training import bundles, extras, grid, runs, side_by_side

MODELS = ["majority", "traces", "baseline_cnn", "efficientnet_lite0"]
TWO = {"workers": 2}
ASKED = {  # of a study with one model: a control, and damaged pages
    "controls": ["permuted_labels"], "control_model": "efficientnet_lite0", "robustness_pages": 4,
    "robustness_severities": [3],
}  # fmt: skip


def answers(study) -> dict[str, bytes]:
    folder = runs.runs_folder(study)
    return {run.name: (folder / run.name / "predictions.csv").read_bytes() for run in runs.study_runs(study)}


def times(study) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in runs.runs_folder(study).glob("*/done.json")}


def test_a_job_is_a_bundle_or_one_run_of_traces_and_the_largest_comes_first(study, make_study):
    more = make_study(models=MODELS, ablations=["efficientnet_lite0_se"])
    todo = [run for run in runs.study_runs(more, [*more.models, *more.ablations]) if not bundles.is_slight(run)]
    jobs = bundles.jobs(todo)
    assert sorted(map(len, jobs), reverse=True) == [8, 6, 1, 1, 1, 1, 1, 1]  # Lite0 with its ablation, the CNN, traces
    assert sorted(name for job in jobs for name in job) == sorted(run.name for run in todo)
    assert {name.split("-")[0] for name in jobs[0]} == {"efficientnet_lite0", "efficientnet_lite0_se"}


def test_two_processes_give_the_answers_of_one_and_a_killed_one_is_taken_up_again(make_study, tmp_path, monkeypatch):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path / "one"))
    alone = make_study(models=MODELS)
    grid.run_grid(alone, progress=lambda line: None)

    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path / "two"))
    study, lines = make_study(models=MODELS, execution=TWO), []

    def kill_one(line: str) -> None:
        lines.append(line)
        if line.startswith("efficientnet_lite0: "):
            workers = [one for one in multiprocessing.active_children() if one.name.startswith("Spawn")]
            os.kill(workers[0].pid, signal.SIGKILL)

    with pytest.raises(RuntimeError, match="a training process was killed; the same command goes on"):
        grid.run_grid(study, progress=kill_one)
    finished = times(study)
    assert 0 < len(finished) < 24
    grid.run_grid(study, progress=lines.append)
    assert finished.items() <= times(study).items(), "nothing finished is trained twice"
    assert answers(study) == answers(alone)
    assert not [one for one in multiprocessing.active_children() if one.name.startswith("Spawn")]


KILLED_IN_A_LINE = """
import os, signal

def die(study, *, progress):
    progress("the last words")
    progress.__self__._wlock.acquire()  # the lock of those who speak dies with it
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_while_it_speaks_leaves_nobody_waiting(make_study, outputs, tmp_path, monkeypatch):
    (tmp_path / "killed_in_a_line.py").write_text(KILLED_IN_A_LINE)
    monkeypatch.syspath_prepend(tmp_path)
    die = importlib.import_module("killed_in_a_line").die
    lines, ends = [], []

    def ask():
        with pytest.raises(RuntimeError, match="a training process was killed"):
            side_by_side.call([die], make_study(execution=TWO), progress=lines.append)
        ends.append("told")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(60)
    assert (lines, ends) == (["the last words"], ["told"])


def test_what_cannot_be_trained_is_one_line_from_whichever_process(make_study, outputs):
    wrong = make_study(models=["majority", "efficientnet_lite0"], training={"learning_rate": 1e30}, execution=TWO)
    with pytest.raises(ValueError, match=r"efficientnet_lite0, as_published, fold 0, seed 0: the loss became"):
        grid.run_grid(wrong, progress=lambda line: None)
    assert len(list(runs.runs_folder(wrong).glob("majority-*/done.json"))) == 6


@pytest.mark.filterwarnings("ignore:left out")
def test_controls_beside_damaged_pages_give_the_answers_of_one_after_the_other(make_study, tmp_path, monkeypatch):
    found, lines = [], []
    for name, execution in (("one", {}), ("two", TWO)):
        monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path / name))
        study = make_study(
            models=["efficientnet_lite0"], evaluation=ASKED, execution=execution,
            splits={"protocols": ["grouped"], "folds": 2, "validation": 0.25},
        )  # fmt: skip
        grid.run_grid(study, progress=lambda line: None)
        controls = extras.run_extras(study, progress=lines.append)
        found.append({path.parent.name: path.read_bytes() for path in study.folder.rglob("predictions.csv")})
        assert [run.variant for run in controls] == 2 * ["permuted_labels"]
    assert found[0] == found[1]
    assert len(found[0]) == 6, "two clean runs, two controls, two with damaged pages"
    assert sum("answers for damaged ones" in line for line in lines) == 4
