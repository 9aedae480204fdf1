#!/usr/bin/env bash
# Java libraries that send logs, and all that they need, from Maven's registry.
#   java.sh install   prints the folder of their jars
. "$(dirname "$0")/common.sh"

install() {
  if [ ! -e "$ENGINES/java/.fetched" ]; then
    maven_jars "$ENGINES/java" \
      ch.qos.logback:logback-classic:1.5.18 com.github.loki4j:loki-logback-appender:1.6.0 de.siegmar:logback-gelf:6.1.1 \
      io.opentelemetry:opentelemetry-sdk:1.49.0 io.opentelemetry:opentelemetry-exporter-otlp:1.49.0 \
      co.elastic.clients:elasticsearch-java:9.1.4 org.fluentd:fluent-logger:0.3.4
    touch "$ENGINES/java/.fetched"
  fi
  echo "$ENGINES/java"
}

case ${1:-} in
  install) install ;;
  *) usage ;;
esac
