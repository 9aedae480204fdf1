#!/usr/bin/env bash
# The Go libraries that send logs, in one program of ours: go/*.go.
#   go.sh install   prints the program's path
. "$(dirname "$0")/common.sh"

# Built in a copy: Go writes down the checksums, which it has from its public database, beside the sources.
install() {
  local program=$ENGINES/bin/senders from work; from=$(cd "$(dirname "$0")" && pwd)/go
  if [ ! -x "$program" ] || [ -n "$(find "$from" -newer "$program" -print -quit)" ]; then
    mkdir -p "$ENGINES/bin"
    work=$(mktemp -d)
    cp "$from"/* "$work"
    (cd "$work" && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags='-s -w' -o "$program" .) >&2
    rm -rf "$work"
  fi
  echo "$program"
}

case ${1:-} in
  install) install ;;
  *) usage ;;
esac
