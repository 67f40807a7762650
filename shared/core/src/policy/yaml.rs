//! What the YAML reader refuses, in our words: its own are for programmers, and change with its version.

use serde_saphyr::granit_parser::ErrorKind;
use serde_saphyr::{Error, ExternalMessageSource};

use super::bounds::{MAX_ALIASES, MAX_DEPTH, MAX_VALUES};
use super::problem::Problem;

/// The problem that an error of the reader stands for.
pub(super) fn problem(error: &Error) -> Problem {
    let line = error.location().map_or(0, |location| location.line());
    let (what, fix) = match cause(error) {
        Cause::Bounds => (
            "the text holds more, or more deeply nested, than any policy".to_owned(),
            format!(
                "write at most {MAX_VALUES} values, {MAX_DEPTH} levels of lists and mappings, and {MAX_ALIASES} aliases"
            ),
        ),
        Cause::SecondDocument => {
            ("a second document begins here".to_owned(), "give each policy a file of its own".to_owned())
        }
        Cause::Alias(what) => (what.to_owned(), "write the value out".to_owned()),
        Cause::Value(what, fix) => (what.to_owned(), fix.to_owned()),
        Cause::Syntax(what, fix) => (format!("the text is no YAML: {what}"), fix.to_owned()),
    };
    Problem::new("", line, what, fix)
}

enum Cause {
    /// It ended at a bound.
    Bounds,
    SecondDocument,
    Alias(&'static str),
    /// What is wrong, and the way out.
    Value(&'static str, &'static str),
    /// The same, where the text is no YAML.
    Syntax(&'static str, &'static str),
}

const UNKNOWN_ANCHOR: &str = "an alias names a value that has no such name";

fn cause(error: &Error) -> Cause {
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => cause(error),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Cause::Bounds,
        Error::MultipleDocuments { .. } => Cause::SecondDocument,
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            Cause::Alias("an alias stands within the value that it names")
        }
        Error::UnknownAnchor { .. } => Cause::Alias(UNKNOWN_ANCHOR),
        Error::ExternalMessage { source, .. } => match &**source {
            ExternalMessageSource::Parser(error) => syntax(error.kind()),
            _ => OTHER_SYNTAX,
        },
        Error::Eof { .. } => OTHER_SYNTAX,
        // Only the names of fields must be texts here.
        Error::NullIntoString { .. } => {
            Cause::Value("a field has no name", "write each field as name: value")
        }
        Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            Cause::Value("only mappings can be merged with <<", "write the fields out")
        }
        _ => Cause::Value(
            "a value, or the name of a field, has a form that no policy has",
            "write names as plain texts, and values as plain texts, numbers, lists or mappings",
        ),
    }
}

const OTHER_SYNTAX: Cause =
    Cause::Syntax("it cannot be read on from here", "correct the line, or quote the value");

fn syntax(kind: &ErrorKind) -> Cause {
    use ErrorKind as E;
    match kind {
        E::MultipleDocumentsUnsupported => Cause::SecondDocument,
        E::RecursionLimitExceeded | E::AnchorCountOverflow => Cause::Bounds,
        E::UnknownAnchor => Cause::Alias(UNKNOWN_ANCHOR),
        E::UnexpectedEofFlowSequence
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping
        | E::UnclosedFlowCollection { .. } => Cause::Syntax("a bracket is opened and not closed", "close it"),
        E::MisplacedFlowCollectionEnd | E::MismatchedFlowCollectionEnd { .. } => {
            Cause::Syntax("a bracket is closed that is not open", "open and close brackets in pairs")
        }
        E::ExpectedFlowMappingSeparator | E::ExpectedFlowSequenceSeparator => Cause::Syntax(
            "a comma or a closing bracket is missing",
            "part the items by commas, and close what is opened",
        ),
        E::UnclosedQuotedScalar | E::DocumentIndicatorInQuotedScalar => {
            Cause::Syntax("a quote is opened and not closed", "close it")
        }
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => Cause::Syntax(
            "something follows a quoted text on its line",
            "quote all of the text, and write a quote within it twice",
        ),
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => Cause::Syntax(
            "a backslash in double quotes begins nothing that is known",
            "write the text in single quotes",
        ),
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar => Cause::Syntax("a tab stands where only spaces can", "indent with spaces"),
        E::InvalidIndentation
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::SimpleKeyExpected
        | E::InvalidSimpleKey
        | E::InvalidBlockScalarIndent
        | E::InvalidQuotedScalarIndent
        | E::InvalidFlowScalarIndent
        | E::UnexpectedEofBlockMapping
        | E::UnexpectedEofBlockSequence => Cause::Syntax(
            "the line does not fit to those before it",
            "indent the fields of one mapping equally, and write each as name: value",
        ),
        E::InvalidColonPlacement
        | E::MappingValueNotAllowed
        | E::MappingKeyNotAllowed
        | E::FlowMappingValueAdjacentCollection
        | E::InvalidMappingValueWhitespace => Cause::Syntax(
            "a colon stands where none can",
            "quote the text that has it, or begin a line for the field",
        ),
        E::BlockEntryInFlowCollection
        | E::BlockSequenceEntryNotAllowed
        | E::InvalidBlockEntryWhitespace
        | E::PlainScalarStartsWithDashFlowIndicator => Cause::Syntax(
            "a dash stands where none can",
            "quote the text that has it, or begin a line for the item",
        ),
        E::UnexpectedCharacter { .. } => {
            Cause::Syntax("a text begins with a character that none can begin with", "quote the text")
        }
        _ => OTHER_SYNTAX,
    }
}
