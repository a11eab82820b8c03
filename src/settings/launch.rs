//! One Claude Code process on GLM while the checkout's settings say something else: what to add to its command line so
//! that no settings file carries another key, model or endpoint into it. No secret is in the result: the key goes
//! through the process environment or through a helper command.

use crate::base::program::Program;
use crate::base::secret::Secret;

use super::document::{Patch, Spot, edit, quote};
use super::effective::{Layer, Layers};
use super::glm::{GlmEnv, MASK, MODEL_NAMES, SET_ASIDE, Value, Variable, is_glm_model};

/// What one launch needs beside the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// The settings for `--settings`, as JSON text without secrets.
    pub settings: String,
    /// The local files must not be loaded at all (`--setting-sources user,project`).
    pub without_local: bool,
    /// The files that would have interfered.
    pub because: Vec<(Layer, Spot)>,
}

/// Adds to `glm` what keeps weaker settings out of a switched checkout: the shell's, the user's and the project's own
/// headers, clouds, models and key helper are meant for another vendor, and Claude Code would merge them in.
pub fn shield(glm: &mut GlmEnv, layers: &Layers, helper: &str) {
    let weaker = |layer: Layer| layer < Layer::Local;
    for name in SET_ASIDE {
        if layers.variable_seen(name, weaker).is_some_and(|found| !found.value.is_empty()) {
            mask(glm, name, String::new());
        }
    }
    for name in MODEL_NAMES {
        if layers
            .variable_seen(name, weaker)
            .is_some_and(|found| !found.value.is_empty() && !is_glm_model(&found.value))
        {
            mask(glm, name, String::new());
        }
    }
    for document in [Layer::User, Layer::Project].into_iter().filter_map(|layer| layers.document(layer)) {
        // Filled by a helper of ours, `x-api-key` carries the GLM key instead of somebody else's.
        if document.raw(&Spot::top("apiKeyHelper")).is_some() && glm.helper.is_none() {
            glm.helper = Some(helper.to_owned());
        }
        // A full model id in the settings loses against the variable.
        if document.string(&Spot::top("model")).is_some_and(|model| model.starts_with("claude-")) {
            let opus = glm.plain("ANTHROPIC_DEFAULT_OPUS_MODEL").unwrap_or_default().to_owned();
            glm.variables.retain(|variable| variable.name != "ANTHROPIC_MODEL");
            mask(glm, "ANTHROPIC_MODEL", opus);
        }
    }
}

fn mask(glm: &mut GlmEnv, name: &str, value: String) {
    if !glm.variables.iter().any(|variable| variable.name == name) {
        glm.variables.push(Variable { name: name.into(), value: Value::Plain(value), why: MASK });
    }
}

/// What the settings of a checkout would do to a launch on GLM; `None`: nothing, the environment alone is enough.
/// `helper` is the command that prints the key.
pub fn overlay(layers: &Layers, glm: &GlmEnv, helper: &str) -> Option<Overlay> {
    let because: Vec<(Layer, Spot)> = layers
        .files()
        .flat_map(|(layer, _)| interferes(layers, layer, glm).into_iter().map(move |spot| (layer, spot)))
        .collect();
    if because.is_empty() {
        return None;
    }
    let without_local = because.iter().any(|(layer, _)| matches!(layer, Layer::Local | Layer::Main));
    let stays: Vec<&Spot> = because
        .iter()
        .filter(|(layer, _)| !matches!(layer, Layer::Local | Layer::Main))
        .map(|(_, spot)| spot)
        .collect();
    let mut patch: Patch = Vec::new();
    // A token or helper in a file that stays loaded beats the environment; only a helper of ours beats both.
    let token_stays =
        stays.iter().any(|spot| **spot == Spot::env("ANTHROPIC_AUTH_TOKEN") || **spot == Spot::top("apiKeyHelper"));
    if token_stays {
        patch.push((Spot::top("apiKeyHelper"), Some(quote(helper))));
        patch.push((Spot::env("ANTHROPIC_AUTH_TOKEN"), Some(quote(""))));
    }
    for variable in &glm.variables {
        if let Value::Plain(text) = &variable.value
            && variable.name != "ANTHROPIC_AUTH_TOKEN"
        {
            patch.push((Spot::env(&variable.name), Some(quote(text))));
        }
    }
    for spot in stays {
        let name = spot.inner.as_deref().unwrap_or_default();
        if SET_ASIDE.contains(&name) || MODEL_NAMES.contains(&name) {
            patch.push((spot.clone(), Some(quote(""))));
        } else if *spot == Spot::top("model") {
            patch.push((spot.clone(), Some(quote("opus"))));
        }
    }
    let settings = edit("{}", &patch).ok()?;
    Some(Overlay { settings: one_line(&settings), without_local, because })
}

/// The places of one file that would change what a launch on GLM sends or where.
fn interferes(layers: &Layers, layer: Layer, glm: &GlmEnv) -> Vec<Spot> {
    let Some(document) = layers.document(layer) else { return Vec::new() };
    let mut spots: Vec<Spot> = document
        .variables()
        .into_iter()
        .filter(|name| {
            let set = document.variable(name);
            match glm.variables.iter().find(|variable| variable.name == *name).map(|variable| &variable.value) {
                Some(Value::Plain(ours)) => set.as_ref() != Some(ours),
                Some(Value::Key(ours)) => set.as_deref() != Some(ours.expose()),
                None if MODEL_NAMES.contains(&name.as_str()) => set.is_some_and(|model| !is_glm_model(&model)),
                None => SET_ASIDE.contains(&name.as_str()) && set.is_some_and(|value| !value.is_empty()),
            }
        })
        .map(|name| Spot::env(&name))
        .collect();
    if document.raw(&Spot::top("apiKeyHelper")).is_some() {
        spots.push(Spot::top("apiKeyHelper"));
    }
    if document.string(&Spot::top("model")).is_some_and(|model| model.starts_with("claude-")) {
        spots.push(Spot::top("model"));
    }
    spots
}

/// A program with one more variable, which may be a secret. An empty value is left out: no variable says the same.
#[must_use]
pub fn with_variable(program: Program, name: &str, value: &Secret) -> Program {
    if value.expose().is_empty() { program } else { program.env(name, value.expose()) }
}

/// Whether a variable of the process environment has to go for a launch on GLM.
pub fn is_in_the_way(name: &str, value: &str) -> bool {
    matches!(name, "ANTHROPIC_API_KEY" | "ANTHROPIC_AUTH_TOKEN" | "CLAUDE_CODE_OAUTH_TOKEN")
        || SET_ASIDE.contains(&name)
        || (MODEL_NAMES.contains(&name) && !is_glm_model(value))
}

fn one_line(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text).map_or_else(|_| text.to_owned(), |value| value.to_string())
}
