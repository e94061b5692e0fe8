//! How a command ends when it does not end well: what, where, why, what was kept, what next; and the exit status.
//!
//! Errors stay typed until here. This is the edge, where the whole chain becomes text once.

use std::error::Error;

use serde_json::{Value, json};
use towpath_server::api::types::{Problem, ProblemField, ProblemKind};

use crate::output::Paint;

/// How the process ends. The numbers are documented and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// The request makes no sense as it is.
    Usage = 2,
    /// A gate or a policy says no.
    Refused = 3,
    /// A difference was found.
    Difference = 4,
    /// The server cannot be reached.
    Unreachable = 5,
    /// Not finished at `--timeout`.
    StillRunning = 6,
    /// The command to be started cannot be.
    NotExecutable = 126,
    /// The command to be started is not there.
    NotFound = 127,
    /// Interrupted from the keyboard.
    Interrupted = 130,
}

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit status.
    pub exit: Exit,
    // Boxed, because every result carries room for it.
    told: Box<Told>,
}

/// What is told of a failure.
#[derive(Debug, Default)]
struct Told {
    code: String,
    message: String,
    /// Printed before the message as it is: reports with excerpts of files.
    report: Option<String>,
    facts: Vec<(&'static str, String)>,
    kept: Option<String>,
    next: Vec<String>,
    problem: Option<Value>,
}

impl Failure {
    /// Returns a failure with a stable code and what failed.
    pub(crate) fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        let told = Told { code: code.to_owned(), message: message.into(), ..Told::default() };
        Self { exit, told: Box::new(told) }
    }

    /// Returns the failure of something that was asked for wrongly.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Returns a failure that says what an error and everything under it say.
    pub(crate) fn of(exit: Exit, code: &str, error: &(dyn Error + 'static)) -> Self {
        Self::new(exit, code, error.to_string()).causes(error)
    }

    /// Returns the failure of writing to a closed pipe: nobody reads any more, so nothing is said.
    pub(crate) fn closed_output() -> Self {
        Self::new(Exit::Done, "closed_output", "")
    }

    /// Adds the causes under an error whose own message is said already.
    #[must_use]
    pub(crate) fn causes(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut source = error.source();
        while let Some(error) = source {
            self.told.facts.push(("cause", error.to_string()));
            source = error.source();
        }
        self
    }

    /// Adds an error as the cause, with what is under it.
    #[must_use]
    pub(crate) fn because(mut self, error: &(dyn Error + 'static)) -> Self {
        self.told.facts.push(("cause", error.to_string()));
        self.causes(error)
    }

    /// Takes over the report of another failure.
    #[must_use]
    pub(crate) fn causes_of(mut self, other: Self) -> Self {
        let other = *other.told;
        (self.told.report, self.told.problem) = (other.report, other.problem);
        self
    }

    /// Adds a line with a label of at most six letters.
    #[must_use]
    pub(crate) fn fact(mut self, label: &'static str, text: impl Into<String>) -> Self {
        self.told.facts.push((label, text.into()));
        self
    }

    /// Says what was kept.
    #[must_use]
    pub(crate) fn kept(mut self, text: impl Into<String>) -> Self {
        self.told.kept = Some(text.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub(crate) fn next(mut self, text: impl Into<String>) -> Self {
        self.told.next.push(text.into());
        self
    }

    /// Puts a ready report before the message, and its data into the JSON form.
    #[must_use]
    pub(crate) fn report(mut self, text: String, errors: &Value) -> Self {
        self.told.report = Some(text);
        self.told.problem = Some(json!({ "errors": errors }));
        self
    }

    /// Returns the failure that the server's problem document means.
    pub(crate) fn of_problem(problem: &Problem, kept: &str) -> Self {
        let exit = match problem.kind {
            ProblemKind::User => Exit::Usage,
            ProblemKind::Refused | ProblemKind::Conflict => Exit::Refused,
            ProblemKind::Unavailable => Exit::Unreachable,
            ProblemKind::Internal => Exit::Failed,
        };
        let mut failure = Self::new(exit, &problem.code, problem.detail.clone()).kept(kept);
        failure.told.facts.extend(problem.details.iter().map(|line| ("why", line.clone())));
        // What is wrong with a field is often the whole message; then the field's name is all that is new.
        let said = |field: &ProblemField| {
            if field.detail == problem.detail {
                field.pointer.clone()
            } else {
                format!("{}: {}", field.pointer, field.detail)
            }
        };
        failure.told.facts.extend(problem.errors.iter().map(|field| ("field", said(field))));
        if problem.kind == ProblemKind::Internal {
            failure.told.facts.push(("log", format!("the server's log has request {}", problem.request_id)));
        }
        failure.told.next.extend(problem.next.clone());
        failure.told.problem = serde_json::to_value(problem).ok();
        failure
    }

    /// Returns the stable code.
    pub(crate) fn code(&self) -> &str {
        &self.told.code
    }

    /// Returns what failed, in one sentence.
    pub(crate) fn message(&self) -> &str {
        &self.told.message
    }

    /// Says whether there is anything to say.
    pub(crate) fn is_silent(&self) -> bool {
        self.told.message.is_empty()
    }

    /// Returns the form for people, ending in a newline.
    pub(crate) fn text(&self, paint: Paint) -> String {
        let mut text = self.told.report.clone().unwrap_or_default();
        text += &format!("{} {}\n", paint.red("error:"), self.told.message);
        let kept = self.told.kept.iter().map(|kept| ("kept", kept));
        let next = self.told.next.iter().map(|next| ("next", next));
        for (label, line) in self.told.facts.iter().map(|(label, line)| (*label, line)).chain(kept).chain(next) {
            text += &format!("  {}  {line}\n", paint.dim(&format!("{label:<5}")));
        }
        text
    }

    /// Returns the form for machines: problem details (RFC 9457), the server's own where it sent them.
    pub(crate) fn json(&self) -> Value {
        let mut problem = match &self.told.problem {
            Some(problem) if problem.get("type").is_some() => problem.clone(),
            other => {
                let mut problem = json!({
                    "type": format!("urn:towpath:problem:{}", self.told.code),
                    "title": self.told.code.replace('_', " "),
                    "code": self.told.code,
                    "detail": self.told.message,
                    "details": self.told.facts.iter().map(|(_, line)| line).collect::<Vec<_>>(),
                    "next": self.told.next.first(),
                });
                if let (Some(errors), Some(object)) =
                    (other.as_ref().and_then(|other| other.get("errors")), problem.as_object_mut())
                {
                    object.insert("errors".to_owned(), errors.clone());
                }
                problem
            }
        };
        if let Some(object) = problem.as_object_mut() {
            object.insert("schemaVersion".to_owned(), json!(1));
            object.insert("kept".to_owned(), json!(self.told.kept));
            object.insert("exitStatus".to_owned(), json!(self.exit as u8));
        }
        problem
    }
}

#[cfg(test)]
mod tests;
