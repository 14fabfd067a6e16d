"""Creates, reads, sets, watches and deletes at HOSTS under PATH, one JSON line per step. OPTIONS are more of KazooClient's, in JSON."""

import json
import queue
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError, UnimplementedError

PATIENCE_S = 60


def say(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


def main(hosts, path, options="{}"):
    events = queue.Queue()
    client = KazooClient(hosts=hosts, timeout=20, **json.loads(options))
    client.start(timeout=PATIENCE_S)
    try:
        say("created", path=client.create(path, b"one"))
        data, stat = client.get(path, watch=events.put)
        say("read", data=data.decode(), version=stat.version)
        say("changed", version=client.set(path, b"two").version)
        event = events.get(timeout=PATIENCE_S)
        say("event", type=event.type, path=event.path)
        names = [client.create(path + "/n-", b"", sequence=True) for _ in range(3)]
        say("sequential", ordered=names == sorted(names), names=names)
        say("children", count=len(client.get_children(path)))
        batch = client.transaction()
        for name in names:
            batch.delete(name)
        try:
            say("multi", results=[repr(result) for result in batch.commit()])
        except UnimplementedError:
            say("no multi")
            for name in names:
                client.delete(name)
        client.exists(path, watch=events.put)
        client.delete(path)
        say("deleted")
        event = events.get(timeout=PATIENCE_S)
        say("event", type=event.type, path=event.path)
        try:
            client.get(path)
            say("still there")
        except NoNodeError:
            say("gone")
    finally:
        client.stop()
        client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
