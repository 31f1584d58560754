"""The split that published counts imply: every file tested, and changed copies of the very same files learned from."""

from collections.abc import Mapping

import numpy as np
import pandas as pd


def claimed_split(manifest: pd.DataFrame, copies_per_file: Mapping[str, int]) -> pd.DataFrame:
    """A training part of changed copies and a test part of the files that they are copies of.

    Args:
        manifest: one row per file; files of pages left out of the set are in neither part.
        copies_per_file: for each class, how many changed copies of each file are learned from.

    Returns:
        `path, page_id, label, part, copy`: `train` rows have `copy` from 1, `test` rows have 0. It breaks the rule
        that no page may be in two parts, on purpose: `splits.check_split` refuses it.
    """
    files = manifest.loc[manifest["selected"].astype(bool), ["path", "page_id", "label"]]
    times = files["label"].map(dict(copies_per_file)).to_numpy(int)
    train = files.loc[np.repeat(files.index.to_numpy(), times)]
    number = train.groupby("path", sort=False).cumcount() + 1
    parts = [train.assign(part="train", copy=number), files.assign(part="test", copy=0)]
    return pd.concat(parts, ignore_index=True)
