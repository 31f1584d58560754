"""How Sphinx builds these pages: text from here, tables from the code and from the committed results.

`.venv/bin/sphinx-build -W --keep-going -q docs outputs/docs` builds them; nothing is downloaded.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import ecgstudy

project = "ecgstudy"
release = ecgstudy.__version__
copyright = "the authors of ecgstudy"
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "myst_nb",
    "executed_notebooks",  # these four are ours, in _extensions/
    "from_results",
    "from_params",
    "from_package",
]
exclude_patterns = ["_build", "_extensions"]
root_doc = "index"

# MyST
nb_execution_mode = "off"  # the study runs its notebooks; here they are only shown
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_merge_streams = True

# docstrings are written with single backticks, as code
default_role = "code"
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# pages
html_theme = "pydata_sphinx_theme"
html_title = "ecgstudy"
html_static_path = ["_static"]
html_css_files = ["ecgstudy.css"]
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"tutorial/*": [], "changelog": []}  # pages that are a section by themselves
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
