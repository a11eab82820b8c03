//! The process: take the world in, run, leave with the documented exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    match moai::World::from_process() {
        Ok(world) => moai::run(&world),
        Err(failure) => moai::report(&failure),
    }
}
