"""What is committed: nothing of one machine, nothing built, and a README that holds."""

import json
import re
import subprocess
from pathlib import Path

import pytest

MACHINE_PATH = re.compile(r"/(root|home/[a-z]+|Users/[A-Za-z]+)/")
REGISTRY = re.compile(r"://(registry|pypi|files|deb|mirrors?|npm)\.|--(extra-)?index-url|\"resolved\":")
KEY = re.compile(r"\b(sk|pk|ghp|xox[bp])[-_][A-Za-z0-9_-]{20,}|\bAKIA[A-Z0-9]{16}\b")


@pytest.fixture(scope="module")
def texts(root: Path) -> dict[str, str]:
    """Path and text of every file that is, or is about to be, in git."""
    listing = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    files = [root / name for name in names if name and (root / name).is_file()]
    return {str(file.relative_to(root)): file.read_text("utf-8", errors="replace") for file in files}


@pytest.mark.parametrize("pattern", [MACHINE_PATH, KEY], ids=["path", "key"])
def test_nothing_of_one_person_is_committed(texts: dict[str, str], pattern: re.Pattern[str]) -> None:
    """No home folder and nothing that looks like a key; tests may hold bait for redaction."""
    found = {name: match[0] for name, text in texts.items() if (match := pattern.search(text))}
    assert {name: match for name, match in found.items() if not name.startswith("tests/")} == {}


def test_nothing_of_one_machine_is_committed(texts: dict[str, str], root: Path) -> None:
    """Neither this checkout's own path nor a package registry's address."""
    here = str(Path(__file__).relative_to(root))
    assert [name for name, text in texts.items() if f"{root}/" in text] == []
    assert [name for name, text in texts.items() if REGISTRY.search(text) and name != here] == []


def test_the_top_level_stays_as_it_is(texts: dict[str, str]) -> None:
    """Settings go in pyproject.toml, documentation into notebooks and docstrings."""
    folders = {"src", "notebooks", "tests", "js", ".ci"}
    files = {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "SECURITY.md"}
    top = {name.split("/")[0] for name in texts}
    assert top <= folders | files | {"pyproject.toml", ".gitignore"}


def test_nothing_built_or_run_is_committed(texts: dict[str, str]) -> None:
    """Bundles, stores, caches and environments stay out."""
    built = re.compile(r"(^|/)(static|node_modules|__pycache__|\.spanbook|\.venv[^/]*|dist)/|\.whl$")
    assert [name for name in texts if built.search(name)] == []


def test_the_readme_is_short_and_its_links_lead_somewhere(root: Path) -> None:
    """Under 150 lines; each relative link names a file of the checkout."""
    text = (root / "README.md").read_text("utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    assert len(text.splitlines()) < 150
    assert [link for link in links if not (root / link).exists()] == []


def test_notebooks_are_committed_without_outputs(root: Path) -> None:
    """No outputs, no counters, no widget state: they are made by whoever runs the notebook."""
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    assert notebooks
    for path in notebooks:
        notebook = json.loads(path.read_text("utf-8"))
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
        assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == [], path.name
        assert "widgets" not in notebook["metadata"], path.name
        assert path.stat().st_size < 100_000, path.name
