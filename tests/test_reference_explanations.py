"""What notebook 4 found out stays beside the other reference tables."""

import pandas as pd

from ecgstudy import reference
from ecgstudy.study import Study


def test_tables_and_figures_of_explanations_are_kept_in_four_decimals(tmp_path, monkeypatch):
    monkeypatch.setenv("ECGSTUDY_OUTPUTS", str(tmp_path))
    study = Study.load({"name": "small", "data": {"source": "synthetic"}, "models": ["majority"]})
    assert reference.keep_tables(study) == []  # its notebooks have not run
    (study.folder / "tables").mkdir(parents=True)
    (study.folder / "figures").mkdir()
    pd.DataFrame({"region": ["V2"], "value": [1 / 3]}).to_csv(study.folder / "tables" / "lead_shares.csv", index=False)
    pd.DataFrame({"a": [1]}).to_csv(study.folder / "tables" / "else.csv", index=False)
    (study.folder / "figures" / "faithfulness_second.svg").write_text("<svg/>")
    kept = reference.keep_tables(study)
    assert [path.name for path in kept] == ["lead_shares.csv", "faithfulness_second.svg"]
    assert kept[0].parent == tmp_path / "reference" / "small"
    assert pd.read_csv(kept[0])["value"].item() == 0.3333
    assert kept[1].read_text() == "<svg/>"
