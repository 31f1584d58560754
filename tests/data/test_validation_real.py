"""What is read from the shipped pages against what they print: rates, the laws of the limb leads, the pulse.

A goal is asserted where it is met; where one is not, the value that was reached, with the reason.
"""

import dataclasses

import pandas as pd
import pytest

from ecgstudy.data import measurements, shipped, validation
from ecgstudy.data.manifest import Pages

EVERY = 16  # of the 3x4 pages one in so many; of the others all
GOAL = validation.GOALS


def measured_tables(pages: Pages, folder) -> dict[str, pd.DataFrame]:
    """All that is compared, by layout."""
    measured = measurements.measured_pages(pages, folder)
    left = validation.residual_table(validation.lead_residuals(measured), pages.manifest)
    return {
        "rates": validation.rate_agreement(validation.compared_rates(measured, pages.manifest)).set_index("layout"),
        "residuals": left.set_index(["layout", "law"]),
        "pulses": validation.pulse_heights(measured, pages.manifest).set_index("layout"),
        "device": validation.device_agreement(validation.against_device(measured)).set_index("measurement"),
    }


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> dict[str, pd.DataFrame]:
    pages = shipped.load_pages("complete")
    rows = pages.manifest.sort_values("page_id")
    columns = rows[rows["layout"].isin(["6x2plain", "6x2grid"])]
    standard = rows[(rows["layout"] == "3x4") & rows["printed_bpm"].notna()].iloc[::EVERY]
    some = dataclasses.replace(pages, manifest=pd.concat([columns, standard], ignore_index=True))
    return measured_tables(some, tmp_path_factory.mktemp("sample"))


def check_rates(rates: pd.DataFrame) -> None:
    assert rates.loc["3x4", "within"] >= GOAL["3x4"]
    assert rates.loc["6x2grid", "within"] >= GOAL["6x2grid"]
    assert (rates["measured"] == 1).all()
    assert (rates["median"].abs() < 0.5).all()


def test_measured_rates_agree_with_printed_ones(sample):
    check_rates(sample["rates"])


def test_rates_of_6x2plain_miss_their_goal_by_the_pages_on_which_the_device_did_not_count_beats(sample):
    """95 of 102 pages, 93 %; the goal is 95 %. What the seven others show, as read by eye:

    Three are paced, with spikes that are not followed by a beat or that stand beside other beats (printed 94, 113 and
    151). On three the printed rate is not that of the beats on the page: 155 for eleven beats in ten seconds, 167 for
    fourteen, 104 for twenty. On one (printed 93, measured 87) a beat of a bigeminy stands on the line between the
    columns, and is missed by us.
    """
    row = sample["rates"].loc["6x2plain"]
    assert (row["pages"], round(row["within"] * row["pages"])) == (102, 95)


def test_limb_leads_obey_einthoven_and_goldberger(sample):
    """The medians over pages; the trace is three pixels wide on the original, which is 0.04 mV."""
    left = sample["residuals"]
    assert len(left) == 6
    assert (left["median"] < 0.02).all() and (left["worst"] < 0.06).all()
    assert (left["median"] < 0.5 * left["size"]).all()


def test_the_calibration_pulse_is_one_millivolt(sample):
    pulses = sample["pulses"]
    assert (pulses["shown"] == 1).all()
    assert pulses["median"].between(0.99, 1.01).all() and pulses["p5"].min() > 0.98 and pulses["p95"].max() < 1.02


def test_measurements_agree_with_the_device_s_own(sample):
    """A pixel of a packed page is 15 ms and 0.04 mV. Amplitudes exist on half of the pages: the frame cuts traces."""
    table = sample["device"]
    assert table.loc["heart rate (1/min)", "absolute"] <= 1
    assert (table.loc[["PR (ms)", "QRS (ms)"], "absolute"] <= 15).all() and table.loc["QT (ms)", "absolute"] <= 25
    assert table.loc["QRS axis (degrees)", "absolute"] <= 10
    assert (table.loc[["RV5 (mV)", "SV1 (mV)"], "absolute"] <= 0.15).all()
    share = table["pages"] / table["printed"]
    assert (share[["heart rate (1/min)", "PR (ms)", "QRS (ms)", "QT (ms)"]] > 0.9).all()
    assert share["QRS axis (degrees)"] > 0.8 and (share[["RV5 (mV)", "SV1 (mV)"]] > 0.5).all()


@pytest.mark.slow
def test_all_pages_agree_with_what_they_print(tmp_path):
    tables = measured_tables(shipped.load_pages("complete"), tmp_path)
    check_rates(tables["rates"])
    assert tables["rates"].loc["3x4", "pages"] == 1258
    assert (tables["residuals"]["median"] < 0.02).all()
    assert (tables["pulses"]["shown"] == 1).all() and tables["pulses"]["median"].between(0.99, 1.01).all()
