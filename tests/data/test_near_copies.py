"""Near-copies are found, all of them and nothing else; the originals are packed pages of real hearts."""

import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import PIL.Image
import pytest

from ecgstudy.data import audit, fingerprints, folder_audit, near_copies
from ecgstudy.data.manifest import Pages
from ecgstudy.data.shipped import load_pages
from ecgstudy.pages.near_copies import NEAR_COPIES, near_copy

ONE_PERSON = ("49e0bdaac07d", "5fcf7650063a")  # two recordings minutes apart; the most alike of all pages


@pytest.fixture(scope="module")
def complete() -> Pages:
    return load_pages("complete")


def with_planted(pages: Pages, originals: list[str], others: list[str]) -> tuple[Pages, set[frozenset[str]]]:
    """Some pages and changed copies of the first of them, one of each kind; which pages are copies of each other."""
    rng = np.random.default_rng(0)
    read, planted = {page: pages.picture(page) for page in originals + others}, set()
    for page in originals:
        copies = {f"{page}-{kind}": near_copy(read[page], kind, rng=rng) for kind in NEAR_COPIES}
        family = [page, *copies]
        planted |= {frozenset((a, b)) for a in family for b in family if a < b}
        read |= copies
    manifest = pd.DataFrame({"path": list(read), "page_id": list(read), "label": "normal"})
    return Pages(manifest, "grid", read.__getitem__), planted


def found_pairs(pages: Pages) -> set[frozenset[str]]:
    pairs = near_copies.near_copies(pages)
    return {frozenset(pair) for pair in zip(pairs["page_id"], pairs["other_id"], strict=True)}


def test_planted_copies_are_found_and_nothing_else(complete: Pages) -> None:
    ids = complete.distinct["page_id"].sample(70, random_state=0).tolist()
    pages, planted = with_planted(complete, ids[:10], [*ids[10:], *ONE_PERSON])
    assert found_pairs(pages) == planted


@pytest.mark.slow
def test_planted_copies_among_all_pages_at_hand_are_found_and_nothing_else(complete: Pages) -> None:
    """Nothing else also means: no two of the 1,426 distinct pages are near-copies of each other."""
    ids = complete.distinct["page_id"].sample(frac=1, random_state=1).tolist()
    pages, planted = with_planted(complete, ids[:100], ids[100:])
    assert found_pairs(pages) == planted


def test_two_recordings_of_one_person_are_no_copies_however_alike(complete: Pages) -> None:
    first, second = (fingerprints.ink_map(complete.picture(page)) for page in ONE_PERSON)
    assert 0.8 < near_copies.likeness(first, second) < near_copies.SAME_PAGE - 0.02


@pytest.mark.parametrize("kind", ["grey", "dark", "small", "noted"])
def test_other_changes_leave_a_page_the_same(complete: Pages, kind: str) -> None:
    page = complete.picture(ONE_PERSON[0])
    changed = {
        "grey": lambda: np.repeat(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2),
        "dark": lambda: (page * 0.7 + 20).astype(np.uint8),
        "small": lambda: cv2.resize(page, None, fx=0.5, fy=0.6, interpolation=cv2.INTER_AREA),
        "noted": lambda: cv2.putText(page.copy(), "seen", (480, 330), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (40, 40, 120), 1),
    }[kind]()
    score = near_copies.likeness(fingerprints.ink_map(page), fingerprints.ink_map(changed))
    assert score > near_copies.SAME_PAGE


def test_likeness_hardly_depends_on_the_order(complete: Pages) -> None:
    page = complete.picture(ONE_PERSON[0])
    first, second = (fingerprints.ink_map(p) for p in (page, near_copy(page, "cropped", rng=np.random.default_rng(1))))
    assert abs(near_copies.likeness(first, second) - near_copies.likeness(second, first)) < 0.02


def random_hashes(pages: int, planted: int, flipped: float) -> np.ndarray:
    """Random hashes; the last `planted` are the first again, with this share of their bits flipped."""
    rng = np.random.default_rng(0)
    bits = rng.random((pages, 256)) < 0.5
    bits[pages - planted :] = bits[:planted] ^ (rng.random((planted, 256)) < flipped)
    return np.packbits(bits, axis=1).view(np.uint64)


@pytest.mark.parametrize("flipped", [0.05, 0.12])
def test_close_hashes_meet_among_many(flipped: float) -> None:
    pairs = near_copies.candidate_pairs(random_hashes(8000, 200, flipped))
    met = set(map(tuple, pairs.tolist()))
    assert all((row, 7800 + row) in met for row in range(200))
    assert len(pairs) < 2 * 8000


@pytest.mark.slow
def test_time_for_candidates_grows_no_worse_than_n_log_n() -> None:
    seconds = {}
    for pages in (12_500, 100_000):
        hashes = random_hashes(pages, 100, 0.05)
        start = time.process_time()
        near_copies.candidate_pairs(hashes)
        seconds[pages] = time.process_time() - start
    n_log_n = 8 * np.log(100_000) / np.log(12_500)
    assert seconds[100_000] / seconds[12_500] < 1.5 * n_log_n


def test_each_page_keeps_its_nearest_candidates() -> None:
    vectors = np.array([[1, 0], [0.9, 0.44], [0, 1], [0.8, 0.6]], dtype=np.float32)
    pairs = np.array([[0, 1], [0, 2], [0, 3], [1, 3], [2, 3]])
    assert near_copies.nearest(vectors, pairs, most=1).tolist() == [[0, 1], [1, 3], [2, 3]]


def test_pages_that_point_elsewhere_are_no_candidates_even_without_others() -> None:
    vectors = np.array([[1, 0], [0.3, 0.954], [0.5, 0.866]], dtype=np.float32)
    assert near_copies.nearest(vectors, np.array([[0, 1], [0, 2]])).tolist() == [[0, 2]]


def test_pages_linked_through_others_get_one_name() -> None:
    pairs = pd.DataFrame({"page_id": ["b", "c"], "other_id": ["c", "d"]})
    names = near_copies.same_page_names(pd.Series(["a", "b", "c", "d", "b"]), pairs)
    assert names.tolist() == ["a", "b", "b", "b", "b"]


def test_a_few_pages_or_one_need_no_statistics(complete: Pages) -> None:
    ids = complete.distinct["page_id"].head(3).tolist()
    assert found_pairs(with_planted(complete, [], ids[:1])[0]) == set()
    pages, planted = with_planted(complete, ids[:1], ids[1:])
    assert found_pairs(pages) == planted


MANIFEST = pd.DataFrame(
    {"path": ["a1", "a2", "b", "c", "d"], "page_id": ["a", "a", "b", "c", "d"], "label": ["mi"] * 3 + ["normal"] * 2}
)


def test_leakage_counts_near_copies_beside_exact_ones() -> None:
    split = MANIFEST[["path", "page_id"]].assign(part=["train", "test", "test", "train", "test"])
    near = pd.DataFrame({"page_id": ["a", "a"], "other_id": ["b", "a"]})
    leaks = audit.leakage(MANIFEST, split, near=near)
    assert leaks.table.loc["mi", ["test_files", "with_copy", "with_near_copy"]].tolist() == [2, 1, 1]
    assert leaks.share == 2 / 3


@pytest.fixture(scope="module")
def folder(complete: Pages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pages of each class, an exact and a changed copy of the first normal one."""
    root = tmp_path_factory.mktemp("pages")
    for label, pages in complete.distinct.query("layout == '3x4'").groupby("label"):
        (root / str(label)).mkdir()
        for number, page in enumerate(pages["page_id"].head(2)):
            PIL.Image.fromarray(complete.picture(page)).save(root / str(label) / f"{number}.png")
    first = np.asarray(PIL.Image.open(root / "normal" / "0.png"))
    PIL.Image.fromarray(first).save(root / "normal" / "exact.png")
    changed = near_copy(first, "rescaled", rng=np.random.default_rng(0))
    PIL.Image.fromarray(changed).save(root / "normal" / "near.jpg")
    return root


def split_file(path: Path, tested: str) -> Path:
    names = [f"{label}/{n}.png" for label in ("mi", "abnormal", "history", "normal") for n in (0, 1)]
    names += ["normal/exact.png", "normal/near.jpg"]
    pd.DataFrame({"path": names, "part": ["Test" if n == tested else "training" for n in names]}).to_csv(path)
    return path


@pytest.mark.parametrize(
    ("tested", "exact", "near", "code"),
    [("normal/exact.png", 1, 0, 1), ("normal/near.jpg", 0, 1, 1), ("normal/1.png", 0, 0, 0)],
)
def test_the_audit_of_a_split_ends_with_an_exit_code(
    folder: Path, tmp_path: Path, tested: str, exact: int, near: int, code: int
) -> None:
    found = folder_audit.audit_folder(str(folder), split=split_file(tmp_path / "split.csv", tested))
    assert found.leaks is not None
    assert found.leaks.table.loc["all", ["with_copy", "with_near_copy"]].tolist() == [exact, near]
    assert found.exit_code == code
    assert "pairs of near-copies" in str(found)


def test_an_audit_without_a_split_counts_and_foretells(folder: Path) -> None:
    found = folder_audit.audit_folder(str(folder), near=False)
    assert found.copies.loc["all", ["files", "distinct"]].tolist() == [10, 9]
    assert (found.exit_code, found.leaks, found.near) == (0, None, None)
    assert found.expected.loc["mi", "share"] == 0
    assert 0.3 < found.expected.loc["normal", "share"] < 0.5  # of four files, two have a twin, elsewhere 8 times of 9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("path,part\nnowhere.png,test\n", "1 files are not among the pages, the first is nowhere.png"),
        ("path,part\nmi/0.png,holdout\n", "unknown part in .* 'holdout'"),
        ("path,label\nmi/0.png,mi\n", "it needs path and part"),
        ("path,part\nmi/0.png,train\n", "no file in a test part"),
        ("", "not readable as CSV"),
    ],
)
def test_a_split_that_cannot_be_used_says_why(folder: Path, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "split.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        folder_audit.audit_folder(str(folder), split=tmp_path / "split.csv", near=False)


def test_a_split_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.csv: no such split"):
        folder_audit.audit_folder(str(folder), split=tmp_path / "none.csv", near=False)
