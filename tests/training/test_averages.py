"""The mean of several models' answers, from saved predictions."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.training import averages, runs
from ecgstudy.vocabulary import PROBABILITIES

MEMBERS = ("thumbnail", "efficientnet_lite0")
KEYS = ["protocol", "seed", "fold", "part", "path"]


@pytest.fixture
def predictions(study) -> pd.DataFrame:
    return runs.read_predictions(study)


def test_an_average_is_the_mean_of_its_members_wherever_all_of_them_answer(predictions):
    both = averages.with_averages(predictions, [MEMBERS])
    added = both[both["model"] == "thumbnail+efficientnet_lite0"].set_index(KEYS).sort_index()
    one, other = (predictions[predictions["model"] == name].set_index(KEYS).sort_index() for name in MEMBERS)
    common = one.index.intersection(other.index)
    assert len(added) == len(one.loc[common]) > 0
    expected = (one.loc[common, list(PROBABILITIES)] + other.loc[common, list(PROBABILITIES)]) / 2
    np.testing.assert_allclose(added[list(PROBABILITIES)], expected.loc[added.index], atol=1e-6)
    assert set(added["weights"]) == {"imagenet"} and set(added["trained"]) == {"head"}
    assert added["run"].nunique() == one["run"].nunique()


def test_all_else_stays_as_it_was(predictions):
    both = averages.with_averages(predictions, [MEMBERS])
    pd.testing.assert_frame_equal(both.iloc[: len(predictions)], predictions)
    assert list(both.columns) == list(predictions.columns)


def test_an_average_without_one_of_its_members_is_left_out(predictions):
    assert averages.with_averages(predictions, [("thumbnail", "resnet50")]) is predictions


def test_a_study_reads_its_averages_with_its_predictions(study, make_study):
    asked = make_study(evaluation={"averages": [list(MEMBERS)]})
    assert "thumbnail+efficientnet_lite0" in set(runs.read_predictions(asked)["model"])


def test_an_average_of_a_model_that_the_study_does_not_train_is_named(make_study):
    with pytest.raises(ValueError, match=r"evaluation\.averages: model .*'tracse'"):
        make_study(evaluation={"averages": [["thumbnail", "tracse"]]})
    with pytest.raises(ValueError, match="averages"):
        make_study(evaluation={"averages": [["thumbnail"]]})
