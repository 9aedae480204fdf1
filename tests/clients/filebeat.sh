#!/usr/bin/env bash
# Elastic's Filebeat, a Go module.
#   filebeat.sh install   prints the program's path
. "$(dirname "$0")/common.sh"

VERSION=v7.17.29

# A module of our own takes over Filebeat's replace lines, which "go install" refuses.
install() {
  local work from
  if [ ! -x "$ENGINES/bin/filebeat" ]; then
    mkdir -p "$ENGINES/bin"
    work=$(mktemp -d)
    from=$(go mod download -json github.com/elastic/beats/v7@$VERSION | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
    sed -e 's|^module .*|module bole.test/filebeat|' "$from/go.mod" > "$work/go.mod"
    echo "require github.com/elastic/beats/v7 $VERSION" >> "$work/go.mod"
    cp "$from/go.sum" "$work/go.sum"
    (cd "$work" && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags='-s -w' -o "$ENGINES/bin/filebeat" github.com/elastic/beats/v7/filebeat) >&2
    rm -rf "$work"
  fi
  echo "$ENGINES/bin/filebeat"
}

case ${1:-} in
  install) install ;;
  *) usage ;;
esac
