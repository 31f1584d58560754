"""Models are rows of data."""

import subprocess
import sys

import pytest

from ecgstudy.models import registry


def test_the_models_of_the_design_all_have_a_row():
    asked = """baseline_cnn mobilenet resnet50 densenet121 convnext_tiny densenet121_bottleneck densenet121_se
        efficientnet_msa efficientnet efficientnet_lite0 efficientnet_lite0_msa efficientnet_lite0_leads
        majority heart_rate thumbnail traces"""
    assert set(asked.split()) <= set(registry.MODELS)


def test_every_ablation_belongs_to_a_model():
    assert all(row.part_of in {None, *registry.MODELS} for row in registry.MODELS.values())


def test_an_unknown_model_is_named_with_its_nearest():
    with pytest.raises(ValueError, match="unknown model 'densenet'; did you mean 'densenet121'"):
        registry.model_row("densenet")


@pytest.mark.parametrize(
    ("model", "asked", "source"),
    [
        ("efficientnet_lite0", "offline", "imagenet"),
        ("densenet121", "offline", "random"),
        ("densenet121", "imagenet", "imagenet"),
        ("baseline_cnn", "imagenet", "random"),
        ("thumbnail", "offline", "none"),
    ],
)
def test_a_table_says_where_weights_really_come_from(model, asked, source):
    assert registry.weights_source(registry.model_row(model), asked) == source


def test_what_is_trained_stands_on_every_row():
    assert registry.trained_part(registry.model_row("densenet121"), "head") == "head"
    assert registry.trained_part(registry.model_row("baseline_cnn"), "head") == "all"
    assert registry.trained_part(registry.model_row("thumbnail"), "head") == "all"


def test_runs_and_rows_need_no_tensorflow():
    code = "import sys, ecgstudy.training.runs, ecgstudy.training.grid; print({'tensorflow', 'keras'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"
