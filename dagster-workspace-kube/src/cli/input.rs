//! Texts from files and the standard input. [`read`] gives text, or a [`Failure`] that says what is wrong with the input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use dagster_workspace_core::error::{ParseError, Problem};
use dagster_workspace_core::span::Span;
use dagster_workspace_core::yaml::MAX_LEN;

use super::exit::Exit;
use super::render::Failure;

/// A text and what it is called.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) text: String,
}

/// The text of `file`; of the standard input where there is none or it is `-`.
pub(super) fn read(file: Option<&Path>, stdin: &mut dyn Read) -> Result<Input, Failure> {
    let Some(file) = file.filter(|file| *file != Path::new("-")) else {
        return text(bytes(stdin).map_err(|error| unreadable("<stdin>", &error))?, "<stdin>");
    };
    let name = file.display().to_string();
    let opened = File::open(file).and_then(|mut file| bytes(&mut file));
    text(opened.map_err(|error| unreadable(&name, &error))?, &name)
}

/// All bytes, or one more than the limit allows.
fn bytes(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_LEN as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text(bytes: Vec<u8>, name: &str) -> Result<Input, Failure> {
    if bytes.len() > MAX_LEN {
        let error = ParseError { problem: Problem::TooLarge, span: Span::at(0) };
        // Its first line may be all of it, and says nothing.
        return Err(Failure::parse(&error, name, ""));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Input { name: name.to_owned(), text }),
        Err(error) => Err(not_utf8(error.utf8_error().valid_up_to(), error.as_bytes(), name)),
    }
}

/// The bytes before `offset` are text.
fn not_utf8(offset: usize, bytes: &[u8], name: &str) -> Failure {
    let span = Span::at(u32::try_from(offset).unwrap_or(u32::MAX));
    let error = ParseError { problem: Problem::NotUtf8, span };
    Failure::parse(&error, name, &String::from_utf8_lossy(bytes)).with_hint("save the file as UTF-8")
}

/// A file that was named and cannot be read is wrong input, whatever the system's reason.
fn unreadable(name: &str, error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::NotFound => "not-found",
        io::ErrorKind::PermissionDenied => "denied",
        io::ErrorKind::IsADirectory => "not-a-file",
        _ => "io",
    };
    Failure::new(Exit::Invalid, reason, format!("cannot read `{name}`")).caused_by(error)
}
