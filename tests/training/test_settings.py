"""Settings that contradict each other are found from the words of a study, before anything is built or read."""

import pytest

from ecgstudy import workflow
from ecgstudy.study import Study
from ecgstudy.training import grid, settings

LEADS = "efficientnet_lite0_leads"


def small(*models, region="grid", **training):
    return Study.load(
        {"name": "small", "data": {"source": "synthetic"}, "image": {"region": region}, "models": list(models),
         "training": training}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (small("majority", LEADS, augment=True), f"{LEADS}: training.augment draws views of whole pages"),
        (small("efficientnet_lite0", augment=True, cached_views=2), "exclude each other; set one"),
        (small("efficientnet_lite0", cached_views=2, train_from="all"), "needs a frozen part, but .* is all"),
        (small("baseline_cnn", cached_views=2), "needs a frozen part"),
        (small(LEADS, region="redrawn"), f"{LEADS}: reads the lead boxes .* never image.region 'redrawn'; set it to"),
        (small(LEADS, region="0,0.2,1,1"), "never image.region '0,0.2,1,1'; set it to page or grid"),
    ],
)
def test_what_cannot_be_trained_stops_the_study_before_it_writes_anything(tmp_path, monkeypatch, study, message):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path / "outputs"))
    for start in (workflow.run_study, grid.run_grid):
        with pytest.raises(ValueError, match=message):
            start(study)
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    "study",
    [
        small(LEADS, region="page"),
        small(LEADS, augment=True, models={LEADS: {"augment": False, "cached_views": 2}}),
        small("efficientnet_lite0", "traces", region="redrawn", augment=True),
        small("efficientnet_lite0", cached_views=2, train_from="all", head_epochs=2),
        small("efficientnet_lite0", cached_views=2, train_from="block7a_expand_conv"),
    ],
)
def test_what_can_be_trained_is_let_through(study):
    settings.check_study(study)


def test_only_the_models_that_are_asked_for_are_checked():
    study = small("majority", LEADS, region="redrawn")
    settings.check_study(study, ["majority"])
    with pytest.raises(ValueError, match="lead boxes"):
        settings.check_study(study, [LEADS])
