//! Floor 5: the vendors' APIs over HTTP.
