//! Patterns of policies: `*`, `?` and policy variables.

use std::borrow::Cow;

use super::facts::Facts;
use crate::glob::{self, Sign};

/// A pattern, read once when its policy is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Without variables, as nearly all are.
    Plain(Vec<Sign>),
    Varying(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Sign(Sign),
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
        if !text.contains("${") {
            return Self::Plain(glob::signs(text).collect());
        }
        let mut tokens = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some((inner, after)) = rest.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
                tokens.push(match inner {
                    "*" | "?" | "$" => Token::Sign(Sign::Char(inner.chars().next().unwrap_or(next))),
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
            let (sign, after) = rest.split_at(next.len_utf8());
            tokens.extend(glob::signs(sign).map(Token::Sign));
            rest = after;
        }
        Self::Varying(tokens)
    }

    /// Whether it is a lone `*`.
    pub(super) fn is_everything(&self) -> bool {
        matches!(self, Self::Plain(signs) if *signs == [Sign::Many])
    }

    /// Whether a text matches as a whole.
    pub(super) fn matches(&self, text: &str, facts: &Facts<'_>) -> bool {
        self.with_values(facts).is_some_and(|signs| glob::matches(&signs, text))
    }

    /// Whether an ARN matches: AWS documents that each of the six parts is compared for itself. One
    /// that is cut short stands for all that begins so, if it ends with `*`.
    pub(super) fn matches_arn(&self, arn: &str, facts: &Facts<'_>) -> bool {
        if self.is_everything() {
            return true;
        }
        let Some(signs) = self.with_values(facts) else { return false };
        let parts: Vec<&[Sign]> = signs.splitn(6, |sign| *sign == Sign::Char(':')).collect();
        let given: Vec<&str> = arn.splitn(6, ':').collect();
        let cut_short = parts.len() < 6 && signs.last() == Some(&Sign::Many);
        if given.len() < 6 || parts.len() < 6 && !cut_short {
            return false;
        }
        parts.iter().zip(given).all(|(part, given)| glob::matches(part, given))
    }

    /// Whether the text is exactly this, wildcards and all.
    pub(super) fn equals(&self, text: &str, facts: &Facts<'_>) -> bool {
        let plain = |sign: &Sign| match sign {
            Sign::Char(char) => *char,
            Sign::One => '?',
            Sign::Many => '*',
        };
        self.with_values(facts).is_some_and(|signs| signs.iter().map(plain).eq(text.chars()))
    }

    /// The pattern with its variables' values, whose characters stand for themselves; `None` when one has no
    /// value: AWS documents that such a pattern matches nothing.
    fn with_values(&self, facts: &Facts<'_>) -> Option<Cow<'_, [Sign]>> {
        let tokens = match self {
            Self::Plain(signs) => return Some(Cow::Borrowed(signs)),
            Self::Varying(tokens) => tokens,
        };
        let mut signs = Vec::with_capacity(tokens.len());
        for token in tokens {
            let (key, otherwise) = match token {
                Token::Sign(sign) => {
                    signs.push(*sign);
                    continue;
                }
                Token::Variable { key, otherwise } => (key, otherwise),
            };
            let values = facts.get(key).or_else(|| otherwise.clone().map(|value| vec![value]))?;
            // A key of several values can be no variable.
            let [value] = values.as_slice() else { return None };
            signs.extend(value.chars().map(Sign::Char));
        }
        Some(signs.into())
    }
}
