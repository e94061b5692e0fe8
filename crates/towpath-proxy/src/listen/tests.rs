//! Tests of `listen`.

use super::*;

#[test]
fn all_sockets_share_one_free_port() {
    let (actual, all) = open(([127, 0, 0, 1], 0).into(), 3).unwrap();
    assert_eq!(all.len(), 3);
    assert!(ports::GIVEN.contains(&actual.port()), "none that an outgoing connection may be given");
    assert!(all.iter().all(|listener| listener.local_addr().unwrap() == actual));
}

#[test]
fn a_port_that_another_proxy_shares_is_busy_too() {
    let (actual, _all) = open(([127, 0, 0, 1], 0).into(), 2).unwrap();
    assert_eq!(open(actual, 2).unwrap_err().kind(), io::ErrorKind::AddrInUse);
}
