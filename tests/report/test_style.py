import itertools

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib import colors

from ecgstudy.report import style
from ecgstudy.vocabulary import CLASSES, PROTOCOLS

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB (doi:10.1109/TVCG.2009.113)
EYES = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}


def seen(colour: str, eye: str) -> np.ndarray:
    """CIELAB of a colour as that eye sees it."""
    rgb = np.array(colors.to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(EYES[eye]) @ linear, 0, 1)
    back = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return cv2.cvtColor(back.astype(np.float32).reshape(1, 1, 3), cv2.COLOR_RGB2LAB).ravel()


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", [style.CLASS_COLOURS, style.PROTOCOL_COLOURS], ids=["classes", "protocols"])
def test_colours_of_one_figure_stay_apart(palette, eye):
    """A difference of 2 is just seen side by side; 20 is plainly another colour."""
    for one, other in itertools.combinations(palette.values(), 2):
        assert np.linalg.norm(seen(one, eye) - seen(other, eye)) > 20, (one, other)


def test_every_class_and_every_protocol_has_its_colour():
    assert tuple(style.CLASS_COLOURS) == CLASSES
    assert tuple(style.PROTOCOL_COLOURS) == tuple(style.PROTOCOL_MARKERS) == PROTOCOLS


def test_the_same_drawing_gives_the_same_bytes(tmp_path):
    for name in ("first.png", "second"):
        ax = plt.subplots()[1]
        ax.plot([0, 1], [1, 0], label="<b>")
        saved = style.save_figure(ax, tmp_path / "figures" / name)
    first = tmp_path / "figures" / "first.svg"
    assert saved.read_bytes() == first.read_bytes()
    assert saved.with_suffix(".png").read_bytes() == first.with_suffix(".png").read_bytes()


def test_the_style_of_a_session_changes_only_when_asked():
    with plt.rc_context():
        plt.rcParams["axes.spines.top"] = True
        with style.styled():
            assert not plt.rcParams["axes.spines.top"]
        assert plt.rcParams["axes.spines.top"]
        style.use_style()
        assert not plt.rcParams["axes.spines.top"]


def test_a_figure_without_data_is_not_kept_and_replaces_an_older_one(tmp_path):
    ax = plt.subplots()[1]
    path = style.save_figure(ax, tmp_path / "empty")
    assert not list(tmp_path.iterdir())
    ax.plot([1, 2])
    style.save_figure(ax, path)
    assert len(list(tmp_path.iterdir())) == 2
    style.save_figure(plt.subplots()[1], path)
    assert not list(tmp_path.iterdir())
