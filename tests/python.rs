//! The Python of the tests: the machine's, or the one that `make test` made.

use std::process::{Command, Stdio};

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
