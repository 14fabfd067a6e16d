/* A server is killed under its client: the session, its ephemerals and its watches go on. */
#include "steps.h"

int main(int count, char **words) {
    (void)count;
    begin(words);
    for (int leads = 0; leads < 2; leads++) {
        const char *role = leads ? "/leader" : "/follower";
        char victim[64], hosts[300];
        strcpy(victim, ask(leads ? "leader" : "followers", ""));
        victim[strcspn(victim, " ")] = 0;
        strcpy(hosts, victim);
        for (int i = 0; i < 3; i++)
            if (strcmp(server[i], victim)) strcat(strcat(hosts, ","), server[i]);
        struct client *client = resumed(hosts, 30000, NULL);
        wait_state(client, ZOO_CONNECTED_STATE, 1);
        if (!leads) create(client, "", "", 0);
        create(client, role, "1", ZOO_EPHEMERAL);
        clientid_t before = *zoo_client_id(client->handle);
        get(client, role, 1);
        say("killed");
        ask("kill", victim);
        wait_state(client, ZOO_CONNECTED_STATE, 2);
        say("the same session: %d", zoo_client_id(client->handle)->client_id == before.client_id);
        get(client, role, 0);
        no_events(client, "nothing happened");
        set(client, role, "2", 0);
        wait_events(client, "its watch was kept", 1);
        ask("start", victim);
        struct client *late = connected(victim);
        sync_now(late);
        get(late, role, 0);
        end(client);
        sync_now(late);
        exists(late, role, 0);
        end(late);
    }
    return 0;
}
