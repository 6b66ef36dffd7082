#!/usr/bin/env bash
# `command: snapshot`: saves what a plan needs of the cluster, so that the jobs of proposals can plan without a login.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=lib.sh
. "$here/lib.sh"

need jq
only_from_the_default_branch
read_options
one_file
rm -rf "$work/snapshot" && mkdir "$work/snapshot"

code=0
attune snapshot "${options[@]}" "--out=$work/snapshot/snapshot.json" > "$work/log.txt" 2>&1 || code=$?
show_log "$work/log.txt"
[ "$code" -eq 0 ] || fail "There is no snapshot (exit $code)." "$code"
summary "**attune:** a snapshot was taken at $(jq -r .taken "$work/snapshot/snapshot.json")."
output exit-code 0
output artifact-name "$(snapshot_name)"
output artifact-path "$work/snapshot"
