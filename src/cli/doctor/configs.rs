//! llm.yaml, config.toml and glm.json: whether they parse, agree, and find what they name.

use crate::base::failure::Failure;
use crate::base::secret::Secret;
use crate::config::GLM_JSON;
use crate::config::{Config, GlmTemplate, Layer, Origin, Routing, Setting};
use crate::settings::{Committable, committable_file};

use super::Patient;
use super::finding::Finding;

pub(super) fn examine(patient: &Patient<'_>, broken: Option<Failure>, findings: &mut Vec<Finding>) {
    if let Some(failure) = broken {
        findings.push(Finding::failure("config", &failure));
    }
    let Some(config) = &patient.config else { return };
    let setting = config.explain("llm.mode").map(|setting| setting.origin.describe(patient.world));
    findings.push(Finding::ok("config", format!("mode {}", config.mode())).at(setting.unwrap_or_default()));
    for warning in config.warnings() {
        findings.push(Finding::warn("config-name", warning.clone()).todo("`moai config list` shows every setting"));
    }
    findings.extend(config.settings().iter().filter_map(|setting| conflict(setting, patient)));
    if let Some(template) = config.template() {
        findings.extend(variables(template, patient));
        findings.extend(written_key(template, patient));
    }
    findings.extend(plain_http(config));
    routing(config, patient, findings);
}

/// glm.json counts more than llm.yaml; where both speak and differ, the person may believe the wrong one.
fn conflict(setting: &Setting, patient: &Patient<'_>) -> Option<Finding> {
    let in_layer = |origin: &Origin, wanted: Layer| matches!(origin, Origin::File { layer, .. } if *layer == wanted);
    if !in_layer(&setting.origin, Layer::GlmJson) {
        return None;
    }
    let value = setting.value.as_ref()?;
    let (hidden, origin) = setting.hidden.iter().find(|(_, origin)| in_layer(origin, Layer::LlmYaml))?;
    (hidden != value).then(|| {
        Finding::warn(
            "glm-json-conflict",
            format!("{} is {value} in glm.json and {hidden} in llm.yaml; glm.json counts", setting.name),
        )
        .at(origin.describe(patient.world))
        .todo(format!("make them agree: `moai config set {} {value}`", setting.name))
    })
}

/// Whether what is said of providers, models, agents and tasks fits together.
fn routing(config: &Config, patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    match Routing::load(patient.world, &patient.project, config) {
        Ok(routing) => {
            let warnings = routing.warnings.iter();
            findings.extend(warnings.map(|warning| {
                Finding::warn("routing", warning.clone()).todo("`moai config list` shows where it stands")
            }));
        }
        Err(error) => findings.push(Finding::failure("routing", &error.into())),
    }
}

/// A `${NAME}` that nothing sets. The key's own variables are the keys' business.
fn variables(template: &GlmTemplate, patient: &Patient<'_>) -> Option<Finding> {
    let known = |name: &str| {
        let is_key = crate::catalog::provider(crate::model::ProviderId::Glm).key_vars.contains(&name)
            || patient.env_var.as_deref() == Some(name);
        if is_key { Some(Secret::new("")) } else { patient.world.env.text(name).map(Secret::new) }
    };
    let error = template.expand(known).err()?;
    Some(Finding::failure("glm-json-variable", &error.into()))
}

/// glm.json is meant to be committed; a key written out in it would be, too.
fn written_key(template: &GlmTemplate, patient: &Patient<'_>) -> Option<Finding> {
    let name = template.names().find(|name| {
        (name.ends_with("_TOKEN") || name.ends_with("_KEY")) && !template.is_empty(name) && template.is_literal(name)
    })?;
    let place = patient.world.tilde(&template.path);
    let todo = "write `${GLM_API_KEY}` in its place, and store the key: `moai glm --stdin`";
    let root = template.path.ancestors().nth(GLM_JSON.split('/').count()).unwrap_or(&patient.project.root);
    Some(match committable_file(patient.world, root, GLM_JSON) {
        Ok(Committable::Tracked) => {
            Finding::error("glm-json-key", format!("{name} is written out in a file that is committed"))
                .at(place)
                .todo(format!("{todo}; then make a new key on the vendor's site, this one is in the history"))
        }
        _ => Finding::warn("glm-json-key", format!("{name} is written out in a file that is meant to be committed"))
            .at(place)
            .todo(todo),
    })
}

/// A key over plain http, except to this machine.
fn plain_http(config: &Config) -> Option<Finding> {
    let url = &config.glm().base_url;
    let host = crate::settings::host(url).unwrap_or_default();
    let loopback = host == "localhost" || host.starts_with("127.") || host == "::1";
    (url.starts_with("http://") && !loopback).then(|| {
        Finding::warn("plain-http", format!("{url} is not encrypted: the key can be read on the way"))
            .todo("use https: `moai config set llm.glm.base_url https://…`")
    })
}
