import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMultiLock;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreMutex;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;

/** Curator's recipes, each with the steps that its documentation promises, on clients of different servers. */
class Recipes extends Steps {
    static CuratorFramework one, two, three;
    static List<CuratorFramework> clients;

    public static void main(String[] words) throws Exception {
        begin(words);
        one = connected(List.of(hosts.get(0)));
        two = connected(List.of(hosts.get(1)));
        three = connected(List.of(hosts.get(2)));
        clients = List.of(one, two, three);
        one.create().forPath(ROOT, new byte[0]);
        mutex();
        readWriteLock();
        semaphores();
        leaderLatch();
        leaderSelector();
        barriers();
        counters();
        queue();
        members();
        nodes();
        caches();
        watcher();
        for (CuratorFramework client : clients) {
            client.close();
        }
        end();
    }

    static void mutex() throws Exception {
        say("InterProcessMutex");
        String path = ROOT + "/mutex";
        Told told = new Told();
        InterProcessMutex first = new InterProcessMutex(one, path);
        first.acquire();
        say("acquired again: " + first.acquire(1, TimeUnit.SECONDS));
        sync(two);
        say("another in no time: " + new InterProcessMutex(two, path).acquire(1, TimeUnit.MILLISECONDS));
        untilChildren(one, path, 1);
        List<CountDownLatch> go = List.of(new CountDownLatch(1), new CountDownLatch(1));
        for (int i = 0; i < 2; i++) {
            int number = i;
            background(() -> {
                InterProcessMutex lock = new InterProcessMutex(clients.get(2 - number), path);
                lock.acquire();
                told.tell(number == 0 ? "three" : "two");
                go.get(number).await();
                lock.release();
                told.tell("released");
            });
            untilChildren(one, path, 2 + i);
        }
        step(one, "participants", () -> first.getParticipantNodes().size());
        first.release();
        untilChildren(one, path, 3);
        say("released once of twice: held " + first.isAcquiredInThisProcess());
        first.release();
        say("then " + told.next());
        go.get(0).countDown();
        say("then " + told.sorted(2));
        go.get(1).countDown();
        say("then " + told.next());
        InterProcessSemaphoreMutex plain = new InterProcessSemaphoreMutex(one, ROOT + "/plain");
        plain.acquire();
        say("InterProcessSemaphoreMutex is not reentrant: " + plain.acquire(50, TimeUnit.MILLISECONDS));
        plain.release();
        InterProcessMultiLock many = new InterProcessMultiLock(one, List.of(ROOT + "/m1", ROOT + "/m2"));
        say("InterProcessMultiLock: " + many.acquire(PATIENCE_S, TimeUnit.SECONDS));
        say("one of its locks in no time: " + new InterProcessMutex(two, ROOT + "/m2").acquire(1, TimeUnit.MILLISECONDS));
        many.release();
        say("after it: " + new InterProcessMutex(two, ROOT + "/m2").acquire(PATIENCE_S, TimeUnit.SECONDS));
    }

    static void readWriteLock() throws Exception {
        say("InterProcessReadWriteLock");
        String path = ROOT + "/readwrite";
        Told told = new Told();
        InterProcessReadWriteLock first = new InterProcessReadWriteLock(one, path), second = new InterProcessReadWriteLock(two, path);
        first.readLock().acquire();
        say("a second reader: " + second.readLock().acquire(PATIENCE_S, TimeUnit.SECONDS));
        background(() -> {
            InterProcessReadWriteLock third = new InterProcessReadWriteLock(three, path);
            third.writeLock().acquire();
            told.tell("writer");
            say("a writer may read: " + third.readLock().acquire(PATIENCE_S, TimeUnit.SECONDS));
            third.writeLock().release();
            told.tell("reads on");
            third.readLock().release();
        });
        untilChildren(one, path, 3);
        first.readLock().release();
        untilChildren(one, path, 2);
        say("one reader left, told " + told.lines);
        second.readLock().release();
        say("none left: " + told.next() + ", " + told.next());
    }

    static void semaphores() throws Exception {
        say("InterProcessSemaphoreV2");
        String path = ROOT + "/semaphore";
        Told told = new Told();
        InterProcessSemaphoreV2 first = new InterProcessSemaphoreV2(one, path, 2), second = new InterProcessSemaphoreV2(two, path, 2);
        List<Lease> leases = new ArrayList<>(List.of(first.acquire(), second.acquire()));
        say("a third in no time: " + first.acquire(50, TimeUnit.MILLISECONDS));
        background(() -> {
            Lease lease = new InterProcessSemaphoreV2(three, path, 2).acquire();
            told.tell("three");
            lease.close();
        });
        untilChildren(one, path + "/leases", 3);
        first.returnLease(leases.get(0));
        say("a lease returned: " + told.next());
        second.returnLease(leases.get(1));
        SharedCount count = new SharedCount(one, ROOT + "/leases", 1);
        count.start();
        InterProcessSemaphoreV2 counted = new InterProcessSemaphoreV2(one, ROOT + "/counted", count);
        Lease lease = counted.acquire();
        say("by a count of one: " + (counted.acquire(50, TimeUnit.MILLISECONDS) == null));
        count.setCount(2);
        say("by a count of two: " + (counted.acquire(PATIENCE_S, TimeUnit.SECONDS) != null));
        lease.close();
        count.close();
    }

    static void leaderLatch() throws Exception {
        say("LeaderLatch");
        String path = ROOT + "/latch";
        List<LeaderLatch> latches = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            LeaderLatch latch = new LeaderLatch(clients.get(i), path, "candidate " + (i + 1));
            latch.start();
            latches.add(latch);
            untilChildren(one, path, i + 1);
        }
        for (int i = 0; i < 3; i++) {
            say("leads: " + latches.get(i).await(PATIENCE_S, TimeUnit.SECONDS) + " " + latches.get(i).getLeader().getId());
            sync(three);
            step(three, "  seen by three", () -> latches.get(2).getParticipants().stream().map(p -> p.getId() + " " + p.isLeader()).toList());
            latches.get(i).close();
        }
    }

    static void leaderSelector() throws Exception {
        say("LeaderSelector");
        String path = ROOT + "/selector";
        Told told = new Told();
        List<CountDownLatch> go = List.of(new CountDownLatch(1), new CountDownLatch(1));
        List<LeaderSelector> selectors = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            int number = i;
            LeaderSelector selector = new LeaderSelector(clients.get(i), path, new LeaderSelectorListenerAdapter() {
                @Override
                public void takeLeadership(CuratorFramework client) throws Exception {
                    told.tell("candidate " + (number + 1));
                    go.get(number).await();
                }
            });
            selector.setId("candidate " + (i + 1));
            selector.start();
            selectors.add(selector);
            untilChildren(one, path, i + 1);
        }
        for (int i = 0; i < 2; i++) {
            say("leads: " + told.next());
            go.get(i).countDown();
        }
        untilChildren(one, path, 0);
        selectors.forEach(LeaderSelector::close);
    }

    static void barriers() throws Exception {
        say("DistributedBarrier");
        String path = ROOT + "/barrier";
        Told told = new Told();
        DistributedBarrier barrier = new DistributedBarrier(one, path);
        barrier.setBarrier();
        say("a short wait: " + barrier.waitOnBarrier(50, TimeUnit.MILLISECONDS));
        for (CuratorFramework client : List.of(two, three)) {
            sync(client);
            background(() -> told.tell("passed " + new DistributedBarrier(client, path).waitOnBarrier(PATIENCE_S, TimeUnit.SECONDS)));
        }
        barrier.removeBarrier();
        say(told.sorted(2).toString());

        say("DistributedDoubleBarrier");
        Told inside = new Told(), out = new Told();
        for (int i = 0; i < 3; i++) {
            CuratorFramework client = clients.get(i);
            background(() -> {
                DistributedDoubleBarrier twice = new DistributedDoubleBarrier(client, ROOT + "/double", 3);
                inside.tell("in " + twice.enter(PATIENCE_S, TimeUnit.SECONDS));
                out.tell("out " + twice.leave(PATIENCE_S, TimeUnit.SECONDS));
            });
            if (i == 1) {
                untilChildren(one, ROOT + "/double", 2);
                say("two of three: " + inside.lines);
            }
        }
        say(inside.sorted(3) + " " + out.sorted(3));
    }

    static void counters() throws Exception {
        say("SharedCount");
        SharedCount first = new SharedCount(one, ROOT + "/count", 7);
        first.start();
        sync(two);
        SharedCount second = new SharedCount(two, ROOT + "/count", 0);
        second.start();
        say("of another: " + second.getCount());
        Told told = new Told();
        second.addListener(new org.apache.curator.framework.recipes.shared.SharedCountListener() {
            @Override
            public void countHasChanged(org.apache.curator.framework.recipes.shared.SharedCountReader reader, int count) {
                told.tell("changed to " + count);
            }

            @Override
            public void stateChanged(CuratorFramework client, org.apache.curator.framework.state.ConnectionState state) {}
        });
        first.setCount(8);
        say(told.next());
        say("compare and set: " + first.trySetCount(first.getVersionedValue(), 9));
        say(told.next());
        first.close();
        second.close();

        say("DistributedAtomicLong");
        List<Thread> threads = new ArrayList<>();
        for (CuratorFramework client : clients) {
            threads.add(background(() -> {
                DistributedAtomicLong number = new DistributedAtomicLong(client, ROOT + "/atomic", new RetryNTimes(1000, 1));
                for (int i = 0; i < 20; i++) {
                    if (!number.increment().succeeded()) {
                        say("an increment failed");
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        sync(one);
        DistributedAtomicLong number = new DistributedAtomicLong(one, ROOT + "/atomic", new RetryNTimes(10, 10));
        say("of three at once: " + number.get().postValue());
        say("compare and set: " + number.compareAndSet(60L, 1L).succeeded() + " " + number.compareAndSet(60L, 2L).succeeded());
        say("subtract: " + number.subtract(5L).postValue() + ", initialize: " + number.initialize(3L));
    }

    static void queue() throws Exception {
        say("SimpleDistributedQueue");
        SimpleDistributedQueue first = new SimpleDistributedQueue(one, ROOT + "/queue"), second = new SimpleDistributedQueue(two, ROOT + "/queue");
        for (String item : List.of("a", "b", "c")) {
            say("offer: " + first.offer(item.getBytes()));
        }
        sync(two);
        say("peek " + new String(second.peek()) + ", poll " + new String(second.poll()) + ", take " + new String(second.take()) + ", remove "
                + new String(second.remove()));
        say("empty: " + second.poll());
        Told told = new Told();
        background(() -> told.tell("taken " + new String(second.take())));
        first.offer("late".getBytes());
        say(told.next());
    }

    static void members() throws Exception {
        say("GroupMember");
        List<GroupMember> members = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            GroupMember member = new GroupMember(clients.get(i), ROOT + "/group", "member " + (i + 1), ("data " + (i + 1)).getBytes());
            member.start();
            members.add(member);
        }
        until("all are seen", () -> members.get(0).getCurrentMembers().size() == 3);
        Map<String, String> seen = new TreeMap<>();
        members.get(0).getCurrentMembers().forEach((name, data) -> seen.put(name, new String(data)));
        say(seen.toString());
        members.get(2).close();
        until("one is gone", () -> members.get(0).getCurrentMembers().size() == 2);
        say(members.get(0).getCurrentMembers().keySet().stream().sorted().toList().toString());
        members.get(0).close();
        members.get(1).close();
    }

    static void nodes() throws Exception {
        say("PersistentNode");
        String path = ROOT + "/node";
        PersistentNode node = new PersistentNode(one, CreateMode.EPHEMERAL, false, path, "kept".getBytes());
        node.start();
        node.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS);
        sync(two);
        step(two, "made", () -> two.getData().forPath(path));
        two.delete().forPath(path);
        until("it is made again", () -> {
            sync(two);
            return two.checkExists().forPath(path) != null;
        });
        step(two, "made again", () -> two.getData().forPath(path));
        node.close();
        sync(two);
        step(two, "closed", () -> two.checkExists().forPath(path));
        PersistentTtlNode lives = new PersistentTtlNode(one, ROOT + "/ttl", 60_000, "lives".getBytes());
        lives.start();
        say("PersistentTtlNode: " + lives.waitForInitialCreate(PATIENCE_S, TimeUnit.SECONDS));
        sync(two);
        step(two, "made", () -> two.getData().forPath(ROOT + "/ttl"));
        until("its child is there", () -> two.checkExists().forPath(ROOT + "/ttl/touch") != null);
        lives.close();
    }

    static void caches() throws Exception {
        say("CuratorCache");
        String path = ROOT + "/cache";
        one.create().forPath(path, "root".getBytes());
        one.create().forPath(path + "/a", "a".getBytes());
        sync(two);
        Told told = new Told();
        CuratorCache cache = CuratorCache.build(two, path);
        cache.listenable().addListener(CuratorCacheListener.builder()
                .forCreates(data -> told.tell("created " + data.getPath()))
                .forChanges((old, data) -> told.tell("changed " + data.getPath() + " " + new String(old.getData()) + " " + new String(data.getData())))
                .forDeletes(data -> told.tell("deleted " + data.getPath()))
                .forInitialized(() -> told.tell("initialized"))
                .build());
        cache.start();
        say(told.sorted(3).toString());
        one.create().forPath(path + "/a/b", "b".getBytes());
        say(told.next());
        one.setData().forPath(path + "/a/b", "c".getBytes());
        say(told.next());
        one.delete().forPath(path + "/a/b");
        say(told.next());
        step(two, "in the cache", () -> cache.stream().map(data -> data.getPath()).sorted().toList());
        cache.close();
    }

    static void watcher() throws Exception {
        say("PersistentWatcher");
        String path = ROOT + "/watched";
        one.create().forPath(path, new byte[0]);
        sync(two);
        Events events = new Events();
        CountDownLatch set = new CountDownLatch(1);
        PersistentWatcher watcher = new PersistentWatcher(two, path, true);
        watcher.getListenable().addListener(events);
        watcher.getResetListenable().addListener(set::countDown);
        watcher.start();
        say("set: " + set.await(PATIENCE_S, TimeUnit.SECONDS));
        one.create().forPath(path + "/a", new byte[0]);
        one.setData().forPath(path + "/a", new byte[0]);
        one.delete().forPath(path + "/a");
        events.say("told", 3);
        watcher.close();
    }
}
