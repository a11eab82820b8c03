//! Floor 5: configuration, in layers with an origin per value.
