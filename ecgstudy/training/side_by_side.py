"""A study on one machine: what does not wait for each other side by side, in a few processes.

Most of what a small study does keeps one core busy (heads, short epochs, trees), so two processes of one thread each
need little more than half the time of one process with two. Each looks for finished runs before it trains.
"""

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from ecgstudy import lifeline
from ecgstudy.models import registry
from ecgstudy.study import Study, outputs_root
from ecgstudy.training import bundles, runs
from ecgstudy.training.runs import Run

if TYPE_CHECKING:
    from ecgstudy.training.grid import Inputs

Say = Callable[[str], None]
_said: Any = None  # in a worker: where its lines go


def train(study: Study, todo: Sequence[Run], inputs: "Inputs", progress: Say) -> None:
    """Train runs in `execution.workers` processes, the largest bundle first.

    Args:
        study: whose runs.
        todo: runs that are not finished.
        inputs: made here once, so that no process makes them beside another.
        progress: takes the lines of all processes.

    Raises:
        ValueError: a run cannot be trained; what else is under way ends first, and finished runs stay.
        RuntimeError: a process was killed.
    """
    if not todo:
        return
    inputs.prepare({registry.model_row(run.model).input for run in todo})
    jobs = bundles.jobs(todo)
    with _processes(min(study.execution.workers, len(jobs)), progress) as pool:
        _wait([pool.submit(_train, study.content, names) for names in jobs])


def call(functions: Sequence[Callable[..., Any]], study: Study, *, progress: Say, **options: Any) -> list[Any]:
    """Call functions of a study that do not wait for each other, in `execution.workers` processes.

    Args:
        functions: of modules; they take a study, the options, and `progress`.
        study: passed to each.
        progress: takes the lines of all.

    Returns:
        What each gives.

    Raises:
        ValueError: as the functions do; the others end first.
        RuntimeError: a process was killed.
    """
    with _processes(min(study.execution.workers, len(functions)), progress) as pool:
        jobs = [pool.submit(_call, function, study.content, options) for function in functions]
        _wait(jobs)
        return [job.result() for job in jobs]


@contextlib.contextmanager
def _processes(workers: int, progress: Say) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    lines: Any = context.SimpleQueue()
    ended = threading.Event()
    listener = threading.Thread(target=_listen, args=(lines, ended, progress), daemon=True)
    listener.start()
    threads = max(1, (os.cpu_count() or 1) // workers)
    begin = (str(outputs_root().resolve()), threads, lines)
    try:
        with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=begin) as pool:
            yield pool
    finally:
        ended.set()
        listener.join(timeout=5.0)  # half a line of a killed process is waited for no longer


def train_here(content: dict[str, Any], names: Sequence[str], progress: Say = lambda line: None) -> int:
    """Train those of the named runs that are not finished yet, in this process; gives their number.

    Args:
        content: of the study.
        names: of runs.
        progress: takes a line per run.
    """
    from ecgstudy.data import prepare
    from ecgstudy.training import grid

    study = Study.load(content)
    pages = prepare.open_study(study, progress=lambda line: None)
    wanted = [run for run in runs.study_runs(study, [*study.models, *study.ablations]) if run.name in set(names)]
    todo = [run for run in wanted if not runs.is_finished(runs.runs_folder(study) / run.name)]
    if todo:
        grid.train_runs(study, todo, grid.Inputs(study, pages, lambda line: None), progress)
    return len(todo)


def _wait(waiting: "Sequence[Future[Any]]") -> None:
    try:
        for done in as_completed(waiting):
            done.result()
    except BrokenProcessPool:
        raise RuntimeError("a training process was killed; the same command goes on") from None
    finally:
        for one in waiting:
            one.cancel()


def _begin(outputs: str, threads: int, lines: Any) -> None:
    """What a worker needs: the same outputs, its share of the cores, an end with its parent, and a voice."""
    global _said
    _said = lines
    os.environ |= {
        "ECGSTUDY_OUTPUTS": outputs,
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "OMP_NUM_THREADS": str(threads),
        "LOKY_MAX_CPU_COUNT": str(threads),
    }
    lifeline.end_with_starter()


def _train(content: dict[str, Any], names: Sequence[str]) -> int:
    return train_here(content, names, _said.put)


def _call(function: Callable[..., Any], content: dict[str, Any], options: dict[str, Any]) -> Any:
    return function(Study.load(content), progress=_said.put, **options)


def _listen(lines: Any, ended: threading.Event, progress: Say) -> None:
    """Only the reader's side of the queue is touched: a killed process may hold the lock of the writers for ever."""
    while not (ended.is_set() and lines.empty()):
        if lines.empty():
            ended.wait(0.05)
        else:
            progress(lines.get())
