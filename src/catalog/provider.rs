//! The providers: where they listen and which environment variables hold their keys.

use crate::model::ProviderId;

/// What is known of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The provider.
    pub id: ProviderId,
    /// Its name, as it writes it.
    pub name: &'static str,
    /// Where its API listens by default: the Anthropic Messages endpoint where it has one.
    pub base_url: &'static str,
    /// The environment variables that may hold its key, the strongest first.
    pub key_vars: &'static [&'static str],
    /// The entry of `~/.moai/credentials.yaml` that holds its key.
    pub credential: &'static str,
    /// Where a person gets a key.
    pub key_page: &'static str,
}

/// In the order of [`ProviderId::ALL`]. GLM's variables: moai-adk 1.14.5 and its Go successors.
const PROVIDERS: [Provider; 5] = [
    Provider {
        id: ProviderId::Glm,
        name: "GLM (Z.AI)",
        base_url: "https://api.z.ai/api/anthropic",
        key_vars: &["GLM_API_KEY", "GLM_API_TOKEN", "MOAI_GLM_API_KEY", "ZAI_API_KEY"],
        credential: "glm_api_key",
        key_page: "https://z.ai/manage-apikey/apikey-list",
    },
    Provider {
        id: ProviderId::Anthropic,
        name: "Anthropic",
        base_url: "https://api.anthropic.com",
        key_vars: &["ANTHROPIC_API_KEY"],
        credential: "anthropic_api_key",
        key_page: "https://platform.claude.com/settings/keys",
    },
    Provider {
        id: ProviderId::OpenAi,
        name: "OpenAI",
        base_url: "https://api.openai.com/v1",
        key_vars: &["OPENAI_API_KEY"],
        credential: "openai_api_key",
        key_page: "https://platform.openai.com/api-keys",
    },
    Provider {
        id: ProviderId::Gemini,
        name: "Google Gemini",
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        key_vars: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        credential: "gemini_api_key",
        key_page: "https://aistudio.google.com/apikey",
    },
    Provider {
        id: ProviderId::Cohere,
        name: "Cohere",
        base_url: "https://api.cohere.com/compatibility/v1",
        key_vars: &["COHERE_API_KEY", "CO_API_KEY"],
        credential: "cohere_api_key",
        key_page: "https://dashboard.cohere.com/api-keys",
    },
];

/// What is known of this provider.
pub const fn provider(id: ProviderId) -> &'static Provider {
    let [glm, anthropic, openai, gemini, cohere] = &PROVIDERS;
    match id {
        ProviderId::Glm => glm,
        ProviderId::Anthropic => anthropic,
        ProviderId::OpenAi => openai,
        ProviderId::Gemini => gemini,
        ProviderId::Cohere => cohere,
    }
}

/// Whether a host name belongs to GLM's vendor: `z.ai` and `bigmodel.cn` with everything below them (docs.z.ai and
/// docs.bigmodel.cn, 2026-11).
pub fn is_glm_host(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    ["z.ai", "bigmodel.cn"].iter().any(|domain| host == *domain || host.ends_with(&format!(".{domain}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_is_found_under_its_own_id() {
        for id in ProviderId::ALL {
            assert_eq!(provider(id).id, id);
            assert!(provider(id).credential.starts_with(id.as_str()));
        }
    }

    #[test]
    fn hosts_that_only_look_like_glms_are_not() {
        for host in ["api.z.ai", "z.ai", "open.bigmodel.cn", "API.Z.AI."] {
            assert!(is_glm_host(host), "{host}");
        }
        for host in ["notz.ai", "z.ai.example.com", "bigmodel.cn.evil.org", ""] {
            assert!(!is_glm_host(host), "{host}");
        }
    }
}
