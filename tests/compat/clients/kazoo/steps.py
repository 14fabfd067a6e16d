"""The vocabulary in which suites with kazoo say what happened; ../README.md explains the lines."""

import os
import queue
import sys
import time

from kazoo.client import KazooClient
from kazoo.exceptions import ZookeeperError
from kazoo.protocol import connection
from kazoo.protocol.serialization import Watch, long_struct
from kazoo.protocol.states import ZnodeStat
from kazoo.retry import KazooRetry
from kazoo.security import ACL

HOSTS = sys.argv[1].split(",")
ROOT = os.environ["SUITE_ROOT"]
PATIENCE_S = 60
SUPER = ("digest", "super:test")
EVENTS = {1: "NodeCreated", 2: "NodeDeleted", 3: "NodeDataChanged", 4: "NodeChildrenChanged"}
NAMES = {"SystemZookeeper": "SystemError", "RolledBack": "ok", "Marshalling": "MarshallingError"}


class Client(KazooClient):
    """A kazoo client that also keeps the events that come over the wire, in their order."""

    def __init__(self, hosts=HOSTS, **options):
        patient = dict(max_tries=-1, delay=0.05, backoff=1, max_delay=0.5)
        super().__init__(
            hosts=",".join(hosts),
            timeout=options.pop("timeout", 20),
            randomize_hosts=False,
            connection_retry=KazooRetry(**patient),
            **options,
        )
        self.wire_events = queue.Queue()
        self.states = queue.Queue()
        self.add_listener(self.states.put)

    def call(self, request):
        """Sends a request that kazoo has no method for, and waits for its answer."""
        answer = self.handler.async_result()
        self._call(request, answer)
        return answer.get(timeout=PATIENCE_S)

    def node(self):
        """Which server it is connected to, as HOSTS has it."""
        peer = self._connection._socket.getpeername()
        return f"{peer[0]}:{peer[1]}"

    def session(self):
        return self.client_id[0]

    def end(self):
        self.stop()
        self.close()


def keep_event(self, buffer, offset, handle=connection.ConnectionHandler._read_watch_event):
    watch, _ = Watch.deserialize(buffer, offset)
    zxid = long_struct.unpack_from(buffer, 4)[0]
    self.client.wire_events.put((watch.type, watch.state, watch.path, zxid))
    return handle(self, buffer, offset)


connection.ConnectionHandler._read_watch_event = keep_event


def connected(hosts=HOSTS, **options):
    client = Client(hosts, **options)
    client.start(timeout=PATIENCE_S)
    return client


def say(line):
    print(line, flush=True)


def ask(words):
    """Has the runner do something to the servers."""
    say("!" + words)
    return sys.stdin.readline().strip()


def name(error):
    words = type(error).__name__.removesuffix("Error")
    return NAMES.get(words, words)


def stat(stat, mine=None):
    """A Stat with zxids for the runner to rank, and times judged: ours, and not before they can be."""
    now = time.time() * 1000
    if stat.ctime == stat.mtime == 0:
        times = "zero"
    elif stat.ctime <= stat.mtime and abs(now - stat.ctime) < 3.6e6 and abs(now - stat.mtime) < 3.6e6:
        times = "right"
    else:
        times = f"wrong({stat.ctime},{stat.mtime})"
    owner = "none" if stat.ephemeralOwner == 0 else "mine" if stat.ephemeralOwner == mine else "other"
    return (
        f"czxid=<z:{stat.czxid}> mzxid=<z:{stat.mzxid}> pzxid=<z:{stat.pzxid}> version={stat.version} "
        f"cversion={stat.cversion} aversion={stat.aversion} owner={owner} length={stat.dataLength} "
        f"children={stat.numChildren} times={times}"
    )


def acl(entry):
    letters = "".join(letter for bit, letter in enumerate("rwcda") if entry.perms >> bit & 1)
    more = f"+{entry.perms - 31}" if entry.perms > 31 else ""
    return f"{entry.id.scheme}:{entry.id.id or ''}:{letters or '-'}{more}"


def show(value, mine=None):
    match value:
        case ZnodeStat():
            return stat(value, mine)
        case ACL():
            return acl(value)
        case bytes():
            return repr(value)[1:] if len(value) < 80 else f"{len(value)} bytes"
        case ZookeeperError():
            return name(value)
        case list():
            shown = [show(item, mine) for item in value]
            return "[" + " ".join(sorted(shown) if all(isinstance(v, str) for v in value) else shown) + "]"
        case tuple():
            return " ".join(show(item, mine) for item in value)
        case _:
            return str(value)


def attempt(call, mine=None):
    try:
        value = call()
    except ZookeeperError as error:
        return name(error)
    return "ok" if value is None or value is True else "ok " + show(value, mine)


def step(label, call, mine=None):
    """Does one thing and says what came of it."""
    say(f"{label}: {attempt(call, mine)}")


def event(raw):
    type, state, path, zxid = raw
    return f"{EVENTS.get(type, type)} {path} state={state} zxid=<z:{zxid}>"


def say_events(client, label, in_order=True):
    """Says which events had come when this client had caught up with the leader. A session's ephemerals go in no order."""
    client.sync("/")
    count = client.wire_events.qsize()
    say(f"{label}: {count} events")
    show_events(client, count, in_order)


def wait_events(client, label, count=1, in_order=True):
    """Waits for so many events and says them."""
    say(f"{label}:")
    show_events(client, count, in_order)


def show_events(client, count, in_order):
    events = [event(client.wire_events.get(timeout=PATIENCE_S)) for _ in range(count)]
    for line in events if in_order else sorted(events):
        say("  event " + line)


def wait_states(client, *states):
    """Waits until the client has been through these states, in this order."""
    for wanted in states:
        while (state := client.states.get(timeout=PATIENCE_S)) != wanted:
            say(f"state {state}")
        say(f"state {wanted}")


def wait_until(what, fact):
    deadline = time.monotonic() + PATIENCE_S
    while not (value := fact()):
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)
    return value
