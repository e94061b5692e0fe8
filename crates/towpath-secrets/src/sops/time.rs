//! Points in time as the reference implementation reads and writes them.
//!
//! An unquoted YAML scalar that looks like one *is* one there, and goes into the MAC in one spelling. No calendar is
//! computed here: only what is needed to tell whether a text is a time.

/// A time in its one spelling: RFC 3339 with as many digits of a second as it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Time(String);

impl Time {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a plain YAML scalar: RFC 3339 with short fields, `T`, `t` or a space (then without a zone), or a date.
    pub(crate) fn of_yaml(text: &str) -> Option<Self> {
        let year = text.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
        let mut rest = Rest(text.get(4..)?);
        rest.skip('-')?;
        let month = rest.number(1, 2)?;
        rest.skip('-')?;
        let day = rest.number(1, 2)?;
        let year: u16 = year.parse().ok()?;
        if !(1..=12).contains(&month) || day == 0 || day > days(year, month) {
            return None;
        }
        if rest.0.is_empty() {
            return Some(Self(format!("{year:04}-{month:02}-{day:02}T00:00:00Z")));
        }
        let spaced = rest.skip(' ').is_some();
        if !spaced {
            rest.skip('T').or_else(|| rest.skip('t'))?;
        }
        let clock = rest.clock()?;
        let zone = if spaced { "Z".to_owned() } else { rest.zone()? };
        rest.0.is_empty().then(|| Self(format!("{year:04}-{month:02}-{day:02}T{clock}{zone}")))
    }

    /// Reads RFC 3339.
    pub(crate) fn of_rfc3339(text: &str) -> Option<Self> {
        let full = text.len() >= 20 && text.get(10..11) == Some("T") && text.get(4..5) == Some("-");
        let two = |at: usize| text.get(at..at + 2).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        (full && [5, 8, 11, 14, 17].into_iter().all(two)).then(|| Self::of_yaml(text))?
    }

    /// Returns it without parts of a second, which is how the time of the last change goes into the MAC.
    pub(crate) fn seconds(&self) -> String {
        let (clock, rest) = self.0.split_at(self.0.len().min(19));
        let zone = rest.find(['Z', '+', '-']).and_then(|at| rest.get(at..)).unwrap_or("Z");
        format!("{clock}{zone}")
    }
}

/// What of a text is still to be read.
struct Rest<'t>(&'t str);

impl Rest<'_> {
    fn skip(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    fn number(&mut self, least: usize, most: usize) -> Option<u8> {
        let digits = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.0.split_at_checked(digits).filter(|_| digits >= least)?;
        self.0 = rest;
        number.parse().ok()
    }

    /// Reads hours, minutes, seconds and parts of a second; returns them in their one spelling.
    fn clock(&mut self) -> Option<String> {
        let hour = self.number(1, 2)?;
        self.skip(':')?;
        let minute = self.number(1, 2)?;
        self.skip(':')?;
        let second = self.number(1, 2)?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let mut part = "";
        if let Some(rest) = self.0.strip_prefix(['.', ',']) {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 {
                let (all, after) = rest.split_at(digits);
                part = all.get(..9).unwrap_or(all).trim_end_matches('0');
                self.0 = after;
            }
        }
        let dot = if part.is_empty() { "" } else { "." };
        Some(format!("{hour:02}:{minute:02}:{second:02}{dot}{part}"))
    }

    fn zone(&mut self) -> Option<String> {
        if self.skip('Z').is_some() {
            return Some("Z".to_owned());
        }
        let sign = if self.skip('+').is_some() { '+' } else { self.skip('-').map(|()| '-')? };
        let hour = self.number(2, 2)?;
        self.skip(':')?;
        let minute = self.number(2, 2)?;
        // Above a day the reference implementation reads the zone and cannot write it.
        if hour > 23 || minute > 59 {
            return None;
        }
        Some(if (hour, minute) == (0, 0) { "Z".to_owned() } else { format!("{sign}{hour:02}:{minute:02}") })
    }
}

fn days(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests;
