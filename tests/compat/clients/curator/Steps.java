import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.ensemble.fixed.FixedEnsembleProvider;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

/** The vocabulary in which suites with Curator say what happened; ../README.md explains the lines. */
class Steps {
    static final long PATIENCE_S = 60;
    static final String ROOT = System.getenv("SUITE_ROOT");
    static List<String> hosts;
    private static final BufferedReader ANSWERS = new BufferedReader(new InputStreamReader(System.in));

    static void begin(String[] words) {
        hosts = Arrays.asList(words[0].split(","));
        Thread.setDefaultUncaughtExceptionHandler((thread, error) -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
        });
    }

    /** Ends, whatever threads the recipes have left. */
    static void end() {
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Has the runner do something to the servers. */
    static String ask(String words) throws Exception {
        say("!" + words);
        return ANSWERS.readLine().trim();
    }

    static CuratorFramework connected(List<String> hosts) throws Exception {
        return connected(hosts, null, null);
    }

    static CuratorFramework connected(List<String> hosts, String scheme, String auth) throws Exception {
        CuratorFrameworkFactory.Builder builder = CuratorFrameworkFactory.builder()
                .ensembleProvider(new FixedEnsembleProvider(String.join(",", hosts)))
                .sessionTimeoutMs(30_000)
                .connectionTimeoutMs(30_000)
                .retryPolicy(new RetryForever(50));
        if (scheme != null) {
            builder.authorization(scheme, auth.getBytes());
        }
        CuratorFramework client = builder.build();
        client.start();
        if (!client.blockUntilConnected((int) PATIENCE_S, TimeUnit.SECONDS)) {
            throw new IllegalStateException("no connection");
        }
        return client;
    }

    static void sync(CuratorFramework client) throws Exception {
        CountDownLatch done = new CountDownLatch(1);
        client.sync().inBackground((c, event) -> done.countDown()).forPath("/");
        if (!done.await(PATIENCE_S, TimeUnit.SECONDS)) {
            throw new IllegalStateException("no answer to sync");
        }
    }

    static String name(Throwable error) {
        if (error instanceof KeeperException keeper) {
            return NAMES.getOrDefault(keeper.code(), keeper.code().toString());
        }
        return error.getClass().getSimpleName();
    }

    private static final Map<KeeperException.Code, String> NAMES = Map.ofEntries(
            Map.entry(KeeperException.Code.NONODE, "NoNode"),
            Map.entry(KeeperException.Code.NODEEXISTS, "NodeExists"),
            Map.entry(KeeperException.Code.BADVERSION, "BadVersion"),
            Map.entry(KeeperException.Code.NOTEMPTY, "NotEmpty"),
            Map.entry(KeeperException.Code.INVALIDACL, "InvalidACL"),
            Map.entry(KeeperException.Code.NOAUTH, "NoAuth"),
            Map.entry(KeeperException.Code.BADARGUMENTS, "BadArguments"),
            Map.entry(KeeperException.Code.NOCHILDRENFOREPHEMERALS, "NoChildrenForEphemerals"),
            Map.entry(KeeperException.Code.UNIMPLEMENTED, "Unimplemented"),
            Map.entry(KeeperException.Code.MARSHALLINGERROR, "MarshallingError"),
            Map.entry(KeeperException.Code.RUNTIMEINCONSISTENCY, "RuntimeInconsistency"),
            Map.entry(KeeperException.Code.NOWATCHER, "NoWatcher"),
            Map.entry(KeeperException.Code.QUOTAEXCEEDED, "QuotaExceeded"),
            Map.entry(KeeperException.Code.OK, "ok"));

    static String show(CuratorFramework client, Object value) throws Exception {
        if (value == null) {
            return "none";
        } else if (value instanceof byte[] bytes) {
            return "'" + new String(bytes) + "'";
        } else if (value instanceof Stat stat) {
            return stat(client, stat);
        } else if (value instanceof ACL acl) {
            return acl.getId().getScheme() + ":" + acl.getId().getId() + ":" + acl.getPerms();
        } else if (value instanceof CuratorTransactionResult result) {
            String path = result.getResultPath() == null ? "" : " " + result.getResultPath();
            String stat = result.getResultStat() == null ? "" : " " + stat(client, result.getResultStat());
            return result.getType() + " " + NAMES.getOrDefault(KeeperException.Code.get(result.getError()), "" + result.getError()) + path + stat;
        } else if (value instanceof Collection<?> many) {
            List<String> shown = new ArrayList<>();
            boolean words = true;
            for (Object one : many) {
                words &= one instanceof String;
                shown.add(show(client, one));
            }
            if (words) {
                shown.sort(null);
            }
            return "[" + String.join(" | ", shown) + "]";
        }
        return value.toString();
    }

    static String stat(CuratorFramework client, Stat stat) throws Exception {
        long now = System.currentTimeMillis(), hour = 3_600_000, session = client.getZookeeperClient().getZooKeeper().getSessionId();
        boolean right = stat.getCtime() <= stat.getMtime() && Math.abs(now - stat.getCtime()) < hour && Math.abs(now - stat.getMtime()) < hour;
        String owner = stat.getEphemeralOwner() == 0 ? "none" : stat.getEphemeralOwner() == session ? "mine" : "other";
        return String.format(
                "czxid=<z:%d> mzxid=<z:%d> pzxid=<z:%d> version=%d cversion=%d aversion=%d owner=%s length=%d children=%d times=%s",
                stat.getCzxid(), stat.getMzxid(), stat.getPzxid(), stat.getVersion(), stat.getCversion(), stat.getAversion(), owner,
                stat.getDataLength(), stat.getNumChildren(), right ? "right" : stat.getCtime() == 0 ? "zero" : "wrong");
    }

    /** Does one thing and says what came of it. */
    static void step(CuratorFramework client, String label, Callable<Object> call) throws Exception {
        String line;
        try {
            line = "ok " + show(client, call.call());
        } catch (Exception error) {
            line = name(error);
        }
        say(label + ": " + line);
    }

    interface Action {
        void run() throws Exception;
    }

    /** As step, for what gives no value. */
    static void act(CuratorFramework client, String label, Action call) throws Exception {
        step(client, label, () -> {
            call.run();
            return "";
        });
    }

    /** What others have to say, to be waited for one by one. */
    static class Told {
        final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

        void tell(String line) {
            lines.add(line);
        }

        String next() throws Exception {
            String line = lines.poll(PATIENCE_S, TimeUnit.SECONDS);
            if (line == null) {
                throw new IllegalStateException("nothing was told");
            }
            return line;
        }

        List<String> sorted(int count) throws Exception {
            List<String> all = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                all.add(next());
            }
            all.sort(null);
            return all;
        }
    }

    static class Events extends Told implements Watcher, org.apache.curator.framework.api.CuratorWatcher {
        @Override
        public void process(WatchedEvent event) {
            if (event.getType() != Event.EventType.None) {
                tell(String.format("  event %s %s zxid=<z:%d>", event.getType(), event.getPath(), event.getZxid()));
            }
        }

        void say(String label, int count) throws Exception {
            Steps.say(label + ":");
            for (int i = 0; i < count; i++) {
                Steps.say(next());
            }
        }
    }

    static Thread background(Action action) {
        Thread thread = new Thread(() -> {
            try {
                action.run();
            } catch (Exception error) {
                error.printStackTrace();
            }
        });
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    static void until(String what, Callable<Boolean> fact) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_S);
        while (!fact.call()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("not in time: " + what);
            }
            Thread.sleep(10);
        }
    }

    static void untilChildren(CuratorFramework client, String path, int count) throws Exception {
        until(count + " children of " + path, () -> {
            sync(client);
            return client.checkExists().forPath(path) != null && client.getChildren().forPath(path).size() == count;
        });
    }
}
