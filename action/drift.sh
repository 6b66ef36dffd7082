#!/usr/bin/env bash
# `command: drift`: looks for changes made outside attune, and keeps one issue about them.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=lib.sh
. "$here/lib.sh"

need git jq
only_from_the_default_branch
read_options
if [ "${INPUT_ISSUE:-true}" = true ]; then need gh; fi

code=0
attune drift "${options[@]}" ${INPUT_BASE:+"--base=$INPUT_BASE"} "--state-dir=$work/state" \
  --format=markdown "--metrics=$work/drift.prom" > "$work/drift.md" 2> "$work/log.txt" || code=$?
show_log "$work/log.txt"
show_log "$work/drift.md"

case $code in
  0) title='S3 access: no drift' ;;
  2) title='S3 access: drift' ;;
  *) title='S3 access: drift is unknown' ;;
esac
run=$GITHUB_SERVER_URL/$GITHUB_REPOSITORY/actions/runs/$GITHUB_RUN_ID
# One issue for each list of files.
marker="<!-- attune:drift $(printf '%s\n' "${files[@]}" | sha256sum | cut -c 1-32) -->"
{
  printf '%s\n\n' "$marker"
  case $code in
    0) printf 'The cluster has what the configuration declares.\n' ;;
    2)
      # GitHub accepts 65536 characters.
      if [ "$(wc -m < "$work/drift.md")" -le 60000 ]; then cat "$work/drift.md"; else
        printf 'The report is too long for an issue: see the summary of the run.\n'
      fi
      ;;
    *) printf 'attune could not read the configuration or the cluster (exit %s): see the log of the run.\n' "$code" ;;
  esac
  printf '\n[Last run](%s)\n' "$run"
} > "$work/issue.md"
summary "**$title**"
head -c 900000 "$work/drift.md" >> "$GITHUB_STEP_SUMMARY"

if [ "${INPUT_ISSUE:-true}" = true ]; then
  # Anyone can open an issue with this marker: it must be by this workflow's own account.
  found=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues?state=all&creator=$(jq -rn --arg me "$INPUT_COMMENT_AUTHOR" '$me | @uri')&per_page=100" |
    jq -r --arg me "$INPUT_COMMENT_AUTHOR" --arg marker "$marker" \
      '.[] | select(.pull_request == null and .user.login == $me and ((.body // "") | startswith($marker))) | [.number, .state] | @tsv' |
    sort -n | head -n 1)
  IFS=$'\t' read -r number state <<< "$found"
  if [ "$code" -eq 0 ]; then wanted=closed; else wanted=open; fi
  if [ -n "$number" ]; then
    if [ "$wanted" = open ] || [ "$state" = open ]; then
      gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/$number" \
        -f "title=$title" -F "body=@$work/issue.md" -f "state=$wanted" > "$work/answer.json"
    fi
  elif [ "$wanted" = open ]; then
    gh api --method POST "repos/$GITHUB_REPOSITORY/issues" \
      -f "title=$title" -F "body=@$work/issue.md" > "$work/answer.json"
  fi
fi

output changes "$(awk '/^attune_drift_objects[{ ]/ { n += $NF } END { print n + 0 }' "$work/drift.prom" 2> /dev/null || printf 0)"
output exit-code "$code"
# Drift is a result, not a failure: the issue is open. Unknown is a failure.
if [ "$code" -eq 2 ] && [ "${INPUT_FAIL_ON_DRIFT:-false}" != true ]; then exit 0; fi
exit "$code"
