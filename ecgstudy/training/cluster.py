"""The grid on many machines: one Ray task for each model and fold.

Every machine must see the study's output folder (a shared disk), because that is where a run is looked for before it
is trained and where it lies when it is finished. So a task that is started again, after its machine was lost, goes on
with what is missing, and no finished run is trained twice.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ecgstudy.models import registry
from ecgstudy.study import Study, outputs_root
from ecgstudy.training import side_by_side
from ecgstudy.training.runs import Run

if TYPE_CHECKING:
    from ecgstudy.training.grid import Inputs

Say = Callable[[str], None]

MOST_RESTARTS = 5  # of a task whose machine was lost
WANTED = "execution.engine: ray needs the package ray; install it with `pip install ecgstudy[ray]`, or use local"


def train(study: Study, todo: Sequence[Run], inputs: "Inputs", progress: Say) -> None:
    """Train runs on a Ray cluster: the one at `execution.address`, or one on this machine.

    Args:
        study: `execution.workers` tasks run at once on a cluster of this machine alone; on a given one, as many as
            it has cores, or GPUs where `execution.gpus_per_task` asks for them.
        todo: runs that are not finished.
        inputs: made here once, so that no task makes them beside another.
        progress: takes a line per finished task.

    Raises:
        ValueError: Ray is not installed.
        RuntimeError: a task failed by an error of its own, or was lost with its machine more often than is chance;
            finished runs stay.
    """
    try:
        import ray
    except ImportError:
        raise ValueError(WANTED) from None
    inputs.prepare({registry.model_row(run.model).input for run in todo})
    own_session = not ray.is_initialized()
    if own_session:
        local: dict[str, Any] = (
            {} if study.execution.address else {"num_cpus": study.execution.workers, "include_dashboard": False}
        )
        ray.init(address=study.execution.address, log_to_driver=False, runtime_env=_environment(), **local)
    try:
        _wait(ray, study, _tasks(todo), progress)
    finally:
        if own_session:
            ray.shutdown()


def _tasks(todo: Sequence[Run]) -> dict[str, list[str]]:
    """Task -> names of its runs."""

    def task(run: Run) -> tuple[str, int]:
        return run.model, run.fold

    grouped = itertools.groupby(sorted(todo, key=task), key=task)
    return {f"{model}, fold {fold}": [run.name for run in own] for (model, fold), own in grouped}


def _environment() -> dict[str, Any]:
    """What a worker needs to know to find the same outputs."""
    return {"env_vars": {"ECGSTUDY_OUTPUTS": str(outputs_root().resolve()), "TF_CPP_MIN_LOG_LEVEL": "3"}}


def _wait(ray: Any, study: Study, tasks: dict[str, list[str]], progress: Say) -> None:
    gpus = study.execution.gpus_per_task
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=MOST_RESTARTS)(side_by_side.train_here)
    waiting = {remote.remote(study.content, names): task for task, names in tasks.items()}
    progress(f"{len(waiting)} tasks on {len([n for n in ray.nodes() if n['Alive']])} machines")
    while waiting:
        (done,), _ = ray.wait(list(waiting))
        task = waiting.pop(done)
        try:
            progress(f"{task}: {ray.get(done)} runs")
        except ray.exceptions.RayTaskError as error:
            raise RuntimeError(f"{task}: {_last_line(error)}; finished runs stay") from None
        except ray.exceptions.RayError as error:
            raise RuntimeError(f"{task}: lost ({_last_line(error)}); the same command goes on") from None


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]
