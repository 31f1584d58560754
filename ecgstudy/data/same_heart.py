"""Do pages with one printed record number show one heart? And pages whose label their own measurements contradict.

Every page is compared with every other by its twelve median beats and by its rate. Pairs with one number are set
against pairs with different numbers of the same classes and the same layout, because class and layout alone make
pages alike.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ecgstudy.data import validation
from ecgstudy.data.measurements import MeasuredPages
from ecgstudy.pages import beats
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES

ALIKE = 0.95  # correlation of two recordings of one heart: hardly one pair of strangers in 100,000 is so alike
SLOW, FAST = 50.0, 100.0  # beats per minute: outside of this no resting heart is called normal
_FROM_S, _TO_S = -0.12, 0.44  # of the median beats
_POOLED = 2  # samples: 8 ms, finer than any layout's filter lets pass
_SHIFTS = (-4, -2, 0, 2, 4)  # samples by which two beats may be shifted against each other
_BINS = np.linspace(-1, 1, 81)


@dataclass(frozen=True)
class Numbers:
    """What pages with one printed number have in common.

    Attributes:
        pairs: one row per pair of pages with one number and layout: `page_id, other_id, group, label, other_label,
            alike` (correlation of the median beats), `rate_apart` (ratio of the rates less one), `alike_rank` and
            `rate_rank` (share of the pairs with different numbers, of the same classes and layout, that
            agree less; 0.5 is chance), `weight` (one over the pairs of the number: each number counts once).
        strangers: pairs with different numbers that are as alike as `ALIKE`: `page_id, other_id, alike, rate_apart`.
        stranger_pairs: how many pairs with different numbers there are.
        distribution: `low, high` of a bin of `alike`, and the shares of both kinds of pairs in it, weighted alike.
    """

    pairs: pd.DataFrame
    strangers: pd.DataFrame
    stranger_pairs: int
    distribution: pd.DataFrame


def compare_numbers(measured: MeasuredPages, manifest: pd.DataFrame) -> Numbers:
    """Compare the pages of each printed number with each other, and with all other pages.

    Args:
        measured: median beats and rates.
        manifest: `page_id, group, label, layout`; the group is the printed number.
    """
    pages = manifest.drop_duplicates("page_id").set_index("page_id").reindex(measured.table.index)
    rate = measured.table["rate"].to_numpy(dtype=float)
    alike = likeness(measured.median_beats, measured.sampling_rate)
    one, other = np.triu_indices(len(pages), 1)
    alike, apart = alike[one, other], np.expm1(abs(np.log(rate[one] / rate[other])))
    group, layout, label = (pages[name].astype(str).to_numpy() for name in ("group", "layout", "label"))
    usable = (layout[one] == layout[other]) & np.isfinite(alike) & np.isfinite(apart)
    same = usable & (group[one] == group[other])
    foreign = usable & ~same
    stratum = _strata(layout, label, one, other)
    ids = pages.index.to_numpy()
    pairs = pd.DataFrame(
        {"page_id": ids[one[same]], "other_id": ids[other[same]], "group": group[one[same]],
         "label": label[one[same]], "other_label": label[other[same]], "alike": alike[same],
         "rate_apart": apart[same], "stratum": stratum[same]}
    )  # fmt: skip
    pairs["alike_rank"] = _ranks(pairs["alike"], pairs["stratum"], alike[foreign], stratum[foreign])
    pairs["rate_rank"] = _ranks(-pairs["rate_apart"], pairs["stratum"], -apart[foreign], stratum[foreign])
    pairs["weight"] = 1 / pairs.groupby("group")["group"].transform("size")
    twins = foreign & (alike >= ALIKE)
    strangers = pd.DataFrame(
        {"page_id": ids[one[twins]], "other_id": ids[other[twins]], "alike": alike[twins], "rate_apart": apart[twins]}
    )
    return Numbers(
        pairs.drop(columns="stratum"),
        strangers.sort_values("alike", ascending=False, ignore_index=True),
        int(foreign.sum()),
        _distribution(pairs, alike[foreign], stratum[foreign]),
    )


def likeness(median_beats: np.ndarray, sampling_rate: float) -> np.ndarray:
    """Correlation of the twelve median beats of every two pages, each lead around its own mean.

    Args:
        median_beats: millivolts `(pages, 12, samples)`, NaN where unknown; what one page lacks is left out of both.
        sampling_rate: Hz.

    Returns:
        float32 `(pages, pages)`, the largest over shifts of up to 16 ms; NaN for pages without beats.
    """
    first, last = (round((beats.BEFORE_S + second) * sampling_rate) for second in (_FROM_S, _TO_S))
    values, known = _window(median_beats, first, last)
    best = np.full((len(values), len(values)), -1, np.float32)
    for shift in _SHIFTS:
        others, seen = _window(median_beats, first + shift, last + shift)
        power = ((values**2) @ seen.T) * (known @ (others**2).T)
        best = np.maximum(best, values @ others.T / np.sqrt(np.maximum(power, 1e-9)))
    best = np.maximum(best, best.T)
    nothing = ~known.any(axis=1)
    best[nothing], best[:, nothing] = np.nan, np.nan
    return best


def number_agreement(found: Numbers, *, resamples: int = 2000, seed: int) -> pd.DataFrame:
    """How well agreement tells pairs with one number from others: AUROC, 0.5 if not at all, 1 if always.

    Each number counts once; intervals (95 %) resample whole numbers.

    Returns:
        `measure` (`beats` or `rate`), `pairs` (`all`, or `same class`), `numbers`, `auroc, low, high`.
    """
    generator, rows = np.random.default_rng(seed), []
    same_class = found.pairs["label"] == found.pairs["other_label"]
    for kind, pairs in (("all", found.pairs), ("same class", found.pairs[same_class])):
        for measure, column in (("beats", "alike_rank"), ("rate", "rate_rank")):
            found_means = mean_over_numbers(pairs, column, resamples=resamples, generator=generator)
            if found_means[0]:
                rows.append((measure, kind, *found_means))
    return pd.DataFrame(rows, columns=["measure", "pairs", "numbers", "auroc", "low", "high"])


def mean_over_numbers(
    pairs: pd.DataFrame, column: str, *, resamples: int, generator: np.random.Generator
) -> tuple[int, float, float, float]:
    """Mean of a column of pairs in which each number counts once, with its interval (95 %) over whole numbers.

    Returns:
        How many numbers, the mean, low and high; NaN where there is no number.
    """
    means = pairs.groupby("group")[column].mean().dropna().to_numpy()
    if not means.size:
        return 0, float("nan"), float("nan"), float("nan")
    drawn = means[generator.integers(0, means.size, (resamples, means.size))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return means.size, float(means.mean()), float(low), float(high)


def one_heart(found: Numbers) -> pd.DataFrame:
    """How many pairs are as alike as two recordings of one heart, with one number and with different ones."""
    alike = found.pairs["alike"] >= ALIKE
    rows = [("one number", len(found.pairs), int(alike.sum()), int(found.pairs.loc[alike, "group"].nunique())),
            ("different numbers", found.stranger_pairs, len(found.strangers), 0)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["pairs_with", "pairs", "alike", "numbers"])
    return table.assign(share=table["alike"] / table["pairs"].clip(lower=1))


def numbers_in_words(found: Numbers, told: pd.DataFrame) -> str:
    """Is a number a person or a sitting, and what does it mean for `grouped`? In words, from the numbers.

    Args:
        found: as `compare_numbers` gives it.
        told: as `number_agreement` gives it.
    """
    if found.pairs.empty:
        return "No two pages of this study have one number, so there is nothing to compare."
    count = one_heart(found).set_index("pairs_with")
    own, foreign = count.loc["one number"], count.loc["different numbers"]
    beat, rate = (told[(told["measure"] == name) & (told["pairs"] == "all")].iloc[0] for name in ("beats", "rate"))
    tells = beat["low"] > 0.75
    typical = float(np.average(found.pairs["alike"], weights=found.pairs["weight"]))
    lines = [
        f"{found.pairs['group'].nunique()} numbers stand on more than one page: {len(found.pairs)} pairs of pages.",
        f"Median beats tell pairs with one number from others with an AUROC of {_with_interval(beat)}, rates with "
        f"{_with_interval(rate)}; 0.5 is chance.",
        f"Two pages of one number correlate with {typical:.2f} on average, two recordings of one heart with more "
        f"than {ALIKE}.",
        f"{own['alike']:.0f} pairs with one number ({own['share']:.1%}) are as alike as that, and "
        f"{foreign['alike']:.0f} of {foreign['pairs']:.0f} pairs with "
        f"different numbers ({foreign['share']:.4%}).",
        "So a number is mostly one person."
        if tells
        else "So a number is not a person: most pages with one number show different hearts. It reads like a number "
        "that was left standing while several people were recorded.",
    ]
    if tells:
        lines.append("`grouped` keeps persons together, as it should.")
    else:
        lines.append(
            f"For `grouped` this means: it keeps the {own['alike']:.0f} pairs of one heart and one number together, "
            f"cannot know of the {foreign['alike']:.0f} pairs that carry two, and otherwise keeps pages of different "
            "people together, which costs nothing but larger steps. A difference between `distinct` and `grouped` "
            "says little about knowing a person."
        )
    return "\n".join(lines)


def contradictions(measured: MeasuredPages, manifest: pd.DataFrame, device: pd.DataFrame | None = None) -> pd.DataFrame:
    """Pages whose label their own measurements or the device's own reading contradict.

    Args:
        measured: rates.
        manifest: `page_id, label`, and `printed_bpm` where known.
        device: as `validation.device_measurements` gives it, by default that.

    Returns:
        `page_id, label, measured` and `printed` (beats per minute), `why`; a page may stand there twice.
    """
    pages = manifest.drop_duplicates("page_id").set_index("page_id")
    printed = pages["printed_bpm"].astype(float) if "printed_bpm" in pages else pd.Series(np.nan, index=pages.index)
    table = pd.DataFrame({"label": pages["label"], "measured": measured.table["rate"].reindex(pages.index).round(1)})
    table["printed"] = printed
    normal = table["label"] == "normal"
    device = validation.device_measurements() if device is None else device
    reading = device["reading"].reindex(table.index)
    found = {
        f"measured above {FAST:.0f} beats per minute": normal & (table["measured"] > FAST),
        f"measured below {SLOW:.0f} beats per minute": normal & (table["measured"] < SLOW),
        f"printed above {FAST:.0f} beats per minute, measured below": normal
        & (table["printed"] > FAST)
        & ~(table["measured"] > FAST),
        "the device reads normal": ~normal & (reading == "normal"),
        "the device reads infarction": table["label"].isin(["abnormal", "normal"]) & (reading == "mi"),
    }
    rows = [table[which].assign(why=why).sort_values("measured") for why, which in found.items()]
    return pd.concat(rows).rename_axis("page_id").reset_index()[["page_id", "label", "measured", "printed", "why"]]


def contradictions_in_words(found: pd.DataFrame) -> str:
    """How many pages contradict their label, by reason."""
    if found.empty:
        return "No page contradicts its label."
    counts = found.groupby(["label", "why"], sort=False).size().reset_index(name="pages")
    lines = [
        f"{CLASS_TITLES[label]}, {why}: {count} page{'s' * (count != 1)}."
        for label, why, count in counts.itertuples(index=False)
    ]
    return "\n".join([f"{found['page_id'].nunique()} pages contradict their label.", *lines])


def _with_interval(row: pd.Series) -> str:
    return f"{row['auroc']:.2f} ({row['low']:.2f} to {row['high']:.2f})"


def _window(median_beats: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Part of the beats, pooled, each lead around its mean and 0 where unknown, and where it is known.

    Both float32 `(pages, 12 * pooled samples)`.
    """
    last = first + (last - first) // _POOLED * _POOLED
    cut = median_beats[:, :, first:last]
    cut = cut.reshape(*cut.shape[:2], -1, _POOLED)
    values = np.where(np.isfinite(cut), cut, 0).sum(axis=3)
    count = np.isfinite(cut).sum(axis=3)
    known = count > 0
    values = values / np.maximum(count, 1)
    mean = values.sum(axis=2, keepdims=True) / np.maximum(known.sum(axis=2, keepdims=True), 1)
    values = np.where(known, values - mean, 0)
    return values.reshape(len(values), -1).astype(np.float32), known.reshape(len(known), -1).astype(np.float32)


def _strata(layout: np.ndarray, label: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A number for each pair that names its layout and its two classes, in either order."""
    code = pd.Categorical(label, CLASSES).codes.astype(int)
    low, high = np.minimum(code[one], code[other]), np.maximum(code[one], code[other])
    return (pd.factorize(layout)[0][one] * len(CLASSES) + low) * len(CLASSES) + high


def _ranks(values: pd.Series, strata: pd.Series, foreign: np.ndarray, foreign_strata: np.ndarray) -> np.ndarray:
    """Share of the foreign values of the same stratum below each value; half of those that are equal. NaN if none."""
    ranks = np.full(len(values), np.nan)
    for stratum in strata.unique():
        mine = (strata == stratum).to_numpy()
        theirs = np.sort(foreign[foreign_strata == stratum])
        if theirs.size:
            below, up_to = (np.searchsorted(theirs, values[mine], side=side) for side in ("left", "right"))
            ranks[mine] = (below + up_to) / 2 / theirs.size
    return ranks


def _distribution(pairs: pd.DataFrame, foreign: np.ndarray, foreign_strata: np.ndarray) -> pd.DataFrame:
    """Histograms of both kinds of pairs; strangers of each stratum weigh as much as the pairs with one number do."""
    own = np.histogram(pairs["alike"], _BINS, weights=pairs["weight"])[0]
    others = np.zeros(len(_BINS) - 1)
    for stratum, weight in pairs.groupby("stratum")["weight"].sum().items():
        values = foreign[foreign_strata == stratum]
        others += np.histogram(values, _BINS)[0] * weight / max(1, values.size)
    shares = {"one_number": own / max(own.sum(), 1e-9), "different_numbers": others / max(others.sum(), 1e-9)}
    return pd.DataFrame({"low": _BINS[:-1], "high": _BINS[1:], **shares})
