#!/usr/bin/env bash
# torch 2.11.0 (wheel of PyPI) beside fmt: whose headers a C++ program sees that uses LibTorch and links fmt.
#
# Guess: <fmt/core.h> is the installed library's; the wheel's include folder holds torch, ATen, c10 and what they need.
# Seen: it holds headers of fmt 12.1 too and is searched before the compiler's own folders, so a program written for the
#   installed fmt compiles against 12.1 and does not link: fmt::v12::vprint is not in the library of fmt.
#   Header-only use goes unnoticed, in a version nobody chose.
# Assay links fmt and searches that library's headers first (assay_prefer_headers in cmake/AssayCompiler.cmake).
# Needs g++ and Debian's libfmt-dev; the wheel is 0.5 GB, of which only the headers are read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$folder" torch==2.11.0
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import glob
import zipfile

with zipfile.ZipFile(glob.glob("torch-2.11.0-*.whl")[0]) as wheel:
    wheel.extractall("wheel", [name for name in wheel.namelist() if name.startswith("torch/include/fmt/")])
PYTHON
cat >program.cpp <<'CPP'
#include <fmt/core.h>
int main() { fmt::print("fmt {}\n", FMT_VERSION); }
CPP
g++ -std=c++20 program.cpp -lfmt -o alone
echo "without the wheel's folder: $(./alone)"
if g++ -std=c++20 -isystem wheel/torch/include program.cpp -lfmt -o beside 2>errors; then
  echo "links with the wheel's folder: $(./beside)"
  exit 1
fi
grep -o "undefined reference to .fmt::v12::vprint" errors | head -n 1
grep -o "define FMT_VERSION [0-9]*" wheel/torch/include/fmt/base.h
