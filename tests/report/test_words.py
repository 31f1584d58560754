import pandas as pd

from ecgstudy.report import claims, words


def test_a_models_way_down_the_ladder_is_told_in_the_order_of_the_rungs(ladder):
    assert words.model_in_words(ladder, "efficientnet_lite0") == (
        "EfficientNet-Lite0: balanced accuracy 0.85 (0.10 to 0.90) as published, 0.75 (0.10 to 0.90) without copies, "
        "0.65 (0.10 to 0.90) grouped, 0.55 (0.10 to 0.90) pages left out."
    )


def test_a_random_control_is_called_one_and_is_never_the_best(ladder):
    assert "control" in words.model_in_words(ladder, "mobilenet")
    assert words.best_in_words(ladder, ["majority", "mobilenet"]).startswith("Best under grouped, of 1: Class")
    assert "not a random control" in words.best_in_words(ladder, ["mobilenet"])
    assert "MobileNet" not in words.ladder_in_words(ladder)


def test_copies_are_told_from_the_tables():
    copies = pd.DataFrame({"files": [8, 4, 12], "distinct": [1, 2, 3]}, index=["mi", "normal", "all"])
    leaks = pd.DataFrame({"test_files": [8, 4], "with_copy": [8, 1]}, index=["mi", "normal"])
    selection = pd.DataFrame({"label": ["mi", "normal"], "selected": [1, 2], "unseen": [3, 4]})
    told = words.copies_in_words(copies, leaks, selection)
    assert "12 selected files show 3 distinct pages." in told
    assert "Myocardial infarction: 100% of the test files" in told and "Normal: 25%" in told
    assert "7 distinct pages at hand were left out" in told


def test_odd_claims_are_told_with_their_arithmetic():
    told = words.claims_in_words(claims.check_claims(claims.read_claims()))
    assert "'DenseNet + Attention' cannot be: a recall of 0.99 needs an accuracy of 0.98 or more, and 0.91" in told
    assert "'ConvNeXt-Tiny' is what the constant answer 'Myocardial infarction' scores" in told


def test_a_table_without_odd_rows_is_told_so():
    table = claims.read_claims().iloc[[0]]
    assert words.claims_in_words(claims.check_claims(table)).startswith("Every printed row is possible")


def test_what_lies_outside_of_the_leads_is_told_with_its_area():
    shares = pd.DataFrame({"label": ["mi", "mi"], "region": ["I", "outside"], "value": [0.8, 0.2], "area": [0.9, 0.1]})
    assert words.outside_in_words(shares) == (
        "Myocardial infarction: 20% of the maps lies outside of the leads, which is 10% of the page."
    )
