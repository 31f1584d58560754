"""`report.html`: the tables and figures of one study in one file that opens without a network."""

import base64
import html
import io
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import pandas as pd
import PIL.Image

from ecgstudy import files
from ecgstudy.report import contents, tables
from ecgstudy.report.contents import Item, Section
from ecgstudy.vocabulary import DISCLAIMER

ROWS_SHOWN = 40  # a longer table is a link
BYTES_AS_DRAWN = 400_000  # a larger SVG holds photographs of pages; it goes in as a WebP picture instead


def write_report(folder: str | Path) -> Path:
    """Join the tables and figures of a study's folder into its `report.html`.

    Figures are embedded, and the page has no scripts, so that it opens anywhere and can be sent by mail; only
    the executed notebooks and the CSV files are links to neighbours. What the folder does not have is left out.

    Args:
        folder: `outputs/<study>/` with `figures/`, `tables/`, `notebooks/` and `study.yaml`.

    Raises:
        ValueError: the folder has neither figures nor tables.
    """
    folder = Path(folder)
    if not [*folder.glob("figures/*.svg"), *folder.glob("tables/*.csv")]:
        raise ValueError(f"{folder}: no figures and no tables to report; run the study first (make run-all)")
    sections = [section for section in (*contents.SECTIONS, _rest(folder)) if _present(section, folder)]
    body = [_head(folder), _contents_list(sections), *(_section(section, folder) for section in sections)]
    body += [_notebooks(folder), _parameters(folder)]
    page = _page(f"ecgstudy: {folder.name}", "\n".join(body))
    target = folder / "report.html"
    files.write_atomically(target, lambda path: path.write_text(page, encoding="utf-8"))
    return target


def table_html(table: pd.DataFrame, caption: str, *, claim: bool = False) -> str:
    """One table, escaped."""
    kinds = [' class="number"' if tables.is_number(table[name]) else "" for name in table.columns]
    head = _row("th", table.columns, [f' scope="col"{kind}' for kind in kinds])
    rows = [_row("td", row, kinds) for row in tables.each(tables.as_text(table), index=False)]
    mark = '<span class="mark">claim</span> ' if claim else ""
    return (
        f'<div class="scroll"><table{" class=claim" * claim}><caption>{mark}{html.escape(caption)}</caption>'
        f"<thead>{head}</thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def embedded(path: Path) -> str:
    """A figure as a data address: the SVG as drawn, or the PNG beside it as WebP where the SVG is heavy."""
    drawn = path.read_bytes()
    beside = path.with_suffix(".png")
    if len(drawn) <= BYTES_AS_DRAWN or not beside.is_file():
        return f"data:image/svg+xml;base64,{base64.b64encode(drawn).decode()}"
    packed = io.BytesIO()
    with PIL.Image.open(beside, formats=["PNG"]) as picture:
        picture.convert("RGB").save(packed, "WEBP", quality=80)
    return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"


def _file(item: Item, folder: Path) -> Path:
    return folder / ("figures" if item.kind == "figure" else "tables") / f"{item.name}{_suffix(item)}"


def _suffix(item: Item) -> str:
    return ".svg" if item.kind == "figure" else ".csv"


def _present(section: Section, folder: Path) -> bool:
    return any(_file(item, folder).is_file() for item in section.items)


def _rest(folder: Path) -> Section:
    """Figures and tables that no section names, such as a reader's own."""
    named = {(item.kind, item.name) for section in contents.SECTIONS for item in section.items}
    found = [("figure", path.stem) for path in sorted(folder.glob("figures/*.svg"))]
    found += [("table", path.stem) for path in sorted(folder.glob("tables/*.csv"))]
    items = tuple(Item(kind, name, name.replace("_", " ")) for kind, name in found if (kind, name) not in named)
    return Section("further", "Further figures and tables", "", items)


def _head(folder: Path) -> str:
    return (
        f"<header><h1>Can a network find an infarction on a printed ECG?</h1>"
        f'<p class="soft">Study <b>{html.escape(folder.name)}</b>, made with ecgstudy.</p>'
        f'<p class="disclaimer"><b>{html.escape(DISCLAIMER)}</b></p>'
        '<p>Numbers marked <span class="mark">claim</span>, and hollow marks in figures, were published by others '
        "and are quoted as they stand. Everything else was computed by this study.</p></header>"
    )


def _contents_list(sections: list[Section]) -> str:
    rows = [(section.anchor, section.title) for section in sections]
    rows += [("notebooks", "Notebooks and cards"), ("parameters", "The study's parameters")]
    items = "".join(f'<li><a href="#{anchor}">{html.escape(title)}</a></li>' for anchor, title in rows)
    return f'<nav aria-label="Contents"><ol>{items}</ol></nav>'


def _section(section: Section, folder: Path) -> str:
    items = [_item(item, folder) for item in section.items if _file(item, folder).is_file()]
    text = f"<p>{html.escape(section.text)}</p>" if section.text else ""
    return f'<section id="{section.anchor}"><h2>{html.escape(section.title)}</h2>{text}{"".join(items)}</section>'


def _item(item: Item, folder: Path) -> str:
    path = _file(item, folder)
    if item.kind == "table":
        try:
            table = pd.read_csv(path)
        except pd.errors.EmptyDataError:  # a table without columns: this study has nothing to say there
            return ""
        link = f'<a class="soft" href="{html.escape(f"tables/{path.name}")}">{html.escape(path.name)}</a>'
        if len(table) > ROWS_SHOWN:
            return f"<p>{link} {html.escape(item.caption)}, {len(table)} rows.</p>"
        return table_html(table, item.caption, claim=item.claim) + link
    caption = html.escape(item.caption)
    return f'<figure><img src="{embedded(path)}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


def _notebooks(folder: Path) -> str:
    found = {path.stem: path.name for path in sorted((folder / "notebooks").glob("*.html"))}
    rows = [
        f'<li><a href="{html.escape(f"notebooks/{name}")}">{html.escape(stem)}</a> '
        f"{html.escape(contents.NOTEBOOKS.get(stem, ''))}</li>"
        for stem, name in found.items()
    ]
    text = f"<ul>{''.join(rows)}</ul>" if rows else "<p>No notebook of this study has been run yet.</p>"
    cards = [
        f'<li><a href="{html.escape(path.name)}">{html.escape(path.name)}</a></li>'
        for path in sorted(folder.glob("*.md"))
    ]
    more = f"<p>Cards and checklists, written from the study's records:</p><ul>{''.join(cards)}</ul>" if cards else ""
    return f'<section id="notebooks"><h2>Notebooks and cards</h2>{text}{more}</section>'


def _parameters(folder: Path) -> str:
    path = folder / "study.yaml"
    text = path.read_text(encoding="utf-8") if path.is_file() else "study.yaml is missing"
    return f'<section id="parameters"><h2>The study\'s parameters</h2><pre>{html.escape(text)}</pre></section>'


def _row(tag: str, cells: Iterable[str], attributes: list[str]) -> str:
    filled = zip(cells, attributes, strict=True)
    return f"<tr>{''.join(f'<{tag}{look}>{html.escape(cell)}</{tag}>' for cell, look in filled)}</tr>"


def _page(title: str, body: str) -> str:
    css = resources.files("ecgstudy.report").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{css}</style></head>\n<body>\n{body}\n</body></html>\n"
    )
