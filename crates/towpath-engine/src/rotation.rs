//! Carrying out rotations: what core plans is done with the store and the backends, and written down.
//!
//! It turns beside the control loop, since a database may take its time. It may be killed between any two lines: what was done
//! is done again by the next one, and says so again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use towpath_core::{
    command::Command,
    ids::{EnvironmentName, PrincipalName},
    refusal::{Refusal, RefusalCode},
    secrets::{
        SecretText, SecretVersion,
        rotation::{
            Advance, DATA_KEY_EVERY, DataKeyWork, Generator, NewValue, Phase, Rotation, RotationAction, RotationChange,
            RotationCommand, RotationWork, data_key_work, due,
        },
        store::SecretOrigin,
    },
    world::World,
};
use towpath_secrets::{
    entropy::Entropy,
    generate::{GenerateError, generate},
};

use crate::{
    engine::Engine,
    ports::{CredentialBackend, CredentialError, CredentialJob},
    secrets::{Principal, Secrets, SecretsError, Wish, bring},
    writer::Done,
};

/// How often it looks while a rotation is under way, and while none is.
const BUSY: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_secs(2);
/// How many values are encrypted anew in one go.
const AT_ONCE: usize = 200;
/// How long data keys are let alone after something went wrong with them.
const KEYS_AGAIN: Duration = Duration::from_mins(1);

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The store did not do what it was asked.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The backend did not.
    #[error(transparent)]
    Backend(#[from] CredentialError),
    /// No value could be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
}

impl From<Refusal> for RotationError {
    fn from(refusal: Refusal) -> Self {
        Self::Secrets(refusal.into())
    }
}

impl RotationError {
    /// Whether trying again by itself helps nothing.
    fn is_hopeless(&self) -> bool {
        matches!(self, Self::Backend(CredentialError::Refused { .. }) | Self::Generate(GenerateError::Generator(_)))
    }

    /// The world moved on between planning and writing down: the next turn looks again.
    fn is_refused(&self) -> bool {
        matches!(self, Self::Secrets(error) if error.refusal().is_some())
    }
}

/// What somebody asks for.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The new value, if a person brings it.
    pub value: Option<SecretText>,
    /// How it is made, if not as declared.
    pub generator: Option<Generator>,
    /// Why.
    pub reason: Option<String>,
}

/// Carries out rotations.
pub struct Rotator {
    secrets: Arc<Secrets>,
    backend: Arc<dyn CredentialBackend>,
    entropy: Arc<dyn Entropy>,
    me: Principal,
    keys_again: std::sync::Mutex<BTreeMap<EnvironmentName, tokio::time::Instant>>,
}

impl Rotator {
    /// Returns one that uses this store and these backends.
    pub fn new(secrets: Arc<Secrets>, backend: Arc<dyn CredentialBackend>, entropy: Arc<dyn Entropy>) -> Arc<Self> {
        let me = Principal { name: PrincipalName::control_plane(), cause: "rotation".to_owned() };
        let keys_again = std::sync::Mutex::default();
        Arc::new(Self { secrets, backend, entropy, me, keys_again })
    }

    /// Turns until `stop` resolves.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        loop {
            let pause = match self.turn().await {
                Ok(true) => Duration::ZERO,
                Ok(false) if self.is_busy() => BUSY,
                Ok(false) => IDLE,
                Err(SecretsError::Stopping) => return,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a turn of the rotations failed");
                    IDLE
                }
            };
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn is_busy(&self) -> bool {
        let Ok(engine) = self.secrets.engine() else { return false };
        let world = engine.world();
        world.environments.values().any(|state| state.rotations.latest.values().any(|it| !it.phase.is_over()))
    }

    /// Does what is due, once; says whether anything was written down.
    pub async fn turn(&self) -> Result<bool, SecretsError> {
        let engine = self.secrets.engine()?;
        let (world, now) = (engine.world(), engine.now());
        let mut moved = false;
        for RotationWork { environment, name, action } in due(&world, now) {
            let number = number_of(&action);
            match self.perform(&engine, (&environment, &name), action).await {
                Ok(wrote) => moved |= wrote,
                Err(error) if error.is_refused() => {
                    tracing::debug!(error = &error as &dyn std::error::Error, %environment, name, "looked at again");
                }
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, %environment, name, "a rotation does not go on");
                    moved |= self.failed(&engine, (&environment, &name), number, &error).await;
                }
            }
        }
        for (environment, state) in world.environments.iter().filter(|(_, state)| state.destroying.is_none()) {
            if state.secrets.data_keys.is_empty() {
                continue;
            }
            // Where it cannot be said, it is what usually holds: a key is never used for ever.
            let every = self.secrets.data_key_every(environment).await.unwrap_or(DATA_KEY_EVERY);
            if let Some(work) = data_key_work(&state.secrets, every, now) {
                moved |= self.data_key(environment, work).await;
            }
        }
        Ok(moved)
    }

    async fn failed(
        &self,
        engine: &Engine,
        (environment, name): (&EnvironmentName, &str),
        number: Option<u32>,
        error: &RotationError,
    ) -> bool {
        let Some(number) = number else { return false };
        let change = RotationChange::Fail { number, message: chain(error), hopeless: error.is_hopeless() };
        self.report(engine, environment, name, change).await.is_ok_and(|done| !done.events.is_empty())
    }

    async fn perform(
        &self,
        engine: &Engine,
        (environment, name): (&EnvironmentName, &str),
        action: RotationAction,
    ) -> Result<bool, RotationError> {
        let world = engine.world();
        let change = match action {
            RotationAction::Remind { due } => RotationChange::Remind { due },
            RotationAction::Start => RotationChange::Start { value: NewValue::Declared },
            RotationAction::Stage { number } => {
                let rotation = running(&world, environment, name, number)?;
                self.stage(environment, name, rotation).await?;
                return Ok(true);
            }
            RotationAction::Create { number, to, keep } => {
                let rotation = running(&world, environment, name, number)?;
                let (new, keep) = self.values(environment, name, (to, keep)).await?;
                self.backend.create(&job(environment, name, rotation), &new, keep.as_ref()).await?;
                RotationChange::Advance { number, to: Advance::Dual }
            }
            RotationAction::Bring { number } => {
                running(&world, environment, name, number)?;
                return Ok(promote(engine, &world, environment, name, &self.me).await?);
            }
            RotationAction::Switch { number } => RotationChange::Advance { number, to: Advance::Switched },
            RotationAction::Confirm { number, to, .. } => {
                let rotation = running(&world, environment, name, number)?;
                let (new, _) = self.values(environment, name, (to, None)).await?;
                self.backend.verify(&job(environment, name, rotation), &new).await?;
                RotationChange::Advance { number, to: Advance::Retiring }
            }
            RotationAction::Revoke { number, version, keep, rotated } => {
                let rotation = running(&world, environment, name, number)?;
                if let Some(version) = version {
                    let (old, keep) = self.values(environment, name, (version, keep)).await?;
                    self.backend.revoke(&job(environment, name, rotation), &old, keep.as_ref()).await?;
                }
                RotationChange::Finish { number, rotated }
            }
        };
        Ok(!self.report(engine, environment, name, change).await?.events.is_empty())
    }

    /// Makes a value and stores it, in force for nobody.
    async fn stage(&self, environment: &EnvironmentName, name: &str, rotation: &Rotation) -> Result<(), RotationError> {
        let Some(generator) = &rotation.generate else { return Ok(()) };
        let generated = generate(generator, self.entropy.as_ref())?;
        let current = match rotation.from {
            Some(from) => Some(self.values(environment, name, (from, None)).await?.0),
            None => None,
        };
        let value = self.backend.compose(&job(environment, name, rotation), generated, current.as_ref())?;
        self.store(&self.me, environment, name, &value, rotation).await
    }

    async fn store(
        &self,
        who: &Principal,
        environment: &EnvironmentName,
        name: &str,
        value: &SecretText,
        rotation: &Rotation,
    ) -> Result<(), RotationError> {
        let generator = rotation.generate.as_ref().map(|generator| generator.word().to_owned());
        let origin = SecretOrigin::Rotated { rotation: rotation.number, generator };
        let reason = rotation.reason.clone().or_else(|| Some(format!("rotation {}", rotation.number)));
        let wish = Wish { reason, expected: None, record_only: true };
        self.secrets.set(who, environment, name, value, origin, &wish).await?;
        Ok(())
    }

    async fn values(
        &self,
        environment: &EnvironmentName,
        name: &str,
        (version, other): (u32, Option<u32>),
    ) -> Result<(SecretText, Option<SecretText>), RotationError> {
        let one = async |version: u32| -> Result<SecretText, SecretsError> {
            let mut found = self.secrets.reveal(environment, &BTreeMap::from([(name.to_owned(), version)])).await?;
            Ok(found.remove(name).unwrap_or_default())
        };
        let value = one(version).await?;
        let other = match other {
            Some(other) => Some(one(other).await?),
            None => None,
        };
        Ok((value, other))
    }

    async fn report(
        &self,
        engine: &Engine,
        environment: &EnvironmentName,
        name: &str,
        change: RotationChange,
    ) -> Result<Done, SecretsError> {
        submit(engine, &self.me, (environment, name), change, None).await
    }

    async fn data_key(&self, environment: &EnvironmentName, work: DataKeyWork) -> bool {
        let again = |map: &BTreeMap<_, _>| map.get(environment).is_some_and(|at| tokio::time::Instant::now() < *at);
        if self.keys_again.lock().is_ok_and(|map| again(&map)) {
            return false;
        }
        let done = match work {
            DataKeyWork::Make => self.secrets.make_data_key(&self.me, environment).await.map(|_| true),
            DataKeyWork::Reseal { .. } => {
                self.secrets.reseal(&self.me, environment, AT_ONCE).await.map(|resealing| resealing.done > 0)
            }
            DataKeyWork::Retire { .. } => {
                self.secrets.retire_data_keys(&self.me, environment).await.map(|retired| !retired.is_empty())
            }
        };
        done.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, %environment, "data keys are left for now");
            if let Ok(mut map) = self.keys_again.lock() {
                map.insert(environment.clone(), tokio::time::Instant::now() + KEYS_AGAIN);
            }
            false
        })
    }

    /// Begins a rotation on behalf of somebody; with a value it is stored right away. A rotation that waits for its value takes
    /// this one.
    pub async fn start(
        &self,
        who: &Principal,
        (environment, name): (&EnvironmentName, &str),
        asked: Asked,
    ) -> Result<Arc<World>, RotationError> {
        let engine = self.secrets.engine()?;
        let Asked { value, generator, reason } = asked;
        let waiting = engine
            .world()
            .rotations(environment)
            .and_then(|it| it.running(name))
            .is_some_and(|it| it.phase == Phase::Creating && it.generate.is_none());
        if !(waiting && value.is_some()) {
            let value = match (&value, generator) {
                (Some(_), _) => NewValue::Given,
                (None, Some(generator)) => NewValue::Generated(generator),
                (None, None) => NewValue::Declared,
            };
            submit(&engine, who, (environment, name), RotationChange::Start { value }, reason).await?;
        }
        if let Some(value) = value {
            let world = engine.world();
            let rotation = world.rotations(environment).and_then(|it| it.running(name));
            let rotation = rotation.ok_or_else(|| stale(environment, name))?;
            self.store(who, environment, name, &value, rotation).await?;
        }
        Ok(engine.world())
    }

    /// Gives a rotation up on behalf of somebody: what runs gets the old value again.
    pub async fn abort(
        &self,
        who: &Principal,
        at: (&EnvironmentName, &str),
        reason: Option<String>,
    ) -> Result<Arc<World>, RotationError> {
        let engine = self.secrets.engine()?;
        Ok(submit(&engine, who, at, RotationChange::Abort, reason).await?.world)
    }

    /// Lets a rotation that waits try again.
    pub async fn retry(&self, who: &Principal, at: (&EnvironmentName, &str)) -> Result<Arc<World>, RotationError> {
        let engine = self.secrets.engine()?;
        Ok(submit(&engine, who, at, RotationChange::Retry, None).await?.world)
    }

    /// Makes a new data key on behalf of somebody; what is encrypted by older ones follows by itself.
    pub async fn rotate_data_key(&self, who: &Principal, environment: &EnvironmentName) -> Result<u32, RotationError> {
        Ok(self.secrets.make_data_key(who, environment).await?)
    }
}

/// Hands in a change; where another version comes into force, with what that leads to.
async fn submit(
    engine: &Engine,
    who: &Principal,
    (environment, name): (&EnvironmentName, &str),
    change: RotationChange,
    reason: Option<String>,
) -> Result<Done, SecretsError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let world = engine.world();
        let rotation = world.rotations(environment).and_then(|it| it.running(name));
        let version = rotation.and_then(|rotation| match (&change, rotation.phase) {
            (RotationChange::Advance { to: Advance::Dual, .. }, phase) => Some(phase.new_version()),
            (RotationChange::Abort, Phase::Dual { .. } | Phase::Switched { .. }) => Some(rotation.from),
            _ => None,
        });
        let configured = match version {
            None => None,
            Some(version) => {
                let mut live = world.live(environment).clone();
                match version {
                    Some(version) => live.secrets.insert(name.to_owned(), SecretVersion(version.to_string())),
                    None => live.secrets.remove(name),
                };
                // While a rollout runs nothing else can be asked for; it is once that is over.
                let later = world.rollout(environment).is_some();
                Some(bring::configured(engine, &world, environment, &live, (later, true)).await?.0)
            }
        };
        let (environment, name, change, reason) =
            (environment.clone(), name.to_owned(), change.clone(), reason.clone());
        let command = RotationCommand { environment, name, change, reason, configured };
        match engine.submit(&who.name, Command::Rotate(Box::new(command)), &who.cause).await {
            Err(crate::writer::SubmitError::Refused(refusal)) if refusal.code == RefusalCode::Stale && tries < 4 => {}
            other => return Ok(other?),
        }
    }
}

/// Asks for the release that runs to run with what is in force.
async fn promote(
    engine: &Engine,
    world: &World,
    environment: &EnvironmentName,
    name: &str,
    me: &Principal,
) -> Result<bool, SecretsError> {
    let Some(release) = world.current(environment).and_then(|current| world.releases.get(&current.release)) else {
        return Ok(false);
    };
    let spec = Box::new(engine.ports().resolver.resolve(release, environment, world.live(environment)).await?);
    let reason = Some(format!("rotation of `{name}`"));
    let command = Command::Promote { environment: environment.clone(), release: release.number, spec, reason };
    Ok(!engine.submit(&me.name, command, &me.cause).await?.events.is_empty())
}

fn running<'a>(
    world: &'a World,
    environment: &EnvironmentName,
    name: &str,
    number: u32,
) -> Result<&'a Rotation, RotationError> {
    let rotation = world.rotations(environment).and_then(|it| it.running(name)).filter(|it| it.number == number);
    Ok(rotation.map(AsRef::as_ref).ok_or_else(|| stale(environment, name))?)
}

fn stale(environment: &EnvironmentName, name: &str) -> Refusal {
    Refusal::new(RefusalCode::Stale, format!("`{name}` of {environment} has changed meanwhile"))
}

fn job(environment: &EnvironmentName, name: &str, rotation: &Rotation) -> CredentialJob {
    let credential = rotation.credential.clone();
    CredentialJob { environment: environment.clone(), name: name.to_owned(), credential }
}

fn number_of(action: &RotationAction) -> Option<u32> {
    match action {
        RotationAction::Remind { .. } | RotationAction::Start => None,
        RotationAction::Stage { number }
        | RotationAction::Create { number, .. }
        | RotationAction::Bring { number }
        | RotationAction::Switch { number }
        | RotationAction::Confirm { number, .. }
        | RotationAction::Revoke { number, .. } => Some(*number),
    }
}

/// Returns an error with everything under it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}
