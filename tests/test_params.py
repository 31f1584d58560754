"""Every params file is a study that can be run: known models, recipes that build, and it opens with what it is for."""

from pathlib import Path

import pytest

from ecgstudy import workflow
from ecgstudy.models import registry
from ecgstudy.study import Study

FILES = sorted((Path(__file__).parents[1] / "params").glob("*.yaml"))
DESIGN = [name for name, row in registry.MODELS.items() if row.part_of is None]
EVERY_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def comment(path: Path) -> str:
    """The lines that a file opens with, as one."""
    lines = path.read_text().split("study:\n")[0].splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines)


def test_the_studies_of_the_design_are_all_there():
    assert {path.stem for path in FILES} >= {"quick", "synthetic", "cpu", "gpu", "published", "complete"}


@EVERY_FILE
def test_a_params_file_bears_the_name_of_its_study(path):
    assert Study.load(path).name == path.stem


@EVERY_FILE
def test_a_params_file_names_models_that_there_are(path):
    study = Study.load(path)
    own = {*study.models, *study.ablations}
    for name in (*own, *study.explanation.models, *study.training.models):
        registry.model_row(name)
    assert own >= {*study.explanation.models, *study.training.models}
    assert study.evaluation.control_model in own or not study.evaluation.controls


@EVERY_FILE
def test_a_params_file_opens_with_what_it_is_for_how_long_it_takes_and_what_comes_out(path):
    told = comment(path)
    assert path.read_text().startswith("# ") and all(word in told for word in ("For:", "Takes:", "Outcome:"))


@pytest.mark.parametrize("name", ["quick", "gpu"])
def test_every_model_of_the_design_is_in(name):
    assert list(Study.load(f"params/{name}.yaml").models) == DESIGN


def test_the_published_recipe_is_the_printed_one():
    study = Study.load("params/published.yaml")
    recipe = study.training.recipe("densenet121")
    assert (recipe.learning_rate, recipe.weight_decay, recipe.batch_size, recipe.epochs) == (1e-4, 1e-5, 32, 50)
    assert (recipe.dropout, recipe.class_weights, recipe.weights, recipe.train_from) == (0.3, True, "imagenet", "all")
    assert (study.image.region, study.image.height, study.image.width) == ("page", 224, 224)
    assert study.splits.protocols == ("as_published",)


@EVERY_FILE
def test_a_params_file_asks_nothing_of_a_network_that_it_cannot_be_trained_with(path):
    """The check that stops a study at its start, before hours of other models."""
    workflow.check_names(Study.load(path))


@EVERY_FILE
def test_layers_from_which_training_starts_are_there(path):
    """Built small: names do not depend on the size of pictures."""
    from ecgstudy.models import build

    study = Study.load(path)
    for name in (*study.models, *study.ablations):
        row, recipe = registry.model_row(name), study.training.recipe(name)
        if row.is_network and recipe.train_from not in ("head", "all"):
            network = build.network(row, height=64, width=64)
            assert 0 < len(build.layers_from(network, recipe.train_from)) < len(network.model.layers)


def test_what_shipped_pages_cannot_serve_is_said_in_one_line(tmp_path, monkeypatch):
    from ecgstudy.data import prepare

    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    with pytest.raises(ValueError, match=r"region 'page' is not on packed pages.*use the original pages") as caught:
        prepare.open_study(Study.load("params/published.yaml"))
    assert "\n" not in str(caught.value)
