# Shared by the scripts: source it. Sets `root` and goes there.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '\033[2m==>\033[0m %s\n' "$*" >&2; }
[ -t 2 ] || say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

log_file() { mkdir -p build/log && printf 'build/log/%s.log' "$1"; }

# Runs a command quietly; its output is shown only when it fails.
quiet() {
    local name=$1; shift
    local log; log=$(log_file "$name")
    "$@" >"$log" 2>&1 || { tail -60 "$log" >&2; die "$name failed, its output is in $log"; }
}

node_is_usable() {
    local major
    major=$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')
    [ "${major:-0}" -ge 18 ] && command -v npm >/dev/null
}
