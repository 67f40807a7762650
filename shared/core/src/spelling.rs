//! How an operator spells a value: its words, its numbers, and what is wrong with it, in two parts.

/// Why a text is refused, and what to write in its place.
pub trait Misspelt {
    /// What is wrong with it.
    fn what(&self) -> String;
    /// What to write.
    fn way_out(&self) -> String;
}

/// The words of a text, parted by spaces.
pub(crate) fn words(text: &str) -> Vec<&str> {
    text.split(' ').filter(|word| !word.is_empty()).collect()
}

/// A whole number in digits alone: without a sign, and without zeros before it.
pub(crate) fn number(text: &str) -> Option<u32> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_digits_alone() {
        assert_eq!(number("0"), Some(0));
        assert_eq!(number("36500"), Some(36_500));
        for text in ["", "+3", "-3", "03", "1.0", "1e2", "٣", "99999999999"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn words_are_parted_by_spaces_alone() {
        assert_eq!(words(" last   day "), ["last", "day"]);
        assert_eq!(words("last\tday"), ["last\tday"]);
    }
}
