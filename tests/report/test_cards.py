import pandas as pd
import pytest

from ecgstudy.report import cards, tables
from ecgstudy.study import Study

STUDY = Study.load({"name": "small", "models": ["majority", "efficientnet_lite0"]})
RECALLS = pd.DataFrame(
    [
        ("efficientnet_lite0", "grouped", "all", "mi", 20, 30, 0.4713, 0.8278),
        ("efficientnet_lite0", "unseen", "all", "mi", 2, 7, 0.0367, 0.7096),
        ("efficientnet_lite0", "unseen", "6x2plain", "mi", 9, 9, 0.6, 1.0),
    ],
    columns=["model", "protocol", "stratum", "label", "found", "pages", "low", "high"],
)
HEADLINE = pd.DataFrame({"model": ["EfficientNet-Lite0"], "Grouped": ["0.71 (0.66 to 0.77)"]})
COPIES = pd.DataFrame({"label": ["mi"], "files": [8], "distinct": [1]})
MANIFEST = pd.DataFrame(
    [("a", "p", "mi", True, "g", "3x4"), ("b", "p", "mi", True, "g", "3x4"), ("c", "q", "normal", False, "h", "3x4")],
    columns=["path", "page_id", "label", "selected", "group", "layout"],
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    MANIFEST.to_csv(files_of(STUDY.folder) / "manifest.csv", index=False)
    for name, table in (("tables/headline", HEADLINE), ("tables/recalls", RECALLS), ("audit/copies", COPIES)):
        tables.save_table(table, STUDY.folder / name)
    return STUDY.folder


def files_of(folder):
    folder.mkdir()
    return folder


def test_the_model_card_prints_what_the_records_say():
    card = cards.model_card(STUDY, HEADLINE, RECALLS)
    assert "0.71 (0.66 to 0.77)" in card and "EfficientNet-Lite0, grouped: 20 of 30 (0.47 to 0.83)" in card
    assert "pages left out: 2 of 7 (0.04 to 0.71)" in card and "9 of 9" not in card
    assert "not a medical device" in card


def test_the_datasheet_counts_pages_once():
    sheet = cards.datasheet(STUDY, MANIFEST, COPIES)
    assert "3 files show 2 distinct pages of 2 groups" in sheet and "10.17632/gwbz3fsgp8" in sheet


def test_someone_elses_pages_are_not_attributed_to_the_public_set():
    study = Study.load(STUDY.content | {"data": {"source": "my_pages.csv"}})
    sheet = cards.datasheet(study, MANIFEST, COPIES)
    assert "Mendeley" not in sheet and "my_pages.csv" in sheet


def test_no_placeholder_is_left_in_a_card(folder):
    written = cards.write_cards(STUDY)
    assert [path.name for path in written] == ["MODEL_CARD.md", "DATASHEET.md", "REFORMS.md", "CLAIM.md"]
    assert not [path for path in written if "$" in path.read_text()]


def test_a_checklist_says_how_much_of_it_is_open(folder):
    cards.write_cards(STUDY)
    text = (folder / "REFORMS.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    open_rows = [row for row in rows if "**Open**, for " in row]
    assert f"{len(rows) - len(open_rows)} of 32 items are answered" in text and open_rows


def test_a_missing_record_is_named(folder):
    (folder / "tables" / "recalls.csv").unlink()
    with pytest.raises(ValueError, match=r"recalls.csv: missing; the cards are written after the notebooks"):
        cards.write_cards(STUDY)
