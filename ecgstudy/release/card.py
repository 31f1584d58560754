"""The card that lies beside a released model, in Markdown: what it is, how it did, what it must not be used for."""

from typing import Any

from ecgstudy.release.leads_tested import said_of_leads
from ecgstudy.vocabulary import CLASS_TITLES, CLASSES, DISCLAIMER, PROTOCOL_TITLES


def model_card(record: dict[str, Any]) -> str:
    """The card of a release, from its record alone."""
    picture, pages = record["picture"], record["pages"]
    parts = [
        f'# {record["title"]}, as study "{record["study"]}" hands it out (release {record["key"]})',
        f"## Not a medical device\n\n{DISCLAIMER}",
        "## What it is\n\n"
        f"{len(record['runs'])} models of one kind, each trained on another part of {pages['number']} pages of "
        f"{pages['groups']} groups (layouts: {', '.join(pages['layouts'])}); their calibrated answers are averaged. "
        f"First weights: {record['weights']}; trained: {record['trained']}. It reads the region "
        f"`{picture['region']}` at {picture['width']} x {picture['height']} pixels. Chosen by: {record['chosen_by']}"
        f"{_rivals(record)}.",
        f"## Where it comes from\n\nPages: {record['source']}\n\n{_frozen(record)}",
        f"## How it did on pages that it had not learned from\n\n{how_it_did(record)}",
        f"## How far the leads that it names can be trusted\n\n{said_of_leads(record.get('leads_tested'))['sentence']}",
        "## What it refuses\n\nPictures that are no ECG page, pages of other layouts, pages that are too small, too "
        "blurred or cut off, and pages less like the training pages than these are like each other (further than "
        f"{record['unlike_from']:.1f} grey levels). What it does not refuse can still be wrong.",
        "## Files\n\n"
        + "\n".join(f"- `{f['file']}`: SHA-256 `{f['sha256']}`" for f in record["files"].values())
        + "\n\nMade with "
        + ", ".join(f"{name} {version}" for name, version in record["libraries"].items())
        + ".",
    ]
    return "\n\n".join(parts)


def _rivals(record: dict[str, Any]) -> str:
    scores = ", ".join(f"{name} {value:.2f}" for name, value in record["inner_scores"].items())
    return f" ({scores})" if scores else ""


def _frozen(record: dict[str, Any]) -> str:
    """Where the layers are that did not learn."""
    if record["trained"] != "head":
        return "All weights are in these files."
    if "frozen" in record["files"]:
        return "Only the head learned; the frozen layers are in these files too."
    return "Only the head learned and is in these files; the frozen layers install with ecgstudy, as a package."


def how_it_did(record: dict[str, Any]) -> str:
    """One paragraph per rung: balanced accuracy, found pages of each class, coverage of the sets."""
    lines = [in_words(record, protocol) for protocol in ("unseen", "grouped") if protocol in record["measured"]]
    return "\n\n".join(lines) or "This study has no such pages; nothing is known."


def in_words(record: dict[str, Any], protocol: str) -> str:
    """What was measured on one rung, for people."""
    own = record["measured"][protocol]
    score = own["score"]
    recalls = [
        f"{CLASS_TITLES[name]} {row['found']} of {row['pages']} ({row['low']:.2f} to {row['high']:.2f})"
        for name, row in ((name, own["recalls"][name]) for name in CLASSES if name in own["recalls"])
    ]
    where = {"unseen": "the pages left out of the selection", "grouped": "held-out pages of the selection"}[protocol]
    return (
        f"{PROTOCOL_TITLES[protocol]} ({where}, {score['pages']} pages): balanced accuracy {score['value']:.2f} "
        f"({score['low']:.2f} to {score['high']:.2f}); found: {', '.join(recalls)}."
    )
