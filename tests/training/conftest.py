"""One tiny study, trained once for all tests of this room."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecgstudy.study import Study

TINY: dict[str, Any] = {
    "name": "tiny",
    "data": {"source": "synthetic", "synthetic_pages": 36},
    "image": {"height": 32, "width": 56},
    "splits": {"folds": 2, "validation": 0.25},
    "models": ["majority", "heart_rate", "thumbnail", "baseline_cnn", "efficientnet_lite0"],
    "training": {"epochs": 3, "batch_size": 8, "learning_rate": 1e-2, "width": 2},
}


def tiny(**changes: Any) -> Study:
    """The tiny study with other top keys; `training` is merged."""
    training = TINY["training"] | changes.pop("training", {})
    return Study.load(TINY | changes | {"training": training})


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    """A function that makes the tiny study with changes."""
    return tiny


@pytest.fixture
def outputs(tmp_path, monkeypatch) -> Path:
    """An outputs folder of the test's own."""
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Callable[[pytest.MonkeyPatch], Study]:
    """A function that points a test to the trained tiny study."""
    from ecgstudy.training import grid

    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(folder))
        study = tiny()
        grid.run_grid(study, progress=lambda line: None)

    def point(patch: pytest.MonkeyPatch) -> Study:
        patch.setenv("ECGSTUDY_OUTPUTS", str(folder))
        return study

    return point


@pytest.fixture
def study(trained, monkeypatch) -> Study:
    """The tiny study, every run finished."""
    return trained(monkeypatch)
