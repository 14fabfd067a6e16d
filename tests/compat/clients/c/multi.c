/* multi: success, each position that fails, what is inside. */
#include "steps.h"

static struct client *client;
static char made[8][300];

static void multi(const char *label, int count, zoo_op_t *ops) {
    zoo_op_result_t results[8] = {{0}};
    int code = zoo_multi(client->handle, count, ops, results);
    char text[2000] = "";
    for (int i = 0; i < count; i++) {
        strcat(strcat(text, " "), name(results[i].err));
        if (results[i].err == ZOK && results[i].value) {
            strcat(strcat(text, " "), results[i].value);
        }
    }
    say("%s: %s,%s", label, name(code), text);
}

static zoo_op_t made_op(int i, const char *path, int mode) {
    zoo_op_t op;
    made[i][0] = 0;
    zoo_create_op_init(&op, strdup(below(path)), "", 0, &ZOO_OPEN_ACL_UNSAFE, mode, made[i], 300);
    return op;
}

static zoo_op_t delete_op(const char *path, int version) {
    zoo_op_t op;
    zoo_delete_op_init(&op, strdup(below(path)), version);
    return op;
}

static zoo_op_t check_op(const char *path, int version) {
    zoo_op_t op;
    zoo_check_op_init(&op, strdup(below(path)), version);
    return op;
}

static zoo_op_t set_op(const char *path, const char *data, int version) {
    static struct Stat ignored;
    zoo_op_t op;
    zoo_set_op_init(&op, strdup(below(path)), data, (int)strlen(data), version, &ignored);
    return op;
}

int main(int count, char **words) {
    (void)count;
    begin(words);
    client = connected(HOSTS);
    create(client, "", "", ZOO_PERSISTENT);
    multi("every mode", 4, (zoo_op_t[]){made_op(0, "/p", 0), made_op(1, "/e", 1), made_op(2, "/s-", 2), made_op(3, "/es-", 3)});
    children(client, "", 0);
    multi("together", 5, (zoo_op_t[]){made_op(0, "/x", 0), made_op(1, "/x/y", 0), set_op("/x", "1", 0), check_op("/x", 1), delete_op("/x/y", 0)});
    get(client, "/x", 0);
    for (int place = 0; place < 4; place++) {
        zoo_op_t ops[4] = {made_op(0, "/f", 0), set_op("/p", "x", -1), made_op(2, "/f/g", 0), check_op("/p", -1)};
        ops[place] = delete_op("/no", -1);
        char label[40];
        snprintf(label, sizeof label, "NoNode at %d", place);
        multi(label, 4, ops);
    }
    exists(client, "/f", 0);
    get(client, "/p", 0);
    multi("BadVersion", 2, (zoo_op_t[]){made_op(0, "/q", 0), check_op("/p", 7)});
    multi("NodeExists", 2, (zoo_op_t[]){made_op(0, "/q", 0), made_op(1, "/q", 0)});
    multi("NotEmpty", 3, (zoo_op_t[]){made_op(0, "/x/y", 0), delete_op("/x", -1), delete_op("/x/y", -1)});
    end(client);
    return 0;
}
