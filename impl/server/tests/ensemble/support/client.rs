//! A client of few words: it creates, reads and syncs, one request at a time.

use bytes::{Bytes, BytesMut};
use quorate_tree::Acl;
use quorate_wire::client::reply::ReplyHeader;
use quorate_wire::client::{ConnectRequest, ConnectResponse, CreateRequest, Request};
use quorate_wire::jute::Reader;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SESSION_TIMEOUT_MS: i32 = 10_000;
const NO_NODE: i32 = -101;

pub(crate) struct Client {
    stream: TcpStream,
    xid: i32,
}

impl Client {
    /// A session at this server; `None` if it gives none now.
    pub(crate) async fn connect(address: SocketAddr) -> Option<Self> {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: 0,
            timeout_ms: SESSION_TIMEOUT_MS,
            session: 0,
            password: Some(vec![0; 16]),
            read_only: Some(false),
        };
        let mut frame = BytesMut::new();
        request.encode(&mut frame);
        stream.write_all(&frame).await.ok()?;
        let mut client = Self { stream, xid: 0 };
        let response = ConnectResponse::decode(&client.frame().await?).expect("a ConnectResponse");
        (response.session != 0).then_some(client)
    }

    async fn frame(&mut self) -> Option<Bytes> {
        let length = self.stream.read_u32().await.ok()?;
        let mut frame = vec![0; length as usize];
        self.stream.read_exact(&mut frame).await.ok()?;
        Some(frame.into())
    }

    async fn ask(&mut self, request: Request) -> (i32, Bytes) {
        self.xid += 1;
        let mut frame = BytesMut::new();
        request.encode(self.xid, &mut frame);
        self.stream
            .write_all(&frame)
            .await
            .expect("the connection stands");
        let reply = self.frame().await.expect("the connection stands");
        let header = ReplyHeader::decode(&mut Reader::new(&reply)).expect("a header");
        assert_eq!(header.xid, self.xid);
        (header.err, reply.slice(ReplyHeader::BYTES..))
    }

    pub(crate) async fn create(&mut self, path: &str, data: &[u8]) {
        let acl = vec![Acl {
            perms: 31,
            scheme: "world".to_owned(),
            id: "anyone".to_owned(),
        }];
        let (path, data) = (path.to_owned(), Some(data.to_owned()));
        let (error, _) = self
            .ask(Request::Create(CreateRequest {
                path,
                data,
                acl,
                flags: 0,
            }))
            .await;
        assert_eq!(error, 0);
    }

    /// The data; `None` if there is no such znode.
    pub(crate) async fn get(&mut self, path: &str) -> Option<Vec<u8>> {
        let (error, body) = self
            .ask(Request::GetData {
                path: path.to_owned(),
                watch: false,
            })
            .await;
        if error == NO_NODE {
            return None;
        }
        assert_eq!(error, 0);
        let data = Reader::new(&body).buffer("data").expect("data");
        data.map(<[u8]>::to_vec)
    }

    pub(crate) async fn sync(&mut self, path: &str) {
        let (error, _) = self
            .ask(Request::Sync {
                path: Some(path.to_owned()),
            })
            .await;
        assert_eq!(error, 0);
    }
}
