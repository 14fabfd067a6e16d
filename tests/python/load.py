"""Creates znodes at HOSTS below PATH through every failure, until the file FLAG exists.

Prints a JSON line for each create that was acknowledged."""

import json
import os
import sys

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError
from kazoo.handlers.threading import KazooTimeoutError
from kazoo.retry import KazooRetry

PATIENCE_S = 120


def main(hosts, path, flag):
    forever = KazooRetry(max_tries=-1, delay=0.05, max_delay=0.5, deadline=PATIENCE_S)
    client = KazooClient(hosts=hosts, timeout=20, connection_retry=forever)
    client.start(timeout=PATIENCE_S)
    forever(client.ensure_path, path)
    number = 0
    while not os.path.exists(flag):
        name = f"{path}/{number}"
        number += 1
        try:
            _, stat = client.create(name, name.encode(), include_data=True)
            print(json.dumps({"path": name, "czxid": stat.czxid}), flush=True)
        except NodeExistsError:
            raise
        except (KazooException, KazooTimeoutError):
            # Unanswered: it may or may not be there, and is not counted. Wait for a connection.
            forever(client.exists, path)
    client.stop()
    client.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
