"""The import rules of the architecture, read from the source, and what importing costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("bot", "engine", "models", "storage", "migrations")

# What each part may import of ours besides itself, as modules or whole packages.
ALLOWED = {
    "main": {"bot", "engine", "models", "storage"},
    "bot.cli": {"bot", "engine", "models", "storage"},
    "bot": {"engine", "storage.records", "storage.interview_records", "storage.errors"},
    "bot.handlers": {"bot", "engine", "storage"},
    "bot.dashboard": {"bot", "engine", "storage"},
    "engine": {
        "models.types",
        "models.exemplars",
        "models.profile",
        "models.errors",
        "models.interview_bank",
        "models.interview_text",
        "storage",
    },
    "models": set[str](),
    "storage": set[str](),
    "migrations": {"storage"},
}

# Which parts may import a library that only they know.
HOMES = {
    "discord": {"bot"},
    "telegram": {"bot"},
    "torch": {"models"},
    "transformers": {"models"},
    "tokenizers": {"models"},
    "peft": {"models"},
    "sentence_transformers": {"models"},
    "safetensors": {"models"},
    "sklearn": {"models"},
    "scipy": {"models"},
    "trl": {"models"},
    "datasets": {"models"},
    "accelerate": {"models"},
    "sqlalchemy": {"storage", "migrations"},
    "aiosqlite": {"storage"},
    "cryptography": {"storage"},
    "alembic": {"storage", "migrations"},
    "prompt_toolkit": {"bot"},
    "babel": {"bot"},
    "resvg_py": {"bot"},
    "starlette": {"bot"},
    "uvicorn": {"bot"},
    "jinja2": {"bot"},
    "itsdangerous": {"bot"},
    "typer": {"main", "bot"},
}


def module_name(path: Path) -> str:
    """Return the dotted name of a source file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_files() -> list[Path]:
    return [ROOT / "main.py", *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """Return every module that a file imports, at its top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found.update(_imported_module(node.module or "", alias.name) for alias in node.names)
    return frozenset(found)


def _imported_module(module: str, name: str) -> str:
    """Return `module`, or `module.name` where that is a module of ours (`from storage import records`)."""
    inner = ROOT.joinpath(*module.split("."), name)
    return f"{module}.{name}" if inner.with_suffix(".py").is_file() or inner.is_dir() else module


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def home_of(module: str) -> str:
    """Return the key of `ALLOWED` for a module: the longest that holds it."""
    return max((name for name in ALLOWED if is_within(module, name)), key=len)


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_module_imports_only_what_the_architecture_allows(path: Path) -> None:
    home = home_of(module_name(path))
    ours = {module for module in imported_modules(path) if module.split(".")[0] in (*PACKAGES, "main", "tests")}
    allowed = {home, *ALLOWED[home]}
    assert not {module for module in ours if not any(is_within(module, package) for package in allowed)}


@pytest.mark.parametrize("path", source_files(), ids=module_name)
def test_module_imports_only_libraries_that_are_at_home_there(path: Path) -> None:
    home = module_name(path).split(".")[0]
    libraries = {module.split(".")[0] for module in imported_modules(path)}
    assert not {library for library in libraries if home not in HOMES.get(library, {home})}


def test_only_the_program_itself_imports_its_commands() -> None:
    outside = [path for path in source_files() if not module_name(path).startswith(("main", "bot.cli"))]
    assert not [path for path in outside for module in imported_modules(path) if is_within(module, "bot.cli")]


def test_every_top_level_package_is_under_the_rules() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found == set(PACKAGES)


def test_importing_bot_engine_and_storage_leaves_the_heavy_libraries_out() -> None:
    modules = [module_name(path) for package in ("bot", "engine", "storage") for path in (ROOT / package).rglob("*.py")]
    heavy = ["torch", "transformers", "peft", "sentence_transformers", "trl", "datasets"]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_importing_records_imports_no_database_code() -> None:
    code = "import sys, storage.records; print([name for name in ('sqlalchemy', 'alembic') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
