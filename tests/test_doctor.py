"""The doctor says what is there and what to do where something is not."""

import pytest

from ecgstudy import doctor


def by_name(found):
    return {finding.name: finding for finding in found}


def test_on_a_working_machine_nothing_that_a_study_needs_is_missing():
    found = by_name(doctor.findings())
    assert [finding for finding in found.values() if finding.state == "missing"] == []
    assert found["TensorFlow"].found.startswith("2.21")
    assert {"Python", "disk", "GPUs", "weights: offline", "weights: imagenet", "packed pages"} <= set(found)


def test_whatever_is_not_there_comes_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("ECGSTUDY_ORIGINALS", raising=False)
    looked_at = [doctor._imagenet_weights(), doctor._originals()]
    assert [finding.state for finding in looked_at] == ["optional", "optional"]
    assert all(finding.remedy for finding in looked_at)
    assert str(tmp_path) in looked_at[0].found


def test_a_broken_tensorflow_is_a_finding_and_no_crash(monkeypatch):
    monkeypatch.setattr(doctor, "_ASK_TENSORFLOW", "import no_such_tensorflow")
    (finding,) = doctor._tensorflow()
    assert finding.state == "missing"
    assert finding.found == "ModuleNotFoundError: No module named 'no_such_tensorflow'"
    assert "make environment" in finding.remedy


def test_a_nearly_full_disk_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_DISK_GB", 1e9)
    found = by_name(doctor._machine())
    assert found["disk"].state == "missing" and "ECGSTUDY_OUTPUTS" in found["disk"].remedy


@pytest.mark.parametrize("name", ["ray", "mlflow", "tensorboard"])
def test_extras_say_what_they_are_for(name):
    assert doctor.EXTRAS[name] in by_name(doctor._extras())[name].found
