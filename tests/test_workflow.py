"""`make run-all` does what is stale, once, and leaves nothing half done. Real notebooks, real kernels."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import nbformat
import pytest

from ecgstudy import execution, ledger, workflow
from ecgstudy.study import Study


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty project: `notebooks/` beside `outputs/`."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ECGSTUDY_OUTPUTS", raising=False)
    return tmp_path


@pytest.fixture
def study(home):
    return Study.load({"name": "small", "models": ["majority"]})


def notebook(home, *cells, name="one"):
    book = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell('study = "nothing"', metadata={"tags": ["parameters"]})
    book.cells = [parameters, *map(nbformat.v4.new_code_cell, cells)]
    path = home / "notebooks" / f"{name}.ipynb"
    nbformat.write(book, path)
    return path


def test_an_executed_notebook_shows_the_parameters_it_ran_with(home, study):
    done = execution.execute(study, notebook(home, "print(study['name'])"))
    outputs = [cell.get("outputs") for cell in nbformat.read(done, as_version=4).cells]
    assert "small" in str(outputs[-1])
    assert done.with_suffix(".html").is_file()


def test_a_failing_cell_is_named_and_leaves_no_finished_notebook(home, study):
    with pytest.raises(RuntimeError, match=r"one\.ipynb, cell \d+: ZeroDivisionError: division by zero"):
        execution.execute(study, notebook(home, "1 / 0"))
    assert not (study.folder / "notebooks" / "one.ipynb").exists()


def test_a_kernel_that_dies_is_an_error_by_name_and_no_hang(home, study):
    with pytest.raises(RuntimeError, match=r"one\.ipynb: DeadKernelError"):
        execution.execute(study, notebook(home, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert not list((study.folder / "notebooks").glob("*.ipynb"))


def test_notebooks_run_beside_each_other_and_each_says_what_became_of_it(home, study):
    wait = (
        "import pathlib, time\n"
        "pathlib.Path({own!r}).touch()\n"
        "while not all(pathlib.Path(name).exists() for name in 'ab'): time.sleep(0.1)"
    )
    books = [notebook(home, wait.format(own=own), name=own) for own in "ab"]
    failing = notebook(home, "1 / 0", name="c")
    with execution.processes(2) as execute, ThreadPoolExecutor(3) as threads:
        done = [threads.submit(execute, study, book) for book in (*books, failing)]
        assert [one.result().name for one in done[:2]] == ["a.ipynb", "b.ipynb"], "each waits for the other"
        with pytest.raises(RuntimeError, match=r"c\.ipynb, cell \d+: ZeroDivisionError"):
            done[2].result()


def test_a_killed_process_of_a_notebook_is_an_error_by_name(home, study):
    kill = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    with execution.processes(1) as execute, pytest.raises(RuntimeError, match=r"one\.ipynb: its process was killed"):
        execute(study, notebook(home, kill))


def test_after_an_error_the_other_lane_ends_its_task_and_begins_no_more():
    begun, failed, ended = threading.Event(), threading.Event(), []

    def fail():
        begun.wait(10)
        failed.set()
        raise RuntimeError("a cell failed")

    def last_to_begin():
        begun.set()
        failed.wait(10)
        time.sleep(0.1)
        ended.append("the task that was begun")

    with pytest.raises(RuntimeError, match="a cell failed"):
        workflow.in_lanes([[fail, lambda: ended.append("after")], [last_to_begin, lambda: ended.append("after")]])
    assert ended == ["the task that was begun"]


def steps_of(folder):
    """Steps, and a function that does one of them and says whether the action ran."""
    record, file, ran = ledger.Steps(folder), folder / "made.txt", []

    def made(key, text="same"):
        ran.clear()
        record.run("make it", key, lambda: ran.append(file.write_text(text)), lambda: [file], lambda line: None)
        return bool(ran)

    return made


def test_a_step_runs_again_only_for_another_key_or_a_changed_output(tmp_path):
    made = steps_of(tmp_path)
    assert made("a") and not made("a")
    assert made("b")
    (tmp_path / "made.txt").write_text("edited by hand")
    assert made("b")
    (tmp_path / "made.txt").unlink()
    assert made("b") and not made("b")


def test_finished_steps_are_known_to_the_next_process(tmp_path):
    assert steps_of(tmp_path)("a")
    assert not steps_of(tmp_path)("a")


def test_a_damaged_record_means_looking_again_not_failing(tmp_path):
    steps_of(tmp_path)("a")
    (tmp_path / "state.json").write_text('{"make it": {"ke')
    assert steps_of(tmp_path)("a")


def test_two_runs_at_once_in_one_folder_are_refused_by_name(home, study):
    study.folder.mkdir(parents=True)
    with workflow._alone(study.folder), pytest.raises(RuntimeError, match="another run is at work here"):
        workflow.run_study(study)


def test_an_unknown_notebook_names_those_there_are(home, study):
    with pytest.raises(ValueError, match=r"no notebook '07_magic'.*01_eda"):
        workflow.run_study(study, only="07_magic")
