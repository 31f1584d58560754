"""Anyone's model file: opened without running code from it, and asked about a study's pages."""

import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy.data.images import cached_pictures
from ecgstudy.data.prepare import open_study
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

BATCH = 32
FAULTS = (  # what Keras and zipfile raise over a file that is no model; encrypted or of a future zip: RuntimeError
    ValueError, OSError, TypeError, KeyError, AttributeError, RuntimeError, zipfile.BadZipFile,
)  # fmt: skip


def answers(path: Path, study: Study) -> pd.DataFrame:
    """What a Keras model says of every distinct selected page of a study.

    Args:
        path: a `.keras` file. Its one input takes RGB pictures `(pages, height, width, 3)` from 0 to 255; its one
            output are probabilities in the order of `CLASSES`.
        study: whose pages, cut to its region.

    Returns:
        `page_id` and the four probabilities, one row per page.

    Raises:
        ValueError: no such file, no such model, or it holds code of its own.
    """
    model = _opened(path)
    height, width = _input_shape(path, model)
    pages = open_study(study)
    cache = cached_pictures(pages, region=study.image.region, height=height, width=width, folder=study.folder / "cache")
    distinct = pages.distinct
    page_ids = distinct.loc[distinct["selected"].astype(bool), "page_id"].tolist()
    pictures = np.asarray(cache.pictures[cache.rows(page_ids)])
    found = model.predict(pictures.astype("float32"), batch_size=BATCH, verbose=0)
    if not isinstance(found, np.ndarray) or found.shape != (len(page_ids), len(CLASSES)):
        said = f"of shape {found.shape[1:]}" if isinstance(found, np.ndarray) else f"in {len(found)} parts"
        raise ValueError(f"{path}: answers {said}; needed are the {len(CLASSES)} probabilities")
    if not np.all((found >= 0) & (found <= 1)):
        raise ValueError(
            f"{path}: answers from {found.min():.3g} to {found.max():.3g}; needed are probabilities, from 0 to 1"
        )
    return pd.DataFrame(found.astype(float), columns=list(PROBABILITIES)).assign(page_id=page_ids)


def _opened(path: Path):  # type: ignore[no-untyped-def]  # a keras.Model
    if not path.is_file():
        raise ValueError(f"{path}: no such model file")
    if not zipfile.is_zipfile(path):  # Keras would say that there is no such file
        raise ValueError(f"{path}: not a model that can be opened (no .keras archive, or one that was cut off)")
    import keras

    try:
        model = keras.saving.load_model(path, safe_mode=True, compile=False)
    except FAULTS as error:
        holds_code = "safe_mode" in str(error)  # Keras would advise to switch it off
        reason = "it holds a Python function; no code of a file is run" if holds_code else str(error)
        raise ValueError(f"{path}: not a model that can be opened ({textwrap.shorten(reason, 200)})") from None
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path}: not a model that can be opened (it holds a {type(model).__name__})")
    return model


def _input_shape(path: Path, model) -> tuple[int, int]:  # type: ignore[no-untyped-def]  # a keras.Model
    shapes = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or ()]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3 or None in shapes[0][1:]:
        raise ValueError(f"{path}: reads {shapes}; needed is one picture of fixed size, (None, height, width, 3)")
    return shapes[0][1], shapes[0][2]
