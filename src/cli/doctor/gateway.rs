//! moai's own gateway: whether one runs, who can be asked, and a configuration that it refused.

use crate::cli::serve::models_line;
use crate::cli::serve::state::{self, Presence};

use super::Patient;
use super::finding::Finding;

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    let world = patient.world;
    let state = match state::look(world) {
        Ok(Presence::Running(state)) => state,
        // Nobody needs one.
        Ok(Presence::None | Presence::Starting) => return,
        Ok(Presence::Stale(state)) => {
            let what = format!("the gateway at {} was killed", state.url);
            return findings.push(Finding::info("gateway", what).todo("start it again: `moai serve --detach`"));
        }
        Err(failure) => return findings.push(Finding::failure("gateway", &failure)),
    };
    let models = models_line(&state.models, state.model.as_deref());
    let what = format!("the gateway runs at {}: {models}", state.url);
    findings.push(if state.models.is_empty() && state.model.is_none() {
        Finding::warn("gateway", what).todo("save a key: `moai glm KEY`; it is seen at once")
    } else {
        Finding::ok("gateway", what)
    });
    if state.moai != env!("CARGO_PKG_VERSION") {
        let what = format!("the gateway is moai {}, and this is {}", state.moai, env!("CARGO_PKG_VERSION"));
        findings.push(Finding::info("gateway-version", what).todo("`moai serve stop`, and start it again"));
    }
    if let Some(why) = state.last_reload.and_then(|reload| reload.refused) {
        let what = format!("the gateway still runs on its old configuration: {why}");
        findings.push(Finding::warn("gateway-config", what).todo("mend it; a change is seen at once"));
    }
}
