#!/usr/bin/env bash
# Installs what the build needs, and only what is missing: Debian packages, and LibTorch from the pinned wheel.
#
#   tools/setup.sh [test] [lint]    also the packages that `make test` or `make lint` need
#
# LibTorch goes to ${ASSAY_CACHE:-${XDG_CACHE_HOME:-~/.cache}/assay}/libtorch-VERSION, outside the clone, so that a
# second clone reuses it. A LibTorch named by CMAKE_PREFIX_PATH is used instead. The Python packages of `test` go beside
# it, to test-packages-HASH, named by what tests/requirements.txt pins. Exit code 2: something is missing that only the
# user can install; the message says what.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/timing.sh

build_packages=(
  ca-certificates ccache cmake fonts-noto-color-emoji g++ git libbenchmark-dev libcli11-dev libeigen3-dev libfmt-dev
  libfreetype-dev libgif-dev libgmock-dev libgtest-dev libharfbuzz-dev libjpeg62-turbo-dev libpng-dev libpugixml-dev
  libsqlite3-dev libsqlitecpp-dev libtiff-dev libutf8proc-dev libwebp-dev libxxhash-dev lld make ninja-build
  nlohmann-json3-dev pkg-config
  python3-venv sqlite3 unicode-data zlib1g-dev
)
test_packages=(chromium)
lint_packages=(clang-format-14 clang-tidy-14)

cache=${ASSAY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/assay}

say() { echo "setup: $*"; }
fail() {
  echo "setup: $*" >&2
  exit 2
}

packages=("${build_packages[@]}")
with_tests=""
for extra in "$@"; do
  case $extra in
    test) packages+=("${test_packages[@]}") with_tests=1 ;;
    lint) packages+=("${lint_packages[@]}") ;;
    *) fail "unknown argument '$extra'; accepted: test, lint" ;;
  esac
done

missing=()
as_root=()

# Sets both: which Debian packages are not installed, and how to become who may install them.
find_missing_packages() {
  local ids
  # shellcheck disable=SC1090
  ids=$(. "${ASSAY_OS_RELEASE:-/etc/os-release}" 2>/dev/null && echo "${ID:-} ${ID_LIKE:-}") || ids=""
  case " $ids " in
    *" debian "* | *" ubuntu "*) ;;
    *)
      say "this is not Debian. Install what these Debian packages hold, under your distribution's names:"
      say "  ${packages[*]}"
      say "Without the colour emoji font (fonts-noto-color-emoji) and emoji-test.txt (unicode-data) the dataset 'shapes'" \
        "serves where 'emoji' cannot."
      local tool absent=()
      for tool in cmake ninja g++ pkg-config python3 git; do
        command -v "$tool" >/dev/null || absent+=("$tool")
      done
      ((${#absent[@]} == 0)) || fail "not found on PATH: ${absent[*]}"
      return
      ;;
  esac
  # Ubuntu has the same library under another name.
  case " $ids " in *" ubuntu "*) packages=("${packages[@]/libjpeg62-turbo-dev/libjpeg-dev}") ;; esac

  local installed package
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
  for package in "${packages[@]}"; do
    grep -qxF "ii  $package" <<<"$installed" || missing+=("$package")
  done
  ((${#missing[@]} > 0)) || return 0

  if (($(id -u) != 0)); then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo -n)
    else
      fail "Debian packages are missing, and this user is neither root nor has sudo without a password. Run this, then again:
  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
  fi
}

apt_get() {
  local log
  log=$(mktemp)
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y "$@" >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    fail "apt-get failed, its last lines are above and all of them in $log"
  fi
  rm -f "$log"
}

install_packages() {
  ((${#missing[@]} > 0)) || return 0
  local begin=$SECONDS
  apt_get install --no-install-recommends "${missing[@]}"
  say "Debian packages took $(duration $((SECONDS - begin)))"
}

# A LibTorch that the user has, by its folder or by torch.utils.cmake_prefix_path: the same places as FindLibTorch.cmake.
user_libtorch() {
  local prefix
  while IFS= read -r -d ';' prefix; do
    [[ -n $prefix ]] || continue
    if [[ -e $prefix/lib/libtorch_cpu.so ]]; then echo "$prefix" && return; fi
    if [[ -e $prefix/../../lib/libtorch_cpu.so ]]; then realpath "$prefix/../.." && return; fi
  done <<<"$(tr : ';' <<<"${CMAKE_PREFIX_PATH:-}");"
  return 1
}

# True when every file that pip listed, which it does last, is there in its full size, and all dependencies with it.
wheel_is_complete() {
  "$1/bin/python" - "$2" 2>/dev/null <<'PYTHON' && "$1/bin/python" -m pip check >/dev/null 2>&1
import importlib.metadata, os, sys
torch = importlib.metadata.distribution("torch")
whole = all(os.path.getsize(file.locate()) == file.size for file in torch.files if file.size is not None)
sys.exit(0 if whole and torch.version.split("+")[0] == sys.argv[1] else 1)
PYTHON
}

install_libtorch() {
  local version folder python given
  if given=$(user_libtorch); then
    say "using the LibTorch of CMAKE_PREFIX_PATH: $given"
    return
  fi
  version=$(<tools/libtorch-version)
  folder=$cache/libtorch-$version
  local stamp=$folder/complete
  [[ ! -e $stamp ]] || return 0
  mkdir -p "${folder%/*}" || fail "cannot write to ${folder%/*}; set ASSAY_CACHE to a folder with 8 GB free"

  # Two clones may come here at once: the second waits, then finds the stamp.
  if command -v flock >/dev/null; then
    exec 9>"$folder.lock"
    flock -n 9 || { say "waiting for another set-up to install LibTorch" && flock 9; }
    [[ ! -e $stamp ]] || return 0
  fi

  local begin=$SECONDS
  if [[ -d $folder ]]; then
    say "checking the unfinished LibTorch in $folder"
    if wheel_is_complete "$folder" "$version"; then
      echo "$version" >"$stamp"
      say "it is complete"
      return
    fi
  fi

  for python in /usr/bin/python3 python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then break; fi
    python=""
  done
  [[ -n $python ]] || fail "LibTorch $version comes from a wheel for Python 3.10 to 3.14, and no such python3 with its venv module is here;
  install one, or point CMAKE_PREFIX_PATH to a LibTorch"
  local free
  free=$(df -Pk "${folder%/*}" | awk 'NR == 2 { print int($4 / 1048576) }')
  ((free >= 8)) || fail "LibTorch needs 8 GB while it is installed, ${folder%/*} has $free GB free; set ASSAY_CACHE to another folder"

  say "installing LibTorch $version (PyPI wheel, 4.6 GB with its CUDA libraries) into $folder; this takes minutes"
  "$python" -m venv --clear "$folder" || fail "cannot make a virtual environment in $folder"
  local log=$folder/install.log
  if ! "$folder/bin/python" -m pip install --no-input --disable-pip-version-check "torch==$version" >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "pip could not install torch==$version, its last lines are above and all of them in $log"
  fi
  wheel_is_complete "$folder" "$version" || fail "the LibTorch in $folder is not complete; remove that folder and try again"
  echo "$version" >"$stamp"
  say "LibTorch took $(duration $((SECONDS - begin)))"
}

# Into a folder that is no environment, for whichever Python runs the tests.
install_test_packages() {
  local folder
  folder=$cache/test-packages-$(sha256sum <tests/requirements.txt | cut -c1-12)
  [[ ! -d $folder ]] || return 0
  say "installing the Python packages of the tests into $folder"
  local begun
  mkdir -p "$cache"
  begun=$(mktemp -d "$folder.XXXX")
  if python3 -m venv "$begun/environment" >"$begun/log" && "$begun/environment/bin/python" -m pip install --no-input \
    --disable-pip-version-check --no-compile --no-deps --target "$begun/packages" -r tests/requirements.txt \
    >>"$begun/log" 2>&1; then
    mv -T "$begun/packages" "$folder" 2>/dev/null || true  # another clone's set-up may have been faster
  else
    tail -n 20 "$begun/log" >&2
    say "pip failed, its last lines are above: tests that need these packages are skipped"
  fi
  rm -rf "$begun"
}

find_missing_packages
if ((${#missing[@]} > 0)); then
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  apt_get update
  # What installs LibTorch's wheel, which then goes on beside the other packages.
  case " ${missing[*]} " in
    *" python3-venv "*) apt_get install --no-install-recommends python3-venv ca-certificates ;;
  esac
fi
set -m  # a group of processes of its own, which ends as one
install_libtorch &
libtorch=$!
set +m
trap 'kill -- "-$libtorch" 2>/dev/null || true' EXIT
install_packages
[[ -z $with_tests ]] || install_test_packages
wait "$libtorch"
