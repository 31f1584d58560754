"""How time grows: 100 to 100,000 rows of made-up tables, 100 to 1,000 drawn pages. A series ends where it gets long."""

import dataclasses
import io
import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import PIL.Image

from benchmarks.measure import Row, alone, seconds
from ecgstudy.vocabulary import CLASSES, PROBABILITIES

SIZES = (100, 1_000, 10_000, 100_000)
DRAWN = (100, 300, 1_000)  # pages
DISTINCT = 50  # pages that are drawn; a series takes them again and again
LONGEST = 45.0  # seconds that the next size may be expected to take


def manifest(pages: int) -> pd.DataFrame:
    """A manifest of one layout, two pages per group."""
    chance = np.random.default_rng(0)
    labels = np.array(CLASSES)[np.arange(pages) % 4]
    groups = np.arange(pages) // 8 * 4 + np.arange(pages) % 4
    order = chance.permutation(pages)
    table = pd.DataFrame(
        {
            "path": [f"{at}.png" for at in order],
            "page_id": [f"{at:012x}" for at in order],
            "label": labels[order],
            "selected": True,
            "group": [f"g{at}" for at in groups[order]],
            "layout": "3x4",
        }
    )
    return table


def series(
    name: str, prepare: Callable[[int], Callable[[], object]], note: str = "", *, sizes: tuple[int, ...] = SIZES
) -> list[Row]:
    """One row per size, measured once, until the next would take too long; then the last row says so."""
    rows: list[Row] = []
    note = f"{note}; once" if note else "once"
    for size, following in itertools.zip_longest(sizes, sizes[1:]):
        action = prepare(size)
        rows.append(alone(f"{name}, {size:,}", lambda action=action: seconds(action), repeats=1, note=note))
        if following and following / size * rows[-1].ours > LONGEST:
            ended = f"the series ends here: {following:,} would take more than {LONGEST:.0f} s"
            return [*rows[:-1], dataclasses.replace(rows[-1], note=f"{note}; {ended}")]
    return rows


def splitting() -> list[Row]:
    """The three protocols that draw folds."""
    from ecgstudy.data import splits

    def prepare(size: int) -> Callable[[], object]:
        table = manifest(size)
        return lambda: splits.make_splits(table, protocols=("distinct", "grouped"), folds=5)

    return series("splits of pages", prepare, "distinct and grouped, five folds")


def leakage() -> list[Row]:
    """Which test files have a copy in training."""
    from ecgstudy.data import audit, splits

    def prepare(size: int) -> Callable[[], object]:
        table = manifest(size)
        table["page_id"] = table["page_id"].iloc[np.arange(size) // 2 * 2].to_numpy()  # every page twice
        split = splits.as_published(table, folds=5, seed=0, validation=0.15)
        return lambda: audit.leakage(table, split)

    return series("leakage of a split of files", prepare)


def near_copies() -> list[Row]:
    """Candidates among hashes, before any picture is laid over another."""
    from ecgstudy.data import near_copies as search

    def prepare(size: int) -> Callable[[], object]:
        hashes = np.random.default_rng(0).integers(0, 256, (size, 32)).astype(np.uint8).view(np.uint64)
        return lambda: search.candidate_pairs(hashes)

    return series("candidates for near-copies among hashes", prepare)


def intervals() -> list[Row]:
    """1,000 resamples of counted scores."""
    from ecgstudy.evaluation import scoring

    def prepare(size: int) -> Callable[[], object]:
        table = manifest(size)
        answers = np.random.default_rng(0).dirichlet(np.ones(4), size)
        units = table.assign(label=[CLASSES.index(label) for label in table["label"]], share=1.0)
        units[list(PROBABILITIES)] = answers
        return lambda: scoring.score_units(units, scoring.drawn_for(units, resamples=1000, seed=0))

    return series("intervals of counted scores, pages", prepare, "1,000 resamples")


def drawn_pages() -> list[bytes]:
    """Drawn pages as JPEG files of the size of packed pages."""
    from ecgstudy.pages import draw

    found = []
    for page in draw.synthetic_pages(DISTINCT, seed=0):
        file = io.BytesIO()
        PIL.Image.fromarray(page.picture).save(file, "JPEG", quality=90)
        found.append(file.getvalue())
    return found


def decoding() -> list[Row]:
    """Drawn pages decoded and resized, one after another."""
    from ecgstudy.data import images

    pages = drawn_pages()

    def read(number: int) -> np.ndarray:
        with PIL.Image.open(io.BytesIO(pages[number % DISTINCT]), formats=("JPEG",)) as image:
            return images.resize(np.asarray(image.convert("RGB")), 128, 224)

    note = f"{DISTINCT} drawn pages of the size of packed ones, again and again; one thread of ours"
    return series("decoding drawn pages", lambda size: lambda: [read(at) for at in range(size)], note, sizes=DRAWN)


def tracing_drawn() -> list[Row]:
    """Drawn pages decoded and traced, one after another."""
    from ecgstudy.pages import trace

    pages = drawn_pages()

    def read(number: int) -> object:
        with PIL.Image.open(io.BytesIO(pages[number % DISTINCT]), formats=("JPEG",)) as image:
            return trace.trace(np.asarray(image.convert("RGB")))

    note = f"{DISTINCT} drawn pages of the size of packed ones, again and again; one thread of ours"
    name = "decoding and tracing drawn pages"
    return series(name, lambda size: lambda: [read(at) for at in range(size)], note, sizes=DRAWN)


BENCHMARKS = (splitting, leakage, near_copies, intervals, decoding, tracing_drawn)
