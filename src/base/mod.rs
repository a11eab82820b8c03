//! Floor 0: what every other floor stands on. The world as a value, careful disk writes, secrets, failures,
//! interruption and child processes. Nothing here knows what moai is for.

pub mod checkout;
pub mod disk;
pub mod failure;
pub mod interrupt;
pub mod program;
pub mod random;
pub mod secret;
pub mod world;
mod zone;
