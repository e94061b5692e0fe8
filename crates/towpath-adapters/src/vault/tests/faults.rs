//! A Vault that misbehaves: which answers are tried again, which are not, and what nobody is ever shown.

use std::time::Instant;

use towpath_testkit::vault::Fault;

use super::*;

const VALUE: &str = "hunter2-hunter2";

fn data() -> KvData {
    KvData::from([("A".to_owned(), KvValue::Text(SecretText::new(VALUE)))])
}

#[tokio::test]
async fn answers_that_say_to_come_later_are_tried_again() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let client = bed.client();
    for status in [412, 429, 500, 502, 504] {
        double.fault("/data/", &Fault::status(status, "later"), 3);
        assert_eq!(client.kv_read(&bed.kv, "a", None).await.unwrap(), KvRead::Absent, "{status}");
        double.fault("/data/", &Fault::status(status, "later"), 4);
        let error = client.kv_read(&bed.kv, "a", None).await.unwrap_err();
        assert!(error.is_away() && error.to_string().contains(&format!("{status} each time: later")), "{error}");
    }
}

#[tokio::test]
async fn retry_after_is_kept_if_it_is_short_and_told_if_it_is_long() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let client = bed.client();
    let after = |seconds| Fault::Status { status: 429, retry_after: Some(seconds), error: "quota".to_owned() };
    double.fault("/data/", &after(1), 1);
    let start = Instant::now();
    client.kv_read(&bed.kv, "a", None).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
    double.fault("/data/", &after(3600), 1);
    let error = client.kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(error.is_away() && error.to_string().contains("come again in 3600 s"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(20), "nobody waits an hour");
}

#[tokio::test]
async fn a_sealed_vault_is_said_to_be_sealed_at_once() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    double.seal();
    let before = double.seen().len();
    let error = bed.client().kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(matches!(error, VaultError::Sealed { .. }) && error.is_away(), "{error}");
    assert_eq!(double.seen().len(), before + 1);
    double.unseal();
    bed.client().kv_read(&bed.kv, "a", None).await.unwrap();
}

#[tokio::test]
async fn standbys_of_each_kind_are_told_apart() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    for (status, what) in [(472, "disaster-recovery"), (473, "performance standby"), (501, "not been initialised")] {
        double.fault("/data/", &Fault::status(status, ""), 1);
        let error = bed.client().kv_read(&bed.kv, "a", None).await.unwrap_err();
        assert!(error.is_away() && error.to_string().contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_standby_that_sends_to_the_active_one_is_followed_but_never_into_the_clear() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let path = format!("{}/v1/{}/data/a", double.address(), bed.kv);
    double.fault("/data/", &Fault::Redirect(path.clone()), 1);
    assert_eq!(bed.client().kv_read(&bed.kv, "a", None).await.unwrap(), KvRead::Absent);
    let plain = VaultDouble::start();
    double.fault("/data/", &Fault::Redirect(format!("{}/v1/secret/data/a", plain.address())), 1);
    let error = bed.client().kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(matches!(error, VaultError::Standby { .. }), "{error}");
    assert!(plain.seen().is_empty(), "the token went nowhere");
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_and_a_write_is_still_made_once() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let client = bed.client();
    double.fault("/data/", &Fault::Cut, 2);
    assert_eq!(client.kv_write(&bed.kv, "a", &data(), 0).await.unwrap(), KvWritten::Version(1));
    // The write arrives, its answer does not: doing it again cannot make a second version.
    double.fault("/data/", &Fault::CutAfter, 1);
    assert_eq!(client.kv_write(&bed.kv, "a", &data(), 1).await.unwrap(), KvWritten::Raced);
    assert_eq!(client.kv_metadata(&bed.kv, "a").await.unwrap().unwrap().current, 2);
}

#[tokio::test]
async fn a_slow_answer_ends_at_the_timeout() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let mut settings = bed.settings();
    settings.timeout = Duration::from_millis(300);
    let client = VaultClient::new(settings).unwrap();
    double.fault("/data/", &Fault::Slow(Duration::from_secs(5)), 1);
    let start = Instant::now();
    let error = client.kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(error.is_away() && start.elapsed() < Duration::from_secs(4), "{error}");
}

#[tokio::test]
async fn answers_that_are_none_are_said_to_be_and_not_shown() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let client = bed.client();
    let made_up = format!("{{\"data\": {{\"data\": {{\"A\": \"{VALUE}\"}}, \"metadata\": 7}}}}");
    for body in [b"<html>".to_vec(), vec![0xff; 10], Vec::new(), b"{}".to_vec(), b"[]".to_vec(), made_up.into_bytes()] {
        double.fault("/data/", &Fault::Garbage(body), 1);
        let error = client.kv_read(&bed.kv, "a", None).await.unwrap_err();
        assert!(matches!(error, VaultError::Malformed { .. }) && !error.chain().contains("hunter2"), "{error}");
    }
    double.fault("/data/", &Fault::Huge(20 << 20), 1);
    let error = client.kv_read(&bed.kv, "a", None).await.unwrap_err();
    assert!(error.to_string().contains("larger"), "{error}");
}

#[tokio::test]
async fn what_was_sent_is_not_shown_even_where_vault_repeats_it() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let client = bed.client();
    let token = double.root_token();
    let said = format!("1 error occurred:\n\t* cannot keep {VALUE} for {token}\u{1b}[31m");
    for status in [400, 500] {
        double.fault("/data/", &Fault::status(status, &said), 4);
        let error = client.kv_write(&bed.kv, "a", &data(), 0).await.unwrap_err();
        let shown = format!("{} {error:?}", error.chain());
        assert!(!shown.contains(VALUE) && !shown.contains(&token) && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("cannot keep … for …"), "{shown}");
        while client.kv_metadata(&bed.kv, "x").await.is_err() {}
    }
    assert!(!format!("{client:?} {:?}", bed.settings()).contains(&token));
    assert!(!format!("{:?}", data()).contains(VALUE));
}

#[tokio::test]
async fn a_value_that_is_a_word_of_vaults_does_not_confuse_anybody() {
    let bed = Bed::new().await;
    let client = bed.client();
    for word in ["current version", "match", "sealed", "no handler for route"] {
        let data = KvData::from([("A".to_owned(), KvValue::Text(SecretText::new(word)))]);
        let before = client.kv_metadata(&bed.kv, "a").await.unwrap().map_or(0, |known| known.current);
        client.kv_write(&bed.kv, "a", &data, before).await.unwrap();
        assert_eq!(client.kv_write(&bed.kv, "a", &data, before).await.unwrap(), KvWritten::Raced);
    }
    let Some(double) = bed.double() else { return };
    double.seal();
    let data = KvData::from([("A".to_owned(), KvValue::Text(SecretText::new("sealed")))]);
    let error = client.kv_write(&bed.kv, "a", &data, 4).await.unwrap_err();
    assert!(matches!(error, VaultError::Sealed { .. }), "{error}");
}

#[tokio::test]
async fn a_value_of_several_lines_is_not_shown_however_it_is_quoted() {
    let bed = Bed::new().await;
    let Some(double) = bed.double() else { return };
    let value = "-----BEGIN KEY-----\nMIIBhunter2\n-----END KEY-----";
    let data = KvData::from([
        ("A".to_owned(), KvValue::Text(SecretText::new(value))),
        ("B".to_owned(), KvValue::Text(SecretText::new("hunt"))),
    ]);
    double.fault("/data/", &Fault::status(400, &format!("cannot take {value:?}")), 1);
    let error = bed.client().kv_write(&bed.kv, "a", &data, 0).await.unwrap_err().to_string();
    assert!(error.contains("cannot take") && !error.contains("MIIB") && !error.contains("er2"), "{error}");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address_and_without_the_path() {
    let gone = VaultDouble::start();
    let bed = Bed::new().await;
    let mut settings = bed.settings();
    settings.address = gone.address();
    drop(gone);
    let error = VaultClient::new(settings).unwrap().kv_read("secret", "a", None).await.unwrap_err();
    assert!(error.is_away() && error.to_string().contains("127.0.0.1"), "{}", error.chain());
    assert!(!error.chain().contains("secret/data"), "{}", error.chain());
}
