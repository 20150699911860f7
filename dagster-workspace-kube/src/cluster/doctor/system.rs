//! Findings in the Deployments of a system. [`check`] is all of them, but for [`check_reloader`], which needs the ConfigMap, too.

use std::collections::BTreeMap;

use super::Finding;
use crate::cluster::config_map::{ConfigMap, Holder};
use crate::cluster::discover::System;
use crate::cluster::workload::{Mount, Projection, Reloader, Role, Workload};

/// What is wrong with each part alone, and with all of them together.
pub(super) fn check(system: &System) -> Vec<Finding> {
    const OF_ONE: [fn(&Workload) -> Option<Finding>; 4] =
        [without_workspace_file, sub_path, not_from_config_map, paused];
    const OF_ALL: [fn(&System) -> Option<Finding>; 4] = [waits_for_user_code, read_only_alone, no_webserver, no_daemon];
    let of_one = OF_ONE.iter().flat_map(|rule| system.workloads.iter().filter_map(rule));
    of_one.chain(OF_ALL.iter().filter_map(|rule| rule(system))).chain(different_config_maps(system)).collect()
}

/// Parts that Stakater Reloader restarts when the workspace's ConfigMap changes.
pub(super) fn check_reloader(system: &System, holder: &Holder, found: Option<&ConfigMap>) -> Vec<Finding> {
    let annotations = found.map_or_else(BTreeMap::new, |found| found.annotations.clone());
    let restarted = system.workloads.iter().filter(|part| part.reloads_with(&holder.config_map, &annotations));
    let finding = |part: &Workload| {
        let why = match part.reloader {
            Reloader::Named(_) => "names it",
            Reloader::Off | Reloader::Auto | Reloader::Search => "watches what it mounts",
        };
        let message = format!(
            "Reloader restarts `{}` on each change of ConfigMap `{}`: its annotation {why}",
            part.name, holder.config_map
        );
        Finding::warning("DW0609", message, "take the annotation off: a reload is enough, and needs no restart")
    };
    restarted.map(finding).collect()
}

fn without_workspace_file(part: &Workload) -> Option<Finding> {
    let message = format!("`{}` is started without `-w`: it has no workspace, and Dagster ends at once", part.name);
    let hint = "set `dagster-user-deployments.enabled: true` in the system's values; with `enableSubchart: false` it deploys \
                no user code";
    part.workspace_files.is_empty().then(|| Finding::error("DW0601", message, hint))
}

fn sub_path(part: &Workload) -> Option<Finding> {
    let mount = part.mount.as_ref().filter(|mount| mount.projection == Projection::SubPath)?;
    let message = format!(
        "`{}` mounts `{}` by subPath: a running pod never sees a change of ConfigMap `{}`",
        part.name, mount.path, mount.config_map
    );
    let hint = "mount the directory, as charts from 0.15 do; until then each change needs a restart";
    Some(Finding::warning("DW0602", message, hint))
}

fn not_from_config_map(part: &Workload) -> Option<Finding> {
    let file = part.workspace_files.first().filter(|_| part.mount.is_none())?;
    let message = format!("`{}` reads `{file}`, which comes from no ConfigMap", part.name);
    let hint = "mount the ConfigMap of the workspace there, or nothing that is written to it arrives";
    Some(Finding::error("DW0603", message, hint))
}

fn different_config_maps(system: &System) -> Vec<Finding> {
    let mut mounts = system.workloads.iter().filter_map(|part| Some((part, part.mount.as_ref()?)));
    let Some((first, mount)) = mounts.next() else { return Vec::new() };
    let same = |other: &Mount| (&other.config_map, &other.key) == (&mount.config_map, &mount.key);
    let finding = |(part, other): (&Workload, &Mount)| {
        let message = format!(
            "`{}` reads `{}` of ConfigMap `{}`, but `{}` reads `{}` of `{}`",
            part.name, other.key, other.config_map, first.name, mount.key, mount.config_map
        );
        Finding::error("DW0604", message, "let both mount the same: only one of the two is kept up to date")
    };
    mounts.filter(|(_, other)| !same(other)).map(finding).collect()
}

fn waits_for_user_code(system: &System) -> Option<Finding> {
    let names: Vec<&str> = system.waits_for().into_iter().collect();
    let message = format!(
        "webserver and daemon start only when the Services `{}` are there: their user code is in the system's release",
        names.join("`, `")
    );
    let hint = "move the user code to a release of its own (`enableSubchart: false`): a server that is removed or renamed keeps \
                the system from starting";
    (!names.is_empty()).then(|| Finding::warning("DW0605", message, hint))
}

fn paused(part: &Workload) -> Option<Finding> {
    let message = format!("the rollout of `{}` is paused: a restart would wait for ever", part.name);
    let hint = format!("`kubectl rollout resume deployment/{}`", part.name);
    part.paused.then(|| Finding::warning("DW0606", message, hint))
}

fn read_only_alone(system: &System) -> Option<Finding> {
    let names: Vec<&str> = system.webservers().map(|webserver| webserver.name.as_str()).collect();
    let alone = !names.is_empty() && system.webservers().all(|webserver| webserver.role != Role::Webserver);
    let message = format!("all webservers are read-only (`{}`): none can be asked to reload", names.join("`, `"));
    alone.then(|| Finding::warning("DW0607", message, "each change needs a restart of them"))
}

fn no_webserver(system: &System) -> Option<Finding> {
    let message = "there is no webserver: whether a location loads is not known";
    let missing = system.webservers().next().is_none();
    missing.then(|| Finding::warning("DW0608", message, "name its URL, if it runs elsewhere"))
}

fn no_daemon(system: &System) -> Option<Finding> {
    let message = "there is no daemon: no schedule, sensor or queue runs";
    let missing = system.daemons().next().is_none();
    missing.then(|| Finding::warning("DW0608", message, "set `dagsterDaemon.enabled: true`"))
}
