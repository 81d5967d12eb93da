#!/usr/bin/env python3
"""Writes one file that holds several tests, to be compiled at once: python3 tools/join_tests.py OUT FILE...

FILEs are paths below the current folder. A test keeps what it defines in one anonymous namespace, from its includes to its
end. Two tests may give one name two meanings there, so each gets a namespace of its own within: what the compiler says, and
what GoogleTest knows of a case, still names the test's own file and line.
"""
import re
import sys
from pathlib import Path

OPEN, CLOSE = "namespace {", "}  // namespace"


def joined(name):
    """The text of one test."""
    lines = Path(name).read_text(encoding="utf-8").splitlines()
    last = max((i for i, line in enumerate(lines) if line and not line.startswith("}  // namespace")), default=0)
    if lines.count(OPEN) != 1 or lines.count(CLOSE) != 1 or lines.index(CLOSE) < last:
        sys.exit(f"join_tests: {name}: a test keeps what it defines in one anonymous namespace: one line '{OPEN}' after the "
                 f"includes, and '{CLOSE}' at the end")
    own = re.sub(r"\W", "_", name.removesuffix(".cpp"))
    lines[lines.index(OPEN)] = f"{OPEN} namespace {own} {{"
    lines[lines.index(CLOSE)] = "}" + CLOSE
    return f'#line 1 "{name}"\n' + "\n".join(lines) + "\n"


def main():
    out, *names = sys.argv[1:]
    Path(out).write_text("// Written by tools/join_tests.py.\n" + "".join(map(joined, names)), encoding="utf-8")


main()
