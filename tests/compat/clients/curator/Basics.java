import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.data.Stat;

/** The framework's builders: every mode, protection, guaranteed deletes, lifetimes, errors, Stat fields. */
class Basics extends Steps {
    public static void main(String[] words) throws Exception {
        begin(words);
        CuratorFramework client = connected(hosts);
        step(client, "create", () -> client.create().forPath(ROOT, "one".getBytes()));
        step(client, "create again", () -> client.create().forPath(ROOT));
        for (CreateMode mode : CreateMode.values()) {
            Stat stat = new Stat();
            boolean lives = mode.isTTL();
            String path = ROOT + "/" + mode.name().toLowerCase() + "-";
            step(client, mode.name(), () -> lives
                    ? client.create().withTtl(3_600_000).storingStatIn(stat).withMode(mode).forPath(path)
                    : client.create().storingStatIn(stat).withMode(mode).forPath(path));
            say("  " + stat(client, stat));
        }
        step(client, "parents", () -> client.create().creatingParentsIfNeeded().forPath(ROOT + "/a/b/c", new byte[0]));
        step(client, "containers as parents", () -> client.create().creatingParentContainersIfNeeded().forPath(ROOT + "/d/e", new byte[0]));
        step(client, "create or set", () -> client.create().orSetData().forPath(ROOT + "/a", "set".getBytes()));
        step(client, "protected", () -> client.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                .forPath(ROOT + "/p-", new byte[0]).replaceAll("_c_[0-9a-f-]{36}-", "<guid>"));
        step(client, "below an ephemeral", () -> client.create().forPath(ROOT + "/ephemeral-/x"));
        step(client, "below nothing", () -> client.create().forPath(ROOT + "/no/x"));
        Stat stat = new Stat();
        step(client, "get", () -> client.getData().storingStatIn(stat).forPath(ROOT + "/a"));
        say("  " + stat(client, stat));
        step(client, "get of nothing", () -> client.getData().forPath(ROOT + "/no"));
        step(client, "exists", () -> client.checkExists().forPath(ROOT));
        step(client, "exists of nothing", () -> client.checkExists().forPath(ROOT + "/no"));
        step(client, "children", () -> client.getChildren().forPath(ROOT + "/a"));
        step(client, "children of nothing", () -> client.getChildren().forPath(ROOT + "/no"));
        step(client, "set at version", () -> client.setData().withVersion(1).forPath(ROOT + "/a", "two".getBytes()));
        step(client, "set at an old version", () -> client.setData().withVersion(1).forPath(ROOT + "/a", new byte[0]));
        act(client, "delete at a wrong version", () -> client.delete().withVersion(9).forPath(ROOT + "/a/b/c"));
        act(client, "delete with children", () -> client.delete().forPath(ROOT + "/a"));
        act(client, "delete guaranteed, with children", () -> client.delete().guaranteed().deletingChildrenIfNeeded().forPath(ROOT + "/a"));
        act(client, "delete of nothing", () -> client.delete().forPath(ROOT + "/a"));
        act(client, "delete quietly", () -> client.delete().quietly().forPath(ROOT + "/a"));
        Told told = new Told();
        client.getData().inBackground((c, event) -> told.tell(event.getType() + " " + event.getResultCode() + " " + event.getPath())).forPath(ROOT);
        say(told.next());
        CuratorFramework below = client.usingNamespace(ROOT.substring(1));
        step(client, "in a namespace", () -> below.getData().forPath("/d"));
        client.close();
        CuratorFramework after = connected(List.of(hosts.get(1)));
        sync(after);
        step(after, "left when it is closed", () -> after.getChildren().forPath(ROOT));
        after.close();
        end();
    }
}
