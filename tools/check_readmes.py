#!/usr/bin/env python3
"""Checks that each folder of sources has a README.md with one line a module, and none for a module that is gone.

A module is all files of one name: guide.h, guide.cpp and guide.cu; in kernels/ guide_math.h and guide_cuda.h as well. Its
line is "- `guide`: what it is"; "- `sub/`: what it is" stands for a subfolder with sources. Where a README.md has a
section "Files", only lines there count. A method's README.md has the lines of its algorithm/ too, as `algorithm/guide`.
What lies below tests/ mirrors the tree and needs no README.md.

usage: tools/check_readmes.py [ROOT]    prints one line per violation and exits 1 when there is any
"""
import re
import sys
from pathlib import Path

from check_layers import LAYERS

TOP = [*dict.fromkeys(name.split("/")[0] for name in LAYERS), "tools"]
SOURCES = {".h", ".cpp", ".cu", ".py", ".sh"}
NO_MODULES = {"README.md", "CMakeLists.txt"}
# Their modules have lines in the README.md above them.
LISTED_ABOVE = re.compile(r"reproductions/[^/]+/algorithm")
MIRROR = "tests"
PARTS = ("_math", "_cuda")  # of the module whose name stands before them
LINE = re.compile(r"- `([^`]+)`: \S")


def has_sources(folder):
    return any(file.suffix in SOURCES for file in folder.rglob("*"))


def subfolders(folder):
    return [sub for sub in sorted(folder.iterdir()) if sub.is_dir() and has_sources(sub)]


def modules(folder):
    """The names of the folder's modules."""
    stems = {file.name.split(".")[0] for file in folder.iterdir()
             if file.is_file() and file.name not in NO_MODULES and not file.name.startswith(".")}
    return {stem for stem in stems if not any(stem.endswith(p) and stem.removesuffix(p) in stems for p in PARTS)}


def expected(root, folder):
    """What the README.md of a folder has lines for."""
    names = modules(folder)
    for sub in subfolders(folder):
        if LISTED_ABOVE.fullmatch(sub.relative_to(root).as_posix()):
            names |= {f"{sub.name}/{name}" for name in modules(sub)}
        else:
            names.add(sub.name + "/")
    return names


def lines_of(text):
    """(number, name) of the lines for modules, in order."""
    lines = text.splitlines()
    begin, end = 0, len(lines)
    if "## Files" in lines:
        begin = lines.index("## Files") + 1
        end = next((i for i in range(begin, end) if lines[i].startswith("## ")), end)
    found = [(i + 1, LINE.match(lines[i])) for i in range(begin, end)]
    return [(number, match.group(1)) for number, match in found if match]


def check_folder(root, folder):
    where = folder.relative_to(root).as_posix()
    readme = folder / "README.md"
    if not readme.is_file():
        yield (f"{where}: no README.md; write one: what the folder is for, what may include it, and a line "
               f"\"- `module`: what it is\" for each module")
        return
    text = readme.read_text(encoding="utf-8")
    first = text.split("\n- ", 1)[0]
    if not any(line.strip() and not line.startswith("#") for line in first.splitlines()):
        yield f"{where}/README.md: nothing before the list; say what the folder is for and what may include it"
    names, seen = expected(root, folder), set()
    for number, name in lines_of(text):
        if name in seen:
            yield f"{where}/README.md:{number}: a second line for {name}; one is enough"
        elif name not in names:
            what = "folder with sources" if name.endswith("/") else "module"
            yield (f"{where}/README.md:{number}: a line for {name}, and no such {what} is here; take the line out or "
                   f"rename it")
        seen.add(name)
    for name in sorted(names - seen):
        yield f"{where}/README.md: no line for {name}; add \"- `{name}`: what it is\""


def violations(root, folder):
    if LISTED_ABOVE.fullmatch(folder.relative_to(root).as_posix()):
        return
    yield from check_folder(root, folder)
    if folder.relative_to(root).as_posix() != MIRROR:
        for sub in subfolders(folder):
            yield from violations(root, sub)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    folders = [root / name for name in TOP if (root / name).is_dir()]
    if not folders:
        sys.exit(f"{root}: none of the folders {', '.join(TOP)} is here")
    found = [line for folder in folders if has_sources(folder) for line in violations(root, folder)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
