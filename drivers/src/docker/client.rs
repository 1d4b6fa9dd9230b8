//! One Docker endpoint: its address, a client made when first needed, bounds and errors.

use std::{
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bollard::errors::Error as Failure;
use http::uri::Authority;

use crate::{caller::Caller, error::Error};

/// The library's own limit, so long that ours always end a call first. Seconds.
const LIBRARY_LIMIT_S: u64 = 3600;
/// When to come back to an engine that says it is overloaded.
const OVERLOADED: Duration = Duration::from_secs(2);

/// A Docker endpoint. Nothing is opened before the first call.
pub struct Client {
    address: String,
    made: Mutex<Option<bollard::Docker>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.address).finish()
    }
}

/// How a call failed: with an answer that the caller may know better how to read, or otherwise.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The engine's answer: HTTP status and words.
    Answer(u16, String),
    /// Anything else.
    Error(Error),
}

impl Client {
    /// A client for `unix:///path`, `tcp://host:port` or `http://host:port`. Errors are about the address only.
    pub fn new(address: &str) -> Result<Self, Error> {
        let path = address.strip_prefix("unix://").map(|path| path.starts_with('/'));
        let host = authority(address).map(|host| host.parse::<Authority>().is_ok_and(|host| host.port_u16().is_some()));
        if path.or(host).unwrap_or(false) {
            return Ok(Self { address: address.to_owned(), made: Mutex::new(None) });
        }
        Err(Error::Refused(format!("{address:?} is no address of a Docker Engine; unix:///path and tcp://host:port are")))
    }

    /// Its address, as given.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The host that the address names; an engine behind a socket file is on this machine.
    pub(crate) fn host(&self) -> String {
        let host = authority(&self.address).and_then(|host| host.parse::<Authority>().ok());
        host.map_or_else(|| "127.0.0.1".to_owned(), |host| host.host().trim_matches(['[', ']']).to_owned())
    }

    /// The library's client. What it sends carries whoever is the [`Caller`] now, also when it is sent later.
    pub(crate) fn docker(&self) -> Result<bollard::Docker, Error> {
        let docker = self.open()?;
        let Some(caller) = Caller::current() else { return Ok(docker) };
        let headers = caller.headers();
        Ok(docker.with_request_modifier(move |mut request| {
            request.headers_mut().extend(headers.clone());
            request
        }))
    }

    fn open(&self) -> Result<bollard::Docker, Error> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(docker) = made.as_ref() {
            return Ok(docker.clone());
        }
        let opened = if self.address.starts_with("unix://") {
            bollard::Docker::connect_with_unix(&self.address, LIBRARY_LIMIT_S, bollard::API_DEFAULT_VERSION)
        } else {
            bollard::Docker::connect_with_http(&self.address, LIBRARY_LIMIT_S, bollard::API_DEFAULT_VERSION)
        };
        let docker = opened.map_err(|failure| Error::from(Fault::from(failure)))?;
        *made = Some(docker.clone());
        Ok(docker)
    }
}

/// Ends `call` after `limit`; `what` is for the words of the error.
pub(crate) async fn within<T>(limit: Duration, what: &str, call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(limit, call).await {
        Ok(result) => result,
        Err(_) => Err(Error::Timeout(format!("the Docker Engine did not finish to {what} within {} s", limit.as_secs()))),
    }
}

fn authority(address: &str) -> Option<&str> {
    address.strip_prefix("tcp://").or_else(|| address.strip_prefix("http://"))
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Error(match failure {
            Failure::DockerResponseServerError { status_code, message } => return Self::Answer(status_code, message),
            Failure::SocketNotFoundError(path) => Error::Broken(format!("no Docker Engine is there: {path} does not exist")),
            Failure::HyperLegacyError { err } if err.is_connect() => {
                Error::Broken(format!("the Docker Engine cannot be reached: {}", causes(&err)))
            }
            Failure::HyperLegacyError { err } => Error::Timeout(format!("the Docker Engine broke off: {}", causes(&err))),
            Failure::HyperResponseError { err } => Error::Timeout(format!("the Docker Engine broke off: {}", causes(&err))),
            Failure::IOError { err } => Error::Timeout(format!("the Docker Engine broke off: {}", causes(&err))),
            Failure::RequestTimeoutError => Error::Timeout("the Docker Engine does not answer".to_owned()),
            Failure::DockerStreamError { error } => Error::Broken(error),
            failure => Error::Broken(format!("the Docker Engine answered what cannot be read: {}", causes(&failure))),
        })
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Error(error) => error,
            Fault::Answer(404, message) => Self::Gone(message),
            Fault::Answer(429 | 503, reason) => Self::Busy { reason, retry_after: OVERLOADED },
            Fault::Answer(409, message) => Self::State(message),
            Fault::Answer(400..=499 | 501, message) => Self::Refused(message),
            Fault::Answer(_, message) => Self::Broken(message),
        }
    }
}

/// An error with all that stands behind it, in one line.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[test]
    fn an_address_is_a_socket_file_or_a_host_with_a_port() {
        for good in ["unix:///var/run/docker.sock", "tcp://10.0.0.1:2375", "http://host:2375", "tcp://[::1]:2375"] {
            assert_eq!(Client::new(good).unwrap().address(), good);
        }
        for bad in ["", "unix://", "unix://run", "/var/run/docker.sock", "tcp://", "tcp://host", "https://host:1", "tcp://a b:1"] {
            assert_eq!(Client::new(bad).unwrap_err().class(), Class::Refused, "{bad}");
        }
        assert_eq!(Client::new("tcp://[::1]:2375").unwrap().host(), "::1");
        assert_eq!(Client::new("unix:///run/a").unwrap().host(), "127.0.0.1");
    }

    #[test]
    fn an_answer_is_classed_by_its_status() {
        let class = |status| Error::from(Fault::Answer(status, "words".to_owned())).class();
        assert_eq!(
            [400, 404, 409, 429, 500, 503].map(class),
            [Class::Refused, Class::Gone, Class::State, Class::Busy, Class::Broken, Class::Busy]
        );
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_broken_and_one_that_hangs_up_is_unknown() {
        let nobody = Client::new("unix:///nonexistent/docker.sock").unwrap();
        assert_eq!(nobody.docker().unwrap_err().class(), Class::Broken);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = Client::new(&format!("tcp://{address}")).unwrap();
        let (failure, accepted) = tokio::join!(async { client.docker().unwrap().info().await.unwrap_err() }, async {
            drop(listener.accept().await.unwrap());
        });
        let () = accepted;
        assert_eq!(Error::from(Fault::from(failure)).class(), Class::Timeout);
        drop(listener);
        let failure = client.docker().unwrap().info().await.unwrap_err();
        assert_eq!(Error::from(Fault::from(failure)).class(), Class::Broken);
    }

    /// Everything up to the empty line of one request to the listener.
    async fn head(listener: &tokio::net::TcpListener) -> String {
        use tokio::io::AsyncReadExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap().to_lowercase()
    }

    #[tokio::test]
    async fn every_call_says_who_calls_also_when_it_is_sent_later() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        let caller = Caller {
            member: model::MemberId(3),
            incarnation: 2,
            cluster: "01234567-89ab-4def-8123-456789abcdef".parse().unwrap(),
            epoch: 812,
            operation: None,
            step: "look",
        };
        let words = ["jeroboam-member: 3", "jeroboam-incarnation: 2", "jeroboam-epoch: 812", "jeroboam-step: look", "-456789abcdef"];
        let (_, sent) = tokio::join!(caller.makes(async { client.docker().unwrap().info().await }), head(&listener));
        assert!(words.iter().all(|word| sent.contains(word)) && !sent.contains("jeroboam-operation"), "{sent}");
        let step = caller.at("11234567-89ab-4def-8123-456789abcdef".parse().unwrap(), "container.start");
        let kept = step.makes(async { client.docker().unwrap() }).await;
        let (_, sent) = tokio::join!(kept.start_container("x", None), head(&listener));
        assert!(sent.contains("jeroboam-operation: 11234567-") && sent.contains("jeroboam-step: container.start"), "{sent}");
        let (_, sent) = tokio::join!(async { client.docker().unwrap().info().await }, head(&listener));
        assert!(!sent.contains("jeroboam-"), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_never_ends_is_ended() {
        let error = within(Duration::from_secs(3), "look", std::future::pending::<Result<(), Error>>()).await.unwrap_err();
        assert_eq!(error.class(), Class::Timeout);
    }
}
