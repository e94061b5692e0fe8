//! Tests of `environment`.

use towpath_core::{
    ids::{EnvironmentName, Revision, ServiceName},
    instance::SetId,
};

use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn expanded(argument: &str) -> Result<String, ExpandError> {
    let command = expand(&[argument.to_owned()], &variables(&[("PORT", "80"), ("A_1", "x${PORT}")]))?;
    Ok(command.into_iter().next().unwrap())
}

#[test]
fn only_plain_variables_are_replaced_and_once() {
    assert_eq!(expanded("--port=${PORT},${A_1}").unwrap(), "--port=80,x${PORT}");
    assert_eq!(expanded("$PORT ${PORT:-1} $${PORT} ${ ${}").unwrap(), "$PORT ${PORT:-1} ${PORT} ${ ${}");
    assert_eq!(expanded("${PROT}"), Err(ExpandError::UnknownVariable("PROT".to_owned())));
    assert_eq!(
        expanded("${PROT}").unwrap_err().to_string(),
        "the command uses `${PROT}`, but there is no such variable (write `$${PROT}` for the text itself)"
    );
    assert_eq!(expand(&[], &BTreeMap::new()), Err(ExpandError::NoCommand));
}

#[test]
fn what_cannot_be_an_environment_is_refused() {
    assert!(check(&variables(&[("A", "b=c\nd")])).is_ok());
    assert!(check(&variables(&[("A=B", "")])).is_err());
    assert!(check(&variables(&[("", "")])).is_err());
    assert!(check(&variables(&[("A", "\0")])).is_err());
}

#[test]
fn an_instance_knows_who_it_is_and_nothing_of_the_server() {
    let set = SetId {
        environment: EnvironmentName::new("staging").unwrap(),
        service: ServiceName::new("web").unwrap(),
        revision: Revision(7),
    };
    let resolved = Environment(variables(&[("PORT", "1"), ("LANG", "xx"), ("DB", "url")]));
    let mut environment = of_instance(&InstanceId { set, index: 2 }, 4000, &resolved);
    // The program itself, for commands that call it back.
    assert!(environment.remove("TOWPATH").is_some_and(|program| std::path::Path::new(&program).is_absolute()));
    let told = ["PATH", "HOME", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"];
    environment.retain(|name, _| !told.contains(&name.as_str()));
    let expected = [
        ("DB", "url"),
        ("HOST", "127.0.0.1"),
        ("LANG", "xx"),
        ("PORT", "4000"),
        ("TOWPATH_ENVIRONMENT", "staging"),
        ("TOWPATH_INSTANCE", "2"),
        ("TOWPATH_REVISION", "d7"),
        ("TOWPATH_SERVICE", "web"),
    ];
    assert_eq!(environment, variables(&expected));
}

#[test]
fn values_are_told_by_their_names() {
    let resolved = Environment(variables(&[("URL", "db://secret@host"), ("KEY", "secret"), ("ONE", "1")]));
    assert_eq!(mask("1: no db://secret@host, secret", &resolved), "1: no ${URL}, ${KEY}");
}

#[test]
fn no_port_is_given_twice() {
    let ports = Ports::default();
    let taken: BTreeSet<_> = (0..200).map(|_| ports.take().unwrap()).collect();
    assert_eq!(taken.len(), 200);
    assert!(taken.iter().all(|port| ports::GIVEN.contains(port)), "none that an outgoing connection may be given");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(is_taken(port));
    drop(listener);
    assert!(!is_taken(port));
}
