"""Light taken out of photographs."""

import numpy as np
import pytest

from ecgstudy.data.images import resize
from ecgstudy.pages import damage
from ecgstudy.predict.light import even_light


def difference(one, other):
    """Root mean square in grey levels, at the size that models read."""
    return np.sqrt(np.mean((resize(one, 128, 224).astype(float) - resize(other, 128, 224)) ** 2))


@pytest.mark.parametrize("layout", ["3x4", "6x2plain", "6x2grid"])
def test_a_clean_scan_comes_back_as_it_is(layout, real_pages):
    for picture in real_pages[layout]:
        assert even_light(picture) is picture


@pytest.mark.parametrize(("kind", "left"), [("shadow", 0.15), ("low_contrast", 0.2)])
@pytest.mark.parametrize("severity", [1, 2, 3, 4])
def test_most_of_the_damage_by_light_is_undone(kind, left, severity, real_pages):
    picture = real_pages["3x4"][0]
    damaged = damage.damage(picture, kind, severity, seed=0)
    assert difference(even_light(damaged), picture) < left * difference(damaged, picture)


def test_a_white_sheet_stays_white():
    white = np.full((600, 900, 3), 255, np.uint8)
    assert even_light(white) is white
    grey = np.full((600, 900, 3), 120, np.uint8)
    assert np.ptp(even_light(grey)) <= 1 and even_light(grey).min() > 245
