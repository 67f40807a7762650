//! Where the metadata of a restore point goes: it steps down until it fits, and never prevents a backup.

use super::tags::{FIXED_TAGS, MAX_PARTS, MAX_SEALED_BYTES, parts};

/// The most tags that AWS takes on a recovery point, the inherited ones of the table among them.
pub const MAX_TAGS: usize = 50;

/// Where the metadata goes, from the first choice to the last step down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataPlacement {
    /// The captured settings go into the settings table, and the message is the envelope.
    pub settings_stored: bool,
    /// The message goes into the settings table as well.
    pub message_stored: bool,
    /// The recovery point carries the id at least. Without it, it has no tag of ours at all.
    pub id: bool,
}

/// Decides by the lengths in bytes of the sealed messages, the whole one and the envelope, and by how many
/// tags the table has itself (AWS's own, `aws:`, do not count).
///
/// Beside a message in the tags room is kept for the id, for its binding, and for a hold that may come later. Any
/// lengths and any number of tags have their place.
pub fn place(whole: usize, envelope: usize, own_tags: usize) -> MetadataPlacement {
    let values = MAX_TAGS.saturating_sub(own_tags.saturating_add(FIXED_TAGS)).min(MAX_PARTS);
    let fits = |length: usize| length <= MAX_SEALED_BYTES && parts(length) <= values;
    let is_inline = fits(whole);
    let message_stored = !is_inline && !fits(envelope);
    MetadataPlacement {
        // A message that would fit into tags is small enough to be kept whole.
        settings_stored: if message_stored { whole > MAX_SEALED_BYTES } else { !is_inline },
        message_stored,
        id: own_tags < MAX_TAGS,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INLINE: MetadataPlacement =
        MetadataPlacement { settings_stored: false, message_stored: false, id: true };
    const ENVELOPE: MetadataPlacement = MetadataPlacement { settings_stored: true, ..INLINE };
    const ID: MetadataPlacement = MetadataPlacement { message_stored: true, ..INLINE };
    const NONE: MetadataPlacement = MetadataPlacement { id: false, ..ID };

    #[test]
    fn it_steps_down_to_no_tag_at_all() {
        // 1,200 bytes take 7 values, 600 bytes 4.
        assert_eq!(place(1200, 600, 0), INLINE);
        assert_eq!(place(1200, 600, 40), INLINE);
        assert_eq!(place(1200, 600, 41), ENVELOPE);
        assert_eq!(place(1200, 600, 43), ENVELOPE);
        assert_eq!(place(1200, 600, 44), ID);
        assert_eq!(place(1200, 600, 49), ID);
        assert_eq!(place(1200, 600, 50), NONE);
        assert_eq!(place(MAX_SEALED_BYTES + 1, 600, 0), ENVELOPE);
        assert_eq!(place(MAX_SEALED_BYTES + 1, 600, 45), MetadataPlacement { settings_stored: true, ..ID });
        assert_eq!(
            place(MAX_SEALED_BYTES + 1, MAX_SEALED_BYTES + 1, 0),
            MetadataPlacement { settings_stored: true, ..ID }
        );
        assert_eq!(
            place(usize::MAX, usize::MAX, usize::MAX),
            MetadataPlacement { settings_stored: true, ..NONE }
        );
    }

    proptest! {
        #[test]
        fn what_is_in_the_tags_fits_and_nothing_steps_down_without_need(
            whole in prop_oneof![0..5000usize, Just(usize::MAX / 8)],
            envelope in 0..3000usize,
            own in 0..=50usize,
        ) {
            let with_all = |length| parts(length) + FIXED_TAGS;
            let fits = |length| {
                let ours = with_all(length);
                ours <= 10 && ours + own <= MAX_TAGS
            };
            let place = place(whole, envelope, own);
            let message = if place.settings_stored { envelope } else { whole };
            prop_assert_eq!(place.id, own < MAX_TAGS);
            if place.message_stored {
                prop_assert!(!fits(whole) && !fits(envelope));
                prop_assert!(place.settings_stored || message <= MAX_SEALED_BYTES);
            } else {
                prop_assert!(fits(message) && place.id);
                prop_assert_eq!(place.settings_stored, !fits(whole));
            }
        }
    }
}
