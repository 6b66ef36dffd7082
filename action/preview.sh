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

# Every workflow can upload an artifact of this name, also that of a proposal: its run decides.
found=
candidates=$(gh api --paginate "repos/$GITHUB_REPOSITORY/actions/artifacts?name=$name&per_page=100" |
  jq -r --arg name "$name" '.artifacts[] | select(.name == $name and .expired == false)
    | [.created_at, .id, .workflow_run.id] | @tsv' | sort -r | cut -f 2,3)
while IFS=$'\t' read -r artifact run; do
  [ -n "$artifact" ] || continue
  gh api "repos/$GITHUB_REPOSITORY/actions/runs/$run" > "$work/run.json"
  jq -e --arg path "$INPUT_SNAPSHOT" --arg branch "$default_branch" --arg repository "$GITHUB_REPOSITORY" \
    '(.path | split("@")[0]) == $path and (.event == "schedule" or .event == "workflow_dispatch")
      and .head_branch == $branch and .repository.full_name == $repository
      and .head_repository.full_name == $repository
      and .status == "completed" and .conclusion == "success"' "$work/run.json" > "$work/answer.json" || continue
  found=$artifact
  break
done <<< "$candidates"
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
