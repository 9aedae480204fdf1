#!/usr/bin/env bash
# An OpenTelemetry Collector that reads files and sends them through its OTLP, Elasticsearch and Splunk exporters.
#   collector.sh install   prints the program's path
. "$(dirname "$0")/common.sh"

# The last release whose exporters all lie in Go's registry.
CORE=v0.122.1 CONTRIB=v0.122.0

program() {
  cat <<'GO'
package main

import (
	"log"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/elasticsearchexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/splunkhecexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlpexporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
)

func factories() (f otelcol.Factories, err error) {
	f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](filelogreceiver.NewFactory())
	if err == nil {
		f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](otlpexporter.NewFactory(), otlphttpexporter.NewFactory(),
			elasticsearchexporter.NewFactory(), splunkhecexporter.NewFactory())
	}
	return f, err
}

func main() {
	resolver := confmap.ResolverSettings{ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()}, DefaultScheme: "file"}
	settings := otelcol.CollectorSettings{Factories: factories, ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: resolver}}
	if err := otelcol.NewCommand(settings).Execute(); err != nil {
		log.Fatal(err)
	}
}
GO
}

modules() {
  local contrib=github.com/open-telemetry/opentelemetry-collector-contrib core=go.opentelemetry.io/collector
  printf 'module bole.test/collector\n\ngo 1.23\n\nrequire (\n'
  printf '\t%s %s\n' $contrib/exporter/elasticsearchexporter $CONTRIB $contrib/exporter/splunkhecexporter $CONTRIB \
    $contrib/receiver/filelogreceiver $CONTRIB $core/exporter/otlpexporter $CORE $core/exporter/otlphttpexporter $CORE $core/otelcol $CORE
  printf ')\n'
}

install() {
  local work
  if [ ! -x "$ENGINES/bin/otelcol" ]; then
    mkdir -p "$ENGINES/bin"
    work=$(mktemp -d)
    program > "$work/main.go"
    modules > "$work/go.mod"
    (cd "$work" && go mod tidy && CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$ENGINES/bin/otelcol" .) >&2
    rm -rf "$work"
  fi
  echo "$ENGINES/bin/otelcol"
}

case ${1:-} in
  install) install ;;
  *) usage ;;
esac
