//! What every tool is asked to do, and whether it did it. Read [`Task`], then [`check`].

use benches::workload;
use serde_yaml::Value;

/// One task, text in, text out, on the deployment in the middle or behind the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Read it; nothing comes out.
    Parse,
    /// Append [`NEW_ITEM`] to the list `deployments`.
    Append,
    /// Set `image.tag` of the deployment in the middle to [`NEW_TAG`].
    SetTag,
    /// Remove the deployment in the middle.
    Remove,
}

/// The tag to set: a string in every YAML without quotes.
pub(crate) const NEW_TAG: &str = "v2.0.0";

/// The deployment to append, with the indentation of a text of its own.
pub(crate) const NEW_ITEM: &str = "\
name: added
image:
  repository: registry.example.com/added
  tag: v1.0.0
  pullPolicy: IfNotPresent
dagsterApiGrpcArgs:
  - -m
  - added.definitions
port: 3030
";

impl Task {
    pub(crate) const ALL: [Self; 4] = [Self::Parse, Self::Append, Self::SetTag, Self::Remove];
    pub(crate) const EDITS: [Self; 3] = [Self::Append, Self::SetTag, Self::Remove];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Append => "append",
            Self::SetTag => "set-tag",
            Self::Remove => "remove",
        }
    }

    /// The task in a document of that many deployments.
    pub(crate) fn at(self, deployments: usize) -> Request {
        Request { task: self, index: deployments / 2 }
    }
}

/// A task and the deployment that it means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) task: Task,
    /// Tools that edit by position are given it, and are spared the search by name.
    pub(crate) index: usize,
}

impl Request {
    /// Name of the deployment that it means.
    pub(crate) fn name(self) -> String {
        workload::name(self.index)
    }
}

/// What became of the bytes that nobody asked to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All of them are there, in order.
    All,
    /// That many lines were written anew.
    Rewritten(usize),
}

/// Whether `after` is `before` with the request done: the data by another parser, the bytes line by line.
///
/// # Errors
/// The data is not what was asked for.
pub(crate) fn check(before: &str, after: &str, request: Request) -> Result<Kept, String> {
    let expected = expected(before, request)?;
    let found: Value = serde_yaml::from_str(after).map_err(|error| format!("writes no YAML: {error}"))?;
    if found != expected {
        return Err("writes other data".to_owned());
    }
    Ok(kept(before, after, request))
}

fn expected(before: &str, request: Request) -> Result<Value, String> {
    let read = |text| serde_yaml::from_str::<Value>(text).map_err(|error| error.to_string());
    let mut values = read(before)?;
    let list = values.get_mut("deployments").and_then(Value::as_sequence_mut).ok_or("no list of deployments")?;
    match request.task {
        Task::Parse => {}
        Task::Append => list.push(read(NEW_ITEM)?),
        Task::SetTag => list[request.index]["image"]["tag"] = NEW_TAG.into(),
        Task::Remove => {
            list.remove(request.index);
        }
    }
    Ok(values)
}

/// One run of lines may differ, and only as the task demands: none of the old ones where an item is appended, one for one
/// where a tag is set, none of the new ones where an item is removed.
fn kept(before: &str, after: &str, request: Request) -> Kept {
    let (old, new): (Vec<_>, Vec<_>) = (before.split('\n').collect(), after.split('\n').collect());
    let most = old.len().min(new.len());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old.iter().rev().zip(new.iter().rev()).take(most - head).take_while(|(a, b)| a == b).count();
    let (gone, come) = (old.len() - head - tail, new.len() - head - tail);
    let asked = match request.task {
        Task::Parse => (0, 0),
        Task::Append => (0, NEW_ITEM.lines().count()),
        Task::SetTag => (1, 1),
        Task::Remove => (item_lines(&old, request), 0),
    };
    // An append may well be written with fewer or more lines, as `args: [a, b]`; a removal takes its head comment or not.
    let kept = match request.task {
        Task::Append => gone == 0,
        Task::Remove => come == 0 && gone.abs_diff(asked.0) <= 1,
        Task::Parse | Task::SetTag => (gone, come) == asked,
    };
    if kept { Kept::All } else { Kept::Rewritten(missing(&old, &new).saturating_sub(asked.0)) }
}

/// Lines from the dash of the deployment to the next one's, that one's head comment not included.
fn item_lines(lines: &[&str], request: Request) -> usize {
    let is_dash = |line: &&str| line.starts_with("  - ");
    let dash = format!("  - name: {}", request.name());
    let from = lines.iter().position(|line| *line == dash).unwrap_or(0);
    1 + lines[from + 1..].iter().take_while(|line| !is_dash(line)).count()
}

/// How many lines of the old text stand nowhere in the new one, each counted as often as it occurs.
fn missing(old: &[&str], new: &[&str]) -> usize {
    let mut have = std::collections::HashMap::new();
    for line in new {
        *have.entry(*line).or_insert(0_usize) += 1;
    }
    old.iter()
        .filter(|line| match have.get_mut(**line) {
            Some(left) if *left > 0 => {
                *left -= 1;
                false
            }
            _ => true,
        })
        .count()
}
