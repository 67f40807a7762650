//! The rules, each a judge of its own.

mod agreement;
mod bounds;
mod copies;
mod flags;
mod rebuild;
mod removal;
mod restores;
mod seals;
mod second;
mod settings;
mod slots;

use jiff::{SignedDuration, Timestamp};

use crate::Finding;
use crate::book::Book;
use crate::entry::Entry;

/// What judges find.
#[derive(Debug, Default)]
pub(crate) struct Found(pub(crate) Vec<Finding>);

impl Found {
    pub(crate) fn add(&mut self, rule: &'static str, at: Timestamp, what: impl Into<String>) {
        self.0.push(Finding { rule, at, what: what.into() });
    }
}

/// A judge of one rule, or of several that look at the same.
pub(crate) trait Rule {
    /// Looks at an entry, which the book knows already.
    fn see(&mut self, book: &mut Book<'_>, entry: &Entry, found: &mut Found);

    /// Looks back at the whole of it.
    fn end(&mut self, _book: &Book<'_>, _found: &mut Found) {}
}

/// All of them.
pub(crate) fn all() -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(slots::Slots::default()),
        Box::new(second::Second),
        Box::new(flags::Flags),
        Box::new(removal::Removal::default()),
        Box::new(copies::Copies::default()),
        Box::new(agreement::Agreement),
        Box::new(rebuild::Rebuild::default()),
        Box::new(seals::Seals::default()),
        Box::new(restores::Restores),
        Box::new(settings::Settings::default()),
        Box::new(bounds::Bounds::default()),
    ]
}

/// So long after the last disturbance everything is made good, a retention run included.
const CALM: SignedDuration = SignedDuration::from_hours(26);

/// Whether nothing was disturbed for so long that nothing is excused any more.
fn is_calm(book: &Book<'_>, at: Timestamp) -> bool {
    !book.is_disturbed(at - CALM, at)
}
