import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.zookeeper.AddWatchMode;

/** One-shot, persistent and recursive watches, their removal, and their return after a reconnection. */
class Watches extends Steps {
    public static void main(String[] words) throws Exception {
        begin(words);
        CuratorFramework client = connected(List.of(hosts.get(0))), writer = connected(List.of(hosts.get(1)));
        String a = ROOT + "/a";
        writer.create().forPath(ROOT, new byte[0]);
        sync(client);
        Events events = new Events();
        step(client, "exists", () -> client.checkExists().usingWatcher((org.apache.zookeeper.Watcher) events).forPath(a));
        writer.create().forPath(a, new byte[0]);
        events.say("created", 1);
        step(client, "get", () -> client.getData().usingWatcher((org.apache.zookeeper.Watcher) events).forPath(a));
        step(client, "children", () -> client.getChildren().usingWatcher((org.apache.zookeeper.Watcher) events).forPath(a));
        writer.setData().forPath(a, "1".getBytes());
        writer.setData().forPath(a, "2".getBytes());
        writer.create().forPath(a + "/b", new byte[0]);
        events.say("once each", 2);
        Events persistent = new Events(), recursive = new Events();
        client.watchers().add().withMode(AddWatchMode.PERSISTENT).usingWatcher((org.apache.zookeeper.Watcher) persistent).forPath(a);
        client.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE).usingWatcher((org.apache.zookeeper.Watcher) recursive).forPath(ROOT);
        writer.setData().forPath(a, "3".getBytes());
        writer.create().forPath(a + "/c", new byte[0]);
        writer.setData().forPath(a + "/c", "1".getBytes());
        writer.delete().forPath(a + "/c");
        writer.setData().forPath(ROOT, "1".getBytes());
        persistent.say("persistent", 3);
        recursive.say("recursive", 5);
        act(client, "remove", () -> client.watchers().remove((org.apache.zookeeper.Watcher) persistent).forPath(a));
        writer.setData().forPath(a, "4".getBytes());
        recursive.say("the other is still there", 1);
        act(client, "remove all", () -> client.watchers().removeAll().forPath(ROOT));
        act(client, "remove what is not there", () -> client.watchers().remove((org.apache.zookeeper.Watcher) persistent).forPath(a));
        sync(client);
        say("left: " + persistent.lines.stream().filter(line -> !line.contains("Removed")).count());
        client.close();

        say("reconnection");
        // Java's client takes its servers in any order: it sits where it was told alone, and the connect string grows.
        CuratorFramework mover = connected(List.of(hosts.get(0)));
        Events moved = new Events(), kept = new Events();
        for (String name : List.of("kept", "gone", "changed")) {
            mover.create().forPath(ROOT + "/" + name, new byte[0]);
            mover.getData().usingWatcher((org.apache.zookeeper.Watcher) (name.equals("kept") ? kept : moved)).forPath(ROOT + "/" + name);
        }
        mover.checkExists().usingWatcher((org.apache.zookeeper.Watcher) moved).forPath(ROOT + "/came");
        mover.watchers().add().withMode(AddWatchMode.PERSISTENT_RECURSIVE).usingWatcher((org.apache.zookeeper.Watcher) recursive).forPath(a);
        long session = mover.getZookeeperClient().getZooKeeper().getSessionId();
        ask("kill " + hosts.get(0));
        CuratorFramework other = connected(List.of(hosts.get(2)));
        sync(other);
        other.setData().forPath(ROOT + "/changed", "1".getBytes());
        other.delete().forPath(ROOT + "/gone");
        other.create().forPath(ROOT + "/came", new byte[0]);
        mover.getZookeeperClient().getZooKeeper().updateServerList(String.join(",", hosts.subList(1, 3)));
        say("told at once: ");
        moved.sorted(3).forEach(Steps::say);
        say("the same session: " + (mover.getZookeeperClient().getZooKeeper().getSessionId() == session));
        other.setData().forPath(ROOT + "/kept", "1".getBytes());
        other.create().forPath(a + "/z", new byte[0]);
        kept.say("one-shot", 1);
        recursive.lines.removeIf(line -> line.contains("Removed"));
        recursive.say("recursive", 1);
        ask("start " + hosts.get(0));
        mover.close();
        other.close();
        writer.close();
        end();
    }
}
