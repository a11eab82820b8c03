//! Looks after the deployments whose configuration says how (`providers.*.health`), as long as the gateway runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::route::Provider;

use super::state::Gateway;

/// How often is looked whether a check is due, and whether the configuration has changed.
const PACE: Duration = Duration::from_secs(1);

/// Checks for ever, each way at its own interval; ends when it is dropped.
pub(in crate::gateway) async fn look_after(gateway: Arc<Gateway>) {
    let mut due: BTreeMap<String, Instant> = BTreeMap::new();
    let mut under_way = JoinSet::new();
    loop {
        let snapshot = gateway.snapshot();
        let now = Instant::now();
        let mut next = BTreeMap::new();
        for way in snapshot.roster.providers().flat_map(Provider::ways) {
            let Some(health) = &way.health else { continue };
            let mut at = due.get(&way.name).copied().unwrap_or(now);
            if at <= now {
                at = now + health.every;
                let (gateway, snapshot, way) = (Arc::clone(&gateway), Arc::clone(&snapshot), way.clone());
                under_way.spawn(async move {
                    gateway.board.check(&way, &snapshot.lines, gateway.world.now()).await;
                });
            }
            next.insert(way.name.clone(), at);
        }
        due = next;
        drop(snapshot);
        while under_way.try_join_next().is_some() {}
        sleep(PACE).await;
    }
}
