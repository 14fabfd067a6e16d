/* The vocabulary in which suites of the C client say what happened; ../README.md explains the lines. */
#define THREADED
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <zookeeper/zookeeper.h>

#define PATIENCE_S 60

static const char *HOSTS, *ROOT;
static char server[3][64];

struct client {
    zhandle_t *handle;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char events[64][300];
    int head, tail, state, connections, synced;
};

static void say(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    vprintf(format, rest);
    va_end(rest);
    putchar('\n');
    fflush(stdout);
}

static void fail(const char *what) {
    fprintf(stderr, "not within %d s: %s\n", PATIENCE_S, what);
    exit(1);
}

/* Names as in ../README.md. */
static const char *name(int code) {
    switch (code) {
    case ZOK: return "ok";
    case ZRUNTIMEINCONSISTENCY: return "RuntimeInconsistency";
    case ZCONNECTIONLOSS: return "ConnectionLoss";
    case ZMARSHALLINGERROR: return "MarshallingError";
    case ZUNIMPLEMENTED: return "Unimplemented";
    case ZOPERATIONTIMEOUT: return "OperationTimeout";
    case ZBADARGUMENTS: return "BadArguments";
    case ZINVALIDSTATE: return "InvalidState";
    case ZNONODE: return "NoNode";
    case ZNOAUTH: return "NoAuth";
    case ZBADVERSION: return "BadVersion";
    case ZNOCHILDRENFOREPHEMERALS: return "NoChildrenForEphemerals";
    case ZNODEEXISTS: return "NodeExists";
    case ZNOTEMPTY: return "NotEmpty";
    case ZSESSIONEXPIRED: return "SessionExpired";
    case ZINVALIDACL: return "InvalidACL";
    case ZAUTHFAILED: return "AuthFailed";
    case ZNOWATCHER: return "NoWatcher";
    case -125: return "QuotaExceeded";
    default: return zerror(code);
    }
}

static const char *type_name(int type) {
    return type == ZOO_CREATED_EVENT ? "NodeCreated"
        : type == ZOO_DELETED_EVENT  ? "NodeDeleted"
        : type == ZOO_CHANGED_EVENT  ? "NodeDataChanged"
        : type == ZOO_CHILD_EVENT    ? "NodeChildrenChanged"
                                     : "other";
}

static void watcher(zhandle_t *handle, int type, int state, const char *path, void *context) {
    struct client *client = context;
    (void)handle;
    pthread_mutex_lock(&client->lock);
    if (type == ZOO_SESSION_EVENT) {
        client->state = state;
        client->connections += state == ZOO_CONNECTED_STATE;
    } else {
        snprintf(client->events[client->tail++ % 64], 300, "%s %s state=%d", type_name(type), path, state);
    }
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static struct timespec deadline(void) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += PATIENCE_S;
    return at;
}

/* Waits until the session's state is this, for at least the so-manieth connection. */
static void wait_state(struct client *client, int state, int connections) {
    struct timespec end = deadline();
    pthread_mutex_lock(&client->lock);
    while (client->state != state || client->connections < connections)
        if (pthread_cond_timedwait(&client->changed, &client->lock, &end) == ETIMEDOUT) fail("a state");
    pthread_mutex_unlock(&client->lock);
}

static struct client *resumed(const char *hosts, int timeout_ms, const clientid_t *id) {
    struct client *client = calloc(1, sizeof *client);
    pthread_mutex_init(&client->lock, NULL);
    pthread_cond_init(&client->changed, NULL);
    zoo_deterministic_conn_order(1);
    client->handle = zookeeper_init(hosts, watcher, timeout_ms, id, client, 0);
    if (!client->handle) fail("a handle");
    return client;
}

static struct client *connected(const char *hosts) {
    struct client *client = resumed(hosts, 20000, NULL);
    wait_state(client, ZOO_CONNECTED_STATE, 1);
    return client;
}

static void synced(int code, const char *path, const void *context) {
    struct client *client = (void *)context;
    (void)code, (void)path;
    pthread_mutex_lock(&client->lock);
    client->synced = 1;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

/* Catches up with the leader. */
static int sync_now(struct client *client) {
    struct timespec end = deadline();
    int code = zoo_async(client->handle, "/", synced, client);
    pthread_mutex_lock(&client->lock);
    while (code == ZOK && !client->synced)
        if (pthread_cond_timedwait(&client->changed, &client->lock, &end) == ETIMEDOUT) fail("a sync");
    client->synced = 0;
    pthread_mutex_unlock(&client->lock);
    return code;
}

static void wait_events(struct client *client, const char *label, int count) {
    struct timespec end = deadline();
    say("%s:", label);
    pthread_mutex_lock(&client->lock);
    for (; count; count--) {
        while (client->head == client->tail)
            if (pthread_cond_timedwait(&client->changed, &client->lock, &end) == ETIMEDOUT) fail("an event");
        say("  event %s", client->events[client->head++ % 64]);
    }
    pthread_mutex_unlock(&client->lock);
}

/* How many events are left when this client has caught up. */
static void no_events(struct client *client, const char *label) {
    sync_now(client);
    say("%s: %d events", label, client->tail - client->head);
}

static void end(struct client *client) {
    zookeeper_close(client->handle);
}

static const char *show_stat(const struct client *client, const struct Stat *stat) {
    static char text[400];
    long long now = (long long)time(NULL) * 1000, hour = 3600000;
    int right = stat->ctime <= stat->mtime && llabs(now - stat->ctime) < hour && llabs(now - stat->mtime) < hour;
    const char *owner = stat->ephemeralOwner == 0                                        ? "none"
        : stat->ephemeralOwner == zoo_client_id(client->handle)->client_id ? "mine"
                                                                                         : "other";
    snprintf(text, sizeof text,
        "czxid=<z:%lld> mzxid=<z:%lld> pzxid=<z:%lld> version=%d cversion=%d aversion=%d owner=%s length=%d "
        "children=%d times=%s",
        (long long)stat->czxid, (long long)stat->mzxid, (long long)stat->pzxid, stat->version, stat->cversion,
        stat->aversion, owner, stat->dataLength, stat->numChildren, right ? "right" : stat->ctime ? "wrong" : "zero");
    return text;
}

static const char *below(const char *path) {
    static char text[8][300];
    static int next;
    char *room = text[next++ % 8];
    snprintf(room, 300, "%s%s", ROOT, path);
    return room;
}

static void create(struct client *client, const char *path, const char *data, int mode) {
    char made[300] = "";
    struct Stat stat;
    int code = zoo_create2(client->handle, below(path), data, data ? (int)strlen(data) : -1, &ZOO_OPEN_ACL_UNSAFE, mode,
        made, sizeof made, &stat);
    if (code == ZOK)
        say("create %s mode %d: ok %s %s", path, mode, made, show_stat(client, &stat));
    else
        say("create %s mode %d: %s", path, mode, name(code));
}

static void exists(struct client *client, const char *path, int watch) {
    struct Stat stat;
    int code = zoo_exists(client->handle, below(path), watch, &stat);
    say("exists %s: %s %s", path, name(code), code == ZOK ? show_stat(client, &stat) : "");
}

static void get(struct client *client, const char *path, int watch) {
    char data[1000];
    int length = sizeof data;
    struct Stat stat;
    int code = zoo_get(client->handle, below(path), watch, data, &length, &stat);
    if (code == ZOK)
        say("get %s: ok '%.*s' length %d %s", path, length < 0 ? 0 : length, data, length, show_stat(client, &stat));
    else
        say("get %s: %s", path, name(code));
}

static void set(struct client *client, const char *path, const char *data, int version) {
    struct Stat stat;
    int code = zoo_set2(client->handle, below(path), data, (int)strlen(data), version, &stat);
    say("set %s at %d: %s %s", path, version, name(code), code == ZOK ? show_stat(client, &stat) : "");
}

static void delete(struct client *client, const char *path, int version) {
    say("delete %s at %d: %s", path, version, name(zoo_delete(client->handle, below(path), version)));
}

static int by_text(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void children(struct client *client, const char *path, int watch) {
    struct String_vector names = {0, NULL};
    struct Stat stat;
    int code = zoo_get_children2(client->handle, below(path), watch, &names, &stat);
    if (code != ZOK) {
        say("children %s: %s", path, name(code));
        return;
    }
    char text[4000] = "";
    qsort(names.data, names.count, sizeof *names.data, by_text);
    for (int i = 0; i < names.count; i++) {
        strcat(text, i ? " " : "");
        strcat(text, names.data[i]);
    }
    say("children %s: ok [%s] %s", path, text, show_stat(client, &stat));
    deallocate_String_vector(&names);
}

/* Has the runner do something to the servers. */
static const char *ask(const char *what, const char *with) {
    static char answer[300];
    say("!%s %s", what, with);
    if (!fgets(answer, sizeof answer, stdin)) exit(1);
    answer[strcspn(answer, "\n")] = 0;
    return answer;
}

static void begin(char **words) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    HOSTS = words[1];
    ROOT = getenv("SUITE_ROOT");
    sscanf(HOSTS, "%63[^,],%63[^,],%63s", server[0], server[1], server[2]);
}
