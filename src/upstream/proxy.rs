//! The proxies of the environment. The HTTP client passes by what it does not understand without a word; a person whose
//! traffic has to go through a proxy wants to know instead.

use reqwest::Url;

use super::error::UpstreamError;

/// The variables that the HTTP client reads.
const VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Fails where a variable names a proxy that would be passed by. `value` gives a variable's text.
pub fn check_proxies<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<(), UpstreamError> {
    for variable in VARIABLES {
        let Some(text) = value(variable).map(str::trim).filter(|text| !text.is_empty()) else { continue };
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = whole.parse::<Url>().ok().filter(Url::has_host);
        let why = match url.as_ref().map(Url::scheme) {
            None => "is no address such as http://proxy.example:3128",
            Some("http" | "https") => continue,
            Some(_) => "names a proxy that is spoken to in another way than HTTP, which moai cannot",
        };
        return Err(UpstreamError::Proxy { variable, why });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_would_be_passed_by_is_an_error_without_its_password() {
        let check = |text: &str| check_proxies(|variable| (variable == "HTTPS_PROXY").then_some(text));
        for good in
            ["http://proxy:3128", "https://me:secret@proxy.example", "proxy.example:3128", "10.0.0.1:80", "", " "]
        {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["http://", "http://me:secret@:80", "http://proxy:port", "socks5://me:secret@proxy:1080", "a b"] {
            let error = check(bad).unwrap_err();
            assert!(error.to_string().starts_with("HTTPS_PROXY "), "{error}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
