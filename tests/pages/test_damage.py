"""Damage is graded and repeatable; masks leave the page's own empty paper."""

import numpy as np
import pytest

from ecgstudy.pages import damage, draw
from ecgstudy.pages.ink import ink


@pytest.fixture(scope="module")
def packed():
    return draw.synthetic_page(0, seed=0, label="mi")


@pytest.fixture(scope="module")
def whole():
    return draw.synthetic_page(0, seed=0, label="mi", size="page", layouts=("6x2grid",))


def inked(picture, layout):
    return ink(picture, layout.pixels_per_mm) > 0.5


@pytest.mark.parametrize("kind", damage.DAMAGES)
def test_damage_grows_with_severity_and_keeps_shape_and_type(packed, kind):
    changes = []
    for severity in damage.SEVERITIES:
        damaged = damage.damage(packed.picture, kind, severity, seed=1)
        assert damaged.shape == packed.picture.shape
        assert damaged.dtype == np.uint8
        changes.append(np.abs(damaged.astype(int) - packed.picture).mean())
    assert changes[4] > changes[2] > changes[0] > 0


@pytest.mark.parametrize("kind", ["blur", "downsampling", "low_contrast"])
def test_the_trace_pales_step_by_step(packed, kind):
    darkest = [damage.damage(packed.picture, kind, severity, seed=1).min() for severity in damage.SEVERITIES]
    assert darkest == sorted(darkest)
    assert darkest[4] > darkest[0]


@pytest.mark.parametrize("kind", damage.DAMAGES)
def test_damage_is_the_same_for_one_seed_and_leaves_the_original_alone(packed, kind):
    before = packed.picture.copy()
    once, again = (damage.damage(packed.picture, kind, 3, seed=7) for _ in range(2))
    assert np.array_equal(once, again)
    assert np.array_equal(packed.picture, before)


@pytest.mark.parametrize("kind", ["rotation", "perspective", "shadow", "crease", "stain"])
def test_accidents_differ_between_seeds(packed, kind):
    several = {damage.damage(packed.picture, kind, 3, seed=seed).tobytes() for seed in range(4)}
    assert len(several) > 1


def test_unknown_damage_and_severity_are_refused_by_name(packed):
    with pytest.raises(ValueError, match="unknown damage 'blurr'; did you mean 'blur'"):
        damage.damage(packed.picture, "blurr", 1, seed=0)
    with pytest.raises(ValueError, match="unknown severity 6 of blur"):
        damage.damage(packed.picture, "blur", 6, seed=0)


def test_a_page_without_trace_keeps_its_grid(packed):
    bare = damage.without_trace(packed.picture, layout=packed.layout)
    assert inked(packed.picture, packed.layout).mean() > 0.01
    clean = inked(packed.picture, packed.layout) == 0
    assert (bare.max(axis=2) < 150).mean() < 1e-3
    assert np.abs(bare.astype(int) - packed.picture)[clean].mean() < 3
    columns = bare[20:-20, 20:-20].astype(float).mean(axis=(0, 2))
    assert columns.std() > 1  # the lines of the grid still stand out


def test_a_trace_taken_away_leaves_no_outline(packed):
    """Where the trace was, paper looks like paper elsewhere: same brightness, same roughness."""
    bare = damage.without_trace(packed.picture, layout=packed.layout).astype(float)
    was = inked(packed.picture, packed.layout)
    was[:6], was[-6:], was[:, :6], was[:, -6:] = False, False, False, False
    elsewhere = np.zeros_like(was)
    elsewhere[20:-20, 20:-20] = True
    elsewhere &= ~was
    assert bare[was].mean() == pytest.approx(bare[elsewhere].mean(), abs=1.5)
    assert bare[was].std() == pytest.approx(bare[elsewhere].std(), rel=0.25)


def test_peaks_that_rise_into_the_header_go_with_the_trace_and_the_header_stays(whole):
    picture = whole.picture.copy()
    picture[330:470, 500:504] = 0  # a stroke from the header across the frame
    bare = damage.without_trace(picture, layout=whole.layout)
    assert bare[335:395, 500:504].min() > 200
    assert np.array_equal(bare[:140], picture[:140])
    assert np.array_equal(bare[1530:], picture[1530:])


def test_empty_paper_has_no_ink_at_all(whole):
    empty = damage.empty_paper(whole.picture, layout=whole.layout)
    dots = 0.02  # share of the page that the grid's own dots take
    assert (empty.max(axis=2) < 60).mean() < 1e-4 < dots
    assert (empty[:280] == 255).all()


def test_a_masked_box_is_empty_and_the_rest_untouched(packed):
    box = packed.layout.leads["V2"]
    part = box.pixels(*packed.picture.shape[:2])
    hidden = damage.masked(packed.picture, box, layout=packed.layout)
    shown = damage.only(packed.picture, box, layout=packed.layout)
    assert (hidden[part].max(axis=2) < 150).mean() < 1e-3
    assert np.array_equal(shown[part], packed.picture[part])
    hidden[part] = packed.picture[part]
    assert np.array_equal(hidden, packed.picture)


def test_the_layout_is_found_on_the_page_when_it_is_not_given(packed):
    box = packed.layout.leads["I"]
    given = damage.masked(packed.picture, box, layout=packed.layout)
    found = damage.masked(packed.picture, box)
    assert np.abs(given.astype(int) - found).mean() < 0.5


def test_header_and_footer_exist_on_whole_pages_only(packed, whole):
    assert damage.header(whole.layout).bottom == pytest.approx(402 / 1572)
    assert damage.footer(whole.layout).top == pytest.approx(1518 / 1572)
    with pytest.raises(ValueError, match="no header or footer"):
        damage.header(packed.layout)
