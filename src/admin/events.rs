//! Live events: what changed, never its content. Whoever cares reads again, through the same gate.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures::stream;
use tokio::sync::broadcast::error::RecvError;

use super::Admin;
use super::problem::Problem;
use super::server::Stopping;

/// How long one stream lasts; opening it again shows anew who asks.
const LIFE: Duration = Duration::from_secs(10 * 60);
const HEARTBEAT: Duration = Duration::from_secs(15);

/// `GET /api/v1/events`.
pub(crate) async fn stream(State(admin): State<Admin>, Extension(Stopping(stop)): Extension<Stopping>) -> Result<impl IntoResponse, Problem> {
    let full = || Problem::new(StatusCode::SERVICE_UNAVAILABLE, "STREAMS", "too many event streams; read the pages instead");
    let permit = admin.0.streams.clone().try_acquire_owned().map_err(|_| full())?;
    let (events, end) = (admin.control().events(), Box::pin(tokio::time::sleep(LIFE)));
    let hello = stream::iter([Ok::<_, Infallible>(Sent::default().event("hello").data("{}"))]);
    let rest = stream::unfold((events, end, stop, permit), |(mut events, mut end, stop, permit)| async move {
        let sent = tokio::select! {
            biased;
            () = stop.cancelled() => return None,
            () = end.as_mut() => return None,
            event = events.recv() => match event {
                Ok(event) => Sent::default().event("change").data(serde_json::to_string(&event).unwrap_or_default()),
                // Some were missed: everything may have changed.
                Err(RecvError::Lagged(_)) => Sent::default().event("lagged").data("{}"),
                Err(RecvError::Closed) => return None,
            },
        };
        Some((Ok(sent), (events, end, stop, permit)))
    });
    Ok(Sse::new(futures::StreamExt::chain(hello, rest)).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}
