//! The settings that the table names one by one, looked up by name.

use std::time::Duration;

use crate::config::keys::Value;
use crate::config::layers::Setting;

use super::group::duration;

/// A view of settings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fixed<'a>(pub(super) &'a [Setting]);

impl<'a> Fixed<'a> {
    pub(super) fn setting(self, name: &str) -> Option<&'a Setting> {
        self.0.iter().find(|setting| setting.name.as_str() == name)
    }

    pub(super) fn value(self, name: &str) -> Option<&'a Value> {
        self.setting(name).and_then(|setting| setting.value.as_ref())
    }

    pub(super) fn duration(self, name: &str) -> Option<Duration> {
        self.value(name).and_then(duration)
    }

    pub(super) fn number(self, name: &str) -> Option<u64> {
        match self.value(name)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn is_on(self, name: &str) -> bool {
        self.value(name) == Some(&Value::Switch(true))
    }
}
