#!/usr/bin/env python3
"""Runs the peers and Assay on the same data with the same threads, each repetition in a process of its own and all of
them interleaved, checks that the values agree, and prints how many times faster we are.

A peer's time is its function alone, on arrays that are in memory already (images: with reading them). Ours is what
`assay metric --json` says of itself: the work without loading the program and without reading feature files; reading
images and labels is part of it. Where no command does the work, a program in build/peers stands in and says the same.
Peak memory is the whole process's on both sides.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import cases  # noqa: E402
import training  # noqa: E402

CASES = cases.CASES + training.CASES
# What slows or changes the arithmetic libraries of one side.
SLOWING = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_DEBUG_CPU_TYPE", "MKL_ENABLE_INSTRUCTIONS",
           "ONEDNN_MAX_CPU_ISA", "OPENBLAS_CORETYPE")
BUSY = 0.1  # cores that other programs use, from which on a figure is marked


def run_peer(case, peer, folder):
    """In a process of its own: the seconds and the values, as JSON on stdout."""
    values, seconds = case.peers[peer](folder)
    # Not ru_maxrss, which holds the peak of the process that started this one as well.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    print("RESULT " + json.dumps({"seconds": seconds, "values": values, "peak": peak}))


def measured(command, threads):
    """Output of a program and what measured.py says of it."""
    environment = {name: value for name, value in os.environ.items() if name not in SLOWING}
    environment.update(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
                       OMP_WAIT_POLICY="PASSIVE")
    with tempfile.NamedTemporaryFile("r", suffix=".json") as facts:
        starter = [sys.executable, "-S", Path(__file__).parent / "measured.py", facts.name]
        run = subprocess.run([*starter, *command], capture_output=True, text=True, env=environment)
        if run.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: exit code {run.returncode}: {run.stderr[-2000:]}")
        return run.stdout, json.load(facts)


def ours(case, assay, folder, threads):
    program = [Path(assay).parent.parent / case.program] if case.program else [assay, "--json"]
    out, found = measured([program[0], *case.command(folder, threads), *program[1:]], threads)
    answer = json.loads(out)
    values = case.read(folder) if case.read else {}
    for row in answer["results"]:
        if not row.get("part"):
            values.setdefault(row["metric"], row["value"])
    seconds = answer["seconds"]["total"] - answer["seconds"].get("read", 0.0)
    return {"seconds": seconds, "wall": found["seconds"], "values": values, "peak": found["peak"],
            "busy": found["busy"]}


def theirs(case, peer, folder, threads):
    out, found = measured([sys.executable, __file__, "--peer", case.name, peer, str(folder)], threads)
    answer = json.loads(next(line for line in out.splitlines() if line.startswith("RESULT "))[7:])
    return {**answer, "busy": found["busy"]}


def difference(case, mine, other):
    """The largest difference of the values both have, relative or absolute as the case says."""
    worst = 0.0
    for name, value in other.items():
        if name not in mine:
            raise RuntimeError(f"{case.name}: we gave no '{name}'")
        scale = max(abs(value), 1e-300) if case.relative else 1.0
        worst = max(worst, abs(mine[name] - value) / scale)
    return worst


def mib(size):
    return f"{size / 2**20:,.0f}"


def chosen_cases(parser, only):
    """Those of these names, or that begin with one and a dash."""
    if not only:
        return CASES
    for name in only:
        if not any(begins(case, name) for case in CASES):
            parser.error(f"--only {name}: no such case; there are {', '.join(case.name for case in CASES)}")
    return [case for case in CASES if any(begins(case, name) for name in only)]


def begins(case, name):
    return case.name == name or case.name.startswith(name + "-")


def all_runs(case, options):
    """Of everybody with each number of threads, all of them in turn: {(who, threads): [repetition]}."""
    runs = {}
    with tempfile.TemporaryDirectory(prefix="assay-peers-") as name:
        folder = Path(name)
        case.prepare(folder)
        for repetition in range(options.repetitions):
            print(f"{case.name}: repetition {repetition + 1} of {options.repetitions}", end="\r", file=sys.stderr)
            for threads in options.threads:
                for peer in case.peers:
                    runs.setdefault((peer, threads), []).append(theirs(case, peer, folder, threads))
                runs.setdefault(("assay", threads), []).append(ours(case, options.assay, folder, threads))
    return runs


def compared(case, peer, threads, runs, fault):
    """A line of the table."""
    other, mine = runs[peer, threads], runs["assay", threads]
    ratios = sorted(theirs_["seconds"] / ours_["seconds"] for theirs_, ours_ in zip(other, mine))
    off = max(difference(case, ours_["values"], theirs_["values"]) for theirs_, ours_ in zip(other, mine))
    tolerance = case.tolerance.get(peer, 0.0)
    agrees = off <= tolerance and not math.isnan(off)
    if not agrees:
        fault(f"{case.name}: values differ from {peer}'s by {off:.2g}, allowed is {tolerance:.2g}")
    busy = max(run["busy"] for run in other + mine)
    return (case.name, peer, threads,
            *(f"{statistics.median(r['seconds'] for r in side):.4g}" for side in (other, mine)),
            f"{statistics.median(ratios):.3g} ({ratios[0]:.3g}-{ratios[-1]:.3g})", str(case.goal.get(peer, "")),
            f"{off:.1e}" + ("" if agrees else " !"), *(mib(max(r["peak"] for r in side)) for side in (other, mine)),
            f"{busy:.1f}" + (" *" if busy > BUSY else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assay", default="build/bin/assay")
    parser.add_argument("--only", nargs="*", help="names of cases, or how they begin: `train` is every train-...")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[os.cpu_count()])
    parser.add_argument("--json", type=Path, help="write all repetitions here")
    parser.add_argument("--store", type=Path, default=Path("results/assay.db"), help="record all repetitions here")
    parser.add_argument("--peer", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.repetitions < 1 or min(options.threads) < 1:
        parser.error("--repetitions and --threads: at least 1")
    if options.peer:
        name, peer, folder = options.peer
        run_peer(next(case for case in CASES if case.name == name), peer, Path(folder))
        return 0

    cleared = [name for name in SLOWING if name in os.environ]
    if cleared:
        print(f"peers: {', '.join(cleared)} would slow one side and is not passed on")
    records, faults = [], []
    layout = "{:<22} {:<16} {:>7} {:>9} {:>9} {:>16} {:>6} {:>11} {:>9} {:>8} {:>6}"
    print(layout.format("case", "peer", "threads", "peer s", "ours s", "ratio", "goal", "difference", "peer MiB",
                        "our MiB", "busy"), flush=True)
    for case in chosen_cases(parser, options.only):
        runs = all_runs(case, options)
        for peer in case.peers:
            for threads in options.threads:
                print(layout.format(*compared(case, peer, threads, runs, faults.append)), flush=True)
        records += [{"case": case.name, "who": who, "shape": case.shape, "repetition": i, "threads": threads, **run}
                    for (who, threads), side in runs.items() for i, run in enumerate(side)]
    print(f"Ratio: median (smallest-largest) of {options.repetitions} interleaved repetitions. A peer's time is its "
          "function alone; ours includes reading images and labels.\n"
          f"Busy: cores that other programs used, at most; * above {BUSY}: such times describe that hour, not the "
          "programs.")
    if options.json:
        options.json.write_text(json.dumps(records, indent=1))
    keep(options, records)
    for fault in faults:
        print(f"peers: {fault}", file=sys.stderr)
    return 1 if faults else 0


def keep(options, records):
    """Every repetition into the store, by way of the format that `assay bench` reads."""
    rows = [{"name": r["case"], "run_type": "iteration", "label": f"{r['case']}/{r['who']}/{r['shape']}/float32/cpu",
             "threads": r["threads"], "repetition_index": r["repetition"], "real_time": r["seconds"], "time_unit": "s",
             "peak_memory": r["peak"]} for r in records]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"benchmarks": rows}, file)
        file.flush()
        subprocess.run([options.assay, "bench", "--import", file.name, "--store", options.store], check=True)


if __name__ == "__main__":
    sys.exit(main())
