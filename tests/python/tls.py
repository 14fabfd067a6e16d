"""Calls HOST:PORT as each of CALLERS (JSON: a list of objects) and says what became of it, one JSON line for each.

A caller has `name`, and may have `ca`, `cert`, `key`, `server_name` (whom the certificate must name; none is looked for
without), `sni` (whom it asks for, whoever the certificate names), `versions` (["TLSv1_2", "TLSv1_3"], the lowest and the highest), `plain` (true: no TLS). The answer has `served`, and
if so `ids`, what whoAmI says but for the address."""

import json
import socket
import ssl
import struct
import sys
import warnings

PATIENCE_S = 30
WHO_AM_I = 107


def context_of(caller):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = "server_name" in caller
    if "ca" in caller:
        context.load_verify_locations(caller["ca"])
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    # The library's own floor would refuse the old versions before the server is asked.
    context.set_ciphers("ALL:@SECLEVEL=0")
    lowest, highest = caller.get("versions", ["TLSv1_2", "TLSv1_3"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context.minimum_version = ssl.TLSVersion[lowest]
        context.maximum_version = ssl.TLSVersion[highest]
    if "cert" in caller:
        context.load_cert_chain(caller["cert"], caller.get("key"))
    return context


def frame(stream):
    def exactly(count):
        got = b""
        while len(got) < count:
            part = stream.recv(count - len(got))
            if not part:
                raise ConnectionError("it hung up")
            got += part
        return got

    return exactly(struct.unpack(">i", exactly(4))[0])


def text_at(body, at):
    length = struct.unpack_from(">i", body, at)[0]
    return body[at + 4 : at + 4 + length].decode(errors="surrogatepass"), at + 4 + length


def who_am_i(stream):
    hello = struct.pack(">iqiqi16sb", 0, 0, 10_000, 0, 16, bytes(16), 0)
    stream.sendall(struct.pack(">i", len(hello)) + hello)
    frame(stream)
    stream.sendall(struct.pack(">iii", 8, 1, WHO_AM_I))
    body = frame(stream)
    error, count = struct.unpack_from(">ii", body, 12)
    assert error == 0, error
    at, ids = 20, []
    for _ in range(count):
        scheme, at = text_at(body, at)
        name, at = text_at(body, at)
        ids.append(scheme if scheme == "ip" else f"{scheme}:{name}")
    stream.sendall(struct.pack(">iii", 8, 2, -11))
    frame(stream)
    return ids


def call(address, caller):
    stream = socket.create_connection(address, timeout=PATIENCE_S)
    with stream:
        try:
            if not caller.get("plain"):
                name = caller.get("server_name", caller.get("sni"))
                stream = context_of(caller).wrap_socket(stream, server_hostname=name)
            return {"served": True, "ids": who_am_i(stream)}
        except TimeoutError:
            raise
        except OSError as why:
            return {"served": False, "why": str(why)}


def main(address, callers):
    host, port = address.rsplit(":", 1)
    for caller in json.loads(callers):
        print(json.dumps({"name": caller["name"], **call((host, int(port)), caller)}), flush=True)


main(*sys.argv[1:])
