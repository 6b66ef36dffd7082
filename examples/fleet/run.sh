#!/bin/sh
# Runs a fleet of 40 targets on this machine, from the list of targets to the last check of drift.
#
#   examples/fleet/run.sh                              with `attune` from PATH
#   ATTUNE=target/debug/attune examples/fleet/run.sh   with another one
#
# It needs git (2.34 or newer) and ssh-keygen. Everything happens in a temporary directory, with simulated clusters.
set -eu
unset CDPATH

fleet=$(cd "$(dirname "$0")" && pwd)
attune=$(command -v "${ATTUNE:-attune}") || { echo "there is no ${ATTUNE:-attune}; set ATTUNE to the program" >&2; exit 1; }
attune=$(cd "$(dirname "$attune")" && pwd)/$(basename "$attune")
for tool in git ssh-keygen; do
    command -v "$tool" > /dev/null || { echo "there is no $tool" >&2; exit 1; }
done
work=$(mktemp -d)
simulator=
trap 'stop_simulator; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Settings of this machine must not change what happens here.
export HOME="$work" GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
unset WEKA_USERNAME WEKA_PASSWORD WEKA_TOKEN WEKA_ORG GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE SSH_AUTH_SOCK

say() { printf '\n# %s\n' "$*"; }

fail() { printf 'failed: %s\n' "$*" >&2; exit 1; }

# Runs a command that must exit with this code. Its output goes to $work/out and $work/err.
expect() {
    code=$1
    shift
    printf '$ %s\n' "$*" | sed "s|^\$ $attune|\$ attune|; s|$work/||g"
    got=0
    "$@" > "$work/out" 2> "$work/err" || got=$?
    [ "$got" = "$code" ] || { tail -n 60 "$work/out" "$work/err" >&2; fail "exit code $got, not $code: $*"; }
}

# --- The clusters: 28, simulated, on one port. ---

# Starts the simulator, perhaps with a fault, on a free port or on that of before.
start_simulator() {
    rm -f "$work/url"
    "$attune" sim serve --states "$work/states" --listen "127.0.0.1:${port:-0}" "$@" > "$work/url" 2> "$work/sim.err" &
    simulator=$!
    tries=0
    until [ -s "$work/url" ]; do
        kill -0 "$simulator" 2> /dev/null || { cat "$work/sim.err" >&2; fail "the simulator does not start"; }
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "the simulator does not start"
        sleep 0.1
    done
    port=$(sed 's/.*://' "$work/url")
}

stop_simulator() {
    [ -n "$simulator" ] || return 0
    kill "$simulator" 2> /dev/null || true
    wait "$simulator" 2> /dev/null || true
    simulator=
}

# --- The people: alice and bob approve, carol proposes. Each has an SSH key. ---

make_keys() {
    for person in alice bob carol; do
        ssh-keygen -q -t ed25519 -N '' -C "$person" -f "$work/$person"
        printf '%s %s\n' "$person" "$(cat "$work/$person.pub")"
    done > "$work/repository/allowed_signers"
}

# One login for all clusters and tenants, in a file that only its owner reads.
make_logins() {
    cat > "$work/logins.toml" << END
[[login]]
endpoints = ["http://*.localhost:$port"]
username = "admin"
password = "admin"
END
    chmod 600 "$work/logins.toml"
    export ATTUNE_LOGINS_FILE="$work/logins.toml"
}

# --- The repository: `main` is the base, `proposal` adds a team to every cluster. ---

# Commits everything, signed by this person.
commit() {
    git add -A
    git -c "user.name=$1" -c "user.email=$1@example.com" -c gpg.format=ssh -c "user.signingkey=$work/$1" \
        commit -q -S -m "$2"
}

make_repository() {
    mkdir "$work/repository"
    cp -R "$fleet/clusters" "$fleet/shared" "$fleet/fleet.toml" "$work/repository"
    cp -R "$fleet/states" "$work/states"
    start_simulator
    make_keys
    make_logins
    cd "$work/repository"
    for file in clusters/*.toml; do
        sed "s/localhost:14000/localhost:$port/" "$file" > "$work/file"
        cat "$work/file" > "$file"
    done
    printf '.attune/\nsecrets/\n' > .gitignore
    git init -q .
    git checkout -q -b main
    commit alice "28 clusters, three teams"
    git checkout -q -b proposal
    git apply "$fleet/proposal.patch"
    commit carol "a team for the web"
}

# --- The jobs. ---

shards=4

# Stands in for an Indexed Job of Kubernetes: one process for each shard, with the environment that its pod has.
indexed_job() {
    results=$work/$1
    command=$2
    shift 2
    mkdir "$results"
    pids=
    index=0
    while [ "$index" -lt "$shards" ]; do
        printf '$ JOB_COMPLETION_INDEX=%s JOB_COMPLETIONS=%s attune %s --shard auto …\n' "$index" "$shards" "$command"
        JOB_COMPLETION_INDEX=$index JOB_COMPLETIONS=$shards "$attune" "$command" --file clusters --shard auto \
            --targets "$work/targets.json" --format json "$@" > "$results/$index.json" 2> "$results/$index.err" &
        pids="$pids $!"
        index=$((index + 1))
    done
    for pid in $pids; do
        wait "$pid" || fail "a shard failed: $(cat "$results"/*.err)"
    done
}

# What the last command says of the targets of the first wave, a line for each.
first_wave() {
    sed -n 's|^clusters/\([a-z]*-7\).toml  *exit|\1: exit|p' "$work/out" | sed "s|plan .*API calls; ||; s|$work/||g"
}

# So many targets have the team: their state has its policy.
applied() {
    have=$(cat "$work"/states/*.json | grep -c '"web-ro": {')
    [ "$have" = "$1" ] || fail "$have targets have the team, not $1"
    echo "$1 of $targets targets have the new team"
}

same() { cmp "$1" "$2" || fail "$1 and $2 differ"; }

apply_in_waves() {
    expect "$1" "$attune" apply --file clusters --base main --waves fleet.toml \
        --approvals "$work/approvals.json" --reason "CHG-4711"
}

say "A repository with 28 clusters, and a proposal that adds a team"
make_repository
git log --format='%h %s (%an)'

say "List the targets: each cluster, and each tenant of the four that have some"
expect 0 "$attune" targets --file clusters --base main --format json
cp "$work/out" "$work/targets.json"
targets=$(grep -c '"id":' "$work/targets.json")
echo "$targets targets"

say "Plan in $shards shards"
indexed_job plans plan --base main

say "Merge: the result is that of one run, byte for byte"
for format in text markdown; do
    expect 0 "$attune" plan --file clusters --base main --targets "$work/targets.json" --format "$format"
    cp "$work/out" "$work/whole.$format"
    expect 0 "$attune" merge --targets "$work/targets.json" --format "$format" "$work"/plans/*.json
    same "$work/out" "$work/whole.$format"
done
echo "the same $(wc -c < "$work/whole.markdown") bytes of Markdown"

say "Approve all plans with one file; alice signs it, and carol, who made the proposal"
expect 0 "$attune" approve "$work"/plans/*.json --out "$work/approvals.json" --note "CHG-4711"
tail -n 4 "$work/out"
for person in alice carol; do
    expect 0 "$attune" approve "$work/approvals.json" --sign "$work/$person" --as "$person"
done

say "An apply is refused: carol does not count, since she made the proposal"
apply_in_waves 3
first_wave
grep -q 'has 1 of 2 signatures that count (alice)' "$work/out" || fail "the signature of carol counts"

say "bob checks the file against the plans, and signs it too"
expect 0 "$attune" approve "$work"/plans/*.json --same-as "$work/approvals.json" --sign "$work/bob" --as bob

say "Apply in waves; one cluster of the first wave refuses a call"
stop_simulator
start_simulator --fault 'north-7:write:1=refuse:409:the cluster is being upgraded'
apply_in_waves 5
first_wave
applied 3
grep -q 'not started: 1 target of the wave `canary` failed' "$work/err" || fail "no reason"
not_started=$(grep -c 'exit 3   not started$' "$work/out")
[ "$not_started" = $((targets - 4)) ] || fail "$not_started targets were not started"
echo "the second wave did not start: $not_started targets"

say "The cluster works again; the same command resumes, with the same approvals"
stop_simulator
start_simulator
apply_in_waves 0
first_wave
applied "$targets"

say "Check all targets for drift in $shards shards"
indexed_job drift drift
expect 0 "$attune" merge --targets "$work/targets.json" "$work"/drift/*.json
[ "$(grep -c 'exit 0   no drift' "$work/out")" = "$targets" ] || fail "there is drift"
echo "no drift"

printf '\ndone: %s targets, %s shards, 2 signatures, 2 waves, resumed after a failure\n' "$targets" "$shards"
