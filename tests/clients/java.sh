#!/usr/bin/env bash
# Java libraries that send logs, and all that they need, from Maven's registry.
#   java.sh install   prints the folder of their jars
. "$(dirname "$0")/common.sh"

install() {
  if ! cmp -s "$0" "$ENGINES/java/.fetched"; then # the list below was another one
    rm -rf "$ENGINES/java"
    maven_jars "$ENGINES/java" \
      ch.qos.logback:logback-classic:1.5.18 com.github.loki4j:loki-logback-appender:1.6.0 de.siegmar:logback-gelf:6.1.1 \
      io.opentelemetry:opentelemetry-sdk:1.49.0 io.opentelemetry:opentelemetry-exporter-otlp:1.49.0 \
      co.elastic.clients:elasticsearch-java:9.1.4 org.fluentd:fluent-logger:0.3.4 \
      net.logstash.logback:logstash-logback-encoder:8.0 io.opentelemetry.instrumentation:opentelemetry-logback-appender-1.0:2.15.0-alpha \
      org.apache.logging.log4j:log4j-core:2.24.3 org.apache.logging.log4j:log4j-layout-template-json:2.24.3 \
      org.opensearch.client:opensearch-java:3.2.0 org.komamitsu:fluency-fluentd:2.7.3 org.graylog2:gelfclient:1.5.1 \
      com.cloudbees:syslog-java-client:1.1.7
    cp "$0" "$ENGINES/java/.fetched"
  fi
  echo "$ENGINES/java"
}

case ${1:-} in
  install) install ;;
  *) usage ;;
esac
