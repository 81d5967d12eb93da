#!/usr/bin/env python3
"""Checks the include lines of the sources against the layers of docs/architecture.md.

usage: tools/check_layers.py [ROOT]    prints one line per violation and exits 1 when there is any
"""
import os
import re
import sys
from pathlib import Path

# Folder: what its files may include besides files of the same folder. `*` stands for one folder of any name that is not
# named itself; `x/**` for x and all below it. A folder owns its subfolders unless some of them are named here: then a
# subfolder must be named too. Lowest layers first. app and tests may include everything.
BELOW_DIFFUSION = {"core", "kernels"}
BELOW_METRICS = {"core", "images", "kernels"}
BELOW_REPRODUCTIONS = {"core", "images", "datasets", "kernels", "diffusion/**", "metrics/**"}
LAYERS = {
    "core": set(),
    "store": {"core"},
    "images": {"core"},
    "datasets": {"core", "images"},
    "kernels": {"core"},

    "diffusion": BELOW_DIFFUSION,
    "diffusion/text": {"core"},
    "diffusion/process": BELOW_DIFFUSION,
    "diffusion/networks": BELOW_DIFFUSION | {"diffusion", "diffusion/process"},
    "diffusion/networks/*": BELOW_DIFFUSION | {"diffusion", "diffusion/networks"},
    "diffusion/networks/sd": BELOW_DIFFUSION | {"diffusion", "diffusion/networks", "diffusion/text"},
    "diffusion/guidance": BELOW_DIFFUSION | {"diffusion", "diffusion/process"},
    "diffusion/sampling/diffusers": BELOW_DIFFUSION | {"diffusion", "diffusion/process", "diffusion/guidance"},
    "diffusion/sampling": BELOW_DIFFUSION
    | {"diffusion", "diffusion/process", "diffusion/guidance", "diffusion/sampling/diffusers"},
    "diffusion/training": BELOW_DIFFUSION
    | {"diffusion", "diffusion/process", "diffusion/networks", "diffusion/networks/adm", "diffusion/guidance"},

    "metrics": BELOW_METRICS,
    "metrics/linear_algebra": BELOW_METRICS,
    "metrics/statistics": BELOW_METRICS,
    "metrics/feature_sets": BELOW_METRICS | {"metrics/linear_algebra", "metrics/statistics"},
    "metrics/features": BELOW_METRICS | {"metrics/feature_sets"},
    "metrics/generative": BELOW_METRICS
    | {"metrics", "metrics/linear_algebra", "metrics/statistics", "metrics/feature_sets", "metrics/features"}
    | {"metrics/clustering"},
    "metrics/protocols": BELOW_METRICS | {"metrics", "metrics/generative"},
    "metrics/clustering": BELOW_METRICS | {"metrics", "metrics/statistics"},
    "metrics/masks": BELOW_METRICS | {"metrics", "metrics/statistics"},

    "reproductions/claims": {"core"},
    "reproductions/samples": BELOW_REPRODUCTIONS,
    "reproductions/objects": BELOW_REPRODUCTIONS,
    "reproductions": BELOW_REPRODUCTIONS | {"reproductions/claims", "reproductions/samples"},
    "reproductions/published": BELOW_REPRODUCTIONS | {"reproductions", "reproductions/samples"},
    "reproductions/*/algorithm": BELOW_REPRODUCTIONS | {"reproductions/samples", "reproductions/objects"},
    # The study compares two methods, so it includes both.
    "reproductions/guidance_imbalance": BELOW_REPRODUCTIONS
    | {"reproductions", "reproductions/samples"}
    | {f"reproductions/{method}{floor}" for method in ("self_guided", "ed_dpm") for floor in ("", "/algorithm")},
    "reproductions/*": BELOW_REPRODUCTIONS
    | {"reproductions", "reproductions/samples", "reproductions/objects", "reproductions/published",
       "reproductions/*/algorithm"},

    **{folder: BELOW_REPRODUCTIONS | {"store", "reproductions/**"}
       for folder in ("bench/harness", "bench/parity", "bench/micro", "bench/peers")},
    "bench/study": BELOW_REPRODUCTIONS | {"store", "reproductions/**", "bench/harness"},
    "reports/pages": {"core"},
    "reports": {"core", "store", "metrics/statistics", "reports/pages"},
    "reports/gate": {"core", "store", "metrics/statistics", "reports", "reports/pages"},
    "app": {"**"},
    "tests": {"**"},
}
# These say more than their folder may: each includes what it makes a table of.
OF_ALL_METHODS = {"reproductions/configured_method.cpp"}

# What a file of the first folder includes in place of the second, or of what lies below it.
IN_PLACE_OF = {
    ("diffusion/sampling", "diffusion/networks"): "diffusion/denoiser.h, which every network is",
    ("diffusion/guidance", "diffusion/networks"): "diffusion/denoiser.h or diffusion/classifier.h, which every network is",
}

WITHOUT_TORCH = {"core", "store", "images", "datasets", "diffusion/text", "reports", "reports/gate", "reports/pages"}
TORCH = re.compile(r"(torch|ATen|c10|caffe2)/")
# These take half a minute to parse, which every file that includes the header would pay.
SLOW_IN_HEADERS = re.compile(r"(torch/(torch|nn|all)\.h|torch/(nn|csrc/api)/.*)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^">]+)[">]', re.MULTILINE)


def pattern_of(folder):
    """The key of LAYERS that names this folder, or None."""
    parts = folder.split("/")
    patterns = [folder] + ["/".join([*parts[:star], "*", *parts[star + 1:]]) for star in range(len(parts))]
    return next((pattern for pattern in patterns if pattern in LAYERS), None)


def layer_of(path):
    """The key of LAYERS that a source belongs to and the folder that it stands for; (None, None) where none does."""
    folder, below = path.rpartition("/")[0], False
    while folder:
        pattern = pattern_of(folder)
        if pattern:
            floors = any(key.startswith(pattern + "/") for key in LAYERS)
            return (None, None) if below and floors else (pattern, folder)
        folder, below = folder.rpartition("/")[0], True
    return None, None


def method_of(layer, folder):
    return folder.split("/")[1] if layer.startswith("reproductions/*") else ""


def allows(layer, other, other_folder):
    """Whether files of `layer` may include those of `other`, another folder."""
    if other == layer and "*" in layer:
        return False
    return any(a in ("**", other, other_folder) or (a.endswith("/**") and (other_folder + "/").startswith(a[:-2]))
               for a in LAYERS[layer])


def places_for(where, included):
    """Where a file that includes these layers may lie: folders that share most of its path first."""
    parts = where.split("/")
    top = parts[0]
    fitting = [name for name in LAYERS if name not in ("app", "tests")
               and all(folder == name or allows(name, other, folder) for other, folder in included)]
    if top == "reproductions" and len(parts) > 2:
        fitting = [name.replace("reproductions/*", "/".join(parts[:2])) for name in fitting]
    return sorted(fitting, key=lambda name: -len(os.path.commonprefix([name.split("/"), parts])))[:3]


def violations(root):
    for file in sorted(p for folder in {name.split("/")[0] for name in LAYERS} for p in (root / folder).rglob("*")):
        if file.suffix not in (".h", ".cpp", ".cu"):
            continue
        text = file.read_text(encoding="utf-8")
        where = file.relative_to(root).as_posix()
        layer, folder = layer_of(where)
        if file.suffix == ".h" and not re.search(r"^#pragma once$", text, re.MULTILINE):
            yield f"{where}: a header needs #pragma once"
        if layer is None:
            known = [key for key in LAYERS if key.startswith(where.split("/")[0] + "/")]
            yield f"{where}: no folder for sources; known: {', '.join(known)} (tools/check_layers.py)"
            continue
        without_torch = layer in WITHOUT_TORCH or file.suffix == ".cu" or file.name.endswith("_math.h")
        included = {layer_of(h) for h in INCLUDE.findall(text)} - {(None, None)}
        for match in INCLUDE.finditer(text):
            header = match.group(1)
            place = f"{where}:{text.count(chr(10), 0, match.start(1)) + 1}"
            other, other_folder = layer_of(header)
            if other is None or other_folder == folder or where in OF_ALL_METHODS:
                pass
            elif method_of(layer, folder) and method_of(other, other_folder) not in ("", method_of(layer, folder)):
                yield (f"{place}: no method includes another ({header}); what two of them need belongs in diffusion/, "
                       f"metrics/, reproductions/samples/ or reproductions/objects/")
            elif not allows(layer, other, other_folder):
                fitting = places_for(where, included)
                instead = next((text for (own, theirs), text in IN_PLACE_OF.items()
                                if folder.startswith(own) and (other_folder + "/").startswith(theirs + "/")), "")
                yield (f"{place}: {folder}/ may not include {header}; allowed: "
                       f"{', '.join(sorted(LAYERS[layer])) or 'nothing of ours'}; "
                       + (f"include {instead}, or: " if instead else "")
                       + (f"what includes this belongs in {' or '.join(name + '/' for name in fitting)}" if fitting
                          else "no folder may include all that this file does: divide it"))
            if TORCH.match(header) and without_torch:
                yield f"{place}: {header}: no LibTorch header may be included here"
            elif file.suffix == ".h" and SLOW_IN_HEADERS.match(header):
                yield f"{place}: {header} may stand in .cpp files only; <ATen/core/Tensor.h> is enough for a header"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
    if not any((root / name.split("/")[0]).is_dir() for name in LAYERS):
        sys.exit(f"{root}: none of the folders {', '.join(name for name in LAYERS if '/' not in name)} is here")
    found = list(violations(root))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
