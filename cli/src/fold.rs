//! Long texts in lines that can be read.

/// The text in lines of at most so many characters, where its words allow that.
pub(crate) fn folded(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A reason as a cell of a table.
pub(crate) fn cell(text: &str) -> String {
    folded(text, 78).join("\n")
}
