"""kazoo's recipes, each with the steps that its documentation promises, on clients of different servers."""

import datetime
import threading

from kazoo.recipe.cache import TreeCache, TreeEvent

from steps import HOSTS, PATIENCE_S, ROOT, connected, say, step, wait_until

TREE_EVENTS = {number: name for name, number in vars(TreeEvent).items() if name.isupper()}

one, two, three = (connected([host]) for host in HOSTS)
CLIENTS = {"one": one, "two": two, "three": three}
one.create(ROOT)


class Told:
    """What threads have to say, to be waited for one by one."""

    def __init__(self):
        self.lines, self.changed = [], threading.Condition()

    def __call__(self, line):
        with self.changed:
            self.lines.append(line)
            self.changed.notify_all()

    def wait(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.lines) >= count, PATIENCE_S):
                raise TimeoutError(f"{count} of {self.lines}")
            return self.lines[:count]


def background(call):
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread


def names(path, client=one):
    """The children's sequence numbers: kazoo puts a random word before them."""
    client.sync(path)
    return sorted(child[-10:] for child in client.get_children(path)) if client.exists(path) else []


def until_children(path, count):
    wait_until(f"{count} children of {path}", lambda: len(names(path)) == count)


say("Lock")
path = f"{ROOT}/lock"
locks = {name: client.Lock(path, name) for name, client in CLIENTS.items()}
told = Told()
step("one acquires", lambda: locks["one"].acquire())
step("two does not, if it will not wait", lambda: locks["two"].acquire(blocking=False))
threads = []
for i, name in enumerate(("three", "two"), 2):
    threads.append(background(lambda name=name: (locks[name].acquire(), told(name))))
    until_children(path, i)
step("contenders", lambda: " then ".join(locks["one"].contenders()))
for i, holder in enumerate(("one", "three", "two")):
    locks[holder].release()
    if i < 2:
        say(f"{holder} releases, then: {told.wait(i + 1)[-1]}")
step("sequence numbers left", lambda: names(path))
with one.Lock(path, "again"):
    say(f"as a context: {one.Lock(path).contenders()}")
locks["one"].acquire()
thread = background(lambda: (locks["two"].acquire(), told("two")))
until_children(path, 2)
locks["two"].cancel()
thread.join(PATIENCE_S)
say(f"a cancelled waiter: {locks['two'].is_acquired}, told {told.lines[2:]}")
locks["one"].release()
doomed = connected([HOSTS[0]])
doomed.Lock(path, "doomed").acquire()
thread = background(lambda: (locks["three"].acquire(), told("three holds it")))
until_children(path, 2)
doomed.end()
thread.join(PATIENCE_S)
say(f"a holder's session ends: {told.lines[-1]}")
locks["three"].release()

say("ReadLock, WriteLock")
path, told = f"{ROOT}/readwrite", Told()
readers = [one.ReadLock(path, "reader one"), two.ReadLock(path, "reader two")]
writer, late = three.WriteLock(path, "writer"), one.ReadLock(path, "late reader")
say(f"two readers: {[reader.acquire() for reader in readers]}")
background(lambda: (writer.acquire(), told("writer")))
until_children(path, 3)
background(lambda: (late.acquire(), told("late reader")))
until_children(path, 4)
readers[1].release()
say(f"one reader left, told {told.lines}")
readers[0].release()
say(f"none left, told {told.wait(1)}")
step("a reader that will not wait", lambda: two.ReadLock(path, "hasty").acquire(blocking=False))
writer.release()
say(f"the writer releases, told {told.wait(2)}")
late.release()

say("Semaphore")
path, told = f"{ROOT}/semaphore", Told()
leases = {name: client.Semaphore(path, name, max_leases=2) for name, client in CLIENTS.items()}
say(f"two leases: {[leases[name].acquire() for name in ('one', 'two')]}")
step("a third that will not wait", lambda: leases["three"].acquire(blocking=False))
background(lambda: (leases["three"].acquire(), told("three")))
step("holders", lambda: leases["one"].lease_holders())
leases["one"].release()
say(f"one releases, told {told.wait(1)}")
two.sync("/")
step("holders", lambda: leases["two"].lease_holders())
leases["two"].release(), leases["three"].release()

say("Election")
path, told, go = f"{ROOT}/election", Told(), {name: threading.Event() for name in CLIENTS}
candidates = {}
for i, name in enumerate(("two", "one", "three"), 1):
    candidates[name] = CLIENTS[name].Election(path, name)
    background(lambda name=name: candidates[name].run(lambda: (told(name), go[name].wait(PATIENCE_S))))
    until_children(path, i)
for i, name in enumerate(("two", "one", "three"), 1):
    say(f"leads: {told.wait(i)[-1]}, contenders {' '.join(candidates['one'].contenders())}")
    go[name].set()
    wait_until("it is gone", lambda: len(names(path)) == 3 - i)

say("Queue")
path = f"{ROOT}/queue"
queue = one.Queue(path)
for value, priority in (("b", 100), ("c", 100), ("a", 50), ("d", 100)):
    queue.put(value.encode(), priority)
step("length", lambda: len(queue))
step("names", lambda: one.get_children(path))
two.sync(path)
step("got", lambda: b"".join(two.Queue(path).get() for _ in range(4)))
two.sync(path)
step("empty", lambda: two.Queue(path).get())

say("LockingQueue")
path, told = f"{ROOT}/locking", Told()
queue, consumer = one.LockingQueue(path), two.LockingQueue(path)
queue.put_all([b"x", b"y"])
queue.put(b"first", priority=10)
two.sync(path)
step("get", lambda: consumer.get())
step("get again is the same", lambda: consumer.get())
step("holds", lambda: consumer.holds_lock())
step("another gets the next", lambda: three.LockingQueue(path).get(timeout=PATIENCE_S))
step("consume", lambda: consumer.consume())
step("consume again", lambda: consumer.consume())
step("then", lambda: consumer.get())
step("release", lambda: consumer.release())
step("length", lambda: len(queue))
consumer.get(), consumer.consume()
background(lambda: told(consumer.get(timeout=PATIENCE_S)))
queue.put(b"awaited")
say(f"who waits is told {told.wait(1)}")

say("Barrier")
path, told = f"{ROOT}/barrier", Told()
barrier = one.Barrier(path)
barrier.create()
for name in ("two", "three"):
    CLIENTS[name].sync(path)
    background(lambda name=name: told(f"{name} {CLIENTS[name].Barrier(path).wait(PATIENCE_S)}"))
step("a short wait", lambda: one.Barrier(path).wait(0.05))
step("remove", lambda: barrier.remove())
say(f"passed: {sorted(told.wait(2))}")
step("remove again", lambda: barrier.remove())
step("open", lambda: one.Barrier(path).wait())

say("DoubleBarrier")
path, told = f"{ROOT}/double", Told()
barriers = {name: client.DoubleBarrier(path, 3, name) for name, client in CLIENTS.items()}
for i, name in enumerate(("one", "two"), 1):
    background(lambda name=name: (barriers[name].enter(), told(f"{name} in")))
    until_children(path, i)
say(f"two of three: {told.lines}")
background(lambda: (barriers["three"].enter(), told("three in")))
say(f"all in: {sorted(told.wait(3))}")
for name in barriers:
    background(lambda name=name: (barriers[name].leave(), told(f"{name} out")))
say(f"all out: {sorted(told.wait(6)[3:])}")

say("Counter")
path = f"{ROOT}/counter"
counters = [client.Counter(path) for client in CLIENTS.values()]
for i in range(3):
    for counter in counters:
        counter += 1
threads = [background(lambda c=counter: [c.__add__(1) for _ in range(10)]) for counter in counters]
[thread.join(PATIENCE_S) for thread in threads]
one.sync(path)
step("of three at once", lambda: counters[0].value)
counters[0] -= 9
step("minus", lambda: counters[0].value)
step("post value", lambda: counters[0].post_value)
step("version", lambda: one.exists(path).version >= 40 and "one for each change")
step("of floats", lambda: (one.Counter(f"{path}-f", default=0.5) + 1.25).value)
step("Curator's", lambda: (one.Counter(f"{path}-c", support_curator=True) + 5).value)
step("Curator's bytes", lambda: one.get(f"{path}-c")[0])

say("Party, ShallowParty")
for kind in ("Party", "ShallowParty"):
    path = f"{ROOT}/{kind.lower()}"
    parties = [getattr(client, kind)(path, name) for name, client in CLIENTS.items()]
    for party in parties:
        party.join()
    one.sync(path)
    step("members", lambda: sorted(parties[0]))
    step("many", lambda: len(parties[0]))
    parties[1].leave()
    one.sync(path)
    step("one left", lambda: sorted(parties[0]))

say("SetPartitioner")
path = f"{ROOT}/partition"
shares = [client.SetPartitioner(path, set=range(6), identifier=name, time_boundary=0.2)
          for name, client in (("one", one), ("two", two))]


def settle(partitioners):
    def settled():
        for share in partitioners:
            if share.release:
                share.release_set()
            elif share.allocating:
                share.wait_for_acquire(0.05)
        return all(share.acquired for share in partitioners) and sorted(sum(map(list, partitioners), [])) == list(range(6))

    wait_until("all is allotted", settled)
    return " | ".join(" ".join(map(str, share)) for share in partitioners)


step("two share", lambda: settle(shares))
shares[0].finish()
step("one is left", lambda: settle(shares[1:]))
shares[1].finish()

say("DataWatch, ChildrenWatch")
path, told = f"{ROOT}/watched", Told()


@two.DataWatch(path)
def on_data(data, stat, event):
    told(f"{data} {stat and stat.version} {event and event.type}")


count = 1
for label, call in [("create", lambda: one.create(path, b"1")), ("set", lambda: one.set(path, b"2")),
                    ("delete", lambda: one.delete(path)), ("create", lambda: one.create(path, b"3"))]:
    told.wait(count)
    call()
    count += 1
for line in told.wait(count):
    say(f"data {line}")
told = Told()


@two.ChildrenWatch(path, send_event=True)
def on_children(children, event):
    told(f"{sorted(children)} {event and event.type}")


count = 1
for call in (lambda: one.create(f"{path}/a"), lambda: one.create(f"{path}/b"), lambda: one.delete(f"{path}/a")):
    told.wait(count)
    call()
    count += 1
for line in told.wait(count):
    say(f"children {line}")

say("TreeCache")
path, told = f"{ROOT}/tree", Told()
one.ensure_path(f"{path}/a/b")
two.sync("/")
cache = TreeCache(two, path)
cache.listen(lambda event: told(f"{TREE_EVENTS[event.event_type]} {getattr(event.event_data, 'path', None)}"))
cache.start()
wait_until("it has read all", lambda: any(line.startswith("INITIALIZED") for line in told.lines))
say(f"at first: {sorted(told.lines)}")
seen = len(told.lines)
for call in (lambda: one.create(f"{path}/a/c", b"1"), lambda: one.set(f"{path}/a/c", b"2"), lambda: one.delete(f"{path}/a/b")):
    call()
    seen += 1
    say(f"then: {told.wait(seen)[-1]}")
step("children in the cache", lambda: sorted(cache.get_children(f"{path}/a")))
step("data in the cache", lambda: cache.get_data(f"{path}/a/c").data)
cache.close()

say("NonBlockingLease")
path, now = f"{ROOT}/lease", datetime.datetime(2030, 1, 1)
hour = datetime.timedelta(hours=1)
step("one", lambda: bool(one.NonBlockingLease(path, hour, identifier="one", utcnow=lambda: now)))
two.sync(path)
step("two", lambda: bool(two.NonBlockingLease(path, hour, identifier="two", utcnow=lambda: now)))
step("two, later", lambda: bool(two.NonBlockingLease(path, hour, identifier="two", utcnow=lambda: now + 2 * hour)))

for client in CLIENTS.values():
    client.end()
