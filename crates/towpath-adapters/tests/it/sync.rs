//! Targets of copies: one suite over doubles, and over the services themselves where a token is given
//! (`TOWPATH_TEST_GITHUB_TOKEN` with `TOWPATH_TEST_GITHUB_REPOSITORY`, `TOWPATH_TEST_VERCEL_TOKEN` with
//! `TOWPATH_TEST_VERCEL_PROJECT` and `TOWPATH_TEST_VERCEL_TEAM`); then what only doubles do on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use towpath_adapters::sync::{Applied, Change, Means, Patience, SyncError, SyncTarget, digest_of, open};
use towpath_core::secrets::{Remote, SecretText, SyncReason, SyncSpec, SyncStep, Written, plan_sync};
use towpath_secrets::{entropy::SystemEntropy, keyed::DigestKey};
use towpath_testkit::doubles::{Fault, GitHubDouble, VercelDouble};

const QUICK: Patience = Patience {
    tries: 4,
    first: Duration::from_millis(1),
    limit: Duration::from_millis(1),
    longest: Duration::from_secs(5),
};

fn made(spec: &SyncSpec, token: &str) -> Box<dyn SyncTarget> {
    let variable = |_: &str| Some(token.to_owned());
    let means = Means { root: Path::new("."), variable: &variable, entropy: Arc::new(SystemEntropy), patience: QUICK };
    open(spec, &means).unwrap()
}

fn github(api: &str, token: &str, place: (Option<&str>, Option<&str>, Option<&str>)) -> Box<dyn SyncTarget> {
    let (repository, environment, organization) = place;
    let spec = SyncSpec::GitHub {
        name: "ci".to_owned(),
        repository: repository.map(str::to_owned),
        environment: environment.map(str::to_owned),
        organization: organization.map(str::to_owned),
        api: api.to_owned(),
        token_variable: "TOKEN".to_owned(),
        only: Vec::new(),
    };
    made(&spec, token)
}

fn vercel(api: &str, token: &str, project: &str, team: Option<&str>, targets: &[&str]) -> Box<dyn SyncTarget> {
    let spec = SyncSpec::Vercel {
        name: "web".to_owned(),
        project: project.to_owned(),
        team: team.map(str::to_owned),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        api: api.to_owned(),
        token_variable: "TOKEN".to_owned(),
        only: Vec::new(),
    };
    made(&spec, token)
}

fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretText> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), SecretText::new(*value))).collect()
}

async fn write(target: &dyn SyncTarget, all: &BTreeMap<String, SecretText>) -> Applied {
    let write: BTreeSet<String> = all.keys().cloned().collect();
    target.apply(&Change { all, write: &write, remove: &BTreeSet::new() }).await.unwrap()
}

async fn remove(target: &dyn SyncTarget, names: &[&str]) -> Applied {
    let remove = names.iter().map(|name| (*name).to_owned()).collect();
    target.apply(&Change { all: &BTreeMap::new(), write: &BTreeSet::new(), remove: &remove }).await.unwrap()
}

/// What every target must do, with names nobody else uses.
async fn conforms(target: &dyn SyncTarget) {
    let key = DigestKey::of_bytes([3; 32]);
    let own = |there: BTreeMap<String, Remote>| -> BTreeMap<String, Remote> {
        there.into_iter().filter(|(name, _)| name.starts_with("TOWPATH_TEST_")).collect()
    };
    remove(target, &["TOWPATH_TEST_A", "TOWPATH_TEST_B"]).await;
    let others = target.there(&key).await.unwrap();
    assert!(own(others.clone()).is_empty());

    let hostile = "p$a\"ss'\\w\u{f6}rd\n`x` ${Y} %z";
    let all = values(&[("TOWPATH_TEST_A", "one"), ("TOWPATH_TEST_B", hostile)]);
    let applied = write(target, &all).await;
    assert_eq!(applied.len(), 2);
    let there = own(target.there(&key).await.unwrap());
    assert_eq!(there.len(), 2);
    for (name, result) in &applied {
        assert_eq!(result.as_ref().unwrap(), &there[name].revision, "the revision told is the one that is there");
    }
    // A plan made of what is remembered has nothing to do.
    let written: BTreeMap<String, Written> = applied
        .into_iter()
        .map(|(name, revision)| {
            let digest = digest_of(&key, &target.id(), &name, &all[&name]);
            (name, Written { digest, revision: revision.unwrap(), at: Timestamp::UNIX_EPOCH })
        })
        .collect();
    let wanted = written.iter().map(|(name, written)| (name.clone(), written.digest.clone())).collect();
    let plan = plan_sync(&wanted, &BTreeMap::new(), &there, &written);
    assert!(plan.iter().all(|item| item.step == SyncStep::Unchanged), "{plan:?}");

    remove(target, &["TOWPATH_TEST_A"]).await;
    let removed = remove(target, &["TOWPATH_TEST_A"]).await;
    assert!(removed["TOWPATH_TEST_A"].is_ok(), "what is gone is gone");
    let after = own(target.there(&key).await.unwrap());
    assert_eq!(after.keys().collect::<Vec<_>>(), ["TOWPATH_TEST_B"]);
    let plan = plan_sync(&wanted, &BTreeMap::new(), &after, &written);
    assert_eq!((plan[0].step, plan[0].reason), (SyncStep::Create, SyncReason::RemovedThere));
    remove(target, &["TOWPATH_TEST_B"]).await;
    assert_eq!(target.there(&key).await.unwrap(), others, "what others keep there is as it was");
}

#[tokio::test]
async fn github_conforms() {
    let double = GitHubDouble::start().unwrap();
    for (place, at) in [
        ((Some("acme/shop"), None, None), GitHubDouble::REPOSITORY),
        ((Some("acme/shop"), Some("production"), None), GitHubDouble::ENVIRONMENT),
        ((None, None, Some("acme")), GitHubDouble::ORGANIZATION),
    ] {
        double.set(at, "OTHER", "theirs", Some("all"), &[]);
        conforms(&*github(&double.url(), double.token(), place)).await;
        assert_eq!(double.values(at), BTreeMap::from([("OTHER".to_owned(), "theirs".to_owned())]));
    }
    let given = |name: &str| std::env::var(name).ok();
    if let (Some(token), Some(repository)) =
        (given("TOWPATH_TEST_GITHUB_TOKEN"), given("TOWPATH_TEST_GITHUB_REPOSITORY"))
    {
        conforms(&*github("https://api.github.com", &token, (Some(&repository), None, None))).await;
    }
}

#[tokio::test]
async fn vercel_conforms() {
    let double = VercelDouble::start().unwrap();
    for targets in [&["production"][..], &["production", "preview"], &["development"]] {
        double.set("OTHER", "theirs", targets);
        conforms(&*vercel(&double.url(), double.token(), "shop", Some("team_acme"), targets)).await;
        assert_eq!(double.values(targets[0])["OTHER"].0, "theirs");
    }
    let given = |name: &str| std::env::var(name).ok();
    if let (Some(token), Some(project)) = (given("TOWPATH_TEST_VERCEL_TOKEN"), given("TOWPATH_TEST_VERCEL_PROJECT")) {
        let team = given("TOWPATH_TEST_VERCEL_TEAM");
        conforms(&*vercel("https://api.vercel.com", &token, &project, team.as_deref(), &["preview"])).await;
    }
}

#[tokio::test]
async fn what_github_gets_is_sealed_and_opens_to_the_value() {
    let double = GitHubDouble::start().unwrap();
    let target = github(&double.url(), double.token(), (Some("acme/shop"), None, None));
    let all = values(&[("A", "ä \"quoted\"\nlines"), ("EMPTY", "")]);
    write(&*target, &all).await;
    let kept = double.values(GitHubDouble::REPOSITORY);
    for (name, value) in &all {
        assert_eq!(kept[name], value.expose());
    }
    assert!(double.asked().iter().all(|line| !line.contains("quoted")));
}

#[tokio::test]
async fn who_may_use_a_secret_of_an_organisation_stays() {
    let double = GitHubDouble::start().unwrap();
    let target = github(&double.url(), double.token(), (None, None, Some("acme")));
    double.set(GitHubDouble::ORGANIZATION, "SOME", "old", Some("selected"), &[7, 11]);
    double.set(GitHubDouble::ORGANIZATION, "EVERY", "old", Some("all"), &[]);
    let applied = write(&*target, &values(&[("SOME", "new"), ("EVERY", "new"), ("FRESH", "new")])).await;
    assert!(applied.values().all(Result::is_ok), "{applied:?}");
    let (word, ids) = double.visibility("SOME").unwrap();
    assert_eq!((word.as_str(), ids), ("selected", vec![7.into(), 11.into()]));
    assert_eq!(double.visibility("EVERY").unwrap().0, "all");
    assert_eq!(double.visibility("FRESH").unwrap().0, "private");
}

#[tokio::test]
async fn more_secrets_than_a_page_are_all_listed() {
    let github_double = GitHubDouble::start().unwrap();
    let vercel_double = VercelDouble::start().unwrap();
    for number in 0..230 {
        github_double.set(GitHubDouble::REPOSITORY, &format!("S{number}"), "x", None, &[]);
        vercel_double.set(&format!("S{number}"), "x", &["production"]);
    }
    let key = DigestKey::of_bytes([3; 32]);
    let target = github(&github_double.url(), github_double.token(), (Some("acme/shop"), None, None));
    assert_eq!(target.there(&key).await.unwrap().len(), 230);
    let target = vercel(&vercel_double.url(), vercel_double.token(), "shop", Some("team_acme"), &["production"]);
    assert_eq!(target.there(&key).await.unwrap().len(), 230);
}

#[tokio::test]
async fn limits_failures_and_lost_answers_are_waited_out() {
    let now = Timestamp::now().as_second();
    let header = |name: &'static str, value: String| (name, value);
    let faults = [
        Fault::Answer(429, vec![header("retry-after", "0".to_owned())], "slow down"),
        Fault::Answer(403, vec![header("retry-after", "0".to_owned())], "You have exceeded a secondary rate limit"),
        Fault::Answer(403, vec![], "You have exceeded a secondary rate limit"),
        Fault::Answer(
            403,
            vec![header("x-ratelimit-remaining", "0".to_owned()), header("x-ratelimit-reset", now.to_string())],
            "API rate limit exceeded",
        ),
        Fault::Answer(502, vec![], "bad gateway"),
        Fault::Answer(503, vec![], "unavailable"),
        Fault::Broken,
        Fault::Lost,
    ];
    for fault in faults {
        // At the list, the key, the first write, the second write, the list afterwards.
        for after in 0..5 {
            let double = GitHubDouble::start().unwrap();
            double.fail(after, fault.clone());
            let target = github(&double.url(), double.token(), (Some("acme/shop"), None, None));
            let applied = write(&*target, &values(&[("A", "1"), ("B", "2")])).await;
            assert!(applied.values().all(Result::is_ok), "{fault:?} after {after}: {applied:?}");
            assert_eq!(double.values(GitHubDouble::REPOSITORY).len(), 2);
        }
    }
}

#[tokio::test]
async fn tries_end_and_a_long_limit_is_told_at_once() {
    let double = GitHubDouble::start().unwrap();
    let target = github(&double.url(), double.token(), (Some("acme/shop"), None, None));
    let key = DigestKey::of_bytes([3; 32]);
    for _ in 0..4 {
        double.fail(0, Fault::Answer(500, vec![], "down"));
    }
    assert!(matches!(target.there(&key).await, Err(SyncError::Refused { status: 500, .. })));
    assert_eq!(double.asked().len(), 4);
    double.fail(0, Fault::Answer(429, vec![("retry-after", "3600".to_owned())], "slow down"));
    assert!(matches!(target.there(&key).await, Err(SyncError::Limited { seconds: 3600, .. })));
    assert_eq!(double.asked().len(), 5);
}

#[tokio::test]
async fn what_fails_is_told_of_its_item_and_the_rest_is_done() {
    let all = values(&[("A", "1"), ("B", "2"), ("C", "3")]);
    let double = GitHubDouble::start().unwrap();
    let target = github(&double.url(), double.token(), (Some("acme/shop"), None, None));
    double.refuse(Some("B"));
    let applied = write(&*target, &all).await;
    assert!(
        matches!(&applied["B"], Err(SyncError::Refused { status: 422, reason, .. }) if reason == "Validation Failed")
    );
    assert!(applied["A"].is_ok() && applied["C"].is_ok());
    assert_eq!(double.values(GitHubDouble::REPOSITORY).keys().collect::<Vec<_>>(), ["A", "C"]);
    double.refuse(None);
    assert!(write(&*target, &all).await.values().all(Result::is_ok), "doing it again does the rest");

    let double = VercelDouble::start().unwrap();
    let target = vercel(&double.url(), double.token(), "shop", Some("team_acme"), &["production"]);
    double.refuse(Some("B"));
    double.set("C", "theirs", &["production", "preview"]);
    let applied = write(&*target, &all).await;
    assert!(applied["A"].is_ok() && applied["B"].is_err());
    assert!(matches!(&applied["C"], Err(SyncError::Refused { reason, .. }) if reason.starts_with("ENV_CONFLICT")));
    assert_eq!(double.values("preview")["C"].0, "theirs");
}

#[tokio::test]
async fn a_value_for_development_is_not_sensitive_and_others_are() {
    let double = VercelDouble::start().unwrap();
    for (target, kind) in [("production", "sensitive"), ("development", "encrypted")] {
        let there = vercel(&double.url(), double.token(), "shop", Some("team_acme"), &[target]);
        write(&*there, &values(&[("A", target)])).await;
        assert_eq!(double.values(target)["A"], (target.to_owned(), kind.to_owned()));
    }
}

#[tokio::test]
async fn a_wrong_token_and_a_wrong_name_are_told_with_what_to_do() {
    let double = GitHubDouble::start().unwrap();
    let key = DigestKey::of_bytes([3; 32]);
    let wrong = github(&double.url(), "other", (Some("acme/shop"), None, None)).there(&key).await.unwrap_err();
    assert_eq!(wrong.to_string(), "GitHub refuses (401): Bad credentials");
    assert!(wrong.hint().unwrap().contains("token is wrong"));
    let unknown =
        github(&double.url(), double.token(), (Some("acme/nosuch"), None, None)).there(&key).await.unwrap_err();
    assert!(unknown.hint().unwrap().contains("check the name"), "{unknown}");
    assert!(!format!("{wrong:?}").contains("other"));
}

#[tokio::test]
async fn an_answer_that_is_not_what_the_documentation_says_is_an_error() {
    let double = GitHubDouble::start().unwrap();
    let target = github(&double.url(), double.token(), (Some("acme/shop"), None, None));
    double.fail(0, Fault::Answer(200, vec![], "hello"));
    assert!(matches!(target.there(&DigestKey::of_bytes([3; 32])).await, Err(SyncError::Strange { .. })));
}
