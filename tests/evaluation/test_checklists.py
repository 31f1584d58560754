import pytest

from ecgstudy.evaluation import checklists
from ecgstudy.study import Study


@pytest.fixture(scope="module")
def content():
    return Study.load({"name": "quick", "models": ["majority", "efficientnet_lite0"]}).content


def test_both_checklists_are_complete():
    found = checklists.read_checklists()
    numbers = "1a 1b 1c 2a 2b 2c 2d 2e 3a 3b 3c 3d 3e 3f 3g 4a 4b 4c 5a 5b 5c 5d 5e 5f 6a 6b 6c 7a 7b 7c 8a 8b"
    assert list(found["REFORMS"]["items"]) == numbers.split()
    assert list(found["CLAIM"]["items"]) == list(range(1, 45))


def test_every_line_is_answered_from_a_file_or_open_for_someone(manifest, content):
    table = checklists.filled(manifest, content)
    assert len(table) == 32 + 44
    answered = table["answer"] != ""
    assert (table.loc[answered, "evidence"] != "").all() and (table.loc[~answered, "open"] != "").all()
    assert not table["answer"].str.contains("[{}]").any()


def test_answers_hold_the_studys_own_numbers(manifest, content):
    table = checklists.filled(manifest, content).set_index(["checklist", "item"])["answer"]
    assert "276 files, 152 distinct pages in 76 groups" in table["REFORMS", "3e"]
    assert "mi 16, abnormal 60, history 32, normal 44" in table["REFORMS", "3d"]
    assert "Class frequencies, EfficientNet-Lite0" in table["CLAIM", "22"]


def test_what_the_study_did_not_do_or_know_is_open(manifest, content):
    table = checklists.filled(manifest, content).set_index(["checklist", "item"])
    for line in (("CLAIM", "14"), ("CLAIM", "33"), ("CLAIM", "36"), ("CLAIM", "30"), ("REFORMS", "6c")):
        assert table.loc[line, "answer"] == "" and table.loc[line, "open"]


def test_answers_about_the_public_set_are_not_given_for_other_data(manifest, content):
    other = content | {"data": content["data"] | {"source": "my/pages"}}
    table = checklists.filled(manifest, other).set_index(["checklist", "item"])["answer"]
    assert table["REFORMS", "2a"] == "" and table["REFORMS", "3e"] != ""
