/* Creates of every mode, versions, errors and their order, Stat fields. */
#include "steps.h"

int main(int count, char **words) {
    (void)count;
    begin(words);
    struct client *client = connected(HOSTS);
    create(client, "", "one", ZOO_PERSISTENT);
    create(client, "", "again", ZOO_PERSISTENT);
    create(client, "/a", "", ZOO_PERSISTENT);
    create(client, "/null", NULL, ZOO_PERSISTENT);
    get(client, "/null", 0);
    create(client, "/e", "ephemeral", ZOO_EPHEMERAL);
    create(client, "/e/x", "", ZOO_PERSISTENT);
    create(client, "/s-", "1", ZOO_PERSISTENT_SEQUENTIAL);
    create(client, "/s-", "2", ZOO_EPHEMERAL_SEQUENTIAL);
    create(client, "/", "3", ZOO_PERSISTENT_SEQUENTIAL);
    create(client, "/no/b", "", ZOO_PERSISTENT);
    create(client, "//b", "", ZOO_PERSISTENT);
    create(client, "/b/", "", ZOO_PERSISTENT);
    create(client, "/..", "", ZOO_PERSISTENT);
    create(client, "/tab\t", "", ZOO_PERSISTENT);
    create(client, "/mode", "", 9);
    exists(client, "", 0);
    exists(client, "/no", 0);
    children(client, "", 0);
    children(client, "/no", 0);
    get(client, "", 0);
    get(client, "/no", 0);
    set(client, "/a", "two", -1);
    set(client, "/a", "three", 1);
    set(client, "/a", "four", 1);
    set(client, "/no", "", -1);
    get(client, "/a", 0);
    delete(client, "", -1);
    delete(client, "", 9);
    delete(client, "/a", 9);
    delete(client, "/a", 2);
    delete(client, "/a", -1);
    say("delete /: %s", name(zoo_delete(client->handle, "/", -1)));
    say("delete /zookeeper: %s", name(zoo_delete(client->handle, "/zookeeper", -1)));
    say("sync: %s", name(sync_now(client)));
    char config[2000];
    int length = sizeof config;
    struct Stat stat;
    say("configuration: %s", name(zoo_getconfig(client->handle, 0, config, &length, &stat)));
    say("version %d, aversion %d", stat.version, stat.aversion);
    for (char *line = strtok(config, "\n"); line; line = strtok(NULL, "\n"))
        if (!strncmp(line, "version", 7)) say("%s", line);
    end(client);
    client = connected(HOSTS);
    sync_now(client);
    children(client, "", 0);
    end(client);
    return 0;
}
