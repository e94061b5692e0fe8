//! The strategy that ships dark and then turns a flag on.

use super::{AnalysisFile, Pause, default_analysis};
use crate::{
    config::{
        describe::{Book, Shape},
        diagnostic::Diagnostic,
        read::{Read, Reader, Step, section, words},
        value::{Data, Value},
    },
    deployment::{FlagStep, FlagStrategy, Via},
    flags::FlagKey,
    units::{Millis, Percent},
};

words! {
    /// How the instances are replaced before the flag goes on.
    pub enum ViaFile {
        /// Instance by instance.
        Rolling = "rolling",
        /// All at once, the old kept until the end.
        BlueGreen = "blue-green",
        /// The old is stopped first.
        Recreate = "recreate",
    }
}

section! {
    /// The new takes everything over with a flag off; then the flag goes on for a growing share of the users.
    pub struct FlagFile {
        /// The flag in `flags/`.
        key: FlagKey,
        /// Its variant that is new; everybody else gets its default variant.
        variant: String = "on".to_owned(),
        /// How the instances are replaced while it is off.
        via: ViaFile = ViaFile::Rolling,
        /// Shares of the users, pauses and analyses in order; off, 5, 25, 50 and 100 % with a pause and an analysis each if absent.
        steps: Option<FlagSteps>,
    }
}

/// Steps in order; their shares rise.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagSteps(Vec<FlagStepFile>);

/// One step: exactly one of `percent`, `pause` and `analysis`.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagStepFile(FlagStep);

section! {
    /// A step of a flag.
    pub struct FlagStepMap {
        /// Gives the variant to this share of the users.
        percent: Option<Percent>,
        /// Waits this long, or with `manual` until a person goes on.
        pause: Option<Pause>,
        /// Judges what the flag does.
        analysis: Option<AnalysisFile>,
    }
    choice("percent", "pause", "analysis"; most_one) "a step is exactly one of `percent`, `pause` and `analysis`"
}

impl Read for FlagStepFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        // `- analysis:` without settings means the usual analysis.
        let bare = value.as_map().and_then(|map| map.get("analysis")).filter(|member| member.value.is_removed());
        let usual = bare.is_some_and(|member| member.value.shadowed.is_empty());
        let step = FlagStepMap::read(value, reader)?;
        let found = match (step.percent, step.pause, step.analysis) {
            (Some(percent), None, None) => Some(FlagStep::Percent { percent }),
            (None, Some(Pause(duration)), None) => Some(FlagStep::Pause { duration }),
            (None, None, Some(analysis)) => Some(FlagStep::Analysis(analysis.spec())),
            (None, None, None) if usual => Some(FlagStep::Analysis(default_analysis())),
            _ => None,
        };
        if found.is_none() {
            let message = format!("`{}`: a step is exactly one of `percent`, `pause` and `analysis`", reader.path());
            let error = Diagnostic::error("config::missing", value.origin, message);
            reader.push(error.help("write `percent: 5%`, `pause: 10m` or `analysis: {…}`"));
        }
        found.map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        FlagStepMap::shape(book)
    }
}

impl Read for FlagSteps {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        let Data::List(items) = &value.data else {
            reader.expected(value, "a list of steps");
            return None;
        };
        let (mut sound, mut steps, mut before) = (true, Vec::new(), 0);
        for (index, item) in items.iter().enumerate() {
            let step = reader.under(Step::Index(index), |reader| {
                let step = FlagStepFile::read(item, reader);
                if let Some(FlagStep::Percent { percent }) = step.as_ref().map(|step| &step.0) {
                    sound &= grows(item, before, percent.get(), reader);
                    before = percent.get();
                }
                step
            });
            sound &= step.is_some();
            steps.extend(step);
        }
        if sound && before == 0 {
            reader.wrong(value, "no step gives the flag to anybody", "add a step such as `percent: 100%`");
            return None;
        }
        sound.then_some(Self(steps))
    }

    fn shape(book: &mut Book) -> Shape {
        Vec::<FlagStepFile>::shape(book)
    }
}

/// Checks that a share is above the one before; the first above nothing, because off is where it begins.
fn grows(item: &Value, before: u8, percent: u8, reader: &mut Reader) -> bool {
    if percent > before {
        return true;
    }
    if percent == 0 {
        reader.wrong(
            item,
            "a share of 0 gives the flag to nobody, which is how a rollout begins",
            "begin with 1% or more",
        );
    } else {
        let why = format!("the shares of the steps must rise: {percent}% comes after {before}%");
        reader.wrong(item, &why, "raise this share, or put the step before the other");
    }
    false
}

/// What holds where nothing is said: judged while dark, so that what comes after has something to be compared with; then a
/// little, a quarter, half, all.
fn default_steps() -> Vec<FlagStep> {
    let wait = || [FlagStep::Pause { duration: Some(Millis::from_secs(60)) }, FlagStep::Analysis(default_analysis())];
    let percents = [5, 25, 50, 100].into_iter().filter_map(Percent::new);
    let on = percents.flat_map(|percent| std::iter::once(FlagStep::Percent { percent }).chain(wait()));
    wait().into_iter().chain(on).collect()
}

impl FlagFile {
    /// Returns the strategy; which definition the flag has is for a release to say.
    pub(super) fn strategy(self) -> FlagStrategy {
        let steps =
            self.steps.map_or_else(default_steps, |FlagSteps(steps)| steps.into_iter().map(|it| it.0).collect());
        let via = match self.via {
            ViaFile::Rolling => Via::Rolling,
            ViaFile::BlueGreen => Via::BlueGreen,
            ViaFile::Recreate => Via::Recreate,
        };
        FlagStrategy { key: self.key, variant: self.variant, via, definition: None, steps }
    }
}
