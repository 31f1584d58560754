"""Reading, auditing and tracing pages."""

import functools
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.measure import Row, SkippedError, against, alone, noted, seconds

HEIGHT, WIDTH, BATCH = 128, 224, 32
TRACED = 24  # pages
DRAWN = 24


def originals() -> Path:
    """The 928 original files of version 2."""
    folder = os.environ.get("ECGSTUDY_ORIGINALS")
    if not folder:
        raise SkippedError("the original pages are not at hand (ECGSTUDY_ORIGINALS is not set)")
    return Path(folder) / "v2"


def together(action: Callable[[str], object], page_ids: list[str]) -> float:
    """Seconds for all pages on as many threads as there are cores, as the package itself does it."""
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        return seconds(lambda: list(pool.map(action, page_ids)))


def opened(folder: Path, place: Path):
    """Our cache of all files of a folder and a row for each: the whole of a first pass but for the batches."""
    from ecgstudy.data import images, sources

    pages = sources.open_pages(str(folder), unseen=False, memory=place / "files.json")
    cache = images.cached_pictures(pages, region="page", height=HEIGHT, width=WIDTH, folder=place)
    return cache, cache.rows(pages.manifest["page_id"].tolist())


def our_batches(cache, rows) -> None:
    """One pass of ours."""
    for start in range(0, len(rows), BATCH):
        np.asarray(cache.pictures[rows[start : start + BATCH]], np.float32)


def listed(folder: Path):
    """Their batches, as Keras lists them."""
    import keras

    return keras.utils.image_dataset_from_directory(
        folder, image_size=(HEIGHT, WIDTH), batch_size=BATCH, shuffle=False, verbose=False
    )


def their_batches(dataset) -> None:
    """One pass of theirs."""
    for _ in dataset:
        pass


def reading() -> list[Row]:
    """The first and the second pass over all files, in batches, against keras.utils.image_dataset_from_directory."""
    import keras  # noqa: F401 - its import is no part of a pass

    from ecgstudy.data import sources

    folder = originals()
    places = [Path(tempfile.mkdtemp(prefix="ecgstudy-bench-")) for _ in range(3)]
    fresh = iter(places)

    def ours_first() -> float:
        return seconds(lambda: our_batches(*opened(folder, next(fresh))))

    def theirs_first() -> float:
        return seconds(lambda: their_batches(listed(folder)))

    def profile(row: Row) -> str:
        """Which part of ours is decoding: what no reader of these files is spared."""
        pages = sources.open_pages(str(folder), unseen=False, memory=places[0] / "files.json")
        page_ids = pages.distinct["page_id"].tolist()
        decoding = together(pages.picture, page_ids)
        return f"decoding the {len(page_ids)} distinct pages alone takes {decoding / row.ours:.0%} of ours"

    about = "928 files; ours hashes all, decodes each distinct page once, resizes by Lanczos; theirs bilinear"
    first = noted(against("first pass over the pages", ours_first, theirs_first, goal=3, note=about), profile)
    ready = functools.cache(lambda: opened(folder, places[0]))
    listing = functools.cache(lambda: listed(folder))

    def ours_again() -> float:
        found = ready()
        return seconds(lambda: our_batches(*found))

    def theirs_again() -> float:
        dataset = listing()
        return seconds(lambda: their_batches(dataset))

    note = "in the same process; theirs as it comes, without .cache()"
    second = against("second pass over the pages", ours_again, theirs_again, goal=50, note=note)

    def ours_later() -> float:
        return seconds(lambda: our_batches(*opened(folder, places[0])))

    note = "ours hashes the files anew and finds its cache"
    later = against("first pass of the next process", ours_later, theirs_first, note=note)
    return [first, second, later]


def copy_audit() -> list[Row]:
    """Near-copies among the 1,426 packed pages, against perceptual hashes compared pair by pair."""
    import imagehash
    import PIL.Image

    from ecgstudy.data import near_copies, shipped

    pages = shipped.load_pages("complete")
    page_ids = pages.distinct["page_id"].tolist()

    def theirs() -> None:
        hashes = [imagehash.phash(PIL.Image.fromarray(pages.picture(page))) for page in page_ids]
        for at, one in enumerate(hashes):
            for other in hashes[:at]:
                _ = one - other

    def profile(row: Row) -> str:
        """Both decode all pages; what is left is the search."""
        decoding = together(pages.picture, page_ids)
        one_by_one = seconds(lambda: [pages.picture(page) for page in page_ids])
        return (
            f"decoding alone takes {decoding:.1f} s of ours (on all cores) and {one_by_one:.1f} s of theirs, "
            f"so that no search could be more than {row.theirs / decoding:.1f} times as fast"
        )

    note = f"{len(page_ids)} pages, to be done in 60 s; ours also lays every candidate pair one over the other"
    ours = lambda: seconds(lambda: near_copies.near_copies(pages))  # noqa: E731
    return [noted(against("near-copies among the pages", ours, lambda: seconds(theirs), goal=20, note=note), profile)]


def copy_search() -> list[Row]:
    """Which of 10,000 pages to compare at all: our index against all pairs of imagehash's hashes."""
    import imagehash

    from ecgstudy.data import near_copies

    pages, sample = 10_000, 1_000
    bits = np.random.default_rng(0).integers(0, 2, (pages, 256)).astype(bool)
    bits[pages // 2 :] ^= np.random.default_rng(1).random((pages - pages // 2, 256)) < 0.5
    packed = np.packbits(bits, axis=1).view(np.uint64)
    hashes = [imagehash.ImageHash(row.reshape(16, 16)) for row in bits[:sample]]

    def theirs() -> float:
        def all_pairs() -> None:
            for at, one in enumerate(hashes):
                for other in hashes[:at]:
                    _ = one - other

        return seconds(all_pairs) * (pages / sample) ** 2

    ours = lambda: seconds(lambda: near_copies.candidate_pairs(packed))  # noqa: E731
    note = f"{pages} hashes of 256 bits; theirs measured on {sample} and extrapolated with the square"
    return [against("search for copies among 10,000 hashes", ours, theirs, goal=20, note=note)]


def tracing() -> list[Row]:
    """Twelve signals from a page, one page after another on one core."""
    from ecgstudy.data import shipped
    from ecgstudy.pages import trace

    pages = shipped.load_pages("selected")
    standard = pages.distinct[pages.distinct["layout"] == "3x4"]["page_id"].iloc[:TRACED]
    shown = [pages.picture(page) for page in standard]

    def rate() -> float:
        return len(shown) / seconds(lambda: [trace.trace(picture) for picture in shown])

    return [alone("tracing", rate, unit="pages per second", note=f"{TRACED} packed pages, one thread of ours")]


def drawing() -> list[Row]:
    """Pages from known signals, one after another on one core: signals, paper, traces."""
    from ecgstudy.pages import draw

    def rate(size: draw.Size) -> float:
        return DRAWN / seconds(lambda: list(draw.synthetic_pages(DRAWN, seed=0, size=size)))

    sizes: tuple[tuple[str, draw.Size, int], ...] = (("packed size", "packed", 20), ("full size", "page", 5))
    return [
        alone(
            f"drawing, {title}", functools.partial(rate, size), unit="pages per second",
            note=f"{DRAWN} pages of 3x4, signals and all, one thread of ours; goal {goal}",
        )
        for title, size, goal in sizes
    ]  # fmt: skip


BENCHMARKS = (reading, copy_audit, copy_search, tracing, drawing)
