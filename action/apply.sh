#!/usr/bin/env bash
# `command: apply`: after the merge, runs the reviewed plan or nothing.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=lib.sh
. "$here/lib.sh"

need git jq
only_from_the_default_branch
read_options
[ "$(commit_of HEAD)" = "$GITHUB_SHA" ] || fail "The checkout is not $GITHUB_SHA, the commit of this run."

digest='^[0-9a-f]{32,64}$'
reviewed_base=

# Whether a commit is part of what is applied.
# shellcheck disable=SC2329 # trusted_artifact calls it
merged_before() { git merge-base --is-ancestor "$1" "$GITHUB_SHA"; }

# The merged proposal, as GitHub knows it: `number`, `head` and `author`.
merged_proposal() {
  local pulls
  need gh
  pulls=$(gh api "repos/$GITHUB_REPOSITORY/commits/$GITHUB_SHA/pulls" |
    jq -c --arg sha "$GITHUB_SHA" --arg branch "$default_branch" --arg repository "$GITHUB_REPOSITORY" \
      '.[] | select(.merged_at != null and .merge_commit_sha == $sha and .base.ref == $branch
        and .base.repo.full_name == $repository) | {number, head: .head.sha, author: .user.login}')
  [ -n "$pulls" ] || fail "No pull request was merged as $GITHUB_SHA. Start this workflow by hand, with the digest."
  [[ $pulls != *$'\n'* ]] || fail "More than one pull request was merged as $GITHUB_SHA."
  number=$(jq -r .number <<< "$pulls")
  head=$(jq -r .head <<< "$pulls")
  author=$(jq -r '.author // empty' <<< "$pulls")
}

# Takes the digests from the artifact of the plan workflow's run for the merged proposal.
# A run counts only if its workflow is the trusted file, as the default branch has it.
digests_of_the_proposal() {
  local name
  merged_proposal
  name=attune-plan-$head
  # A branch can have had the name of the default branch: the run's workflow is the one of this commit.
  trusted_artifact "$name" "$INPUT_PLAN_WORKFLOW" '["workflow_dispatch"]' merged_before
  [ -n "$found" ] || fail "No successful run of $INPUT_PLAN_WORKFLOW on $default_branch has planned $head (#$number). Plan it, then start this workflow by hand, with the digest."
  gh api "repos/$GITHUB_REPOSITORY/actions/artifacts/$found/zip" > "$work/artifact.zip"
  unzip -p "$work/artifact.zip" approval.json > "$work/approval.json"
  jq -e --arg commit "$head" --arg number "$number" --arg repository "$GITHUB_REPOSITORY" \
    '.format == "attune.approval/1" and .commit == $commit and .pull_request == $number and .repository == $repository' \
    "$work/approval.json" > "$work/answer.json" || fail "The artifact $found is not a plan of $head."
  lines_of "$(jq -r '.plans[].digest' "$work/approval.json")"
  reviewed_base=$(jq -r .base "$work/approval.json")
}

approved=()

# Takes the approvals and their signatures from a branch that anyone may write: the directory of the merge, or else of the
# approved commit. They are read as data, from Git and never from a checkout. Only signatures give them a meaning.
approvals_of_the_proposal() {
  local tree of mode kind object size path name
  merged_proposal
  [ -n "$author" ] || fail "GitHub does not say who opened #$number."
  # The checkout keeps no token. It is no argument, because others on the runner see arguments.
  GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="http.$GITHUB_SERVER_URL/.extraheader" \
    GIT_CONFIG_VALUE_0="AUTHORIZATION: basic $(printf 'x-access-token:%s' "${GH_TOKEN:-}" | base64 | tr -d '\n')" \
    git fetch --quiet --no-tags origin "refs/heads/$INPUT_APPROVALS_BRANCH" ||
    fail "There is no branch \`$INPUT_APPROVALS_BRANCH\`."
  tree=$(commit_of FETCH_HEAD)
  rm -rf "$work/approvals" && mkdir "$work/approvals"
  for of in "$GITHUB_SHA" "$head"; do
    while IFS=$' \t' read -r -d '' mode kind object size path; do
      name=${path#"$of/"}
      # No links, no directories, no other names, and not more than a mebibyte each.
      [ "$mode $kind" = '100644 blob' ] && [[ $name =~ ^approvals\.json(\.([A-Za-z0-9_-]+\.)?sig)?$ ]] && [ "$size" -le 1048576 ] || continue
      git cat-file blob "$object" > "$work/approvals/$name"
    done < <(git ls-tree -z -l "$tree" "$of/")
    [ ! -f "$work/approvals/approvals.json" ] || break
    rm -rf "$work/approvals" && mkdir "$work/approvals"
  done
  [ -f "$work/approvals/approvals.json" ] ||
    fail "The branch \`$INPUT_APPROVALS_BRANCH\` has no \`$head/approvals.json\`. Approve the plans of #$number, then run this job again."
  approved+=("--approvals=$work/approvals/approvals.json" "--proposer=$author")
}

lines=()
if [ -n "${INPUT_APPROVALS_BRANCH:-}" ]; then
  [ -z "${INPUT_APPROVED:-}" ] || fail 'The inputs `approved` and `approvals-branch` do not go together.'
  approvals_of_the_proposal
elif [ -n "${INPUT_APPROVED:-}" ]; then
  [ "$GITHUB_EVENT_NAME" = workflow_dispatch ] || fail 'The input `approved` is for a person who starts the workflow by hand.'
  lines_of "${INPUT_APPROVED// /$'\n'}"
else
  [ "$GITHUB_EVENT_NAME" = push ] || fail 'The input `approved` is empty.'
  need unzip
  digests_of_the_proposal
fi
for line in ${lines[@]+"${lines[@]}"}; do
  [[ $line =~ $digest ]] || fail 'A digest has 32 to 64 digits, 0 to 9 and a to f.'
  approved+=("--approved=$line")
done
[ "${#approved[@]}" -gt 0 ] || fail 'There is no approved plan.'

# The commit before the merge. A push has it; a rebase merge has several commits.
before=
if [ "$GITHUB_EVENT_NAME" = push ]; then before=$(event .before); fi
[[ ! $before =~ ^0*$ ]] || before='HEAD^1'
choose_base "$before"

# Where secrets go if their destination fails. A directory of the job is lost with the job.
kept_state=yes
state=${INPUT_STATE_DIR:-}
case $state in
  '') kept_state=no && state=$work/state ;;
  "$GITHUB_WORKSPACE" | "$GITHUB_WORKSPACE"/* | "$RUNNER_TEMP"/*) fail 'The input `state-dir` must lie outside of the checkout and of the temporary directory: both are emptied.' ;;
  /*) ;;
  *) fail 'The input `state-dir` is not an absolute path.' ;;
esac

# Plans, to see what would happen to new secrets. `apply` plans again, and runs only what is approved.
plan_all "$state"
plain=$(jq -r '[.[].result.new_keys? // empty | select((.users + .users_with_policy | length) > 0)
  | select((.destination // "") | startswith("age = [") | not)] | length' "$work/runs.json")
if [ "$plain" -gt 0 ] && [ "$kept_state" = no ]; then
  fail 'The plan may create S3 keys, and their secrets would be in plain files that are lost with this job. Set `age` in `[credentials]`, or `state-dir` to a directory that the runner keeps.' 3
fi

# Anyone may write the branch: without a guard, the file would count without a signature.
if [ -n "${INPUT_APPROVALS_BRANCH:-}" ]; then
  unsigned=$(jq '[.[].result | select(.format? == "attune.plan/1" and (.signatures // 0) < 1)] | length' "$work/runs.json")
  [ "$unsigned" -eq 0 ] || fail 'The base has a configuration that demands no signatures. Set `approvals` and `allowed_signers` in `[guards]`.' 3
fi
waves=()
if [ -n "${INPUT_WAVES:-}" ]; then waves=("--waves=$INPUT_WAVES"); fi

touch "$work/started"
code=0
attune apply "${options[@]}" ${waves[@]+"${waves[@]}"} "--base=$base" "--state-dir=$state" "${approved[@]}" --format=json \
  > "$work/outcome.json" 2> "$work/log.txt" || code=$?
show_log "$work/log.txt"

count=0
if [ -s "$work/outcome.json" ]; then
  results_of "$work/outcome.json" "$code" > "$work/outcomes.json"
  count=$(jq length "$work/outcomes.json")
fi
for ((i = 0; i < count; i++)); do
  jq ".[$i].result" "$work/outcomes.json" > "$work/outcome-$i.json"
  if [ "$(jq -r '.format?' "$work/outcome-$i.json")" != attune.outcome/1 ]; then continue; fi
  attune show "$work/outcome-$i.json" --format=markdown >> "$GITHUB_STEP_SUMMARY"
  printf '\n' >> "$GITHUB_STEP_SUMMARY"
done

# Compares the settings of two bases: on the same simulated cluster, the same settings give the same digest.
# Prints `same`, `different` or `unknown`. No cluster is contacted.
compare_settings() {
  local revision digests=()
  for revision in "$1" "$2"; do
    rm -f "$work/empty.json" "$work/.empty.json.lock"
    env -u ATTUNE_LOGINS_FILE -u ATTUNE_USERNAME -u ATTUNE_PASSWORD -u ATTUNE_PASSWORD_FILE -u ATTUNE_TOKEN -u ATTUNE_TOKEN_FILE "$BINARY" \
      plan "${options[@]}" --via=rest --tenant=Root "--cluster=sim:$work/empty.json" "--base=$revision" \
      "--state-dir=$work/nothing" --format=json > "$work/compared.json" 2> "$work/compared.txt" || true
    digests+=("$(results_of "$work/compared.json" 0 | jq -c '[.[].result.digest?]')")
  done
  case "${digests[*]}" in
    '' | *null*) printf unknown ;;
    "${digests[0]} ${digests[0]}") printf same ;;
    *) printf different ;;
  esac
}

if [ "$code" -eq 4 ]; then
  reason='The cluster or the configuration has changed since the review.'
  if [ -n "$reviewed_base" ] && [ "$reviewed_base" != "$base" ]; then
    moved="The plan was made with $reviewed_base, and the commit before the merge is $base."
    git merge-base --is-ancestor "$reviewed_base" "$GITHUB_SHA" || fail "The base of the plan, $reviewed_base, is not a commit of the default branch."
    case $(compare_settings "$reviewed_base" "$base") in
      same) reason="$reason The settings of the base are the same." ;;
      different) reason="The settings of the base have changed since the review. $moved" ;;
      *) reason="$reason The settings of the base may have changed, too. $moved" ;;
    esac
  fi
  reason="$reason Nothing was changed. Start this workflow by hand without a digest for a new plan, then with its digest."
  printf '::error::%s\n' "$reason"
  summary "**attune:** $reason"
fi

# What a person needs afterwards: rollback files, journals, encrypted secrets. Nothing that has a plain secret.
rm -rf "$work/keep" && mkdir "$work/keep"
if [ -s "$work/outcome.json" ]; then cp "$work/outcome.json" "$work/keep/"; fi
if [ -d "$state" ]; then
  (cd "$state" && find . -newer "$work/started" -type f \( -path './before-*' -o -name 'journal-*.jsonl' -o -name '*.age' \) -print0) |
    while IFS= read -r -d '' path; do
      mkdir -p "$work/keep/$(dirname "$path")"
      cp "$state/$path" "$work/keep/$path"
    done
  if [ "$kept_state" = no ] && [ -n "$(find "$state" -name 'emergency-*' ! -name '*.age')" ]; then
    printf '::error::%s\n' 'A new secret is in a plain file that is lost with this job. Rotate the keys of the users in the outcome.'
  fi
fi
# Encrypted secrets at their destination: in the checkout, or where the outcome says.
{
  find "$PWD" -name .git -prune -o -name '*.json.age' -newer "$work/started" -type f -print
  if [ "$count" -gt 0 ]; then
    jq -r '.[].result.steps? // [] | .[].keys_stored_in // empty | select(startswith("/") and endswith(".json.age"))' "$work/outcomes.json"
  fi
} | sort -u | while IFS= read -r path; do
  [ -f "$path" ] || continue
  kept=$work/keep/secrets/${path#"$PWD/"}
  mkdir -p "$(dirname "$kept")"
  cp "$path" "$kept"
done

if [ -z "${INPUT_APPROVALS_BRANCH:-}" ]; then
  output digest "$(printf '%s ' "${approved[@]#--approved=}" | sed 's/ $//')"
fi
if [ "$count" -gt 0 ]; then
  output changes "$(jq '[.[].result.steps? // [] | .[] | select(.status == "done")] | length' "$work/outcomes.json")"
fi
output exit-code "$code"
output artifact-name "attune-apply-$GITHUB_SHA-$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT"
output artifact-path "$work/keep"
exit "$code"
