import java.util.ArrayList;
import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.zookeeper.CreateMode;

/** A server is killed under its client: the session, its ephemerals and a lock that it holds go on. */
class Failover extends Steps {
    public static void main(String[] words) throws Exception {
        begin(words);
        for (String role : List.of("follower", "leader")) {
            String victim = ask(role.equals("leader") ? "leader" : "followers").split(" ")[0], path = ROOT + "-" + role;
            List<String> others = new ArrayList<>(hosts);
            others.remove(victim);
            CuratorFramework client = connected(List.of(victim));
            client.create().forPath(path, new byte[0]);
            client.create().withMode(CreateMode.EPHEMERAL).forPath(path + "/e", "1".getBytes());
            InterProcessMutex lock = new InterProcessMutex(client, path + "/lock");
            lock.acquire();
            long session = client.getZookeeperClient().getZooKeeper().getSessionId();
            Told states = new Told();
            client.getConnectionStateListenable().addListener((c, state) -> states.tell(state.name()));
            say("the " + role + " is killed");
            ask("kill " + victim);
            say("state " + states.next());
            client.getZookeeperClient().getZooKeeper().updateServerList(String.join(",", others));
            say("state " + states.next());
            say("the same session: " + (client.getZookeeperClient().getZooKeeper().getSessionId() == session));
            step(client, "its ephemeral", () -> client.getData().forPath(path + "/e"));
            step(client, "set", () -> client.setData().withVersion(0).forPath(path + "/e", "2".getBytes()));
            say("still holds its lock: " + lock.isOwnedByCurrentThread());
            act(client, "release", lock::release);
            ask("start " + victim);
            CuratorFramework late = connected(List.of(victim));
            sync(late);
            step(late, "seen by who came back", () -> late.getData().forPath(path + "/e"));
            client.close();
            sync(late);
            step(late, "gone with its session", () -> late.checkExists().forPath(path + "/e"));
            late.close();
        }
        end();
    }
}
