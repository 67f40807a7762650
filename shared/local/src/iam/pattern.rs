//! Patterns of policies: `*`, `?` and policy variables.

use super::facts::Facts;

/// A pattern, read once when its policy is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `${key}` or `${key, 'otherwise'}`
    Variable {
        key: String,
        otherwise: Option<String>,
    },
}

impl Pattern {
    /// Reads a pattern. AWS documents `${*}`, `${?}` and `${$}` as the characters themselves; a `${` that is not
    /// closed is text.
    pub(super) fn read(text: &str) -> Self {
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some((inner, after)) = rest.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
                tokens.push(match inner {
                    "*" | "?" | "$" => Token::Char(inner.chars().next().unwrap_or(next)),
                    _ => {
                        let (key, otherwise) = inner.split_once(',').map_or((inner, None), |(key, text)| {
                            (key, Some(text.trim().trim_matches('\'').to_owned()))
                        });
                        Token::Variable { key: key.trim().to_owned(), otherwise }
                    }
                });
                rest = after;
                continue;
            }
            tokens.push(match next {
                '*' => Token::Many,
                '?' => Token::One,
                other => Token::Char(other),
            });
            rest = &rest[next.len_utf8()..];
        }
        Self(tokens)
    }

    /// Whether it is a lone `*`.
    pub(super) fn is_everything(&self) -> bool {
        self.0 == [Token::Many]
    }

    /// Whether a text matches as a whole.
    pub(super) fn matches(&self, text: &str, facts: &Facts<'_>) -> bool {
        self.with_values(facts).is_some_and(|tokens| glob(&tokens, text))
    }

    /// Whether an ARN matches: AWS documents that each of the six parts is compared for itself. One
    /// that is cut short stands for all that begins so, if it ends with `*`.
    pub(super) fn matches_arn(&self, arn: &str, facts: &Facts<'_>) -> bool {
        if self.is_everything() {
            return true;
        }
        let Some(tokens) = self.with_values(facts) else { return false };
        let parts: Vec<&[Token]> = tokens.splitn(6, |token| *token == Token::Char(':')).collect();
        let given: Vec<&str> = arn.splitn(6, ':').collect();
        let cut_short = parts.len() < 6 && tokens.last() == Some(&Token::Many);
        if given.len() < 6 || parts.len() < 6 && !cut_short {
            return false;
        }
        parts.iter().zip(given).all(|(part, given)| glob(part, given))
    }

    /// Whether the text is exactly this, wildcards and all.
    pub(super) fn equals(&self, text: &str, facts: &Facts<'_>) -> bool {
        let plain = |token: &Token| match token {
            Token::Char(char) => Some(*char),
            Token::One => Some('?'),
            Token::Many => Some('*'),
            Token::Variable { .. } => None,
        };
        self.with_values(facts).is_some_and(|tokens| tokens.iter().map(plain).eq(text.chars().map(Some)))
    }

    /// The pattern with its variables' values, whose characters stand for themselves; `None` when one has no
    /// value: AWS documents that such a pattern matches nothing.
    fn with_values(&self, facts: &Facts<'_>) -> Option<std::borrow::Cow<'_, [Token]>> {
        if !self.0.iter().any(|token| matches!(token, Token::Variable { .. })) {
            return Some(self.0.as_slice().into());
        }
        let mut tokens = Vec::with_capacity(self.0.len());
        for token in &self.0 {
            let Token::Variable { key, otherwise } = token else {
                tokens.push(token.clone());
                continue;
            };
            let values = facts.get(key).or_else(|| otherwise.clone().map(|value| vec![value]))?;
            // A key of several values can be no variable.
            let [value] = values.as_slice() else { return None };
            tokens.extend(value.chars().map(Token::Char));
        }
        Some(tokens.into())
    }
}

/// Matches with one step back to the last `*`, which is enough and takes no more than length times length.
fn glob(tokens: &[Token], text: &str) -> bool {
    let (mut token, mut rest) = (0, text);
    let mut back: Option<(usize, &str)> = None;
    loop {
        let next = rest.chars().next();
        let fits = match (tokens.get(token), next) {
            (Some(Token::Many), _) => {
                token += 1;
                back = Some((token, rest));
                continue;
            }
            (None, None) => return true,
            (Some(Token::One), Some(_)) => true,
            (Some(Token::Char(wanted)), Some(given)) => *wanted == given,
            _ => false,
        };
        if let (true, Some(given)) = (fits, next) {
            token += 1;
            rest = &rest[given.len_utf8()..];
            continue;
        }
        let Some((resume, from)) = back else { return false };
        let Some(skipped) = from.chars().next() else { return false };
        let from = &from[skipped.len_utf8()..];
        back = Some((resume, from));
        (token, rest) = (resume, from);
    }
}
