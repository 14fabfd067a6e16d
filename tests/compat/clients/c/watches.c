/* One-shot watches of each kind, their removal, and their return after a reconnection. */
#include "steps.h"

static int remove_watch(struct client *client, const char *path, ZooWatcherType type) {
    return zoo_remove_watches(client->handle, below(path), type, watcher, client, 0);
}

int main(int count, char **words) {
    (void)count;
    begin(words);
    struct client *client = connected(server[0]), *writer = connected(server[1]);
    create(writer, "", "", ZOO_PERSISTENT);
    sync_now(client);
    exists(client, "/a", 1);
    create(writer, "/a", "", ZOO_PERSISTENT);
    wait_events(client, "created", 1);
    get(client, "/a", 1);
    children(client, "/a", 1);
    children(client, "", 1);
    set(writer, "/a", "1", -1);
    wait_events(client, "changed", 1);
    set(writer, "/a", "2", -1);
    no_events(client, "once");
    create(writer, "/a/b", "", ZOO_PERSISTENT);
    wait_events(client, "a child", 1);
    get(client, "/a/b", 1);
    children(client, "/a/b", 1);
    exists(client, "/a/b", 1);
    delete(writer, "/a/b", -1);
    wait_events(client, "deleted", 1);
    delete(writer, "/a", -1);
    wait_events(client, "a child of the root", 1);
    no_events(client, "no more");

    say("removal");
    create(writer, "/r", "", ZOO_PERSISTENT);
    sync_now(client);
    struct Stat stat;
    zoo_wexists(client->handle, below("/r"), watcher, client, &stat);
    say("children: %s", name(remove_watch(client, "/r", ZWATCHTYPE_CHILD)));
    say("data: %s", name(remove_watch(client, "/r", ZWATCHTYPE_DATA)));
    say("data again: %s", name(remove_watch(client, "/r", ZWATCHTYPE_DATA)));
    set(writer, "/r", "1", -1);
    no_events(client, "after");

    say("reconnection");
    struct client *mover = resumed(HOSTS, 20000, NULL);
    wait_state(mover, ZOO_CONNECTED_STATE, 1);
    create(mover, "/kept", "", ZOO_PERSISTENT);
    create(mover, "/gone", "", ZOO_PERSISTENT);
    create(mover, "/changed", "", ZOO_PERSISTENT);
    get(mover, "/kept", 1);
    get(mover, "/gone", 1);
    get(mover, "/changed", 1);
    exists(mover, "/came", 1);
    children(mover, "/kept", 1);
    /* The first of its servers dies; what is written meanwhile it learns by its setWatches. */
    ask("kill", server[0]);
    struct client *other = connected(server[2]);
    set(other, "/changed", "1", -1);
    delete(other, "/gone", -1);
    create(other, "/came", "", ZOO_PERSISTENT);
    create(other, "/kept/x", "", ZOO_PERSISTENT);
    wait_state(mover, ZOO_CONNECTED_STATE, 2);
    struct timespec until = deadline();
    pthread_mutex_lock(&mover->lock);
    while (mover->tail < 4)
        if (pthread_cond_timedwait(&mover->changed, &mover->lock, &until) == ETIMEDOUT) fail("four events");
    char *events[4];
    for (int i = 0; i < 4; i++) events[i] = mover->events[i];
    mover->head = 4;
    pthread_mutex_unlock(&mover->lock);
    qsort(events, 4, sizeof *events, by_text);
    for (int i = 0; i < 4; i++) say("  event %s", events[i]);
    set(other, "/kept", "1", -1);
    wait_events(mover, "the one that was left", 1);
    no_events(mover, "no more");
    ask("start", server[0]);
    end(mover);
    end(other);
    end(writer);
    return 0;
}
