#!/usr/bin/env python3
"""Packs the built UI into the program.

usage: web_embed.py FOLDER OUT.c OUT.S OUT.bin DEPFILE     (FOLDER "": an empty pack)

OUT.bin holds every file once as it is and once gzip'd when that makes it smaller; OUT.S brings it in with .incbin;
OUT.c is the table of web.h. Equal input gives equal output: no times, sorted paths.
"""
import gzip
import hashlib
import os
import re
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}

# Vite puts a hash of the content into these names, so that a name never changes its content.
HASHED = re.compile(r"^/assets/.+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$")

ASSEMBLER = """\
/* Made by web_embed.py. */
#if defined(__CET__) && __has_include(<cet.h>)
#include <cet.h>
#endif
    .section .rodata
    .globl web_pack
    .balign 16
web_pack:
    .incbin "{pack}"
    .byte 0
    .section .note.GNU-stack,"",%progbits
"""


def list_files(folder):
    found = []
    for base, _, names in os.walk(folder):
        found += [os.path.join(base, name) for name in names]
    return sorted(found)


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def pack_file(path, folder, pack):
    """Appends one file to the pack and returns its row of the table."""
    with open(path, "rb") as f:
        plain = f.read()
    packed = gzip.compress(plain, 9, mtime=0)
    name = "/" + os.path.relpath(path, folder).replace(os.sep, "/")
    kind = TYPES.get(os.path.splitext(name)[1], "application/octet-stream")
    etag = '"' + hashlib.sha256(plain).hexdigest()[:16] + '"'
    plain_at = len(pack)
    pack += plain
    gzip_at, gzip_size = len(pack), 0
    if len(packed) < len(plain):
        pack += packed
        gzip_size = len(packed)
    return (f"    {{{c_string(name)}, {c_string(kind)}, {c_string(etag)}, web_pack + {plain_at}, {len(plain)}, "
            f"web_pack + {gzip_at}, {gzip_size}, {'true' if HASHED.match(name) else 'false'}}},\n")


def main(folder, out_c, out_s, out_bin, depfile):
    files = list_files(folder) if folder else []
    if folder and not os.path.isfile(os.path.join(folder, "index.html")):
        sys.exit(f"web_embed.py: {folder} holds no index.html: build the UI first (npm run build in web/)")
    pack = bytearray()
    rows = "".join(pack_file(path, folder, pack) for path in files)
    with open(out_bin, "wb") as f:
        f.write(pack)
    with open(out_s, "w") as f:
        f.write(ASSEMBLER.format(pack=out_bin))
    with open(out_c, "w") as f:
        f.write('/* Made by web_embed.py. */\n#include "serve/web.h"\n\nextern const uint8_t web_pack[];\n\n'
                f"const struct web_file web_files[] = {{\n{rows}    {{0}},\n}};\n"
                f"const size_t web_file_count = {len(files)};\n")
    with open(depfile, "w") as f:
        f.write(" ".join([out_c + ":"] + [path.replace(" ", "\\ ") for path in files + ([folder] if folder else [])]) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    main(*sys.argv[1:])
