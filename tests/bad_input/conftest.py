"""Bad input is refused in one line that says what was wrong, where, and what to do."""

import pytest


@pytest.fixture
def said(tmp_path):
    """What a call was refused with: one line, without the name of the temporary folder."""

    def said(call, *arguments, **options):
        with pytest.raises((ValueError, RuntimeError)) as refusal:
            call(*arguments, **options)
        text = str(refusal.value)
        assert "\n" not in text
        return text.replace(f"{tmp_path}/", "").replace(str(tmp_path), ".")

    return said
