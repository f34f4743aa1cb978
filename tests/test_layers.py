"""The direction of imports, what may be imported at module level, and where SQL may stand."""

import ast
import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "spanbook"
MODULES = sorted(SOURCE.rglob("*.py"))

#: Each group may import the groups above it, never one beside or below it.
LAYERS = [
    {"_version"},
    {"model"},
    {"stats"},
    {"store"},
    {"tracer"},
    {"conventions"},
    {"ingest"},
    {"integrations", "receiver"},
    {"models", "offline", "testing"},
    {"prompts", "datasets", "evaluate", "analytics", "compare"},
    {"frames", "widgets"},
    {"api"},
    {"magics", "cli"},
    {"__init__", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
BESIDE = {("evaluate", "prompts"), ("evaluate", "datasets")}  # an experiment runs a prompt over a dataset
FRONT_ENDS = {"magics", "cli", "__main__"}  # these use the public API, so they may import spanbook itself

#: Costly to import, or optional: only where they are used, that is, inside functions.
HEAVY = {
    "anthropic",
    "anywidget",
    "genai_prices",
    "google",
    "ipywidgets",
    "langchain_core",
    "langgraph",
    "litellm",
    "llama_index",
    "mcp",
    "openai",
    "opentelemetry",
    "orjson",
    "pandas",
    "plotly",
    "sqlite_utils",
    "tornado",
    "traitlets",
}
#: Packages that are themselves imported only where they are used, and what they cannot do without.
BASES = {
    "receiver": {"google", "opentelemetry", "tornado"},  # an extra: the server, the wire format
    "widgets": {"anywidget", "ipywidgets", "traitlets"},  # base classes and traits
}
OTEL = SOURCE / "integrations" / "otel"  # imported once the program has imported OpenTelemetry; its __init__ always

RUNS = {"execute", "executemany", "executescript"}
SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|PRAGMA\s+\w"
    r"|(CREATE|DROP|ALTER)\s+(TEMP\s+|VIRTUAL\s+|UNIQUE\s+)*(TABLE|VIEW|INDEX|TRIGGER)\s|BEGIN\s+IMMEDIATE)"
)


def test_a_package_imports_only_from_those_above_it() -> None:
    """The order is LAYERS; a new package is added there first."""
    wrong = []
    for path in MODULES:
        package = package_of(path)
        if package not in LEVEL:
            wrong.append(f"{package} has no place in LAYERS of {Path(__file__).name}; give it one")
            continue
        for line, name in imported_modules(path, ast.walk(parse(path))):
            parts = name.split(".")
            if parts == ["spanbook"] and package not in FRONT_ENDS:
                wrong.append(f"{path}:{line} imports spanbook itself; import the package it needs")
            if parts[0] != "spanbook" or len(parts) == 1:
                continue
            target = parts[1]
            is_above = LEVEL.get(target, len(LAYERS)) < LEVEL[package]
            if not is_above and target != package and (package, target) not in BESIDE:
                wrong.append(f"{path}:{line}: {package} may not import {target}, which is not above it")
    assert wrong == []


def test_heavy_libraries_are_imported_inside_functions() -> None:
    """Importing spanbook stays cheap, and tracing works where one of them is broken or missing."""
    wrong = []
    for path in MODULES:
        allowed: set[str] = BASES.get(package_of(path), set())
        if path.parent == OTEL and path.name != "__init__.py":
            allowed = {"opentelemetry"}
        for line, name in imported_modules(path, module_level(parse(path).body)):
            library = name.split(".")[0]
            if library in HEAVY - allowed:
                wrong.append(f"{path}:{line}: import {library} inside the function that uses it")
    assert wrong == []


def test_only_the_store_holds_sql() -> None:
    """Strings that begin like a statement, and calls that run one."""
    wrong = []
    for path in MODULES:
        if package_of(path) == "store":
            continue
        nodes = list(ast.walk(parse(path)))
        prose = {id(docstring_of(owner)) for owner in nodes}
        for node in nodes:
            match node:
                case ast.Constant(value=str(text)) if id(node) not in prose and SQL.match(text):
                    wrong.append(f"{path}:{node.lineno}: SQL belongs in spanbook.store")
                case ast.Call(func=ast.Attribute(attr=name)) if name in RUNS:
                    wrong.append(f"{path}:{node.lineno}: statements are run in spanbook.store")
    assert wrong == []


def test_importing_spanbook_loads_nothing_heavy_and_writes_nothing(tmp_path: Path) -> None:
    """What the module-level rule promises, seen from outside."""
    code = f"import sys, spanbook; print(sorted({HEAVY | {'numpy', 'IPython'}!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "is_sql"),
    [
        ("SELECT name FROM spans", True),
        ("\n  INSERT OR REPLACE INTO spans VALUES (?)", True),
        ("PRAGMA journal_mode=wal", True),
        ("SELECTED spans", False),
        ("Runs a query such as SELECT name FROM spans", False),
        ("UPDATE the store, then read it", False),
    ],
)
def test_sql_is_told_from_prose(text: str, is_sql: bool) -> None:
    """The heuristic of this file, on both sides."""
    assert bool(SQL.match(text)) is is_sql


@functools.cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def package_of(path: Path) -> str:
    """First name below spanbook: ``store`` for store/_schema.py, ``api`` for api.py."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_modules(path: Path, nodes: Iterator[ast.AST]) -> Iterator[tuple[int, str]]:
    """Yield (line, absolute module name) of each import statement among the nodes."""
    folder = ["spanbook", *path.relative_to(SOURCE).parts[:-1]]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) + 1 - node.level] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).rstrip(".")
            if module == "spanbook":  # from spanbook import store, from .. import store
                packages = (alias.name in LEVEL for alias in node.names)
                yield from (
                    (node.lineno, f"spanbook.{alias.name}" if known else "spanbook")
                    for alias, known in zip(node.names, packages, strict=True)
                )
            else:
                yield node.lineno, module


def module_level(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield the statements that run at import time; those for type checkers only are left out."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from module_level(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for field in ("body", "orelse", "finalbody"):
                yield from module_level(getattr(node, field, []))
            for handler in getattr(node, "handlers", []):
                yield from module_level(handler.body)


def docstring_of(node: ast.AST) -> ast.Constant | None:
    """Return the docstring of a module, class or function; None for anything else."""
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return first.value
    return None
