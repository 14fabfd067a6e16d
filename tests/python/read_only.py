"""Reads at HOSTS, of which one serves without a leader, makes the file DONE, and writes once there is one."""

import json
import queue
import sys
from pathlib import Path

from kazoo.client import KazooClient
from kazoo.exceptions import NotReadOnlyCallError

PATIENCE_S = 90


def say(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def main(hosts, path, done):
    states = queue.Queue()
    client = KazooClient(hosts=hosts, timeout=20, read_only=True)
    client.add_listener(states.put)
    client.start(timeout=PATIENCE_S)
    try:
        say("connected", state=client.client_state)
        data, stat = client.get(path)
        say("read", data=data.decode(), children=client.get_children(path))
        for name, write in [
            ("create", lambda: client.create(path + "/n", b"")),
            ("set", lambda: client.set(path, b"x")),
            ("delete", lambda: client.delete(path)),
            ("sync", lambda: client.sync(path)),
        ]:
            try:
                write()
                say(name, refused=False)
            except NotReadOnlyCallError:
                say(name, refused=True)
        Path(done).touch()
        while client.client_state != "CONNECTED":
            states.get(timeout=PATIENCE_S)
        say("back", state=client.client_state)
        client.retry(client.create, path + "/ephemeral", b"", ephemeral=True)
        _, stat = client.get(path + "/ephemeral")
        say("owned", own=stat.ephemeralOwner == client.client_id[0])
    finally:
        client.stop()
        client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
