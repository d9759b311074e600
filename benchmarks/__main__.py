"""List the benchmarks, one line each."""

import ast
import sys
from pathlib import Path


def listing() -> dict[str, str]:
    """Each benchmark's name and what it asks: the first line of its file."""
    files = sorted(file for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))
    return {file.stem: _question(file) for file in files}


def _question(file: Path) -> str:
    says = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return says.partition("\n")[0]


def main() -> None:
    """Print the list."""
    benchmarks = listing()
    width = max(map(len, benchmarks), default=0)
    for name, question in benchmarks.items():
        print(f"{name:{width}}  {question}")
    print(f"\nRun one: {Path(sys.executable).name} -m benchmarks.NAME [--quick] [--json]")


if __name__ == "__main__":
    main()
