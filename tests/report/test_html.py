import shutil
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from ecgstudy.report import html, style, tables
from ecgstudy.vocabulary import DISCLAIMER

VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """What a browser would find: the tags in order, their attributes, and which were left open."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outputs") / "a<i>study"
    ax = plt.subplots()[1]
    ax.plot([0, 1])
    for name in ("ladder", "my_own"):
        style.save_figure(ax, folder / "figures" / name)
    tables.save_table(pd.DataFrame({"model": ["<script>alert(1)</script>"], "recall": [0.9]}), folder / "tables/claims")
    tables.save_table(pd.DataFrame({"row": range(100)}), folder / "tables/long")
    (folder / "study.yaml").write_text("study: {name: '<b>'}\n")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "01_eda.html").write_text("")
    (folder / "MODEL_CARD.md").write_text("")
    return folder


@pytest.fixture(scope="module")
def report(folder) -> str:
    return html.write_report(folder).read_text(encoding="utf-8")


def test_the_report_needs_no_network_and_no_script(report):
    page = Page(report)
    assert page.open == []
    assert not [tag for tag, _ in page.found if tag in {"script", "link", "iframe"}]
    sources = [look["src"] for tag, look in page.found if tag == "img"]
    assert len(sources) == 2 and all(source.startswith("data:image/") for source in sources)


def test_names_from_the_study_cannot_become_markup(report):
    assert "<script" not in report and "&lt;script&gt;" in report
    assert "<i>study" not in report and "'&lt;b&gt;'" not in report.split("<pre>")[0]


def test_claims_are_marked_and_the_disclaimer_is_there(report):
    assert DISCLAIMER in report
    assert '<span class="mark">claim</span> The published table' in report


def test_every_entry_of_the_contents_leads_somewhere(report):
    page = Page(report)
    anchors = {look["id"] for _, look in page.found if "id" in look}
    links = [look["href"] for tag, look in page.found if tag == "a"]
    assert links and all(link[1:] in anchors for link in links if link.startswith("#"))


def test_links_to_neighbours_exist(report, folder):
    links = [look["href"] for tag, look in Page(report).found if tag == "a" and not look["href"].startswith("#")]
    assert {"notebooks/01_eda.html", "MODEL_CARD.md"} <= set(links)
    assert all((folder / link).is_file() for link in links)


def test_a_readers_own_figure_is_shown_too(report):
    assert 'alt="my own"' in report


def test_a_long_table_is_a_link(report):
    assert 'href="tables/long.csv"' in report and "long, 100 rows." in report


def test_a_heavy_figure_goes_in_as_a_picture(folder, tmp_path):
    path = shutil.copytree(folder / "figures", tmp_path / "figures") / "ladder.svg"
    path.write_bytes(path.read_bytes() + b" " * html.BYTES_AS_DRAWN)
    assert html.embedded(path).startswith("data:image/webp")


def test_an_empty_folder_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(ValueError, match="no figures and no tables to report; run the study first"):
        html.write_report(tmp_path)
