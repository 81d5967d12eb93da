#!/usr/bin/env bash
# Refuses what has no place under version control: large files, work put off, somebody's own paths and hosts.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0

while IFS= read -r -d '' file; do
  [[ -f $file && ! -L $file ]] || continue
  size=$(stat -c %s "$file")
  most=512
  [[ $file != reproductions/*/pretrained/*.safetensors ]] || most=4096  # a network that comes with the program
  if ((size > most * 1024)); then
    echo "$file: $size bytes; at most $most KiB may be tracked" >&2
    status=1
  fi
done < <(git ls-files -z --cached --others --exclude-standard)

refuse() {
  local pattern=$1 reason=$2
  if git grep -nIE --untracked "$pattern" -- ':!LICENSE' ':!tools/check_files.sh' >&2; then
    echo "^ $reason" >&2
    status=1
  fi
}
refuse '\b(TODO|FIXME|XXX)\b' "do it now or write an issue"
refuse '(^|[^A-Za-z0-9_.$}/-])/(home|Users|root)/[A-Za-z0-9._-]+' "a path of one machine"
refuse '(index-url|find-links|extra-index)|https?://[^/ ]*(pypi|artifactory|nexus|jfrog|registry)[^ ]*/simple' "a registry host"
for file in $(git grep -lE --untracked '\bat::parallel_(for|reduce)\b' -- '*.cpp' '*.h' ':!kernels/parallel_for.h'); do
  if ! grep -q '#include "kernels/parallel_for.h"' "$file"; then
    echo "$file: at::parallel_for without kernels/parallel_for.h, which makes sure that it is parallel" >&2
    status=1
  fi
done
if git grep -nE --untracked '\bset_num_threads\b' -- '*.cpp' '*.h' ':!kernels/thread_count.h' >&2; then
  echo "^ at::set_num_threads may be lost to what another thread sets; ThreadCount (kernels/thread_count.h) is not" >&2
  status=1
fi

# A source is read in one sitting, and the list of a folder fits into a reader's head.
sources() {
  git ls-files -z --cached --others --exclude-standard -- '*.h' '*.cpp' '*.cu' |
    while IFS= read -r -d '' file; do [[ ! -f $file ]] || printf '%s\n' "$file"; done
}
most_lines=450 most_modules=25
while read -r lines file; do
  if ((lines > most_lines)) && [[ $file != total ]]; then
    echo "$file: $lines lines; a source has at most $most_lines: move what can be named by itself to a file of that name" >&2
    status=1
  fi
done < <(sources | tr '\n' '\0' | xargs -r0 wc -l)
# The formula and the launcher of a kernel belong to its module.
while read -r modules folder; do
  if ((modules > most_modules)); then
    echo "$folder/: $modules modules; a folder holds at most $most_modules: divide it by what may include what" \
      "(tools/check_layers.py), never by kind" >&2
    status=1
  fi
done < <(sources | sed -E 's/(_cuda|_math)?\.(h|cpp|cu)$//' | sort -u | sed 's|/[^/]*$||' | uniq -c)
exit "$status"
