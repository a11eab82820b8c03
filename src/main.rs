//! The process: take the world in, run, leave with the documented exit code. Everything else is in the libraries.

use std::process::ExitCode;

fn main() -> ExitCode {
    match moai::World::from_process() {
        Ok(world) => moai_doors::run(&world),
        Err(failure) => moai_doors::report(&failure),
    }
}
