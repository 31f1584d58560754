"""A real network that learned to read a planted footer: is there a method that says so?"""

import pytest

from ecgstudy.explanation import faithfulness, trust
from ecgstudy.models import registry

HEIGHT, WIDTH = 128, 224


@pytest.fixture(scope="module")
def told():
    """EfficientNet-Lite0 with its ImageNet weights and a head that learned from drawn pages with a mark."""
    from ecgstudy.models import build
    from ecgstudy.training.answers import NetworkAnswer

    row = registry.model_row("efficientnet_lite0")
    network = build.network(row, height=HEIGHT, width=WIDTH, source="offline")
    answer = NetworkAnswer(network.model, row.tap)
    drawn = trust.drawn_pages(64, height=HEIGHT, width=WIDTH, seed=0)
    settings = {"integrated_gradients": {"most_steps": 16}}
    scores, groups = trust.drawn_scores(answer, drawn, methods=["gradcam"], settings=settings, seed=0)
    return faithfulness.faithfulness(scores, groups, model=row.name, resamples=500, seed=0)


def test_a_method_at_least_catches_a_real_network_that_reads_a_planted_footer(told):
    """Its share outside of the waveform is above that of every map that knows nothing of the model."""
    gains = told[told.test == "outside_gain"].set_index("method")
    assert set(gains.index) == {"gradcam", "integrated_gradients", "occlusion"}
    assert (gains.low > 0).any(), gains
