"""One notebook, executed with a study's parameters; the result appears whole or not at all."""

import contextlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from ecgstudy import files, lifeline
from ecgstudy.study import Study

TIMEOUT_SECONDS = 12 * 3600  # a night: params/cpu.yaml trains inside this, a hung kernel does not stay for ever


def execute(study: Study, notebook: Path) -> Path:
    """Run one notebook with the study as its parameters; the result appears whole or not at all.

    Returns:
        `outputs/<study>/notebooks/<name>.ipynb`; an HTML version lies beside it.

    Raises:
        RuntimeError: a cell failed or the kernel died; the message names notebook, cell and error. The
            notebook up to that point is kept as `<name>.failed.ipynb`.
    """
    import nbconvert
    import nbformat
    import papermill

    target = study.folder / "notebooks" / notebook.name
    target.parent.mkdir(parents=True, exist_ok=True)
    half_done = target.with_suffix(".running.ipynb")
    log = target.with_suffix(".log")
    try:
        with _stderr_into(log):  # what kernel and libraries chatter about, and a dying kernel's last words
            papermill.execute_notebook(
                notebook,
                half_done,
                {"study": study.content},
                cwd=notebook.parent,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                execution_timeout=TIMEOUT_SECONDS,
            )
        page, _ = nbconvert.HTMLExporter(embed_images=True).from_filename(str(half_done))
        files.write_atomically(target.with_suffix(".html"), lambda path: path.write_text(page, encoding="utf-8"))
    except papermill.PapermillExecutionError as error:
        failed = target.with_suffix(".failed.ipynb")
        half_done.replace(failed)
        raise RuntimeError(
            f"{notebook.name}, cell {error.exec_count}: {error.ename}: {error.evalue} (see {failed})"
        ) from None
    except (nbformat.ValidationError, RuntimeError, TimeoutError) as error:
        half_done.unlink(missing_ok=True)
        raise RuntimeError(f"{notebook.name}: {type(error).__name__}: {error} (see {log})") from None
    except OSError:  # a full disk, above all: what was begun would only take more of it
        half_done.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        raise
    half_done.replace(target)
    for of_before in (log, target.with_suffix(".failed.ipynb")):
        of_before.unlink(missing_ok=True)
    return target


@contextlib.contextmanager
def processes(count: int) -> Iterator[Callable[[Study, Path], Path]]:
    """Processes that execute notebooks side by side, each one at a time; they end with this one.

    Args:
        count: of processes.

    Yields:
        A function as `execute`, which several threads may call; RuntimeError as well where a process was killed.
    """
    context = multiprocessing.get_context("spawn")
    threads = max(1, (os.cpu_count() or 1) // count)
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(threads,)) as pool:

        def execute_there(study: Study, notebook: Path) -> Path:
            try:
                return pool.submit(execute, study, notebook).result()
            except BrokenProcessPool:
                raise RuntimeError(f"{notebook.name}: its process was killed; the same command goes on") from None

        yield execute_there


def _begin(threads: int) -> None:
    """Products of matrices on its share of the cores: threads that wait for a busy core cost more than they bring."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    lifeline.end_with_starter()


@contextlib.contextmanager
def _stderr_into(path: Path) -> Iterator[None]:
    """Send everything that this process and its children write to stderr into a file."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
