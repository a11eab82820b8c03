//! Floor 2: what is known of vendors without asking them: hosts, environment variables, context windows, prices.
//!
//! Typed constants, no I/O. Every fact has its source and date beside it; what a user configures always wins over
//! what stands here.

mod price;
mod price_books;
mod price_file;
mod provider;
mod window;

pub use price::{
    Block, Change, Hours, ModelPrice, PriceBook, PriceError, Rates, UnknownVariant, Variant, vendor_and_id,
};
pub use price_books::{Prices, UnknownBook};
pub use provider::{Provider, is_glm_host, provider};
pub use window::{GLM_DEFAULT_MODEL, GLM_MODELS, window};
