"""Access control: schemes, addauth, what getACL hides, NoAuth of every operation, the superuser."""

from kazoo.security import ACL, Id, OPEN_ACL_UNSAFE as OPEN, make_digest_acl

from requests import Create, GetAllChildrenNumber, Multi, PathVersion, SetData, WhoAmI, add_watch
from steps import HOSTS, ROOT, SUPER, connected, say, say_events, step, wait_states

READ, WRITE, CREATE, DELETE, ADMIN = 1, 2, 4, 8, 16
plain, alice, boss = connected([HOSTS[0]]), connected([HOSTS[1]]), connected([HOSTS[2]])
plain.create(ROOT)


def entry(scheme, id, perms=31):
    return ACL(perms, Id(scheme, id))


def digest(user, password, perms=31):
    return make_digest_acl(user, password, **{
        name: bool(perms & bit)
        for name, bit in [("read", 1), ("write", 2), ("create", 4), ("delete", 8), ("admin", 16)]
    })


say("lists that may be and may not be")
LISTS = {
    "world": [entry("world", "anyone")], "world without rights": [entry("world", "anyone", 0)],
    "rights beyond five": [entry("world", "anyone", 255)], "twice the same": [entry("world", "anyone"), entry("world", "anyone")],
    "two of one": [entry("world", "anyone", 1), entry("world", "anyone", 2)], "world:bob": [entry("world", "bob")],
    "digest": [digest("alice", "secret")], "digest without a hash": [entry("digest", "alice")],
    "digest a:b:c": [entry("digest", "a:b:c")], "digest a:": [entry("digest", "a:")], "digest :b": [entry("digest", ":b")],
    "digest a:b:": [entry("digest", "a:b:")], "digest empty": [entry("digest", "")],
    "ip": [entry("ip", "127.0.0.1")], "ip with bits": [entry("ip", "10.0.0.0/8")], "ip with too many bits": [entry("ip", "10.0.0.0/33")],
    "ip with no bits": [entry("ip", "10.0.0.0/0")], "ip of three": [entry("ip", "10.0.0")], "ip too high": [entry("ip", "300.0.0.1")],
    "ip of words": [entry("ip", "localhost")], "ip v6": [entry("ip", "::1")], "auth of nobody": [entry("auth", "")],
    "unknown": [entry("none", "such")], "super": [entry("super", "x")], "x509": [entry("x509", "CN=a")], "sasl": [entry("sasl", "a")],
    "no scheme": [entry("", "anyone")], "none": [], "a good and a bad": [entry("world", "anyone"), entry("digest", "a")],
}
for label, acl in LISTS.items():
    path = f"{ROOT}/l-{label.replace(' ', '-').replace(':', '-')}"
    step(label, lambda: plain.call(Create(1, path, b"", acl, 0)))
boss.add_auth(*SUPER)
boss.sync("/")
for child in sorted(boss.get_children(ROOT)):
    step(f"kept {child}", lambda: boss.get_acls(f"{ROOT}/{child}")[0])
    boss.delete(f"{ROOT}/{child}")
step("InvalidACL comes before NoNode", lambda: plain.call(Create(1, f"{ROOT}/no/x", b"", [], 0)))
step("setACL: InvalidACL comes before NoNode", lambda: plain.set_acls(f"{ROOT}/no", [entry("digest", "a")]))

say("auth stands for who one is")
step("alice", lambda: alice.add_auth("digest", "alice:secret"))
step("create for auth", lambda: alice.create(f"{ROOT}/auth", acl=[entry("auth", "", READ | ADMIN)]))
step("kept", lambda: alice.get_acls(f"{ROOT}/auth")[0])
step("the text after auth is nothing", lambda: alice.create(f"{ROOT}/auth2", acl=[entry("auth", "who:cares")]))
step("kept", lambda: alice.get_acls(f"{ROOT}/auth2")[0])
alice.add_auth("digest", "second:self")
step("as two", lambda: alice.create(f"{ROOT}/auth3", acl=[entry("auth", ""), entry("world", "anyone", READ)]))
step("kept", lambda: alice.get_acls(f"{ROOT}/auth3")[0])
step("hidden from who may only read", lambda: (plain.sync("/"), plain.get_acls(f"{ROOT}/auth3")[0])[1])
step("and from who may not even", lambda: plain.get_acls(f"{ROOT}/auth2"))
step("auth as super", lambda: boss.create(f"{ROOT}/auth4", acl=[entry("auth", "")]))
step("kept", lambda: boss.get_acls(f"{ROOT}/auth4")[0])

say("rights one by one")
for perms in (0, READ, WRITE, CREATE, DELETE, ADMIN, 31 & ~READ, 31 & ~ADMIN, 31):
    top = f"{ROOT}/r{perms}"
    boss.create(top)
    boss.create(f"{top}/child")
    boss.set_acls(top, [digest("alice", "secret", perms)])
    step(f"rights {perms}: versions", lambda: boss.exists(top))
    for who, client in (("alice", alice), ("plain", plain)):
        client.sync("/")
        for label, call in {
            "exists": lambda: client.exists(top) and "there",
            "get": lambda: client.get(top)[0],
            "children": lambda: client.get_children(top),
            "children with stat": lambda: client.get_children(top, include_data=True)[0],
            "descendants": lambda: client.call(GetAllChildrenNumber(top)),
            "getACL": lambda: client.get_acls(top)[0],
            "set": lambda: client.set(top, b"") and "set",
            "create": lambda: client.create(f"{top}/new-{who}"),
            "create where something is": lambda: client.create(f"{top}/child"),
            "delete": lambda: client.delete(f"{top}/child", version=9),
            "delete what is missing": lambda: client.delete(f"{top}/no"),
            "check": lambda: client.call(Multi([PathVersion(13, top, -1)])),
            "multi": lambda: client.call(Multi([SetData(top, b"", 99), PathVersion(2, f"{top}/no", -1)])),
            "setACL": lambda: client.set_acls(top, [digest("alice", "secret", perms)], version=99),
        }.items():
            step(f"  {who} {label}", call)

say("children have their own lists")
step("below", lambda: plain.set(f"{ROOT}/r0/child", b"open") and "set")
step("a child of it", lambda: plain.create(f"{ROOT}/r0/child/x"))

say("versions of lists")
node = f"{ROOT}/v"
plain.create(node, acl=OPEN)
step("setACL", lambda: plain.set_acls(node, [digest("alice", "secret"), entry("world", "anyone", READ | ADMIN)]))
step("at a version", lambda: plain.set_acls(node, [digest("alice", "secret"), entry("world", "anyone", READ)], version=1))
step("BadVersion", lambda: boss.set_acls(node, OPEN, version=0))
step("NoAuth comes before BadVersion", lambda: plain.set_acls(node, OPEN, version=0))
step("NoNode", lambda: plain.set_acls(f"{ROOT}/no", OPEN))
step("getACL of nothing", lambda: plain.get_acls(f"{ROOT}/no"))
step("seen by super", lambda: (boss.sync("/"), boss.get_acls(node))[1])
step("seen by a reader", lambda: plain.get_acls(node))
step("set without the right", lambda: plain.set(node, b""))
step("BadVersion is only for who may", lambda: plain.set(node, b"", version=9))

say("addresses")
step("own address", lambda: plain.create(f"{ROOT}/ip", b"", acl=[entry("ip", "127.0.0.1", READ)]))
step("read by address", lambda: plain.get(f"{ROOT}/ip")[0])
step("write by address", lambda: plain.set(f"{ROOT}/ip", b""))
step("own network", lambda: plain.create(f"{ROOT}/net", b"", acl=[entry("ip", "127.9.9.9/8")]))
step("read by network", lambda: plain.get(f"{ROOT}/net")[0])
step("another network", lambda: plain.create(f"{ROOT}/far", b"", acl=[entry("ip", "10.0.0.0/8")]))
step("read from afar", lambda: plain.get(f"{ROOT}/far"))

say("the superuser may all")
step("read", lambda: boss.get(f"{ROOT}/far")[0])
step("write the configuration", lambda: boss.call(SetData("/zookeeper/config", b"", 99)))
step("delete", lambda: boss.delete(f"{ROOT}/far"))

say("who may not read is not told")
watched = f"{ROOT}/w"
plain.create(watched)
for client in (plain, alice):
    client.sync("/")
    step("watch", lambda: client.call(add_watch(watched, "recursive")))
boss.create(f"{watched}/secret", acl=[digest("alice", "secret")])
boss.set(f"{watched}/secret", b"1")
boss.create(f"{watched}/open")
boss.delete(f"{watched}/secret")
say_events(plain, "plain is told")
say_events(alice, "alice is told")

say("authentication")
for client in (plain, alice, boss):
    client.end()
plain = connected([HOSTS[0]])
step("nobody", lambda: plain.get(f"{ROOT}/auth2"))
step("wrong password", lambda: plain.add_auth("digest", "alice:wrong"))
step("is nobody", lambda: plain.get(f"{ROOT}/auth2"))
step("no colon", lambda: plain.add_auth("digest", "nocolon"))
step("ip", lambda: plain.add_auth("ip", "10.1.1.1"))
step("who am I", lambda: plain.call(WhoAmI()))
step("the right one after them", lambda: plain.add_auth("digest", "alice:secret"))
step("is somebody", lambda: plain.get(f"{ROOT}/auth2")[0])
plain._connection._socket.shutdown(2)
wait_states(plain, "CONNECTED", "SUSPENDED", "CONNECTED")
step("and after a reconnection", lambda: plain.get(f"{ROOT}/auth2")[0])
plain.end()
wrong = connected([HOSTS[0]])
wrong.create(f"{ROOT}/of-wrong", ephemeral=True)
step("unknown scheme", lambda: wrong.add_auth("none", "such"))
wait_states(wrong, "CONNECTED", "LOST")
wrong.end()
for scheme in ("world", "auth", "sasl", "x509"):
    wrong = connected([HOSTS[0]])
    step(f"scheme {scheme}", lambda: wrong.add_auth(scheme, "anyone"))
    wrong.end()
