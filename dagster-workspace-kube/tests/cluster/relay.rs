//! Stands between a client and the API server, on 127.0.0.1, and loses or replaces answers as planned.
//!
//! Towards the client it speaks plain HTTP/1.1, as much of it as `kube` needs: to know when a request is complete and to
//! say something else instead of the answer, it has to read both.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use dagster_workspace_kube::cluster;
use kube::client::Body;
use kube::{Client, Config};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// What happens to one request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The connection ends before the server gets it.
    LoseRequest,
    /// The server gets it, and the connection ends before the client gets the answer.
    LoseAnswer,
    /// The client gets this answer, head and body, and the server nothing.
    Answer(&'static str),
    /// The server gets it, and the client this answer.
    Replace(&'static str),
    /// The server gets it, and the client no answer on a connection that stays open.
    Stall,
    /// It waits here, and the server gets it only when [`Relay::release`] says so.
    Hold,
}

/// A running relay. Ends when it is dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    plan: Arc<Plan>,
    task: JoinHandle<()>,
}

struct Plan {
    client: Client,
    faults: Mutex<VecDeque<(&'static str, Fault)>>,
    requests: AtomicU32,
    held: Notify,
    released: Notify,
}

impl Relay {
    /// The next of `faults` meets the next request with its method; all others pass.
    pub(crate) async fn start(client: &Client, faults: impl IntoIterator<Item = (&'static str, Fault)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, faults) = (client.clone(), Mutex::new(faults.into_iter().collect()));
        let (requests, held, released) = <_>::default();
        let plan = Arc::new(Plan { client, faults, requests, held, released });
        let accepted = Arc::clone(&plan);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(relay(stream, Arc::clone(&accepted)));
            }
        });
        Self { address, plan, task }
    }

    /// Its address as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until a request is [held](Fault::Hold).
    pub(crate) async fn held(&self) {
        self.plan.held.notified().await;
    }

    /// Lets the request go on that is held.
    pub(crate) fn release(&self) {
        self.plan.released.notify_one();
    }

    /// How to reach the API server through it.
    pub(crate) fn config(&self) -> Config {
        cluster::bounded(Config::new(self.url().parse().unwrap()))
    }

    /// How many requests came in.
    pub(crate) fn requests(&self) -> u32 {
        self.plan.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection of a client, until it or a fault ends it.
async fn relay(stream: TcpStream, plan: Arc<Plan>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let request = read(&mut stream).await?;
        plan.requests.fetch_add(1, Ordering::Relaxed);
        let fault = {
            let mut faults = plan.faults.lock().unwrap();
            let planned = faults.front().is_some_and(|(method, _)| request.method() == *method);
            if planned { faults.pop_front().map(|(_, fault)| fault) } else { None }
        };
        let answer = match fault {
            Some(Fault::LoseRequest) => return None,
            Some(Fault::Answer(answer)) => with_length(answer),
            Some(Fault::LoseAnswer) => {
                forward(&plan.client, request).await;
                return None;
            }
            Some(Fault::Replace(answer)) => {
                forward(&plan.client, request).await;
                with_length(answer)
            }
            Some(Fault::Stall) => {
                forward(&plan.client, request).await;
                std::future::pending().await
            }
            Some(Fault::Hold) => {
                plan.held.notify_one();
                plan.released.notified().await;
                forward(&plan.client, request).await
            }
            None => forward(&plan.client, request).await,
        };
        stream.write_all(&answer).await.ok()?;
    }
}

/// A whole request; `None` when the client has ended the connection.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<http::Request<Vec<u8>>> {
    let mut first = String::new();
    stream.read_line(&mut first).await.ok()?;
    let mut words = first.split_whitespace();
    let mut request = http::Request::builder().method(words.next()?).uri(words.next()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "content-type" => request = request.header(name, value),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(request.body(body).unwrap())
}

/// A written answer with the header that says how long it is.
fn with_length(answer: &str) -> Vec<u8> {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The API server's answer as it goes over the wire.
async fn forward(client: &Client, request: http::Request<Vec<u8>>) -> Vec<u8> {
    let (head, body) = client.send(request.map(Body::from)).await.unwrap().into_parts();
    let body = body.collect_bytes().await.unwrap();
    let mut answer = format!("HTTP/1.1 {}\r\ncontent-length: {}\r\n", head.status.as_u16(), body.len());
    for name in ["content-type", "retry-after"] {
        if let Some(value) = head.headers.get(name) {
            answer += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
    }
    let mut answer = (answer + "\r\n").into_bytes();
    answer.extend_from_slice(&body);
    answer
}
