#!/bin/sh
# Installs attune for this user: downloads a release, verifies its checksum, and puts one file into a directory.
# Usage: sh install.sh [--version X.Y.Z] [--dir DIR] [--repository OWNER/NAME] [--sha256 HEX] [--attestation]
set -eu

# `ci/set-repository` writes the repository here.
repository=${ATTUNE_REPOSITORY:-OWNER/attune}
version=${ATTUNE_VERSION:-}
dir=${ATTUNE_INSTALL_DIR:-}
sha256=
attestation=no
# Where releases are: a mirror has the same paths.
url=${ATTUNE_RELEASES:-}

say() { printf '%s\n' "$1" >&2; }
fail() {
  say "error: $1"
  exit 1
}
have() { command -v "$1" > /dev/null 2>&1; }

usage() {
  say 'Installs attune into ~/.local/bin, or another directory. Needs no root.

  --version X.Y.Z          this version instead of the newest
  --dir DIR                this directory instead of ~/.local/bin
  --repository OWNER/NAME  this repository on GitHub
  --sha256 HEX             the checksum of the archive, if you know it from elsewhere
  --attestation            also verify the provenance with `gh attestation verify`

Variables: ATTUNE_VERSION, ATTUNE_INSTALL_DIR, ATTUNE_REPOSITORY, ATTUNE_RELEASES (a mirror of the releases).'
}

# The name of the platform in the names of the archives.
target() {
  system=$(uname -s)
  machine=$(uname -m)
  case $machine in
    x86_64 | amd64) machine=x86_64 ;;
    aarch64 | arm64) machine=aarch64 ;;
    *) fail "there is no release for the processor $machine: build attune with cargo" ;;
  esac
  case $system in
    Linux) printf '%s-unknown-linux-musl' "$machine" ;;
    Darwin) printf '%s-apple-darwin' "$machine" ;;
    *) fail "there is no release for $system: build attune with cargo" ;;
  esac
}

# Downloads $1 to the file $2. Only this machine may be asked without TLS.
download() {
  case $1 in
    https://*) only='=https' ;;
    http://127.0.0.1:* | http://localhost:*) only='=http' ;;
    *) fail "will not download $1: it has no TLS" ;;
  esac
  if have curl; then
    curl --proto "$only" --proto-redir "$only" --fail --silent --show-error --location --retry 3 --output "$2" "$1"
  elif have wget && [ "$only" = '=https' ]; then
    wget --https-only --quiet --output-document="$2" "$1"
  else
    fail 'curl is needed'
  fi || fail "cannot download $1"
}

# The SHA-256 of a file.
checksum() {
  if have sha256sum; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif have shasum; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  elif have openssl; then
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1
  else
    fail 'sha256sum, shasum or openssl is needed'
  fi
}

# The newest version, from the address that the newest release redirects to.
newest() {
  latest=$(curl --proto '=https' --fail --silent --show-error --location --output /dev/null \
    --write-out '%{url_effective}' "https://github.com/$repository/releases/latest") ||
    fail "cannot find the newest release of $repository"
  case $latest in
    */tag/v*) printf '%s' "${latest##*/tag/v}" ;;
    *) fail "$repository has no release" ;;
  esac
}

# All of this is in a function: a download that ends early runs nothing.
main() {
  while [ $# -gt 0 ]; do
    case $1 in
      --version | --dir | --repository | --sha256)
        [ $# -gt 1 ] || fail "$1 needs a value"
        case $1 in
          --version) version=$2 ;;
          --dir) dir=$2 ;;
          --repository) repository=$2 ;;
          --sha256) sha256=$2 ;;
        esac
        shift 2
        ;;
      --attestation) attestation=yes && shift ;;
      -h | --help) usage && exit 0 ;;
      *) usage && fail "unknown argument: $1" ;;
    esac
  done
  case $repository in
    OWNER/* | */*/* | *[!A-Za-z0-9._/-]*) fail "the repository is not known: give --repository OWNER/NAME" ;;
    */*) ;;
    *) fail "the repository is not known: give --repository OWNER/NAME" ;;
  esac
  dir=${dir:-${HOME:?}/.local/bin}
  platform=$(target)
  version=${version#v}
  if [ -z "$version" ]; then
    [ -z "$url" ] || fail 'with ATTUNE_RELEASES, give --version'
    version=$(newest)
  fi
  case $version in
    *[!A-Za-z0-9.+-]* | .* | '') fail "this is not a version: $version" ;;
  esac
  url=${url:-https://github.com/$repository/releases}/download/v$version
  name=attune-$version-$platform
  archive=$name.tar.gz

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  say "downloading $url/$archive"
  download "$url/SHA256SUMS" "$work/SHA256SUMS"
  download "$url/$archive" "$work/$archive"

  # Lines are `HEX  NAME`; the name must be exactly this one, once.
  expected=$(awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS")
  case $expected in
    *[!0-9a-f]* | '') fail "SHA256SUMS has no checksum of $archive" ;;
  esac
  found=$(checksum "$work/$archive")
  [ "$found" = "$expected" ] || fail "the checksum of $archive is $found, not $expected: nothing was installed"
  [ -z "$sha256" ] || [ "$found" = "$sha256" ] || fail "the checksum of $archive is $found, not $sha256: nothing was installed"
  if [ "$attestation" = yes ]; then
    have gh || fail 'gh is needed for --attestation'
    gh attestation verify "$work/$archive" --repo "$repository" >&2 ||
      fail "the provenance of $archive is not that of $repository: nothing was installed"
  fi

  # Only the program is taken from the archive.
  tar -xzf "$work/$archive" -C "$work" "$name/attune" || fail "$archive has no $name/attune"
  if [ ! -f "$work/$name/attune" ] || [ -h "$work/$name/attune" ]; then fail "$archive has no program"; fi
  chmod 755 "$work/$name/attune"
  "$work/$name/attune" --version > "$work/answer" 2>&1 || fail "attune does not run on this machine: $(cat "$work/answer")"
  mkdir -p "$dir" || fail "cannot make $dir: choose another with --dir"
  # A rename: a running attune is not disturbed.
  if ! cp "$work/$name/attune" "$dir/.attune.$$" || ! mv "$dir/.attune.$$" "$dir/attune"; then
    fail "cannot write to $dir: choose another with --dir"
  fi
  say "installed $(cat "$work/answer") as $dir/attune"
  case :$PATH: in
    *:"$dir":*) ;;
    *) say "$dir is not in PATH: add it, for example with: export PATH=\"$dir:\$PATH\"" ;;
  esac
}

main "$@"
