//! Floor 4: which model works where.
