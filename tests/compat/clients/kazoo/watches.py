"""One-shot, persistent and recursive watches, their removal, and what a reconnecting client is told."""

from requests import SetWatches, add_watch, check_watches, remove_watches
from steps import ROOT, HOSTS, connected, say, say_events, step, wait_until

client, writer = connected([HOSTS[0]]), connected([HOSTS[1]])
writer.create(ROOT)


def ignored(event):
    """What a watch calls; what came is taken from the wire."""


def change(label, *calls):
    for call in calls:
        call()
    say_events(client, label)


a, b = f"{ROOT}/a", f"{ROOT}/a/b"
say("one shot")
client.sync("/")
step("exists of what is missing", lambda: client.exists(a, watch=ignored))
change("created", lambda: writer.create(a))
change("changed without a watch", lambda: writer.set(a, b"0"))
step("get", lambda: client.get(a, watch=ignored))
change("changed twice", lambda: writer.set(a, b"1"), lambda: writer.set(a, b"2"))
step("children", lambda: client.get_children(a, watch=ignored))
change("data is not children", lambda: writer.set(a, b"3"))
change("a child twice", lambda: writer.create(b), lambda: writer.delete(b))
client.get(a, watch=ignored), client.exists(a, watch=ignored), client.get_children(a, watch=ignored)
client.get_children(ROOT, watch=ignored)
change("deleted under four watches", lambda: writer.delete(a))
step("a get that fails leaves no watch", lambda: client.get(a, watch=ignored))
step("nor children that fail", lambda: client.get_children(a, watch=ignored))
change("created", lambda: writer.create(a))
client.get(a, watch=ignored), client.get_children(a, watch=ignored)
change("a refused write and one of an ACL fire nothing", lambda: step("set", lambda: writer.set(a, b"", version=9)),
       lambda: writer.set_acls(a, writer.get_acls(a)[0]))
client.set(a, b"mine")
say_events(client, "its own write")
change("ephemeral child", lambda: writer.create(f"{a}/e", ephemeral=True), lambda: writer.delete(f"{a}/e"))
writer.delete(a)
say_events(client, "end of one shot")

say("persistent")
step("add", lambda: client.call(add_watch(a, "persistent")))
step("add again", lambda: client.call(add_watch(a, "persistent")))
change("whole life", lambda: writer.create(a), lambda: writer.set(a, b"1"), lambda: writer.set(a, b"2"),
       lambda: writer.create(b), lambda: writer.set(b, b"1"), lambda: writer.create(f"{b}/c"), lambda: writer.delete(f"{b}/c"),
       lambda: writer.delete(b), lambda: writer.delete(a), lambda: writer.create(a))
step("check data", lambda: client.call(check_watches(a, "data")))
step("check persistent", lambda: client.call(check_watches(a, "persistent")))
step("check recursive", lambda: client.call(check_watches(a, "recursive")))
step("check any", lambda: client.call(check_watches(a, "any")))
client.get(a, watch=ignored)
change("with a one-shot beside it", lambda: writer.set(a, b"3"), lambda: writer.set(a, b"4"))
step("remove data", lambda: client.call(remove_watches(a, "data")))
step("remove recursive", lambda: client.call(remove_watches(a, "recursive")))
step("remove persistent", lambda: client.call(remove_watches(a, "persistent")))
step("remove persistent again", lambda: client.call(remove_watches(a, "persistent")))
change("nobody is told", lambda: writer.set(a, b"5"), lambda: writer.delete(a))

say("recursive")
step("add", lambda: client.call(add_watch(ROOT, "recursive")))
change("whole life", lambda: writer.create(a), lambda: writer.create(b), lambda: writer.set(b, b"1"), lambda: writer.create(f"{b}/c"),
       lambda: writer.set(ROOT, b"1"), lambda: writer.delete(f"{b}/c"), lambda: writer.delete(b), lambda: writer.set(a, b"1"))
client.get_children(a, watch=ignored)
change("with a child watch beside it", lambda: writer.create(b))
step("persistent on the same", lambda: client.call(add_watch(a, "persistent")))
change("one event for each change", lambda: writer.set(a, b"2"), lambda: writer.delete(b))
step("remove any of the lower", lambda: client.call(remove_watches(a, "any")))
change("the upper is still there", lambda: writer.set(a, b"3"))
step("remove recursive", lambda: client.call(remove_watches(ROOT, "recursive")))
change("nobody is told", lambda: writer.set(a, b"4"))
step("add at /", lambda: client.call(add_watch("/", "recursive")))
change("all is seen", lambda: writer.set(a, b"5"))
step("remove at /", lambda: client.call(remove_watches("/", "any")))
step("a mode that is none", lambda: client.call(add_watch(a, 2)))
step("a type that is none", lambda: client.call(remove_watches(a, 9)))
step("add at no path", lambda: client.call(add_watch("no", "persistent")))
step("remove where nothing is", lambda: client.call(remove_watches(f"{ROOT}/no", "any")))

say("removal of one-shot watches")
client.get(a, watch=ignored), client.get_children(a, watch=ignored)
step("check children", lambda: client.call(check_watches(a, "children")))
step("remove children", lambda: client.call(remove_watches(a, "children")))
step("remove children again", lambda: client.call(remove_watches(a, "children")))
change("data is left", lambda: writer.create(b), lambda: writer.set(a, b"6"))
client.exists(f"{ROOT}/missing", watch=ignored)
step("remove an exists watch", lambda: client.call(remove_watches(f"{ROOT}/missing", "data")))
change("nobody is told", lambda: writer.create(f"{ROOT}/missing"), lambda: writer.delete(f"{ROOT}/missing"))

say("setWatches: what changed meanwhile is told at once, the rest is watched")
gone, same, changed, children = (f"{ROOT}/{name}" for name in ("gone", "same", "changed", "children"))
for path in (gone, same, changed, children):
    writer.create(path)
zxid = writer.exists(children).czxid
writer.delete(gone), writer.set(changed, b"1"), writer.create(f"{children}/x"), writer.create(f"{ROOT}/came")
client.sync("/")
step("setWatches", lambda: client.call(SetWatches(
    zxid, [gone, same, changed], [f"{ROOT}/came", f"{ROOT}/never"], [gone, same, children])))
say_events(client, "told at once")
change("watched", lambda: writer.set(same, b"1"), lambda: writer.create(f"{same}/x"), lambda: writer.set(changed, b"2"),
       lambda: writer.create(f"{ROOT}/never"), lambda: writer.create(f"{children}/y"))
step("setWatches2", lambda: client.call(SetWatches(zxid, [], [], [], [same], [children])))
say_events(client, "persistent ones are told nothing of the past")
change("watched", lambda: writer.set(same, b"2"), lambda: writer.create(f"{same}/y"), lambda: writer.set(same, b"3"),
       lambda: writer.set(f"{children}/y", b"1"), lambda: writer.create(f"{children}/z"))

say("watches end with their connection")
client.get(a, watch=ignored)
client._connection._socket.shutdown(2)
wait_until("the client noticed", lambda: "SUSPENDED" in list(client.states.queue))
wait_until("the client is back", lambda: client.connected)
change("nobody is told", lambda: writer.set(same, b"9"), lambda: writer.set(a, b"7"))
client.end()
writer.end()
