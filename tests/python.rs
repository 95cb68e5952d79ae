//! The Python of the tests: the machine's, or the one that `make test` made.

use std::{
    io::{BufRead, BufReader, Lines},
    process::{Child, ChildStdout, Command, Stdio},
};

/// A Python that has these modules, which are of the package of that name on PyPI.
pub(crate) fn python(modules: &str, package: &str) -> &'static str {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test-python/bin/python3");
    for python in ["python3", own] {
        let mut known = Command::new(python);
        known.args(["-c", &format!("import {modules}")]).stderr(Stdio::null());
        if known.status().is_ok_and(|status| status.success()) {
            return python;
        }
    }
    panic!("python3 lacks {modules}, which these tests need: python3 -m pip install '{package}'");
}

/// Starts a server of `sinks/`, which ends with its standard input; gives back what it says, line by line.
pub(crate) fn start(
    python: &str,
    script: &str,
    more: impl FnOnce(&mut Command),
) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut command = Command::new(python);
    command.arg(format!("{}/sinks/{script}", env!("CARGO_MANIFEST_DIR")));
    more(&mut command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = command.spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    (process, lines)
}
