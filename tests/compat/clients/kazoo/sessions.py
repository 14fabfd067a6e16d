"""Sessions: negotiated timeouts, another server with the same session, expiry, close, ephemerals."""

import signal
import subprocess
import sys

from steps import HOSTS, ROOT, connected, say, say_events, step, wait_events, wait_until

HOLDER = """
import sys
from steps import ROOT, connected
client = connected([sys.argv[2]], timeout=float(sys.argv[3]))
for name in sys.argv[4:]:
    client.create(f"{ROOT}/{name}", ephemeral=True)
print(client.client_id[0], client.client_id[1].hex(), flush=True)
sys.stdin.read()
"""


def holder(host, timeout, *names):
    """Another process with a session and ephemerals, which can die without a word."""
    words = [sys.executable, "-c", HOLDER, sys.argv[1], host, str(timeout), *names]
    process = subprocess.Popen(words, cwd=sys.path[0], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    id, password = process.stdout.readline().split()
    return process, (int(id), bytes.fromhex(password))


def die(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def ignored(event):
    """What a watch calls; what came is taken from the wire."""


observer = connected([HOSTS[0]])
observer.create(ROOT)

say("ids")
clients = [connected([host]) for host in HOSTS]
for i, client in enumerate(clients, 1):
    say(f"session at server {i}: made by {client.session() >> 56 & 0xff}, password of {len(client.client_id[1])} bytes")
for client in clients:
    client.end()

say("close")
client = connected([HOSTS[1]])
for name in ("a", "b"):
    client.create(f"{ROOT}/{name}", ephemeral=True)
id = client.client_id
observer.sync("/")
observer.get_children(ROOT, watch=ignored)
observer.exists(f"{ROOT}/a", watch=ignored)
client.end()
wait_events(observer, "events of a close", 2, in_order=False)
step("children", lambda: observer.get_children(ROOT))
back = connected([HOSTS[2]], client_id=id)
say(f"a closed session comes back: {back.session() == id[0]}")
back.end()

say("another server, the same session")
process, id = holder(HOSTS[1], 30, "moved")
die(process)
back = connected([HOSTS[2]], timeout=30, client_id=id)
say(f"same session: {back.session() == id[0]}, same password: {back.client_id[1] == id[1]}")
step("its ephemeral", lambda: back.get(f"{ROOT}/moved"), id[0])
step("a new one", lambda: back.create(f"{ROOT}/moved2", ephemeral=True))
observer.sync("/")
step("children", lambda: observer.get_children(ROOT))
wrong = connected([HOSTS[1]], client_id=(id[0], b"x" * 16))
say(f"a wrong password gets the session: {wrong.session() == id[0]}")
wrong.end()
step("which is none the worse", lambda: back.get(f"{ROOT}/moved"), id[0])
back.end()
observer.sync("/")
step("children after its end", lambda: observer.get_children(ROOT))

say("expiry")
process, id = holder(HOSTS[1], 2, "x", "y")
observer.sync("/")
observer.get_children(ROOT, watch=ignored)
observer.get(f"{ROOT}/x", watch=ignored), observer.exists(f"{ROOT}/y", watch=ignored)
die(process)
say("killed")
wait_until("expired", lambda: observer.wire_events.qsize() >= 3)
events = sorted(observer.wire_events.get() for _ in range(3))
say(f"one transaction: {len({zxid for *_, zxid in events}) == 1}")
for type, state, path, _ in events:
    say(f"  event {type} {path} state={state}")
say_events(observer, "no more")
step("children", lambda: observer.get_children(ROOT))
back = connected([HOSTS[1]], client_id=id)
say(f"an expired session comes back: {back.session() == id[0]}")
back.end()

say("a session lives while its client does")
client = connected([HOSTS[1]], timeout=2)
client.create(f"{ROOT}/alive", ephemeral=True)
process, id = holder(HOSTS[2], 2, "z")
observer.sync("/")
observer.exists(f"{ROOT}/z", watch=ignored)
die(process)
observer.wire_events.get(timeout=60)
step("after another of its timeout expired", lambda: observer.get(f"{ROOT}/alive"), client.session())
client.end()
observer.end()
