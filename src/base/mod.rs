//! Floor 0: what every other floor stands on. The world as a value, careful disk writes, secrets, failures,
//! interruption, child processes, who listens where, and YAML edited in place. Nothing here knows what moai is for.

pub mod checkout;
pub mod disk;
pub mod failure;
pub mod interrupt;
pub mod packed;
pub mod port;
pub mod program;
pub mod random;
pub mod secret;
pub mod sort;
pub mod world;
pub mod yaml;
mod zone;
