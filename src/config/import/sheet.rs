//! What is gathered while a file is read: settings, what is left out, keys; and the names that the file gives its
//! providers, in moai's words.

use serde_json::Value as Json;

use crate::base::secret;
use crate::config::Routing;
use crate::config::keys;
use crate::config::moai_toml::join;

use super::{FoundKey, Left, Wish};

/// One reading of one file.
pub(super) struct Sheet<'a> {
    /// What is configured already.
    pub(super) routing: &'a Routing,
    /// Whether moai runs in a container.
    pub(super) container: bool,
    pub(super) wishes: Vec<Wish>,
    pub(super) left: Vec<Left>,
    pub(super) notes: Vec<String>,
    pub(super) keys: Vec<FoundKey>,
    /// The file's names of providers, and moai's.
    called: Vec<(String, String)>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(routing: &'a Routing, container: bool) -> Self {
        Self {
            routing,
            container,
            wishes: Vec::new(),
            left: Vec::new(),
            notes: Vec::new(),
            keys: Vec::new(),
            called: Vec::new(),
        }
    }

    /// The setting of these parts is to be `text`; where its shape does not take that, the place is left out.
    pub(super) fn set(&mut self, parts: &[&str], text: &str, from: &str) {
        self.put(parts, &[text.to_owned()], false, from);
    }

    /// The same with several values.
    pub(super) fn list(&mut self, parts: &[&str], items: &[String], from: &str) {
        self.put(parts, items, true, from);
    }

    /// Whether the setting of these parts has a value.
    pub(super) fn has(&self, parts: &[&str]) -> bool {
        self.wishes.iter().any(|wish| wish.name.parts() == parts)
    }

    fn put(&mut self, parts: &[&str], items: &[String], list: bool, from: &str) {
        let full = parts.iter().fold(String::new(), |prefix, part| join(&prefix, part));
        // A quote or an empty part would make another name out of it; a key has no business in a setting.
        let clean = parts.iter().all(|part| !part.is_empty() && !part.contains(['"', '\\']) && is_printable(part));
        let name = keys::find(&full).filter(|name| clean && name.parts() == parts);
        let Some(name) = name else { return self.leave(from, "has a name that moai's configuration cannot hold") };
        if parts.iter().copied().chain(items.iter().map(String::as_str)).any(secret::is_key_shaped) {
            return self.leave(from, "looks like a key, which does not belong in a configuration file");
        }
        let value = match items {
            [text] if !list => name.key.check(text),
            items => name.key.check_items(items),
        };
        match value {
            Ok(value) => {
                self.wishes.retain(|wish| wish.name != name);
                self.wishes.push(Wish { name, value, from: from.to_owned() });
            }
            Err(problem) => self.leave(from, &problem),
        }
    }

    /// A place that is not carried over.
    pub(super) fn leave(&mut self, path: &str, why: &str) {
        self.left.push(Left { path: secret::hide_keys(path), why: why.to_owned() });
    }

    /// What was understood otherwise than it stands there.
    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(secret::hide_keys(note));
    }

    /// The file's `name` is moai's `own`.
    pub(super) fn call(&mut self, name: &str, own: &str) {
        self.called.push((name.to_owned(), own.to_owned()));
    }

    /// What moai calls the provider that the file calls `name`.
    pub(super) fn provider(&self, name: &str) -> Option<String> {
        let known = self.called.iter().find(|(file, _)| file.eq_ignore_ascii_case(name)).map(|(_, own)| own.clone());
        known.or_else(|| {
            let own = super::provider::own_name(name, "");
            self.routing.providers.iter().any(|provider| provider.name == own).then_some(own)
        })
    }

    /// A model as the file names it (`provider/id` or, with claude-code-router, `provider,id`) in moai's words; `None`
    /// is told where it is left out.
    pub(super) fn model(&mut self, word: &Json, path: &str) -> Option<String> {
        let Some(word) = word.as_str().map(str::trim).filter(|word| !word.is_empty()) else {
            self.leave(path, "names no model");
            return None;
        };
        let known = |word: &str| self.routing.models.iter().any(|model| model.answers_to(word));
        let at = word.find([',', '/']);
        let Some((provider, id)) = at.and_then(|at| Some((word.get(..at)?.trim(), word.get(at + 1..)?.trim()))) else {
            if known(word) {
                return Some(word.to_owned());
            }
            self.leave(path, "names a model without its provider, and moai knows none of that name");
            return None;
        };
        match self.provider(provider) {
            Some(own) => Some(format!("{own}/{id}")),
            None if known(word) => Some(word.to_owned()),
            None => {
                let why = "names a model of a provider that neither this file nor moai's configuration describes: add \
                           `[providers.NAME]` with its base_url, and import again";
                self.leave(path, why);
                None
            }
        }
    }

    /// The models of a list; those that moai cannot have are told.
    pub(super) fn models(&mut self, words: &Json, path: &str) -> Vec<String> {
        let items = words.as_array().map_or_else(|| std::slice::from_ref(words), Vec::as_slice);
        let mut models = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let place = if words.is_array() { format!("{path}[{index}]") } else { path.to_owned() };
            models.extend(self.model(item, &place).filter(|model| !models.contains(model)));
        }
        models
    }

    /// moai's name for a model that needs one: the one that it has, else a new one that nobody has.
    pub(super) fn named(&self, provider: &str, id: &str) -> String {
        let is = |model: &&crate::route::Model| model.provider == provider && model.id.eq_ignore_ascii_case(id);
        if let Some(model) = self.routing.models.iter().find(|model| is(model) && !model.name.contains('/')) {
            return model.name.clone();
        }
        let short = id.rsplit('/').next().unwrap_or(id);
        let field = ["models", short, "id"].iter().fold(String::new(), |prefix, part| join(&prefix, part));
        let taken = match self.wishes.iter().find(|wish| wish.name.as_str() == field) {
            Some(wish) => wish.value.to_string() != id,
            None => self.routing.models.iter().any(|model| model.answers_to(short)),
        };
        if taken { format!("{provider}-{short}") } else { short.to_owned() }
    }
}

fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
