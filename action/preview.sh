#!/usr/bin/env bash
# `command: plan` with `snapshot`: plans a proposal from the newest snapshot of a trusted workflow, without a login.
# The plan is a preview in the summary of the job. Nobody can approve it, and no digest of it is an output.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=lib.sh
. "$here/lib.sh"

need gh git jq unzip
refuse_a_login
# The snapshot says which cluster it is.
INPUT_CLUSTER=
read_options
one_file
name=$(snapshot_name)
default_branch=$(event .repository.default_branch)
[ -n "$default_branch" ] || fail 'The event does not name the default branch.'
proposed=$(event .pull_request.base.sha)
choose_base "${proposed:-HEAD^1}"

trusted_artifact "$name" "$INPUT_SNAPSHOT" '["schedule", "workflow_dispatch"]'
[ -n "$found" ] || fail "No successful run of $INPUT_SNAPSHOT on $default_branch has a snapshot of \`${files[0]}\`."
gh api "repos/$GITHUB_REPOSITORY/actions/artifacts/$found/zip" > "$work/snapshot.zip"
rm -f "$work/snapshot.json"
unzip -p "$work/snapshot.zip" snapshot.json > "$work/snapshot.json"

code=0
attune plan "${options[@]}" "--base=$base" "--snapshot=$work/snapshot.json" "--state-dir=$work/state" --format=json \
  > "$work/plan.json" 2> "$work/log.txt" || code=$?
show_log "$work/log.txt"
if [ "$(jq -r '.format?' "$work/plan.json")" != attune.plan/1 ]; then
  fail "There is no plan (exit $code)." "$((code == 0 ? 1 : code))"
fi
attune show "$work/plan.json" > "$work/plan.txt"
show_log "$work/plan.txt"
attune show "$work/plan.json" --format=markdown --max-chars=200000 >> "$GITHUB_STEP_SUMMARY"
output changes "$(jq '.summary | .add + .replace + .remove + .attach + .move + .detach' "$work/plan.json")"
output exit-code "$code"
exit "$code"
