//! The settings of patterns, gathered by the name that stands in the star's place.

use std::time::Duration;

use crate::config::error::ConfigError;
use crate::config::keys::{Name, Value};
use crate::config::layers::{Origin, Setting, wrong};
use crate::route::memory;

/// Everything that is said of one provider, model, agent or task.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    /// What stands behind the name, and the setting.
    fields: Vec<(Vec<&'a str>, &'a Setting)>,
}

/// The groups below `top`, in the order in which their names first come.
pub(super) fn groups<'a>(settings: &'a [Setting], top: &str) -> Vec<Group<'a>> {
    let mut found: Vec<Group<'a>> = Vec::new();
    let below = |setting: &&Setting| setting.name.as_str().strip_prefix(top).is_some_and(|rest| rest.starts_with('.'));
    for setting in settings.iter().filter(below) {
        let parts = Name::parts(&setting.name);
        let [_, name, rest @ ..] = parts.as_slice() else { continue };
        let field = (rest.to_vec(), setting);
        match found.iter_mut().find(|group| group.name == *name) {
            Some(group) => group.fields.push(field),
            None => found.push(Group { name, fields: vec![field] }),
        }
    }
    found
}

impl<'a> Group<'a> {
    /// The setting of a field; `timeouts.total` for one in a group of its own.
    pub(super) fn setting(&self, field: &str) -> Option<&'a Setting> {
        let fits = |parts: &[&str]| field.split('.').eq(parts.iter().copied());
        self.fields.iter().find(|(parts, _)| fits(parts)).map(|(_, setting)| *setting)
    }

    /// What stands below a group of fields (`headers`), with the names.
    pub(super) fn below(&self, field: &str) -> impl Iterator<Item = (&'a str, &'a Setting)> {
        self.fields.iter().filter_map(move |(parts, setting)| match parts.as_slice() {
            [first, name] if *first == field => Some((*name, *setting)),
            _ => None,
        })
    }

    /// The groups within a group of fields (`deployments`), by the name that each has there.
    pub(super) fn within(&self, field: &str) -> Vec<Group<'a>> {
        let mut found: Vec<Group<'a>> = Vec::new();
        for (parts, setting) in &self.fields {
            let [first, name, rest @ ..] = parts.as_slice() else { continue };
            if *first != field || rest.is_empty() {
                continue;
            }
            let field = (rest.to_vec(), *setting);
            match found.iter_mut().find(|group| group.name == *name) {
                Some(group) => group.fields.push(field),
                None => found.push(Group { name, fields: vec![field] }),
            }
        }
        found
    }

    /// Every field's setting.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&[&'a str], &'a Setting)> {
        self.fields.iter().map(|(parts, setting)| (parts.as_slice(), *setting))
    }

    fn value(&self, field: &str) -> Option<&'a Value> {
        self.setting(field).and_then(|setting| setting.value.as_ref())
    }

    pub(super) fn text(&self, field: &str) -> Option<&'a str> {
        match self.value(field)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self, field: &str) -> Vec<String> {
        match self.value(field) {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn number(&self, field: &str) -> Option<u64> {
        match self.value(field)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A number of GiB, in bytes.
    pub(super) fn bytes(&self, field: &str) -> Option<u64> {
        self.value(field).and_then(bytes)
    }

    pub(super) fn switch(&self, field: &str) -> Option<bool> {
        match self.value(field)? {
            Value::Switch(on) => Some(*on),
            _ => None,
        }
    }

    pub(super) fn duration(&self, field: &str) -> Option<Duration> {
        self.value(field).and_then(duration)
    }

    /// Whether somebody else than moai itself says anything of it, or of these fields of it.
    pub(super) fn is_touched(&self) -> bool {
        self.fields.iter().any(|(_, setting)| setting.origin != Origin::Default)
    }

    /// That a field is missing, at the place where the group is first spoken of.
    pub(super) fn missing(&self, top: &str, field: &str, example: &str) -> ConfigError {
        let origin = self.fields.first().map_or(Origin::Default, |(_, setting)| setting.origin.clone());
        let name = [top, self.name, field].iter().fold(String::new(), |prefix, part| super::join(&prefix, part));
        wrong(&name, origin, format!("is missing; write `{field} = \"{example}\"`"))
    }
}

/// A number of GiB in bytes.
pub(super) fn bytes(value: &Value) -> Option<u64> {
    match value {
        Value::Decimal(text) => memory::gib(text),
        _ => None,
    }
}

/// A number of seconds as a time.
pub(in crate::config) fn duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Decimal(text) => text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        _ => None,
    }
}
