#!/usr/bin/env bash
# `command: validate`: checks the files of a proposal, offline and without a login.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=lib.sh
. "$here/lib.sh"

case $GITHUB_EVENT_NAME in
  pull_request* | issue* | workflow_run) refuse_a_login ;;
esac
read_options

code=0
attune validate --format=github "${options[@]}" || code=$?
formatted=0
for file in "${files[@]}"; do
  # A directory holds configurations; `fmt` takes files.
  if [ -f "$file" ]; then attune fmt --check --file="$file" > "$work/fmt.txt" || formatted=$?; else continue; fi
  if [ "$formatted" -ne 0 ]; then
    show_log "$work/fmt.txt"
    break
  fi
done
if [ "$code" -eq 0 ]; then code=$formatted; fi
case $code in
  0) summary '**attune:** the configuration is valid and formatted.' ;;
  2) summary '**attune:** a file is not formatted: run `attune fmt`.' ;;
  *) summary '**attune:** the configuration has errors.' ;;
esac
output exit-code "$code"
exit "$code"
