//! Floor 5: where keys are kept and how one is found.
