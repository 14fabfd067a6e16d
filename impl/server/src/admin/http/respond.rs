//! What is answered to a request? Paths and codes are Apache's.

use super::body::Body;
use super::{ANSWER_LIMIT, Plan, SnapshotPlan};
use crate::admin::commands::COMMANDS;
use crate::admin::{Answer, Asked, Command, Question};
use crate::metrics::CONTENT_TYPE;
use crate::service::prove_identity;
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE as TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use quorate_tree::Tree;
use quorate_wire::quorum::Id;
use serde_json::{Map, Value};
use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::timeout;

const METRICS_PATH: &str = "/metrics";
const DISABLED: &str = "admin.snapshot.enabled is not true: snapshots are not given over HTTP";
const NO_RESTORE: &str =
    "restoring over HTTP is not there: stop the server and put the snapshot into its data directory";

/// What goes wrong before anybody is asked, or because nobody answers.
type Failed = (StatusCode, String);

impl Plan {
    pub(super) async fn respond<B>(&self, request: &Request<B>, peer: SocketAddr) -> Response<Body> {
        let path = request.uri().path();
        if path == METRICS_PATH {
            return match self.ask(Asked::Metrics, None).await {
                Ok(Answer::Text(text)) => typed(StatusCode::OK, CONTENT_TYPE, text),
                Ok(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, "no text"),
                Err((status, what)) => plain(status, &what),
            };
        }
        let below = self.command_url.as_deref().and_then(|url| path.strip_prefix(url));
        let name = match below {
            Some("" | "/") => return typed(StatusCode::OK, "text/html;charset=utf-8", self.links()),
            Some(below) if below.starts_with('/') => &below[1..],
            Some(_) | None => return plain(StatusCode::NOT_FOUND, "there is nothing here"),
        };
        let Some(command) = Command::of(name) else {
            return command_json(StatusCode::OK, name, Err(format!("Unknown command: {name}")));
        };
        match self.run(command, request, peer).await {
            Ok(response) => response,
            Err((status, what)) => command_json(status, command.name(), Err(what)),
        }
    }

    async fn run<B>(
        &self,
        command: Command,
        request: &Request<B>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Failed> {
        let method = if command == Command::Restore {
            Method::POST
        } else {
            Method::GET
        };
        if *request.method() != method {
            let what = format!("{} is asked with {method}", command.name());
            let mut response = command_json(StatusCode::METHOD_NOT_ALLOWED, command.name(), Err(what));
            let allowed = HeaderValue::from_str(method.as_str()).expect("a method is ASCII");
            response.headers_mut().insert(ALLOW, allowed);
            return Ok(response);
        }
        let query = Query(request.uri().query().unwrap_or_default());
        let mut trace_mask = None;
        match command {
            Command::Restore => return Err((StatusCode::SERVICE_UNAVAILABLE, NO_RESTORE.into())),
            Command::Snapshot => {
                let identities = identities(request, peer)?;
                let streaming = query
                    .get("streaming")
                    .is_none_or(|value| value.eq_ignore_ascii_case("true"));
                return self.snapshot(identities, streaming).await;
            }
            Command::SetTraceMask => match query.get("traceMask") {
                None => {
                    return Err((
                        StatusCode::OK,
                        "setTraceMask requires long traceMask argument".into(),
                    ));
                }
                Some(mask) => {
                    trace_mask = Some(mask.parse().map_err(|_| {
                        let what = format!("setTraceMask requires long traceMask argument, got {mask}");
                        (StatusCode::OK, what)
                    })?);
                }
            },
            _ => {}
        }
        let asked = Asked::Command { command, trace_mask };
        match self.ask(asked, Some(command)).await? {
            Answer::Fields(fields) => Ok(command_json(StatusCode::OK, command.name(), fields)),
            _ => Err((StatusCode::INTERNAL_SERVER_ERROR, "no fields".into())),
        }
    }

    /// Asks the driver.
    async fn ask(&self, asked: Asked, command: Option<Command>) -> Result<Answer, Failed> {
        let sizes = match command {
            Some(command) => self.sizes(command).await,
            None => Default::default(),
        };
        let (answer, answered) = oneshot::channel();
        let question = Question { asked, sizes, answer };
        let asking = async {
            self.questions.send(question).await.ok()?;
            answered.await.ok()
        };
        match timeout(ANSWER_LIMIT, asking).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err((StatusCode::SERVICE_UNAVAILABLE, "the server is stopping".into())),
            Err(_) => {
                let what = format!("the server has not answered for {} s", ANSWER_LIMIT.as_secs());
                Err((StatusCode::SERVICE_UNAVAILABLE, what))
            }
        }
    }

    async fn snapshot(&self, identities: Vec<Id>, streaming: bool) -> Result<Response<Body>, Failed> {
        let tree = match self.ask(Asked::Tree { identities }, None).await? {
            Answer::Tree(tree) => tree,
            Answer::Denied => return Err((StatusCode::FORBIDDEN, "Not authorized".into())),
            _ => {
                let what = "This ZooKeeper instance is not currently serving requests";
                return Err((StatusCode::OK, what.into()));
            }
        };
        let Some(plan) = &self.snapshots else {
            return Err((StatusCode::SERVICE_UNAVAILABLE, DISABLED.into()));
        };
        if !plan.may_take() {
            let what = "a snapshot was asked for less than admin.rateLimiterIntervalInMS ago";
            return Err((StatusCode::TOO_MANY_REQUESTS, what.into()));
        }
        let (zxid, bytes, file) = plan.take(tree).await.map_err(|error| {
            tracing::error!(%error, "a snapshot that was asked for could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, error)
        })?;
        let mut response = match streaming {
            true => {
                let mut response = Response::new(Body::of_file(file));
                let headers = response.headers_mut();
                headers.insert(TYPE, HeaderValue::from_static("application/octet-stream"));
                headers.insert(CONTENT_LENGTH, bytes.into());
                response
            }
            false => command_json(StatusCode::OK, Command::Snapshot.name(), Ok(Map::new())),
        };
        let headers = response.headers_mut();
        let zxid = HeaderValue::from_str(&format!("0x{zxid:x}")).expect("a number is ASCII");
        headers.insert("last_zxid", zxid);
        headers.insert("snapshot_size", bytes.into());
        Ok(response)
    }

    fn links(&self) -> String {
        let url = self.command_url.as_deref().unwrap_or_default();
        let link =
            |(_, names): &(Command, &[&str])| format!("<a href=\"{url}/{0}\">{0}</a>\n<br/>\n", names[0]);
        COMMANDS.iter().map(link).collect()
    }
}

impl SnapshotPlan {
    /// Writes a snapshot of `tree` to the data directory, as if it were due, and opens it.
    async fn take(self: &Arc<Self>, tree: Box<Tree>) -> Result<(u64, u64, File), String> {
        let plan = self.clone();
        let taking = tokio::task::spawn_blocking(move || {
            let zxid = tree.last_zxid();
            plan.files.write(&tree).map_err(|error| error.to_string())?;
            let path = plan.dir.join(format!("snapshot.{zxid:x}"));
            let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
            let (bytes, file) = opened.map_err(|error| format!("{}: {error}", path.display()))?;
            Ok((zxid, bytes, file))
        });
        taking.await.map_err(|error| error.to_string())?
    }
}

/// Who asks: `Authorization: <scheme> <proof>`, as Apache has it.
fn identities<B>(request: &Request<B>, peer: SocketAddr) -> Result<Vec<Id>, Failed> {
    let unauthorized = |what: &str| (StatusCode::UNAUTHORIZED, what.to_owned());
    let Some(header) = request.headers().get(AUTHORIZATION) else {
        return Err(unauthorized("Auth info is missing for the command"));
    };
    let words: Vec<_> = header.to_str().unwrap_or_default().split(' ').collect();
    let (scheme, proof) = match words[..] {
        [scheme] => (scheme, ""),
        [scheme, proof] => (scheme, proof),
        _ => return Err(unauthorized("Not authenticated")),
    };
    prove_identity(scheme, proof.as_bytes(), peer.ip()).ok_or_else(|| unauthorized("Not authenticated"))
}

/// The arguments behind a path's question mark.
struct Query<'a>(&'a str);

impl Query<'_> {
    /// The first value of `key`. Nothing that a command takes needs an escape.
    fn get(&self, key: &str) -> Option<&str> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(name, _)| *name == key)
            .map(|(_, value)| value)
            .next()
    }
}

fn command_json(
    status: StatusCode,
    name: &str,
    fields: Result<Map<String, Value>, String>,
) -> Response<Body> {
    let (mut all, error) = match fields {
        Ok(fields) => (fields, Value::Null),
        Err(what) => (Map::new(), what.into()),
    };
    all.insert("command".into(), name.into());
    all.entry("error").or_insert(error);
    let text = serde_json::to_string_pretty(&all).expect("fields have names that are text");
    typed(status, "application/json", text)
}

fn plain(status: StatusCode, what: &str) -> Response<Body> {
    typed(status, "text/plain;charset=utf-8", format!("{what}\n"))
}

fn typed(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::whole(text));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(TYPE, HeaderValue::from_static(kind));
    response
}
