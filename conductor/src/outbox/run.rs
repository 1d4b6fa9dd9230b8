//! One scope per term of leadership: all sinks are served while it lasts, and nothing is left of it afterwards.

use std::sync::Arc;

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use crate::{
    outbox::{Sink, deliver::Delivery},
    shared::Shared,
};

/// Serves the sinks whenever this member leads, until it is stopped.
pub(crate) async fn run(shared: Arc<Shared>, sinks: Vec<Arc<dyn Sink>>, stop: CancellationToken) {
    let mut leadership = shared.handle.leadership();
    loop {
        let now = leadership.borrow_and_update().clone();
        let leads = now.leader == Some(shared.member());
        let over = async {
            while leadership.changed().await.is_ok() {
                let then = leadership.borrow_and_update();
                if then.leader != now.leader || then.term != now.term {
                    return true;
                }
            }
            false
        };
        let term = async {
            if leads && !sinks.is_empty() {
                join_all(sinks.iter().map(|sink| Delivery::new(&shared, &**sink, now.term).run())).await;
            }
            std::future::pending::<()>().await;
        };
        let again = tokio::select! {
            () = stop.cancelled() => false,
            again = over => again,
            () = term => false,
        };
        shared.metrics.sinks_idle();
        if !again {
            return;
        }
    }
}
