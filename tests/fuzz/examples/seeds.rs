//! Writes the first inputs of every target: bytes captured from Apache's servers, and what this server writes.
//!
//! `cargo run --example seeds -- DIR` makes `DIR/<target>/<what it is>`. What the fuzzer finds from there is merged into
//! `corpus` (docs/testing.md).

use bytes::{BufMut, BytesMut};
use quorate_fuzz::{Directory, adler32};
use quorate_store::{Layout, LogEntry, SnapshotBody, Store, StoreOptions};
use quorate_tree::{
    Acl, Create, Owner, StatPersisted, Tree, TreeLoader, Txn, TxnEntry, TxnHeader, WatchTable,
};
use quorate_wire::client::{
    ConnectRequest, CreateRequest, MultiOp, MultiReadOp, Opcode, Request, WatchLists, session_password,
};
use quorate_wire::quorum::QuorumPacket;
use quorate_wire::txn::encode_entry;
use quorate_zab::{ServerId, Zxid};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

struct Seeds(PathBuf);

impl Seeds {
    fn put(&self, target: &str, name: &str, bytes: &[u8]) {
        let dir = self.0.join(target);
        fs::create_dir_all(&dir).expect("it is made");
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        fs::write(dir.join(name), bytes).expect("it is written");
    }
}

fn main() {
    let dir = std::env::args_os().nth(1).expect("a directory for the seeds");
    let seeds = Seeds(dir.into());
    client(&seeds);
    service(&seeds);
    learner(&seeds);
    election(&seeds);
    log(&seeds);
    snapshot(&seeds);
    config(&seeds);
}

fn vectors(of: &str, name: &str) -> Value {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../impl/{of}/tests/vectors/{name}.json"));
    serde_json::from_str(&fs::read_to_string(file).expect("it is there")).expect("it is JSON")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn unhex(value: &Value) -> Vec<u8> {
    let text = text(value);
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
        .collect()
}

fn open_acl() -> Vec<Acl> {
    vec![Acl {
        perms: 31,
        scheme: "world".into(),
        id: "anyone".into(),
    }]
}

fn create(path: &str, flags: i32) -> CreateRequest {
    CreateRequest {
        path: path.into(),
        data: Some(b"data".to_vec()),
        acl: open_acl(),
        flags,
    }
}

/// Of every operation at least one.
fn requests() -> Vec<Request> {
    let path = || "/a".to_owned();
    let lists = WatchLists {
        relative_zxid: 1 << 32 | 1,
        data: vec![path()],
        exist: vec!["/b".into()],
        child: vec!["/".into()],
        persistent: vec![path()],
        persistent_recursive: vec!["/".into()],
    };
    let older = WatchLists {
        persistent: vec![],
        persistent_recursive: vec![],
        ..lists.clone()
    };
    vec![
        Request::Create(create("/a", 0)),
        Request::Create2(create("/e", 1)),
        Request::Create(create("/a/s-", 3)),
        Request::CreateContainer(create("/c", 4)),
        Request::CreateTtl {
            create: create("/t", 5),
            ttl_ms: 1000,
        },
        Request::Create(create("/zookeeper/quota/a", 0)),
        Request::Create(CreateRequest {
            data: Some(b"count=1,bytes=9;byteHardLimit=8;countHardLimit=2".to_vec()),
            ..create("/zookeeper/quota/a/zookeeper_limits", 0)
        }),
        Request::Create(create("/zookeeper/quota/a/zookeeper_stats", 0)),
        Request::SetData {
            path: path(),
            data: None,
            version: 0,
        },
        Request::SetAcl {
            path: path(),
            acl: vec![
                Acl {
                    perms: 1,
                    scheme: "auth".into(),
                    id: String::new(),
                },
                Acl {
                    perms: 31,
                    scheme: "ip".into(),
                    id: "10.0.0.0/8".into(),
                },
                Acl {
                    perms: 31,
                    scheme: "digest".into(),
                    id: "user:MDEyMzQ1Njc4OTAxMjM0NTY3ODk=".into(),
                },
            ],
            version: 0,
        },
        Request::Auth {
            kind: 0,
            scheme: "digest".into(),
            auth: Some(b"user:secret".to_vec()),
        },
        Request::Multi(vec![
            MultiOp::Create(create("/m", 2)),
            MultiOp::Create2(create("/n", 0)),
            MultiOp::CreateContainer(create("/o", 4)),
            MultiOp::CreateTtl {
                create: create("/p", 6),
                ttl_ms: 5,
            },
            MultiOp::SetData {
                path: "/n".into(),
                data: Some(vec![1]),
                version: 0,
            },
            MultiOp::Check {
                path: "/n".into(),
                version: 1,
            },
            MultiOp::Delete {
                path: "/n".into(),
                version: -1,
            },
        ]),
        Request::MultiRead(vec![
            MultiReadOp::GetData { path: path() },
            MultiReadOp::GetChildren { path: "/".into() },
        ]),
        Request::Exists {
            path: "/b".into(),
            watch: true,
        },
        Request::GetData {
            path: path(),
            watch: true,
        },
        Request::GetChildren {
            path: "/".into(),
            watch: true,
        },
        Request::GetChildren2 {
            path: "/".into(),
            watch: false,
        },
        Request::GetAcl { path: path() },
        Request::AddWatch {
            path: "/".into(),
            mode: 1,
        },
        Request::CheckWatches {
            path: "/".into(),
            kind: 5,
        },
        Request::RemoveWatches {
            path: "/".into(),
            kind: 3,
        },
        Request::SetWatches(older),
        Request::SetWatches2(lists),
        Request::GetEphemerals {
            prefix: Some("/".into()),
        },
        Request::GetAllChildrenNumber { path: "/".into() },
        Request::WhoAmI,
        Request::Sync { path: Some(path()) },
        Request::Ping,
        Request::Delete {
            path: path(),
            version: -1,
        },
        Request::Check {
            path: path(),
            version: 0,
        },
        Request::DeleteContainer { path: "/c".into() },
        Request::CreateSession { timeout_ms: 1000 },
        Request::Reconfig {
            joining: Some("server.2=a:1:2;3".into()),
            leaving: None,
            members: None,
            config_id: -1,
        },
        Request::Sasl {
            token: Some(vec![1, 2]),
        },
        Request::CloseSession,
    ]
}

fn new_session() -> ConnectRequest {
    ConnectRequest {
        timeout_ms: 10_000,
        password: Some(vec![0; 16]),
        read_only: Some(false),
        ..ConnectRequest::default()
    }
}

/// The stream target's input, and the body target's.
fn client(seeds: &Seeds) {
    let place = |opcode: Opcode| {
        let at = Opcode::ALL.iter().position(|&each| each == opcode);
        at.expect("it is listed") as u8 + 1
    };
    for vector in list(&vectors("wire", "client")["vectors"]) {
        let name = text(&vector["name"]);
        let Some(frame) = vector["request_hex"]
            .as_str()
            .map(|_| unhex(&vector["request_hex"]))
        else {
            continue;
        };
        let mut stream = vec![0];
        if !name.starts_with("connect") {
            let mut first = BytesMut::new();
            new_session().encode(&mut first);
            stream.extend_from_slice(&first);
        }
        stream.extend_from_slice(&frame);
        seeds.put("client", &format!("apache-{name}"), &stream);
    }
    let mut all = BytesMut::from(&[0][..]);
    new_session().encode(&mut all);
    for (at, request) in requests().iter().enumerate() {
        let mut body = vec![place(request.opcode())];
        request.encode_body(&mut body);
        seeds.put("client", &format!("{at}-{:?}", request.opcode()), &body);
        // What comes last claims to be longer than it is.
        if body.len() > 1 {
            let cut = &body[..body.len() - 1];
            seeds.put("client", &format!("cut-{at}-{:?}", request.opcode()), cut);
        }
        request.encode(at as i32 + 1, &mut all);
    }
    seeds.put("client", "all", &all);
}

/// A step of the service target: the frame, without its length, on that connection.
fn step(script: &mut Vec<u8>, on: u8, frame: &[u8]) {
    script.push(on);
    script.put_u16(frame.len() as u16);
    script.extend_from_slice(frame);
}

fn service(seeds: &Seeds) {
    const HAPPENS: u8 = 3;
    let connect = |request: &ConnectRequest| {
        let mut frame = BytesMut::new();
        request.encode(&mut frame);
        frame.split_off(4)
    };
    let hello = connect(&new_session());
    // Session ids count up from this, by the clock that the target sets.
    let first = (1 << 56 | (1_795_246_975_000_u64 << 24) >> 8) as i64;
    let again = connect(&ConnectRequest {
        session: first,
        password: Some(session_password(first).to_vec()),
        ..new_session()
    });
    let mut all = Vec::new();
    let mut two = Vec::new();
    step(&mut all, 0, &hello);
    step(&mut two, 0, &hello);
    step(&mut two, 1, &hello);
    for (at, request) in requests().iter().enumerate() {
        let mut frame = BytesMut::new();
        request.encode(at as i32 + 1, &mut frame);
        let frame = &frame[4..];
        let mut one = Vec::new();
        step(&mut one, 0, &hello);
        for before in &requests()[..1] {
            let mut frame = BytesMut::new();
            before.encode(99, &mut frame);
            step(&mut one, 0, &frame[4..]);
        }
        step(&mut one, 0, frame);
        seeds.put("service", &format!("{at}-{:?}", request.opcode()), &one);
        // Some are carried out at once, others wait for each other.
        step(&mut all, if at % 3 == 0 { 0 } else { 4 }, frame);
        step(&mut two, (at % 2) as u8 | 4, frame);
    }
    seeds.put("service", "all", &all);
    seeds.put("service", "two", &two);
    // A session that moves from one connection to another, and ends by its time.
    let mut moves = Vec::new();
    step(&mut moves, 0, &hello);
    let mut frame = BytesMut::new();
    requests()[1].encode(1, &mut frame);
    step(&mut moves, 0, &frame[4..]);
    step(&mut moves, 1, &again);
    step(&mut moves, 0, &frame[4..]);
    moves.extend([4, 4, 4, 5, 6, 7, 1, 5, 2].map(|what| what << 2 | HAPPENS));
    seeds.put("service", "moves", &moves);
}

fn learner(seeds: &Seeds) {
    let vectors = vectors("wire", "quorum");
    for (at, packet) in list(&vectors["packets"]).iter().enumerate() {
        let name = format!("apache-{at}-{}", text(&packet["type"]));
        seeds.put("learner", &name, &unhex(&packet["hex"]));
    }
    for transcript in list(&vectors["transcripts"]) {
        let packets = list(&transcript["packets"])
            .iter()
            .filter_map(|packet| packet["hex"].as_str());
        let bytes: Vec<u8> = packets.flat_map(|hex| unhex(&hex.into())).collect();
        seeds.put(
            "learner",
            &format!("apache-{}", text(&transcript["name"])),
            &bytes,
        );
    }
    for (at, entry) in entries().iter().enumerate() {
        let zxid = entry.header.zxid;
        let mut data = BytesMut::new();
        encode_entry(entry, &mut data);
        let data = data.freeze();
        for kind in [
            quorate_wire::quorum::PacketType::Proposal,
            quorate_wire::quorum::PacketType::Inform,
        ] {
            let mut packet = BytesMut::new();
            QuorumPacket::new(kind, zxid, Some(data.clone())).encode(&mut packet);
            seeds.put("learner", &format!("{kind:?}-{at}"), &packet);
        }
    }
}

fn election(seeds: &Seeds) {
    for (at, message) in list(&vectors("wire", "election")["messages"]).iter().enumerate() {
        let name = format!("apache-{at}-{}", text(&message["kind"]));
        seeds.put("election", &name, &unhex(&message["hex"]));
    }
}

/// A transaction of every type.
fn entries() -> Vec<TxnEntry> {
    let created = |path: &str| Create {
        path: path.into(),
        data: Some(b"data".to_vec()),
        acl: open_acl(),
        parent_cversion: Some(1),
    };
    let txns = vec![
        Txn::CreateSession { timeout_ms: 10_000 },
        Txn::Create {
            create: created("/a"),
            ephemeral: false,
            with_stat: false,
        },
        Txn::Create {
            create: created("/e"),
            ephemeral: true,
            with_stat: true,
        },
        Txn::Create {
            create: Create {
                parent_cversion: None,
                ..created("/old")
            },
            ephemeral: false,
            with_stat: false,
        },
        Txn::CreateContainer(created("/c")),
        Txn::CreateTtl {
            create: created("/t"),
            ttl_ms: 1000,
        },
        Txn::SetData {
            path: "/a".into(),
            data: None,
            version: 1,
        },
        Txn::SetAcl {
            path: "/a".into(),
            acl: open_acl(),
            version: 1,
        },
        Txn::Multi(vec![
            Txn::Create {
                create: created("/m"),
                ephemeral: false,
                with_stat: false,
            },
            Txn::Check {
                path: "/m".into(),
                version: 1,
            },
            Txn::Delete { path: "/m".into() },
        ]),
        Txn::Multi(vec![
            Txn::Error { code: 0 },
            Txn::Error { code: -101 },
            Txn::Error { code: -2 },
        ]),
        Txn::Reconfig {
            path: "/zookeeper/config".into(),
            data: Some(b"server.1=a:1:2\nversion=1".to_vec()),
            version: -1,
        },
        Txn::Error { code: -110 },
        Txn::DeleteContainer { path: "/c".into() },
        Txn::Delete { path: "/old".into() },
        Txn::CloseSession {
            paths: Some(vec!["/e".into()]),
        },
        Txn::CloseSession { paths: None },
    ];
    let numbered = (1 << 32 | 1..).zip(txns);
    let entry = |(zxid, txn): (u64, Txn)| {
        let header = TxnHeader {
            session: 0x77,
            cxid: 3,
            zxid,
            time_ms: 1_795_246_975_000,
        };
        TxnEntry {
            header,
            txn,
            digest: None,
        }
    };
    numbered.map(entry).collect()
}

fn record(entry: &[u8]) -> Vec<u8> {
    let mut record = adler32(entry).to_be_bytes().to_vec();
    record.extend((entry.len() as u32).to_be_bytes());
    record.extend(entry);
    record.push(b'B');
    record
}

fn log(seeds: &Seeds) {
    let header = *b"ZKLG\0\0\0\x02\0\0\0\0\0\0\0\0";
    let vectors = vectors("store", "storage");
    let mut apache = header.to_vec();
    for each in list(&vectors["log_records"]) {
        if text(&each["file"]) == text(&vectors["log_files"][0]["file"]) {
            apache.extend(unhex(&each["hex"]));
        }
    }
    seeds.put("log", "apache", &apache);
    apache.extend([0; 700]);
    seeds.put("log", "apache-with-zeros", &apache);
    seeds.put("log", "apache-torn", &apache[..apache.len() - 740]);
    // Every type, and each by itself.
    let encoded: Vec<Vec<u8>> = entries()
        .iter()
        .map(|entry| {
            let mut bytes = Vec::new();
            encode_entry(entry, &mut bytes);
            bytes
        })
        .collect();
    let mut all = header.to_vec();
    for (at, entry) in encoded.iter().enumerate() {
        seeds.put(
            "log",
            &format!("one-{at}"),
            &[&header, &record(entry)[..]].concat(),
        );
        all.extend(record(entry));
    }
    seeds.put("log", "all", &all);
    // Behind a record that is sound one of each that is none, by one check alone.
    let sound = [&header, &record(&encoded[0])[..]].concat();
    let behind = |name: &str, record: &[u8]| seeds.put("log", name, &[&sound, record].concat());
    behind("no-header", &record(&encoded[1][..31]));
    behind("no-zxid", &record(&encoded[1][..19]));
    let changed = |at: usize, bytes: &[u8]| {
        let mut record = record(&encoded[1]);
        record[at..at + bytes.len()].copy_from_slice(bytes);
        record
    };
    let last = record(&encoded[1]).len() - 1;
    behind("wrong-sum", &changed(7, &[0xff]));
    behind("wrong-end", &changed(last, b"C"));
    behind("negative-length", &changed(8, &[0xff; 4]));
    behind("too-long", &changed(8, &[0x7f, 0xff, 0xff, 0xff]));
    behind("no-length", &changed(8, &[0; 4]));
    behind("cut", &changed(0, &[])[..last]);
    // An epoch after another, a hole, one twice.
    let of = |zxids: &[u64]| {
        let mut file = header.to_vec();
        for zxid in zxids {
            let mut entry = encoded[11].clone();
            entry[12..20].copy_from_slice(&zxid.to_be_bytes());
            file.extend(record(&entry));
        }
        file
    };
    seeds.put("log", "epochs", &of(&[1 << 32 | 1, 1 << 32 | 2, 2 << 32 | 1]));
    seeds.put("log", "hole", &of(&[1 << 32 | 1, 1 << 32 | 3]));
    seeds.put("log", "twice", &of(&[1 << 32 | 1, 1 << 32 | 2, 1 << 32 | 1]));
    seeds.put("log", "nothing", &header);
    // As ours writes it: filled ahead, a note of what was synced behind.
    let directory = Directory::new();
    let mut options = StoreOptions::new(Layout::new(directory.path(), None), Some(ServerId::new(1)));
    options.log.spare = false;
    options.log.short_file_bytes = 4096;
    let (mut store, _) = Store::open(options).expect("it is new");
    let batch: Vec<_> = entries()
        .iter()
        .zip(&encoded)
        .map(|(entry, bytes)| LogEntry {
            zxid: Zxid::from_bits(entry.header.zxid),
            bytes: bytes.clone().into(),
        })
        .collect();
    store.log.append(&batch).expect("they follow");
    store.log.sync().expect("they are synced");
    let ours = fs::read(directory.file("log.100000001")).expect("it is written");
    seeds.put("log", "ours", &ours);
    let mut flipped = ours.clone();
    flipped[100] ^= 4;
    seeds.put("log", "ours-flipped", &flipped);
    let mut torn = ours;
    torn[400..3000].fill(0);
    seeds.put("log", "ours-torn", &torn);
}

fn sealed(mut file: Vec<u8>) -> Vec<u8> {
    let sum = adler32(&file);
    file.extend(sum.to_be_bytes());
    file.extend(b"\0\0\0\x01/");
    file
}

fn snapshot(seeds: &Seeds) {
    let apache = unhex(&vectors("store", "storage")["snapshot"]["hex"]);
    seeds.put("snapshot", "apache", &apache);
    let file = |tree: &Tree| {
        let mut file = b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
        SnapshotBody::new(tree).for_each(|piece| file.extend(piece));
        sealed(file)
    };
    let with_trailer = |tree: &Tree| {
        let mut bytes = file(tree);
        bytes.extend(tree.last_zxid().to_be_bytes());
        bytes.extend(2_u32.to_be_bytes());
        bytes.extend(tree.digest().to_be_bytes());
        bytes = sealed(bytes);
        bytes.extend(tree.last_zxid().to_be_bytes());
        sealed(bytes)
    };
    let mut tree = Tree::new();
    for entry in &entries()[..11] {
        tree.apply(entry, &mut WatchTable::new());
    }
    seeds.put("snapshot", "ours", &with_trailer(&tree));
    seeds.put("snapshot", "of-3.5", &file(&tree));
    let mut loader = TreeLoader::new();
    let stat = |owner| StatPersisted::new(1, 7, owner);
    loader.session(0x77, 30_000);
    loader.acl(1, open_acl()).expect("a list");
    loader
        .acl(
            2,
            vec![Acl {
                perms: 1,
                scheme: "digest".into(),
                id: "a:b".into(),
            }],
        )
        .expect("a list");
    let nodes: [(&str, i64, Owner); 8] = [
        ("", -1, Owner::Nobody),
        ("/zookeeper", -1, Owner::Nobody),
        ("/zookeeper/config", 1, Owner::Nobody),
        ("/zookeeper/quota", 1, Owner::Nobody),
        ("/e", 2, Owner::Session(0x77)),
        ("/c", 1, Owner::Container),
        ("/c/t", 1, Owner::Ttl(1000)),
        ("/c/x", 9, Owner::Nobody),
    ];
    for (path, acl, owner) in nodes {
        loader
            .node(path, Some(path.as_bytes()), acl, stat(owner))
            .expect("a znode");
    }
    let tree = loader.finish(1 << 32 | 7, None).expect("a tree");
    seeds.put("snapshot", "owners", &with_trailer(&tree));
    seeds.put("snapshot", "empty", &with_trailer(&Tree::new()));
}

fn config(seeds: &Seeds) {
    let three = "server.1=zk1:2888:3888;2181\nserver.2=zk2:2888:3888\nserver.3=[::1]:2888:3888:observer\n";
    let texts = [
        ("sample", "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=@\nclientPort=2181\n".to_owned()),
        ("three", format!("dataDir=@\ninitLimit=10\nsyncLimit=5\n{three}")),
        (
            "groups",
            format!("dataDir=@\ninitLimit=10\nsyncLimit=5\n{}group.1=1:2\ngroup.2=3\nweight.1=3\nweight.3=0\n",
                three.replace(":observer", "")),
        ),
        (
            "limits",
            "dataDir=@\nclientPort=2181\nmaxClientCnxns=0\nmaxCnxns=10\nminSessionTimeout=1\nmaxSessionTimeout=90000\n\
             jute.maxbuffer=4096\nglobalOutstandingLimit=1\nunreadMaxBytes=1\nsnapCount=2\n4lw.commands.whitelist=*\n\
             autopurge.snapRetainCount=1\nautopurge.purgeInterval=24\nclientPortListenBacklog=5\ncnxTimeout=1\n"
                .to_owned(),
        ),
        (
            "tls",
            "dataDir=@\nsecureClientPort=2281\nssl.keyStore.location=/k.pem\nssl.keyStore.password=x\n\
             ssl.trustStore.location=/t.p12\nssl.clientAuth=want\nssl.protocol=TLSv1.2\nssl.ciphersuites=A,B\n\
             client.portUnification=true\nclientPort=2181\nssl.hostnameVerification=false\n"
                .to_owned(),
        ),
        (
            "syntax",
            "# c\n! c\n dataDir : @\nclientPort\t2181\ntick\\\n  Time = 2000\nx\\u0041=\\t\\n\\\\ \\q\nunknown\n\
             dataDir=@\nzookeeper.snapCount=5\n"
                .to_owned(),
        ),
        (
            "refused",
            "dataDir=@\nclientPort=99999\nreconfigEnabled=true\nsslQuorum=true\nelectionAlg=1\nserver.x=1\n\
             server.1=a:1:1\nserver.2=a:b:c:d:e\npeerType=observer\nforceSync=no\nskipACL=yes\naudit.enable=maybe\n"
                .to_owned(),
        ),
        (
            "monitoring",
            "dataDir=@\nclientPort=0\nadmin.serverPort=8080\nadmin.enableServer=true\nadmin.serverAddress=::1\n\
             metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n\
             metricsProvider.httpPort=7000\naudit.enable=true\naudit.file=/a\ntraceDir=/t\ntraceMaxBytes=1\n"
                .to_owned(),
        ),
    ];
    for (name, text) in texts {
        seeds.put("config", name, text.as_bytes());
    }
}
