#!/usr/bin/env bash
# Makes plan-terminal.png and plan-html.png from the plan of the quickstart, and plan.txt, by which a test tells whether they are old. Needs cargo, Python 3 and Chromium.
# ATTUNE names a program to use instead of the one that cargo builds, CHROMIUM a browser.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

browser=${CHROMIUM:-}
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  [ -n "$browser" ] || browser=$(command -v "$name" || true)
done
[ -n "$browser" ] || browser=$(find ~/.cache -path '*chrome*' -type f -name chrome -perm -u+x 2>/dev/null | head -n 1)
[ -n "$browser" ] || { echo "no Chromium on PATH, in CHROMIUM or in ~/.cache" >&2; exit 1; }

if [ -z "${ATTUNE:-}" ]; then
  cargo build --locked --manifest-path "$root/Cargo.toml"
  ATTUNE=${CARGO_TARGET_DIR:-$root/target}/debug/attune
fi

cp -r "$root/examples/quickstart" "$tmp/quickstart"
cd "$tmp/quickstart"
{
  printf '$ attune plan\n'
  "$ATTUNE" plan --color always 2>/dev/null
} > "$tmp/plan.ansi"
"$ATTUNE" plan --format html 2>/dev/null > "$tmp/plan.html"
"$ATTUNE" plan 2>/dev/null > "$here/plan.txt"

# The colours of a terminal as HTML, at 132 columns. Prints the size that the picture needs.
size=$(python3 - "$tmp/plan.ansi" "$tmp/terminal.html" <<'PYTHON'
import html, re, sys

COLUMNS, CHARACTER, LINE, MARGIN = 132, 7.83, 18, 16
COLOURS = {30: "#6e7681", 31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd", 37: "#f0f6fc"}
styles, rows = {}, 0
out = []
for line in open(sys.argv[1], encoding="utf-8").read().splitlines():
    rows += max(1, -(-len(re.sub(r"\x1b\[[0-9;]*m", "", line)) // COLUMNS))
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if not part.startswith("\x1b["):
            css = ";".join(f"{key}:{value}" for key, value in styles.items())
            out.append(f'<span style="{css}">{html.escape(part)}</span>' if css and part else html.escape(part))
            continue
        for code in (int(code or 0) for code in part[2:-1].split(";")):
            if code == 0:
                styles.clear()
            elif code == 1:
                styles["font-weight"] = "bold"
            elif code == 2:
                styles["opacity"] = "0.6"
            elif code == 4:
                styles["text-decoration"] = "underline"
            elif 30 <= code % 60 <= 37:
                styles["color"] = COLOURS[code % 60]
    out.append("\n")
page = f"""<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #0d1117; color: #c9d1d9; }}
pre {{ margin: {MARGIN}px; font: 13px/{LINE}px "DejaVu Sans Mono", "Liberation Mono", monospace;
  width: {COLUMNS}ch; white-space: pre-wrap; word-break: break-all; }}
</style><pre>{"".join(out)}</pre>"""
open(sys.argv[2], "w", encoding="utf-8").write(page)
print(f"{int(COLUMNS * CHARACTER) + 2 * MARGIN},{rows * LINE + 2 * MARGIN}")
PYTHON
)

shot() { # FILE WIDTH,HEIGHT PNG
  "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --user-data-dir="$tmp/profile" \
    --window-size="$2" --screenshot="$3" "file://$1" >/dev/null 2>&1
}
shot "$tmp/terminal.html" "$size" "$here/plan-terminal.png"
shot "$tmp/plan.html" 1000,1100 "$here/plan-html.png"
ls -l "$here"/*.png
