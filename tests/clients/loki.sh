#!/usr/bin/env bash
# Grafana Loki: a Go module, one process, everything in memory and in DIR.
#   loki.sh install             prints the program's path
#   loki.sh start [PORT] [DIR]  prints its URL
#   loki.sh stop [DIR]
# Tenants: `bare` gets neither service_name nor detected_level, any other what Loki adds by default.
. "$(dirname "$0")/common.sh"

VERSION=v3.7.8

# As for logcli: a module of our own takes over Loki's replace lines, which "go install" refuses.
install() {
  local work from
  if [ ! -x "$ENGINES/bin/loki" ]; then
    mkdir -p "$ENGINES/bin"
    work=$(mktemp -d)
    from=$(go mod download -json github.com/grafana/loki/v3@$VERSION | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
    sed -e 's|^module .*|module bole.test/loki|' \
        -e 's|=> \./pkg/push|=> github.com/grafana/loki/pkg/push v0.0.0-20250630054201-94c0ba7b0952|' "$from/go.mod" > "$work/go.mod"
    echo "require github.com/grafana/loki/v3 $VERSION" >> "$work/go.mod"
    cp "$from/go.sum" "$work/go.sum"
    (cd "$work" && CGO_ENABLED=0 go build -mod=mod -trimpath -ldflags='-s -w' -o "$ENGINES/bin/loki" github.com/grafana/loki/v3/cmd/loki)
    rm -rf "$work"
  fi
  echo "$ENGINES/bin/loki"
}

# Fixed stamps of long ago are pushed and asked for, so nothing may be too old, flushed early or cached; queries are not split or
# sharded, which would round their steps and reorder sums, and not tried again after a failure.
config() {
  local port=$1 dir=$2
  cat <<YAML
auth_enabled: true
analytics: {reporting_enabled: false}
server:
  http_listen_address: 127.0.0.1
  grpc_listen_address: 127.0.0.1
  http_listen_port: $port
  grpc_listen_port: $(free_port)
  log_level: error
common:
  instance_addr: 127.0.0.1
  path_prefix: $dir
  replication_factor: 1
  ring: {kvstore: {store: inmemory}}
  storage: {filesystem: {chunks_directory: $dir/chunks, rules_directory: $dir/rules}}
memberlist: {bind_addr: [127.0.0.1], bind_port: $(free_port)}
schema_config:
  configs:
    - {from: 2020-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {prefix: index_, period: 24h}}
ingester:
  chunk_idle_period: 90000h
  max_chunk_age: 90000h
  chunk_target_size: 100000000
  wal: {enabled: false}
querier: {query_ingesters_within: 0, max_concurrent: 4, multi_tenant_queries_enabled: true}
query_range:
  cache_results: false
  parallelise_shardable_queries: false
  max_retries: 1
limits_config:
  reject_old_samples: false
  creation_grace_period: 90000h
  unordered_writes: true
  allow_structured_metadata: true
  split_queries_by_interval: 0
  max_query_length: 0
  max_query_lookback: 0
  max_query_series: 100000
  max_entries_limit_per_query: 1000000
  ingestion_rate_mb: 1000
  ingestion_burst_size_mb: 1000
  volume_enabled: true
  shard_streams: {enabled: false}
runtime_config: {file: $dir/overrides.yaml}
YAML
}

start() {
  local port dir; port=$(port_or_free "${1:-}" 3100); dir=${2:-$ENGINES/loki}
  install > /dev/null
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  config "$port" "$dir" > "$dir/loki.yaml"
  echo 'overrides: {bare: {discover_service_name: [], discover_log_levels: false}}' > "$dir/overrides.yaml"
  spawn "$dir" loki "$ENGINES/bin/loki" -config.file="$dir/loki.yaml"
  wait_ready "$dir" loki 90 http_ok "http://127.0.0.1:$port/ready"
  echo "http://127.0.0.1:$port"
}

case ${1:-} in
  install) install ;;
  start) shift; start "$@" ;;
  stop) halt_all "${2:-$ENGINES/loki}" ;;
  *) usage ;;
esac
