//! Paths, lists, versions and flags at their edges: does each request get the code that Apache's server gives?

use quorate_tests::jute::Writer;
use quorate_tests::{Client, ClientError, Code, Ensemble, Kind, SHORT};

use crate::common::stop_and_audit;

const OK: i32 = 0;
const MARSHALLING_ERROR: i32 = -5;
const UNIMPLEMENTED: i32 = -6;
const BAD_ARGUMENTS: i32 = -8;
const NO_NODE: i32 = -101;
const BAD_VERSION: i32 = -103;
const NO_CHILDREN_FOR_EPHEMERALS: i32 = -108;
const NODE_EXISTS: i32 = -110;
const NOT_EMPTY: i32 = -111;
const INVALID_ACL: i32 = -114;
const NO_WATCHER: i32 = -121;

const CREATE: i32 = 1;
const DELETE: i32 = 2;
const EXISTS: i32 = 3;
const GET_DATA: i32 = 4;
const SET_DATA: i32 = 5;
const GET_ACL: i32 = 6;
const SET_ACL: i32 = 7;
const GET_CHILDREN: i32 = 8;
const SYNC: i32 = 9;
const GET_CHILDREN2: i32 = 12;
const CHECK: i32 = 13;
const MULTI: i32 = 14;
const CREATE2: i32 = 15;
const CHECK_WATCHES: i32 = 17;
const REMOVE_WATCHES: i32 = 18;
const CREATE_CONTAINER: i32 = 19;
const DELETE_CONTAINER: i32 = 20;
const CREATE_TTL: i32 = 21;
const MULTI_READ: i32 = 22;
const GET_ALL_CHILDREN_NUMBER: i32 = 104;
const ADD_WATCH: i32 = 106;

/// A request, and the code that it is answered.
struct Edge {
    what: String,
    op: i32,
    body: Writer,
    code: i32,
}

fn edge(what: &str, op: i32, body: Writer, code: i32) -> Edge {
    Edge {
        what: what.to_owned(),
        op,
        body,
        code,
    }
}

fn null() -> Writer {
    Writer::new().int(-1)
}

fn at(path: &str) -> Writer {
    Writer::new().string(path)
}

fn open(body: Writer) -> Writer {
    body.int(1).int(31).string("world").string("anyone")
}

fn create(path: &str, flags: i32) -> Writer {
    open(at(path).buffer(b"")).int(flags)
}

fn create_under(scheme: &str, id: &str) -> Writer {
    let list = at("/a/list").buffer(b"").int(1).int(31).string(scheme).string(id);
    list.int(0)
}

fn part(body: Writer, op: i32, part: &Writer) -> Writer {
    body.int(op).bool(false).int(-1).raw(&part.bytes)
}

fn end(body: Writer) -> Writer {
    body.int(-1).bool(true).int(-1)
}

/// Where znodes may be created.
fn paths() -> Vec<Edge> {
    let codes = [
        ("", BAD_ARGUMENTS),
        ("a", BAD_ARGUMENTS),
        ("a/b", NO_NODE),
        ("/", NODE_EXISTS),
        ("/a", NODE_EXISTS),
        ("/a/", BAD_ARGUMENTS),
        ("//a", BAD_ARGUMENTS),
        ("/a//b", NO_NODE),
        ("/a/.", BAD_ARGUMENTS),
        ("/a/..", BAD_ARGUMENTS),
        ("/a/./b", NO_NODE),
        ("/a/...", OK),
        ("/a/.b", OK),
        ("/a/b..", OK),
        ("/a/ ", OK),
        ("/a/\0", BAD_ARGUMENTS),
        ("/a/x\u{1}", BAD_ARGUMENTS),
        ("/a/x\u{1f}", BAD_ARGUMENTS),
        ("/a/x\u{20}", OK),
        ("/a/x\u{7e}", OK),
        ("/a/x\u{7f}", BAD_ARGUMENTS),
        ("/a/x\u{9f}", BAD_ARGUMENTS),
        ("/a/x\u{a0}", OK),
        ("/a/x\u{d7ff}", OK),
        ("/a/x\u{e000}", BAD_ARGUMENTS),
        ("/a/x\u{f8ff}", BAD_ARGUMENTS),
        ("/a/x\u{f900}", OK),
        ("/a/x\u{ffef}", OK),
        ("/a/x\u{fff0}", BAD_ARGUMENTS),
        ("/a/x\u{ffff}", BAD_ARGUMENTS),
        ("/none/x", NO_NODE),
        ("/e/x", NO_CHILDREN_FOR_EPHEMERALS),
    ];
    let mut edges: Vec<_> = codes
        .iter()
        .map(|&(path, code)| edge(&format!("create {path:?}"), CREATE, create(path, 0), code))
        .collect();
    let long = format!("/a/{}", "n".repeat(300_000));
    edges.push(edge("create a path of 300 kB", CREATE, create(&long, 0), OK));
    edges.push(edge(
        "create null",
        CREATE,
        open(null().buffer(b"")).int(0),
        MARSHALLING_ERROR,
    ));
    edges.push(edge(
        "create null data",
        CREATE,
        open(at("/a/null").int(-1)).int(0),
        OK,
    ));
    edges.push(edge("create2 twice", CREATE2, create("/a", 0), NODE_EXISTS));
    edges.push(edge(
        "create a container twice",
        CREATE_CONTAINER,
        create("/a", 4),
        NODE_EXISTS,
    ));
    for (path, code) in [
        ("", BAD_ARGUMENTS),
        ("a", BAD_ARGUMENTS),
        ("/", BAD_ARGUMENTS),
        ("/a/", BAD_ARGUMENTS),
        ("/a/.", BAD_ARGUMENTS),
        ("/none", NO_NODE),
    ] {
        let code = if path == "/" { OK } else { code };
        let set = || at(path).buffer(b"").int(-1);
        edges.push(edge(&format!("set {path:?}"), SET_DATA, set(), code));
        let list = open(at(path)).int(-1);
        edges.push(edge(&format!("set the list of {path:?}"), SET_ACL, list, code));
    }
    for (path, code) in [
        ("", BAD_ARGUMENTS),
        ("a", BAD_ARGUMENTS),
        ("/", BAD_ARGUMENTS),
        ("/zookeeper", BAD_ARGUMENTS),
        ("/zookeeper/quota", BAD_ARGUMENTS),
        ("/zookeeper/config", BAD_ARGUMENTS),
        ("/a/", NO_NODE),
        ("/none", NO_NODE),
        ("/none/x", NO_NODE),
        ("/a", NOT_EMPTY),
    ] {
        edges.push(edge(&format!("delete {path:?}"), DELETE, at(path).int(-1), code));
    }
    edges
}

/// Reads look a path up as it is.
fn reads() -> Vec<Edge> {
    let mut edges = Vec::new();
    for (path, code) in [
        ("/", OK),
        ("a", NO_NODE),
        ("/a/", NO_NODE),
        ("//", NO_NODE),
        ("/a/..", NO_NODE),
    ] {
        for (name, op) in [
            ("exists", EXISTS),
            ("getData", GET_DATA),
            ("getChildren", GET_CHILDREN),
            ("getChildren2", GET_CHILDREN2),
        ] {
            edges.push(edge(&format!("{name} {path:?}"), op, at(path).bool(false), code));
        }
        edges.push(edge(&format!("getACL {path:?}"), GET_ACL, at(path), code));
        edges.push(edge(
            &format!("getAllChildrenNumber {path:?}"),
            GET_ALL_CHILDREN_NUMBER,
            at(path),
            code,
        ));
    }
    edges.push(edge("exists null", EXISTS, null().bool(false), MARSHALLING_ERROR));
    edges.push(edge(
        "getData null",
        GET_DATA,
        null().bool(false),
        MARSHALLING_ERROR,
    ));
    edges.push(edge(
        "exists without its flag",
        EXISTS,
        at("/a"),
        MARSHALLING_ERROR,
    ));
    edges.push(edge(
        "exists with more behind it",
        EXISTS,
        at("/a").bool(false).long(1),
        OK,
    ));
    edges.push(edge("a flag of 7", EXISTS, at("/a").raw(&[7]), OK));
    edges.push(edge("sync null", SYNC, null(), OK));
    edges.push(edge("sync nowhere", SYNC, at("nowhere"), OK));
    edges
}

fn lists() -> Vec<Edge> {
    let mut edges = vec![
        edge(
            "an empty list",
            CREATE,
            at("/a/list").buffer(b"").int(0).int(0),
            INVALID_ACL,
        ),
        edge(
            "a null list",
            CREATE,
            at("/a/list").buffer(b"").int(-1).int(0),
            INVALID_ACL,
        ),
    ];
    for (scheme, id) in [
        ("world", "everyone"),
        ("world", ""),
        ("nope", "x"),
        ("", ""),
        ("digest", "nobody"),
        ("digest", "a:b:c"),
        ("ip", "x"),
        ("ip", "10.0.0.1/33"),
        ("ip", "10.0.0.1/-1"),
        ("ip", "10.0.0"),
        // Nobody has been proven.
        ("auth", ""),
    ] {
        let what = format!("a list of {scheme}:{id}");
        edges.push(edge(&what, CREATE, create_under(scheme, id), INVALID_ACL));
        let list = at("/a").int(1).int(31).string(scheme).string(id).int(-1);
        edges.push(edge(&format!("setACL to {what}"), SET_ACL, list, INVALID_ACL));
    }
    for perms in [0, -1, i32::MAX, i32::MIN] {
        let list = at(&format!("/a/perms{perms}")).buffer(b"").int(1).int(perms);
        let body = list.string("world").string("anyone").int(0);
        edges.push(edge(&format!("permissions of {perms}"), CREATE, body, OK));
    }
    edges
}

fn versions() -> Vec<Edge> {
    let mut edges = Vec::new();
    for version in [i32::MIN, -2, 1, i32::MAX] {
        let set = at("/v").buffer(b"").int(version);
        edges.push(edge(
            &format!("set version {version}"),
            SET_DATA,
            set,
            BAD_VERSION,
        ));
        let list = open(at("/v")).int(version);
        edges.push(edge(
            &format!("set list version {version}"),
            SET_ACL,
            list,
            BAD_VERSION,
        ));
        edges.push(edge(
            &format!("delete version {version}"),
            DELETE,
            at("/v").int(version),
            BAD_VERSION,
        ));
    }
    // The version comes before the children.
    edges.push(edge(
        "delete a parent of another version",
        DELETE,
        at("/a").int(77),
        BAD_VERSION,
    ));
    edges
}

fn flags() -> Vec<Edge> {
    let mut edges = Vec::new();
    for flags in [-1, 7, 8, i32::MIN, i32::MAX] {
        for (name, op) in [
            ("create", CREATE),
            ("create2", CREATE2),
            ("createContainer", CREATE_CONTAINER),
        ] {
            let what = format!("{name} with flags {flags}");
            edges.push(edge(&what, op, create("/a/flags", flags), BAD_ARGUMENTS));
        }
        let ttl = create("/a/flags", flags).long(1000);
        edges.push(edge(
            &format!("createTTL with flags {flags}"),
            CREATE_TTL,
            ttl,
            BAD_ARGUMENTS,
        ));
    }
    // The flags come before the path.
    edges.push(edge("flags 7 at no path", CREATE, create("", 7), BAD_ARGUMENTS));
    // Lifetimes are off unless `extendedTypesEnabled` says otherwise.
    edges.push(edge(
        "a lifetime",
        CREATE_TTL,
        create("/a/ttl", 5).long(1000),
        UNIMPLEMENTED,
    ));
    edges.push(edge(
        "a lifetime of 0",
        CREATE_TTL,
        create("/a/ttl", 5).long(0),
        UNIMPLEMENTED,
    ));
    edges.push(edge(
        "create with a lifetime's flags",
        CREATE,
        create("/a/ttl", 5),
        UNIMPLEMENTED,
    ));
    for mode in [-1, 2, i32::MAX] {
        let what = format!("addWatch of mode {mode}");
        edges.push(edge(&what, ADD_WATCH, at("/a").int(mode), MARSHALLING_ERROR));
    }
    for kind in [0, 1, 2, 3, 4, 5, 6] {
        // What is no kind is found where the request is carried out.
        let code = if (1..=5).contains(&kind) {
            NO_WATCHER
        } else {
            MARSHALLING_ERROR
        };
        for op in [CHECK_WATCHES, REMOVE_WATCHES] {
            let what = format!("watches {op} of kind {kind}");
            edges.push(edge(&what, op, at("/v").int(kind), code));
        }
    }
    edges
}

/// Many in one.
fn multis() -> Vec<Edge> {
    let bad_flags = end(part(Writer::new(), CREATE, &create("/a/m", 7)));
    vec![
        edge("a multi of nothing", MULTI, end(Writer::new()), OK),
        edge("a multiRead of nothing", MULTI_READ, end(Writer::new()), OK),
        edge("a multi without an end", MULTI, Writer::new(), MARSHALLING_ERROR),
        edge(
            "a part of no type",
            MULTI,
            end(part(Writer::new(), 77, &at("/a"))),
            MARSHALLING_ERROR,
        ),
        edge(
            "a part that reads",
            MULTI,
            end(part(Writer::new(), GET_DATA, &at("/a").bool(false))),
            MARSHALLING_ERROR,
        ),
        edge("a part with flags 7", MULTI, bad_flags, MARSHALLING_ERROR),
        edge(
            "a read that writes",
            MULTI_READ,
            end(part(Writer::new(), DELETE, &at("/v").int(-1))),
            MARSHALLING_ERROR,
        ),
        // A multi that fails is answered without an error in its header.
        edge(
            "a part that fails",
            MULTI,
            end(part(Writer::new(), DELETE, &at("/none").int(-1))),
            OK,
        ),
    ]
}

/// What ends the connection behind its answer.
fn last_words() -> Vec<Edge> {
    let mut edges = vec![
        edge("check by itself", CHECK, at("/a").int(0), UNIMPLEMENTED),
        edge("operation 9999", 9999, Writer::new(), UNIMPLEMENTED),
        edge("operation -1", -1, Writer::new().int(0), UNIMPLEMENTED),
        edge("operation 10", 10, Writer::new(), UNIMPLEMENTED),
    ];
    // These are servers' own. Apache's hangs up on the first, and does the second for anybody.
    if Kind::subject() == Kind::Quorate {
        edges.push(edge("createSession", -10, Writer::new().int(1000), UNIMPLEMENTED));
        edges.push(edge("deleteContainer", DELETE_CONTAINER, at("/a"), UNIMPLEMENTED));
    }
    edges
}

/// The code of the answer; `None`: there was none.
fn ask(client: &mut Client, edge: &Edge) -> Option<Code> {
    let xid = client.submit(edge.op, edge.body.clone()).expect("it is sent");
    match client.reply(xid, SHORT) {
        Ok(reply) => Some(reply.code),
        Err(ClientError::Closed | ClientError::Broken(_)) => None,
        Err(other) => panic!("{}: {other}", edge.what),
    }
}

#[test]
fn a_request_at_an_edge_gets_the_code_that_apaches_server_gives() {
    let ensemble = Ensemble::builder("edges", [Kind::subject(); 3]).start();
    let leader = ensemble.wait_all_serve();
    let follower = ensemble.others(&[leader])[0];
    let mut keeper = ensemble.at(leader).client();
    for path in ["/a", "/a/b", "/v"] {
        keeper.create_at(path, b"").expect("it is new");
    }
    keeper
        .create("/e", b"", quorate_tests::client::CreateMode::Ephemeral)
        .expect("it is new");
    let mut asked = 0;
    let mut wrong = Vec::new();
    let all = [paths(), reads(), lists(), versions(), flags(), multis()];
    let mut client = ensemble.at(follower).client();
    for edge in all.iter().flatten() {
        let code = ask(&mut client, edge);
        asked += 1;
        if code != Some(Code(edge.code)) {
            wrong.push(format!("{}: {code:?} instead of {}", edge.what, edge.code));
        }
        if code.is_none() {
            client = ensemble.at(follower).client();
        }
    }
    for edge in last_words() {
        let mut client = ensemble.at(follower).client();
        let code = ask(&mut client, &edge);
        asked += 1;
        if code != Some(Code(edge.code)) {
            wrong.push(format!("{}: {code:?} instead of {}", edge.what, edge.code));
        }
        client
            .closed_by_server(SHORT)
            .unwrap_or_else(|why| panic!("{}: {why}", edge.what));
    }
    println!("{asked} requests at edges, {} answered otherwise", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    keeper.ping().expect("nobody else noticed");
    stop_and_audit(ensemble);
}
