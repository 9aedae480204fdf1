"""Writes a file as a C array: embed.py IN OUT."""
import sys

data = open(sys.argv[1], "rb").read()
with open(sys.argv[2], "w") as out:
    out.write('#include "rpc/descriptors.h"\n\nconst uint8_t rpc_descriptors[] = {')
    for at in range(0, len(data), 32):
        out.write("\n    " + ",".join(str(byte) for byte in data[at:at + 32]) + ",")
    out.write("\n};\nconst size_t rpc_descriptors_size = sizeof rpc_descriptors;\n")
