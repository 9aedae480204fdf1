package main

import (
	"context"
	"log/slog"
	"os"

	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/bridges/otelzap"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	sdk "go.opentelemetry.io/otel/sdk/log"
	"go.opentelemetry.io/otel/sdk/resource"

	"go.uber.org/zap"
)

func provider(exporter sdk.Exporter) *sdk.LoggerProvider {
	return sdk.NewLoggerProvider(sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))),
		sdk.WithProcessor(sdk.NewBatchProcessor(exporter, sdk.WithExportMaxBatchSize(100))))
}

func overHTTP() *sdk.LoggerProvider {
	exporter, err := otlploghttp.New(context.Background(), otlploghttp.WithEndpointURL(os.Getenv("URL")+"/v1/logs"),
		otlploghttp.WithCompression(otlploghttp.GzipCompression))
	must(err)
	return provider(exporter)
}

func overGRPC() *sdk.LoggerProvider {
	exporter, err := otlploggrpc.New(context.Background(), otlploggrpc.WithEndpoint(os.Getenv("ADDRESS")), otlploggrpc.WithInsecure(),
		otlploggrpc.WithCompressor("gzip"))
	must(err)
	return provider(exporter)
}

func init() {
	senders["otel-slog"] = func(all []record) {
		p := overHTTP()
		log := otelslog.NewLogger("orders", otelslog.WithLoggerProvider(p))
		for _, r := range all {
			log.Warn(r.Line, "n", r.N, "big", r.Big, "small", r.Small, "ratio", r.Ratio, "ok", r.Ok, slog.Group("nested",
				"deep", r.Nested["deep"], "list", r.Nested["list"]))
		}
		must(p.Shutdown(context.Background()))
	}
	senders["otel-zap"] = func(all []record) {
		p := overGRPC()
		log := zap.New(otelzap.NewCore("orders", otelzap.WithLoggerProvider(p)))
		for _, r := range all {
			deep := r.Nested["deep"].(map[string]any)
			log.Warn(r.Line, zap.Int64("n", r.N), zap.Int64("big", r.Big), zap.Int64("small", r.Small), zap.Float64("ratio", r.Ratio), zap.Bool("ok", r.Ok),
				zap.Dict("nested", zap.Dict("deep", zap.Int64("id", deep["id"].(int64)), zap.String("text", deep["text"].(string)))))
		}
		must(p.Shutdown(context.Background()))
	}
}
