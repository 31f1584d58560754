"""What was read from the pages against what the pages print: rates, the device's own measurements, Einthoven.

All tables come from `measurements.MeasuredPages` and the manifest; nothing is traced again.
"""

from collections.abc import Mapping
from importlib import resources

import numpy as np
import pandas as pd

from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.vocabulary import LAYOUTS, LEADS

TOLERANCE = 0.05  # of the printed rate
GOALS = {"3x4": 0.97, "6x2plain": 0.95, "6x2grid": 0.95}  # shares of pages within the tolerance
MM_PER_MV = 10.0  # what all the pages print
LIMIT = 1.96  # standard deviations: limits of agreement hold 95 % of normal differences
EXISTING = ("rate", "pr_ms", "qrs_ms", "qt_ms", "axis_deg", "V5_r_mv", "V1_s_mv", "II_st_j60_mv")
# what both measure: title and unit of the device's column -> column of the device, ours, and our sign
DEVICE_PAIRS: Mapping[str, tuple[str, str, float]] = {
    "heart rate (1/min)": ("hr", "rate", 1.0),
    "PR (ms)": ("pr_ms", "pr_ms", 1.0),
    "QRS (ms)": ("qrs_ms", "qrs_ms", 1.0),
    "QT (ms)": ("qt_ms", "qt_ms", 1.0),
    "QRS axis (degrees)": ("qrs_axis", "axis_deg", 1.0),
    "RV5 (mV)": ("rv5_mv", "V5_r_mv", 1.0),
    "SV1 (mV)": ("sv1_mv", "V1_s_mv", -1.0),
}
_LAWS = {"Einthoven": ("I", "III", "II"), "Goldberger": ("aVR", "aVL", "aVF")}  # I + III = II; the sum is 0


def device_measurements() -> pd.DataFrame:
    """What the device itself measured and printed on the `6x2grid` pages, one row per `page_id`.

    Columns `hr, p_ms, pr_ms, qrs_ms, qt_ms, qtc_ms, p_axis, qrs_axis, t_axis` (degrees), `rv5_mv, sv1_mv`, and
    `reading`: `normal`, `mi` or `other`. Read once from the headers of the original pages.
    """
    with resources.as_file(resources.files("ecgstudy.data") / "device_measurements.csv") as path:
        return pd.read_csv(path, index_col="page_id", dtype={"page_id": str})


def compared_rates(measured: MeasuredPages, manifest: pd.DataFrame) -> pd.DataFrame:
    """Measured against printed rate of each distinct page that prints one.

    Returns:
        `page_id, layout, label, printed, measured` in beats per minute; `measured` is NaN where there is none.
    """
    pages = manifest.drop_duplicates("page_id").set_index("page_id")
    pages = pages[pages["printed_bpm"].notna()] if "printed_bpm" in pages else pages.iloc[:0].assign(printed_bpm=0.0)
    table = pages[["layout", "label"]].assign(
        printed=pages["printed_bpm"].astype(float), measured=measured.table["rate"].reindex(pages.index)
    )
    return table.reset_index()


def rate_agreement(compared: pd.DataFrame) -> pd.DataFrame:
    """How well measured rates agree with printed ones, one row per layout.

    Args:
        compared: as `compared_rates` gives it.

    Returns:
        `pages` that print a rate, `measured` (share with a measured one), `within` (share of all of them within
        5 % of the printed one), `goal` and `met`; `median`, `bias`, `low`, `high`: median and mean of measured less
        printed and the limits of agreement, in beats per minute; `multiple`: pages whose printed rate is
        1.8 to 3.2 times the measured one, as where a device counts T waves, spikes or jerks as beats.
    """
    rows = []
    for layout, one in _by_layout(compared):
        ratio = one["measured"] / one["printed"]
        within = float(((ratio - 1).abs() <= TOLERANCE).mean())
        goal = GOALS.get(layout, float("nan"))
        rows.append(
            {"layout": layout, "pages": len(one), "measured": one["measured"].notna().mean(), "within": within,
             "goal": goal, "met": within >= goal, **differences(one["measured"], one["printed"], count=False),
             "multiple": int((1 / ratio).between(1.8, 3.2).sum())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def rate_disagreements(compared: pd.DataFrame) -> pd.DataFrame:
    """Pages whose measured rate is not within 5 % of the printed one, the furthest first."""
    off = (compared["measured"] / compared["printed"] - 1).abs()
    rows = compared.assign(times=(compared["printed"] / compared["measured"]).round(2))[~(off <= TOLERANCE)]
    return rows.loc[off[rows.index].sort_values(ascending=False, na_position="first").index].reset_index(drop=True)


def against_device(measured: MeasuredPages, device: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every measurement that the device printed too, page by page.

    Args:
        measured: ours.
        device: the device's, as `device_measurements` gives them, by default these.

    Returns:
        `measurement, page_id, device, measured`, NaN where one of them has none. An axis is turned by 360 degrees
        where that brings it nearer to the device's.
    """
    device = device_measurements() if device is None else device
    shared = device.index.intersection(measured.table.index)
    parts = []
    for title, (theirs, ours, sign) in DEVICE_PAIRS.items():
        printed = device.loc[shared, theirs].to_numpy(dtype=float)
        own = sign * measured.table.loc[shared, ours].to_numpy(dtype=float)
        if "axis" in title:
            own = printed + (own - printed + 180) % 360 - 180
        columns = {"measurement": title, "page_id": shared, "device": printed, "measured": own}
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def device_agreement(compared: pd.DataFrame) -> pd.DataFrame:
    """Bias and limits of agreement with the device, one row per measurement.

    Args:
        compared: as `against_device` gives it.

    Returns:
        `measurement, printed` (pages on which the device has it), `pages` (those on which both do), `median`,
        `bias`, `low`, `high` of ours less theirs, `absolute` (median absolute difference), and `only_ours`:
        pages on which we give a value where the device printed none.
    """
    rows = []
    for title, one in compared.groupby("measurement", sort=False):
        theirs, ours = one["device"], one["measured"]
        rows.append(
            {"measurement": title, "printed": int(theirs.notna().sum()), **differences(ours, theirs),
             "only_ours": int((theirs.isna() & ours.notna()).sum())}
        )  # fmt: skip
    return pd.DataFrame(rows)


def measurement_shares(measured: MeasuredPages, manifest: pd.DataFrame) -> pd.DataFrame:
    """Share of the distinct pages of each layout on which each measurement exists: `layout, pages`, then `EXISTING`."""
    pages = manifest.drop_duplicates("page_id").set_index("page_id")
    table = measured.table[list(EXISTING)].notna().assign(layout=pages["layout"].reindex(measured.table.index))
    rows = [{"layout": layout, "pages": len(one), **one[list(EXISTING)].mean()} for layout, one in _by_layout(table)]
    return pd.DataFrame(rows)


def lead_residuals(measured: MeasuredPages) -> pd.DataFrame:
    """What is left of Einthoven's and Goldberger's sums on each page, in millivolts.

    The six limb leads hold only two: I + III - II and aVR + aVL + aVF are zero at every moment, so what is not zero
    is what drawing, printing and tracing did. Leads of one sum stand above each other in all layouts.

    Returns:
        `page_id, law` (`Einthoven` or `Goldberger`), `median` and `p95` of the absolute residual over the samples
        that all three leads have, `size` (median absolute value of the leads, above their medians) and `samples`.
    """
    rows = []
    for law, names in _LAWS.items():
        leads = measured.traces[:, [LEADS.index(name) for name in names]].astype(np.float32)  # (pages, 3, samples)
        sums = leads.sum(axis=1) - (2 * leads[:, 2] if law == "Einthoven" else 0)
        for page_id, one, three in zip(measured.table.index, sums, leads, strict=True):
            known = np.isfinite(one)
            if known.any():
                left, seen = abs(one[known]), three[:, known]
                size = float(np.median(abs(seen - np.median(seen, axis=1, keepdims=True))))
                rows.append((page_id, law, float(np.median(left)), float(np.quantile(left, 0.95)), size, known.sum()))
    return pd.DataFrame(rows, columns=["page_id", "law", "median", "p95", "size", "samples"])


def residual_table(left: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """Residuals of `lead_residuals` by layout, the medians over pages: `layout, law, pages, median, p95, size, worst`.

    `worst` is the median residual of the page at the 95th percentile.
    """
    layouts = manifest.drop_duplicates("page_id").set_index("page_id")["layout"]
    table = left.assign(layout=left["page_id"].map(layouts))
    rows = []
    for layout, one in _by_layout(table):
        for law, page in one.groupby("law"):
            medians = page[["median", "p95", "size"]].median()
            worst = page["median"].quantile(0.95)
            rows.append({"layout": layout, "law": law, "pages": len(page), **medians, "worst": worst})
    return pd.DataFrame(rows)


def pulse_heights(measured: MeasuredPages, manifest: pd.DataFrame) -> pd.DataFrame:
    """Height of the calibration pulses in millivolts at 10 mm/mV: `layout, pages, shown, median, p5, p95`.

    The pulse is one millivolt. `shown` is the share of pages with a pulse that could be measured.
    """
    pages = manifest.drop_duplicates("page_id").set_index("page_id")
    table = pd.DataFrame({"height": measured.table["calibration_mm"] / MM_PER_MV})
    table["layout"] = pages["layout"].reindex(table.index)
    rows = []
    for layout, one in _by_layout(table):
        low, middle, high = one["height"].quantile([0.05, 0.5, 0.95])
        row = {"layout": layout, "pages": len(one), "shown": one["height"].notna().mean()}
        rows.append(row | {"median": middle, "p5": low, "p95": high})
    return pd.DataFrame(rows)


def validation_in_words(agreed: pd.DataFrame, device: pd.DataFrame, left: pd.DataFrame) -> str:
    """What agrees and what does not, in sentences.

    Args:
        agreed: as `rate_agreement` gives it.
        device: as `device_agreement` gives it.
        left: as `residual_table` gives it.
    """
    if agreed.empty:
        return "The pages of this study print no rate to compare with."
    lines = [
        f"{row['layout']}: {row['within']:.1%} of {row['pages']} pages within {TOLERANCE:.0%} of the printed rate "
        f"(goal {row['goal']:.0%}, {'met' if row['met'] else 'not met'}); on {row['multiple']} of the others the "
        "printed rate is two or three times the measured one."
        for row in agreed.to_dict("records")
    ]
    lines += [
        f"{row['measurement']}: {row['bias']:+.2f} on average against the device, limits of agreement {row['low']:.2f} "
        f"to {row['high']:.2f}, on {row['pages']} of {row['printed']} pages."
        for row in device.to_dict("records")
    ]
    for worst in left.sort_values("median").tail(1).to_dict("records"):
        lines.append(
            f"{worst['law']}'s sum is off by {worst['median'] * 1000:.0f} microvolts on the median {worst['layout']} "
            "page, and by less for every other sum and layout."
        )
    return "\n".join(lines)


def differences(ours: pd.Series, theirs: pd.Series, *, count: bool = True) -> dict[str, float]:
    """Median, mean, limits of agreement and median magnitude of `ours` less `theirs`, where both are known.

    References:
        Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8.
    """
    apart = (ours - theirs).dropna()
    found: dict[str, float] = {"pages": len(apart)} if count else {}
    if apart.empty:
        return found | dict.fromkeys(("median", "bias", "low", "high", "absolute"), float("nan"))
    bias, spread = float(apart.mean()), float(apart.std())
    return found | {
        "median": float(apart.median()), "bias": bias, "low": bias - LIMIT * spread, "high": bias + LIMIT * spread,
        "absolute": float(apart.abs().median()),
    }  # fmt: skip


def _by_layout(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The rows of each layout, without pages whose arrangement is not known."""
    return [
        (name, table[table["layout"] == name])
        for name in LAYOUTS
        if name != "other" and (table["layout"] == name).any()
    ]
