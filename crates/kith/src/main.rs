//! The binary: reads the command line, runs one command, tells what went wrong in one sentence.

use std::process::ExitCode;

use clap::Parser;
use kith::commands::{self, Command};

/// Requests are made of many small values that come and go on several threads, which the system's allocator serves dearly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Kith: a CRM backend in one binary.
#[derive(Parser)]
#[command(name = "kith", version, about = "Kith: a CRM backend in one binary.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// Statements of SQLite run on these threads (see `store`), so there are more of them than readers and cores.
const FEWEST_THREADS: usize = 3;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // It is held to little memory, of which threads would take most.
    if let Command::Extract(extract) = &arguments.command {
        return commands::extract(extract);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.max(FEWEST_THREADS))
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(arguments.command)),
        Err(error) => {
            Err(kith_kernel::unavailable("The threads could not be started.").caused_by(error))
        }
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kith: {}", error.in_one_line());
            ExitCode::FAILURE
        }
    }
}
