/* Access control: lists, addauth, what getACL hides, NoAuth. */
#include "steps.h"

struct answer {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int done, code;
};

static void authenticated(int code, const void *context) {
    struct answer *answer = (void *)context;
    pthread_mutex_lock(&answer->lock);
    answer->done = 1, answer->code = code;
    pthread_cond_broadcast(&answer->changed);
    pthread_mutex_unlock(&answer->lock);
}

static void add_auth(struct client *client, const char *scheme, const char *text) {
    struct answer answer = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
    struct timespec end = deadline();
    zoo_add_auth(client->handle, scheme, text, (int)strlen(text), authenticated, &answer);
    pthread_mutex_lock(&answer.lock);
    while (!answer.done)
        if (pthread_cond_timedwait(&answer.changed, &answer.lock, &end) == ETIMEDOUT) fail("an answer to addauth");
    pthread_mutex_unlock(&answer.lock);
    say("addauth %s %s: %s", scheme, text, name(answer.code));
}

static void create_for(struct client *client, const char *path, char *scheme, char *id, int perms) {
    struct ACL entry = {perms, {scheme, id}};
    struct ACL_vector list = {1, &entry};
    char made[300];
    say("create %s for %s:%s:%d: %s", path, scheme, id, perms,
        name(zoo_create(client->handle, below(path), "data", 4, &list, 0, made, sizeof made)));
}

static void set_for(struct client *client, const char *path, char *scheme, char *id, int perms, int version) {
    struct ACL entry = {perms, {scheme, id}};
    struct ACL_vector list = {1, &entry};
    say("setACL %s for %s:%s:%d at %d: %s", path, scheme, id, perms, version,
        name(zoo_set_acl(client->handle, below(path), version, &list)));
}

static void acl(struct client *client, const char *path) {
    struct ACL_vector list;
    struct Stat stat;
    int code = zoo_get_acl(client->handle, below(path), &list, &stat);
    say("getACL %s: %s", path, name(code));
    for (int i = 0; code == ZOK && i < list.count; i++)
        say("  %s:%s:%d", list.data[i].id.scheme, list.data[i].id.id, list.data[i].perms);
    if (code == ZOK) say("  %s", show_stat(client, &stat));
}

int main(int count, char **words) {
    (void)count;
    begin(words);
    struct client *alice = connected(HOSTS), *plain = connected(server[1]), *boss = connected(server[2]);
    char *digest = "alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E=";
    create(alice, "", "", 0);
    create_for(alice, "/bad", "digest", "alice", 31);
    create_for(alice, "/bad", "none", "such", 31);
    create_for(alice, "/bad", "auth", "", 31);
    create_for(alice, "/bad", "ip", "300.0.0.1", 31);
    create_for(alice, "/ip", "ip", "127.0.0.0/8", 1);
    get(alice, "/ip", 0);
    set(alice, "/ip", "", -1);
    add_auth(alice, "digest", "alice:secret");
    create_for(alice, "/auth", "auth", "", 31);
    acl(alice, "/auth");
    create_for(alice, "/digest", "digest", digest, 31);
    create_for(alice, "/read", "world", "anyone", 1);
    get(alice, "/digest", 0);
    sync_now(plain);
    get(plain, "/digest", 0);
    set(plain, "/read", "", -1);
    create(plain, "/read/x", "", 0);
    children(plain, "/digest", 0);
    exists(plain, "/digest", 0);
    acl(plain, "/digest");
    set_for(plain, "/digest", "world", "anyone", 31, -1);
    set_for(alice, "/digest", "world", "anyone", 1, 7);
    set_for(alice, "/digest", "world", "anyone", 1, 0);
    acl(alice, "/digest");
    set_for(alice, "/digest", "world", "anyone", 31, -1);
    add_auth(boss, "digest", "super:test");
    sync_now(boss);
    set_for(boss, "/digest", "digest", digest, 31, -1);
    acl(boss, "/digest");
    struct client *wrong = connected(HOSTS);
    add_auth(wrong, "none", "such");
    wait_state(wrong, ZOO_AUTH_FAILED_STATE, 1);
    say("state AUTH_FAILED");
    get(wrong, "/ip", 0);
    end(wrong);
    end(boss);
    end(plain);
    end(alice);
    return 0;
}
