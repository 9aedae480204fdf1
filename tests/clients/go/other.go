package main

import (
	"bytes"
	"compress/flate"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"log/syslog"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/Graylog2/go-gelf/gelf"
	"github.com/RackSec/srslog"
	"github.com/fluent/fluent-logger-golang/fluent"
	"github.com/grafana/loki-client-go/loki"
	"github.com/grafana/loki/pkg/push"
	"github.com/prometheus/common/model"
	slogloki "github.com/samber/slog-loki/v3"
	"github.com/sirupsen/logrus"
	logrussyslog "github.com/sirupsen/logrus/hooks/syslog"
)

func init() {
	for name, config := range map[string]fluent.Config{
		"fluent":       {},
		"fluent-ack":   {RequestAck: true, SubSecondPrecision: true},
		"fluent-async": {Async: true, RequestAck: true},
	} {
		senders[name] = func(all []record) {
			host, port, err := net.SplitHostPort(os.Getenv("ADDRESS"))
			must(err)
			config.FluentHost, config.TagPrefix = host, "shop"
			config.FluentPort, err = strconv.Atoi(port)
			must(err)
			log, err := fluent.New(config)
			must(err)
			for _, r := range all {
				fields := r.fields()
				fields["message"] = r.Line
				must(log.Post("orders", fields))
			}
			must(log.Close())
		}
	}

	for _, coding := range []bool{false, true} {
		senders[map[bool]string{false: "loki", true: "loki-json"}[coding]] = func(all []record) {
			log := lokiClient(coding)
			for _, r := range all {
				if coding { // which has no metadata there
					must(log.Handle(model.LabelSet{"app": "shop", "n": model.LabelValue(fmt.Sprint(r.N))}, time.Now(), r.Line))
					continue
				}
				must(log.HandleWithMetadata(model.LabelSet{"app": "shop"}, time.Now(), r.Line,
					push.LabelsAdapter{{Name: "n", Value: fmt.Sprint(r.N)}, {Name: "text", Value: fmt.Sprint("ü\n", r.N)}}))
			}
			log.Stop()
		}
	}
	senders["slog-loki"] = func(all []record) {
		client := lokiClient(false)
		log := slog.New(slogloki.Option{Client: client}.NewLokiHandler()).With("app", "shop")
		for _, r := range all {
			log.Warn(r.Line, "n", r.N)
		}
		client.Stop()
	}

	for name, kind := range map[string]gelf.CompressType{"gelf-gzip": gelf.CompressGzip, "gelf-zlib": gelf.CompressZlib, "gelf-none": gelf.CompressNone} {
		senders[name] = func(all []record) {
			w, err := gelf.NewUDPWriter(os.Getenv("ADDRESS"))
			must(err)
			w.CompressionType, w.CompressionLevel = kind, flate.BestSpeed
			for _, r := range all {
				must(w.WriteMessage(message(r)))
			}
			must(w.Close())
		}
	}
	senders["gelf-tcp"] = func(all []record) {
		w, err := gelf.NewTCPWriter(os.Getenv("ADDRESS"))
		must(err)
		for _, r := range all {
			must(w.WriteMessage(message(r)))
		}
		must(w.Close())
	}

	senders["logrus-syslog"] = func(all []record) {
		log := logrus.New()
		log.SetOutput(&bytes.Buffer{})
		log.SetFormatter(&logrus.JSONFormatter{})
		hook, err := logrussyslog.NewSyslogHook("tcp", os.Getenv("ADDRESS"), syslog.LOG_LOCAL3, "shop")
		must(err)
		log.AddHook(hook)
		for _, r := range all {
			log.WithFields(r.fields()).Warn(r.Line)
		}
		must(hook.Writer.Close())
	}
	senders["srslog"] = func(all []record) {
		w, err := srslog.DialWithTLSConfig("tcp+tls", os.Getenv("ADDRESS"), srslog.LOG_WARNING|srslog.LOG_LOCAL3, "shop", &tls.Config{InsecureSkipVerify: true})
		must(err)
		w.SetFormatter(srslog.RFC5424Formatter)
		w.SetFramer(srslog.RFC5425MessageLengthFramer)
		for _, r := range all {
			must(w.Warning(r.Line))
		}
		must(w.Close())
	}
}

func lokiClient(encodeJSON bool) *loki.Client {
	config, err := loki.NewDefaultConfig(os.Getenv("URL") + "/loki/api/v1/push")
	must(err)
	config.BatchWait, config.BatchSize, config.EncodeJson = 100*time.Millisecond, 20000, encodeJSON
	client, err := loki.New(config)
	must(err)
	return client
}

func message(r record) *gelf.Message {
	nested, err := json.Marshal(r.Nested)
	must(err)
	return &gelf.Message{Version: "1.1", Host: "h1", Short: r.Line, TimeUnix: float64(time.Now().UnixMicro()) / 1e6, Level: 4, Extra: map[string]any{
		"_service": "shop", "_n": r.N, "_big": r.Big, "_small": r.Small, "_ratio": r.Ratio, "_ok": r.Ok, "_nested": string(nested)}}
}
