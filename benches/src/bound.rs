//! Lower bounds to judge a parser by. Each touches every byte once and returns a number, so that nothing is optimised away.

use memchr::{memchr, memchr_iter};

/// The practical bound: finds every line with memchr and counts its indentation, as every reader of block YAML must.
#[must_use]
pub fn lines_and_indentation(text: &str) -> usize {
    let mut rest = text.as_bytes();
    let mut columns = 0;
    while let Some(end) = memchr(b'\n', rest) {
        let (line, after) = rest.split_at(end + 1);
        columns += indentation(line);
        rest = after;
    }
    columns + indentation(rest)
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|byte| **byte == b' ').count()
}

/// The physical bound of reading: a vectorised count of line breaks.
#[must_use]
pub fn newlines(text: &str) -> usize {
    memchr_iter(b'\n', text.as_bytes()).count()
}

/// The physical bound of writing: one copy into memory that is already there. `into` keeps its capacity between calls.
pub fn copy(text: &str, into: &mut String) -> usize {
    into.clear();
    into.push_str(text);
    into.len()
}
