"""Draw what imports what in `sdbook`, as a Mermaid flowchart, which GitHub shows as a picture.

    python tools/architecture.py                  print the picture
    python tools/architecture.py --write          put it into CONTRIBUTING.md
    python tools/architecture.py --root FOLDER    draw another checkout, such as an older commit

A box is a module or package directly below ``sdbook``, ``sdbook.book`` or ``sdbook.experiments``,
with its lines of Python. An arrow leads from what imports to what is imported. Arrows that follow
from others are left out: where A leads to B and B to C, none is drawn from A to C. ``sdbook``
itself is left out as well: it only passes on what its modules define.

The imports are found by grimp, which reads the code and runs none of it.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- python tools/architecture.py --write: begin -->", "<!-- end -->"
WINGS = {"book": "the book", "experiments": "the experiments"}


def imports() -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the boxes, each with its wing or an empty string, and the arrows between them."""
    graph = grimp.build_graph("sdbook", cache_dir=None)
    boxes: dict[str, str] = {}
    for module in sorted(graph.find_children("sdbook")):
        wing = module.removeprefix("sdbook.")
        inside = sorted(graph.find_children(module)) if wing in WINGS else []
        boxes |= dict.fromkeys(inside, wing) or {module: ""}
    for box in boxes:
        graph.squash_module(box)
    for package in graph.modules - set(boxes):  # their __init__.py
        for other in graph.find_modules_directly_imported_by(package):
            graph.remove_import(importer=package, imported=other)
        for other in graph.find_modules_that_directly_import(package):
            graph.remove_import(importer=other, imported=package)
    arrows = []
    for one in boxes:
        for other in sorted(graph.find_modules_directly_imported_by(one) - {one}):
            graph.remove_import(importer=one, imported=other)
            if not graph.chain_exists(importer=one, imported=other):
                graph.add_import(importer=one, imported=other)
                arrows.append((one, other))
    return boxes, arrows


def lines(root: Path, module: str) -> int:
    """Count the lines of Python of a module, or of all files of a package."""
    path = root.joinpath(*module.split("."))
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    return sum(file.read_text(encoding="utf-8").count("\n") for file in files)


def picture(root: Path) -> str:
    """Return the flowchart of the package in a folder that is on the path of Python."""
    boxes, arrows = imports()
    total = {wing: lines(root, f"sdbook.{wing}") for wing in WINGS if wing in boxes.values()}
    total[""] = lines(root, "sdbook") - sum(total.values())
    drawn = ["```mermaid", "flowchart TD"]
    for wing, count in total.items():
        title = f"{WINGS.get(wing, 'the library')}: {count} lines"
        drawn.append(f'  subgraph {wing or "library"}["{title}"]')
        drawn.append("    direction TB")
        for box in (box for box in boxes if boxes[box] == wing):
            name = box.removeprefix("sdbook.")
            drawn.append(f'    {name}["{name.rpartition(".")[2]}<br>{lines(root, box)}"]')
        drawn.append("  end")
    for one, other in arrows:
        drawn.append(f"  {one.removeprefix('sdbook.')} --> {other.removeprefix('sdbook.')}")
    return "\n".join([*drawn, "```"])


def without_counts(text: str) -> str:
    """Return a picture without its numbers of lines, which any change moves."""
    return re.sub(r"(<br>|: )\d+( lines)?", "", text)


def between_markers(page: str) -> str:
    """Return what stands between the two markers of a page."""
    _, begin, rest = page.partition(f"{BEGIN}\n")
    found, end, _ = rest.partition(f"\n{END}")
    if not begin or not end:
        raise ValueError(f"the page must have the lines {BEGIN} and {END}")
    return found


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout to draw")
    parser.add_argument("--write", action="store_true", help="put the picture into CONTRIBUTING.md")
    options = parser.parse_args()
    sys.path.insert(0, str(options.root))  # where grimp looks for the package
    drawn = picture(options.root)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        page = page.replace(between_markers(page), drawn)
        PAGE.write_text(page, encoding="utf-8", newline="\n")
    else:
        print(drawn)


if __name__ == "__main__":
    main()
