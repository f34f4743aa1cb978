"""Build hook: bundles js/ into src/spanbook/widgets/static/ before the package is packed or linked.

Nothing is done while every bundle is at least as new as every source. An unpacked sdist looks like that (it
carries both, with equal times), so only a checkout needs Node. ``SPANBOOK_SKIP_JS=1`` skips the hook.
``python js/hatch_build.py`` does the same by hand.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class JsBundles(BuildHookInterface[Any]):
    """Has the bundles made before each wheel, sdist and editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling; the arguments are not used."""
        if os.environ.get("SPANBOOK_SKIP_JS") != "1":
            ensure_bundles(Path(self.root))


def ensure_bundles(root: Path) -> None:
    """Run npm where a bundle is missing or older than its sources."""
    js, static = root / "js", root / "src" / "spanbook" / "widgets" / "static"
    npm = shutil.which("npm")
    if not is_stale(js, static):
        return
    if npm is not None:
        build(npm, js, static)
    elif any(static.glob("*.js")):
        print("npm not found: the widget bundles, older than their sources, are kept.", file=sys.stderr)
    else:
        raise SystemExit("The widgets are not built. Install Node >= 20, or install a published wheel.")


def is_stale(js: Path, static: Path) -> bool:
    """Say whether there is no bundle, or one older than a source, the lock file or the build script."""
    sources = [path for path in (js / "src").rglob("*") if path.is_file()]
    sources += [path for name in ("package-lock.json", "build.mjs") if (path := js / name).exists()]
    bundles = [path.stat().st_mtime for path in static.glob("*.js")]
    return not bundles or any(path.stat().st_mtime > min(bundles) for path in sources)


def build(npm: str, js: Path, static: Path) -> None:
    """Install what the lock file says, unless that is done, and run the project's build script."""
    done, wanted = js / "node_modules" / ".package-lock.json", js / "package-lock.json"
    if not done.exists() or done.stat().st_mtime < wanted.stat().st_mtime:
        run(npm, "ci", "--no-audit", "--no-fund", cwd=js)
    run(npm, "run", "build", cwd=js)
    for bundle in static.glob("*.js"):
        bundle.touch()  # one whose text did not change may have kept its old time


def run(*command: str, cwd: Path) -> None:
    """Run a command; where it fails, its own messages say why."""
    if subprocess.run(command, cwd=cwd, check=False).returncode != 0:
        raise SystemExit(f"The widgets were not built: {' '.join(command)} failed in {cwd}; see its messages above.")


if __name__ == "__main__":
    ensure_bundles(Path(__file__).parents[1])
