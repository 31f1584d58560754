"""Learning curves reach TensorBoard and MLflow as they stand in the run's folder."""

import importlib.util
import sys

import pandas as pd
import pytest
import tensorflow as tf

from ecgstudy.study import Execution
from ecgstudy.training import grid, runs, tracking


@pytest.fixture
def run(study):
    """A finished run of a network, and its folder."""
    own = next(r for r in runs.study_runs(study, ["baseline_cnn"]) if r.protocol == "grouped")
    return own, runs.runs_folder(study) / own.name


def test_every_run_of_a_network_has_a_log_that_tensorboard_reads(study, run):
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    networks = runs.study_runs(study, ["baseline_cnn", "efficientnet_lite0"])
    logs = {path.name for path in (study.folder / "logs").iterdir()}
    assert logs >= {own.name for own in networks}
    assert logs == {path.parent.name for path in (study.folder / "runs").glob("*/history.csv")}
    history = pd.read_csv(run[1] / "history.csv")
    read = event_accumulator.EventAccumulator(str(tracking.logs_folder(run[1]))).Reload()
    assert {"loss", "val_loss", "accuracy", "val_accuracy"} <= set(read.Tags()["tensors"])
    for name in ("loss", "val_loss"):
        found = [float(tf.make_ndarray(event.tensor_proto)) for event in read.Tensors(name)]
        assert found == pytest.approx(history[name].tolist(), rel=1e-6)


def test_a_log_is_written_once_and_again_where_it_is_missing(study, run, tmp_path):
    folder = tmp_path / "runs" / run[0].name
    folder.mkdir(parents=True)
    (folder / "history.csv").write_bytes((run[1] / "history.csv").read_bytes())
    tracking.record(run[0], folder, Execution(tensorboard=False))
    assert not (tmp_path / "logs").exists()
    for _ in range(2):
        tracking.record(run[0], folder, Execution())
        assert len(list((tmp_path / "logs" / run[0].name).glob("events*"))) == 1


def test_mlflow_gets_settings_curves_and_costs_once(study, run, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    asked = Execution(mlflow=str(tmp_path / "store"))
    for _ in range(2):
        tracking.record(*run, asked)
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "store").as_uri())
    (found,) = client.search_runs([client.get_experiment_by_name(study.name).experiment_id])
    assert found.info.run_name == run[0].name and found.info.status == "FINISHED"
    assert found.data.tags["protocol"] == "grouped" and found.data.params["learning_rate"] == "0.01"
    history = pd.read_csv(run[1] / "history.csv")
    curve = [metric.value for metric in client.get_metric_history(found.info.run_id, "val_loss")]
    assert curve == pytest.approx(history["val_loss"].tolist())
    assert found.data.metrics["epochs"] == len(history)


def test_a_tracker_that_is_switched_on_later_gets_what_is_finished(study, make_study, tmp_path):
    mlflow = pytest.importorskip("mlflow")
    later = make_study(execution={"mlflow": str(tmp_path / "store")})
    lines = []
    grid.run_grid(later, ["efficientnet_lite0"], progress=lines.append)
    assert lines[-1] == "all 6 runs are finished"
    client = mlflow.MlflowClient(tracking_uri=(tmp_path / "store").as_uri())
    assert len(client.search_runs([client.get_experiment_by_name("tiny").experiment_id])) == 6


def test_without_mlflow_installed_it_is_said_what_to_install_before_anything_is_trained(
    make_study, outputs, monkeypatch
):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs the package mlflow-skinny; install it with `pip install ecgstudy"):
        grid.run_grid(make_study(execution={"mlflow": "store"}), progress=lambda line: None)
    assert not (outputs / "tiny" / "runs").exists()


def test_a_store_that_refuses_is_named(run):
    with pytest.raises(ValueError, match=r"execution\.mlflow: nonsense://x: "):
        tracking.record(*run, Execution(mlflow="nonsense://x"))
