#!/usr/bin/env python3
"""Runs clang-tidy (checks in .clang-tidy) on the .cpp files that changed since a base, headers through their .cpp.

usage: tools/tidy.py BUILD_FOLDER [FILE...]

Base: $LINT_BASE, else where HEAD left origin's default branch, else the commit before HEAD, else every file counts.
A file that passed is not read again until its preprocessed text or the checks change. A file that includes LibTorch
takes a minute, so those come last, and after $LINT_SECONDS (default 120; 0: no limit) no further file is begun: the
files left out are named, and the next call goes on with them.
"""
import concurrent.futures
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("ASSAY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay") / "tidy"
SECONDS = float(os.environ.get("LINT_SECONDS") or 120)


def git(*arguments):
    result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return result.stdout.strip() if result.returncode == 0 else ""


def base_commit():
    given = os.environ.get("LINT_BASE")
    if given:
        return git("rev-parse", "--verify", f"{given}^{{commit}}") or sys.exit(f"tidy: LINT_BASE={given} is not a commit here")
    head = git("rev-parse", "HEAD")
    for branch in ("origin/HEAD", "origin/main", "origin/master"):
        base = git("merge-base", "HEAD", branch)
        if base and base != head:
            return base
    return git("rev-parse", "--verify", "--quiet", "HEAD~1")


def changed_files():
    base = base_commit()
    if not base:
        return git("ls-files").splitlines()
    untracked = git("ls-files", "--others", "--exclude-standard").splitlines()
    return git("diff", "--name-only", "--diff-filter=d", base).splitlines() + untracked


def without_precompiled(command):
    """The command without g++'s precompiled headers, which clang cannot read: a file includes what it uses. Nor does it
    know g++'s parameters."""
    return re.sub(r" -Winvalid-pch -include \S+/cmake_pch\.hxx| --param=\S+", "", command)


def preprocess(entry):
    """The key of the file's content as the compiler sees it, and whether LibTorch is part of it."""
    command = [word for word in shlex.split(entry["command"]) if word != "-c" and not word.endswith("ccache")]
    command[command.index("-o") + 1] = "-"
    result = subprocess.run([*command, "-E"], cwd=entry["directory"], capture_output=True)
    key = hashlib.sha256(result.stdout + (ROOT / ".clang-tidy").read_bytes()).hexdigest()
    return key, b"ATen/core/" in result.stdout


def main():
    build = Path(sys.argv[1]).resolve()
    wanted = {str(ROOT / Path(name).with_suffix(".cpp")) for name in sys.argv[2:] or changed_files() if name.endswith((".cpp", ".h"))}
    entries = [{**entry, "command": without_precompiled(entry["command"])}
               for entry in json.loads((build / "compile_commands.json").read_text()) if entry["file"] in wanted]
    database = build / "tidy"
    database.mkdir(exist_ok=True)
    (database / "compile_commands.json").write_text(json.dumps(entries))
    CACHE.mkdir(parents=True, exist_ok=True)

    begin, findings, left_out, checked = time.monotonic(), 0, [], 0

    def tidy(key, file):
        if SECONDS and time.monotonic() - begin > SECONDS:
            return None
        result = subprocess.run([
            "clang-tidy-14", "-p", str(database), "--quiet", "--extra-arg=-Wno-unknown-warning-option",
            "--extra-arg=-fno-openmp", file], cwd=ROOT, capture_output=True, text=True)
        if result.returncode == 0:
            (CACHE / key).touch()
        return result

    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS") or os.cpu_count() or 1)) as pool:
        texts = list(pool.map(preprocess, entries))
        todo = sorted((torch, entry["file"], key) for (key, torch), entry in zip(texts, entries) if not (CACHE / key).exists())
        runs = {pool.submit(tidy, key, file): file for _, file, key in todo}
        for run in concurrent.futures.as_completed(runs):
            name, result = os.path.relpath(runs[run], ROOT), run.result()
            if result is None:
                left_out.append(name)
                continue
            checked += 1
            if result.returncode != 0:
                findings += 1
                print(result.stdout.strip() or result.stderr.strip())

    print(f"tidy: {len(entries)} files changed: {len(entries) - len(todo)} passed before, {checked} read now, {findings} with findings")
    if left_out:
        print(f"tidy: left out after {SECONDS:g} s (LINT_SECONDS=0 reads all): {', '.join(sorted(left_out))}")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
