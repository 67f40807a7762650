//! JSON on paper: what fits a line stays on it.

use serde_json::Value;

/// A document on lines of at most `width`, where its texts allow.
pub fn pretty(value: &Value, width: usize) -> String {
    let mut text = String::new();
    write(value, 0, 0, width, &mut text);
    text
}

/// `before` is what stands before the value on its line.
fn write(value: &Value, indent: usize, before: usize, width: usize, text: &mut String) {
    let one_line = line(value);
    if before + one_line.chars().count() < width {
        text.push_str(&one_line);
        return;
    }
    let inner = indent + 2;
    let (open, close, members): (_, _, Vec<(String, &Value)>) = match value {
        Value::Object(fields) => {
            ('{', '}', fields.iter().map(|(name, value)| (format!("\"{name}\": "), value)).collect())
        }
        Value::Array(items) => ('[', ']', items.iter().map(|item| (String::new(), item)).collect()),
        _ => return text.push_str(&one_line),
    };
    text.push(open);
    for (number, (name, member)) in members.iter().enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        text.push_str(&" ".repeat(inner));
        text.push_str(name);
        write(member, inner, inner + name.chars().count(), width, text);
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push(close);
}

/// On one line, with a space after each comma and colon.
fn line(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("\"{name}\": {}", line(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_a_line_stays_on_it() {
        let value = json!({"keys": {"hash": ["a"]}, "list": ["one thing", "another thing"], "n": 1});
        insta::assert_snapshot!(pretty(&value, 30), @r#"
        {
          "keys": {"hash": ["a"]},
          "list": [
            "one thing",
            "another thing"
          ],
          "n": 1
        }
        "#);
        assert_eq!(serde_json::from_str::<Value>(&pretty(&value, 30)).unwrap(), value);
        assert_eq!(pretty(&value, 100), line(&value));
    }
}
