//! The deployments of a provider: what one does not say of itself is as with the provider.

use crate::base::world::World;
use crate::catalog;
use crate::config::error::ConfigError;
use crate::route::balance::Balance;
use crate::route::{Deployment, Engine, KeyNeed, Provider};

use super::group::Group;
use super::provider::{auth, base, headers, is_foreign, is_local, key, require_own_key, trusted_hosts, untrusted};

/// The deployments of a provider's settings, in the order in which they are first spoken of.
pub(super) fn read(group: &Group<'_>, provider: &Provider) -> Result<Vec<Deployment>, ConfigError> {
    let all = group.within("deployments");
    for own in &all {
        require_trusted(group, own, &all)?;
    }
    all.iter().map(|own| deployment(group, own, provider)).collect()
}

fn deployment(group: &Group<'_>, own: &Group<'_>, provider: &Provider) -> Result<Deployment, ConfigError> {
    let wire = provider.wire;
    let says_key = own.setting("key_env").or_else(|| own.setting("key")).is_some();
    let key = if says_key { key(own, wire) } else { provider.key.clone() };
    // The provider's own key may go to each of its deployments.
    if key != provider.key {
        require_own_key(own)?;
    }
    let mut all_headers = headers(own)?;
    for (name, value) in &provider.headers {
        if !all_headers.iter().any(|(said, _): &(String, String)| said.eq_ignore_ascii_case(name)) {
            all_headers.push((name.clone(), value.clone()));
        }
    }
    let number = |field: &str, default| own.number(field).map_or(default, |n| u32::try_from(n).unwrap_or(u32::MAX));
    Ok(Deployment {
        name: own.name.to_owned(),
        weight: number("weight", 1),
        priority: number("priority", 0),
        at: Provider {
            name: format!("{}/{}", provider.name, own.name),
            base_url: own.text("base_url").map_or(&*provider.base_url, |url| base(url, wire)).to_owned(),
            auth: auth(group, wire, &key),
            key,
            headers: all_headers,
            ..provider.clone()
        },
    })
}

/// What holds for a provider's own address holds for each of its deployments'. A host that the person names for one
/// of them is good for all.
fn require_trusted(group: &Group<'_>, own: &Group<'_>, all: &[Group<'_>]) -> Result<(), ConfigError> {
    let Some(setting) = own.setting("base_url").filter(|setting| is_foreign(setting)) else { return Ok(()) };
    let host = super::host(own.text("base_url").unwrap_or_default());
    let glm = group.name == "zai" && catalog::is_glm_host(host);
    let said = std::iter::once(group).chain(all).filter_map(|group| group.setting("base_url"));
    if is_local(host) || glm || said.flat_map(trusted_hosts).any(|known| known == host) {
        return Ok(());
    }
    Err(untrusted(setting, host))
}

/// What is worth a word about them.
pub(super) fn concerns(world: &World, group: &Group<'_>, provider: &Provider) -> Vec<String> {
    let name = &provider.name;
    let mut concerns = Vec::new();
    if let [only] = provider.deployments.as_slice() {
        concerns.push(format!(
            "`providers.{name}.deployments.{}` is the only deployment: the provider's own address and key are not asked \
             beside it (name them as another deployment)",
            only.name
        ));
    }
    let groups = group.within("deployments");
    for (field, balance) in [("weight", Balance::Weighted), ("priority", Balance::Priority)] {
        let set = groups.iter().find_map(|own| own.setting(field));
        if let Some(setting) = set.filter(|_| provider.balance != balance) {
            concerns.push(format!(
                "{}: `{}` does nothing without `providers.{name}.balance = \"{balance}\"`",
                setting.origin.describe(world),
                setting.name
            ));
        }
    }
    if provider.engine != Engine::Http {
        return concerns;
    }
    for (own, deployment) in groups.iter().zip(&provider.deployments) {
        let host = super::host(&deployment.at.base_url);
        let plain = deployment.at.base_url.starts_with("http://") && !is_local(host);
        if let Some(setting) = own.setting("base_url").filter(|_| plain && deployment.at.key != KeyNeed::None) {
            let origin = setting.origin.describe(world);
            concerns
                .push(format!("the key of `{}` goes to {host} unencrypted: {origin} says http://", deployment.at.name));
        }
    }
    concerns
}
