//! Two roles of a real PostgreSQL server take turns; somebody connects all the time.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use towpath_adapters::rotators::Rotators;
use towpath_core::{
    secrets::{SecretText, rotation::Credential},
    units::Millis,
};
use towpath_engine::ports::{CredentialBackend as _, CredentialError, CredentialJob};
use towpath_testkit::postgres::PostgresServer;

fn job() -> CredentialJob {
    let roles = ["app_a".to_owned(), "app_b".to_owned()];
    let credential = Credential::Postgres { admin: "DB_ADMIN".to_owned(), owner: "app".to_owned(), roles };
    CredentialJob { environment: "production".parse().unwrap(), name: "DB_URL".to_owned(), credential }
}

fn rotators(server: &PostgresServer) -> Rotators {
    let admin = server.admin_url("shop");
    Rotators::new(move |name| (name == "DB_ADMIN_PRODUCTION").then(|| admin.clone()))
}

/// A server with a database whose owner has a table; the application signs in as the owner so far.
async fn shop() -> (PostgresServer, SecretText) {
    let server = PostgresServer::start();
    let mut admin = PgConnection::connect(&server.admin_url("postgres")).await.unwrap();
    admin.execute("CREATE ROLE app LOGIN PASSWORD 'first'").await.unwrap();
    admin.execute("CREATE DATABASE shop OWNER app").await.unwrap();
    let first = SecretText::new(server.url("app", "first", "shop"));
    let mut app = PgConnection::connect(first.expose()).await.unwrap();
    app.execute("CREATE TABLE orders (id int)").await.unwrap();
    (server, first)
}

/// What an application does: signs in, reads and writes.
async fn works(value: &SecretText) -> Result<(), sqlx::Error> {
    let mut app = PgConnection::connect(value.expose()).await?;
    app.execute("INSERT INTO orders VALUES (1)").await?;
    app.close().await
}

#[tokio::test]
async fn two_roles_take_turns_and_own_what_the_owner_owns() {
    let (server, mut current) = shop().await;
    let (rotators, job) = (rotators(&server), job());
    let mut users = Vec::new();
    for password in ["se/cond:1@%", "third", "fourth"] {
        let new = rotators.compose(&job, SecretText::new(password), Some(&current)).unwrap();
        rotators.create(&job, &new, Some(&current)).await.unwrap();
        works(&new).await.unwrap();
        works(&current).await.unwrap();
        let mut old_session = PgConnection::connect(current.expose()).await.unwrap();
        rotators.revoke(&job, &current, Some(&new)).await.unwrap();
        rotators.revoke(&job, &current, Some(&new)).await.unwrap();
        assert!(old_session.execute("SELECT 1").await.is_err(), "a session of the old role is still there");
        works(&current).await.unwrap_err();
        let mut app = PgConnection::connect(new.expose()).await.unwrap();
        app.execute("DROP TABLE IF EXISTS made; CREATE TABLE made (id int)").await.unwrap();
        let owner = app.fetch_one("SELECT tableowner::text FROM pg_tables WHERE tablename = 'made'").await.unwrap();
        assert_eq!(owner.get::<String, _>(0), "app");
        let user = app.fetch_one("SELECT session_user::text").await.unwrap();
        users.push(user.get::<String, _>(0));
        current = new;
    }
    assert_eq!(users, ["app_a", "app_b", "app_a"]);
}

#[tokio::test]
async fn a_password_is_neither_in_the_log_nor_among_what_runs() {
    let (server, current) = shop().await;
    let (rotators, job) = (rotators(&server), job());
    let new = rotators.compose(&job, SecretText::new("Tr4ceable5ecret"), Some(&current)).unwrap();
    rotators.create(&job, &new, Some(&current)).await.unwrap();
    rotators.revoke(&job, &current, Some(&new)).await.unwrap();
    let log = server.log();
    assert!(log.contains("CREATE ROLE \"app_a\""), "statements are not logged, so the test says nothing:\n{log}");
    assert!(!log.contains("Tr4ceable5ecret"));
}

#[tokio::test]
async fn what_must_stay_valid_is_never_altered() {
    let (server, current) = shop().await;
    let (rotators, job) = (rotators(&server), job());
    let second = rotators.compose(&job, SecretText::new("second"), Some(&current)).unwrap();
    rotators.create(&job, &second, Some(&current)).await.unwrap();
    let same_role = SecretText::new(server.url("app_a", "other", "shop"));
    let refused = rotators.create(&job, &same_role, Some(&second)).await.unwrap_err();
    assert!(matches!(refused, CredentialError::Refused { .. }), "{refused}");
    let refused = rotators.revoke(&job, &same_role, Some(&second)).await.unwrap_err();
    assert!(matches!(refused, CredentialError::Refused { .. }), "{refused}");
    let foreign = SecretText::new(server.admin_url("shop"));
    for refused in [rotators.create(&job, &second, Some(&foreign)).await, rotators.revoke(&job, &foreign, None).await] {
        assert!(matches!(refused, Err(CredentialError::Refused { .. })), "{refused:?}");
    }
    works(&second).await.unwrap();
    works(&current).await.unwrap();
}

#[tokio::test]
async fn what_does_not_work_is_told_without_the_password() {
    let (server, current) = shop().await;
    let job = job();
    let new = rotators(&server).compose(&job, SecretText::new("n3verShown"), Some(&current)).unwrap();
    let mut told = Vec::new();
    let without = Rotators::new(|_| None);
    told.push(without.create(&job, &new, Some(&current)).await.unwrap_err());
    let wrong = server.url("postgres", "n3verShown", "shop");
    told.push(Rotators::new(move |_| Some(wrong.clone())).create(&job, &new, Some(&current)).await.unwrap_err());
    told.push(Rotators::new(|_| Some("n3verShown".to_owned())).create(&job, &new, Some(&current)).await.unwrap_err());
    told.push(rotators(&server).verify(&job, &new).await.unwrap_err());
    let mut ownerless = job.clone();
    ownerless.credential = Credential::Postgres {
        admin: "DB_ADMIN".to_owned(),
        owner: "nobody_there".to_owned(),
        roles: ["app_a".to_owned(), "app_b".to_owned()],
    };
    told.push(rotators(&server).create(&ownerless, &new, None).await.unwrap_err());
    for error in &told {
        assert!(matches!(error, CredentialError::Refused { .. }), "{error}");
        assert!(!error.to_string().contains("n3verShown"), "{error}");
    }
    let away = SecretText::new("postgres://app_a:n3verShown@127.0.0.1:1/shop");
    let error = rotators(&server).verify(&job, &away).await.unwrap_err();
    assert!(matches!(error, CredentialError::Away { .. }), "{error}");
}

/// Every step is cut off at some moment, as by a kill, and done again from the start; an application signs in all the time with
/// the value it has been given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_application_never_fails_to_sign_in_while_every_step_is_cut_off_at_any_moment() {
    let (server, first) = shop().await;
    let (rotators, job) = (rotators(&server), job());
    let given = Arc::new(Mutex::new(first.clone()));
    let (stop, sign_ins) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let application = tokio::spawn({
        let (given, stop, sign_ins) = (Arc::clone(&given), Arc::clone(&stop), Arc::clone(&sign_ins));
        async move {
            while !stop.load(Ordering::Relaxed) {
                let value = given.lock().unwrap().clone();
                if let Err(error) = works(&value).await {
                    // What was taken away while it signed in was given up by it before: it is asked again with the new one.
                    assert_ne!(*given.lock().unwrap(), value, "the application cannot sign in: {error}");
                }
                sign_ins.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let mut current = first;
    let mut cut = 0;
    for round in 0..6_u64 {
        let new = rotators.compose(&job, SecretText::new(format!("password{round}")), Some(&current)).unwrap();
        for moment in [1, 3, 6, 10, 15, 25, 40] {
            let patience = Duration::from_millis(moment + round);
            cut +=
                u32::from(tokio::time::timeout(patience, rotators.create(&job, &new, Some(&current))).await.is_err());
        }
        rotators.create(&job, &new, Some(&current)).await.unwrap();
        *given.lock().unwrap() = new.clone();
        // All have it once two sign-ins are over.
        let before = sign_ins.load(Ordering::Relaxed);
        while sign_ins.load(Ordering::Relaxed) < before + 2 {
            assert!(!application.is_finished(), "the application gave up");
            tokio::task::yield_now().await;
        }
        for moment in [1, 3, 6, 10, 15] {
            let patience = Duration::from_millis(moment + round);
            cut +=
                u32::from(tokio::time::timeout(patience, rotators.revoke(&job, &current, Some(&new))).await.is_err());
        }
        rotators.revoke(&job, &current, Some(&new)).await.unwrap();
        works(&current).await.unwrap_err();
        current = new;
    }
    stop.store(true, Ordering::Relaxed);
    application.await.unwrap();
    assert!(cut > 10, "only {cut} steps were cut off: too few to say anything");
    assert!(sign_ins.load(Ordering::Relaxed) > 12);
}

#[tokio::test]
async fn a_program_is_told_what_to_do_and_its_words_are_told_without_the_value() {
    let folder = tempfile::tempdir().unwrap();
    let (program, log) = (folder.path().join("rotate"), folder.path().join("log"));
    let script = format!(
        "#!/bin/sh\nread -r value\necho \"$TOWPATH_ROTATION $TOWPATH_SECRET $TOWPATH_ENVIRONMENT $# $(printf %s \"$value\" | wc -c)\" >> {}\n\
         [ \"$TOWPATH_ROTATION\" != revoke ] || {{ echo \"no right to take $value away\" >&2; exit 3; }}\n",
        log.display()
    );
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = vec![program.display().to_string()];
    let credential = Credential::Command { command, timeout: Millis::from_secs(20) };
    let job = CredentialJob { credential, ..job() };
    let rotators = Rotators::new(|_| None);
    let value = rotators.compose(&job, SecretText::new("v4lue"), None).unwrap();
    rotators.create(&job, &value, None).await.unwrap();
    let error = rotators.revoke(&job, &value, None).await.unwrap_err().to_string();
    assert!(error.ends_with("`revoke` failed (exit status: 3): no right to take •••• away"), "{error}");
    let told = std::fs::read_to_string(&log).unwrap();
    assert_eq!(told, "create DB_URL production 0 5\nverify DB_URL production 0 5\nrevoke DB_URL production 0 5\n");
}

#[tokio::test]
async fn a_program_that_hangs_is_given_up() {
    let command = ["sh", "-c", "sleep 600"].map(str::to_owned).to_vec();
    let credential = Credential::Command { command, timeout: Millis(200) };
    let job = CredentialJob { credential, ..job() };
    let error = Rotators::new(|_| None).verify(&job, &SecretText::new("v")).await.unwrap_err();
    assert!(matches!(error, CredentialError::Away { .. }), "{error}");
}
