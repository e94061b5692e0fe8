//! Starting and stopping the server: everything is opened in an order in which a failure leaves nothing half done.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use towpath_adapters::{
    checks::LocalChecks,
    local::{LocalOptions, LocalTarget},
};
use towpath_core::{
    command::Command,
    config::{Bundle, Diagnostic},
    ids::PrincipalName,
    project::Project,
};
use towpath_engine::{
    BundleResolver, Engine, Ports, SubmitError,
    experiments::{Experiments, Limits},
    ports::{Blobs, Clock, Evaluations},
    secrets::Secrets,
};
use towpath_proxy::{Proxy, ProxyOptions};
use towpath_secrets::keyed::DigestKey;
use towpath_server::ServerOptions;
use towpath_store::{FileBlobs, SqliteExperiments, SqliteSamples, SqliteStore};

use super::{
    addresses, descriptors, files::private_folder, keys, lock::Lock, logging, projects::BundleProjects, secrets, tokens,
};
use crate::{
    cli::UpArgs,
    client::Running,
    context::Context,
    failure::{Exit, Failure},
    folder::{ProjectFolder, checked, mistakes},
};

/// How long requests in flight may take when the server stops. Instances go on, so nothing long is lost.
const DRAIN: Duration = Duration::from_secs(5);

/// The time of this machine.
struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// What has to be closed in good order.
struct Parts {
    engine: Arc<Engine>,
    target: Arc<LocalTarget>,
    proxy: Arc<Proxy>,
    store: SqliteStore,
    samples: SqliteSamples,
    experiments: SqliteExperiments,
    secrets: Arc<Secrets>,
}

/// Serves a project until it is told to stop.
pub(crate) fn serve(context: &Context, args: &UpArgs) -> Result<(), Failure> {
    if !args.listen.ip().is_loopback() {
        let message = format!("`{}` can be reached from other machines, where the API has no encryption", args.listen);
        return Err(Failure::usage(message).kept("nothing was started").next("--listen 127.0.0.1:7070"));
    }
    let folder = context.folder()?;
    let (project, bundle) = read_project(context, &folder)?;
    let data = folder.data();
    private_folder(&data)?;
    let lock = Lock::for_server(&data)?;
    let paint = context.out.paint_err();
    logging::start(args.log, context.out.verbosity(), context.globals.quiet, paint.is_on());
    // The proxy has threads of its own; what is left needs few.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, "runtime", "cannot start").because(&error))?;
    let result = runtime.block_on(run(context, args, &folder, project, bundle));
    // What still runs on threads of the runtime has nothing to finish.
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(lock);
    result
}

fn read_project(context: &Context, folder: &ProjectFolder) -> Result<(Project, Bundle), Failure> {
    let loaded = folder.load()?;
    let (project, diagnostics) = checked(&loaded);
    // A mistake in a flag concerns this flag alone, which says so when it is evaluated; a release with it is refused. Not to
    // start for it would take everything else down.
    let of_flags = |one: &Diagnostic| loaded.is_about_flags(one);
    let (flags, diagnostics): (Vec<_>, Vec<_>) = diagnostics.into_iter().partition(of_flags);
    let wrong = flags.iter().filter(|one| one.is_error()).count();
    if wrong > 0 {
        let found = crate::words::count(wrong as u64, "mistake");
        context.out.warn(&format!("the files about flags have {found}: towpath flags validate"));
    }
    if let Some(failure) = mistakes(loaded.sources(), &diagnostics, context.out.paint_err()) {
        return Err(failure.kept("nothing was started"));
    }
    for warning in &diagnostics {
        context.out.warn(&warning.message);
    }
    let project = project.ok_or_else(|| {
        Failure::new(Exit::Failed, "no_project", "towpath.yaml does not say what the project is called")
            .next("add `project: NAME` to it")
    })?;
    Ok((project, Bundle::of(loaded.sources())))
}

async fn run(
    context: &Context,
    args: &UpArgs,
    folder: &ProjectFolder,
    project: Project,
    bundle: Bundle,
) -> Result<(), Failure> {
    let data = folder.data();
    let listener = bind(args.listen).await?;
    let address =
        listener.local_addr().map_err(|error| Failure::new(Exit::Failed, "address", "no address").because(&error))?;
    let parts = open(folder, &project, &bundle).await?;
    let ended = run_opened(context, args, &data, &parts, &project, &bundle, (listener, address)).await;
    close(parts, args.stop_instances).await;
    let _ = fs::remove_file(Running::path(&data));
    tracing::info!("stopped");
    ended
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let failure = Failure::new(Exit::Failed, "port_in_use", format!("cannot listen on `{address}`"))
            .because(&error)
            .kept("nothing was started");
        let taken = error.kind() == std::io::ErrorKind::AddrInUse;
        let stop = if taken { "stop what listens there, or " } else { "" };
        failure.next(format!("{stop}choose another address: towpath up --listen 127.0.0.1:0"))
    })
}

async fn open(folder: &ProjectFolder, project: &Project, bundle: &Bundle) -> Result<Parts, Failure> {
    let data = folder.data();
    let storage = |error: &(dyn std::error::Error + 'static)| {
        Failure::of(Exit::Failed, "storage", error).kept("nothing was changed")
    };
    let signer = keys::signer(&data, &project.name)?;
    let sticky_key = keys::sticky(&data)?;
    let store = SqliteStore::open(&data).await.map_err(|error| storage(&error))?;
    let samples = SqliteSamples::open(&data).await.map_err(|error| storage(&error))?;
    let experiments = SqliteExperiments::open(&data).await.map_err(|error| storage(&error))?;
    let blobs: Arc<dyn Blobs> = Arc::new(FileBlobs::open(&data).map_err(|error| storage(&error))?);
    let options = ProxyOptions { sticky_key, usual: addresses::usual(&data), ..ProxyOptions::default() };
    let proxy = Proxy::start(options).map_err(|error| Failure::of(Exit::Failed, "proxy", &error))?;
    let proxy = Arc::new(proxy);
    let (secrets, sources) = secrets::open(&data, folder.root(), bundle, &keys::versions(&data)?);
    let options = LocalOptions::new(data, folder.root().to_owned(), Arc::clone(&blobs));
    let target = LocalTarget::open(options).map_err(|error| Failure::of(Exit::Failed, "target", &error))?;
    let target = Arc::new(target);
    let ports = Ports {
        ledger: Arc::new(store.clone()),
        blobs: Arc::clone(&blobs),
        samples: Arc::new(samples.clone()),
        experiments: Arc::new(experiments.clone()),
        target: target.clone(),
        traffic: proxy.clone(),
        checks: Arc::new(LocalChecks::new(folder.root().to_owned())),
        resolver: Arc::new(BundleResolver::new(blobs).with_sources(sources)),
        clock: Arc::new(SystemClock),
    };
    let engine = Engine::open(ports, signer).await.map_err(|error| {
        Failure::of(Exit::Failed, "ledger", &error).kept("the ledger was left as it is").next("towpath audit verify")
    })?;
    secrets.attach(&engine);
    Ok(Parts { engine, target, proxy, store, samples, experiments, secrets })
}

async fn run_opened(
    context: &Context,
    args: &UpArgs,
    data: &std::path::Path,
    parts: &Parts,
    project: &Project,
    bundle: &Bundle,
    (listener, address): (TcpListener, SocketAddr),
) -> Result<(), Failure> {
    // Signals are waited for before anybody can know that the server is there.
    let mut stopped = Stop::new()?;
    let access = tokens::access(data, project)?;
    declare(&parts.engine, project, bundle).await?;
    let (stop, stopping) = watch::channel(false);
    let running = Running {
        url: format!("http://{address}"),
        pid: std::process::id(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let engine = Arc::clone(&parts.engine);
    let turning = tokio::spawn({
        let stopping = stopping.clone();
        async move { engine.run(told(stopping)).await }
    });
    // A crash may have come between writing down that a value is destroyed and erasing it.
    if let Err(error) = parts.secrets.sweep().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "destroyed secrets may still be there");
    }
    let secrets = Some(Arc::clone(&parts.secrets));
    let rotator = secrets::rotator(&parts.secrets);
    let rotating = tokio::spawn({
        let (rotator, stopping) = (Arc::clone(&rotator), stopping.clone());
        async move { rotator.run(told(stopping)).await }
    });
    let rotator = Some(rotator);
    let (experiments, refereeing) = referee(data, parts, stopping.clone())?;
    let flags = Arc::clone(parts.engine.flags());
    let evaluations = Some(Arc::new(parts.samples.clone()) as Arc<dyn Evaluations>);
    let usual = ServerOptions::new(Arc::new(BundleProjects));
    let max_followers = descriptors::raise(usual.max_followers);
    let options =
        ServerOptions { drain: DRAIN, secrets, rotator, flags, evaluations, experiments, max_followers, ..usual };
    let mut serving =
        tokio::spawn(towpath_server::serve(listener, Arc::clone(&parts.engine), access, options, told(stopping)));
    let text = serde_json::to_vec_pretty(&running).unwrap_or_default();
    super::files::write_private(&Running::path(data), &text)?;
    announce(context, args, &running, project)?;
    let ended = tokio::select! {
        () = stopped.told() => None,
        ended = &mut serving => Some(ended),
        // Never ends by itself.
        () = addresses::keep(data, parts.proxy.clone(), Arc::clone(&parts.engine)) => None,
    };
    tracing::info!("stopping");
    // Nobody is there to be told only when both have ended already.
    let _ = stop.send(true);
    let ended = match ended {
        Some(ended) => ended,
        None => serving.await,
    };
    let _ = rotating.await;
    let _ = refereeing.await;
    let _ = turning.await;
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::of(Exit::Failed, "server", &error)),
        Err(error) => Err(Failure::new(Exit::Failed, "server", "the server ended").because(&error)),
    }
}

/// Begins to look after the experiments that run.
fn referee(
    data: &std::path::Path,
    parts: &Parts,
    stopping: watch::Receiver<bool>,
) -> Result<(Option<Arc<Experiments>>, tokio::task::JoinHandle<()>), Failure> {
    let unit_key = DigestKey::of_bytes(keys::units(data)?);
    let experiments = Experiments::new(Arc::clone(&parts.engine), unit_key, Limits::default());
    experiments.watch();
    let refereeing = tokio::spawn({
        let experiments = Arc::clone(&experiments);
        async move { experiments.run(told(stopping)).await }
    });
    Ok((Some(experiments), refereeing))
}

/// Puts the policy of the project's files in force.
async fn declare(engine: &Engine, project: &Project, bundle: &Bundle) -> Result<(), Failure> {
    let stored = engine.ports().blobs.put(&bundle.to_bytes()).await;
    let bundle = stored.map_err(|error| Failure::of(Exit::Failed, "storage", &error))?;
    let owner = PrincipalName::new("owner").map_err(|error| Failure::of(Exit::Failed, "name", &error))?;
    let command = Command::DeclareProject { project: project.clone(), bundle };
    match engine.submit(&owner, command, "towpath up").await {
        Ok(_) => Ok(()),
        Err(SubmitError::Refused(refusal)) => {
            let failure =
                Failure::new(Exit::Refused, &refusal.code.name(), refusal.message).kept("nothing was changed");
            Err(refusal.next.into_iter().fold(failure, Failure::next))
        }
        Err(error) => Err(Failure::of(Exit::Failed, "ledger", &error)),
    }
}

fn announce(context: &Context, args: &UpArgs, running: &Running, project: &Project) -> Result<(), Failure> {
    let environments: Vec<String> = project.environments.keys().map(ToString::to_string).collect();
    let value = serde_json::json!({
        "url": running.url,
        "pid": running.pid,
        "project": project.name,
        "environments": environments,
    });
    context.out.show(&value, |paint| {
        format!(
            "{} serves {} at {}\n  environments  {}\n  token         .towpath/token\n",
            paint.bold("towpath"),
            paint.bold(project.name.as_str()),
            paint.blue(&running.url),
            environments.join(", "),
        )
    })?;
    tracing::info!(url = running.url, pid = running.pid, project = %project.name, "serving");
    let end = if args.stop_instances { "stops it and its instances" } else { "stops it; instances go on" };
    context.out.progress(&format!("Ctrl-C {end}"));
    Ok(())
}

async fn close(parts: Parts, stop_instances: bool) {
    let Parts { engine, target, proxy, store, samples, experiments, secrets: _ } = parts;
    if stop_instances {
        tracing::info!("stopping instances");
        target.stop_all().await;
    }
    proxy.shutdown(DRAIN).await;
    engine.close(DRAIN).await;
    store.close().await;
    samples.close().await;
    experiments.close().await;
}

/// Resolves when the server is to stop.
async fn told(mut stopping: watch::Receiver<bool>) {
    // Without anybody left who could say so it is to stop, too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// The signals that end a server in good order.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        let wrong =
            |error: std::io::Error| Failure::new(Exit::Failed, "signals", "cannot wait for signals").because(&error);
        let (terminate, interrupt) = (SignalKind::terminate(), SignalKind::interrupt());
        Ok(Self { terminate: signal(terminate).map_err(wrong)?, interrupt: signal(interrupt).map_err(wrong)? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Stops every instance of a folder whose server does not run.
pub(crate) async fn stop_instances(data: PathBuf, root: PathBuf) -> Result<(), Failure> {
    let blobs = FileBlobs::open(&data).map_err(|error| Failure::of(Exit::Failed, "storage", &error))?;
    let options = LocalOptions::new(data, root, Arc::new(blobs));
    let target = LocalTarget::open(options).map_err(|error| Failure::of(Exit::Failed, "target", &error))?;
    target.stop_all().await;
    Ok(())
}
