//! Has bandits learn from what happens: what they believe is made anew of the journal's rows, as long as the gateway
//! runs, and of no request's time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::route::trial::Experiment;

use super::state::Gateway;

/// How often.
const PACE: Duration = Duration::from_secs(60);

/// Keeps up for ever; ends when it is dropped.
pub(in crate::gateway) async fn keep_up(gateway: Arc<Gateway>) {
    loop {
        sleep(PACE).await;
        let snapshot = gateway.snapshot();
        let bandits: Vec<Experiment> =
            snapshot.policy.experiments.iter().filter(|experiment| experiment.is_bandit()).cloned().collect();
        drop(snapshot);
        if bandits.is_empty() {
            continue;
        }
        let now = gateway.world.now();
        // Where the books do not answer, what was believed before is believed on.
        if let Ok(Some(beliefs)) = gateway.ledger.ask(move |journal| journal.beliefs(&bandits, now)).await {
            gateway.change(|snapshot| snapshot.policy.beliefs = Arc::new(beliefs));
        }
    }
}
