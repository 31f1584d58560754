"""Every way in which pages arrive, with real files on disk."""

import shutil

import numpy as np
import pandas as pd
import PIL.Image
import pytest

from ecgstudy.data import audit, sources
from ecgstudy.data.manifest import check_manifest, read_manifest, write_manifest
from ecgstudy.vocabulary import CLASSES

PUBLISHED = {
    "mi": "ECG Images of Myocardial Infarction Patients (240x12=2880)",
    "abnormal": "ECG Images of Patient that have abnormal heartbeat (233x12=2796)",
    "history": "ECG Images of Patient that have History of MI (172x12=2064)",
    "normal": "Normal Person ECG Images (284x12=3408)",
}


def picture(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)
    PIL.Image.fromarray(noise).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    """One folder per class, two pages each."""
    for number, label in enumerate(CLASSES):
        for page in range(2):
            picture(tmp_path / label / f"{page}.png", seed=10 * number + page)
    return tmp_path


def test_one_folder_per_class_is_read_with_each_page_its_own_group(folder):
    manifest = sources.open_pages(str(folder)).manifest
    assert manifest["label"].value_counts().to_dict() == dict.fromkeys(CLASSES, 2)
    assert manifest["group"].nunique() == 8
    assert (manifest["width"] == 32).all()
    assert (manifest["height"] == 24).all()


def test_copies_are_one_page_whatever_their_name_and_format(folder):
    PIL.Image.open(folder / "mi" / "0.png").save(folder / "mi" / "again.tif")
    manifest = sources.open_pages(str(folder)).manifest
    assert (len(manifest), manifest["page_id"].nunique()) == (9, 8)


def test_the_published_folder_names_mean_their_classes():
    assert {label: sources.class_of_folder(name) for label, name in PUBLISHED.items()} == {c: c for c in PUBLISHED}
    assert sources.class_of_folder("ECG Images of COVID-19 Patients (250)") is None


def test_a_train_and_test_split_is_kept(tmp_path):
    for part in ("train", "test"):
        for number, name in enumerate(PUBLISHED.values()):
            picture(tmp_path / part / name / "a.png", seed=number + 50 * (part == "test"))
    manifest = sources.open_pages(str(tmp_path)).manifest
    assert manifest["given_part"].value_counts().to_dict() == {"train": 4, "test": 4}


def table(folder, text):
    path = folder / "pages.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_table_gives_paths_classes_and_groups(folder):
    rows = "\n".join(f"{label}/{page}.png,{label},patient {page}" for label in CLASSES for page in range(2))
    manifest = sources.open_pages(table(folder, f"path,class,group\n{rows}\n")).manifest
    assert set(manifest["group"]) == {"patient 0", "patient 1"}


def test_paths_with_spaces_and_accents_are_read(folder):
    shutil.move(folder / "mi" / "0.png", folder / "mi" / "pagina número 1.png")
    assert "mi/pagina número 1.png" in set(sources.open_pages(str(folder)).manifest["path"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,kind\n", r"pages\.csv: has columns file, kind; it needs path and class"),
        ("path,class\nmi/0.png,infarct\n", r"pages\.csv, line 2: unknown class 'infarct'; choose from mi,"),
        ("path,class\nmi/0.png\n", r"pages\.csv, line 2: needs a path and a class"),
        ("path,class\nmi/0.png,mi,g1,more\n", r"pages\.csv, line 2: needs a path and a class, and no more cells"),
        ("path,class\nmi/0.png,mi\nmi/0.png,mi\n", r"mi/0\.png: stands twice"),
        ("path,class\n", "no picture found"),
    ],
)
def test_a_wrong_table_names_its_line(folder, text, message):
    rest = "".join(f"{label}/1.png,{label}\n" for label in CLASSES) if "stands" in message else ""
    with pytest.raises(ValueError, match=message):
        sources.open_pages(table(folder, text + rest))


def test_a_table_that_is_not_utf_8_is_named(folder):
    (folder / "pages.csv").write_bytes("path,class\nmi/ñ.png,mi\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"pages\.csv: not UTF-8"):
        sources.open_pages(str(folder / "pages.csv"))


def test_a_missing_folder_and_a_missing_class_are_named(folder):
    with pytest.raises(ValueError, match="nowhere: no such folder or CSV"):
        sources.open_pages(str(folder / "nowhere"))
    shutil.rmtree(folder / "history")
    with pytest.raises(ValueError, match="no page of class history; the study needs mi, abnormal, history, normal"):
        sources.open_pages(str(folder))


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"no picture found \(\.jpeg, \.jpg"):
        sources.open_pages(str(tmp_path))


def test_a_folder_that_means_no_class_is_named(folder):
    picture(folder / "holiday" / "beach.png")
    with pytest.raises(ValueError, match=r"beach\.png: stands in no folder that names a class"):
        sources.open_pages(str(folder))


def test_a_bad_picture_is_listed_and_left_out_with_a_warning(folder):
    (folder / "mi" / "2.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match=r"1 files are left out; the first is .*2\.png: not a picture"):
        pages = sources.open_pages(str(folder))
    assert len(pages.manifest) == 8
    assert "not a picture" in pages.bad_files[0][1]


def test_a_bad_picture_stops_the_run_where_that_is_asked_for(folder):
    (folder / "mi" / "2.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"2\.png: .*not a picture"):
        sources.open_pages(str(folder), on_bad_image="error")


def test_one_page_under_two_classes_is_refused(folder):
    shutil.copy(folder / "mi" / "0.png", folder / "normal" / "twin.png")
    with pytest.raises(ValueError, match=r"stands under two classes: mi/0\.png, normal/twin\.png"):
        sources.open_pages(str(folder))


def test_a_manifest_comes_back_from_disk_as_it_was(folder, tmp_path):
    manifest = sources.open_pages(str(folder)).manifest
    again = read_manifest(write_manifest(manifest, tmp_path / "manifest.csv"))
    assert again.astype(object).equals(manifest.astype(object))


def test_a_manifest_without_a_column_or_with_an_unknown_layout_is_refused(folder):
    manifest = sources.open_pages(str(folder)).manifest
    with pytest.raises(ValueError, match="manifest without column group"):
        check_manifest(manifest.drop(columns="group"))
    with pytest.raises(ValueError, match="unknown layout '4x3'"):
        check_manifest(manifest.assign(layout="4x3"))


def test_the_data_hash_ignores_order_and_place_but_not_labels(folder):
    pages = sources.open_pages(str(folder))
    other = sources.Pages(pages.manifest.sample(frac=1, random_state=0).assign(path=range(8)), "page", pages.read)
    changed = sources.Pages(pages.manifest.assign(label="mi"), "page", pages.read)
    assert pages.data_hash == other.data_hash != changed.data_hash


def test_an_unknown_page_is_named(folder):
    with pytest.raises(ValueError, match="no page 'abc' among these 8"):
        sources.open_pages(str(folder)).picture("abc")


def counts(manifest: pd.DataFrame) -> tuple[int, int]:
    return len(manifest), manifest["page_id"].nunique()


def test_version_2_has_928_files_and_491_distinct_pages(originals):
    table = audit.copies_table(sources.open_pages(str(originals / "v2")).manifest)
    assert table["files"].to_dict() == {"mi": 239, "abnormal": 233, "history": 172, "normal": 284, "all": 928}
    assert table["distinct"].to_dict() == {"mi": 30, "abnormal": 233, "history": 86, "normal": 142, "all": 491}


def test_version_1_has_1427_files_and_1426_distinct_pages_and_contains_version_2(originals):
    manifest = sources.open_pages(str(originals / "v1"), pages="complete").manifest
    assert counts(manifest) == (1427, 1426)
    assert manifest.loc[manifest["selected"], "page_id"].nunique() == 491


def test_both_versions_side_by_side_do_not_add_copies(originals):
    manifest = sources.open_pages(str(originals)).manifest
    selected = manifest[manifest["selected"]]
    assert counts(selected) == (928, 491)
    assert manifest["page_id"].nunique() == 1426


def test_what_files_show_is_remembered_by_their_content(folder, tmp_path):
    memory = tmp_path / "memory" / "files.json"
    first = sources.open_pages(str(folder), memory=memory).manifest
    memory.write_text(memory.read_text().replace('"width": 32', '"width": 33'))
    again = sources.open_pages(str(folder), memory=memory).manifest
    assert (again["width"] == 33).all()
    memory.write_text("{")
    assert sources.open_pages(str(folder), memory=memory).manifest.equals(first)


@pytest.mark.parametrize("region", ["grid", "redrawn"])
def test_a_picture_without_the_region_of_the_study_is_left_out(folder, region):
    with pytest.raises(ValueError, match=r"no waveform area was found on it .*; region page needs none"):
        sources.open_pages(str(folder), region=region)


def test_pages_without_known_leads_are_not_redrawn():
    with_all, with_leads = (sources.open_pages("shipped", region=region) for region in ("grid", "redrawn"))
    assert len(with_all.manifest) - len(with_leads.manifest) == len(with_leads.bad_files) == 1


def test_unknown_files_among_the_public_set_are_listed_and_left_out(originals, tmp_path):
    for label, name in PUBLISHED.items():
        for path in sorted((originals / "v2" / name).glob("*.jpg"))[:4]:
            (tmp_path / label).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / label)
    foreign = picture(tmp_path / "mi" / "foreign.png")
    with pytest.warns(UserWarning, match="1 files are left out"):
        pages = sources.open_pages(str(tmp_path))
    assert len(pages.manifest) == 16
    assert pages.bad_files == ((str(foreign), sources.FOREIGN),)
