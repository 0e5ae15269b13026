//! The listener: its own accept loop, so that slow heads, slow bodies, large bodies and floods each end at a limit, and a pause still gets through.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::problem::Problem;
use super::{Admin, AdminError, gate, routes};
use crate::config::Listen;

/// Most bytes of a request's body.
pub const BODY_LIMIT: usize = 256 * 1024;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long a request may take from its head to the head of its answer.
const WHOLE: Duration = Duration::from_secs(8);
/// How long one connection lives; event streams end sooner and are opened again.
const LIFE: Duration = Duration::from_secs(15 * 60);
/// How long open requests may take once the daemon stops.
const DRAIN: Duration = Duration::from_secs(3);
/// Most connections at a time.
const CONNECTIONS: usize = 256;
/// Connections beyond them that can ask for one thing alone: a pause.
const RESERVED: usize = 16;
/// Most bytes of a head.
const HEAD_BYTES: usize = 32 * 1024;

/// A listener that nobody is served on yet.
#[derive(Debug)]
pub struct Bound(Listener);

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener, SocketAddr),
    Unix(UnixListener, PathBuf),
}

impl Bound {
    /// The address of a TCP listener, with the port the system chose.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Listener::Tcp(_, address) => Some(*address),
            Listener::Unix(..) => None,
        }
    }

    /// How people on this machine reach it, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.0 {
            Listener::Tcp(_, address) => format!("http://{address}"),
            Listener::Unix(..) => "http://localhost".to_owned(),
        }
    }
}

/// Takes the address.
///
/// # Errors
/// [`AdminError::Listen`] when it is in use or not ours, with what to do.
pub async fn bind(listen: &Listen) -> Result<Bound, AdminError> {
    match listen {
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(|error| refused(&address.to_string(), &error))?;
            let address = listener.local_addr().map_err(|error| refused(&address.to_string(), &error))?;
            Ok(Bound(Listener::Tcp(listener, address)))
        }
        Listen::Unix(path) => unix(path).await.map_err(|error| refused(&path.display().to_string(), &error)),
    }
}

async fn unix(path: &Path) -> io::Result<Bound> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    // A socket nobody answers on is left over from a process that was killed.
    let left_over = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket()) && tokio::net::UnixStream::connect(path).await.is_err();
    if left_over {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(Bound(Listener::Unix(listener, path.to_owned())))
}

fn refused(at: &str, error: &io::Error) -> AdminError {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "another program, or another daemon, listens there: stop it, or set another [admin] listen",
        io::ErrorKind::PermissionDenied => "this user may not listen there: set a port above 1023 or a path it may write in [admin] listen",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address: set a loopback address in [admin] listen",
        _ => "set another address in [admin] listen",
    };
    AdminError::Listen { at: at.to_owned(), what: error.to_string(), advice }
}

/// Ends event streams when the daemon stops.
#[derive(Clone, Debug)]
pub(crate) struct Stopping(pub(crate) CancellationToken);

/// What every connection needs.
#[derive(Clone)]
struct Desk {
    router: Router,
    work: TaskTracker,
    stop: CancellationToken,
}

/// How much a connection may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seat {
    Ordinary,
    Reserved,
}

/// Serves until `stop`; then open requests get three seconds to end.
pub async fn serve(bound: Bound, admin: Admin, stop: CancellationToken) {
    let desk = Desk { router: routes::router(&admin), work: TaskTracker::new(), stop: stop.clone() };
    let (seats, reserve) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::new(Semaphore::new(RESERVED)));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = bound.0.accept() => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection to the admin interface could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let seat = seats.clone().try_acquire_owned().map(|permit| (Seat::Ordinary, permit));
        let Ok((seat, permit)) = seat.or_else(|_| reserve.clone().try_acquire_owned().map(|permit| (Seat::Reserved, permit))) else { continue };
        let ours = desk.clone();
        match stream {
            Stream::Tcp(stream) => desk.work.spawn(talk(stream, ours, seat, permit)),
            Stream::Unix(stream) => desk.work.spawn(talk(stream, ours, seat, permit)),
        };
    }
    desk.work.close();
    if tokio::time::timeout(DRAIN, desk.work.wait()).await.is_err() {
        tracing::warn!("some admin requests did not end within {} s and were dropped", DRAIN.as_secs());
    }
    if let Listener::Unix(_, path) = &bound.0 {
        // Gone already, or left for the next start to remove.
        let _ = std::fs::remove_file(path);
    }
}

enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

impl Listener {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(listener, _) => listener.accept().await.map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

async fn talk<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, desk: Desk, seat: Seat, _permit: OwnedSemaphorePermit) {
    let stop = desk.stop.clone();
    let service = service_fn(move |request| answer(request, desk.clone(), seat));
    let mut builder = hyper::server::conn::http1::Builder::new();
    let builder = builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).keep_alive(seat == Seat::Ordinary);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A peer that breaks off is its own affair.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(LIFE) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(DRAIN, connection).await;
}

async fn answer(request: Request<Incoming>, desk: Desk, seat: Seat) -> Result<Response<Body>, Infallible> {
    if seat == Seat::Reserved && !is_urgent(&request) {
        return Ok(closing(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "FULL", "too many connections; only a pause is taken now")));
    }
    let (parts, body) = request.into_parts();
    let whole = async {
        let body = match to_bytes(Body::new(body), BODY_LIMIT).await {
            Ok(body) => body,
            Err(_) => return closing(gate::too_large()),
        };
        let changes = parts.method == Method::POST;
        let mut request = Request::from_parts(parts, Body::from(body));
        request.extensions_mut().insert(Stopping(desk.stop.clone()));
        let work = desk.router.oneshot(request);
        // What changes state runs to its end even if its asker has left.
        let done = if changes { desk.work.spawn(work).await } else { Ok(work.await) };
        match done {
            Ok(Ok(response)) => response,
            Err(panicked) => {
                tracing::error!(error = &panicked as &dyn std::error::Error, "an admin request failed");
                closing(Problem::internal())
            }
        }
    };
    Ok(tokio::time::timeout(WHOLE, whole).await.unwrap_or_else(|_| {
        closing(Problem::new(StatusCode::REQUEST_TIMEOUT, "TIMEOUT", "this took longer than 8 s; what it changes may still be done: look before asking again"))
    }))
}

fn is_urgent(request: &Request<Incoming>) -> bool {
    request.method() == Method::POST && (request.uri().path().ends_with("/pause") || request.uri().path().ends_with("/stop"))
}

fn closing(problem: Problem) -> Response<Body> {
    let mut response = gate::dress(problem.into_response());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
