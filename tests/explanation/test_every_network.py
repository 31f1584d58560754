"""Maps by a model's name alone: every network of the registry that reads pages."""

import numpy as np
import pytest

from ecgstudy.explanation import maps, networks
from ecgstudy.models import registry
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASSES

HEIGHT, WIDTH = 64, 96
PAGES = [row for row in registry.MODELS.values() if row.is_network and row.input == "page"]
HEAVY = ("resnet50", "densenet121", "convnext_tiny", "efficientnet")  # ten seconds each and more, mostly of tracing
BUILDS = [
    pytest.param(*build, marks=[pytest.mark.slow] if build[1] or build[0] in HEAVY else [])
    for build in sorted({(row.backbone, row.part_of is not None) for row in PAGES})
]


@pytest.mark.parametrize(("backbone", "ablations"), BUILDS)
def test_every_network_that_reads_pages_has_a_gradcam_map_and_an_occlusion_map(backbone, ablations):
    """Random weights; the networks of one backbone are built together."""
    from ecgstudy.models import build
    from ecgstudy.training.answers import NetworkAnswer

    rows = [row for row in PAGES if (row.backbone, row.part_of is not None) == (backbone, ablations)]
    pictures = np.random.default_rng(0).uniform(0, 255, (1, HEIGHT, WIDTH, 3)).astype(np.float32).repeat(4, axis=0)
    for network in build.networks(rows, height=HEIGHT, width=WIDTH, filters=4):
        answer = NetworkAnswer(network.model, network.row.tap)
        for method, settings in (("gradcam", {}), ("occlusion", {"size": 32})):
            heat = maps.explain(answer, pictures, CLASSES, method=method, **settings)
            assert heat.shape == (4, HEIGHT, WIDTH) and np.isfinite(heat).all(), network.row.name
            assert heat.any(), f"{network.row.name}: {method} shows nothing for any class"


def test_a_network_of_leads_says_that_its_weights_are_its_lead_shares():
    name = "efficientnet_lite0_leads"
    study = Study.load({"name": "t", "models": [name], "explanation": {"models": [name]}})
    with pytest.raises(ValueError, match="the weights that it gives to the leads are its lead shares"):
        networks.open_networks(study, None)
