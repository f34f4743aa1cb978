"""What wheel and sdist hold, and how the widgets are built on the way."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", ".*_cache", "node_modules", "dist", "__pycache__")


# ------------------------------------------------------------------------------------ wheel and sdist


@pytest.fixture(scope="module")
def packages(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist of a copy of the tree and the wheel made from it, both without Node."""
    if not any((root / "src/spanbook/widgets/static").glob("*.js")):
        pytest.fail("the widgets are not built; run: npm --prefix js run build")
    folder = tmp_path_factory.mktemp("packages")
    shutil.copytree(root, folder / "tree", ignore=NOT_COPIED)
    for bundle in (folder / "tree/src/spanbook/widgets/static").iterdir():
        bundle.touch()
    _build("--sdist", folder / "tree", folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    _build("--wheel", next(folder.glob("spanbook-*/")), folder)
    return folder


def test_the_sdist_carries_sources_tests_and_bundles(packages: Path) -> None:
    """Enough to build, test and install, the last without Node."""
    with tarfile.open(next(packages.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"Makefile", "LICENSE", "js/package-lock.json", "js/hatch_build.py", "tests/conftest.py"} <= names
    assert any(re.fullmatch(r"js/src/widgets/\w+\.tsx?", name) for name in names)
    assert any(re.fullmatch(r"src/spanbook/widgets/static/\w+\.js", name) for name in names)
    assert not [name for name in names if "node_modules" in name or "__pycache__" in name]


def test_the_wheel_holds_the_package_and_nothing_else(packages: Path) -> None:
    """Bundles and the typing marker in; tests, js sources and source maps out."""
    with zipfile.ZipFile(next(packages.glob("*.whl"))) as archive:
        names = set(archive.namelist())

    assert {name.split("/")[0].split("-")[0] for name in names} == {"spanbook"}
    assert "spanbook/py.typed" in names
    assert any(re.fullmatch(r"spanbook/widgets/static/\w+\.js", name) for name in names)
    assert not [name for name in names if name.endswith((".ts", ".tsx", ".map", ".ipynb"))]


def test_the_wheel_installs_and_imports_without_node(packages: Path, tmp_path: Path) -> None:
    """The module that is imported is the installed one."""
    wheel = next(packages.glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "--target", tmp_path / "site", wheel], env=_without_node(tmp_path), check=True)
    done = subprocess.run(
        [sys.executable, "-c", "import spanbook; print(spanbook.__file__, spanbook.__version__)"],
        env=_without_node(tmp_path) | {"PYTHONPATH": str(tmp_path / "site")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    file, version = done.stdout.split()
    assert Path(file) == tmp_path / "site/spanbook/__init__.py"
    assert wheel.name.startswith(f"spanbook-{version}-")


def _build(target: str, tree: Path, out: Path) -> None:
    """Build offline, with this environment's hatchling and no npm on PATH."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", target, "--outdir", out, tree],
        env=_without_node(out),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _without_node(folder: Path) -> dict[str, str]:
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    return {**os.environ, "PATH": str(empty)}


# ----------------------------------------------------------------------------------------- build hook


class Checkout:
    """A small checkout with one source and, if asked for, a bundle so many seconds younger or older."""

    def __init__(self, root: Path, bundle_age: int | None) -> None:
        self.root = root
        self.source, self.bundle = root / "js/src/widgets/a.tsx", root / "src/spanbook/widgets/static/a.js"
        self.npm_calls = root / "npm-calls"
        self.write(self.source, 1_700_000_000)
        self.write(root / "js/package-lock.json", 1_600_000_000)
        if bundle_age is not None:
            self.write(self.bundle, 1_700_000_000 - bundle_age)

    @staticmethod
    def write(path: Path, mtime: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        os.utime(path, (mtime, mtime))

    def put_npm_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have a program called npm that notes how it was called and writes an old bundle."""
        npm = self.root / "bin/npm"
        npm.parent.mkdir()
        npm.write_text(
            f'#!/bin/sh\necho "$@" >> "{self.npm_calls}"\n'
            f'[ "$1" = run ] && mkdir -p "{self.bundle.parent}" && touch -t 201707140240 "{self.bundle}"\n:\n'
        )
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", f"{npm.parent}:/usr/bin:/bin")


@pytest.fixture(scope="module")
def hook_module(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", root / "js/hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_hook(module: ModuleType, checkout: Checkout) -> None:
    config: dict[str, Any] = {}
    nothing: Any = None
    hook = module.JsBundles(str(checkout.root), config, nothing, nothing, str(checkout.root / "dist"), "wheel")
    hook.initialize("standard", {})


def test_fresh_bundles_are_not_built_again(
    tmp_path: Path, hook_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal times are fresh: an unpacked sdist has them."""
    checkout = Checkout(tmp_path, bundle_age=0)
    checkout.put_npm_on(monkeypatch)
    run_hook(hook_module, checkout)
    assert not checkout.npm_calls.exists()


@pytest.mark.parametrize("bundle_age", [None, 10], ids=["missing", "stale"])
def test_missing_and_stale_bundles_are_built(
    tmp_path: Path, hook_module: ModuleType, monkeypatch: pytest.MonkeyPatch, bundle_age: int | None
) -> None:
    """After the build they count as fresh, whatever time npm gave them."""
    checkout = Checkout(tmp_path, bundle_age)
    checkout.put_npm_on(monkeypatch)
    run_hook(hook_module, checkout)
    run_hook(hook_module, checkout)
    assert checkout.npm_calls.read_text().splitlines() == ["ci --no-audit --no-fund", "run build"]


def test_without_npm_and_bundles_the_build_fails_with_the_next_step(
    tmp_path: Path, hook_module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, no traceback from npm."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="Install Node >= 20, or install a published wheel"):
        run_hook(hook_module, Checkout(tmp_path, bundle_age=None))


def test_without_npm_old_bundles_are_kept_with_a_warning(
    tmp_path: Path,
    hook_module: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A tree with touched sources still installs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    checkout = Checkout(tmp_path, bundle_age=10)
    run_hook(hook_module, checkout)
    assert "npm not found" in "".join(capfd.readouterr())
    assert checkout.bundle.exists()


def test_the_build_can_be_skipped(tmp_path: Path, hook_module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """For those who only want the Python side."""
    monkeypatch.setenv("SPANBOOK_SKIP_JS", "1")
    checkout = Checkout(tmp_path, bundle_age=None)
    checkout.put_npm_on(monkeypatch)
    run_hook(hook_module, checkout)
    assert not checkout.npm_calls.exists()
