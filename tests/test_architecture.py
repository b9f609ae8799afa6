"""The rooms and their floors: an import goes down, never up; the steps run without Airflow; nothing works at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "include" / "fieldwork"

#: From the ground up (docs/architecture.md). Rooms of one floor do not import each other, but for the pairs below.
FLOORS = [
    {"errors", "spreadsheet"},
    {"streams", "failpoint"},
    {"settings"},
    {"warehouse"},
    {"connectors", "quality", "rules", "writeback", "privacy"},
    {"steps"},
    {"orchestration"},
    {"cli"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
#: Shapes that meet (DESIGN's word): protocols and tables without a room's code, which a neighbour may name.
SHARED = {
    "fieldwork.steps.progress", "fieldwork.connectors.base", "fieldwork.connectors.webhook.base",
    "fieldwork.writeback.fields",
}  # fmt: skip


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "versions" not in path.parts)


def _room(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


def _imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """Line, absolute module name, and whether it stands at the top of the module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    package = ("fieldwork", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, id(node) in top
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = ".".join(package[: len(package) - node.level + 1])
                stem = f"{base}.{node.module}" if node.module else base
            else:
                stem = node.module or ""
            yield node.lineno, stem, id(node) in top
            if stem in {"fieldwork", *(f"fieldwork.{room}" for room in FLOOR)}:
                for alias in node.names:
                    yield node.lineno, f"{stem}.{alias.name}", id(node) in top


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    room = _room(path)
    if room in {"__init__", "__main__", "sandbox"}:
        return
    climbing = []
    for line, module, _ in _imports(path):
        parts = module.split(".")
        if parts[0] != "fieldwork" or len(parts) < 2 or module in SHARED:
            continue
        other = parts[1]
        if other == room or other.startswith("__"):
            continue
        if other == "sandbox":
            if room != "cli":
                climbing.append(f"line {line}: {module} (the product never imports the sandbox)")
        elif FLOOR.get(other, 0) >= FLOOR[room]:
            climbing.append(f"line {line}: {module}")
    assert climbing == []


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_airflow_is_known_in_one_room_and_heavy_libraries_are_lazy(path: Path) -> None:
    for line, module, at_top in _imports(path):
        root = module.split(".")[0]
        assert root != "airflow" or _room(path) == "orchestration", f"line {line}"
        assert not (at_top and root in {"great_expectations", "pandas"}), f"line {line}: import it lazily"


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_product_code_raises_typed_errors_instead_of_asserting(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)] == []


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_the_environment_is_read_in_settings_alone(path: Path) -> None:
    if _room(path) in {"settings", "orchestration", "cli"}:  # these hand it on to Airflow and to child processes
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    told = {
        id(target.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Subscript)
    }
    read = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and id(node) not in told
    ]
    assert read == [], "only telling a library something is allowed"


def test_every_module_has_a_docstring_and_is_one_idea() -> None:
    modules = _modules()
    assert len(modules) > 50, "the package was not found"
    without = [p.name for p in modules if not ast.get_docstring(ast.parse(p.read_text(encoding="utf-8")))]
    long = [p.name for p in modules if len(p.read_text(encoding="utf-8").splitlines()) > 350]
    assert (without, long) == ([], [])


def test_everything_but_orchestration_imports_with_airflow_blocked() -> None:
    names = [
        "fieldwork." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for path in _modules()
        if _room(path) not in {"orchestration", "__main__"} and path.name != "__init__.py" and path.stem != "env"
    ]
    script = (
        "import sys, importlib\n"
        "class Wall:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name.split('.')[0] in ('airflow', 'great_expectations', 'pandas'):\n"
        "            raise ImportError(name + ' is blocked')\n"
        "sys.meta_path.insert(0, Wall())\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "print(len(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
