"""REFORMS and CLAIM, filled from the study's own records; what no record answers is marked open."""

from collections.abc import Mapping
from importlib import metadata, resources
from typing import Any

import pandas as pd
import yaml

from ecgstudy.evaluation import metrics, pooling
from ecgstudy.models import registry
from ecgstudy.vocabulary import CLASSES

COLUMNS = ["checklist", "item", "section", "asks", "answer", "evidence", "open"]


def read_checklists() -> dict[str, dict[str, Any]]:
    """`REFORMS` (32 items) and `CLAIM` (44 items): `source`, and `items` by number."""
    with resources.files("ecgstudy.evaluation").joinpath("checklists.yaml").open(encoding="utf-8") as file:
        return yaml.safe_load(file)


def filled(manifest: pd.DataFrame, content: Mapping[str, Any]) -> pd.DataFrame:
    """Both checklists with the study's answers.

    Args:
        manifest: one row per file.
        content: of the study, as `Study.content` gives it.

    Returns:
        `checklist, item, section, asks, answer, evidence, open`: where there is no answer, `open` says who could
        give it; `evidence` names files of the study's folder or of the repository, parted by semicolons. An answer
        is left out when it needs something that the study did not do, or holds for the public set only.
    """
    facts, is_public = study_facts(manifest, content), content["data"]["source"] == "shipped"
    rows = []
    for name, checklist in read_checklists().items():
        for number, item in checklist["items"].items():
            done = all(facts.get(need) for need in item.get("needs", []))
            if "answer" in item and done and (is_public or not item.get("shipped")):
                answer, evidence, to_do = item["answer"].format(**facts), "; ".join(item["evidence"]), ""
            else:
                answer, evidence, to_do = "", "", item.get("open", "whoever runs the study on these data")
            rows.append((name, str(number), item["section"], item["asks"], answer, evidence, to_do))
    return pd.DataFrame(rows, columns=COLUMNS)


def study_facts(manifest: pd.DataFrame, content: Mapping[str, Any]) -> dict[str, str]:
    """What answers can name: counts of the manifest and parameters of the study, as text; empty where not done."""
    pages = pooling.page_facts(manifest)
    selected = pages[pages["selected"].astype(bool)]
    by_class = [int((selected["label"] == at).sum()) for at in range(len(CLASSES))]
    simple = [row.title for name, row in registry.MODELS.items() if name in content["models"] and not row.is_network]
    counted = {
        "files": str(int(manifest["selected"].sum())),
        "pages": str(len(selected)),
        "copies": str(int(manifest["selected"].sum()) - len(selected)),
        "groups": str(selected["group"].nunique()),
        "mi_pages": str(by_class[0]),
        "class_counts": ", ".join(f"{label} {pages}" for label, pages in zip(CLASSES, by_class, strict=True)),
        "class_shares": ", ".join(
            f"{label} {n / sum(by_class):.0%}" for label, n in zip(CLASSES, by_class, strict=True)
        ),
        "missing_rates": _missing_rates(pages),
        "unseen_pages": str(len(pages) - len(selected)) if len(pages) > len(selected) else "",
        "simple_models": ", ".join(simple).lower() or "none",
        "models": ", ".join(registry.model_row(name).title for name in content["models"]),
        "metrics": str(len(metrics.METRICS)),
        "version": metadata.version("ecgstudy"),
    }
    return counted | _parameters(content)


def _parameters(content: Mapping[str, Any]) -> dict[str, str]:
    splits, training, evaluation = content["splits"], content["training"], content["evaluation"]
    chosen = {name: str(training[name]) for name in ("weights", "epochs", "batch_size", "learning_rate")}
    switches = {name: "on" if training[name] else "off" for name in ("class_weights", "augment")}
    severities = evaluation["robustness_severities"] if evaluation["robustness_pages"] else ()
    return (
        chosen
        | switches
        | {
            "on_bad_image": content["data"]["on_bad_image"],
            "region": content["image"]["region"],
            "grid_only": content["image"]["region"] if content["image"]["region"] == "grid" else "",
            "width": str(content["image"]["width"]),
            "height": str(content["image"]["height"]),
            "folds": str(splits["folds"]),
            "seeds": ", ".join(map(str, splits["seeds"])),
            "protocols": ", ".join(splits["protocols"]),
            "validation": f"{splits['validation']:.0%}",
            "level": f"{evaluation['level']:.0%}",
            "resamples": str(evaluation["resamples"]),
            "controls": ", ".join(evaluation["controls"]),
            "severities": ", ".join(map(str, severities)),
            "methods": ", ".join(content["explanation"]["methods"]),
        }
    )


def _missing_rates(pages: pd.DataFrame) -> str:
    if "printed_bpm" not in pages:
        return ""
    missing = pages["printed_bpm"].isna().groupby(pages["label"]).sum()
    return ", ".join(f"{label} {int(missing.get(at, 0))}" for at, label in enumerate(CLASSES))
