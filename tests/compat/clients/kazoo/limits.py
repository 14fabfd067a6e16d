"""jute.maxbuffer, frames that are none, handshakes that are refused, deep and wide trees."""

import socket
import struct

from steps import HOSTS, PATIENCE_S, ROOT, connected, say, step

MAX = 0xFFFFF
client = connected()
client.create(ROOT)


def raw(*parts):
    """Sends bytes on a connection of their own and says how the server answered."""
    host, port = HOSTS[0].split(":")
    link = socket.create_connection((host, int(port)), timeout=PATIENCE_S)
    link.sendall(b"".join(parts))
    said = b""
    try:
        while part := link.recv(4096):
            said += part
            if len(said) >= 4 + 20:
                _, _, timeout, session = struct.unpack("!iiiq", said[:20])
                return f"{len(said) - 4} bytes, a timeout of {timeout} ms, {'a' if session else 'no'} session"
    except ConnectionResetError:
        pass
    return "closed" if not said else f"closed after {len(said)} bytes"


def frame(body):
    return struct.pack("!i", len(body)) + body


def hello(timeout=10_000, session=0, password=bytes(16), zxid=0, readonly=b"\0", version=0):
    return frame(struct.pack("!iqiqi", version, zxid, timeout, session, len(password)) + password + readonly)


# A create is 8 bytes of header, the path's length and bytes, the data's length and bytes, an ACL of 27 and flags of 4.
def largest(path):
    return MAX - (8 + 4 + len(path) + 4 + 27 + 4)


path = f"{ROOT}/big"
step("as large as may be", lambda: client.create(path, b"x" * largest(path)))
step("reads back", lambda: len(client.get(path)[0]) == largest(path) and "whole")
bold = connected()
step("larger than may be", lambda: bold.create(f"{ROOT}/no", b"x" * (largest(f"{ROOT}/no") + 1)))
step("far larger", lambda: bold.create(f"{ROOT}/no", b"x" * (2 * MAX)))
bold.end()

say("handshakes")
step("plain", lambda: raw(hello()))
step("without the byte for read-only", lambda: raw(hello(readonly=b"")))
step("of another version", lambda: raw(hello(version=5)))
step("with a zxid of the future", lambda: raw(hello(zxid=1 << 50)))
step("with an unknown session", lambda: raw(hello(session=77)))
step("without a password", lambda: raw(hello(password=b"")))
for timeout in (-1, 0, 1, 2_000, 2_500, 40_000, 40_001, (1 << 31) - 1):
    step(f"a timeout of {timeout}", lambda: raw(hello(timeout=timeout)))

say("frames")
step("of negative length", lambda: raw(struct.pack("!i", -1)))
step("too long for a handshake", lambda: raw(struct.pack("!i", MAX + 1)))
step("cut short", lambda: raw(frame(b"\0\0\0\0")))

say("trees")
deep = ROOT + "/d" * 200
step("deep", lambda: client.ensure_path(deep) and "made")
step("deep reads", lambda: client.exists(deep) and "there")
for i in range(300):
    client.create_async(f"{ROOT}/d/{i:04}" + "n" * 80)
step("wide", lambda: len(client.get_children(f"{ROOT}/d")))
step("cversion", lambda: client.exists(f"{ROOT}/d").cversion)
client.end()
