package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	elasticsearch7 "github.com/elastic/go-elasticsearch/v7"
	esutil7 "github.com/elastic/go-elasticsearch/v7/esutil"
	elasticsearch9 "github.com/elastic/go-elasticsearch/v9"
	esutil9 "github.com/elastic/go-elasticsearch/v9/esutil"
	"github.com/opensearch-project/opensearch-go/v4"
	"github.com/opensearch-project/opensearch-go/v4/opensearchapi"
	"github.com/opensearch-project/opensearch-go/v4/opensearchutil"
)

func init() {
	senders["elasticsearch7"] = func(all []record) {
		client, err := elasticsearch7.NewClient(elasticsearch7.Config{Addresses: []string{os.Getenv("URL")}})
		must(err)
		info, err := client.Info()
		must(err)
		check(info.StatusCode == 200, info)
		bulk, err := esutil7.NewBulkIndexer(esutil7.BulkIndexerConfig{Client: client, Index: "shop", FlushBytes: 50000, NumWorkers: 2})
		must(err)
		for _, r := range all {
			must(bulk.Add(context.Background(), esutil7.BulkIndexerItem{Action: "create", DocumentID: fmt.Sprint("id ", r.N), Body: bytes.NewReader(r.document())}))
		}
		must(bulk.Close(context.Background()))
		stats := bulk.Stats()
		check(stats.NumFailed == 0 && stats.NumFlushed == uint64(len(all)), stats)
	}
	senders["elasticsearch9"] = func(all []record) {
		client, err := elasticsearch9.NewClient(elasticsearch9.Config{Addresses: []string{os.Getenv("URL")}, CompressRequestBody: true})
		must(err)
		bulk, err := esutil9.NewBulkIndexer(esutil9.BulkIndexerConfig{Client: client, Index: "shop", FlushBytes: 50000, NumWorkers: 2})
		must(err)
		for _, r := range all {
			must(bulk.Add(context.Background(), esutil9.BulkIndexerItem{Action: "index", Body: bytes.NewReader(r.document())}))
		}
		must(bulk.Close(context.Background()))
		stats := bulk.Stats()
		check(stats.NumFailed == 0 && stats.NumFlushed == uint64(len(all)), stats)
	}
	senders["opensearch"] = func(all []record) {
		client, err := opensearchapi.NewClient(opensearchapi.Config{Client: opensearch.Config{Addresses: []string{os.Getenv("URL")}, CompressRequestBody: true}})
		must(err)
		_, err = client.Info(context.Background(), nil)
		must(err)
		bulk, err := opensearchutil.NewBulkIndexer(opensearchutil.BulkIndexerConfig{Client: client, Index: "shop", FlushBytes: 50000, NumWorkers: 2})
		must(err)
		for _, r := range all {
			must(bulk.Add(context.Background(), opensearchutil.BulkIndexerItem{Action: "create", Body: bytes.NewReader(r.document())}))
		}
		must(bulk.Close(context.Background()))
		stats := bulk.Stats()
		check(stats.NumFailed == 0 && stats.NumFlushed == uint64(len(all)), stats)
	}
}
