"""SAM's BuildProperties become esbuild's options."""

from dataclasses import replace
from pathlib import Path

import pytest

from alonzo.deployment.build_methods import BuildMethod, BuildRequest
from alonzo.deployment.builders.esbuild import arguments_of, build_esbuild, entry_points
from alonzo.deployment.builders.workshop import Workshop
from alonzo.deployment.errors import SourceUnclear, ToolMissing


def a_request(directory: Path) -> BuildRequest:
    return BuildRequest(
        label="Api",
        logical_id="Api",
        directory=directory,
        method=BuildMethod.ESBUILD,
        runtime="nodejs22.x",
        handler="src/app.handler",
        architecture="x86_64",
    )


def test_properties() -> None:
    assert arguments_of({}) == ["--platform=node", "--target=es2020", "--format=cjs", "--minify"]
    properties = {"Minify": False, "Sourcemap": True, "Target": "es2022", "External": ["a", "b"], "Loader": {".png": "file"}}
    assert set(arguments_of(properties)) == {
        *("--platform=node", "--target=es2022", "--format=cjs", "--sourcemap"),
        *("--external:a", "--external:b", "--loader:.png=file"),
    }
    with pytest.raises(SourceUnclear, match="have no Shrink"):
        arguments_of({"Shrink": True})


def test_entry_points(tmp_path: Path) -> None:
    request = a_request(tmp_path)
    with pytest.raises(SourceUnclear, match=r"no src/app\.ts"):
        entry_points(request)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.ts").touch()
    assert entry_points(request) == ["src/app.ts"]
    assert entry_points(replace(request, properties={"EntryPoints": ["other.ts"]})) == ["other.ts"]


def test_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="npm install --save-dev esbuild"):
        build_esbuild(a_request(tmp_path), Workshop(directory=tmp_path / "work", report=lambda _: None))
