"""Traced signals as files."""

import numpy as np
import pandas as pd
import pytest

from ecgstudy.pages import draw
from ecgstudy.pages.trace import trace
from ecgstudy.predict import signal_files
from ecgstudy.vocabulary import LEADS


@pytest.fixture(scope="module")
def traced():
    return trace(draw.synthetic_page(0, seed=6).picture)


def test_each_lead_stands_at_the_time_of_its_column(traced):
    table = signal_files.signal_table(traced)
    assert list(table.columns[:13]) == ["seconds", *LEADS] and len(table) == 2500
    for lead, first in (("I", 0.0), ("aVR", 2.5), ("V1", 5.0), ("V6", 7.5)):
        known = table["seconds"][table[lead].notna()]
        assert first <= known.min() < first + 0.2 and known.max() < first + 2.5


def test_the_csv_holds_the_table(traced, tmp_path):
    read = pd.read_csv(signal_files.write_csv(traced, tmp_path / "page.csv"))
    pd.testing.assert_frame_equal(read, signal_files.signal_table(traced), atol=1e-4)


def test_the_wfdb_record_says_what_its_samples_are(traced, tmp_path):
    header, body = signal_files.write_wfdb(traced, tmp_path / "my page.jpg")
    lines = header.read_text().splitlines()
    table = signal_files.signal_table(traced).drop(columns="seconds")
    assert lines[0] == f"my_page {table.shape[1]} 250 2500"
    assert [line.split()[-1] for line in lines[1:]] == list(table.columns)
    samples = np.fromfile(body, dtype="<i2").reshape(-1, table.shape[1])
    for column, line in enumerate(lines[1:]):
        name, kind, gain, _, _, first, checksum, _, _ = line.split()
        assert (name, kind, gain) == ("my_page.dat", "16", "1000/mV")
        assert int(first) == samples[0, column]
        assert (int(samples[:, column].sum(dtype=np.int64)) - int(checksum)) % 65536 == 0
    known = table.notna().to_numpy()
    assert np.allclose(samples[known] / 1000, table.to_numpy()[known], atol=5.1e-4)
    assert (samples[~known] == -32768).all()
