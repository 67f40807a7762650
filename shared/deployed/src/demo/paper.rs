//! What the demo prints on.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use backup_chain_core::picture::{Line, Look};
use backup_chain_deployed::stack::Failure;
use tracing_subscriber::fmt::MakeWriter;

/// How a piece of text looks on a terminal.
#[derive(Debug, Clone, Copy)]
pub enum Style {
    Strong,
    Faint,
    Good,
    Bad,
}

/// A terminal or a file.
pub struct Paper<W> {
    out: W,
    colour: bool,
}

impl<W: Write> Paper<W> {
    pub fn new(out: W, colour: bool) -> Self {
        Self { out, colour }
    }

    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{}", text.trim_end())?)
    }

    pub fn heading(&mut self, text: &str) -> Result<(), Failure> {
        self.line("")?;
        self.line(&self.paint(Style::Strong, text))?;
        self.line("")
    }

    /// A line of a picture.
    pub fn drawn(&mut self, line: &Line) -> Result<(), Failure> {
        let paint =
            |(look, text): &(Look, String)| match look.code().filter(|_| self.colour && !text.is_empty()) {
                Some(code) => format!("\x1b[{code}m{text}\x1b[0m"),
                None => text.clone(),
            };
        let text: String = line.iter().map(paint).collect();
        self.line(&text)
    }

    /// The text in a style, where there is colour.
    pub fn paint(&self, style: Style, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Good => "32",
            Style::Bad => "31;1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// What the functions log.
#[derive(Debug, Clone, Default)]
pub struct Logs(Arc<Mutex<Vec<u8>>>);

impl Logs {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Logs {
    type Writer = Self;
    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Keeps the logs, at the level that the functions log at in a deployment.
pub fn collect_logs() -> Logs {
    let logs = Logs::default();
    let builder = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::INFO);
    builder.with_writer(logs.clone()).init();
    logs
}
