import java.util.ArrayList;
import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.OpResult;

/** Transactions: every mode inside, success, each position that fails. */
class Multi extends Steps {
    static CuratorFramework client;

    static void multi(String label, CuratorOp... ops) throws Exception {
        step(client, label, () -> {
            try {
                return client.transaction().forOperations(ops);
            } catch (KeeperException error) {
                List<String> parts = new ArrayList<>();
                for (OpResult part : error.getResults()) {
                    parts.add(part instanceof OpResult.ErrorResult failed ? "" + failed.getErr() : part.toString());
                }
                return name(error) + " " + String.join(",", parts);
            }
        });
    }

    static CuratorOp create(String path, CreateMode mode) throws Exception {
        return client.transactionOp().create().withMode(mode).forPath(ROOT + path, new byte[0]);
    }

    static CuratorOp create(String path) throws Exception {
        return create(path, CreateMode.PERSISTENT);
    }

    public static void main(String[] words) throws Exception {
        begin(words);
        client = connected(hosts);
        client.create().forPath(ROOT, new byte[0]);
        multi("modes", create("/p"), create("/e", CreateMode.EPHEMERAL), create("/s-", CreateMode.PERSISTENT_SEQUENTIAL),
                create("/es-", CreateMode.EPHEMERAL_SEQUENTIAL), create("/c", CreateMode.CONTAINER),
                client.transactionOp().create().withTtl(3_600_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath(ROOT + "/t", new byte[0]));
        step(client, "children", () -> client.getChildren().forPath(ROOT));
        multi("together", create("/x"), create("/x/y"), client.transactionOp().setData().withVersion(0).forPath(ROOT + "/x", "1".getBytes()),
                client.transactionOp().check().withVersion(1).forPath(ROOT + "/x"), client.transactionOp().delete().withVersion(0).forPath(ROOT + "/x/y"));
        for (int place = 0; place < 3; place++) {
            CuratorOp[] ops = {create("/f"), create("/f/g"), client.transactionOp().check().forPath(ROOT + "/p")};
            ops[place] = client.transactionOp().delete().forPath(ROOT + "/no");
            multi("NoNode at " + place, ops);
        }
        step(client, "nothing was done", () -> client.checkExists().forPath(ROOT + "/f"));
        multi("BadVersion", create("/q"), client.transactionOp().check().withVersion(7).forPath(ROOT + "/p"));
        multi("NodeExists", create("/q"), create("/q"));
        multi("NotEmpty", create("/x/y"), client.transactionOp().delete().forPath(ROOT + "/x"), create("/q"));
        client.close();
        end();
    }
}
