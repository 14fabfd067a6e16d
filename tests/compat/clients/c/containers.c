/* Containers and znodes with a lifetime. */
#include "steps.h"

static void create_ttl(struct client *client, const char *path, int mode, long long ttl) {
    char made[300];
    struct Stat stat;
    int code = zoo_create2_ttl(client->handle, below(path), "", 0, &ZOO_OPEN_ACL_UNSAFE, mode, ttl, made, sizeof made, &stat);
    if (code == ZOK)
        say("create %s mode %d ttl %lld: ok %s %s", path, mode, ttl, made, show_stat(client, &stat));
    else
        say("create %s mode %d ttl %lld: %s", path, mode, ttl, name(code));
}

int main(int count, char **words) {
    (void)count;
    begin(words);
    struct client *client = connected(HOSTS);
    create(client, "", "", 0);
    create(client, "/c", "", ZOO_CONTAINER);
    create(client, "/c/x", "", 0);
    exists(client, "/c", 1);
    delete(client, "/c/x", -1);
    wait_events(client, "the container goes", 1);
    create_ttl(client, "/t", ZOO_PERSISTENT_WITH_TTL, 2000);
    exists(client, "/t", 1);
    create_ttl(client, "/t-", ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 3600000);
    create_ttl(client, "/no", ZOO_PERSISTENT_WITH_TTL, 0);
    create_ttl(client, "/no", ZOO_PERSISTENT_WITH_TTL, -1);
    create_ttl(client, "/no", ZOO_PERSISTENT_WITH_TTL, 1LL << 40);
    create_ttl(client, "/no", ZOO_EPHEMERAL, 5);
    wait_events(client, "the lifetime ends", 1);
    children(client, "", 0);
    end(client);
    return 0;
}
