// Sends the records of a file with a client library of somebody else: senders NAME FILE, the server in $URL or $ADDRESS.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

type record struct {
	Line   string         `json:"line"`
	N      int64          `json:"n"`
	Big    int64          `json:"big"`
	Small  int64          `json:"small"`
	Ratio  float64        `json:"ratio"`
	Ok     bool           `json:"ok"`
	Nested map[string]any `json:"nested"`
}

func (r record) fields() map[string]any {
	return map[string]any{"n": r.N, "big": r.Big, "small": r.Small, "ratio": r.Ratio, "ok": r.Ok, "nested": r.Nested}
}

func (r record) document() []byte {
	all := r.fields()
	all["message"], all["@timestamp"] = r.Line, time.Now().UTC().Format(time.RFC3339Nano)
	text, err := json.Marshal(all)
	must(err)
	return text
}

var senders = map[string]func([]record){}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(ok bool, what ...any) {
	if !ok {
		must(fmt.Errorf("%s", fmt.Sprintln(what...)))
	}
}

// Numbers as what they are: encoding/json makes a float64 of each.
func whole(v any) any {
	switch v := v.(type) {
	case json.Number:
		n, err := v.Int64()
		must(err)
		return n
	case map[string]any:
		for k := range v {
			v[k] = whole(v[k])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	}
	return v
}

func main() {
	text, err := os.ReadFile(os.Args[2])
	must(err)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var all []record
	must(decoder.Decode(&all))
	for _, r := range all {
		whole(r.Nested)
	}
	send := senders[os.Args[1]]
	check(send != nil, "no such sender:", os.Args[1])
	send(all)
}
