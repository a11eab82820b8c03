//! Floor 4: which model works where. Pure: what is asked goes in, what is to be done comes out.

pub mod phase;
