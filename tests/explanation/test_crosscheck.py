"""One tiny Keras network: Grad-CAM by hand, by us and by tf-explain."""

import numpy as np
import pytest

from ecgstudy.explanation import cam, crosscheck, gradients, heads, maps, questions

HEIGHT, WIDTH = 32, 56


@pytest.fixture(scope="module")
def answer():
    """Two channels: the ink of 8 x 8 cells and its half; class 0 likes the first, class 1 the second, 2 neither."""
    import keras

    from ecgstudy.training.answers import NetworkAnswer

    picture = keras.Input((HEIGHT, WIDTH, 3), name="picture")
    x = keras.layers.Rescaling(-1 / 255, offset=1.0)(picture)
    x = keras.layers.AveragePooling2D(8)(x)
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="features")(x)  # (batch, 4, 7, 2)
    x = keras.layers.GlobalAveragePooling2D()(x)
    logits = keras.layers.Dense(4, name="logits", dtype="float32")(x)
    model = keras.Model(picture, keras.layers.Softmax(dtype="float32", name="probabilities")(logits))
    model.get_layer("features").set_weights([np.array([[1.0, 0.5]] * 3).reshape(1, 1, 3, 2) / 3])
    heads = np.array([[28.0, 0.0, -28.0, 0.0], [-14.0, 56.0, -14.0, 0.0]])
    model.get_layer("logits").set_weights([heads, np.zeros(4)])
    return NetworkAnswer(model, "features")


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).uniform(0, 255, (6, HEIGHT, WIDTH, 3)).astype(np.float32)


def test_gradcam_of_a_network_is_what_the_hand_computes(answer, pictures):
    """Mean gradients are weights / 28 cells: class 0 has A - 0.5 * A/2 = 0.75 A, class 1 twice A/2, class 2 nothing."""
    cells = 1 - pictures.reshape(6, 4, 8, 7, 8, 3).mean(axis=(2, 4, 5)) / 255  # (pictures, 4, 7)
    numbers = np.array([0, 1, 2, 0, 1, 2])
    coarse = cam.coarse_gradcam(*questions.tap(answer, pictures, numbers))
    by_hand = np.array([0.75, 1.0, -1.25, 0.75, 1.0, -1.25])[:, None, None] * cells
    np.testing.assert_allclose(coarse, by_hand, atol=1e-5)
    heat = maps.explain(answer, pictures, numbers, method="gradcam", offset=(0.0, 0.0))
    assert heat.shape == (6, HEIGHT, WIDTH)
    assert heat[2].max() == 0
    np.testing.assert_allclose(cam.tap_offset(answer), 0, atol=0.12)


def test_integrated_gradients_of_a_network_add_up(answer, pictures):
    path = gradients.integrated_gradients(answer, pictures, np.array([0, 1, 2, 3, 0, 1]), baseline="white")
    assert (path.relative_residuals < 0.01).all()


def test_tf_explain_draws_the_same_gradcam_when_it_is_asked_the_same(answer, pictures):
    table = crosscheck.gradcam_agreement(answer, pictures, ["mi", "abnormal", "history"] * 2)
    assert table["rank_correlation"].min() > 0.95
    is_history = table["label"] == "history"  # all that the network sees speaks against it: guided, nothing is left
    assert table["guided"].isna().tolist() == is_history.tolist()


def test_tf_explain_leaves_out_the_factor_of_integrated_gradients(answer, pictures):
    table = crosscheck.gradient_differences(answer, pictures[:2], ["mi", "abnormal"], steps=64)
    np.testing.assert_allclose(table["our_sum"], table["difference"], rtol=0.011)
    assert (abs(table["their_sum"]) < 0.05 * abs(table["difference"])).all()
    np.testing.assert_allclose(table["their_sum_with_factor"], table["difference"], rtol=0.1)
    assert table["rank_correlation"].min() > 0.95


def test_tf_explain_never_hides_the_right_part_of_a_wide_page():
    table = crosscheck.occlusion_differences(64, 112).set_index("program")
    assert table.loc["tf-explain", "shape"] == (112, 64)
    assert table.loc["tf-explain", "hidden"] == pytest.approx(64 / 112)
    assert table.loc["tf-explain", "found"] < 0.5
    assert table.loc["ecgstudy", "shape"] == (64, 112)
    assert table.loc["ecgstudy", "found"] == 1


def test_a_shuffled_network_gives_other_maps_and_the_trained_one_is_left_as_it_was(answer, pictures):
    numbers = np.zeros(6, dtype=int)
    before = answer.probabilities(pictures)
    shuffled = heads.shuffled(answer, seed=1)
    assert np.abs(shuffled.probabilities(pictures) - before).max() > 0.05
    assert maps.explain(shuffled, pictures, numbers, method="gradcam").shape == (6, HEIGHT, WIDTH)
    np.testing.assert_array_equal(answer.probabilities(pictures), before)


def test_a_new_head_of_a_network_answers_and_has_a_map(answer, pictures):
    labels = (pictures.mean(axis=(1, 2, 3)) > np.median(pictures.mean(axis=(1, 2, 3)))).astype(int)
    head = heads.fit_head(answer, pictures, labels)
    assert head.probabilities(pictures).sum(axis=1) == pytest.approx(1)
    assert maps.explain(head, pictures, labels, method="gradcam++").shape == (6, HEIGHT, WIDTH)
    whole = heads.with_head(answer, head)  # the same, with pixel gradients
    np.testing.assert_allclose(whole.probabilities(pictures), head.probabilities(pictures), atol=1e-4)
    path = gradients.integrated_gradients(whole, pictures[:1], labels[:1])
    assert path.relative_residuals[0] < 0.01


def test_nothing_is_traced_anew_for_another_picture_or_another_number_of_them(answer, pictures):
    settings = {"integrated_gradients": {"most_steps": 20}, "smoothgrad": {"samples": 5}, "occlusion": {"size": 16}}
    for count in (1, 2, 5, 6):
        for method in ("gradcam", "gradcam++", *settings):
            asked = answer, pictures[-count:], np.arange(count) % 4
            maps.explain(*asked, method=method, **settings.get(method, {}))
    functions = (answer._probabilities, answer._gradients, answer._tapped)
    assert [function.experimental_get_tracing_count() for function in functions] == [1, 1, 1]
