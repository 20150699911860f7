//! What is wrong with a system, as far as its objects show it. [`doctor`] runs every check over [`Facts`]; a check is a function
//! of facts alone, and finds nothing where what it looks at is not known.

use dagster_workspace_core::error::Severity;
use dagster_workspace_core::value::Value;
use serde::Serialize;

use super::config_map::{ConfigMap, Holder};
use super::discover::System;
use super::owner::Owner;
use super::release::Release;
use super::workload::{Projection, Reloader, Role, Workload};

/// What is known of a system; what was not looked at is `None`.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its Deployments.
    pub system: Option<&'a System>,
    /// Where the workspace file is, and the ConfigMap that is there: the inner `None` where there is none.
    pub workspace: Option<(&'a Holder, Option<&'a ConfigMap>)>,
    /// The same of the values.
    pub values: Option<(&'a Holder, Option<&'a ConfigMap>)>,
    /// The release of the system.
    pub system_release: Option<&'a Release>,
    /// The release of the code servers.
    pub code_release: Option<&'a Release>,
}

/// One thing that is wrong, or will be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code: `DW06` and two digits.
    pub code: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// Lower case, no full stop, values in backticks.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    fn error(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), hint: Some(hint.into()) }
    }

    fn warning(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message, hint) }
    }
}

/// All checks, errors first, then by code.
#[must_use]
pub fn doctor(facts: &Facts<'_>) -> Vec<Finding> {
    const CHECKS: [fn(&Facts<'_>) -> Vec<Finding>; 17] = [
        without_workspace_file,
        sub_path,
        not_from_config_map,
        different_config_maps,
        waits_for_user_code,
        paused,
        read_only_alone,
        parts_missing,
        reloader,
        chart_owned,
        applied_by_others,
        missing_config_map,
        immutable,
        nearly_full,
        release_nearly_full,
        servers_beside_config_map,
        subchart_enabled,
    ];
    let mut found: Vec<Finding> = CHECKS.iter().flat_map(|check| check(facts)).collect();
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.code.cmp(b.code)));
    found
}

fn workloads<'a>(facts: &Facts<'a>) -> impl Iterator<Item = &'a Workload> + use<'a> {
    facts.system.into_iter().flat_map(|system| &system.workloads)
}

/// Both documents' ConfigMaps.
fn documents<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a Holder, Option<&'a ConfigMap>)> + use<'a> {
    facts.workspace.into_iter().chain(facts.values)
}

/// Both documents' ConfigMaps, those that are there.
fn config_maps<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (&'a Holder, &'a ConfigMap)> + use<'a> {
    documents(facts).filter_map(|(holder, found)| Some((holder, found?)))
}

fn without_workspace_file(facts: &Facts<'_>) -> Vec<Finding> {
    let without = workloads(facts).filter(|workload| workload.workspace_files.is_empty());
    let finding = |workload: &Workload| {
        let message =
            format!("`{}` is started without `-w`: it has no workspace, and Dagster ends at once", workload.name);
        let hint = "set `dagster-user-deployments.enabled: true` in the system's values; with `enableSubchart: false` it deploys \
                    no user code";
        Finding::error("DW0601", message, hint)
    };
    without.map(finding).collect()
}

fn sub_path(facts: &Facts<'_>) -> Vec<Finding> {
    let mounted = workloads(facts).filter_map(|workload| Some((workload, workload.mount.as_ref()?)));
    let fixed = mounted.filter(|(_, mount)| mount.projection == Projection::SubPath);
    let finding = |(workload, mount): (&Workload, &super::Mount)| {
        let message = format!(
            "`{}` mounts `{}` by subPath: a running pod never sees a change of ConfigMap `{}`",
            workload.name, mount.path, mount.config_map
        );
        Finding::warning(
            "DW0602",
            message,
            "mount the directory, as charts from 0.15 do; until then each change needs a restart",
        )
    };
    fixed.map(finding).collect()
}

fn not_from_config_map(facts: &Facts<'_>) -> Vec<Finding> {
    let other = workloads(facts).filter(|workload| workload.mount.is_none());
    let named = other.filter_map(|workload| Some((workload, workload.workspace_files.first()?)));
    let finding = |(workload, file): (&Workload, &String)| {
        let message = format!("`{}` reads `{file}`, which comes from no ConfigMap", workload.name);
        Finding::error(
            "DW0603",
            message,
            "mount the ConfigMap of the workspace there, or nothing that is written to it arrives",
        )
    };
    named.map(finding).collect()
}

fn different_config_maps(facts: &Facts<'_>) -> Vec<Finding> {
    let mut mounts = workloads(facts).filter_map(|workload| Some((workload, workload.mount.as_ref()?)));
    let Some((first, mount)) = mounts.next() else { return Vec::new() };
    let same = |other: &super::Mount| (&other.config_map, &other.key) == (&mount.config_map, &mount.key);
    let finding = |(workload, other): (&Workload, &super::Mount)| {
        let message = format!(
            "`{}` reads `{}` of ConfigMap `{}`, but `{}` reads `{}` of `{}`",
            workload.name, other.key, other.config_map, first.name, mount.key, mount.config_map
        );
        Finding::error("DW0604", message, "let both mount the same: only one of the two is kept up to date")
    };
    mounts.filter(|(_, other)| !same(other)).map(finding).collect()
}

fn waits_for_user_code(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(system) = facts.system else { return Vec::new() };
    let names: Vec<&str> = system.waits_for().into_iter().collect();
    if names.is_empty() {
        return Vec::new();
    }
    let message = format!(
        "webserver and daemon start only when the Services `{}` are there: their user code is in the system's release",
        names.join("`, `")
    );
    let hint = "move the user code to a release of its own (`enableSubchart: false`): a server that is removed or renamed keeps \
                the system from starting";
    vec![Finding::warning("DW0605", message, hint)]
}

fn paused(facts: &Facts<'_>) -> Vec<Finding> {
    let finding = |workload: &Workload| {
        let message = format!("the rollout of `{}` is paused: a restart would wait for ever", workload.name);
        Finding::warning("DW0606", message, format!("`kubectl rollout resume deployment/{}`", workload.name))
    };
    workloads(facts).filter(|workload| workload.paused).map(finding).collect()
}

fn read_only_alone(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(system) = facts.system else { return Vec::new() };
    let names: Vec<&str> = system.webservers().map(|webserver| webserver.name.as_str()).collect();
    if names.is_empty() || system.webservers().any(|webserver| webserver.role == Role::Webserver) {
        return Vec::new();
    }
    let message = format!("all webservers are read-only (`{}`): none can be asked to reload", names.join("`, `"));
    vec![Finding::warning("DW0607", message, "each change needs a restart of them")]
}

fn parts_missing(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(system) = facts.system else { return Vec::new() };
    let mut found = Vec::new();
    let finding = |message: &str, hint: &str| Finding::warning("DW0608", message, hint);
    if system.webservers().next().is_none() {
        found.push(finding(
            "there is no webserver: whether a location loads is not known",
            "name its URL, if it runs elsewhere",
        ));
    }
    if system.daemons().next().is_none() {
        found.push(finding(
            "there is no daemon: no schedule, sensor or queue runs",
            "set `dagsterDaemon.enabled: true`",
        ));
    }
    found
}

fn reloader(facts: &Facts<'_>) -> Vec<Finding> {
    let Some((holder, found)) = facts.workspace else { return Vec::new() };
    let annotations = found.map(|found| found.annotations.clone()).unwrap_or_default();
    let restarted = workloads(facts).filter(|workload| workload.reloads_with(&holder.config_map, &annotations));
    let finding = |workload: &Workload| {
        let why = match workload.reloader {
            Reloader::Named(_) => "names it",
            Reloader::Off | Reloader::Auto | Reloader::Search => "watches what it mounts",
        };
        let message = format!(
            "Reloader restarts `{}` on each change of ConfigMap `{}`: its annotation {why}",
            workload.name, holder.config_map
        );
        Finding::warning("DW0609", message, "take the annotation off: a reload is enough, and needs no restart")
    };
    restarted.map(finding).collect()
}

fn chart_owned(facts: &Facts<'_>) -> Vec<Finding> {
    let owned = config_maps(facts).filter_map(|(holder, found)| match found.owner(&holder.key) {
        Owner::Helm { release, .. } => Some((found, release)),
        Owner::Nobody | Owner::Applied { .. } => None,
    });
    let finding = |(found, release): (&ConfigMap, &String)| {
        let message = format!(
            "ConfigMap `{}` is of the helm release `{release}`: its next upgrade sets an edit back (helm 3) or fails (helm 4)",
            found.name
        );
        Finding::error("DW0610", message, "`dagster-workspace adopt` takes it over, and the system keeps running")
    };
    owned.map(finding).collect()
}

fn applied_by_others(facts: &Facts<'_>) -> Vec<Finding> {
    let applied = config_maps(facts).filter_map(|(holder, found)| match found.owner(&holder.key) {
        Owner::Applied { managers } => Some((holder, managers)),
        Owner::Nobody | Owner::Helm { .. } => None,
    });
    let finding = |(holder, managers): (&Holder, &Vec<String>)| {
        let (name, key, managers) = (&holder.config_map, &holder.key, managers.join("`, `"));
        let message = format!("`{key}` of ConfigMap `{name}` is applied by `{managers}`, which sets an edit back");
        Finding::warning(
            "DW0611",
            message,
            "leave the key out of what is applied, or edit the files that it is applied from",
        )
    };
    applied.map(finding).collect()
}

fn missing_config_map(facts: &Facts<'_>) -> Vec<Finding> {
    let absent = documents(facts).filter_map(|(holder, found)| {
        let or_key = holder.or_key.as_ref();
        match found {
            None => Some(format!("there is no ConfigMap `{}`", holder.config_map)),
            Some(found) if found.keys.contains_key(&holder.key) => None,
            Some(found) if or_key.is_some_and(|key| found.keys.contains_key(key)) => None,
            Some(_) => Some(format!("ConfigMap `{}` has no `{}`", holder.config_map, holder.key)),
        }
    });
    absent.map(|message| Finding::error("DW0612", message, "`dagster-workspace init` makes what is missing")).collect()
}

fn immutable(facts: &Facts<'_>) -> Vec<Finding> {
    let fixed = config_maps(facts).filter(|(_, found)| found.immutable);
    let finding = |(_, found): (&Holder, &ConfigMap)| {
        let message = format!("ConfigMap `{}` is immutable: it cannot be edited", found.name);
        Finding::error("DW0613", message, "delete it and create it again without `immutable: true`")
    };
    fixed.map(finding).collect()
}

/// A part of the limit, in per cent, from which on people should know.
const NEARLY: u64 = 80;

fn nearly(len: u64) -> Option<u64> {
    let percent = len.saturating_mul(100) / ConfigMap::LIMIT;
    Some(percent).filter(|percent| *percent >= NEARLY)
}

fn nearly_full(facts: &Facts<'_>) -> Vec<Finding> {
    let full = config_maps(facts).filter_map(|(_, found)| Some((found, nearly(found.len())?)));
    let finding = |(found, percent): (&ConfigMap, u64)| {
        let message =
            format!("ConfigMap `{}` has {} of {} bytes, {percent} %", found.name, found.len(), ConfigMap::LIMIT);
        Finding::warning("DW0614", message, "remove entries, or use several releases of code servers")
    };
    full.map(finding).collect()
}

fn release_nearly_full(facts: &Facts<'_>) -> Vec<Finding> {
    let releases = facts.system_release.into_iter().chain(facts.code_release);
    let full = releases.filter_map(|release| Some((release, nearly(release.len)?)));
    let finding = |(release, percent): (&Release, u64)| {
        let message = format!(
            "helm's Secret of release `{}` has {} of {} bytes, {percent} %",
            release.name,
            release.len,
            ConfigMap::LIMIT
        );
        Finding::warning(
            "DW0615",
            message,
            "helm stores values, manifest and chart in it: use several releases of code servers",
        )
    };
    full.map(finding).collect()
}

/// What stands under `dagit.workspace`, else under `dagsterWebserver.workspace`: the chart merges in this order.
fn workspace_setting<'a>(release: &'a Release, key: &str) -> Option<&'a Value> {
    let under = |values: &'a Value, webserver: &str| values.get(webserver)?.get("workspace")?.get(key);
    let of = |values: &'a Value| under(values, "dagit").or_else(|| under(values, "dagsterWebserver"));
    of(&release.config).or_else(|| of(&release.defaults))
}

fn servers_beside_config_map(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(release) = facts.system_release else { return Vec::new() };
    let name = workspace_setting(release, "externalConfigmap").and_then(Value::as_str).filter(|name| !name.is_empty());
    let Some(name) = name else { return Vec::new() };
    if workspace_setting(release, "enabled") != Some(&Value::Bool(true)) {
        let message = format!(
            "`externalConfigmap: {name}` has no effect in release `{}`: the workspace is not enabled",
            release.name
        );
        return vec![Finding::error("DW0616", message, "set `dagsterWebserver.workspace.enabled: true`")];
    }
    let servers = matches!(workspace_setting(release, "servers"), Some(Value::Sequence(items)) if !items.is_empty());
    if !servers {
        return Vec::new();
    }
    let message = format!(
        "release `{}` has both `servers` and `externalConfigmap: {name}`: the chart refuses that",
        release.name
    );
    vec![Finding::error("DW0616", message, "set `dagsterWebserver.workspace.servers: []`; the default is not empty")]
}

fn subchart_enabled(facts: &Facts<'_>) -> Vec<Finding> {
    let Some(release) = facts.system_release else { return Vec::new() };
    let setting = |key: &str| {
        let of = |values: &Value| values.get("dagster-user-deployments")?.get(key).cloned();
        of(&release.config).or_else(|| of(&release.defaults))
    };
    if setting("enabled") == Some(Value::Bool(false)) {
        let message =
            format!("`dagster-user-deployments.enabled` is off in release `{}`: there is no workspace", release.name);
        return vec![Finding::error("DW0617", message, "set it to true; `enableSubchart: false` deploys no user code")];
    }
    if setting("enableSubchart") != Some(Value::Bool(true)) {
        return Vec::new();
    }
    let message = format!("release `{}` deploys user code itself: `enableSubchart` is on", release.name);
    vec![Finding::warning(
        "DW0617",
        message,
        "move it to a release of chart `dagster-user-deployments`, see docs/split.md",
    )]
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::config_map::Found;
    use super::super::workload::Mount;
    use super::*;

    /// A part of a system as today's chart makes it.
    pub(in super::super) fn workload(role: Role, name: &str) -> Workload {
        Workload {
            role,
            name: name.to_owned(),
            uid: "u".to_owned(),
            release: Some("dagster".to_owned()),
            by_helm: true,
            version: Some("1.13.27".to_owned()),
            chart: Some("dagster-1.13.27".to_owned()),
            replicas: 1,
            selector: BTreeMap::new(),
            image: None,
            port: Some(80),
            path_prefix: String::new(),
            workspace_files: vec!["/dagster-workspace/workspace.yaml".to_owned()],
            mount: Some(Mount {
                config_map: "w".to_owned(),
                key: "workspace.yaml".to_owned(),
                projection: Projection::Directory,
                path: "/dagster-workspace/workspace.yaml".to_owned(),
                optional: false,
            }),
            paused: false,
            reloader: Reloader::Off,
            template_annotations: BTreeMap::new(),
            waits_for: Vec::new(),
        }
    }

    pub(in super::super) fn system() -> System {
        System {
            namespace: "data".to_owned(),
            release: Some("dagster".to_owned()),
            version: Some("1.13.27".to_owned()),
            chart: Some("dagster-1.13.27".to_owned()),
            workloads: vec![workload(Role::Webserver, "web"), workload(Role::Daemon, "daemon")],
        }
    }

    fn holder(config_map: &str, key: &str) -> Holder {
        Holder { config_map: config_map.to_owned(), key: key.to_owned(), or_key: None, found: Found::Usual }
    }

    fn object(name: &str, fields: &serde_json::Value) -> ConfigMap {
        let mut object = json!({"metadata": {"name": name}, "data": {"values.yaml": "", "workspace.yaml": ""}});
        for (key, value) in fields.as_object().unwrap() {
            object[key] = value.clone();
        }
        object["metadata"]["name"] = name.into();
        ConfigMap::parse(&object.to_string()).unwrap()
    }

    fn release(config: &serde_json::Value) -> Release {
        let defaults = json!({
            "dagsterWebserver": {"workspace": {"enabled": false, "servers": [{"host": "example"}], "externalConfigmap": null}},
            "dagster-user-deployments": {"enabled": true, "enableSubchart": true},
        });
        Release::of_values("dagster", config, &defaults)
    }

    /// The codes found for a system that is as it should be, but for what `spoil` does.
    fn codes(spoil: impl FnOnce(&mut System)) -> Vec<&'static str> {
        let mut system = system();
        spoil(&mut system);
        codes_with(&system, &json!({}))
    }

    fn codes_with(system: &System, fields: &serde_json::Value) -> Vec<&'static str> {
        let (workspace, values) = (holder("w", "workspace.yaml"), holder("v", "values.yaml"));
        let (w, v) = (object("w", fields), object("v", &json!({})));
        let facts = Facts {
            system: Some(system),
            workspace: Some((&workspace, Some(&w))),
            values: Some((&values, Some(&v))),
            system_release: None,
            code_release: None,
        };
        shown(&facts)
    }

    fn shown(facts: &Facts<'_>) -> Vec<&'static str> {
        let found = doctor(facts);
        for finding in &found {
            assert!(!finding.message.ends_with('.') && finding.hint.is_some(), "{finding:?}");
        }
        found.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn nothing_is_wrong_with_a_system_as_it_should_be_or_unknown() {
        assert_eq!(codes(|_| {}), [""; 0]);
        let nothing = Facts { system: None, workspace: None, values: None, system_release: None, code_release: None };
        assert_eq!(doctor(&nothing), []);
    }

    #[test]
    fn workloads_show_what_is_wrong() {
        let mount = |system: &mut System, change: fn(&mut Mount)| {
            change(system.workloads[1].mount.as_mut().unwrap());
        };
        assert_eq!(codes(|system| system.workloads[0].workspace_files.clear()), ["DW0601"]);
        assert_eq!(codes(|system| mount(system, |mount| mount.projection = Projection::SubPath)), ["DW0602"]);
        assert_eq!(codes(|system| system.workloads[0].mount = None), ["DW0603"]);
        assert_eq!(codes(|system| mount(system, |mount| mount.config_map = "x".into())), ["DW0604"]);
        assert_eq!(codes(|system| mount(system, |mount| mount.key = "x".into())), ["DW0604"]);
        assert_eq!(codes(|system| system.workloads[0].waits_for.push("etl".into())), ["DW0605"]);
        assert_eq!(codes(|system| system.workloads[1].paused = true), ["DW0606"]);
        assert_eq!(codes(|system| system.workloads[0].role = Role::ReadOnlyWebserver), ["DW0607"]);
        assert_eq!(codes(|system| drop(system.workloads.remove(0))), ["DW0608"]);
        assert_eq!(codes(|system| drop(system.workloads.pop())), ["DW0608"]);
        assert_eq!(codes(|system| system.workloads[0].reloader = Reloader::Auto), ["DW0609"]);
        // One that can be asked is enough.
        let second = workload(Role::ReadOnlyWebserver, "read-only");
        assert_eq!(codes(|system| system.workloads.push(second)), [""; 0]);
    }

    #[test]
    fn config_maps_show_what_is_wrong() {
        let of = |fields: serde_json::Value| codes_with(&system(), &fields);
        let helm = json!({"meta.helm.sh/release-name": "dagster", "meta.helm.sh/release-namespace": "data"});
        assert_eq!(of(json!({"metadata": {"annotations": helm}})), ["DW0610"]);
        let last = json!({"data": {"workspace.yaml": ""}}).to_string();
        let last = json!({"kubectl.kubernetes.io/last-applied-configuration": last});
        assert_eq!(of(json!({"metadata": {"annotations": last}})), ["DW0611"]);
        assert_eq!(of(json!({"data": {"other": ""}})), ["DW0612"]);
        assert_eq!(of(json!({"immutable": true})), ["DW0613"]);
        let text = |len: u64| json!({"data": {"workspace.yaml": "x".repeat(usize::try_from(len).unwrap())}});
        let limit = ConfigMap::LIMIT * NEARLY / 100;
        assert_eq!(of(text(limit + 1)), ["DW0614"]);
        assert_eq!(of(text(limit - 1)), [""; 0]);
        // dagster-uc's key.
        let (values, found) = (values(), object("v", &json!({"data": {"yaml": ""}})));
        let facts = |found| Facts {
            system: None,
            workspace: None,
            values: Some((&values, found)),
            system_release: None,
            code_release: None,
        };
        assert_eq!(shown(&facts(Some(&found))), [""; 0]);
        assert_eq!(shown(&facts(None)), ["DW0612"]);
    }

    fn values() -> Holder {
        Holder { or_key: Some("yaml".to_owned()), ..holder("v", "values.yaml") }
    }

    #[test]
    fn release_shows_what_is_wrong() {
        let of = |config: serde_json::Value| {
            let release = release(&config);
            let facts = Facts {
                system: None,
                workspace: None,
                values: None,
                system_release: Some(&release),
                code_release: None,
            };
            shown(&facts)
        };
        let code = json!({"enabled": true, "enableSubchart": false});
        let with = |workspace: serde_json::Value| {
            of(json!({"dagster-user-deployments": code, "dagsterWebserver": {"workspace": workspace}}))
        };
        assert_eq!(with(json!({"enabled": true, "servers": [], "externalConfigmap": "w"})), [""; 0]);
        assert_eq!(with(json!({"enabled": true, "externalConfigmap": "w"})), ["DW0616"]);
        assert_eq!(with(json!({"servers": [], "externalConfigmap": "w"})), ["DW0616"]);
        assert_eq!(with(json!({"enabled": true})), [""; 0]);
        // The older key wins.
        let both = json!({"enabled": true, "servers": [{"host": "a"}], "externalConfigmap": "w"});
        let fine = json!({"enabled": true, "servers": [], "externalConfigmap": "w"});
        let mixed = |dagit: &serde_json::Value, new: &serde_json::Value| {
            of(
                json!({"dagster-user-deployments": code, "dagit": {"workspace": dagit}, "dagsterWebserver": {"workspace": new}}),
            )
        };
        assert_eq!(mixed(&fine, &both), [""; 0]);
        assert_eq!(mixed(&both, &fine), ["DW0616"]);
        assert_eq!(of(json!({})), ["DW0617"]);
        assert_eq!(of(json!({"dagster-user-deployments": {"enabled": false, "enableSubchart": false}})), ["DW0617"]);

        let large = Release { len: ConfigMap::LIMIT, ..release(&json!({"dagster-user-deployments": code})) };
        let facts =
            Facts { system: None, workspace: None, values: None, system_release: None, code_release: Some(&large) };
        assert_eq!(shown(&facts), ["DW0615"]);
    }

    #[test]
    fn errors_come_first() {
        let found = codes(|system| {
            system.workloads[0].paused = true;
            system.workloads[1].mount = None;
        });
        assert_eq!(found, ["DW0603", "DW0606"]);
    }
}
