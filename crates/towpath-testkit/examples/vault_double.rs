//! The double of Vault as a program, to try things against: prints how to reach it and runs until its input ends.
//!
//! `cargo run -p towpath-testkit --example vault_double`, or with `--tls FILE` for HTTPS with its authority in that file.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::io::Read as _;

use towpath_testkit::vault::VaultDouble;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let double = match arguments.as_slice() {
        [flag, file] if flag == "--tls" => {
            let double = VaultDouble::start_tls();
            std::fs::write(file, double.ca_pem())?;
            println!("export VAULT_CACERT={file}");
            double
        }
        _ => VaultDouble::start(),
    };
    println!("export VAULT_ADDR={}", double.address());
    println!("export VAULT_TOKEN={}", double.root_token());
    println!("# unseal key: {}", double.unseal_key());
    std::io::stdin().read_to_end(&mut Vec::new()).map(|_| ())
}
