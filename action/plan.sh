#!/usr/bin/env bash
# `command: plan`: plans a proposal, or the default branch anew, with the settings of the default branch.
# Writes a comment for people, and an artifact that `command: apply` takes the digest from.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=lib.sh
. "$here/lib.sh"

if [ -n "${INPUT_SNAPSHOT:-}" ]; then exec bash "$here/preview.sh"; fi

need git jq
only_from_the_default_branch
read_options
rm -rf "$work/plan" && mkdir "$work/plan"

commit=$(commit_of HEAD)
if [ -n "${INPUT_COMMIT:-}" ] && [ "$commit" != "$INPUT_COMMIT" ]; then
  fail "The checkout is $commit, not the reviewed commit $INPUT_COMMIT: the proposal has changed since."
fi
if [ -n "${INPUT_PULL_REQUEST:-}" ]; then
  need gh
  [[ $INPUT_PULL_REQUEST =~ ^[0-9]+$ ]] || fail 'The input `pull-request` is not a number.'
  [ -n "${INPUT_COMMIT:-}" ] || fail 'A plan of a proposal needs the input `commit`: the full hash that you have read.'
  choose_base "$GITHUB_SHA"
else
  [ "$commit" = "$GITHUB_SHA" ] || fail 'Without `pull-request`, the checkout must be the default branch.'
  choose_base 'HEAD^1'
fi

plan_all "$work/state"

count=$(jq length "$work/runs.json")
for ((i = 0; i < count; i++)); do
  # A path may come from the proposal.
  name=$(jq -r ".[$i].file | gsub(\"[^A-Za-z0-9._/-]\"; \"?\")" "$work/runs.json")
  jq ".[$i].result" "$work/runs.json" > "$work/plan/plan-$i.json"
  if [ "$(jq -r '.format?' "$work/plan/plan-$i.json")" != attune.plan/1 ]; then
    rm "$work/plan/plan-$i.json"
    summary "**attune:** there is no plan for \`$name\`: see the log."
    continue
  fi
  attune show "$work/plan/plan-$i.json" > "$work/plan-$i.txt"
  show_log "$work/plan-$i.txt"
  attune show "$work/plan/plan-$i.json" --format=markdown --max-chars=60000 > "$work/comment-$i.md"
  printf '\n---\n\n`%s` of %s, with the settings of %s · [run](%s)\n' "$name" "$commit" "$base" \
    "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID" >> "$work/comment-$i.md"
  cat "$work/comment-$i.md" >> "$GITHUB_STEP_SUMMARY"
  printf '\n' >> "$GITHUB_STEP_SUMMARY"
  if [ -n "${INPUT_PULL_REQUEST:-}" ]; then keep_comment "$INPUT_PULL_REQUEST" "$work/comment-$i.md"; fi
done
show_log "$work/log.txt"

jq --arg repository "$GITHUB_REPOSITORY" --arg commit "$commit" --arg base "$base" \
  --arg proposal "${INPUT_PULL_REQUEST:-}" \
  '{format: "attune.approval/1", repository: $repository, pull_request: $proposal, commit: $commit, base: $base,
    plans: [.[] | select(.result.format == "attune.plan/1") | {file, digest: .result.digest}]}' \
  "$work/runs.json" > "$work/plan/approval.json"
output digest "$(jq -r '[.plans[].digest] | join(" ")' "$work/plan/approval.json")"
output changes "$(jq '[.[].result.summary? // empty | .add + .replace + .remove + .attach + .move + .detach] | add // 0' "$work/runs.json")"
output exit-code "$code"
output artifact-name "attune-plan-$commit"
output artifact-path "$work/plan"
exit "$code"
