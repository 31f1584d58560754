"""A small project to try the documentation's commands in."""

import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import yaml

ROOT = Path(__file__).parents[2]
TINY = {
    "data": {"source": "synthetic", "synthetic_pages": 48},
    "image": {"height": 64, "width": 112},
    "splits": {"folds": 2},
    "models": ["thumbnail", "efficientnet_lite0"],
    "training": {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3},
    "evaluation": {"resamples": 100},
    "explanation": {"pages": 4},
}


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A working folder with all that the commands name: tiny studies, pictures, tables, a model file."""
    from ecgstudy.data.drawn_folder import draw_folder

    folder = tmp_path_factory.mktemp("project")
    for name in ("notebooks", "ecgstudy", "Makefile", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "outputs").mkdir()
    (folder / "outputs" / "reference").symlink_to(ROOT / "outputs" / "reference")
    (folder / "params").mkdir()
    for path in (ROOT / "params").glob("*.yaml"):
        (folder / "params" / path.name).write_text(yaml.safe_dump({"study": TINY | {"name": path.stem}}))
    draw_folder(folder / "pages", pages=48)
    _spread(folder)
    return folder


def _spread(folder: Path) -> None:
    """One drawn picture as page.jpg, two as scans/, the table of all beside them, and a split of it."""
    table = (folder / "pages" / "pages.csv").read_text(encoding="utf-8").splitlines()
    head, rows = table[0], [f"pages/{row}" for row in table[1:]]
    (folder / "pages.csv").write_text("\n".join([head, *rows]), encoding="utf-8")
    (folder / "pages" / "pages.csv").unlink()
    parts = [
        f"{row.split(',')[0].removeprefix('pages/')},{'test' if at % 4 == 0 else 'train'}"
        for at, row in enumerate(rows)
    ]
    (folder / "split.csv").write_text("\n".join(["path,part", *parts]), encoding="utf-8")
    pictures = sorted((folder / "pages" / "normal").glob("*.png"))
    PIL.Image.open(pictures[0]).convert("RGB").save(folder / "page.jpg", quality=90)
    (folder / "scans").mkdir()
    for picture in pictures[:2]:
        shutil.copy(picture, folder / "scans")


@pytest.fixture(scope="session")
def answers(place):
    """mine.csv: an answer for every page of the tiny study `complete`, drawn by chance."""
    import pandas as pd

    from ecgstudy.data.prepare import open_study
    from ecgstudy.study import Study
    from ecgstudy.vocabulary import PROBABILITIES

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(place / "outputs"))
        pages = open_study(Study.load(place / "params" / "complete.yaml"))
    wanted = pages.distinct.query("selected")["page_id"].to_numpy()
    drawn = np.random.default_rng(0).dirichlet(np.ones(len(PROBABILITIES)), len(wanted))
    table = pd.DataFrame(drawn, columns=PROBABILITIES).assign(page_id=wanted)
    table.to_csv(place / "mine.csv", index=False)
    return place / "mine.csv"


@pytest.fixture(scope="session")
def model_file(place):
    """mine.keras: a network from a page to four probabilities, trained on nothing."""
    import keras

    layers = [keras.Input((64, 112, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, "softmax")]
    keras.Sequential(layers).save(place / "mine.keras")
    return place / "mine.keras"


def train(place: Path, models: list[str] | None) -> None:
    """Train models of the tiny study `quick`; all of them for None."""
    from ecgstudy.data.prepare import open_study
    from ecgstudy.study import Study
    from ecgstudy.training.grid import run_grid

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(place / "outputs"))
        study = Study.load(place / "params" / "quick.yaml")
        open_study(study)
        run_grid(study, models=models, progress=lambda line: None)


@pytest.fixture(scope="session")
def trained(place):
    """The simple model of the tiny study `quick`."""
    train(place, ["thumbnail"])


@pytest.fixture(scope="session")
def finished(place):
    """All models of the tiny study `quick`, and the network released."""
    from ecgstudy.release import write
    from ecgstudy.study import Study

    train(place, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECGSTUDY_OUTPUTS", str(place / "outputs"))
        write.release(Study.load(place / "params" / "quick.yaml"), "efficientnet_lite0")
