//! Texts from outside, as errors quote them.

use std::borrow::Cow;

/// The most bytes of a text from outside that an error quotes: enough to know it by.
pub const MAX_QUOTED_CHARS: usize = 200;

/// `text` with at most `most` bytes, and an ellipsis where something is left out.
pub fn brief(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(most)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(brief("Tür", 4), "Tür");
        assert_eq!(brief("Türen", 3), "Tü…");
        assert_eq!(brief("Türen", 2), "T…");
    }
}
