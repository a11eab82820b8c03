//! Who is logged in. A login is a random id that the browser keeps in a cookie no script can read, and that stands here
//! in memory as its digest, with the digest of the key that it was begun with: where that key is taken back, nobody is
//! logged in with it any more, from the next look on. After a restart everybody logs in again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::HeaderMap;
use hyper::header::COOKIE;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};

use crate::base::random::{self, NoRandom};

use super::super::access::{Access, hex};
use super::super::api::form::asked;
use super::super::inbound::{Caller, Inbound};
use super::words::Lang;

/// For how long a login lasts.
const LASTS: SignedDuration = SignedDuration::from_hours(12);
/// The most logins at a time; the one that ends first makes room.
const MOST: usize = 64;

/// The SHA-256 of something that is not kept.
type Digest = [u8; 32];

/// One login.
#[derive(Debug)]
pub(in crate::gateway) struct Login {
    id: Digest,
    key: Digest,
    until: Timestamp,
    /// What forms of its pages carry.
    token: String,
    lang: AtomicU8,
}

/// All of them.
#[derive(Default)]
pub(in crate::gateway) struct Logins(Mutex<BTreeMap<Digest, Arc<Login>>>);

impl Logins {
    /// Begins a login with this key, in this language, and returns its id for the cookie.
    pub(super) fn begin(&self, key: &[u8], lang: Lang, now: Timestamp) -> Result<String, NoRandom> {
        let id = hex(&random::bytes::<32>()?);
        let login = Login {
            id: digested(id.as_bytes()),
            key: digested(key),
            until: now.saturating_add(LASTS).unwrap_or(now),
            token: hex(&random::bytes::<16>()?),
            lang: AtomicU8::new(lang as u8),
        };
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logins.retain(|_, login| login.until > now);
        if logins.len() >= MOST
            && let Some(first) = logins.values().min_by_key(|login| login.until).map(|login| login.id)
        {
            logins.remove(&first);
        }
        logins.insert(login.id, Arc::new(login));
        Ok(id)
    }

    /// The login whose cookie is in the headers, with what its key opens now.
    pub(in crate::gateway) fn find(
        &self,
        headers: &HeaderMap,
        port: u16,
        access: &Access,
        now: Timestamp,
    ) -> Option<(Arc<Login>, Caller)> {
        let name = name(port);
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut ids = cookies.flat_map(|value| value.split(';')).filter_map(|one| {
            let (key, id) = one.trim().split_once('=')?;
            (key == name).then_some(id)
        });
        let found = {
            let logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            ids.find_map(|id| logins.get(&digested(id.as_bytes())).cloned())
        }?;
        self.caller(&found, access, now).map(|caller| (found, caller))
    }

    /// Whose login it is, as long as it lasts; it ends here with its time or its key.
    pub(in crate::gateway) fn caller(&self, login: &Login, access: &Access, now: Timestamp) -> Option<Caller> {
        let lasts = login.until > now && self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&login.id);
        let caller = lasts.then(|| access.opens(&login.key)).flatten();
        if caller.is_none() {
            self.end(login);
        }
        caller.map(|(name, scopes)| Caller { name: Some(name), scopes })
    }

    /// Ends a login.
    pub(in crate::gateway) fn end(&self, login: &Login) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&login.id);
    }
}

impl Login {
    /// The token of its forms.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Whether a form comes from one of its pages.
    pub(super) fn made(&self, form: &str) -> bool {
        // Digests are compared, so that how long it takes tells nothing of the token.
        asked(Some(form), "token").is_some_and(|token| digested(token.as_bytes()) == digested(self.token.as_bytes()))
    }

    /// The language that was chosen.
    pub(super) fn lang(&self) -> Lang {
        if self.lang.load(Ordering::Relaxed) == Lang::Korean as u8 { Lang::Korean } else { Lang::English }
    }

    /// Chooses one.
    pub(super) fn set_lang(&self, lang: Lang) {
        self.lang.store(lang as u8, Ordering::Relaxed);
    }
}

fn digested(text: &[u8]) -> Digest {
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest(&SHA256, text).as_ref());
    bytes
}

/// Browsers keep one set of cookies for all ports of a host, so the port is in the name.
fn name(port: u16) -> String {
    format!("moai-{port}")
}

/// The cookie of a login: for this path, no script and no other site; over HTTPS for nothing else.
pub(super) fn cookie(inbound: &Inbound, id: &str, tls: bool) -> String {
    let (name, lasts) = (name(inbound.port), LASTS.as_secs());
    let secure = if tls { "; Secure" } else { "" };
    format!("{name}={id}; Path=/dashboard; HttpOnly; SameSite=Strict; Max-Age={lasts}{secure}")
}

/// The cookie that takes it away.
pub(super) fn no_cookie(inbound: &Inbound) -> String {
    format!("{}=; Path=/dashboard; HttpOnly; SameSite=Strict; Max-Age=0", name(inbound.port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::{Env, World};
    use crate::gateway::Scope;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, cookie.parse().unwrap());
        headers
    }

    #[test]
    fn a_login_ends_with_its_time_with_its_key_and_when_it_is_ended() {
        let home = tempfile::tempdir().unwrap();
        let world = World::scratch(home.path(), home.path(), Env::default());
        let access = Access::open(&world).unwrap();
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let key = access.add("reader", &[Scope::Read], now).unwrap().secret.expose().to_owned();
        let logins = Logins::default();
        let id = logins.begin(key.as_bytes(), Lang::Korean, now).unwrap();
        let other = logins.begin(key.as_bytes(), Lang::Korean, now).unwrap();
        assert_ne!(id, other);
        let find = |cookie: &str, at| logins.find(&headers(cookie), 3456, &access, at).map(|(login, _)| login);
        let mine = format!("theme=dark; moai-3456={id}");
        let login = find(&mine, now).unwrap();
        assert_eq!(login.lang(), Lang::Korean, "in the language of its form");
        assert!(!id.contains(&key) && !format!("{login:?}").contains(&key), "the key is not kept");
        assert!(find(&format!("moai-3457={id}"), now).is_none(), "another gateway's cookie");
        assert!(find("moai-3456=0", now).is_none() && find("moai-3456=", now).is_none());
        assert!(find(&mine, now + SignedDuration::from_hours(12)).is_none(), "for twelve hours");
        assert!(find(&mine, now).is_none(), "what has ended stays ended");
        let theirs = format!("moai-3456={other}");
        assert!(login.made(&format!("token={}", login.token())) && !login.made("token=") && !login.made(""));
        assert!(!find(&theirs, now).unwrap().made(&format!("token={}", login.token())), "each has a token of its own");
        access.revoke("reader").unwrap();
        assert!(find(&theirs, now).is_none(), "its key was taken back");
        access.add("reader", &[Scope::Read], now).unwrap();
        assert!(find(&theirs, now).is_none(), "another key of the same name is another key");
    }

    #[test]
    fn there_are_never_more_than_so_many() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let logins = Logins::default();
        for second in 0..200 {
            logins.begin(b"key", Lang::English, now + SignedDuration::from_secs(second)).unwrap();
        }
        assert_eq!(logins.0.lock().unwrap().len(), MOST);
    }
}
