//! Patterns of texts with `*` and `?`: how they match. How they are written differs between AWS's services, so each
//! reads its own.

/// A sign of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// This very character.
    Char(char),
    /// Any character.
    One,
    /// Any text.
    Many,
}

/// A pattern in which `*` is any text, `?` any character, and nothing is escaped.
pub(crate) fn signs(text: &str) -> impl Iterator<Item = Sign> {
    text.chars().map(|char| match char {
        '*' => Sign::Many,
        '?' => Sign::One,
        other => Sign::Char(other),
    })
}

/// Whether a text matches such a pattern as a whole.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    matches(&signs(pattern).collect::<Vec<_>>(), text)
}

/// Whether a text matches as a whole. One step back to the last `*` is enough, and takes no more than length times
/// length.
pub(crate) fn matches(signs: &[Sign], text: &str) -> bool {
    let (mut sign, mut rest) = (0, text);
    let mut back: Option<(usize, &str)> = None;
    loop {
        let next = rest.chars().next();
        let fits = match (signs.get(sign), next) {
            (Some(Sign::Many), _) => {
                sign += 1;
                back = Some((sign, rest));
                continue;
            }
            (None, None) => return true,
            (Some(Sign::One), Some(_)) => true,
            (Some(Sign::Char(wanted)), Some(given)) => *wanted == given,
            _ => false,
        };
        if let (true, Some(given)) = (fits, next) {
            sign += 1;
            rest = &rest[given.len_utf8()..];
            continue;
        }
        let Some((resume, from)) = back else { return false };
        let Some(skipped) = from.chars().next() else { return false };
        let from = &from[skipped.len_utf8()..];
        back = Some((resume, from));
        (sign, rest) = (resume, from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_what_they_do() {
        for (pattern, text, fits) in [
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("*ab*ab", "abaab", true),
            ("?", "ü", true),
            ("?", "", false),
            ("a?c*", "abc", true),
            ("**", "x", true),
        ] {
            assert_eq!(like(pattern, text), fits, "{pattern} {text}");
        }
    }
}
