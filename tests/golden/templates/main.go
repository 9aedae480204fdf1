// templates runs a table of templates through Loki's own formatter and prints what it answers: see README.md.
package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/grafana/loki/v3/pkg/logql/log"
	"github.com/prometheus/prometheus/model/labels"
)

const timestamp = 1479772800123456789 // 2016-11-22T00:00:00.123456789Z

// row is what every template runs on; src/query/template/template_golden_test.c has the same.
var row = labels.FromStrings(
	"a", "1", "b", "two words", "app", "shop", "bytes", "1.5MB", "dur", "1h2m3.5s", "e", "1e3",
	"f", "3.75", "hex", "0x1f", "html", `<a href="x">'&'</a>`, "inf", "+Inf",
	"json", `{"a":1,"b":[1,2.5,"x",null,true,{"k":"v"}],"c":{"d":{"e":"deep"}},"n":null,"t":true,"big":12345678901234567890,"s":"q\"\u00e9\ud83d\ude00"}`,
	"list", `[3,1,2]`, "nan", "NaN", "neg", "-42", "s", "Hello, Wörld", "t", "2023-02-28T23:59:59Z",
	"ts", "1479772800", "u", "ÀÉ straße ǆ", "ws", "  \tpad \n",
)

// line is what every template runs on unless the case has a line of its own, which is behind " @@ ".
const line = `GET /index.html?q=1 200 "x" 5ms`

func escape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f || (r == utf8.RuneError && n == 1):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'x':
			var c int
			fmt.Sscanf(s[i+1:i+3], "%02x", &c)
			b.WriteByte(byte(c))
			i += 2
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func run(template, line string) (string, string) {
	f, err := log.NewFormatter(template)
	if err != nil {
		return "parse", err.Error()
	}
	b := log.NewBaseLabelsBuilder().ForLabels(row, 1)
	out, _ := f.Process(timestamp, []byte(line), b)
	if b.GetErr() != "" {
		return "fail", b.GetErrorDetails()
	}
	return "ok", string(out)
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if in.Text() == "" || strings.HasPrefix(in.Text(), "# ") {
			continue
		}
		template, own, found := strings.Cut(in.Text(), " @@ ")
		if !found {
			own = escape(line)
		}
		kind, answer := run(unescape(template), unescape(own))
		if !found {
			own = ""
		}
		fmt.Printf("%s\t%s\t%s\t%s\n", kind, template, own, escape(answer))
	}
}
