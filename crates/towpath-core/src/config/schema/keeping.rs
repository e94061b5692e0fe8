//! What an environment's data are and how they are kept: data class, backups. And what all of it may cost.

use std::collections::BTreeSet;

use super::{
    access::positive,
    environment::KnownEnvironment,
    values::{Amount, Currency},
};
use crate::{
    config::{
        describe::{Book, Shape},
        read::{Read, Reader, section, words},
        value::{Data, Value},
    },
    units::{Millis, Percent},
};

/// The data of an environment: their class alone, or a map.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile(pub DataMap);

section! {
    /// What the data are: the class alone (`data: mock`) or with where they come from.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct DataMap {
        /// How near to people the data are.
        class: DataClass,
        /// The environment they are copied from.
        copied_from: Option<KnownEnvironment>,
        /// How often they are set back; never if absent.
        reset_every: Option<Millis>,
    }
    check(value, reader; class, copied_from) {
        let made = matches!(class, DataClass::Mock | DataClass::Synthetic);
        let sound = !made || copied_from.is_none();
        if !sound {
            let why = format!("{} data are made, not copied: leave out `copied_from`", class.as_str());
            reader.clash(value, &["class", "copied_from"], &why);
        }
        sound
    }
    check(value, reader; reset_every) {
        let sound = reset_every.is_none_or(|time| time.0 > 0);
        if !sound {
            positive(value, "reset_every", reader);
        }
        sound
    }
}

words! {
    /// How near to people data are.
    pub enum DataClass {
        /// A few made-up records.
        Mock = "mock",
        /// Generated in the shape and amount of real ones.
        Synthetic = "synthetic",
        /// Copied from real ones, without what tells who it is.
        Anonymised = "anonymised",
        /// People's own.
        Real = "real",
    }
}

impl Read for DataFile {
    fn read(value: &Value, reader: &mut Reader) -> Option<Self> {
        if let Data::Scalar(_) = &value.data {
            let class = DataClass::read(value, reader)?;
            return Some(Self(DataMap { class, copied_from: None, reset_every: None }));
        }
        DataMap::read(value, reader).map(Self)
    }

    fn shape(book: &mut Book) -> Shape {
        book.or_word(DataClass::WORDS, DataMap::shape)
    }
}

section! {
    /// Copies of the data.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct BackupsFile {
        /// Whether there are any.
        enabled: bool = true,
        /// What one takes.
        strategy: BackupStrategy = BackupStrategy::Incremental,
        /// How often one is made.
        every: Millis = Millis::from_secs(6 * 3600),
        /// How many are kept.
        retention: BackupRetentionFile = BackupRetentionFile::default(),
        /// Whether they are encrypted.
        encrypted: bool = true,
    }
    check(value, reader; every) {
        let sound = every.0 > 0;
        if !sound {
            positive(value, "every", reader);
        }
        sound
    }
}

words! {
    /// What a backup takes.
    pub enum BackupStrategy {
        /// What changed since the one before.
        Incremental = "incremental",
        /// Everything.
        Full = "full",
    }
}

section! {
    /// How many backups are kept: the last of so many days, weeks, months and years.
    pub struct BackupRetentionFile {
        /// Days.
        daily: u32 = 7,
        /// Weeks.
        weekly: u32 = 4,
        /// Months.
        monthly: u32 = 6,
        /// Years.
        yearly: u32 = 2,
    }
    check(value, reader; daily, weekly, monthly, yearly) {
        let sound = [daily, weekly, monthly, yearly].into_iter().any(|count| *count > 0);
        if !sound {
            let why = "with `daily`, `weekly`, `monthly` and `yearly` all 0 no backup would be kept";
            reader.wrong(value, why, "set one of them to 1 or more, or `enabled: false` if there shall be none");
        }
        sound
    }
}

impl Default for BackupRetentionFile {
    fn default() -> Self {
        Self { daily: 7, weekly: 4, monthly: 6, yearly: 2 }
    }
}

section! {
    /// What an environment may cost in a month.
    /// Towpath checks this and shows it; nothing acts on it yet.
    pub struct BudgetFile {
        /// How much.
        monthly: Amount,
        /// In which currency.
        currency: Currency = Currency("EUR".to_owned()),
        /// At which parts of it somebody is told.
        alert_at: BTreeSet<Percent>,
    }
}
