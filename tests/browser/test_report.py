"""report.html in a browser without a network: figures load, the contents list leads somewhere, phones can read it."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from ecgstudy.report import contents
from ecgstudy.report.html import write_report
from ecgstudy.report.style import save_figure

mpl.use("Agg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A study's folder with every figure and table that the report knows, and one heavy figure."""
    folder = tmp_path_factory.mktemp("study")
    rng = np.random.default_rng(0)
    (folder / "tables").mkdir()
    for item in (item for section in contents.SECTIONS for item in section.items):
        if item.kind == "figure":
            _, ax = plt.subplots()
            ax.imshow(rng.random((500, 900))) if item.name == "pages" else ax.plot(rng.random(9))
            save_figure(ax, folder / "figures" / item.name)
            plt.close("all")
        else:
            wide = {f"a long name of column {n}": rng.random(6) for n in range(12)}
            pd.DataFrame({"model": ["a_rather_long_model_name"] * 6} | wide).to_csv(
                folder / "tables" / f"{item.name}.csv", index=False
            )
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(folder, open_browser):
    browser = open_browser()
    browser.get((folder / "report.html").as_uri())
    return browser


def test_every_figure_loads_and_has_words_for_those_who_cannot_see_it(page, folder):
    shown = page.execute_script("return [...document.images].map((i) => [i.naturalWidth, i.alt])")
    assert len(shown) == len(list(folder.glob("figures/*.svg"))) > 5
    assert all(width > 50 and words for width, words in shown)


def test_the_console_has_no_errors_and_nothing_is_fetched(page, errors):
    fetched = page.execute_script("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert not errors(page) and not [name for name in fetched if not name.startswith("data:")]


def test_every_line_of_the_contents_leads_to_its_section(page):
    leads = (
        "return [...document.querySelectorAll('nav a')].map((a) => !!document.querySelector(a.getAttribute('href')))"
    )
    found = page.execute_script(leads)
    assert len(found) > 5 and all(found)


def test_at_the_width_of_a_phone_only_tables_scroll(page, set_width, is_wider_than_its_window):
    set_width(page, 390)
    assert not is_wider_than_its_window(page)
    wide = "return [...document.images].filter((i) => i.getBoundingClientRect().right > innerWidth).length"
    assert page.execute_script(wide) == 0
