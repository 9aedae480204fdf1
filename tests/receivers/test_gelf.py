"""The GELF doors, with the loggers that people use."""

import socket

import pytest

import bole
import clients
from test_syslog import records

QUERY = '{host=~".+"}'


@pytest.fixture
def server():
    with bole.Server(args=["--listen-gelf", "127.0.0.1:0"]) as s:
        yield s


def address(server):
    return f"127.0.0.1:{server.door('gelf')}"


LOG = """
import logging, os
host, port = os.environ["URL"].split(":")
port = int(port)
HANDLER
log = logging.Logger("my.logger")
log.addHandler(handler)
for i in range(30):
    log.warning("line %d \\u00fc", i, extra={"order": i})
log.error("long " + "".join(chr(33 + i * 7919 % 90) for i in range(40000)))
try:
    1 / 0
except ZeroDivisionError:
    log.exception("divided")
handler.close()
"""


@pytest.mark.parametrize("handler", [
    "import graypy; handler = graypy.GELFUDPHandler(host, port)",
    "import graypy; handler = graypy.GELFUDPHandler(host, port, compress=False, facility='shop')",
    "import graypy; handler = graypy.GELFTCPHandler(host, port)",
    "import pygelf; handler = pygelf.GelfUdpHandler(host=host, port=port, chunk_size=1300, include_extra_fields=True)",
    "import pygelf; handler = pygelf.GelfUdpHandler(host=host, port=port, compress=False, include_extra_fields=True)",
    "import pygelf; handler = pygelf.GelfTcpHandler(host=host, port=port, include_extra_fields=True, _app='shop')",
])
def test_python(server, handler):
    clients.python("gelf", LOG.replace("HANDLER", handler), address(server))
    got = dict(records(server, QUERY, count=32))
    labels = got["line 7 ü"]
    assert (labels["order"], labels["level"], labels["detected_level"]) == ("7", "4", "warn")
    assert labels["host"] and labels["sender"] == "127.0.0.1"
    if "shop" in handler:
        assert labels["service_name"] == "shop"
    long, = (line for line in got if line.startswith("long"))
    assert long == "long " + "".join(chr(33 + i * 7919 % 90) for i in range(40000))
    trace, = (line for line in got if line.startswith("divided"))
    assert "ZeroDivisionError" in trace and got[trace]["detected_level"] == "error"


NODE = """
const gelf = require("gelf-pro");
const [host, port] = process.env.URL.split(":");
gelf.setConfig({ adapterName: "ADAPTER", adapterOptions: { host, port: Number(port), protocol: "udp4" }, fields: { service: "node-app" } });
const send = (text, extra) => new Promise((good, bad) => gelf.error(text, extra, (e, bytes) => e ? bad(e) : good(bytes)));
(async () => {
  for (let i = 0; i < 30; i++) await send(`line ${i} \\u00fc`, { nested: { order: i } });
  await send("long " + Array.from({ length: 20000 }, (_, i) => String.fromCharCode(33 + i * 7919 % 90)).join(""), {});
})().catch(e => { console.error(e); process.exit(1); });
"""


@pytest.mark.parametrize("adapter", ["udp", "tcp"])
def test_gelf_pro(server, adapter):
    clients.node("gelf-pro", NODE.replace("ADAPTER", adapter), address(server))
    got = dict(records(server, QUERY, count=31))
    labels = got["line 3 ü"]
    assert (labels["service_name"], labels["nested_order"], labels["detected_level"]) == ("node-app", "3", "error")


def test_lost_chunks_are_counted(server):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", server.door("gelf")))
        for i in range(300):  # more than may wait
            s.send(b"\x1e\x0f" + i.to_bytes(8, "big") + b"\0\2{")
        s.send(b'{"short_message":"whole","host":"h"}')
        assert [line for line, _ in records(server, QUERY, count=1)] == ["whole"]
    assert server.metric('bole_socket_lost_total{door="gelf",reason="incomplete"}') == 44
