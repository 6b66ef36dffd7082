# shellcheck shell=bash
# For the scripts beside it: installs tools, runs them and counts. Source it in the top directory of the repository.
#
# Tools go into ~/.cache/attune-judges (or JUDGES). A tool that cannot be had is skipped loudly; with JUDGES_STRICT=1, that is
# a failure. Versions are pinned, so that a new rule of a tool fails nobody.
tools=${JUDGES:-${XDG_CACHE_HOME:-$HOME/.cache}/attune-judges}
mkdir -p "$tools/bin"
export PATH=$tools/bin:$tools/venv/bin:$tools/npm/node_modules/.bin:$tools/debian/usr/bin:$PATH
failed=()
skipped=()

have() { command -v "$1" > /dev/null 2>&1; }
from_pypi() {
  [ -d "$tools/venv" ] || python3 -m venv "$tools/venv"
  "$tools/venv/bin/pip" install --retries 1 --timeout 15 --quiet --disable-pip-version-check "$1"
}
from_npm() {
  have npm || return 1
  npm install --prefix "$tools/npm" --no-audit --no-fund --ignore-scripts --save-exact "$@" > "$tools/npm.log" 2>&1
}
# A package of Debian is unpacked, not installed: that would start its service.
from_debian() {
  have apt-get || return 1
  (
    mkdir -p "$tools/debian" && cd "$tools/debian" || exit 1
    apt-get download "$1" || { apt-get update && apt-get download "$1"; } || exit 1
    dpkg -x "$1"_*.deb . && rm "$1"_*.deb
  ) > "$tools/debian.log" 2>&1
}

# judge NAME VERSION-COMMAND: whether the tool is there; prints its version.
judge() {
  if have "$1"; then
    printf '== %s %s\n' "$1" "$(eval "$2" 2>&1 | head -n 1)"
    return 0
  fi
  skip "$1" 'it cannot be installed here'
  return 1
}
skip() {
  printf '== %s: SKIPPED, %s\n' "$1" "$2"
  skipped+=("$1")
}
run() { "$@" || failed+=("$1 ${2:-}"); }

summary() {
  printf '\n%s failed, %s skipped\n' "${#failed[@]}" "${#skipped[@]}"
  if [ "${#failed[@]}" -gt 0 ]; then printf 'FAILED: %s\n' "${failed[@]}"; fi
  if [ "${#skipped[@]}" -gt 0 ]; then printf 'SKIPPED: %s\n' "${skipped[@]}"; fi
  [ "${#failed[@]}" -eq 0 ] || exit 1
  [ "${#skipped[@]}" -eq 0 ] || [ -z "${JUDGES_STRICT:-}" ]
}
