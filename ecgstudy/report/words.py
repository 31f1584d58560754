"""What was found, in sentences that finished tables write: a number in the text is never typed by hand."""

import itertools
from collections.abc import Sequence

import pandas as pd

from ecgstudy.explanation import deciding, maps
from ecgstudy.explanation.explained import Explained
from ecgstudy.report import claimed_split, tables
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, PROTOCOL_TITLES, PROTOCOLS


def copies_in_words(copies: pd.DataFrame, leaks: pd.DataFrame, selection: pd.DataFrame) -> str:
    """Copies, what they mean for a random split, and how many pages were left out.

    Args:
        copies: `files, distinct` by label, as `es.copies_table` gives it.
        leaks: `test_files, with_copy` by label, of a random split over files.
        selection: `label, selected, unseen`.
    """
    total = copies[copies.index.isin(CLASSES)].sum()
    lines = [f"{total.files:.0f} selected files show {total.distinct:.0f} distinct pages."]
    lines += [
        f"{CLASS_TITLES[row.Index]}: {row.with_copy / max(1, row.test_files):.0%} of the test files of a random split "
        "have a copy outside the test part."
        for row in tables.each(leaks[leaks.index.isin(CLASSES)])
    ]
    lines.append(f"{selection.unseen.sum()} distinct pages at hand were left out of the selection.")
    return "\n".join(lines)


def model_in_words(ladder: pd.DataFrame, model: str) -> str:
    """One model's way down the ladder, in one sentence."""
    rows = tables.ladder_rows(ladder, controls=True)
    rows = rows[rows.model == model].sort_values("protocol", key=lambda names: names.map(PROTOCOLS.index))
    rungs = [
        f"{tables.with_interval(row.value, row.low, row.high)} {PROTOCOL_TITLES[row.protocol].lower()}"
        for row in tables.each(rows)
    ]
    control = " (control: frozen random weights)" if tables.is_random_control(rows).any() else ""
    return f"{tables.model_title(model)}{control}: balanced accuracy {', '.join(rungs)}."


def best_in_words(ladder: pd.DataFrame, names: Sequence[str]) -> str:
    """The model of these that is best under `grouped`, with its way down the ladder; random controls do not count."""
    rows = tables.ladder_rows(ladder)
    rows = rows[(rows.protocol == "grouped") & rows.model.isin(list(names))]
    if rows.empty:
        return "None of these models has a score under grouped that is not a random control."
    return f"Best under grouped, of {len(rows)}: {model_in_words(ladder, rows.model.iloc[rows.value.argmax()])}"


def ladder_in_words(ladder: pd.DataFrame) -> str:
    """All models of the ladder figure, one sentence each, best under `grouped` first."""
    rows = tables.ladder_rows(ladder)
    order = rows[rows.protocol == "grouped"].sort_values("value", ascending=False).model
    return "\n".join(model_in_words(ladder, model) for model in order)


def claims_in_words(checked: pd.DataFrame) -> str:
    """The rows of the published table that arithmetic alone calls odd.

    Args:
        checked: as `es.check_claims` gives it.
    """
    lines = [
        f"Claim {row.model!r} cannot be: a recall of {row.recall:.2f} needs an accuracy of {row.lowest:.2f} or more, "
        f"and {row.accuracy:.2f} is printed."
        for row in tables.each(checked[~checked.possible & (checked.accuracy < checked.lowest)])
    ]
    lines += [
        f"Claim {row.model!r} cannot be: a recall of {row.recall:.2f} allows an accuracy of {row.highest:.2f} at most, "
        f"and {row.accuracy:.2f} is printed."
        for row in tables.each(checked[~checked.possible & (checked.accuracy > checked.highest)])
    ]
    lines += [
        f"Claim {row.model!r} is what the constant answer {CLASS_TITLES[row.constant]!r} scores."
        for row in tables.each(checked[checked.constant != ""])
    ]
    return "\n".join(lines) or "Every printed row is possible, and none is a constant answer."


def claimed_split_in_words(implied: pd.DataFrame) -> str:
    """What the split that the published counts imply measures, beside the same model on pages that it never saw.

    Args:
        implied: as `es.measure_claimed_split` gives it.
    """
    pairs = implied.set_index(["model", "learned from"]).accuracy.unstack()  # noqa: PD010
    return "\n".join(
        f"On the split that the published counts imply, {model!r} scores an accuracy of {row[claimed_split.SEEN]:.2f}; "
        f"on pages that it never saw, {row[claimed_split.NEVER_SEEN]:.2f}."
        for model, row in pairs.iterrows()
    )


def controls_in_words(controls: pd.DataFrame) -> str:
    """Which controls score above chance, with their intervals.

    Args:
        controls: the result table of that name; empty where the study has none.
    """
    if controls.empty:
        return "This study has no controls."
    rows = controls[(controls.metric == "balanced_accuracy") & (controls.variant != "clean")]
    lines = [
        f"Above chance without a heart: {row.title}, {tables.with_interval(row.value, row.low, row.high)}."
        for row in tables.each(rows[rows.above_chance])
    ]
    held = ", ".join(rows[~rows.above_chance].title)
    return "\n".join([*lines, f"Not above chance: {held or 'none'}."])


def seeds_in_words(spread: pd.DataFrame) -> str:
    """How far the seeds of each model lie apart.

    Args:
        spread: the result table `seed_spread`.
    """
    several = spread[spread.seeds > 1] if len(spread) else spread
    lines = [
        f"{tables.model_title(row.model)}: {row.lowest:.3f} to {row.highest:.3f} over {row.seeds} seeds."
        for row in tables.each(several)
    ]
    return "\n".join(lines) or "This study has one seed: how much of a score is the luck of one split is not known."


def outside_in_words(shares: pd.DataFrame) -> str:
    """How much of the maps of each class lies outside of leads and rhythm strip.

    Args:
        shares: as `es.mean_shares` gives them by label: `label, region, value, area`.
    """
    rows = shares[shares.region == "outside"]
    return "\n".join(
        f"{CLASS_TITLES[row.label]}: {row.value:.0%} of the maps lies outside of the leads, which is {row.area:.0%} "
        "of the page."
        for row in tables.each(rows[rows.value.notna()])
    )


def verdicts_in_words(verdicts: pd.DataFrame) -> str:
    """What the tests of faithfulness say about each method of each network.

    Args:
        verdicts: as `es.verdicts` gives them: `model, method, verdict, reasons`.
    """
    lines = [
        f"{tables.model_title(row.model)}, {maps.METHODS[row.method].title}: {row.verdict}. It {row.reasons}."
        for row in tables.each(verdicts)
    ]
    return "\n".join(lines) or "This study asks no method to prove itself."


def deciding_in_words(leads: pd.DataFrame) -> str:
    """Which three leads each model has most of, and whether the models name the same ones.

    Args:
        leads: as `es.deciding_leads` gives it.
    """
    lines = []
    for (model, source), part in leads.groupby(["model", "source"], sort=False):
        top = part.assign(times=part.share / part.even).nlargest(3, "times")
        named = ", ".join(f"{row.lead} ({row.share:.0%})" for row in tables.each(top))
        lines.append(f"{tables.model_title(str(model))}, {source}: most above an even share in {named}.")
    alike = deciding.agreement_of_leads(leads).to_numpy()
    pairs = leads.drop_duplicates(["model", "source"])
    names = [f"{tables.model_title(row.model)}, {row.source}" for row in tables.each(pairs)]
    lines += [
        f"{one} and {other}: rank correlation of the leads {alike[row, column]:.2f}."
        for (row, one), (column, other) in itertools.combinations(enumerate(names), 2)
    ]
    return "\n".join(lines)


def sentences_in_words(explained: Sequence[Explained], cases: pd.DataFrame) -> str:
    """Each explained page in one paragraph, with its label in front."""
    labels = cases.set_index("page_id").label
    return "\n\n".join(f"Label {CLASS_TITLES[labels[one.name]]}. {one.sentence}" for one in explained)
