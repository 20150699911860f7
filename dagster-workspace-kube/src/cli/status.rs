//! `status`: both documents, the release, the code servers, and what every webserver serves; and where they differ.

use serde_json::json;

use super::exit::Exit;
use super::render::{Answer, Failure};
use super::{Context, on_cluster};
use crate::deploy::Status;
use crate::words::counted;

/// Says how it stands. With `--detailed-exitcode` 2 where something is unfinished or has drifted.
pub(super) fn run(context: &mut Context<'_>) -> Result<Answer, Failure> {
    let status = on_cluster::ask(context, async |deployer| deployer.status().await)?;
    let mut data = serde_json::to_value(&status).unwrap_or_default();
    data["settled"] = json!(status.is_settled());
    let exit = if status.is_settled() { Exit::Done } else { Exit::Changes };
    Ok(Answer { exit, ..Answer::new(text(&status), data) })
}

fn text(status: &Status) -> String {
    let mut lines = Vec::new();
    if let Some(system) = &status.system {
        let version = system.version.as_deref().unwrap_or("of unknown version");
        lines.push(format!("system      Dagster {version}, {}", counted(system.workloads.len(), "Deployment")));
    }
    for document in &status.documents {
        let place = format!("{}/{}", document.config_map, document.key);
        let entries = if document.entries.is_empty() { "nothing".to_owned() } else { document.entries.join(", ") };
        lines.push(format!("{:<10}  {place}: {entries}", document.document));
    }
    match &status.release {
        Some(release) => {
            lines.push(format!(
                "release     {} revision {}, {}",
                release.name,
                release.revision,
                release.status.as_str()
            ));
        }
        None => lines.push("release     none".to_owned()),
    }
    for server in &status.servers {
        let image = server.image.as_deref().unwrap_or("-");
        lines.push(format!("server      {} {}/{} ready, {image}", server.name, server.ready, server.replicas));
    }
    for webserver in &status.webservers {
        let served = match &webserver.locations {
            Some(locations) => format!("serves {}", counted(locations.len(), "location")),
            None => "cannot be asked".to_owned(),
        };
        lines.push(format!("webserver   {} {served}", webserver.webserver));
    }
    if status.is_settled() {
        lines.push("all is as the documents say".to_owned());
    }
    lines.extend(status.findings.iter().map(|drift| format!("! {}", drift.message)));
    if !status.is_settled() {
        lines.push("`sync` finishes what can be finished".to_owned());
    }
    lines.join("\n") + "\n"
}
