//! Floor 2: built-in providers, models and their windows as typed data.
