//! Where values of secrets are copied to.

use std::path::PathBuf;

use crate::{
    config::{
        describe::{Book, Shape},
        read::{Read, Reader, section},
        schema::values::{Namespace, UrlText, VariableName},
        value::Value,
    },
    secrets::SyncSpec,
};

/// A target that values are copied to.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncFile(pub SyncSpec);

section! {
    /// A target that values are copied to.
    pub struct SyncMap {
        /// GitHub Actions secrets.
        github: Option<GithubFile>,
        /// Environment variables of Vercel.
        vercel: Option<VercelFile>,
        /// A Secret of Kubernetes.
        kubernetes: Option<KubernetesSecretFile>,
    }
    choice("github", "vercel", "kubernetes"; one) "a target is exactly one of `github`, `vercel` and `kubernetes`"
}

section! {
    /// GitHub Actions secrets of a repository, of one of its environments, or of an organisation.
    pub struct GithubFile {
        /// What people call this target.
        name: String = "github".to_owned(),
        /// `OWNER/REPOSITORY`.
        repository: Option<String>,
        /// The environment of the repository; the repository's own secrets if absent.
        environment: Option<String>,
        /// The organisation, for its secrets.
        organization: Option<String>,
        /// The API.
        api: UrlText = UrlText("https://api.github.com".to_owned()),
        /// The variable of the process that holds the token.
        token: VariableName = VariableName("GITHUB_TOKEN".to_owned()),
        /// Which secrets; all of the environment if absent.
        only: Vec<VariableName>,
    }
    choice("repository", "organization"; one) "a target of GitHub is a `repository` or an `organization`"
    check(value, reader; repository) {
        let parts = |text: &String| {
            text.split_once('/').is_some_and(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'))
        };
        let sound = repository.as_ref().is_none_or(parts);
        if !sound {
            let help = "write the owner's name, `/`, and the repository's, such as `acme/shop`";
            reader.wrong(value.get("repository").unwrap_or(value), "this is no repository", help);
        }
        sound
    }
    check(value, reader; organization, environment) {
        let sound = organization.is_none() || environment.is_none();
        if !sound {
            reader.clash(value, &["organization", "environment"], "an organisation has no environments");
        }
        sound
    }
}

section! {
    /// Environment variables of a project of Vercel.
    pub struct VercelFile {
        /// What people call this target.
        name: String = "vercel".to_owned(),
        /// The project, by name or id.
        project: String,
        /// The team, by id.
        team: Option<String>,
        /// Vercel's environments: production, preview, development.
        targets: Vec<VercelTarget>,
        /// The API.
        api: UrlText = UrlText("https://api.vercel.com".to_owned()),
        /// The variable of the process that holds the token.
        token: VariableName = VariableName("VERCEL_TOKEN".to_owned()),
        /// Which secrets; all of the environment if absent.
        only: Vec<VariableName>,
    }
    check(value, reader; targets) {
        let sound = !targets.is_empty();
        if !sound {
            let help = "write `targets:` with some of `production`, `preview` and `development`";
            reader.wrong(value.get("targets").unwrap_or(value), "it is not said which environments of Vercel", help);
        }
        sound
    }
}

crate::config::read::words! {
    /// An environment of Vercel.
    pub enum VercelTarget {
        /// Where users are.
        Production = "production",
        /// Of each branch.
        Preview = "preview",
        /// What `vercel dev` uses.
        Development = "development",
    }
}

section! {
    /// A Secret of Kubernetes.
    pub struct KubernetesSecretFile {
        /// What people call this target.
        name: String = "kubernetes".to_owned(),
        /// The manifest that is written, relative to the project; if absent, `kubectl apply` gets it.
        file: Option<String>,
        /// The name of the Secret.
        secret: Namespace,
        /// Its namespace.
        namespace: Option<Namespace>,
        /// Which secrets; all of the environment if absent.
        only: Vec<VariableName>,
    }
}

impl Read for SyncFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        SyncMap::read(value, reader)?.spec().map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        SyncMap::shape(book)
    }
}

impl SyncMap {
    fn spec(self) -> Option<SyncSpec> {
        let only = |names: Vec<VariableName>| names.into_iter().map(|name| name.0).collect();
        let github = self.github.map(|it| SyncSpec::GitHub {
            name: it.name,
            repository: it.repository,
            environment: it.environment,
            organization: it.organization,
            api: it.api.0,
            token_variable: it.token.0,
            only: only(it.only),
        });
        let vercel = self.vercel.map(|it| SyncSpec::Vercel {
            name: it.name,
            project: it.project,
            team: it.team,
            targets: it.targets.into_iter().map(|target| target.as_str().to_owned()).collect(),
            api: it.api.0,
            token_variable: it.token.0,
            only: only(it.only),
        });
        let kubernetes = self.kubernetes.map(|it| SyncSpec::Kubernetes {
            name: it.name,
            file: it.file.map(PathBuf::from),
            secret: it.secret.0,
            namespace: it.namespace.map(|name| name.0),
            only: only(it.only),
        });
        github.or(vercel).or(kubernetes)
    }
}
