"""Two tiny studies of drawn pages and what they hand out; pictures that people might try."""

import io
from dataclasses import replace

import cv2
import matplotlib as mpl
import matplotlib.cbook
import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import pytest

from ecgstudy.data.prepare import open_study
from ecgstudy.data.shipped import load_pages
from ecgstudy.pages import draw, paper, pen
from ecgstudy.release.load import load_release
from ecgstudy.release.write import release
from ecgstudy.study import Study
from ecgstudy.training.grid import run_grid
from ecgstudy.vocabulary import LEADS

mpl.use("Agg")


@pytest.fixture(scope="session")
def outputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(folder))
        yield folder


def trained_study(name, **image):
    study = Study.load({
        "name": name,
        "data": {"source": "synthetic", "synthetic_pages": 48},
        "image": {"height": 32, "width": 56} | image,
        "splits": {"protocols": ["grouped", "unseen"], "folds": 2},
        "models": ["majority", "thumbnail"],
        "evaluation": {"resamples": 50},
    })  # fmt: skip
    open_study(study)
    run_grid(study, progress=lambda line: None)
    return study


@pytest.fixture(scope="session")
def grid_study(outputs):
    return trained_study("tiny-grid")


@pytest.fixture(scope="session")
def released(grid_study):
    """A thumbnail model of drawn `3x4` pages that reads the waveform area."""
    return load_release(release(grid_study))


@pytest.fixture(scope="session")
def redrawn(outputs):
    """The same, reading traced signals drawn anew."""
    return load_release(release(trained_study("tiny-redrawn", region="redrawn")))


@pytest.fixture(scope="session")
def shipped():
    return load_pages("selected", unseen=True)


@pytest.fixture(scope="session")
def real_pages(shipped):
    """Three packed real pages of each layout."""
    pages = shipped.distinct
    return {
        name: [shipped.picture(page_id) for page_id in pages.loc[pages["layout"] == name, "page_id"].iloc[[1, 20, 40]]]
        for name in ("3x4", "6x2plain", "6x2grid")
    }


@pytest.fixture(scope="session")
def strange_pages():
    """Pages of the same device, drawn in arrangements that the study does not know."""
    sheet, bare = paper.SHEETS["3x4"], {"strip_zero_line": None}
    columns, rows = (153.0, 808.0, 1464.0, 2119.0), tuple(tuple(LEADS[r + 4 * c] for c in range(3)) for r in range(4))
    zeros = tuple(np.linspace(350, 1450, 12))
    one_column = {"columns": (153.0, 2119.0), "separators": (320, 1480)}
    sheets = {
        "four rows of three": replace(sheet, columns=columns, rows=rows, zero_lines=(440, 720, 1000, 1280), **bare),
        "twelve rows": replace(sheet, rows=tuple((lead,) for lead in LEADS), zero_lines=zeros, **one_column, **bare),
        "three leads": replace(sheet, rows=(("II",), ("V1",), ("V5",)), zero_lines=(464, 866, 1267), **one_column,
                               **bare),
        "no strip": replace(sheet, zero_lines=(490, 888, 1286), **bare),
    }  # fmt: skip
    sheets |= {f"{name}, no grid": replace(own, has_grid=False) for name, own in sheets.items()}
    recording = draw.plan_page(3, seed=1).recording
    found = {}
    for name, own in sheets.items():
        canvas = paper.blank(own.name, own.frame, own.has_grid).copy()
        pen.furniture(canvas, own, "II")
        pen.traces(canvas, draw._cut(recording, own), recording.sampling_rate, own)
        found[name] = canvas
    return found


@pytest.fixture(scope="session")
def other_pictures():
    """Pictures that are no ECG."""
    rng = np.random.default_rng(0)
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        person = cv2.resize(np.asarray(PIL.Image.open(file).convert("RGB")), (1200, 1400))
    text = np.full((1572, 2213, 3), 255, np.uint8)
    for row in range(120, 1500, 60):
        paper.write(text, "a letter about something else, line after line, for a whole page", (100, row), 40)
    table = np.full((1572, 2213, 3), 255, np.uint8)
    table[60::60], table[:, 70::210] = 0, 0
    for row in range(100, 1560, 60):
        paper.write(table, "12.5       7.31       0.42       118       3.0", (90, row), 34)
    squares = np.indices((8, 12)).sum(axis=0) % 2 * 255
    x, y = np.meshgrid(np.linspace(0, 255, 1500), np.linspace(0, 255, 1000))
    return {
        "a person": person,
        "noise": rng.integers(0, 256, (1000, 1500, 3), dtype=np.uint8),
        "a letter": text,
        "a chart": chart(rng),
        "a table": table,
        "white": np.full((1572, 2213, 3), 255, np.uint8),
        "black": np.zeros((1572, 2213, 3), np.uint8),
        "an empty form": paper.blank("3x4", paper.SHEETS["3x4"].frame, True).copy(),
        "a gradient": np.stack([x, y, 255 - x], axis=2).astype(np.uint8),
        "a chessboard": np.kron(squares, np.ones((120, 120)))[..., None].repeat(3, axis=2).astype(np.uint8),
    }  # fmt: skip


def chart(rng):
    figure, axes = plt.subplots(4, 1, figsize=(14, 10))
    for ax in axes:
        ax.plot(rng.normal(size=400).cumsum(), color="black")
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100)
    plt.close(figure)
    return np.asarray(PIL.Image.open(buffer).convert("RGB"))
