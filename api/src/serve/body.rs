//! A request's body on its way in: how slowly it may come, and whether all of it was read.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes a second that a client has to keep up over the whole body, behind what it is granted for its pauses. Below the
/// worst connections that people upload over, and above what it costs nothing to drip.
const SLOWEST: f64 = 2048.0;

/// What the body's reader is told when the client is too slow.
#[derive(Debug, thiserror::Error)]
#[error("the body comes too slowly")]
struct TooSlow;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that is given up when the client keeps us waiting too long. Time in which nobody reads is not the client's.
pub struct Arriving {
    incoming: Incoming,
    /// For each pause; and for all of them together, beside what the bytes so far may have taken.
    patience: Duration,
    received: u64,
    waited: Duration,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Becomes true when the body is let go of before its end.
    unread: Arc<AtomicBool>,
    ended: bool,
}

impl Arriving {
    pub fn new(incoming: Incoming, patience: Duration, unread: Arc<AtomicBool>) -> Self {
        let ended = incoming.is_end_stream();
        Self {
            incoming,
            patience,
            received: 0,
            waited: Duration::ZERO,
            waiting_since: None,
            alarm: None,
            unread,
            ended,
        }
    }

    /// Ready when the client has kept us waiting too long.
    fn too_slow(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let until = since + pause(self.patience, self.received, self.waited);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(until)));
        if alarm.deadline() != until {
            alarm.as_mut().reset(until);
        }
        alarm.as_mut().poll(cx)
    }
}

/// How long the next pause may be, after `received` bytes that were waited for so long.
fn pause(patience: Duration, received: u64, waited: Duration) -> Duration {
    let granted = patience.as_secs_f64() + received as f64 / SLOWEST;
    Duration::from_secs_f64((granted - waited.as_secs_f64()).clamp(0.0, patience.as_secs_f64()))
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            return this.too_slow(cx).map(|()| {
                metrics::counter!("http_connections_cut_total", "reason" => "body").increment(1);
                Some(Err(TooSlow.into()))
            });
        };
        if let Some(since) = this.waiting_since.take() {
            this.waited += since.elapsed();
        }
        match &frame {
            Some(Ok(frame)) => this.received += frame.data_ref().map_or(0, |data| data.len() as u64),
            // After an error nothing more is to come.
            Some(Err(_)) => {}
            None => this.ended = true,
        }
        this.ended |= this.incoming.is_end_stream();
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if !self.ended {
            self.unread.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_short_and_drips_are_not_endless() {
        let patience = Duration::from_secs(30);
        assert_eq!(pause(patience, 0, Duration::ZERO), patience);
        assert_eq!(pause(patience, 1 << 30, Duration::from_secs(60)), patience, "never longer than one pause");
        // A byte every 20 s: the second pause ends early, a third there is not.
        assert_eq!(pause(patience, 1, Duration::from_secs(20)).as_secs(), 10);
        assert_eq!(pause(patience, 2, Duration::from_secs(31)), Duration::ZERO);
        // Ten minutes of waiting for 4 MiB are fine.
        assert_eq!(pause(patience, 4 << 20, Duration::from_secs(600)), patience);
    }
}
