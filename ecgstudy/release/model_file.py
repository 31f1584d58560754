"""Anyone's model file: opened without running code from it, and asked about a study's pages."""

from pathlib import Path

import numpy as np
import pandas as pd

from ecgstudy.data.images import cached_pictures
from ecgstudy.data.prepare import open_study
from ecgstudy.study import Study
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

BATCH = 32


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
    if not path.is_file():
        raise ValueError(f"{path}: no such model file")
    import keras

    try:
        model = keras.saving.load_model(path, safe_mode=True, compile=False)
    except (ValueError, OSError, TypeError) as error:
        raise ValueError(f"{path}: not a model that can be opened ({' '.join(str(error).split())[:200]})") from None
    height, width = _input_shape(path, model)
    pages = open_study(study)
    cache = cached_pictures(pages, region=study.image.region, height=height, width=width, folder=study.folder / "cache")
    distinct = pages.distinct
    page_ids = distinct.loc[distinct["selected"].astype(bool), "page_id"].tolist()
    pictures = np.asarray(cache.pictures[cache.rows(page_ids)])
    found = np.asarray(model.predict(pictures.astype("float32"), batch_size=BATCH, verbose=0), dtype=float)
    if found.shape != (len(page_ids), len(CLASSES)):
        raise ValueError(f"{path}: answers of shape {found.shape[1:]}; needed are the {len(CLASSES)} probabilities")
    return pd.DataFrame(found, columns=list(PROBABILITIES)).assign(page_id=page_ids)


def _input_shape(path: Path, model) -> tuple[int, int]:  # type: ignore[no-untyped-def]  # a keras.Model
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][3] != 3 or None in shapes[0][1:]:
        raise ValueError(f"{path}: reads {shapes}; needed is one picture of fixed size, (None, height, width, 3)")
    return shapes[0][1], shapes[0][2]
