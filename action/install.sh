#!/usr/bin/env bash
# Chooses the binary that the other steps run: the one of the runner, or a release whose checksum and attestation are verified.
here=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=lib.sh
. "$here/lib.sh"

case $INPUT_COMMAND in
  plan | apply | drift | validate | snapshot) ;;
  *) fail 'The input `command` is one of plan, apply, drift, validate and snapshot.' ;;
esac

binary=${INPUT_BINARY:-}
case $binary in
  '')
    # The version of this action, unless another is named.
    version=${INPUT_VERSION:-$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/../Cargo.toml" | head -n 1)}
    options=(--version "${version#v}" --dir "$work/bin")
    if [ -n "${INPUT_REPOSITORY:-}" ]; then options+=(--repository "$INPUT_REPOSITORY"); fi
    if [ -n "${INPUT_SHA256:-}" ]; then options+=(--sha256 "$INPUT_SHA256"); fi
    if [ "${INPUT_ATTESTATION:-true}" = true ]; then options+=(--attestation); fi
    sh "$here/../install.sh" "${options[@]}" || fail "attune $version was not installed."
    binary=$work/bin/attune
    ;;
  "$GITHUB_WORKSPACE"/*) fail 'The input `binary` lies in the checkout, where a proposal can replace it.' ;;
  /*) [ -x "$binary" ] || fail 'The input `binary` is not a program.' ;;
  *) fail 'The input `binary` is not an absolute path.' ;;
esac
"$binary" --version
output binary "$binary"
