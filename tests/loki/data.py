"""The data that the queries in cases/ ask about: pushed to Loki and to Bole, byte for byte the same.

All stamps are fixed, so that answers can be recorded. A stream is (labels, [(ns, line bytes, {metadata})]).
"""

import json

BASE_S = 1699999200  # a whole hour
BASE = BASE_S * 10**9


def at(seconds):
    return BASE + round(seconds * 1000) * 10**6


def every(step, lines, first=0, metadata=None):
    return [(at(first + i * step), as_bytes(line), (metadata(i) if metadata else {})) for i, line in enumerate(lines)]


def as_bytes(line):
    return line if isinstance(line, bytes) else line.encode()


JSON = [
    '{"level":"info","status":200,"dur":"12ms","size":"1KB","user":"ann","ok":true}',
    '{"level":"error","status":500,"dur":"1.5s","size":"2.5MB","user":"bob","ok":false,"tags":["a","b"]}',
    '{"level":"warn","status":404,"dur":"250us","size":"12","user":"","ok":null}',
    '{"level":"info","status":"200","dur":"1h2m","size":"3KiB","user":"ünï","x":1.50,"y":1e3,"z":-0.0}',
    '{"level":"debug","status":302.0,"dur":"7","size":"x","user":"ann \\"q\\" \\\\ \\n","big":12345678901234567890}',
    '{"level":"info","nested":{"in":{"deep":"v"},"arr":[1,{"k":"w"},[3]],"n":7},"status":201}',
    '{"app":"clash","env":"clash","status":1}',
    '{"a":1,"a":2,"b":{"c":1},"b_c":2}',
    '{"b_c":2,"b":{"c":1}}',
    '{"weird key":"1","dash-key":"2","dot.key":"3","9digit":"4","ünï":"5","":"6","_u":"7"}',
    '{"esc":"tab\\tnl\\nq\\"u\\u00e9\\ud83d\\ude00","lone":"\\ud800","nul":"a\\u0000b","slash":"a\\/b"}',
    '{"level":"info","status":200}   ',
    '   {"level":"info","status":201}',
    '{"level":"info","status":202} trailing',
    '{"level":"info","status":203,}',
    '{"level":"info","status":0204}',
    '{"level":"info","status":205',
    '{"level":"info" "status":206}',
    '{"level":"inf',
    '[1,2,3]',
    '"string"',
    '42',
    'null',
    '',
    'not json',
    '{}',
    '{"k":[]}',
    '{"k":{},"l":[{"m":1},{"m":2}]}',
    '{"status":-1,"dur":"-5s","size":"-1B"}',
    '{"status":1e400,"dur":"1e3s"}',
    '{"status":NaN,"x":Infinity}',
    '{"level":"error","msg":"it\'s \\u003cb\\u003e & <i>","status":503}',
    '{"__error__":"mine","__error_details__":"own","level":"info"}',
    '{"status":"0x10","dur":"1d","size":"1,024"}',
    '{"T":true,"f":false,"n":null,"level":"INFO"}',
    '{"level":{"x":"y"},"status":[200]}',
    '{"nested":{"a":{"b":{"c":{"d":{"e":"deep"}}}}}}',
    "{'single':'quotes'}",
    '{"dup":"1"}{"dup":"2"}',
    '{"arr":["x","y",{"z":"zz"}],"obj":{"a":"1","b":[1,2]},"s":"str","i":-5,"fl":2.5,"e":1E-2}',
]

LOGFMT = [
    'level=info status=200 dur=12ms size=1KB user=ann msg="hello world"',
    'level=error status=500 dur=1.5s size=2.5MB user=bob msg="it \\"broke\\""',
    'level=warn status=404 dur=250us size=12 user= msg=""',
    'level=info status=200 dur=1h2m3s size=3KiB user="ünï" msg="tab\\tnl\\n"',
    'level=debug status=302.0 dur=7 size=x user=ann flag',
    'flag level=info status=201 x=1.50 y=1e3 z=-0.0',
    'dup=1 dup=2 app=clash env=clash',
    'a=b=c level=info',
    'a="b"c level=info',
    'a="unterminated level=info',
    '"quoted"=1 level=info',
    '=novalue level=info',
    'weird-key=1 dot.key=2 9digit=3 ünï=4 _u=5 slash/key=6',
    'level=info status="200" dur="3s" size="4 KB"',
    'plain words only here',
    '',
    '   level=info   status=203   ',
    'level=info\tstatus=204\ttab=yes',
    'level=info status=-1 dur=-5s size=-1B',
    'level=info status=NaN dur=+Inf size=1.5B',
    'level=info status=0x10 dur=1d size=1,024',
    'level=info status=1_000 dur=.5s size=.5KB',
    'level=info msg="a\\u00e9\\ud83d" esc="\\x"',
    'level=info msg=unquoted"quote status=1',
    'a.b=1 a_b=2 A=3',
    'level=info ip=10.0.0.1 addr=10.0.0.1:8080',
    '__error__=mine level=info',
    'level=info status=1e400 dur=999999999h size=99999999999999999999TB',
    'k1=v1,k2=v2 level=info',
    'level=info emoji=😀 status=5',
    b'level=info bad=\xff\xfe status=6',
    'level=info status=2e2 dur=1m30s size=1.5KiB',
    "level='single quoted' status=7",
    'level="info" status="8" empty="" last=',
    'user=alice level=info status=9 user=bob',
    'level=info  =  status=10',
]

PLAIN = [
    'GET /index.html 200 12ms from 10.0.0.1',
    'GET /api/v1/users?id=7 404 3ms from 10.0.0.2',
    'POST /api/v1/users 500 1.5s from 192.168.1.5',
    'DELETE /api/v1/users/7 204 250us from 10.1.2.3',
    'PUT /upload 413 2s from 2001:db8::1',
    'ünïcödé ÄÖÜ straße 日本語 😀',
    'tab\there "quoted" back\\slash <tag> & amp',
    'ERROR something failed: timeout after 30s',
    'error lower case',
    'Error mixed Case',
    'multi\nline\nentry',
    'a.b*c[d]e(f)g{h}i|j^k$l+m?n',
    ' leading and trailing ',
    'x' * 2000,
    b'bad \xff\xfe utf8 \xc3\x28 here',
    b'nul \x00 byte',
    '\x1b[31mred\x1b[0m and \x1b[1;32mbold green\x1b[0m',
    'ip 10.0.0.1.5 and 300.1.1.1 and 1.2.3',
    'fe80::1%eth0 ::1 [2001:db8::2]:443',
    '10.0.0.255,10.0.1.0;172.16.5.4',
    'level=info but not only logfmt {"json": "no"}',
    'aaa',
    'aa',
    'a',
    '0',
    '-1',
    '3.14',
    '1e3',
    '\r\nwindows\r',
    '\u2028sep\u2029',
]

ACCESS = [
    '10.0.0.%d - %s [14/Nov/2023:22:0%d:00 +0000] "%s %s HTTP/1.1" %d %d "%s" "%s"' % row
    for row in [
        (1, 'ann', 0, 'GET', '/', 200, 612, '-', 'curl/7.68.0'),
        (2, '-', 1, 'GET', '/a/b?c=d', 404, 153, 'http://x/', 'Mozilla/5.0 (X11)'),
        (3, 'bob', 2, 'POST', '/login', 302, 0, '-', 'Go-http-client/1.1'),
        (1, 'ann', 3, 'GET', '/big', 200, 1048576, '-', 'curl/7.68.0'),
        (4, '-', 4, 'HEAD', '/', 500, 7, '-', ''),
        (5, 'ünï', 5, 'GET', '/ü', 200, 99, '-', 'x'),
    ]
] + ['short line', '10.0.0.9 - -', '10.0.0.9 - - [', '- - - [x] "GET']

PACKED = [
    '{"_entry":"inner line level=info","pod":"p1","n":"5"}',
    '{"_entry":"{\\"level\\":\\"warn\\",\\"status\\":7}","pod":"p2"}',
    '{"pod":"p3","x":"no entry"}',
    '{"_entry":5,"pod":"p4"}',
    '{"_entry":"e","num":5,"obj":{"a":"b"},"arr":["x"],"b":true,"nul":null,"app":"clash"}',
    'not packed',
    '{"_entry":"broken","pod":',
    '["a"]',
    '{"_entry":"","pod":"p5"}',
    '{"_entry":"esc \\"q\\" \\u00e9","key with space":"v","dash-key":"w"}',
    ' {"_entry":"blank before","pod":"p6"}',
    '',
]

VALUES = ['1', '2.5', '-3', '+4', '.5', '1e3', 'Inf', '-Inf', 'NaN', '', '0x10', '1_000', 'abc', '5 ', '12ms', '1.5s', '1h', '7',
          '1d', '-2m', '10KB', '1KiB', '1.5MB', '3 B', '2,048', '-1B', '99999999999999999999', '1e-7', '0', '-0', '0.1', '0.2']

LEVELS = ['plain text', 'level=error x', 'lvl=warn', '{"level":"fatal"}', '{"severity":"critical"}', 'ERROR: bad', 'WARNING ahead',
          'INFO', 'debug: x', 'trace here', '[error] x', 'an errors b', 'LEVEL=DEBUG', '{"nested":{"level":"error"}}', 'level=unknownlevel',
          'severity_text=INFO', 'FATAL', 'critical', 'panic: x', '{"lvl":"TRACE","level":""}', 'level="Warning"', 'loglevel=error',
          '{"Level":"Information"}', 'level=err', 'level=crit', 'notice this']


def wave(i, k=0):
    """A value that looks random and is exactly the same everywhere."""
    return (i * 7919 + k * 104729) % 1000


def dense():
    """Three hosts, every 5 s for 10 minutes; unwrappable in several units."""
    out = []
    for k, host in enumerate('abc'):
        lines = []
        for i in range(120):
            v = wave(i, k)
            lines.append(f'v={v} f={v / 8} d={v}ms s={v}KB neg={v - 500} code={200 + 100 * (v % 4)} path=/p{v % 3}')
        out.append(({'app': 'dense', 'host': host, 'dc': 'east' if k < 2 else 'west'}, every(5, lines)))
    return out


def counters():
    out = []
    for k, host in enumerate('ab'):
        total, lines = 0, []
        for i in range(60):
            total = 0 if i in (17 + k, 18 + k, 41) else total + wave(i, k) % 50
            lines.append(f'total={total}')
        out.append(({'app': 'counter', 'host': host}, every(10, lines, first=k)))
    return out


def streams():
    meta = [{}, {'trace_id': 't1'}, {'trace_id': 't2', 'user': 'ann'}, {'app': 'clash'}, {'status': '4', 'level': 'x'},
            {'dotted.key': 'a', 'dash-key': 'b'}, {'num': '42', 'dur': '3s', 'size': '5KB', 'ip': '10.0.0.7'}, {'trace_id': 't1', 'user': 'ünï'},
            {'detected_level': 'warn'}, {'app_extracted': 'q'}]
    out = [
        ({'app': 'json', 'env': 'prod'}, every(5, JSON)),
        ({'app': 'logfmt', 'env': 'prod'}, every(5, LOGFMT)),
        ({'app': 'plain', 'env': 'dev'}, every(5, PLAIN)),
        ({'app': 'access', 'env': 'dev'}, every(7, ACCESS)),
        ({'app': 'packed', 'env': 'dev'}, every(7, PACKED)),
        ({'app': 'values', 'env': 'dev'}, every(5, [f'v="{v}" w={i % 3}' for i, v in enumerate(VALUES)])),
        ({'app': 'levels'}, every(5, LEVELS)),
        ({'app': 'meta', 'env': 'prod'}, every(6, ['{"status":500,"user":"json","app":"j","level":"error"}'] * len(meta) * 2,
                                               metadata=lambda i: meta[i % len(meta)])),
        ({'app': 'meta', 'env': 'dev'}, every(6, ['status=500 user=lf app=j trace_id=mine'] * len(meta), first=3,
                                              metadata=lambda i: meta[i])),
        ({'app': 'sparse', 'host': 'a'}, every(170, [f'n={i}' for i in range(12)])),
        ({'app': 'sparse', 'host': 'b'}, every(260, [f'n={i}' for i in range(7)], first=30)),
        ({'app': 'edge'}, every(10, [f'n={i}' for i in range(61)])),
        # Equal stamps, out of order, exact duplicates, and a metadata that tells equal lines apart.
        ({'app': 'dup', 'host': 'a'}, [(at(t), line.encode(), m) for t, line, m in [
            (10, 'one', {}), (10, 'one', {}), (10, 'two', {}), (10, 'one', {'k': 'v'}), (5, 'late', {}), (7.5, 'mid', {}), (10, 'three', {}),
            (20, 'one', {}), (19.999, 'just before', {}), (30, 'x', {'k': 'w'}), (30, 'x', {'k': 'v'}), (15, 'x', {})]]),
        ({'app': 'dup', 'host': 'b'}, [(at(t), line.encode(), {}) for t, line in [
            (10, 'one'), (10, 'b two'), (20, 'one'), (25, 'y'), (30, 'z')]]),
        ({'app': 'ns', 'host': 'a'}, [(BASE + n, b'n=%d' % n, {}) for n in (0, 1, 2, 999, 10**3, 10**6, 10**9 - 1, 10**9, 10**9 + 1, 59999999999, 60 * 10**9)]),
        ({'app': 'special', 'q': 'a"b\\c', 'u': 'ünï', 'sp': ' x ', 'nl': 'a\nb', 'html': '<&>'}, every(5, ['l=1', 'l=2'])),
        ({'app': 'special', 'dot': 'a.b', 'upper': 'ABC'}, every(5, ['l=3', 'l=4'])),
        ({'app': 'labels', 'num': '42', 'dur': '3s', 'size': '5KB', 'ip': '10.0.0.7', 'level': 'info'}, every(20, ['one', 'two', 'three'])),
        ({'app': 'labels', 'num': 'x', 'dur': '90', 'size': '5XB', 'ip': 'nope', 'level': 'ERROR'}, every(20, ['four', 'five'], first=1)),
        ({'app': 'one', 'service_name': 'given', 'host': 'h'}, every(60, ['a', 'b', 'c'])),
        ({'app': 'colour'}, every(5, ['\x1b[31mred\x1b[0m', '\x1b[1;38;5;208mo\x1b[m', '\x1b]0;title\x07x', '\x1b[2Kx\x1b[1A', '\x1b(Bx', '\x9b31mx', 'x\x1b['])),
    ]
    return out + dense() + counters()


def push_json():
    """The same through Loki's JSON push, where a line is text."""
    return json.dumps({'streams': [{'stream': {'app': 'pushed'}, 'values': [
        [str(at(1)), 'json push'], [str(at(2)), 'with metadata', {'k': 'v', 'empty': ''}], [str(at(3)), 'nul \u0000 and \ud83d\ude00']]}]})
