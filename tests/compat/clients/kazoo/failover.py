"""A server is killed under its clients: sessions, ephemerals and order survive."""

from steps import HOSTS, ROOT, ask, connected, say, step, wait_states, wait_until


def first(address):
    return [address] + [host for host in HOSTS if host != address]


def ignored(event):
    """What a watch calls; what came is taken from the wire."""


for role in ("follower", "leader"):
    say(f"the {role} is killed")
    victim = ask("leader") if role == "leader" else ask("followers").split()[0]
    client = connected(first(victim), timeout=30)
    here = f"{ROOT}-{role}"
    client.create(here)
    client.create(f"{here}/e", b"1", ephemeral=True)
    before = client.client_id
    say(f"connected to it: {client.node() == victim}")
    ask(f"kill {victim}")
    wait_states(client, "CONNECTED", "SUSPENDED", "CONNECTED")
    say(f"the same session: {client.client_id == before}, at another server: {client.node() != victim}")
    step("its ephemeral", lambda: client.get(f"{here}/e"), before[0])
    step("set", lambda: client.set(f"{here}/e", b"2", version=0), before[0])
    step("sequential", lambda: client.create(f"{here}/s-", sequence=True))
    step("watch", lambda: client.get(f"{here}/e", watch=ignored)[0])
    other = connected([host for host in HOSTS if host != victim])
    other.sync("/")
    step("another client sees it", lambda: other.get(f"{here}/e"), before[0])
    ask(f"start {victim}")
    late = connected([victim], timeout=30)
    late.sync("/")
    step("and so does the one that came back", lambda: late.get(f"{here}/e"), before[0])
    step("which takes writes", lambda: late.set(f"{here}/e", b"3"), before[0])
    wait_until("told", lambda: not client.wire_events.empty())
    say(f"told: {client.wire_events.get()[2]}")
    client.end()
    late.sync("/")
    step("gone with its session", lambda: late.exists(f"{here}/e"))
    late.end()
    other.end()
