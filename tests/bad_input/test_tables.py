"""Tables of every wrong kind: each is refused in one line with its name and, where there is one, its line."""

import PIL.Image
import pytest

from ecgstudy.data import folder_audit, manifest, sources, splits
from ecgstudy.vocabulary import CLASSES

HEAD = "path,class\n"
GOOD = "".join(f"{label}/1.png,{label}\n" for label in CLASSES)
CELLS = "needs a path and a class, and no more cells than the first line"
UTF8 = "pages.csv: not UTF-8; save the table as UTF-8, or give the folder of the pages"


@pytest.fixture
def folder(tmp_path):
    """Two pages of each class."""
    for number, label in enumerate(CLASSES):
        (tmp_path / label).mkdir()
        for page in range(2):
            PIL.Image.new("RGB", (32, 24), (10 * number + page, 0, 0)).save(tmp_path / label / f"{page}.png")
    return tmp_path


PAGES = {
    "empty": ("", "pages.csv: has columns none; it needs path and class"),
    "other columns": ("file,kind\n", "pages.csv: has columns file, kind; it needs path and class"),
    "columns in capitals": ("PATH,CLASS\n" + GOOD, "pages.csv: has columns PATH, CLASS; it needs path and class"),
    "semicolons": ("path;class\n" + GOOD, "pages.csv: has columns path;class; it needs path and class"),
    "no row": (HEAD, ".: no picture found (.jpeg, .jpg, .png, .tif, .tiff, .webp)"),
    "an unknown class": (
        HEAD + "mi/0.png,infarct\n",
        "pages.csv, line 2: unknown class 'infarct'; choose from mi, abnormal, history, normal",
    ),
    "a class in capitals": (
        HEAD + GOOD + "mi/0.png,MI\n",
        "pages.csv, line 6: unknown class 'MI'; choose from mi, abnormal, history, normal",
    ),
    "a cell too few": (HEAD + "mi/0.png\n", f"pages.csv, line 2: {CELLS}"),
    "a cell too many": (HEAD + "mi/0.png,mi,g,more\n", f"pages.csv, line 2: {CELLS}"),
    "no path": (HEAD + ",mi\n", f"pages.csv, line 2: {CELLS}"),
    "no class": (HEAD + "mi/0.png,\n", f"pages.csv, line 2: {CELLS}"),
    "a quote that is never closed": (HEAD + '"mi/0.png,mi\n' + GOOD, f"pages.csv, line 6: {CELLS}"),
    "a path twice": (HEAD + "mi/0.png,mi\n./mi/0.png,mi\n" + GOOD, "mi/0.png: stands twice in the manifest"),
    "a cell without end": (
        HEAD + "x" * 200_000 + ",mi\n", "pages.csv: not readable as CSV (field larger than field limit (131072))",
    ),
    "no page of a class": (
        HEAD + GOOD.replace("history/1.png,history\n", ""),
        ".: no page of class history; the study needs mi, abnormal, history, normal",
    ),
    "Latin-1": ((HEAD + "mi/ñ.png,mi\n").encode("latin-1"), UTF8),
    "UTF-16": ((HEAD + GOOD).encode("utf-16"), UTF8),
    "a spreadsheet": (b"PK\x03\x04\x00\xff", UTF8),
}  # fmt: skip


def put(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(("content", "message"), PAGES.values(), ids=PAGES)
def test_a_wrong_table_of_pages(folder, said, content, message):
    assert said(sources.open_pages, str(put(folder / "pages.csv", content))) == message


LEFT_OUT = {
    "a missing file": ("mi/none.png", "no such file"),
    "a folder": ("mi", "a folder, not a picture"),
    "a file of the system": ("/etc/passwd", "not a picture (JPEG, PNG, WEBP, TIFF are read)"),
    "a device without end": ("/dev/zero", "a device or pipe, not a picture"),
    "a formula": ("=HYPERLINK(1)", "no such file"),
    "the table itself": ("pages.csv", "not a picture (JPEG, PNG, WEBP, TIFF are read)"),
}


@pytest.mark.parametrize(("path", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_row_that_leads_to_no_picture_is_listed_and_left_out(folder, path, reason):
    table = put(folder / "pages.csv", f"{HEAD}{GOOD}{path},mi\n")
    with pytest.warns(UserWarning, match="1 files are left out"):
        pages = sources.open_pages(str(table))
    assert len(pages.manifest) == len(CLASSES)
    assert [why for _, why in pages.bad_files] == [reason]


@pytest.mark.parametrize("content", ["\ufeff" + HEAD + GOOD, (HEAD + GOOD).replace("\n", "\r\n"), HEAD + "\n\n" + GOOD])
def test_what_spreadsheets_add_is_no_mistake(folder, content):
    assert len(sources.open_pages(str(put(folder / "pages.csv", content))).manifest) == len(CLASSES)


@pytest.mark.parametrize("name", ["a page.png", "página número 1.png", "心電図.png", 'it\'s, "quoted".png', "<b>.png"])
def test_any_name_that_a_file_can_have_is_read(folder, name):
    (folder / "mi" / "1.png").rename(folder / "mi" / name)
    cell = '"mi/' + name.replace('"', '""') + '"'
    table = put(folder / "pages.csv", HEAD + GOOD.replace("mi/1.png", cell))
    for source in (folder, table):
        assert f"mi/{name}" in set(sources.open_pages(str(source)).manifest["path"])


@pytest.mark.parametrize("source", ["", "nowhere", "nowhere.csv"])
def test_a_source_that_is_not_there(monkeypatch, tmp_path, said, source):
    monkeypatch.chdir(tmp_path)
    hint = "no such folder or CSV; give shipped, synthetic, or the path of your pages"
    assert said(sources.open_pages, source) == f"{source or 'an empty path'}: {hint}"


SPLITS = {
    "empty": ("", "split.csv: not readable as CSV (No columns to parse from file)"),
    "other columns": ("a,b\n1,2\n", "split.csv: has columns a, b; it needs path and part"),
    "no test part": ("path,part\nmi/0.png,train\n", "split.csv: no file in a test part"),
    "a foreign file": (
        "path,part\nnone.png,test\n", "split.csv: 1 files are not among the pages, the first is none.png",
    ),
    "not UTF-8": (
        b"path,part\n\xff,test\n",
        "split.csv: not readable as CSV ('utf-8' codec can't decode byte 0xff in position 10: invalid start byte)",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), SPLITS.values(), ids=SPLITS)
def test_a_wrong_split_of_ones_own(folder, said, content, message):
    pages = sources.open_pages(str(folder))
    assert said(folder_audit.read_split, put(folder / "split.csv", content), pages.manifest) == message


AGAIN = "`es.open_study(study)` makes it anew"
MANIFESTS = {
    "empty": (lambda text: "", "No columns to parse from file"),
    "cut off": (lambda text: text[: text.index(",mi,")], "unknown class '<NA>'; choose from mi, abnormal,"),
    "a changed class": (lambda text: text.replace(",mi,", ",infarct,"), "unknown class 'infarct'; choose from"),
    "a changed layout": (lambda text: text.replace("other", "4x3"), "unknown layout '4x3'; choose from"),
    "a row twice": (lambda text: text + text.split("\n")[1] + "\n", "abnormal/0.png: stands twice in the manifest"),
    "not text": (lambda text: b"\xff\xfe", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
}


@pytest.mark.parametrize(("change", "reason"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_damaged_manifest(folder, said, change, reason):
    path = manifest.write_manifest(sources.open_pages(str(folder)).manifest, folder / "manifest.csv")
    line = said(manifest.read_manifest, put(path, change(path.read_text())))
    assert line.startswith(f"manifest.csv: damaged ({reason}") and line.endswith(AGAIN)


@pytest.mark.parametrize("content", ["", "a\n1\n", "seed,fold,path\n", b"\xff\x00"])
def test_a_damaged_split(tmp_path, said, content):
    put(tmp_path / "grouped.csv", content)
    line = said(splits.read_splits, tmp_path)
    assert line.startswith("grouped.csv: damaged (") and line.endswith(AGAIN)


def test_fewer_pages_than_folds_is_said_with_the_class(folder, said):
    for label in CLASSES:
        PIL.Image.new("RGB", (32, 24), (CLASSES.index(label), 9, 9)).save(folder / label / "2.png")
    pages = sources.open_pages(str(folder))
    message = "no draw gives every class a place in every part: class '"
    line = said(splits.make_splits, pages.manifest, protocols=("distinct",), folds=5)
    assert line.startswith(message) and line.endswith("' has 3 pages; use fewer folds or a larger validation share")
