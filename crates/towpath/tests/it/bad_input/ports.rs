//! Ports that are taken: of the API, and of a service beside services whose ports are free.

use std::net::TcpListener;

use super::says;
use crate::project::{Project, until};

#[test]
fn a_taken_port_of_a_service_is_named_and_the_other_environments_work() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut project = Project::small();
    project.write("environments/staging.yaml", &format!("services: {{web: {{listen: \"{address}\"}}}}\n"));
    project.up();
    project.release("1.0");
    project.arrives("development", 1);
    project.ok("promote r1 staging");
    until("the server says which port is taken", || {
        let log = project.server_log();
        (log.contains(&address.to_string()) && log.contains("in use")).then_some(())
    });
    // Development serves as if nothing was wrong.
    let page = answer(&project, "development");
    assert!(page.contains("board 1"), "{page}");
    let status = project.ok("status");
    says(&status, &[&address.to_string()]);
    // The rollout is over, so nothing else makes the proxy look again: it has to ask for the address by itself.
    project.arrives("staging", 1);
    drop(taken);
    until("the service is reached where it should be", || {
        let status = project.json("status staging");
        (status["addresses"][0]["url"].as_str() == Some(&format!("http://{address}"))).then_some(())
    });
    assert!(answer(&project, "staging").contains("board 1"));
}

fn answer(project: &Project, environment: &str) -> String {
    super::talking::ask(project.address(environment), "GET / HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n")
}
