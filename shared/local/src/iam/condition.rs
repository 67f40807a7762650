//! Conditions of statements.

use std::net::IpAddr;

use jiff::{Timestamp, civil, tz::TimeZone};

use super::{facts::Facts, pattern::Pattern};

/// One key of a condition block: all keys must hold, any of the values is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    key: String,
    operator: Operator,
    negated: bool,
    if_exists: bool,
    set: Set,
    values: Vec<String>,
    /// The same values, for the operators that take wildcards and variables.
    patterns: Vec<Pattern>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Text,
    TextIgnoringCase,
    Like,
    Arn,
    Bool,
    Binary,
    Number(Order),
    Date(Order),
    Address,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    None,
    All,
    Any,
}

impl Condition {
    /// Reads one key of a condition block.
    ///
    /// # Errors
    /// What is wrong, as IAM says it.
    pub(super) fn read(name: &str, key: &str, values: Vec<String>) -> Result<Self, String> {
        let (set, rest) = match name.split_once(':') {
            None => (Set::None, name),
            Some(("ForAllValues", rest)) => (Set::All, rest),
            Some(("ForAnyValue", rest)) => (Set::Any, rest),
            Some(_) => return Err(format!("Invalid Condition type : {name}.")),
        };
        let (rest, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |rest| (rest, true));
        let (operator, negated) =
            operator(rest).ok_or_else(|| format!("Invalid Condition type : {name}."))?;
        if operator == Operator::Null && (if_exists || set != Set::None) {
            return Err(format!("Invalid Condition type : {name}."));
        }
        if !key.contains(':') {
            return Err(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned()
            );
        }
        let patterns = values.iter().map(|value| Pattern::read(value)).collect();
        Ok(Self { key: key.to_owned(), operator, negated, if_exists, set, values, patterns })
    }

    /// Whether it holds. AWS documents: a key that is missing satisfies `...IfExists`, `ForAllValues` and the
    /// negated operators, and nothing else; negated operators must hold against each of their values.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> bool {
        let given = facts.get(&self.key).filter(|given| !given.is_empty());
        if self.operator == Operator::Null {
            return self.values.iter().any(|value| value.eq_ignore_ascii_case("true") == given.is_none());
        }
        let Some(given) = given else {
            return self.if_exists
                || match self.set {
                    Set::All => true,
                    Set::Any => false,
                    Set::None => self.negated,
                };
        };
        let fits = |given: &String| {
            let any = self
                .values
                .iter()
                .zip(&self.patterns)
                .any(|(value, pattern)| self.compare(given, value, pattern, facts));
            any != self.negated
        };
        match (self.set, self.negated) {
            (Set::All, _) | (Set::None, true) => given.iter().all(fits),
            (Set::Any, _) | (Set::None, false) => given.iter().any(fits),
        }
    }

    fn compare(&self, given: &str, value: &str, pattern: &Pattern, facts: &Facts<'_>) -> bool {
        match self.operator {
            Operator::Text => pattern.equals(given, facts),
            Operator::TextIgnoringCase => {
                Pattern::read(&value.to_lowercase()).equals(&given.to_lowercase(), facts)
            }
            Operator::Like => pattern.matches(given, facts),
            // AWS documents that ArnEquals and ArnLike behave alike.
            Operator::Arn => pattern.matches_arn(given, facts),
            Operator::Bool => given.eq_ignore_ascii_case(value),
            Operator::Binary => given == value,
            Operator::Number(order) => {
                number(given).zip(number(value)).is_some_and(|(a, b)| order.holds(&a, &b))
            }
            Operator::Date(order) => date(given).zip(date(value)).is_some_and(|(a, b)| order.holds(&a, &b)),
            Operator::Address => within(given, value).unwrap_or(false),
            Operator::Null => false,
        }
    }
}

fn operator(name: &str) -> Option<(Operator, bool)> {
    Some(match name {
        "StringEquals" => (Operator::Text, false),
        "StringNotEquals" => (Operator::Text, true),
        "StringEqualsIgnoreCase" => (Operator::TextIgnoringCase, false),
        "StringNotEqualsIgnoreCase" => (Operator::TextIgnoringCase, true),
        "StringLike" => (Operator::Like, false),
        "StringNotLike" => (Operator::Like, true),
        "ArnEquals" | "ArnLike" => (Operator::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Operator::Arn, true),
        "Bool" => (Operator::Bool, false),
        "BinaryEquals" => (Operator::Binary, false),
        "NumericNotEquals" => (Operator::Number(Order::Equal), true),
        "DateNotEquals" => (Operator::Date(Order::Equal), true),
        "IpAddress" => (Operator::Address, false),
        "NotIpAddress" => (Operator::Address, true),
        "Null" => (Operator::Null, false),
        _ => {
            let (kind, order): (fn(Order) -> Operator, &str) = match name.strip_prefix("Numeric") {
                Some(order) => (Operator::Number, order),
                None => (Operator::Date, name.strip_prefix("Date")?),
            };
            let order = match order {
                "Equals" => Order::Equal,
                "LessThan" => Order::Less,
                "LessThanEquals" => Order::LessOrEqual,
                "GreaterThan" => Order::Greater,
                "GreaterThanEquals" => Order::GreaterOrEqual,
                _ => return None,
            };
            (kind(order), false)
        }
    })
}

impl Order {
    fn holds<T: PartialOrd>(self, given: &T, value: &T) -> bool {
        match self {
            Self::Equal => given == value,
            Self::Less => given < value,
            Self::LessOrEqual => given <= value,
            Self::Greater => given > value,
            Self::GreaterOrEqual => given >= value,
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// A date: ISO 8601 with or without a time, or seconds since the epoch.
fn date(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
        .or_else(|| Some(text.parse::<civil::Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()))
}

/// Whether an address lies in a range such as `10.0.0.0/8`; an address alone is a range of itself.
fn within(address: &str, range: &str) -> Option<bool> {
    let (net, length) = range.split_once('/').map_or((range, None), |(net, length)| (net, Some(length)));
    let (bits, width) = bits(address.parse().ok()?);
    let (net, net_width) = self::bits(net.parse().ok()?);
    let length: u32 = length.map_or(Some(width), |length| length.parse().ok())?;
    let shift = width.checked_sub(length)?;
    Some(width == net_width && bits.checked_shr(shift).unwrap_or(0) == net.checked_shr(shift).unwrap_or(0))
}

fn bits(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}
