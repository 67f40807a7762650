//! Where the captured settings of a restore point go.

use thiserror::Error;

use super::tags::{PARTS, parts};

/// The most tags that AWS takes on a recovery point, the inherited ones of the table among them.
pub const TAGS: usize = 50;

/// Where the captured settings go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Into the tags, with the rest.
    Inline,
    /// Into the settings table; the tags take the envelope.
    Stored,
}

/// Not even the envelope fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoRoom {
    /// Recovery points inherit the table's tags, and AWS fails a job whose union passes 50.
    #[error(
        "the table has {own} tags of its own and its metadata needs {ours}, together more than the {TAGS} \
         that AWS allows on a recovery point: remove {} of the table's tags", own + ours - TAGS
    )]
    TableTags {
        /// The table's own tags.
        own: usize,
        /// What the envelope, the id and the hold take.
        ours: usize,
    },
    /// The envelope alone is longer than tags may be.
    #[error(
        "the metadata takes {parts} tags without the table's settings, more than {PARTS}: \
         give the policy fewer copy targets or shorter names"
    )]
    Envelope {
        /// The tag values that the envelope takes.
        parts: usize,
    },
}

/// Decides by the lengths in bytes of the sealed messages, the whole one and the envelope, and by how many
/// tags the table has itself (AWS's own, `aws:`, do not count).
///
/// Room is kept for the id and for a hold that may come later. Pass a `whole` of `usize::MAX` to step down
/// once more when AWS refuses all the same.
///
/// # Errors
/// When even the envelope does not fit, with the way out.
pub fn place(whole: usize, envelope: usize, own_tags: usize) -> Result<Place, NoRoom> {
    let with_id_and_hold = |parts: usize| parts + 2;
    let fits = |parts: usize| parts <= PARTS && own_tags + with_id_and_hold(parts) <= TAGS;
    if whole <= super::tags::MOST && fits(parts(whole)) {
        return Ok(Place::Inline);
    }
    match parts(envelope) {
        parts if fits(parts) => Ok(Place::Stored),
        parts if parts > PARTS => Err(NoRoom::Envelope { parts }),
        parts => Err(NoRoom::TableTags { own: own_tags, ours: with_id_and_hold(parts) }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tags::MOST;
    use super::*;

    #[test]
    fn the_settings_step_down_before_anything_is_refused() {
        // 1,200 bytes take 7 values, 600 bytes 4.
        assert_eq!(place(1200, 600, 0), Ok(Place::Inline));
        assert_eq!(place(1200, 600, 41), Ok(Place::Inline));
        assert_eq!(place(1200, 600, 42), Ok(Place::Stored));
        assert_eq!(place(1200, 600, 44), Ok(Place::Stored));
        assert_eq!(place(MOST + 1, 600, 0), Ok(Place::Stored));
        assert_eq!(place(usize::MAX, 600, 0), Ok(Place::Stored));
        let refused = [place(1200, 600, 45), place(1200, 600, 50), place(4000, MOST + 1, 0)];
        let refused = refused.map(|result| result.unwrap_err().to_string()).join("\n");
        insta::assert_snapshot!(refused, @r#"
        the table has 45 tags of its own and its metadata needs 6, together more than the 50 that AWS allows on a recovery point: remove 1 of the table's tags
        the table has 50 tags of its own and its metadata needs 6, together more than the 50 that AWS allows on a recovery point: remove 6 of the table's tags
        the metadata takes 9 tags without the table's settings, more than 8: give the policy fewer copy targets or shorter names
        "#);
    }

    proptest! {
        #[test]
        fn the_union_never_passes_what_aws_allows(whole in 0..5000usize, envelope in 0..2000usize, own in 0..=50usize) {
            let ours = match place(whole, envelope, own) {
                Ok(Place::Inline) => parts(whole) + 2,
                Ok(Place::Stored) => parts(envelope) + 2,
                Err(_) => return Ok(()),
            };
            prop_assert!(ours <= 10 && ours + own <= TAGS);
        }
    }
}
