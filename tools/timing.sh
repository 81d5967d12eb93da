# shellcheck shell=bash
# Sourced by the other scripts. `part NAME COMMAND...` runs a command and remembers how long it took;
# `print_parts` lists all parts. A part that fails ends the script after the list is printed.
part_lines=()

duration() {
  local seconds=$1
  if ((seconds < 60)); then echo "$seconds s"
  elif ((seconds < 3600)); then printf '%d min %02d s\n' $((seconds / 60)) $((seconds % 60))
  else printf '%d h %02d min\n' $((seconds / 3600)) $((seconds % 3600 / 60)); fi
}

print_parts() {
  echo "Time of each part:"
  printf '  %s\n' "${part_lines[@]}"
}

part() {
  local name=$1 begin=$SECONDS status=0
  shift
  "$@" || status=$?
  if ((status != 0)); then
    part_lines+=("$(printf '%-8s %s, failed with exit code %d' "$name" "$(duration $((SECONDS - begin)))" "$status")")
    print_parts >&2
    exit "$status"
  fi
  part_lines+=("$(printf '%-8s %s' "$name" "$(duration $((SECONDS - begin)))")")
}
