"""The package as a whole: its public names, its imports, its distributions."""

from __future__ import annotations

import ast
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import aeros_compat

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "aeros_compat"


def test_public_names() -> None:
    assert aeros_compat.__all__ == sorted(aeros_compat.__all__)
    for name in aeros_compat.__all__:
        assert hasattr(aeros_compat, name)


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """The modules of this package that a module imports when it runs (not for its types alone)."""
    package = module_name(path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    found: set[str] = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            found.add(".".join([*base, node.module] if node.module else base))
    return found


def test_imports_run_one_way() -> None:
    """No cycle: every module can be read, tested and moved alone."""
    graph = {module_name(path): imports_of(path) for path in PACKAGE.rglob("*.py")}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"import cycle: {' -> '.join([*path, module])}"
        if module not in done:
            for target in graph.get(module, ()):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_private_names_of_others_stay_in_one_file() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path.name == "upstream.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and not node.level:
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                allowed = (node.module or "").startswith(("_typeshed", "__future__"))
                assert allowed or not private, f"{path.name} imports {private} from {node.module}"


def test_nothing_is_imported_inside_functions() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = [sub for sub in ast.walk(node) if isinstance(sub, ast.Import | ast.ImportFrom)]
                assert not inner, f"{path.name}: {node.name} imports inside"


def test_built_distributions(tmp_path: Path) -> None:
    """Wheel and sdist build; the wheel is complete, typed, and works from a clean environment."""
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    (sdist,) = tmp_path.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = {str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*.py")}
    assert sources | {"aeros_compat/py.typed", "pytest_aeros.py"} <= names
    with tarfile.open(sdist) as archive_:
        assert any(name.endswith("/README.md") for name in archive_.getnames())
    # Dependencies come from this environment, the package from the wheel alone.
    environment = tmp_path / "clean"
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "-q", "--no-index", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    (site_packages,) = {path for path in sys.path if path.endswith("site-packages")}
    script = (
        f"import sys; sys.path.append({site_packages!r})\n"
        "import aeros_compat; assert 'clean' in aeros_compat.__file__, aeros_compat.__file__\n"
        "app = aeros_compat.WebServer('x')\n"
        "app.add_url_rule('/', view_func=lambda: 'ok')\n"
        "assert app.test_client().get('/').text == 'ok'\n"
    )
    subprocess.run([str(python), "-W", "error", "-c", script], check=True, cwd=tmp_path, timeout=60)


def test_nothing_names_the_folder_that_it_was_made_in() -> None:
    texts = [
        *PACKAGE.rglob("*.py"),
        *(ROOT / "migration_guide").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "SECURITY.md",
    ]
    for path in texts:
        assert str(ROOT) not in path.read_text(), path
