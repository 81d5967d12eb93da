#!/usr/bin/env python3
"""Checks the include lines of the sources against the layers of docs/architecture.md.

usage: tools/check_layers.py [ROOT]    prints one line per violation and exits 1 when there is any
"""
import re
import sys
from pathlib import Path

# Lowest first: folder, what it may include besides itself. app and tests may include everything.
LAYERS = {
    "core": set(),
    "store": {"core"},
    "datasets": {"core"},
    "kernels": {"core"},
    "diffusion": {"core", "kernels"},
    "metrics": {"core", "kernels"},
    "reproductions": {"core", "datasets", "kernels", "diffusion", "metrics"},
    "bench": {"core", "store", "datasets", "kernels", "diffusion", "metrics", "reproductions"},
    "reports": {"core", "store"},
}
LAYERS["app"] = set(LAYERS)
LAYERS["tests"] = set(LAYERS)

WITHOUT_TORCH = {"core", "store", "datasets", "reports"}
TORCH = re.compile(r"(torch|ATen|c10|caffe2)/")
# These take half a minute to parse, which every file that includes the header would pay.
SLOW_IN_HEADERS = re.compile(r"(torch/(torch|nn|all)\.h|torch/(nn|csrc/api)/.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^">]+)[">]', re.MULTILINE)


def violations(root):
    for folder, allowed in LAYERS.items():
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".h", ".cpp", ".cu"):
                continue
            text = file.read_text(encoding="utf-8")
            where = file.relative_to(root)
            if file.suffix == ".h" and not re.search(r"^#pragma once$", text, re.MULTILINE):
                yield f"{where}: a header needs #pragma once"
            without_torch = folder in WITHOUT_TORCH or file.suffix == ".cu" or file.name.endswith("_math.h")
            for match in INCLUDE.finditer(text):
                header = match.group(1)
                place = f"{where}:{text.count(chr(10), 0, match.start(1)) + 1}"
                layer = header.split("/")[0]
                if layer in LAYERS and layer != folder and layer not in allowed:
                    yield f"{place}: {folder}/ may not include {header}; allowed: {', '.join(sorted(allowed)) or 'nothing of ours'}"
                if TORCH.match(header) and without_torch:
                    yield f"{place}: {header}: no LibTorch header may be included here"
                elif file.suffix == ".h" and SLOW_IN_HEADERS.match(header):
                    yield f"{place}: {header} may stand in .cpp files only; <ATen/core/Tensor.h> is enough for a header"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    if not any((root / folder).is_dir() for folder in LAYERS):
        sys.exit(f"{root}: none of the folders {', '.join(LAYERS)} is here")
    found = list(violations(root))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
