"""The grid on a Ray cluster of two nodes on this machine."""

import threading
import time
from pathlib import Path

import pytest

from ecgstudy.training import grid, runs

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = pytest.mark.slow
MODELS = ["majority", "thumbnail", "efficientnet_lite0"]


def answers(study) -> dict[str, bytes]:
    return {run.name: (runs.runs_folder(study) / run.name / "predictions.csv").read_bytes()
            for run in runs.study_runs(study)}  # fmt: skip


def when_finished(study) -> dict[str, int]:
    return {run.name: (runs.runs_folder(study) / run.name / "done.json").stat().st_mtime_ns
            for run in runs.study_runs(study) if runs.is_finished(runs.runs_folder(study) / run.name)}  # fmt: skip


@pytest.fixture(scope="module")
def two_nodes():
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    yield cluster, second
    cluster.shutdown()


def test_an_error_in_a_task_is_one_line(make_study, two_nodes, outputs):
    study = make_study(
        models=["efficientnet_lite0"],
        training={"train_from": "no_such_layer"},
        execution={"engine": "ray", "address": two_nodes[0].address},
    )
    with pytest.raises(RuntimeError, match=r"^efficientnet_lite0, fold \d: .*no_such_layer.*; finished runs stay$"):
        grid.run_grid(study, progress=lambda line: None)


def test_a_grid_survives_the_loss_of_a_node_and_answers_as_the_local_one(
    make_study, two_nodes, tmp_path: Path, monkeypatch
):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path / "local"))
    local = make_study(models=MODELS)
    grid.run_grid(local, progress=lambda line: None)
    expected = answers(local)

    cluster, second = two_nodes
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path / "shared"))
    study = make_study(models=MODELS, execution={"engine": "ray", "address": cluster.address})
    lines: list[str] = []
    before_the_loss: dict[str, int] = {}

    def lose_the_second_node() -> None:
        while not before_the_loss:
            time.sleep(0.05)
            before_the_loss.update(when_finished(study) if runs.runs_folder(study).is_dir() else {})
        cluster.remove_node(second, allow_graceful=False)

    loss = threading.Thread(target=lose_the_second_node)
    loss.start()
    wanted = grid.run_grid(study, progress=lines.append)
    loss.join()

    assert len(cluster.worker_nodes) == 0
    assert before_the_loss and len(before_the_loss) < len(wanted), "the node was lost in the middle"
    assert answers(study) == expected
    afterwards = when_finished(study)
    assert {name: afterwards[name] for name in before_the_loss} == before_the_loss, "nothing was trained twice"
