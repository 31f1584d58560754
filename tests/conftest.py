"""What several rooms' tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

# A busy machine makes examples slow; that says nothing about the code.
hypothesis.settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any-machine")


@pytest.fixture(scope="session")
def originals() -> Path:
    """The folder with the original pages, `v1/` and `v2/`; skips where they are not at hand."""
    folder = os.environ.get("ECGSTUDY_ORIGINALS")
    if not folder:
        pytest.skip("the original pages are not at hand (ECGSTUDY_ORIGINALS is not set)")
    return Path(folder)
