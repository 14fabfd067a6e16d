import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

/** Access control: lists, authorization, what is hidden, NoAuth. */
class Acl extends Steps {
    static List<ACL> list(int perms, String scheme, String id) {
        return List.of(new ACL(perms, new Id(scheme, id)));
    }

    static void create(CuratorFramework client, String path, List<ACL> acl) throws Exception {
        step(client, "create " + path, () -> client.create().withACL(acl).forPath(ROOT + path, "data".getBytes()));
    }

    static void acl(CuratorFramework client, String path) throws Exception {
        Stat stat = new Stat();
        step(client, "getACL " + path, () -> client.getACL().storingStatIn(stat).forPath(ROOT + path));
    }

    public static void main(String[] words) throws Exception {
        begin(words);
        String digest = "alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E=";
        CuratorFramework alice = connected(List.of(hosts.get(0)), "digest", "alice:secret"), plain = connected(List.of(hosts.get(1))),
                boss = connected(List.of(hosts.get(2)), "digest", "super:test");
        alice.create().forPath(ROOT, new byte[0]);
        create(alice, "/bad", list(31, "digest", "alice"));
        create(alice, "/bad", list(31, "none", "such"));
        create(plain, "/bad", ZooDefs.Ids.CREATOR_ALL_ACL);
        create(alice, "/auth", ZooDefs.Ids.CREATOR_ALL_ACL);
        acl(alice, "/auth");
        create(alice, "/digest", list(31, "digest", digest));
        create(alice, "/read", ZooDefs.Ids.READ_ACL_UNSAFE);
        sync(plain);
        step(plain, "plain get", () -> plain.getData().forPath(ROOT + "/digest"));
        step(plain, "plain exists", () -> plain.checkExists().forPath(ROOT + "/digest"));
        step(plain, "plain children", () -> plain.getChildren().forPath(ROOT + "/digest"));
        step(plain, "plain set", () -> plain.setData().forPath(ROOT + "/read", new byte[0]));
        step(plain, "plain create", () -> plain.create().forPath(ROOT + "/read/x", new byte[0]));
        acl(plain, "/digest");
        step(plain, "plain setACL", () -> plain.setACL().withACL(ZooDefs.Ids.OPEN_ACL_UNSAFE).forPath(ROOT + "/digest"));
        step(alice, "setACL at a wrong version", () -> alice.setACL().withVersion(7).withACL(ZooDefs.Ids.READ_ACL_UNSAFE).forPath(ROOT + "/digest"));
        step(alice, "setACL", () -> alice.setACL().withVersion(0).withACL(ZooDefs.Ids.READ_ACL_UNSAFE).forPath(ROOT + "/digest"));
        acl(alice, "/digest");
        sync(boss);
        step(boss, "super set", () -> boss.setData().forPath(ROOT + "/digest", "super".getBytes()));
        step(boss, "super setACL", () -> boss.setACL().withACL(list(31, "digest", digest)).forPath(ROOT + "/digest"));
        acl(boss, "/digest");
        step(alice, "who am I", () -> alice.getZookeeperClient().getZooKeeper().whoAmI().stream()
                .map(info -> info.getAuthScheme() + ":" + info.getUser()).toList());
        alice.close();
        plain.close();
        boss.close();
        end();
    }
}
