"""Maps against what is known by hand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecgstudy.explanation import cam, gradients, maps, questions
from ecgstudy.explanation.backdrop import Backdrop

from .conftest import HEIGHT, WIDTH, SquareAnswer

MODEL_METHODS = tuple(name for name in maps.METHODS if name not in maps.CONTROLS)
CLASSES = np.array([0, 2, 1])


def backdrop_like(pictures):
    """Black paper, and leads as an even grid of three rows and four columns."""
    from ecgstudy.pages.layout import Box, PageLayout
    from ecgstudy.vocabulary import LEADS

    boxes = {lead: Box(k // 3 / 4, k % 3 / 4, (k // 3 + 1) / 4, (k % 3 + 1) / 4) for k, lead in enumerate(LEADS)}
    layout = PageLayout("3x4", "grid", Box(0, 0, 1, 1), boxes, {}, Box(0, 0.75, 1, 1), "II", None, 1.0)
    return Backdrop((layout,) * len(pictures), np.zeros_like(pictures))


def test_integrated_gradients_add_up_to_the_score_difference(weights, pictures):
    """Completeness, with a score whose gradient changes along the way (power 3)."""
    path = gradients.integrated_gradients(SquareAnswer(weights, power=3), pictures, CLASSES, baseline="white")
    assert (path.relative_residuals < 0.01).all()
    np.testing.assert_allclose(path.maps.sum(axis=(1, 2)), path.differences, rtol=0.011)


def test_steps_gather_where_the_score_moves():
    """p = sigmoid(200 (x - 0.9)) of one pixel: even steps of 1/16 would miss its whole rise."""

    class Step(SquareAnswer):
        def probabilities(self, pictures):
            x = pictures[:, 0, 0, :1].astype(float) / 255
            return np.repeat(1 / (1 + np.exp(-200 * (x - 0.9))), 4, axis=1)

        def gradients(self, pictures, classes, *, of="probability"):
            p = self.probabilities(pictures)[:, 0]
            slopes = np.zeros(pictures.shape)
            slopes[:, 0, 0, 0] = 200 * p * (1 - p) / 255
            return slopes

    picture, black = np.full((1, 6, 6, 3), 255.0), np.zeros((6, 6, 3))
    path = gradients.integrated_gradients(Step(np.zeros((6, 6, 3, 4))), picture, np.array([0]), baseline=black)
    assert path.maps[0, 0, 0] == pytest.approx(1, abs=0.01)
    assert path.steps[0] < 64


def test_integrated_gradients_know_the_integral_of_a_square(weights, pictures):
    start = pictures.mean(axis=0)
    found = maps.explain(SquareAnswer(weights), pictures, CLASSES, method="integrated_gradients", baseline=start)
    by_hand = ((pictures**2 - start**2) / 255**2 * weights[..., CLASSES].transpose(3, 0, 1, 2)).sum(axis=-1)
    np.testing.assert_allclose(found, by_hand, atol=1e-4)


def test_the_mean_page_is_never_that_of_the_batch(weights, pictures):
    with pytest.raises(ValueError, match="baseline 'mean' needs a backdrop with its mean page"):
        maps.explain(SquareAnswer(weights), pictures, CLASSES, method="integrated_gradients", baseline="mean")


def test_steps_are_halved_only_where_that_is_needed(weights, pictures):
    pictures[0] = 255  # is its own baseline: nothing to add up
    path = gradients.integrated_gradients(SquareAnswer(weights, power=40), pictures, CLASSES, tolerance=1e-3)
    assert path.steps[0] == 16
    assert (path.steps[1:] > 16).all()
    assert (path.relative_residuals <= 1e-3).all()


def test_a_linear_model_gets_its_exact_answer_from_every_pixel_method(weights, pictures):
    """p = w x: integrated gradients and occlusion from black are w x, SmoothGrad is |w|."""
    answer, paper = SquareAnswer(weights, power=1), backdrop_like(pictures)
    own = weights[..., CLASSES].transpose(3, 0, 1, 2) / 255
    by_hand = (own * pictures).sum(axis=-1)
    path = maps.explain(
        answer, pictures, CLASSES, method="integrated_gradients", baseline=np.zeros((HEIGHT, WIDTH, 3), np.float32)
    )
    np.testing.assert_allclose(path, by_hand, atol=1e-5)
    hidden = maps.explain(answer, pictures, CLASSES, method="occlusion", size=1, backdrop=paper)
    np.testing.assert_allclose(hidden, by_hand, atol=1e-4)
    smooth = maps.explain(answer, pictures, CLASSES, method="smoothgrad", samples=4)
    np.testing.assert_allclose(smooth, np.abs(own).sum(axis=-1), atol=1e-6)


def test_hiding_a_lead_costs_what_the_lead_adds(weights, pictures):
    answer, paper = SquareAnswer(weights, power=1), backdrop_like(pictures)
    heat = maps.explain(answer, pictures, CLASSES, method="lead_occlusion", backdrop=paper)
    part = paper.layouts[0].leads["V2"].pixels(HEIGHT, WIDTH)
    own = weights[..., CLASSES[0]][part] * pictures[0][part] / 255
    assert heat[0][part].sum() == pytest.approx(own.sum(), abs=1e-4)


@pytest.mark.parametrize("method", MODEL_METHODS)
def test_a_mirrored_model_gets_the_mirrored_map(method, weights, pictures):
    settings = {"noise": 0.0} if method == "smoothgrad" else {}
    settings |= {"offset": (0.0, 0.0)} if method.startswith("gradcam") else {}
    one = maps.raw_maps(
        SquareAnswer(weights), pictures, CLASSES, method=method, backdrop=backdrop_like(pictures), **settings
    )
    mirrored = np.ascontiguousarray(pictures[:, :, ::-1])
    other = maps.raw_maps(
        SquareAnswer(weights[:, ::-1]), mirrored, CLASSES, method=method, backdrop=backdrop_like(pictures), **settings
    )
    if method == "lead_occlusion":  # 42 pixels don't part into four equal columns
        other, one = other.sum(axis=2), one.sum(axis=2)
        np.testing.assert_allclose(other[:, 18:], one[:, 18:], atol=1e-4)  # the strip
    else:
        np.testing.assert_allclose(other[:, :, ::-1], one, atol=1e-4)


@pytest.mark.parametrize("method", [name for name in MODEL_METHODS if maps.METHODS[name].needs != "tap"])
def test_a_region_that_the_model_does_not_use_stays_empty(method, weights, pictures):
    weights[12:] = 0  # the lower half
    heat = maps.explain(SquareAnswer(weights), pictures, CLASSES, method=method, backdrop=backdrop_like(pictures))
    assert np.abs(heat[:, :12]).max() > 0
    assert np.abs(heat[:, 12:]).max() < 1e-9


@pytest.mark.parametrize("place", [(3, 39), (21, 3), (9, 27)])
@pytest.mark.parametrize("method", MODEL_METHODS)
def test_a_lone_bright_pixel_maps_to_its_place(method, place):
    """On a picture that is not square; within the method's own grain."""
    pictures = np.zeros((1, HEIGHT, WIDTH, 3), np.float32)
    pictures[0][place] = 255
    answer = SquareAnswer(np.ones((HEIGHT, WIDTH, 3, 4)), power=1)
    settings = {"baseline": np.zeros((HEIGHT, WIDTH, 3), np.float32)} if method == "integrated_gradients" else {}
    if method == "smoothgrad":  # a linear model's gradient is even; this one reacts at the bright pixel alone
        answer, settings = SquareAnswer(np.ones((HEIGHT, WIDTH, 3, 4)), power=3), {"noise": 0.0}
    heat = maps.explain(answer, pictures, [0], method=method, backdrop=backdrop_like(pictures), **settings)
    peaks = np.argwhere(heat[0] == heat[0].max())
    reach = {"lead_occlusion": 42}.get(method, 3.5)
    assert heat[0][place] == pytest.approx(heat[0].max(), rel=0.35)
    assert np.abs(peaks.mean(axis=0) - place).max() <= reach


def test_gradcam_of_a_tiny_network_computed_by_hand():
    """Two channels; mean gradients 1 and -2: map = relu(A1 - 2 A2)."""
    first, second = np.array([[4.0, 0.0], [2.0, 6.0]]), np.array([[1.0, 1.0], [1.0, 2.0]])
    activations = np.stack([first, second], axis=-1)[None]
    slopes = np.stack([np.array([[2.0, 0.0], [1.0, 1.0]]), np.full((2, 2), -2.0)], axis=-1)[None]
    coarse = cam.coarse_gradcam(activations, slopes)
    np.testing.assert_allclose(coarse[0], [[2, -2], [0, 2]])
    full = cam.upsampled(np.maximum(coarse, 0), np.zeros((1, 4, 8, 3)))
    np.testing.assert_allclose(full[0][:, 0], [2, 1.5, 0.5, 0])  # bilinear between cell middles at 0.5 and 2.5 pixels
    np.testing.assert_allclose(full[0][3], [0, 0, 0.25, 0.75, 1.25, 1.75, 2, 2])


def test_gradcam_plus_plus_computed_by_hand():
    """One channel, A = (3, 1), g = (1, -1): a = g^2 / (2 g^2 + 4 g^3) = (1/6, -1/2), w = 1/6."""
    activations, slopes = np.array([3.0, 1.0]).reshape(1, 1, 2, 1), np.array([1.0, -1.0]).reshape(1, 1, 2, 1)
    np.testing.assert_allclose(cam.coarse_plus_plus(activations, slopes)[0], [[0.5, 1 / 6]])


@pytest.mark.parametrize("shift", [-3, 0, 3])
def test_a_map_that_looks_aside_is_put_back(shift, weights):
    """Cells that read the picture half a cell further down and right (or back), as strided networks do."""

    class Aside(SquareAnswer):
        def tap(self, pictures, classes):
            return super().tap(np.roll(pictures, (-shift, -shift), axis=(1, 2)), classes)

    shape = (48, 84)  # 8 x 14 cells
    answer = Aside(np.ones((*shape, 3, 4)))
    page = np.zeros((1, *shape, 3), np.float32)
    offset = cam.tap_offset(answer)
    np.testing.assert_allclose(offset, shift / 6, atol=0.12)
    page[0, 20:24, 50:54] = 255
    heat = maps.explain(answer, page, [0], method="gradcam", offset=offset)[0]
    rows, columns = np.indices(shape)
    centre = [(heat * rows).sum() / heat.sum(), (heat * columns).sum() / heat.sum()]
    np.testing.assert_allclose(centre, [21.5, 51.5], atol=2.0)


def test_where_the_last_map_looks_is_measured_once_for_an_answer_and_forgotten_with_it(weights, pictures):
    class Counted(SquareAnswer):
        asked = 0

        def tap(self, pictures, classes):
            self.asked += len(pictures)
            return super().tap(pictures, classes)

    answer = Counted(weights)
    for _ in range(2):
        maps.explain(answer, pictures, CLASSES, method="gradcam")
    assert answer.asked == 26 + 2 * len(pictures)
    key = id(answer)
    assert key in cam._measured
    del answer
    assert key not in cam._measured


def test_questions_go_out_in_a_few_fixed_batch_sizes(weights, pictures):
    answer = SquareAnswer(weights)
    for method in ("integrated_gradients", "smoothgrad", "occlusion", "lead_occlusion"):
        maps.explain(answer, pictures, CLASSES, method=method, backdrop=backdrop_like(pictures))
    assert set(answer.batches) <= set(questions.BATCHES)


def test_a_map_does_not_depend_on_the_other_pictures_of_its_batch(weights, pictures):
    for method in MODEL_METHODS:
        if method != "smoothgrad":  # its noise is drawn for the batch
            whole = maps.explain(
                SquareAnswer(weights), pictures, CLASSES, method=method, backdrop=backdrop_like(pictures)
            )
            alone = maps.explain(
                SquareAnswer(weights), pictures[1:2], CLASSES[1:2], method=method, backdrop=backdrop_like(pictures[:1])
            )
            np.testing.assert_allclose(whole[1:2], alone, rtol=1e-5, atol=1e-7)


def test_the_blurred_baseline_has_no_strokes_and_without_trace_keeps_what_is_outside(prepared):
    pictures, backdrop = prepared
    emptied = gradients.without_trace(pictures, backdrop)
    assert emptied.min() > 150 > pictures.min()
    blurred = gradients._baseline("blurred", pictures.astype(np.float32), None)
    assert blurred.std(axis=(1, 2)).max() < 0.5 * pictures.std(axis=(1, 2)).min()


class TestBadInput:
    """One line that names what was wrong."""

    def test_an_unknown_method(self, weights, pictures):
        with pytest.raises(ValueError, match="unknown method 'grad_cam'; did you mean 'gradcam'"):
            maps.explain(SquareAnswer(weights), pictures, CLASSES, method="grad_cam")

    def test_a_model_without_a_spatial_map(self, weights, pictures):
        from ecgstudy.explanation.planted import LinearAnswer

        with pytest.raises(ValueError, match="LinearAnswer cannot give its tap; use occlusion"):
            maps.explain(LinearAnswer(weights, np.zeros(4)), pictures, CLASSES, method="gradcam")

    def test_a_picture_of_another_size(self, weights, pictures):
        with pytest.raises(ValueError, match=r"this model reads \(batch, 24, 42, 3\)"):
            maps.explain(SquareAnswer(weights), pictures[:, 1:], CLASSES)

    def test_an_unknown_class_and_too_few_classes(self, weights, pictures):
        with pytest.raises(ValueError, match="unknown class among"):
            maps.explain(SquareAnswer(weights), pictures, ["mi", "mi", "infarction"])
        with pytest.raises(ValueError, match="2 classes for 3 pictures"):
            maps.explain(SquareAnswer(weights), pictures, ["mi", "normal"])

    def test_a_map_that_is_not_a_number(self, weights, pictures):
        weights[0, 0, 0, 2] = np.nan
        with pytest.raises(ValueError, match="integrated_gradients: the map of picture 1 is not finite"):
            maps.explain(SquareAnswer(weights), pictures, CLASSES, method="integrated_gradients", most_steps=32)

    def test_a_baseline_that_is_unknown_or_needs_a_backdrop(self, weights, pictures):
        with pytest.raises(ValueError, match="unknown baseline 'black'"):
            maps.explain(SquareAnswer(weights), pictures, CLASSES, method="integrated_gradients", baseline="black")
        with pytest.raises(ValueError, match="needs the backdrop"):
            maps.explain(
                SquareAnswer(weights), pictures, CLASSES, method="integrated_gradients", baseline="without_trace"
            )


def test_no_module_of_this_room_loads_tensorflow():
    """Maps are made from answers; only a call of the cross-check loads TensorFlow."""
    modules = [path.stem for path in Path(maps.__file__).parent.glob("[a-z]*.py")]
    code = f"import sys\nfrom ecgstudy.explanation import {', '.join(modules)}\nassert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
