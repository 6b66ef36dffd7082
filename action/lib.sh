# shellcheck shell=bash
# What the commands of the GitHub Action share. A command sources this file.
set -euo pipefail
# Results are for this job alone.
umask 077

# Everything is written here: in the checkout, a proposal could put a file or a link in its place.
work=$RUNNER_TEMP/attune-action
mkdir -p "$work"

# One line for a workflow command.
escaped() {
  local text=${1//'%'/'%25'}
  text=${text//$'\r'/'%0D'}
  printf '%s' "${text//$'\n'/'%0A'}"
}

fail() {
  printf '::error::%s\n' "$(escaped "$1")" >&2
  summary "**attune:** $1"
  output exit-code "${2:-1}"
  exit "${2:-1}"
}

warn() { printf '::warning::%s\n' "$(escaped "$1")" >&2; }

# Sets an output. No value has two lines.
output() { printf '%s=%s\n' "$1" "${2//[$'\r\n']/ }" >> "$GITHUB_OUTPUT"; }

# Adds a paragraph to the summary of the step.
summary() { printf '%s\n\n' "$1" >> "$GITHUB_STEP_SUMMARY"; }

# Shows a file in the log. Nothing in it is a workflow command.
show_log() {
  local token
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  printf '::stop-commands::%s\n' "$token"
  cat "$1"
  printf '\n::%s::\n' "$token"
}

# attune never sees a token of GitHub.
attune() {
  env -u GH_TOKEN -u GITHUB_TOKEN -u ACTIONS_RUNTIME_TOKEN -u ACTIONS_ID_TOKEN_REQUEST_TOKEN "$BINARY" "$@"
}

need() {
  local program
  for program in "$@"; do
    command -v "$program" > /dev/null || fail "The runner needs \`$program\`."
  done
}

# Reads an input with one value a line into the array `lines`.
lines_of() {
  local line
  lines=()
  while IFS= read -r line; do
    line=${line%$'\r'}
    if [ -n "$line" ]; then lines+=("$line"); fi
  done <<< "$1"
}

# The options that all commands take: `options`, and `files`.
read_options() {
  local line
  lines_of "$INPUT_FILE"
  files=("${lines[@]}")
  [ "${#files[@]}" -gt 0 ] || fail 'The input `file` is empty.'
  options=()
  for line in "${files[@]}"; do options+=("--file=$line"); done
  if [ -n "${INPUT_CLUSTER:-}" ]; then options+=("--cluster=$INPUT_CLUSTER"); fi
  lines_of "${INPUT_ARGUMENTS:-}"
  if [ "${#lines[@]}" -gt 0 ]; then options+=("${lines[@]}"); fi
}

event() { jq -r "$1 // empty" "$GITHUB_EVENT_PATH"; }

# Refuses a job that has a login.
refuse_a_login() {
  if [ -n "${ATTUNE_USERNAME:-}${ATTUNE_PASSWORD:-}${ATTUNE_PASSWORD_FILE:-}${ATTUNE_TOKEN:-}${ATTUNE_TOKEN_FILE:-}" ]; then
    fail 'This job has a login of a cluster, and anyone who opens a pull request can start it. Remove the login.'
  fi
}

# Refuses several configurations.
one_file() {
  if [ "${#files[@]}" -ne 1 ] || [ -d "${files[0]}" ]; then
    fail 'A snapshot is of one cluster: the input `file` names one configuration.'
  fi
}

# The name of the artifact with the snapshot of the configuration.
snapshot_name() { printf 'attune-snapshot-%s' "${files[0]//[^A-Za-z0-9._-]/_}"; }

# Refuses a run that a proposal could have shaped: its workflow and its commit come from the default branch.
only_from_the_default_branch() {
  default_branch=$(event .repository.default_branch)
  case $GITHUB_EVENT_NAME in
    push | workflow_dispatch) ;;
    # It runs on the default branch only, and its event does not name it.
    schedule) default_branch=${GITHUB_REF#refs/heads/} ;;
    *) fail "\`$INPUT_COMMAND\` needs a login, and the event \`$GITHUB_EVENT_NAME\` is not one of push, workflow_dispatch and schedule. Use \`validate\` for proposals." ;;
  esac
  if [ -z "$default_branch" ] || [ "$GITHUB_REF" != "refs/heads/$default_branch" ]; then
    fail "\`$INPUT_COMMAND\` needs a login, and runs on the default branch only; this is \`$GITHUB_REF\`."
  fi
}

# The full hash of a commit.
commit_of() {
  git rev-parse --verify --quiet --end-of-options "$1^{commit}" ||
    fail "There is no commit \`$1\` in the checkout. Set \`fetch-depth: 0\` for actions/checkout."
}

# Sets `base`: the input, or else the default given. It is a commit of the default branch.
choose_base() {
  base=$(commit_of "${INPUT_BASE:-$1}")
  git merge-base --is-ancestor "$base" "$GITHUB_SHA" ||
    fail "The base $base is not a commit of the default branch."
}

# The results of a run of attune with `--format json`, one file or several: an array of file, exit code and result.
results_of() {
  jq --arg file "${files[0]}" --argjson exit "$2" \
    'if .format == "attune.many/1" then .runs else [{file: $file, exit: $exit, result: .}] end' "$1"
}

# Plans with the state directory $1, and writes the results to `runs.json`. Sets `code`.
plan_all() {
  code=0
  attune plan "${options[@]}" "--base=$base" "--state-dir=$1" --format=json \
    > "$work/plans.json" 2> "$work/log.txt" || code=$?
  if [ ! -s "$work/plans.json" ]; then
    show_log "$work/log.txt"
    fail "There is no plan (exit $code)." "$code"
  fi
  results_of "$work/plans.json" "$code" > "$work/runs.json"
}

# Creates or updates the comment of proposal $1 with the file $2, whose first line identifies it.
# Comments are for people: nothing is read from one but its first line, its author and its number.
keep_comment() {
  local first id ids
  first=$(head -n 1 "$2")
  [[ $first == '<!-- attune:plan '*' -->' ]] || fail 'The comment has no marker.'
  ids=$(gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$1/comments?per_page=100" |
    jq -r --arg me "$INPUT_COMMENT_AUTHOR" --arg first "$first" \
      '.[] | select(.user.login == $me and (.body | startswith($first))) | .id')
  id=${ids%%$'\n'*}
  if [ -n "$id" ]; then
    gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$2" > "$work/answer.json"
  else
    gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$1/comments" -F "body=@$2" > "$work/answer.json"
  fi
  # Another workflow comments under the same name: its copy of the marker would show another plan.
  for id in $(tail -n +2 <<< "$ids"); do
    gh api --method DELETE "repos/$GITHUB_REPOSITORY/issues/comments/$id"
    warn "Deleted another comment with the marker of this plan ($id): it was not this plan."
  done
}

# The newest artifact of a name from a run that is trusted: of this workflow, by one of these events, on the default
# branch of this repository, and successful. Every workflow can upload an artifact of the name, also that of a proposal:
# its run decides. A further check gets the commit of the run. The artifact is in `found`, which is empty if there is none.
trusted_artifact() {
  local name=$1 workflow=$2 events=$3 check=${4:-true} candidates artifact run
  found=
  candidates=$(gh api --paginate "repos/$GITHUB_REPOSITORY/actions/artifacts?name=$name&per_page=100" |
    jq -r --arg name "$name" '.artifacts[] | select(.name == $name and .expired == false)
      | [.created_at, .id, .workflow_run.id] | @tsv' | sort -r | cut -f 2,3)
  while IFS=$'\t' read -r artifact run; do
    [ -n "$artifact" ] || continue
    gh api "repos/$GITHUB_REPOSITORY/actions/runs/$run" > "$work/run.json"
    jq -e --arg path "$workflow" --argjson events "$events" --arg branch "$default_branch" \
      --arg repository "$GITHUB_REPOSITORY" '(.path | split("@")[0]) == $path and (.event | IN($events[]))
        and .head_branch == $branch and .repository.full_name == $repository
        and .head_repository.full_name == $repository
        and .status == "completed" and .conclusion == "success"' "$work/run.json" > "$work/answer.json" || continue
    "$check" "$(jq -r .head_sha "$work/run.json")" || continue
    # shellcheck disable=SC2034 # the scripts that call it read it
    found=$artifact
    break
  done <<< "$candidates"
}
