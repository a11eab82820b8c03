//! Floor 5: Claude Code's settings files: edited in place, undone to the byte, and understood in the order in which
//! Claude Code itself merges them.

mod document;
mod effective;
mod error;
mod gateway;
mod glm;
mod ignored;
mod launch;
mod ledger;
mod local;
mod reference;
mod statusline;
mod switch;

pub use document::{Document, Fault, Patch, Spot, edit, quote};
pub use effective::{Clash, Credential, Effective, Layer, Layers, Valued, backend, clashes, config_dir};
pub use error::SettingsError;
pub use gateway::{GATEWAY_REASONS, GatewaySpec, gateway_env, is_in_the_gateways_way};
pub use glm::{Form, GlmEnv, GlmSpec, REASONS, Value, Variable, glm_env, host, is_glm_model, is_glm_url, public_url};
pub use ignored::{Committable, committable, committable_file};
pub use launch::{Overlay, is_in_the_way, overlay, shield, with_variable};
pub use ledger::Ledger;
pub use local::{
    Links, Plan, SETTINGS_LOCAL, Target, UNFINISHED, forget, leave_moved, load_local, load_record, plan, switch,
};
pub use reference::reference;
pub use statusline::{Kept, StatusRecord, StatusStep, apply_status, install, load_status_record, uninstall};
