"""What was traced can be read again, by pandas and by the WFDB library."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import wfdb

from ecgstudy.pages import draw, export, trace
from ecgstudy.vocabulary import LEADS


@pytest.fixture(scope="module")
def traced():
    read = trace.trace(draw.synthetic_page(3, seed=11, layouts=("3x4",), size="packed").picture)
    return replace(read, signals={**read.signals, "V3": np.full_like(read.signals["V3"], np.nan)})


def test_a_lead_stands_at_the_time_of_its_column(traced):
    table = export.signal_table(traced)
    assert len(table) == 2500
    for column, lead in enumerate(("I", "aVR", "V1", "V4")):
        np.testing.assert_array_equal(table[lead][625 * column : 625 * (column + 1)], traced.signals[lead])
        assert table[lead].drop(range(625 * column, 625 * (column + 1))).isna().all()
    np.testing.assert_array_equal(table[f"strip_{traced.strip_lead}"], traced.strip)


def test_csv_gives_the_signals_back_in_millivolts(traced, tmp_path):
    (path,) = export.write_signals(traced, tmp_path, "page", formats=("csv",))
    pd.testing.assert_frame_equal(pd.read_csv(path), export.signal_table(traced), atol=1e-4)


def test_wfdb_gives_the_signals_back_in_millivolts(traced, tmp_path):
    header, samples = export.write_signals(traced, tmp_path / "records", "page", formats=("wfdb",))
    assert [header.name, samples.name] == ["page.hea", "page.dat"]
    record = wfdb.rdrecord(str(header.with_suffix("")))
    table = export.signal_table(traced).drop(columns="seconds")
    assert record.fs == traced.sampling_rate
    assert record.sig_name == list(table.columns)
    assert set(LEADS) < set(record.sig_name)
    assert set(record.units) == {"mV"}
    np.testing.assert_allclose(record.p_signal, table, atol=0.00051)  # and NaN where NaN


def test_a_name_that_no_record_can_have_is_changed_in_all_files(traced, tmp_path):
    written = export.write_signals(traced, tmp_path, "my page (2).jpg")
    assert [path.name for path in written] == ["my_page__2__jpg.csv", "my_page__2__jpg.hea", "my_page__2__jpg.dat"]
    assert wfdb.rdheader(str(tmp_path / "my_page__2__jpg")).n_sig == 13


@pytest.mark.parametrize(("name", "formats", "message"), [("page", ("edf",), "'edf'"), ("???", ("csv",), "record")])
def test_what_cannot_be_written_is_named(traced, tmp_path, name, formats, message):
    with pytest.raises(ValueError, match=message):
        export.write_signals(traced, tmp_path, name, formats=formats)
    assert not list(tmp_path.iterdir())
