//! `usher`: the server, and everything about it, from a terminal.

mod args;
mod client;
mod commands;
mod demo;
mod edge;
mod failure;
mod output;
mod process;
mod refs;
mod rights;
mod serve;
mod venues;

use std::process::ExitCode;

use args::{Args, Command};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::read();
    // One TLS implementation for all who need one; there can only be an error if it was set before.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("usher: no threads to work with: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match args.command {
            Command::Serve(serve) => serve::serve(serve, args.output).await,
            Command::Edge(edge) => edge::edge(edge, args.output).await,
            Command::DemoDevices(devices) => demo::devices::run(devices).await,
            command => commands::run(command, &args.server, args.output).await,
        }
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("usher: {failure:#}");
            ExitCode::from(failure::exit_code(&failure))
        }
    }
}
