"""The door of the data room: a study's pages, with manifest, audit, splits and cached pictures on disk."""

from collections.abc import Callable

from ecgstudy.data import audit, images, manifest, sources, splits
from ecgstudy.study import Study


def open_study(study: Study, *, progress: Callable[[str], None] = lambda line: None) -> manifest.Pages:
    """A study's pages; writes what its later rooms read, where that is missing or stale.

    Left in `study.folder`: `manifest.csv`, `audit/copies.csv`, `audit/leakage.csv`, `audit/bad_files.csv`,
    `splits/<protocol>.csv` and the cached pictures in `cache/`.

    Raises:
        ValueError: the source is missing, or a class, a page or a row of it is wrong.
    """
    pages = sources.open_pages(
        study.data.source,
        pages=study.data.pages,
        unseen="unseen" in study.splits.protocols,
        on_bad_image=study.data.on_bad_image,
        synthetic_pages=study.data.synthetic_pages,
        seed=study.data.seed,
        region=study.image.region,
        memory=study.folder / "cache" / "files.json",
    )
    pages = images.usable_pages(
        pages,
        region=study.image.region,
        height=study.image.height,
        width=study.image.width,
        folder=study.folder / "cache",
        strict=study.data.on_bad_image == "error",
        progress=progress,
    )
    parts = splits.make_splits(
        pages.manifest,
        protocols=study.splits.protocols,
        folds=study.splits.folds,
        seeds=study.splits.seeds,
        validation=study.splits.validation,
        pages=study.data.pages,
    )
    manifest.write_manifest(pages.manifest, study.folder / "manifest.csv")
    splits.write_splits(parts, study.folder / "splits")
    audit.write_audit(pages, parts, study.folder / "audit")
    return pages
