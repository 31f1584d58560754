import pandas as pd
import pytest

from ecgstudy.report import claims, tables

TABLE = pd.DataFrame({"who": ["a|b_c", None], "value": [0.9, 0.72], "pages": [3, 4], "fit": [True, False]})


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((0.61, 0.54, 0.68), "0.61 (0.54 to 0.68)"), ((0.6, None, None), "0.60"), ((float("nan"), 0, 1), "")],
)
def test_a_value_is_printed_with_what_is_known_of_its_interval(numbers, text):
    assert tables.with_interval(*numbers) == text


def test_a_column_has_one_number_of_decimals():
    assert list(tables.as_text(TABLE).value) == ["0.90", "0.72"]
    assert list(tables.as_text(pd.DataFrame({"x": [0.12345, 2.0]})).x) == ["0.123", "2.000"]


def test_markdown_keeps_its_columns_whatever_a_name_holds():
    head, rule, first, second = tables.to_markdown(TABLE).splitlines()
    assert first == "| a\\|b_c | 0.90 | 3 | yes |"
    assert second == "|  | 0.72 | 4 | no |"
    assert rule == "| --- | ---: | ---: | --- |" and head.count("|") == 5


def test_latex_escapes_what_it_would_trip_over():
    tex = tables.to_tex(pd.DataFrame({"a_b": ["5 % & {x} \\"]}), caption="100 %", label="tab:x")
    assert "a\\_b" in tex and "5 \\% \\& \\{x\\} \\textbackslash{}" in tex
    assert "\\caption{100 \\%}" in tex and "\\label{tab:x}" in tex


def test_a_saved_table_keeps_full_precision(tmp_path):
    path = tables.save_table(pd.DataFrame({"value": [1 / 3]}), tmp_path / "tables" / "third.csv")
    assert pd.read_csv(path).value[0] == 1 / 3
    assert "0.333" in path.with_suffix(".tex").read_text()


def test_only_frozen_random_weights_count_as_random_control(ladder):
    controls = ladder[tables.is_random_control(ladder)]
    assert set(controls.model) == {"mobilenet"}


def test_ladder_rows_have_one_row_per_model_and_protocol(ladder):
    rows = tables.ladder_rows(ladder)
    assert not rows.duplicated(["model", "protocol"]).any()
    assert set(rows.metric) == {"balanced_accuracy"}


def test_models_come_in_the_order_and_families_of_the_registry():
    names = ["efficientnet_lite0", "densenet121_se", "majority", "my_own"]
    assert tables.order_models(names) == ["majority", "densenet121_se", "efficientnet_lite0", "my_own"]
    assert tables.models_of(names[:3], "simple", "baseline") == ["majority", "efficientnet_lite0"]
    assert tables.models_of(names[:3], "modified") == ["densenet121_se"]


def test_a_table_longer_than_a_page_gets_no_latex(tmp_path):
    path = tables.save_table(pd.DataFrame({"row": range(tables.TEX_ROWS + 1)}), tmp_path / "long")
    assert path.is_file() and not path.with_suffix(".tex").exists()


def test_claims_stand_beside_models_but_not_beside_random_controls():
    names = ["mobilenet (control: random, frozen)", "baseline_cnn", "majority"]
    headline = pd.DataFrame({"Grouped": ["a", "b", "c"]}, index=pd.Index(names, name="model"))
    rows = tables.headline_rows(headline, claims.read_claims())
    assert list(rows.model) == ["Class frequencies", "Baseline CNN", "MobileNet (control: random, frozen)"]
    assert list(rows["Published recall (claim)"]) == ["", "0.68", ""]
