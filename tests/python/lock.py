"""Two clients of HOSTS take the lock PATH after each other, one JSON line per step."""

import json
import sys
import threading

from kazoo.client import KazooClient

PATIENCE_S = 60


def say(step):
    print(json.dumps({"step": step}), flush=True)


def main(hosts, path):
    clients = [KazooClient(hosts=hosts, timeout=20) for _ in range(2)]
    for client in clients:
        client.start(timeout=PATIENCE_S)
    try:
        first, second = (client.Lock(path, name) for client, name in zip(clients, ["first", "second"]))
        assert first.acquire(timeout=PATIENCE_S)
        say("held")
        assert not second.acquire(blocking=False)
        say("waits")
        held = threading.Event()
        taker = threading.Thread(target=lambda: second.acquire(timeout=PATIENCE_S) and held.set())
        taker.start()
        first.release()
        assert held.wait(PATIENCE_S)
        taker.join()
        say("handed over")
        second.release()
        say("released")
    finally:
        for client in clients:
            client.stop()
            client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
