//! `towpath secrets merge`: conflicts of git in encrypted files.

use std::{fs, path::Path};

use serde_json::json;
use towpath_secrets::sops::{
    self, File,
    merge::{Conflict, ConflictKind, Merge, MergeError, Side, Tools, has_markers},
};
use zeroize::Zeroizing;

use super::{
    ENTROPY, Opened,
    edit::parsed,
    editor::{Editing, KEPT},
    git,
    keyring::Keyring,
    now,
    place::{self, CIPHERTEXT_MODE},
    transit::Vault,
};
use crate::{
    cli::MergeArgs,
    commands::Outcome,
    context::Context,
    failure::{Exit, Failure},
    folder::unreadable,
    words::count,
};

pub(super) fn run(context: &Context, args: &MergeArgs) -> Outcome {
    if args.install {
        return install(context, args);
    }
    let takes = args.take.iter().map(|text| Take::of(text)).collect::<Result<Vec<_>, _>>()?;
    match args.files.as_slice() {
        [file] => by_hand(context, args, &takes, file),
        [base, ours, theirs] => driver(context, args, (base, ours, theirs)),
        _ => Err(Failure::usage("name one file, or base, ours and theirs").next("towpath secrets merge FILE")),
    }
}

fn install(context: &Context, args: &MergeArgs) -> Outcome {
    let folder = context.globals.project.clone().unwrap_or_else(|| ".".into());
    let installed = git::install(&folder, &args.pattern)?;
    context.out.show(&installed, |_| {
        let lines: String =
            installed.added.iter().map(|line| format!("{}: {line}\n", installed.attributes.display())).collect();
        format!("{lines}git merges these files by `{}`\n", installed.driver)
    })?;
    context.out.next("commit .gitattributes; the configuration of git is for each clone: everybody runs this once");
    Ok(Exit::Done)
}

/// Whose word holds where.
struct Take {
    /// `None` for everywhere; `recipients` for who can open the file.
    place: Option<String>,
    side: Side,
}

impl Take {
    fn of(text: &str) -> Result<Self, Failure> {
        let (place, side) = text.rsplit_once('=').map_or((None, text), |(place, side)| (Some(place), side));
        let side = match side {
            "ours" => Side::Ours,
            "theirs" => Side::Theirs,
            _ => {
                return Err(
                    Failure::usage(format!("`--take {text}` names no side")).next("--take ours, or --take NAME=theirs")
                );
            }
        };
        Ok(Self { place: place.map(str::to_owned), side })
    }

    fn is_for(&self, conflict: &Conflict) -> bool {
        match &self.place {
            None => true,
            Some(place) if conflict.kind == ConflictKind::Recipients => place == "recipients",
            Some(place) => sops::Path::parse(place).is_ok_and(|path| path == conflict.path),
        }
    }
}

/// Returns whose word holds in a conflict, if that was said. What is said of one place counts more than of all.
fn said(takes: &[Take], conflict: &Conflict) -> Option<Side> {
    let fits = |take: &&Take| take.is_for(conflict);
    let special = takes.iter().filter(|take| take.place.is_some()).find(fits);
    special.or_else(|| takes.iter().find(fits)).map(|take| take.side)
}

fn tools(vault: &Vault) -> Tools<'_> {
    Tools { wrap: vault, now: now(), entropy: &ENTROPY }
}

fn failure(name: &str, error: &MergeError, ring: &Keyring) -> Failure {
    let failure = match error {
        MergeError::Key { version, source } => ring.failure(&format!("{name} ({version})"), source),
        MergeError::Decrypt { version, source } => place::wrong(&format!("{name} ({version})"), source),
        MergeError::NoText { .. } | MergeError::Seal(_) => {
            Failure::new(Exit::Failed, "merge", format!("{name}: {error}")).causes(error)
        }
    };
    failure.kept("the file as it was")
}

/// Resolves what git left in conflict.
fn by_hand(context: &Context, args: &MergeArgs, takes: &[Take], file: &Path) -> Outcome {
    let name = args.path.as_deref().unwrap_or(file).display().to_string();
    let format = place::format_of(args.path.as_deref().unwrap_or(file));
    let stages = git::stages(file)?;
    let (Some(ours), Some(theirs)) = (&stages.ours, &stages.theirs) else {
        return Err(no_conflict(file, &name, stages.ours.is_some() || stages.theirs.is_some()));
    };
    let read = |bytes: &[u8]| File::parse(bytes, format).map_err(|error| place::wrong(&name, &error));
    let base = stages.base.as_deref().map(read).transpose()?;
    let (ours, theirs) = (read(ours)?, read(theirs)?);
    let mut ring = Keyring::gather();
    ring.open(context, &name, &ours)?;
    let merge = Merge::open(base, ours, theirs, &ring.identities).map_err(|error| failure(&name, &error, &ring))?;
    let wrong = |error: MergeError| failure(&name, &error, &ring);
    let merged = merge.text(&|conflict| said(takes, conflict).unwrap_or(Side::Ours)).map_err(wrong)?;
    let open: Vec<&Conflict> = merged.conflicts.iter().filter(|conflict| said(takes, conflict).is_none()).collect();
    if args.dry_run {
        tell(context, args, &merge, &merged.conflicts)?;
        return Ok(if open.is_empty() { Exit::Done } else { Exit::Difference });
    }
    if let Some(clash) = open.iter().find(|conflict| conflict.kind == ConflictKind::Recipients) {
        return Err(Failure::new(Exit::Refused, "conflict", format!("{name}: {clash}"))
            .kept("the file as it was")
            .next("--take recipients=ours or --take recipients=theirs, then towpath secrets update-keys"));
    }
    let text = if open.is_empty() {
        merged.text.as_bytes().to_vec().into()
    } else {
        tell(context, args, &merge, &open.iter().map(|conflict| (*conflict).clone()).collect::<Vec<_>>())?;
        edited(context, &name, file, &merge, takes).map_err(|error| *error)?
    };
    let vault = Vault::of_environment();
    let sealed = merge.seal(&text, &|conflict| said(takes, conflict).unwrap_or(Side::Ours), &tools(&vault));
    let bytes = sealed.map_err(wrong)?;
    place::replace(file, &bytes, CIPHERTEXT_MODE)?;
    warn_of_removed(context, &merge);
    context.out.progress(&format!("merged {name}"));
    context.out.next(&format!("git add {}", file.display()));
    Ok(Exit::Done)
}

fn no_conflict(file: &Path, name: &str, one_side: bool) -> Failure {
    if one_side {
        let message = format!("one side took {name} away, and the other changed it");
        return Failure::new(Exit::Refused, "conflict", message)
            .kept("the file as it was")
            .next("git add it to keep it, or git rm it");
    }
    let marked = fs::read(file).is_ok_and(|bytes| has_markers(&String::from_utf8_lossy(&bytes)));
    let failure =
        Failure::new(Exit::Usage, "no_conflict", format!("git has no conflict in `{name}`")).kept("the file as it was");
    if marked {
        // What is between the markers is not all that was merged, so no MAC would say what is right.
        failure
            .fact("why", "it has markers of a conflict, but git holds its versions no more")
            .next(format!("git checkout --merge -- {name}, which brings the conflict back; then this command again"))
    } else {
        failure
    }
}

/// Lets the user resolve what is in conflict, in a private copy.
fn edited(
    context: &Context,
    name: &str,
    file: &Path,
    merge: &Merge,
    takes: &[Take],
) -> Result<Zeroizing<Vec<u8>>, Box<Failure>> {
    if context.globals.no_input {
        return Err(Box::new(
            Failure::new(Exit::Refused, "conflict", format!("{name} has conflicts"))
                .kept("the file as it was")
                .next("--take ours, --take theirs or --take NAME=theirs; or without --no-input, to edit"),
        ));
    }
    let marked = merge.marked_text(&|conflict| said(takes, conflict));
    let marked = marked.map_err(|error| Failure::of(Exit::Failed, "merge", &error))?;
    let marked = marked.unwrap_or_default();
    let file_name = file.file_name().map_or_else(|| "secrets".to_owned(), |name| name.to_string_lossy().into_owned());
    let editing = Editing::begin(&file_name, marked.as_bytes())?;
    loop {
        let text = editing.run()?;
        let Some(line) = first_marker(&text) else { return Ok(text) };
        let failure =
            Failure::new(Exit::Refused, "conflict", format!("line {line} still has a marker of a conflict")).kept(KEPT);
        if !context.is_interactive() {
            return Err(Box::new(failure));
        }
        context.out.failure(&failure);
        if context.ask("Edit again? (y/n)", "y")?.to_ascii_lowercase().starts_with('n') {
            return Err(Box::new(Failure::new(Exit::Failed, "given_up", "the merge was given up").kept(KEPT)));
        }
    }
}

fn first_marker(text: &[u8]) -> Option<usize> {
    let marks: [&[u8]; 4] = [b"<<<<<<< ", b"=======", b">>>>>>> ", b"||||||| "];
    let is_mark = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        marks.iter().any(|mark| if mark.ends_with(b" ") { line.starts_with(mark) } else { line == *mark })
    };
    text.split(|byte| *byte == b'\n').position(is_mark).map(|index| index + 1)
}

/// Merges as git asks a driver to: the result goes into `ours`; a failure is a conflict to git.
fn driver(context: &Context, args: &MergeArgs, (base, ours, theirs): (&Path, &Path, &Path)) -> Outcome {
    let named = args.path.as_deref().unwrap_or(ours);
    let merged = merge_three(context, named, (base, ours, theirs));
    if merged.is_err() {
        // Otherwise the work tree would show our version as if there had been nothing to merge.
        git::merge_lines(base, ours, theirs)?;
    }
    merged
}

fn merge_three(context: &Context, named: &Path, (base, ours, theirs): (&Path, &Path, &Path)) -> Outcome {
    let name = named.display().to_string();
    let format = place::format_of(named);
    let read = |path: &Path| -> Result<Option<File>, Failure> {
        let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
        let parsed = (!bytes.is_empty()).then(|| File::parse(&bytes, format)).transpose();
        parsed.map_err(|error| place::wrong(&name, &error))
    };
    let empty = || Failure::new(Exit::Failed, "merge", format!("{name} is empty on one side"));
    let (base, into) = (read(base)?, ours);
    let (ours, theirs) = (read(ours)?.ok_or_else(empty)?, read(theirs)?.ok_or_else(empty)?);
    let mut ring = Keyring::gather();
    ring.open(context, &name, &ours)?;
    let merge = Merge::open(base, ours, theirs, &ring.identities).map_err(|error| failure(&name, &error, &ring))?;
    let wrong = |error: MergeError| failure(&name, &error, &ring);
    let vault = Vault::of_environment();
    let merged = merge.text(&|_| Side::Ours).map_err(wrong)?;
    if merged.conflicts.is_empty() {
        let bytes = merge.seal(merged.text.as_bytes(), &|_| Side::Ours, &tools(&vault)).map_err(wrong)?;
        place::replace(into, &bytes, CIPHERTEXT_MODE)?;
        warn_of_removed(context, &merge);
        return Ok(Exit::Done);
    }
    if let Some(bytes) = merge.marked_file(&tools(&vault)).map_err(wrong)? {
        place::replace(into, &bytes, CIPHERTEXT_MODE)?;
    }
    for conflict in &merged.conflicts {
        context.out.warn(&format!("{name}: {conflict}"));
    }
    context.out.next(&format!("towpath secrets merge {name}"));
    Ok(Exit::Failed)
}

/// Says what is in conflict, with values only where they are asked for.
fn tell(context: &Context, args: &MergeArgs, merge: &Merge, conflicts: &[Conflict]) -> Result<(), Failure> {
    let value = |side: Side, conflict: &Conflict| {
        let value = args.show_values.then(|| merge.value(side, &conflict.path)).flatten()?;
        value.as_text().map(|text| (*text).clone())
    };
    let views: Vec<_> = conflicts
        .iter()
        .map(|conflict| {
            json!({
                "path": conflict.path.to_string(),
                "message": conflict.to_string(),
                "ours": value(Side::Ours, conflict),
                "theirs": value(Side::Theirs, conflict),
            })
        })
        .collect();
    context.out.list(&views, |_| {
        let mut text = format!("{}\n", count(conflicts.len() as u64, "conflict"));
        for conflict in conflicts {
            text += &format!("  {conflict}\n");
            for side in [Side::Ours, Side::Theirs] {
                if let Some(value) = value(side, conflict) {
                    text += &format!("    {}: {value}\n", side.as_str());
                }
            }
        }
        text
    })
}

fn warn_of_removed(context: &Context, merge: &Merge) {
    let removed = merge.removed();
    if !removed.is_empty() {
        context.out.warn(&format!(
            "{} can open the file no more, but knows the values it had: rotate them",
            removed.join(", ")
        ));
    }
}

/// Merges what was edited with what somebody else wrote meanwhile.
pub(super) fn merged_meanwhile(opened: &Opened, edited: &[u8], there: &[u8]) -> Result<Vec<u8>, Failure> {
    let name = opened.input.name.as_str();
    let [base, ours, theirs] = [&opened.input.bytes, edited, there].map(|bytes| parsed(bytes, opened));
    let merge = Merge::open(Some(base?), ours?, theirs?, &opened.ring.identities);
    let merge = merge.map_err(|error| failure(name, &error, &opened.ring))?;
    let wrong = |error: MergeError| failure(name, &error, &opened.ring);
    let merged = merge.text(&|_| Side::Ours).map_err(wrong)?;
    if let Some(conflict) = merged.conflicts.first() {
        let message = format!("somebody else changed {name} while you edited, and {conflict}");
        return Err(Failure::new(Exit::Refused, "changed_meanwhile", message));
    }
    let vault = Vault::of_environment();
    merge.seal(merged.text.as_bytes(), &|_| Side::Ours, &tools(&vault)).map_err(wrong)
}
