#!/usr/bin/env python3
"""Says from ninja's log where the time of a build went: python3 tools/build_times.py [--slowest N] [BUILD].

Prints the steps and seconds of each layer, or with --slowest only the N files that took longest. Seconds are wall time,
which is processor time where one step runs at a time (JOBS=1) and nothing came from ccache.
"""
import argparse
from pathlib import Path


def steps(build):
    """Seconds of each output that is there, as last built. A step of several outputs counts once, under its first."""
    seconds = {}
    seen = {}  # a step's hash and times name it
    for line in (build / ".ninja_log").read_text().splitlines():
        if line.startswith("#"):
            continue
        begin, end, _, output, command = line.split("\t")
        step = (begin, end, command)
        if seen.setdefault(step, output) == output:
            seconds[output] = (int(end) - int(begin)) / 1000
    return {output: value for output, value in seconds.items() if (build / output).exists()}


def layer_of(output):
    """The first folder of an object; what is linked or made otherwise is named so."""
    if "cmake_pch" in output:
        return "precompiled headers"
    if not output.endswith(".o"):
        return "other steps: link, archive, configure"
    head = output.split("/")[0]
    return "made by CMake" if head == "CMakeFiles" else head


def name_of(output):
    """An object's source, where CMake named it so: core/CMakeFiles/assay_core.dir/file.cpp.o is core/file.cpp."""
    head, _, tail = output.partition("CMakeFiles/")
    return head + tail.partition("/")[2].removesuffix(".o") if tail else output


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slowest", type=int, metavar="N", help="only the N files that took longest, in one line")
    parser.add_argument("build", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent / "build")
    options = parser.parse_args()
    if not (options.build / ".ninja_log").is_file():
        print(f"build times: {options.build} has not been built yet")
        return
    seconds = steps(options.build)
    if options.slowest is not None:
        objects = sorted((o for o in seconds if o.endswith(".o")), key=lambda o: (-seconds[o], o))[:options.slowest]
        print("slowest files: " + ", ".join(f"{name_of(o)} {seconds[o]:.1f} s" for o in objects))
        return
    layers = {}
    for output, value in seconds.items():
        layers.setdefault(layer_of(output), []).append(value)
    for layer, values in sorted(layers.items(), key=lambda item: -sum(item[1])):
        print(f"{layer:<40} {len(values):4} steps {sum(values):8.1f} s")
    print(f"{'all':<40} {len(seconds):4} steps {sum(seconds.values()):8.1f} s")


main()
