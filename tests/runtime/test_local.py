from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lokid.providers.openai_compatible import OpenAICompatibleSettings
from lokid.runtime import local


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with a model inside, whose code must not run."""
    package = tmp_path / "packages" / "somebodys_model"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('was imported')")
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setattr(local, "MODEL_PACKAGE", "somebodys_model")
    (package / local.MODEL_FILE).touch()
    return package / local.MODEL_FILE


def test_the_model_is_found_without_importing_its_package(model: Path) -> None:
    assert local.model_file() == str(model)
    assert "somebodys_model" not in sys.modules


def test_the_client_starts_that_model(model: Path) -> None:
    (client,) = local.builtin_clients()
    assert isinstance(client, OpenAICompatibleSettings)
    assert client.name == "local"
    assert client.models is not None
    assert [one.name for one in client.models] == ["smollm2"]
    assert client.launch is not None
    assert str(model) in client.launch.command
    assert "{port}" in client.launch.command


def test_without_the_file_or_its_package_or_llama_there_is_no_client(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.unlink()
    assert local.builtin_clients() == ()
    model.touch()
    monkeypatch.setattr(local, "find_spec", lambda name: None if name == "xllamacpp" else local.__spec__)
    assert local.builtin_clients() == ()
    monkeypatch.setattr(local, "find_spec", lambda name: None)
    assert local.builtin_clients() == ()
