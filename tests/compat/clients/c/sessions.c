/* A session that goes on at another server, close, a closed session. */
#include "steps.h"

int main(int count, char **words) {
    (void)count;
    begin(words);
    struct client *observer = connected(server[0]), *first = resumed(server[1], 30000, NULL);
    wait_state(first, ZOO_CONNECTED_STATE, 1);
    say("timeout %d", zoo_recv_timeout(first->handle));
    create(first, "", "", 0);
    create(first, "/e", "", ZOO_EPHEMERAL);
    clientid_t id = *zoo_client_id(first->handle);
    say("made by server %d", (int)(id.client_id >> 56));

    struct client *second = resumed(server[2], 30000, &id);
    wait_state(second, ZOO_CONNECTED_STATE, 1);
    say("the same session: %d", zoo_client_id(second->handle)->client_id == id.client_id);
    exists(second, "/e", 0);
    create(second, "/e2", "", ZOO_EPHEMERAL);
    sync_now(observer);
    exists(observer, "/e", 1);
    end(second);
    wait_events(observer, "it ends", 1);
    children(observer, "", 0);

    struct client *late = resumed(server[1], 30000, &id);
    wait_state(late, ZOO_EXPIRED_SESSION_STATE, 0);
    say("a closed session: state EXPIRED");
    end(late);
    end(observer);
    /* `first` still asks for its session, which nobody has. */
    wait_state(first, ZOO_EXPIRED_SESSION_STATE, 1);
    say("who was left behind: state EXPIRED");
    end(first);
    return 0;
}
