"""Learning curves of finished runs for TensorBoard and MLflow; a run's own folder stays the record.

Both are written from what a run left, so nothing is lost when a tracker is switched on later, and a run that is there
already is not written again.
"""

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from ecgstudy import files
from ecgstudy.study import Execution
from ecgstudy.training.runs import Run

NO_CURVE = ["epoch", "stage", "best"]  # columns of a history that are none
WANTED = "execution.mlflow needs the package mlflow-skinny; install it with `pip install ecgstudy[tracking]`"


def logs_folder(run_folder: Path) -> Path:
    """Where the logs of a run lie: in `logs/`, beside the study's `runs/`."""
    return run_folder.parent.parent / "logs" / run_folder.name


def check(execution: Execution) -> None:
    """Before anything is trained.

    Raises:
        ValueError: MLflow is asked for and not installed.
    """
    if execution.mlflow is not None and importlib.util.find_spec("mlflow") is None:
        raise ValueError(WANTED)


def record(run: Run, run_folder: Path, execution: Execution) -> None:
    """Write a finished run's curves for the trackers that a study asks for.

    Args:
        run: of a network; others have no curves and are left out.
        run_folder: of the run.
        execution: `tensorboard` and `mlflow`.

    Raises:
        ValueError: MLflow's store refuses.
    """
    if not (run_folder / "history.csv").is_file():
        return
    logs = logs_folder(run_folder)
    if execution.tensorboard and not any(logs.glob("events.out.tfevents.*")):
        _write_events(pd.read_csv(run_folder / "history.csv"), logs)
    if execution.mlflow is not None:
        _send(run, run_folder, execution.mlflow)


def _write_events(history: pd.DataFrame, logs: Path) -> None:
    """One scalar per curve and epoch; stages follow one another.

    What `tf.summary.scalar` does, which wants the package tensorboard; reading the files wants it too, writing does
    not.
    """
    import tensorflow as tf

    kind = tf.compat.v1.SummaryMetadata(data_class="DATA_CLASS_SCALAR")
    kind.plugin_data.plugin_name = "scalars"
    writer = tf.summary.create_file_writer(str(logs))
    with writer.as_default():
        for name in history.columns.difference(NO_CURVE):
            for step, value in enumerate(history[name]):
                tf.summary.write(name, tf.constant(value, tf.float32), step=step, metadata=kind)
    writer.close()


def _send(run: Run, run_folder: Path, store: str) -> None:
    """One MLflow run per run, in the experiment of the study's name: settings, curves, costs."""
    import mlflow

    uri = store if "://" in store else Path(store).resolve().as_uri()
    sent = logs_folder(run_folder) / f".mlflow-{files.content_hash(uri)[:12]}"
    if sent.exists():
        return
    if uri.startswith("file:"):  # the one store that needs no database; MLflow wants to be told that it is meant
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    try:
        client = mlflow.MlflowClient(tracking_uri=uri)
        _fill(client, run, run_folder)
    except mlflow.exceptions.MlflowException as error:
        raise ValueError(f"execution.mlflow: {store}: {' '.join(str(error).split())[:200]}") from None
    sent.parent.mkdir(parents=True, exist_ok=True)
    sent.touch()


def _fill(client: Any, run: Run, run_folder: Path) -> None:
    from mlflow.entities import Metric, Param, RunTag

    name = run_folder.parent.parent.name
    experiment = client.get_experiment_by_name(name)
    number = experiment.experiment_id if experiment else client.create_experiment(name)
    made = client.create_run(number, run_name=run.name)
    words = {"model": run.model, "protocol": run.protocol, "fold": run.fold, "seed": run.seed, "variant": run.variant}
    history = pd.read_csv(run_folder / "history.csv")
    when = made.info.start_time
    curves = [
        Metric(column, float(value), when, step)
        for column in history.columns.difference(NO_CURVE)
        for step, value in enumerate(history[column])
        if pd.notna(value)
    ]
    facts = json.loads((run_folder / "done.json").read_text())["facts"]
    costs = [Metric(key, float(value), when, 0) for key, value in facts.items()]
    settings = [Param(key, str(value)) for key, value in run.settings["recipe"].items()]
    tags = [RunTag(key, str(value)) for key, value in words.items()]
    for start in range(0, len(curves), 1000):  # as many as MLflow takes at once
        client.log_batch(made.info.run_id, metrics=curves[start : start + 1000])
    client.log_batch(made.info.run_id, metrics=costs, params=settings, tags=tags)
    client.set_terminated(made.info.run_id)
