"""What is exported answers as the release does, and refuses what it cannot hold."""

import json

import numpy as np
import pytest

from ecgstudy.release.export import TOLERANCE, export, run_litert
from ecgstudy.release.load import SHIPPED, load_release
from ecgstudy.vocabulary import CLASSES


@pytest.mark.slow  # TensorFlow converts, and each format is opened again
def test_real_pages_get_the_same_answer_from_every_format(shipped, tmp_path):
    import tensorflow as tf

    from ecgstudy.data.images import resize

    released = load_release(SHIPPED)
    rows = shipped.distinct
    page_ids = rows.loc[rows["layout"] == "3x4", "page_id"].iloc[[0, 300, 600, 900]]
    pictures = np.stack([resize(shipped.picture(one), *released.input_shape) for one in page_ids]).astype("float32")
    expected = released.probabilities(pictures)
    saved, light, words = export(released, tmp_path)
    answer = tf.saved_model.load(str(saved)).signatures["serving_default"]
    assert np.abs(answer(pictures=tf.constant(pictures))["probabilities"].numpy() - expected).max() < TOLERANCE
    assert np.abs(run_litert(light, pictures) - expected).max() < TOLERANCE
    told = json.loads(words.read_text())
    assert told["output"]["classes"] == list(CLASSES) and "medical device" in told["disclaimer"]
    assert told["input"]["shape"] == [None, *released.input_shape, 3]


def test_an_unknown_format_is_named(released, tmp_path):
    with pytest.raises(ValueError, match="unknown format 'onyx'"):
        export(released, tmp_path, formats=["onyx"])


def test_a_model_that_is_no_network_has_no_graph(released, tmp_path):
    with pytest.raises(ValueError, match="thumbnail: not a network"):
        export(released, tmp_path)
    assert not list(tmp_path.iterdir())
